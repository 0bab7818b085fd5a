//! Budgets of the config file and of files of their own, as the core knows them.
//!
//! Every error names the file, the budget and the field, and shows the value.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;
use regex::Regex;

use super::Settings;
use super::config;
use super::config::budget_sections::{
    BudgetCalendarSection, BudgetExceptionSection, BudgetFile, BudgetRuleSection,
    BudgetScopeSection, BudgetSection,
};
use super::config::sections::Scalar;
use super::layers::Layers;
use super::parse::{self, quoted};
use super::prices::model_pattern;
use super::selector;
use super::window::{self, Instant};
use crate::budget::burn;
use crate::budget::calendar::{Calendar, FiscalYear, PeriodKind, nearest_first};
use crate::budget::define::{
    Action, Basis, Budget, Conditions, Exception, Limit, On, Rule, Scope, Unit,
};
use crate::budget::judge::Strictness;
use crate::error::{Error, Result};
use crate::units::{MS_PER_DAY, MS_PER_HOUR, Millis};

/// Largest file of budgets that is read.
const MAX_BYTES: u64 = 1 << 20;
/// A share above this was meant as a percentage.
const LARGEST_SHARE: f64 = 10.0;

/// Settings of `budget`.
#[derive(Debug, Clone)]
pub struct BudgetSettings {
    /// Everything that a report takes as well.
    pub settings: Settings,
    /// The budgets, in the order of the files.
    pub budgets: Vec<Budget>,
    /// Time before now that is read for forecasts, milliseconds.
    pub history_ms: i64,
    /// Share of time, and of its observation, that has to be known.
    pub min_known: f64,
    /// What is asked of the exit code.
    pub asked: Strictness,
    /// As of when, if not now.
    pub at_ms: Option<Millis>,
}

impl BudgetSettings {
    /// Resolves the settings, and reads every file of budgets.
    ///
    /// # Errors
    ///
    /// A usage error that names the flag, variable or key, or file, budget and field; shows the value and says what
    /// is expected.
    pub fn resolve(layers: &Layers) -> Result<Self> {
        let settings = Settings::resolve(layers)?;
        let history = |text: &str| parse::duration_up_to(text, 300 * MS_PER_DAY, "300 days");
        let at = layers.one("at", window::instant)?;
        let at_ms = at.map(|at| at.millis(settings.timezone)).transpose().map_err(Error::usage)?;
        Ok(Self {
            budgets: budgets(layers, &settings)?,
            history_ms: layers.one("history", history)?.unwrap_or(0),
            min_known: layers.one("min-known", parse::ratio)?.unwrap_or(0.0),
            asked: Strictness { warn_only: layers.switch("warn-only")?, strict: settings.strict },
            at_ms,
            settings,
        })
    }

    /// The same, which has to have a budget.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`]; no budget at all.
    pub fn with_budgets(layers: &Layers) -> Result<Self> {
        let resolved = Self::resolve(layers)?;
        if resolved.budgets.is_empty() {
            return Err(Error::usage("there are no budgets")
                .hinted("name a file of them with `--budgets FILE`, or put `budgets` into the config file")
                .hinted("`gpu-finops budget init` proposes some from the past"));
        }
        Ok(resolved)
    }
}

/// A budget as it stands in a file.
struct Read {
    file: String,
    section: BudgetSection,
}

fn budgets(layers: &Layers, settings: &Settings) -> Result<Vec<Budget>> {
    let mut all: Vec<Read> = Vec::new();
    let config = layers.config();
    if let (Some(sections), Some(path)) = (&config.file().budgets, config.path()) {
        let file = format!("config file {}", path.display());
        all.extend(sections.iter().map(|s| Read { file: file.clone(), section: s.clone() }));
    }
    for path in layers.many("budgets", parse::path)? {
        let sections = read(&path)?;
        let file = format!("budget file {}", path.display());
        all.extend(sections.into_iter().map(|section| Read { file: file.clone(), section }));
    }
    for (i, one) in all.iter().enumerate() {
        if let Some(other) = all[..i].iter().find(|other| other.section.name == one.section.name) {
            let name = quoted(&one.section.name);
            return Err(Error::usage(match one.file == other.file {
                true => format!("{}: budget {name} is there twice", one.file),
                false => format!("budget {name} is in {} and in {}", other.file, one.file),
            })
            .hinted("give one of them another name"));
        }
    }
    let budgets =
        all.iter().map(|read| resolved(read, &all, settings)).collect::<Result<Vec<Budget>>>()?;
    check_families(&budgets)?;
    Ok(budgets)
}

