//! Rules and exceptions of a budget.

use chrono_tz::Tz;

use super::{Checked, at, instant, missing};
use crate::budget::burn;
use crate::budget::define::{Action, Exception, Limit, On, Rule};
use crate::settings::config::budget_sections::{BudgetExceptionSection, BudgetRuleSection};
use crate::settings::config::sections::Scalar;
use crate::settings::parse::{self, quoted};
use crate::units::{MS_PER_DAY, MS_PER_HOUR};

/// A share above this was meant as a percentage.
const LARGEST_SHARE: f64 = 10.0;

/// A percentage is a share of something, a number an amount.
pub(super) fn limit(field: &str, text: &str) -> Checked<Limit> {
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

pub(super) fn rules(sections: Option<&[BudgetRuleSection]>) -> Checked<Vec<Rule>> {
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

pub(super) fn exceptions(
    sections: Option<&[BudgetExceptionSection]>,
    zone: Tz,
) -> Checked<Vec<Exception>> {
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
