//! Budgets of the config file and of files of their own, as the core knows them.
//!
//! Every error names the file, the budget and the field, and shows the value.

mod rules;
mod scope;

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;

use rules::{exceptions, limit, rules};
use scope::scope;

use super::Settings;
use super::config;
use super::config::budget_sections::{BudgetCalendarSection, BudgetFile, BudgetSection};
use super::config::sections::Scalar;
use super::layers::Layers;
use super::parse::{self, quoted};
use super::window::{self, Instant};
use crate::budget::calendar::{Calendar, FiscalYear, PeriodKind, nearest_first};
use crate::budget::define::{Basis, Budget, Scope, Unit};
use crate::budget::judge::Strictness;
use crate::error::{Error, Result};
use crate::units::{MS_PER_DAY, Millis};

/// Largest file of budgets that is read.
const MAX_BYTES: u64 = 1 << 20;

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
    /// What the file is, and its path.
    file: String,
    path: String,
    section: BudgetSection,
}

impl Read {
    fn of(kind: &str, path: &Path, section: BudgetSection) -> Self {
        let path = path.display().to_string();
        Self { file: format!("{kind} {path}"), path, section }
    }

    fn name(&self) -> &str {
        &self.section.name.value
    }

    /// The line of its name.
    fn line(&self) -> Option<u32> {
        u32::try_from(self.section.name.defined.line()).ok().filter(|line| *line > 0)
    }
}

fn budgets(layers: &Layers, settings: &Settings) -> Result<Vec<Budget>> {
    let mut all: Vec<Read> = Vec::new();
    let config = layers.config();
    if let (Some(sections), Some(path)) = (&config.file().budgets, config.path()) {
        all.extend(sections.iter().map(|s| Read::of("config file", path, s.clone())));
    }
    for path in layers.many("budgets", parse::path)? {
        all.extend(read(&path)?.into_iter().map(|s| Read::of("budget file", &path, s)));
    }
    for (i, one) in all.iter().enumerate() {
        if let Some(other) = all[..i].iter().find(|other| other.name() == one.name()) {
            let name = quoted(one.name());
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
        let name = quoted(read.name());
        Error::usage(format!("{}: budget {name}: `{field}`: {what}", read.file))
    })
}

fn budget(read: &Read, all: &[Read], settings: &Settings) -> Checked<Budget> {
    let section = &read.section;
    at("name", parse::plain(read.name()))?;
    let zone = match &section.timezone {
        Some(text) => at("timezone", super::timezone(text))?,
        None => settings.timezone,
    };
    let (unit, amount) = amount(section, &settings.policy.prices.currency)?;
    let kind = period(section.period.as_deref())?;
    let (scope, scope_text) = scope(section.scope.as_ref())?;
    let basis = basis(section.of.as_deref(), &scope)?;
    Ok(Budget {
        name: read.name().to_owned(),
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
        file: read.path.clone(),
        line: read.line(),
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

fn parent(name: &str, section: &BudgetSection, all: &[Read]) -> Checked<usize> {
    let found = all.iter().position(|other| other.name() == name);
    match found {
        Some(_) if name == section.name.value => {
            Err(("parent".to_owned(), format!("{} is the budget itself", quoted(name))))
        }
        Some(position) => Ok(position),
        None => {
            let names: Vec<&str> = all.iter().map(Read::name).collect();
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

#[cfg(test)]
mod tests;
