//! How budgets stand, as a verdict for CI servers and chats: one rule for each budget.
//!
//! Says nothing that the report does not say; the exit code is `judge`'s.

use super::contract::{BudgetReport, BudgetRow, State};
use crate::ci::{Column, Item, Outcome, Rule, Severity, Table, Verdict};
use crate::output::format::{UNKNOWN, hours_alone, money_alone, percent, plural};

/// Budgets that are named in the headline, of each state.
const NAMED: usize = 3;

const COLUMNS: &[Column] = &[
    Column { header: "budget", is_number: false },
    Column { header: "state", is_number: false },
    Column { header: "spent", is_number: true },
    Column { header: "allowed", is_number: true },
    Column { header: "share", is_number: true },
    Column { header: "period gone", is_number: true },
    Column { header: "forecast", is_number: true },
    Column { header: "runs out", is_number: false },
    Column { header: "most by", is_number: false },
];

/// What the report says. `warn_only` makes a breach a warning.
#[must_use]
pub fn verdict(report: &BudgetReport, warn_only: bool) -> Verdict {
    let mut items: Vec<Item> =
        report.budgets.iter().filter_map(|row| item(row, warn_only)).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    let outcome = match Outcome::of(&items) {
        _ if !report.reconciliation.balanced => Outcome::Fail,
        outcome => outcome,
    };
    Verdict {
        check: "gpu-finops budget check",
        title: "GPU budgets".to_owned(),
        headline: counted(report),
        outcome,
        items,
        rules: report.budgets.iter().map(rule).collect(),
        table: Table {
            columns: COLUMNS.to_vec(),
            rows: report.budgets.iter().map(cells).collect(),
            total: None,
        },
        notes: notes(report),
        // What passes has nothing to say: any threshold above 0 keeps it silent.
        weight: Some(0.0),
    }
}

/// `4 budgets: 1 breached (team-a), 3 kept.`
#[must_use]
pub fn counted(report: &BudgetReport) -> String {
    if !report.reconciliation.balanced {
        return "The ledger does not balance: no budget can be judged by it.".to_owned();
    }
    let said = [
        (State::Fail, "breached"),
        (State::Error, "not evaluated"),
        (State::Unclear, "of which too little is known"),
        (State::Warn, "with a warning"),
        (State::Muted, "muted"),
        (State::NotStarted, "not begun"),
        (State::Ok, "kept"),
    ];
    let parts: Vec<String> =
        said.into_iter().filter_map(|(state, what)| of(report, state, what)).collect();
    let all = u64::try_from(report.budgets.len()).unwrap_or(u64::MAX);
    format!("{}: {}.", plural(all, "budget", "budgets"), parts.join(", "))
}

/// How many are in a state; of those that somebody has to look at, the first by name.
fn of(report: &BudgetReport, state: State, what: &str) -> Option<String> {
    let names: Vec<&str> =
        report.budgets.iter().filter(|b| b.state == state).map(|b| b.name.as_str()).collect();
    let count = match names.len() {
        0 => return None,
        count => count,
    };
    let is_quiet = matches!(state, State::Muted | State::NotStarted | State::Ok);
    Some(match names.get(NAMED..) {
        _ if is_quiet => format!("{count} {what}"),
        None | Some([]) => format!("{count} {what} ({})", names.join(", ")),
        Some(_) => format!("{count} {what} ({}, …)", names[..NAMED].join(", ")),
    })
}

const fn severity(state: State, warn_only: bool) -> Option<Severity> {
    match state {
        State::Error => Some(Severity::Error),
        State::Fail if !warn_only => Some(Severity::Error),
        State::Fail | State::Warn | State::Unclear => Some(Severity::Warning),
        State::Muted | State::NotStarted => Some(Severity::Notice),
        State::Ok => None,
    }
}

fn item(row: &BudgetRow, warn_only: bool) -> Option<Item> {
    let severity = severity(row.state, warn_only)?;
    let said = row.summary.strip_prefix(&format!("{}: ", row.name)).unwrap_or(&row.summary);
    Some(Item {
        severity,
        rule: row.name.clone(),
        subject: row.name.clone(),
        message: format!("{said}."),
        advice: "gpu-finops budget explain tells how the figures come about.".to_owned(),
        file: Some(row.file.clone()),
        line: row.line,
    })
}

fn rule(row: &BudgetRow) -> Rule {
    let (amount, period) = (amount(row, Some(row.amount.effective)), &row.period.label);
    let about = format!("{} may spend {amount} in {period}.", row.scope);
    Rule { name: row.name.clone().into(), about: about.into() }
}

fn cells(row: &BudgetRow) -> Vec<String> {
    let at_least = if row.spent.to_date.is_none() { "at least " } else { "" };
    vec![
        row.name.clone(),
        row.state.name().to_owned(),
        format!("{at_least}{}", amount(row, Some(row.spent.at_least))),
        amount(row, Some(row.amount.effective)),
        percent(row.spent.ratio),
        percent(Some(row.period.gone_ratio)),
        amount(row, row.forecast.as_ref().map(|forecast| forecast.total)),
        row.runs_out_day.clone().unwrap_or_default(),
        row.drivers.first().map(|driver| driver.subject.clone()).unwrap_or_default(),
    ]
}

fn amount(row: &BudgetRow, value: Option<f64>) -> String {
    match (row.unit.as_str(), value) {
        (_, None) => UNKNOWN.to_owned(),
        ("GPU-h", Some(hours)) => format!("{} GPU-h", hours_alone(hours)),
        (currency, value) => money_alone(value, currency),
    }
}

/// As of when, how forecasts came about and how far off they were, and what else is to be known.
fn notes(report: &BudgetReport) -> Vec<String> {
    let mut notes = vec![format!("As of {}; read from {} on.", report.as_of, report.window.start)];
    for row in &report.budgets {
        if let Some(forecast) = &row.forecast {
            let interval = match (forecast.low, forecast.high) {
                (Some(low), Some(high)) => {
                    format!(", {} to {}", amount(row, Some(low)), amount(row, Some(high)))
                }
                _ => String::new(),
            };
            let error = forecast.backtest.as_ref().map_or_else(
                || "too little history to say how far off it may be".to_owned(),
                |b| {
                    format!(
                        "off by {} in {} forecasts of the past",
                        percent(Some(b.error_ratio)),
                        b.forecasts
                    )
                },
            );
            notes.push(format!(
                "{}: forecast {}{interval} by {} from {} days; {error}.",
                row.name,
                amount(row, Some(forecast.total)),
                forecast.method,
                forecast.history_days,
            ));
        }
        notes.extend(row.notes.iter().map(|note| format!("{}: {note}.", row.name)));
    }
    notes.extend(report.coverage.warnings.iter().map(|warning| warning.message.clone()));
    notes
}
