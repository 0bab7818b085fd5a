//! The figures of a budget, each worked out from those before it, with units.

use super::contract::{BudgetRow, ForecastRow};
use super::forecast::{CONFIDENCE, Forecast, Method};
use super::words::Words;
use crate::explain::contract::Step;
use crate::output::format::{decimal, hours_alone, percent};

/// What is worked out.
pub(super) struct Worked<'a> {
    pub row: &'a BudgetRow,
    pub words: Words<'a>,
    pub forecast: Option<&'a Forecast>,
    /// Stretches of time that were added up.
    pub buckets: usize,
}

fn step(name: &str, value: Option<f64>, unit: &str, formula: &str, worked: String) -> Step {
    Step {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        formula: formula.to_owned(),
        worked,
    }
}

/// All steps, in order.
pub(super) fn steps(worked: &Worked<'_>) -> Vec<Step> {
    let mut out = allowed(worked);
    out.extend(spent(worked));
    out.extend(burn(worked));
    if let (Some(row), Some(forecast)) = (&worked.row.forecast, worked.forecast) {
        out.extend(ahead(worked, row, forecast));
    }
    out
}

fn allowed(worked: &Worked<'_>) -> Vec<Step> {
    let (row, words) = (worked.row, worked.words);
    let (unit, amount) = (words.unit_name(), &row.amount);
    vec![
        step(
            "amount.prorated",
            Some(amount.prorated),
            unit,
            "amount of a whole period x hours that count / hours of the period",
            format!(
                "{} for {} hours from {} to {}",
                words.amount(amount.base),
                hours_alone(row.period.hours),
                row.period.start,
                row.period.end
            ),
        ),
        step(
            "amount.effective",
            Some(amount.effective),
            unit,
            "prorated + carried over + extra of exceptions",
            format!(
                "{} + {} + {}",
                words.amount(amount.prorated),
                words.amount(amount.carried_over),
                words.amount(amount.extra)
            ),
        ),
    ]
}

fn spent(worked: &Worked<'_>) -> Vec<Step> {
    let (row, words) = (worked.row, worked.words);
    let (unit, spent) = (words.unit_name(), &row.spent);
    let counted = match row.basis.as_str() {
        "capacity" => "capacity",
        _ => "held time",
    };
    vec![
        step(
            "spent.gpu_hours",
            Some(spent.gpu_hours),
            "GPU-h",
            "the scope's part of the ledger, added up over the stretches between cuts (midnights, ends of \
             periods, hours)",
            format!(
                "{counted} of {} from {}; {} stretches were read",
                row.scope, row.period.start, worked.buckets
            ),
        ),
        step(
            "spent.to_date",
            spent.to_date,
            unit,
            "GPU-hours of each GPU x its price per GPU-hour (for a budget in GPU-hours: x 1)",
            format!(
                "{} x a mean of {} = {}",
                hours_alone(spent.gpu_hours),
                decimal(
                    if spent.gpu_hours > 0.0 { spent.at_least / spent.gpu_hours } else { 0.0 },
                    4
                ),
                words.amount(spent.at_least)
            ),
        ),
        step(
            "spent.ratio",
            spent.ratio,
            "ratio",
            "spent / what may be spent",
            format!("{} / {}", words.amount(spent.at_least), words.amount(row.amount.effective)),
        ),
        step(
            "period.gone_ratio",
            Some(row.period.gone_ratio),
            "ratio",
            "hours gone by / hours that count",
            format!("{} / {}", hours_alone(row.period.gone_hours), hours_alone(row.period.hours)),
        ),
    ]
}

fn burn(worked: &Worked<'_>) -> Vec<Step> {
    let (row, words) = (worked.row, worked.words);
    let one = |name: &str, hours: f64, rate: Option<f64>| {
        step(
            name,
            rate,
            "times the even rate",
            "(spent in the window / its hours) / (what may be spent / hours that count)",
            format!(
                "the last {} hours, against {} / {} hours",
                hours_alone(hours),
                words.amount(row.amount.effective),
                hours_alone(row.period.hours)
            ),
        )
    };
    vec![
        one("burn.long", row.burn.long_hours, row.burn.long),
        one("burn.short", row.burn.short_hours, row.burn.short),
    ]
}

fn ahead(worked: &Worked<'_>, row: &ForecastRow, forecast: &Forecast) -> Vec<Step> {
    let words = worked.words;
    let unit = words.unit_name();
    let formula = match forecast.method {
        Method::Hours => "mean per hour of the last day, or of what is known of it x hours to come",
        Method::RunRate => "mean per hour of the last 7 whole days x hours to come",
        Method::WeeklyRunRate => {
            "level x each weekday's share x its hours to come; level: the last 7 whole days without their \
             weekdays' shares; a share: the median, over up to 8 weeks, of that weekday / the mean of its week"
        }
    };
    let history = format!("{} whole days of history ({})", row.history_days, row.method);
    let tested = match &row.backtest {
        Some(t) => format!(
            "{} forecasts of up to {} days, walked forward over the history: off by {} on the whole, {} {}",
            t.forecasts,
            t.days_ahead,
            percent(Some(t.error_ratio)),
            percent(Some(t.bias_ratio.abs())),
            if t.bias_ratio > 0.0 { "too much" } else { "too little" },
        ),
        None => "too little history to test the method on".to_owned(),
    };
    let margin = match (row.low, row.high) {
        (Some(low), Some(high)) => format!("{} to {}", words.amount(low), words.amount(high)),
        _ => "not known: fewer than 3 whole days of history".to_owned(),
    };
    vec![
        step("forecast.remaining", Some(row.remaining), unit, formula, history),
        step(
            "forecast.total",
            Some(row.total),
            unit,
            "spent + still to be spent",
            format!(
                "{} + {}",
                words.amount(worked.row.spent.at_least),
                words.amount(row.remaining)
            ),
        ),
        step(
            "forecast.margin",
            forecast.margin,
            unit,
            &format!(
                "{} of the back-tested forecasts were no further off",
                percent(Some(CONFIDENCE))
            ),
            margin,
        ),
        step(
            "forecast.backtest.error_ratio",
            row.backtest.as_ref().map(|t| t.error_ratio),
            "ratio",
            "sum of absolute errors / sum of what was spent (WAPE)",
            tested,
        ),
    ]
}
