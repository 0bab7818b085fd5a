//! A comparison as a verdict for CI servers and people.

use super::build::subject;
use super::contract::{CompareReport, Compared};
use crate::ci::{Column, Item, Outcome, Rule, Severity, Table, Verdict};
use crate::gate::Increase;
use crate::output::format::{decimal, percent};
use crate::units::HOURS_PER_MONTH;

const MAX_INCREASE: Rule =
    Rule::fixed("max-increase", "The later report costs no more a month than is allowed.");
const COMPLETE: Rule = Rule::fixed("incomplete-report", "Both reports rest on complete data.");
const BALANCED: Rule = Rule::fixed("unbalanced-report", "Both ledgers balance.");

const COLUMNS: &[Column] = &[
    Column { header: "tenant or workload", is_number: false },
    Column { header: "change", is_number: false },
    Column { header: "cost before", is_number: true },
    Column { header: "after", is_number: true },
    Column { header: "difference", is_number: true },
    Column { header: "GPU-hours before", is_number: true },
    Column { header: "after", is_number: true },
    Column { header: "waste before", is_number: true },
    Column { header: "after", is_number: true },
    Column { header: "utilization before", is_number: true },
    Column { header: "after", is_number: true },
];

/// What the comparison says, with the limit applied; the report gets the items of it.
#[must_use]
pub fn verdict(report: &mut CompareReport, max_increase: Option<Increase>) -> Verdict {
    report.items.extend(max_increase.and_then(|limit| increase(report, limit)));
    report.items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    let is_unknown = max_increase.is_some() && report.total.cost_per_month_change.is_none();
    let outcome = if is_unknown { Outcome::Fail } else { Outcome::of(&report.items) };
    let changed = |row: &&Compared| row.change != "same";
    let tenants = report.tenants.iter().filter(changed);
    let workloads = report.workloads.iter().filter(changed);
    let rule = max_increase.map(|_| MAX_INCREASE);
    Verdict {
        check: "gpu-finops compare",
        title: "GPU cost, before and after".to_owned(),
        headline: headline(report),
        outcome,
        items: report.items.clone(),
        rules: rule.into_iter().chain([COMPLETE, BALANCED]).collect(),
        table: Table {
            columns: COLUMNS.to_vec(),
            rows: tenants.chain(workloads).map(|row| cells(row, subject(row))).collect(),
            total: Some(cells(&report.total, "all".to_owned())),
        },
        notes: notes(report),
        weight: report.total.cost_per_month_change,
    }
}

fn headline(report: &CompareReport) -> String {
    let (total, currency) = (&report.total, &report.currency);
    let hours = format!(
        "{} GPU-hours (from {} to {})",
        signed(total.gpu_hours_change, 1),
        decimal(total.gpu_hours_before, 1),
        decimal(total.gpu_hours_after, 1)
    );
    let (change, unit) = match report.equally_long {
        true => (total.cost_change, ""),
        false => (total.cost_per_month_change, " a month"),
    };
    match change {
        Some(change) => format!("{} {currency}{unit}, {hours}.", signed(change, 2)),
        None => format!("{hours}; the cost of one of the two is not known."),
    }
}

fn increase(report: &CompareReport, limit: Increase) -> Option<Item> {
    let change = report.total.cost_per_month_change?;
    let hours = report.before.window.hours;
    let before = report.total.cost_before.filter(|_| hours > 0.0)? / hours * HOURS_PER_MONTH;
    let allowed = match limit {
        Increase::Amount(amount) => amount,
        Increase::Share(share) => share * before,
    };
    let currency = &report.currency;
    (change > allowed + 0.005).then(|| Item {
        severity: Severity::Error,
        rule: MAX_INCREASE.name.to_string(),
        subject: String::new(),
        message: format!(
            "It costs {change:.2} {currency} more a month; no more than {allowed:.2} is allowed."
        ),
        advice: match report.drivers.first() {
            Some(driver) => format!("Most of it: {driver}."),
            None => "See the workloads.".to_owned(),
        },
        file: None,
        line: None,
    })
}

fn cells(row: &Compared, subject: String) -> Vec<String> {
    let money = |amount: Option<f64>| amount.map_or_else(|| "?".to_owned(), |a| decimal(a, 2));
    vec![
        subject,
        row.change.clone(),
        money(row.cost_before),
        money(row.cost_after),
        row.cost_change.map_or_else(|| "?".to_owned(), |change| signed(change, 2)),
        decimal(row.gpu_hours_before, 1),
        decimal(row.gpu_hours_after, 1),
        money(row.waste_cost_before),
        money(row.waste_cost_after),
        percent(row.utilization_before),
        percent(row.utilization_after),
    ]
}

fn notes(report: &CompareReport) -> Vec<String> {
    let side = |name: &str, saved: &super::contract::SavedRow| {
        let window = &saved.window;
        format!(
            "{name}: {}, {} to {} ({:.1} h).",
            saved.source, window.start, window.end, window.hours
        )
    };
    let mut notes = vec![side("Before", &report.before), side("After", &report.after)];
    if !report.equally_long {
        notes.push(
            "The windows are not equally long: figures of the table are of each window, differences that rules go \
             by are of 730 hours each."
                .to_owned(),
        );
    }
    notes.extend(report.drivers.iter().map(|driver| format!("Driver: {driver}.")));
    notes
}

fn signed(value: f64, digits: usize) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", decimal(value, digits))
}