fn read(path: &PathBuf) -> Result<Vec<BudgetSection>> {
    use std::io::Read as _;
    let refuse = |what: String| Error::usage(format!("budget file {}: {what}", path.display()));
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    match read {
        Err(e) => return Err(refuse(format!("cannot be read: {e}"))),
        Ok(n) if n as u64 > MAX_BYTES => return Err(refuse("is larger than 1 MiB".into())),
        Ok(_) => {}
    }
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<BudgetSection>> {
    let file: BudgetFile = serde_saphyr::from_str(text).map_err(|e| {
        let what = config::explain(&e);
        Error::usage(format!("budget file {}: {what}", path.display()))
            .hinted("it begins with `budgets:` and a list, as `gpu-finops budget init` prints it")
    })?;
    Ok(file.budgets)
}

/// What is wrong: the field below the budget, and why.
type Refusal = (String, String);
/// A part of a budget, or what is wrong with it.
type Checked<T> = std::result::Result<T, Refusal>;

fn at<T>(field: &str, read: parse::Read<T>) -> Checked<T> {
    read.map_err(|what| (field.to_owned(), what))
}

fn missing(field: &str, what: &str) -> Refusal {
    (field.to_owned(), format!("is missing; {what}"))
}

fn resolved(read: &Read, all: &[Read], settings: &Settings) -> Result<Budget> {
    budget(read, all, settings).map_err(|(field, what)| {
        let name = quoted(&read.section.name);
        Error::usage(format!("{}: budget {name}: `{field}`: {what}", read.file))
    })
}

fn budget(read: &Read, all: &[Read], settings: &Settings) -> Checked<Budget> {
    let section = &read.section;
    at("name", parse::plain(&section.name))?;
    let zone = match &section.timezone {
        Some(text) => at("timezone", super::timezone(text))?,
        None => settings.timezone,
    };
    let (unit, amount) = amount(section, &settings.policy.prices.currency)?;
    let kind = period(section.period.as_deref())?;
    let (scope, scope_text) = scope(section.scope.as_ref())?;
    let basis = basis(section.of.as_deref(), &scope)?;
    Ok(Budget {
        name: section.name.clone(),
        parent: section.parent.as_deref().map(|name| parent(name, section, all)).transpose()?,
        scope,
        scope_text,
        basis,
        unit,
        amount,
        calendar: Calendar { kind, year: fiscal_year(section.calendar.as_ref())?, zone },
        rules: rules(section.rules.as_deref())?,
        start: section.start.as_deref().map(|text| instant("start", text, zone)).transpose()?,
        carry_over: match &section.carry_over {
            None => None,
            Some(carry) => Some(match &carry.max {
                Some(Scalar(text)) => limit("carry_over.max", text)?,
                None => return Err(missing("carry_over.max", "give 20%, or an amount")),
            }),
        },
        owners: section.owners.clone().unwrap_or_default(),
        exceptions: exceptions(section.exceptions.as_deref(), zone)?,
        may_be_empty: section.may_be_empty.unwrap_or(false),
        file: read.file.clone(),
    })
}

fn amount(section: &BudgetSection, currency: &str) -> Checked<(Unit, f64)> {
    let positive = |field: &str, Scalar(text): &Scalar| match parse::amount(text) {
        Ok(value) if value > 0.0 => Ok(value),
        _ => Err((field.to_owned(), format!("{} is not a number above 0", quoted(text)))),
    };
    match (&section.amount, &section.gpu_hours) {
        (Some(_), Some(Scalar(text))) => Err((
            "gpu_hours".to_owned(),
            format!("{} stands beside `amount`; give one of them", quoted(text)),
        )),
        (None, None) => Err(missing("amount", "give it, or `gpu_hours`")),
        (None, Some(hours)) => match &section.currency {
            Some(text) => Err((
                "currency".to_owned(),
                format!("{} means nothing for a budget in `gpu_hours`", quoted(text)),
            )),
            None => Ok((Unit::GpuHours, positive("gpu_hours", hours)?)),
        },
        (Some(money), None) => {
            let given = section.currency.as_deref().map(parse::currency).transpose();
            match at("currency", given)? {
                Some(given) if given != currency => Err((
                    "currency".to_owned(),
                    format!(
                        "{} is not {currency}, the currency of the prices: set `--currency {given}` (and \
                         `--usd-rate`), or change the budget",
                        quoted(&given)
                    ),
                )),
                _ => Ok((Unit::Money, positive("amount", money)?)),
            }
        }
    }
}

fn period(text: Option<&str>) -> Checked<PeriodKind> {
    let text = text.ok_or_else(|| missing("period", "give day, week, month or quarter"))?;
    let known = PeriodKind::ALL.map(|kind| (kind.name(), kind));
    at("period", parse::one_of(text, &known))
}

fn basis(text: Option<&str>, scope: &Scope) -> Checked<Basis> {
    let known = [Basis::Held, Basis::Capacity].map(|basis| (basis.name(), basis));
    let basis = text.map_or(Ok(Basis::Held), |text| at("of", parse::one_of(text, &known)))?;
    let is_of_holders = match scope {
        Scope::Where(conditions) => conditions.is_about_holders(),
        Scope::Fleet | Scope::Children => false,
    };
    if basis == Basis::Capacity && is_of_holders {
        return Err((
            "of".to_owned(),
            "`capacity` counts time that nobody holds: it goes with scopes of hardware alone (fleet, clusters, models, \
             capacity_types)"
                .to_owned(),
        ));
    }
    Ok(basis)
}

fn fiscal_year(section: Option<&BudgetCalendarSection>) -> Checked<FiscalYear> {
    let Some(section) = section else { return Ok(FiscalYear::Months { first: 1 }) };
    let field = |name: &str| format!("calendar.{name}");
    match (section.year_start_month, &section.weeks, &section.first_day) {
        (Some(first @ 1..=12), None, None) => Ok(FiscalYear::Months { first }),
        (Some(month), None, None) => {
            Err((field("year_start_month"), format!("`{month}` is not a month from 1 to 12")))
        }
        (Some(month), ..) => Err((
            field("year_start_month"),
            format!("`{month}` stands beside `weeks` or `first_day`; give one way"),
        )),
        (None, Some(weeks), Some(day)) => {
            let known = [("4-4-5", [4, 4, 5]), ("4-5-4", [4, 5, 4]), ("5-4-4", [5, 4, 4])];
            let pattern = at(&field("weeks"), parse::one_of(weeks, &known))?;
            let refuse = |what: &str| (field("first_day"), format!("{} {what}", quoted(day)));
            let first_day: NaiveDate =
                day.parse().map_err(|_| refuse("is not a day; use YYYY-MM-DD"))?;
            let first = nearest_first(first_day);
            if first.is_none_or(|first| (first - first_day).num_days().abs() > 3) {
                return Err(refuse(
                    "is more than 3 days from the first of a month: no year of weeks begins there",
                ));
            }
            Ok(FiscalYear::Weeks { pattern, first_day })
        }
        (None, Some(_), None) => {
            Err(missing(&field("first_day"), "give a day on which a fiscal year began"))
        }
        (None, None, _) => {
            Err(missing(&field("year_start_month"), "give it, or `weeks` and `first_day`"))
        }
    }
}

fn instant(field: &str, text: &str, zone: Tz) -> Checked<Millis> {
    let read = window::instant(text).and_then(|instant: Instant| instant.millis(zone));
    at(field, read)
}

/// A percentage is a share of something, a number an amount.
fn limit(field: &str, text: &str) -> Checked<Limit> {
    match text.ends_with('%') {
        true => at(field, parse::factor(text)).map(Limit::Share),
        false => at(field, parse::amount(text)).map(Limit::Amount),
    }
}

/// A share as a percentage or a number; a large number was meant as a percentage.
fn share(field: &str, text: &str) -> Checked<f64> {
    match at(field, parse::factor(text))? {
        value if !text.ends_with('%') && value > LARGEST_SHARE => Err((
            field.to_owned(),
            format!("{} would be {} %; write `{text}%`", quoted(text), value * 100.0),
        )),
        value => Ok(value),
    }
}

fn rules(sections: Option<&[BudgetRuleSection]>) -> Checked<Vec<Rule>> {
    let built_in = |on, action| Rule { on, threshold: Limit::Share(1.0), action, windows: None };
    match sections {
        None => Ok(vec![built_in(On::Forecast, Action::Warn), built_in(On::Actual, Action::Fail)]),
        Some([]) => {
            Err(("rules".to_owned(), "is an empty list; nothing would be judged".to_owned()))
        }
        Some(sections) => {
            let rules: Vec<Rule> =
                sections.iter().enumerate().map(|(i, s)| rule(i, s)).collect::<Checked<_>>()?;
            let mut windows = rules.iter().enumerate().filter_map(|(i, r)| Some((i, r.windows?)));
            if let Some((_, first)) = windows.next()
                && let Some((i, _)) = windows.find(|(_, other)| *other != first)
            {
                return Err((
                    format!("rules[{i}].window"),
                    "differs from that of another rule: a budget has one window of burn rates"
                        .to_owned(),
                ));
            }
            Ok(rules)
        }
    }
}

fn rule(number: usize, section: &BudgetRuleSection) -> Checked<Rule> {
    let field = |name: &str| format!("rules[{number}].{name}");
    let on = at(&field("on"), parse::one_of(&section.on, &On::ALL.map(|on| (on.name(), on))))?;
    let actions = Action::ALL.map(|action| (action.name(), action));
    let action = at(&field("action"), parse::one_of(&section.action, &actions))?;
    let Scalar(text) = &section.threshold;
    let field_of = field("threshold");
    let threshold = match on {
        On::Actual | On::Forecast => Limit::Share(share(&field_of, text)?),
        On::IdlePercent | On::Utilization => Limit::Share(at(&field_of, parse::ratio(text))?),
        On::Waste => limit(&field_of, text)?,
        On::BurnRate => Limit::Amount(at(&field_of, parse::amount(text))?),
    };
    if matches!(threshold, Limit::Share(value) | Limit::Amount(value) if value <= 0.0) {
        return Err((
            field_of,
            format!("{} is not above 0: it would always fire, or never", quoted(text)),
        ));
    }
    let windows = match (&section.window, on) {
        (None, _) => None,
        (Some(text), On::BurnRate) => {
            let long =
                at(&field("window"), parse::duration_up_to(text, 92 * MS_PER_DAY, "92 days"))?;
            if long < 2 * MS_PER_HOUR || long % MS_PER_HOUR != 0 {
                let what = format!("{} is not two whole hours or more", quoted(text));
                return Err((field("window"), what));
            }
            Some((long, burn::short_of(long)))
        }
        (Some(text), on) => {
            let what = format!("{} means nothing for a rule on {}", quoted(text), on.name());
            return Err((field("window"), what));
        }
    };
    Ok(Rule { on, threshold, action, windows })
}

fn exceptions(sections: Option<&[BudgetExceptionSection]>, zone: Tz) -> Checked<Vec<Exception>> {
    let one = |(number, section): (usize, &BudgetExceptionSection)| {
        let field = |name: &str| format!("exceptions[{number}].{name}");
        let expires = section.expires.as_deref();
        let expires =
            expires.ok_or_else(|| missing(&field("expires"), "an exception ends on a day"))?;
        let reason = section.reason.as_deref().filter(|reason| !reason.trim().is_empty());
        let reason =
            reason.ok_or_else(|| missing(&field("reason"), "say why, for those who ask"))?;
        let extra = match &section.extra {
            Some(Scalar(text)) => at(&field("extra"), parse::amount(text))?,
            None => 0.0,
        };
        let mute = section.mute.unwrap_or(false);
        if extra <= 0.0 && !mute {
            return Err(missing(&field("extra"), "give it, or `mute: true`"));
        }
        Ok(Exception {
            extra,
            mute,
            expires: instant(&field("expires"), expires, zone)?,
            expires_text: at(&field("expires"), parse::plain(expires))?,
            reason: at(&field("reason"), parse::plain(reason))?,
        })
    };
    sections.unwrap_or_default().iter().enumerate().map(one).collect()
}

fn parent(name: &str, section: &BudgetSection, all: &[Read]) -> Checked<usize> {
    let found = all.iter().position(|other| other.section.name == name);
    match found {
        Some(_) if name == section.name => {
            Err(("parent".to_owned(), format!("{} is the budget itself", quoted(name))))
        }
        Some(position) => Ok(position),
        None => {
            let names: Vec<&str> = all.iter().map(|other| other.section.name.as_str()).collect();
            let known = names.join(", ");
            Err((
                "parent".to_owned(),
                format!("{} is not a budget; there is {known}", quoted(name)),
            ))
        }
    }
}

/// No budget is above itself, parents without a scope of their own have children, and units do not change on the way.
fn check_families(budgets: &[Budget]) -> Result<()> {
    let refuse = |budget: &Budget, field: &str, what: &str| {
        let name = quoted(&budget.name);
        Err(Error::usage(format!("{}: budget {name}: `{field}`: {what}", budget.file)))
    };
    for (position, budget) in budgets.iter().enumerate() {
        let mut above = budget.parent;
        for _ in 0..budgets.len() {
            above = above.and_then(|at| budgets[at].parent);
        }
        if above.is_some() {
            return refuse(budget, "parent", "leads back to the budget itself");
        }
        if let Some(parent) = budget.parent.filter(|at| budgets[*at].unit != budget.unit) {
            let what = format!("{} counts in another unit", quoted(&budgets[parent].name));
            return refuse(budget, "parent", &what);
        }
        let has_children = budgets.iter().any(|other| other.parent == Some(position));
        if matches!(budget.scope, Scope::Children) && !has_children {
            return refuse(budget, "scope.children", "no budget names it as its parent");
        }
    }
    Ok(())
}

fn scope(section: Option<&BudgetScopeSection>) -> Checked<(Scope, String)> {
    let nothing = || missing("scope", "give conditions, `fleet: true` or `children: true`");
    let section = section.ok_or_else(nothing)?;
    let (conditions, words) = conditions(section)?;
    let flags = (section.fleet.unwrap_or(false), section.children.unwrap_or(false));
    match (flags, words.is_empty()) {
        ((true, false), true) => Ok((Scope::Fleet, "the whole fleet".to_owned())),
        ((false, true), true) => Ok((Scope::Children, "the budgets below it".to_owned())),
        ((false, false), false) => Ok((Scope::Where(Box::new(conditions)), words.join("; "))),
        ((false, false), true) => Err(nothing()),
        _ => Err((
            "scope".to_owned(),
            "has `fleet` or `children` beside something else; give one of them".to_owned(),
        )),
    }
}

fn conditions(section: &BudgetScopeSection) -> Checked<(Conditions, Vec<String>)> {
    let mut words = Vec::new();
    let mut patterns =
        |name: &str, texts: &Option<Vec<String>>, read: fn(&str) -> parse::Read<Regex>| {
            let Some(texts) = texts else { return Ok(Vec::new()) };
            let field = format!("scope.{name}");
            if texts.is_empty() {
                return Err((field, "is an empty list; nothing would match".to_owned()));
            }
            words.push(format!("{name} {}", texts.join(" or ")));
            texts.iter().map(|text| at(&field, read(text))).collect()
        };
    let whole = parse::whole_pattern;
    let mut conditions = Conditions {
        tenants: patterns("tenants", &section.tenants, whole)?,
        namespaces: patterns("namespaces", &section.namespaces, whole)?,
        workloads: patterns("workloads", &section.workloads, whole)?,
        queues: patterns("queues", &section.queues, whole)?,
        clusters: patterns("clusters", &section.clusters, whole)?,
        models: patterns("models", &section.models, model_pattern)?,
        ..Conditions::default()
    };
    if let Some(types) = &section.capacity_types {
        let field = "scope.capacity_types";
        let known = ["on-demand", "spot", "reserved"].map(|name| (name, name));
        for text in types {
            conditions.capacity_types.push(at(field, parse::one_of(text, &known))?.to_owned());
        }
        if types.is_empty() {
            return Err((field.to_owned(), "is an empty list; nothing would match".to_owned()));
        }
        words.push(format!("capacity types {}", types.join(" or ")));
    }
    if let Some(text) = &section.selector {
        conditions.selector = at("scope.selector", selector::parse(text))?;
        words.push(format!("pods with {text}"));
    }
    Ok((conditions, words))
}

#[cfg(test)]
mod tests;
