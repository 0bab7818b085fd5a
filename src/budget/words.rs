//! What is said about a budget, in words.

use chrono_tz::Tz;

use super::calendar::local_day;
use super::contract::{AmountRow, BudgetRow, KnownRow, State};
use super::define::{Budget, Limit, On, Rule, Unit};
use super::evaluate::overcommitted;
use crate::output::format::{UNKNOWN, decimal, hours_alone, money_alone, percent};
use crate::units::Millis;

/// What amounts of a budget are in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    /// Money or GPU-hours.
    pub unit: Unit,
    /// Currency of money.
    pub currency: &'a str,
    /// Where days begin.
    pub zone: Tz,
}

impl Words<'_> {
    /// The unit of amounts in the contract.
    pub(super) const fn unit_name(&self) -> &str {
        match self.unit {
            Unit::Money => self.currency,
            Unit::GpuHours => "GPU-h",
        }
    }

    /// An amount with its unit.
    pub(super) fn amount(&self, value: f64) -> String {
        match self.unit {
            Unit::Money => money_alone(Some(value), self.currency),
            Unit::GpuHours => gpu_hours_text(value),
        }
    }

    /// The local day of an instant.
    pub(super) fn day(&self, at: Millis) -> String {
        local_day(at, self.zone).map_or_else(|| UNKNOWN.to_owned(), |day| day.to_string())
    }
}

/// GPU-hours with their unit.
pub(super) fn gpu_hours_text(value: f64) -> String {
    format!("{} GPU-h", hours_alone(value))
}

/// Who, by how much, when, and what to do.
pub(super) fn summary(
    row: &BudgetRow,
    words: Words<'_>,
    runs_out: Option<Millis>,
    refusal: Option<&str>,
) -> String {
    let name = &row.name;
    if row.state == State::NotStarted {
        return format!("{name}: begins {}", row.period.start);
    }
    if let (State::Error, Some(why)) = (row.state, refusal) {
        return format!("{name}: could not be evaluated: {why}");
    }
    let allowed = row.amount.effective;
    let at_least = if row.spent.to_date.is_none() { "at least " } else { "" };
    let mut parts = vec![format!(
        "{at_least}{} of {} spent ({}), {} of {} gone",
        words.amount(row.spent.at_least),
        words.amount(allowed),
        percent(row.spent.ratio),
        percent(Some(row.period.gone_ratio)),
        row.period.label,
    )];
    if let Some(forecast) = &row.forecast {
        let over = forecast.total - allowed;
        let by = if over > 0.0 { format!(", {} over", words.amount(over)) } else { String::new() };
        parts.push(format!(
            "forecast {} ({}){by}",
            words.amount(forecast.total),
            percent(forecast.ratio)
        ));
    }
    parts.extend(runs_out.map(|at| match row.spent.at_least >= allowed {
        true => format!("ran out on {}", words.day(at)),
        false => format!("runs out on {}", words.day(at)),
    }));
    let is_about_use = |on: &str| !["actual", "forecast", "burn_rate"].contains(&on);
    let fired = row.rules.iter().filter(|r| matches!(r.state, State::Warn | State::Fail));
    parts.extend(fired.filter(|rule| is_about_use(&rule.on)).map(|rule| rule.message.clone()));
    if matches!(row.state, State::Warn | State::Fail | State::Muted) {
        parts.extend(driver(row, words));
        parts.push(to_do(row, words));
    }
    if row.state == State::Unclear {
        parts.push(format!(
            "too little is known to judge it: there is data of {} of the time gone by{}",
            percent(Some(row.known.time_ratio)),
            match row.known.observed_ratio {
                Some(ratio) =>
                    format!(", and {} of the held time was observed", percent(Some(ratio))),
                None => String::new(),
            }
        ));
    }
    format!("{name}: {}", parts.join("; "))
}

fn driver(row: &BudgetRow, words: Words<'_>) -> Option<String> {
    let driver = row.drivers.first()?;
    let change = match driver.change_per_day {
        Some(change) if change > 0.0 => {
            format!("{} more a day than before", words.amount(change))
        }
        _ => format!("{} a day", words.amount(driver.per_day)),
    };
    Some(format!("driven by {} ({change})", driver.subject))
}

fn to_do(row: &BudgetRow, words: Words<'_>) -> String {
    let whom = match row.owners.is_empty() {
        true => String::new(),
        false => format!("; ask {}", row.owners.join(", ")),
    };
    let what = match row.to_do.first() {
        Some(first) => {
            let saves = first.monthly_savings.map(|money| {
                format!(" (saves {} a month)", money_alone(Some(money), words.currency))
            });
            let action = first.action.trim_end_matches('.');
            format!("what to do: {}: {action}{}", first.subject, saves.unwrap_or_default())
        }
        None => "what to do: no finding of the report is about it; look at its drivers".to_owned(),
    };
    format!("{what}{whom}")
}

/// What a rule says.
pub(super) fn rule_message(
    rule: &Rule,
    words: Words<'_>,
    value: Option<f64>,
    threshold: f64,
    state: State,
) -> String {
    let text = |value: f64| match (rule.on, rule.threshold) {
        (On::BurnRate, _) => format!("{} times", decimal(value, 2)),
        (On::Waste, Limit::Amount(_)) => words.amount(value),
        _ => percent(Some(value)),
    };
    let value = value.map_or_else(|| UNKNOWN.to_owned(), text);
    let what = match (rule.on, rule.threshold) {
        (On::Actual, _) => "of the amount spent",
        (On::Forecast, _) => "of the amount forecast",
        (On::IdlePercent, _) => "idle",
        (On::Waste, Limit::Share(_)) => "of the spend wasted",
        (On::Waste, Limit::Amount(_)) => "wasted",
        (On::BurnRate, _) => "the even rate",
        (On::Utilization, _) => "utilization",
    };
    let relation = match (rule.on, state) {
        (_, State::Unclear) => "not judged against",
        (On::Utilization, State::Ok) => "not below",
        (On::Utilization, _) | (_, State::Ok) => "below",
        _ => "reaches",
    };
    format!("{value} {what}, {relation} {}", text(threshold))
}

/// What else should be known of a budget.
pub(super) fn notes(
    budgets: &[Budget],
    position: usize,
    known: &KnownRow,
    amount: &AmountRow,
    as_of: Millis,
) -> Vec<String> {
    let budget = &budgets[position];
    let mut out = Vec::new();
    if known.time_ratio < 1.0 - 1e-9 && known.time_ratio > 0.0 {
        out.push(format!(
            "there is data of {} of the time gone by (from {}); the rest is not known, and not 0",
            percent(Some(known.time_ratio)),
            known.data_from.as_deref().unwrap_or(UNKNOWN),
        ));
    }
    if amount.prorated < amount.base {
        out.push("the amount is for the part of the period from the budget's start on".to_owned());
    }
    for exception in budget.exceptions.iter().filter(|e| e.expires <= as_of) {
        out.push(format!(
            "an exception expired on {} ({}): it no longer counts",
            exception.expires_text, exception.reason
        ));
    }
    if let Some(over) = overcommitted(budgets, position) {
        out.push(format!(
            "the budgets below it allow {} more together than it does",
            decimal(over, 2)
        ));
    }
    out
}
