//! A change as a verdict for CI servers and people.

use super::Rules;
use super::contract::{Change, DiffReport, Figures, WorkloadDiff};
use super::rules;
use crate::ci::{Column, Outcome, Table, Verdict};
use crate::output::format::decimal;

/// Name of the check; hidden markers of comments are made of it.
const CHECK: &str = "gpu-finops diff";

const COLUMNS: &[Column] = &[
    Column { header: "workload", is_number: false },
    Column { header: "change", is_number: false },
    Column { header: "GPUs before", is_number: true },
    Column { header: "after", is_number: true },
    Column { header: "a month before", is_number: true },
    Column { header: "after", is_number: true },
    Column { header: "difference", is_number: true },
    Column { header: "model", is_number: false },
];

/// What the change says. Workloads that stay as they are are summed, and not listed.
#[must_use]
pub fn verdict(report: &DiffReport, applied: &Rules) -> Verdict {
    let listed: Vec<&WorkloadDiff> =
        report.workloads.iter().filter(|row| row.change != Change::Same).collect();
    Verdict {
        check: CHECK,
        title: "GPU cost of this change".to_owned(),
        headline: headline(report, listed.len()),
        outcome: outcome(report),
        items: report.items.clone(),
        rules: rules::applied(applied),
        table: Table {
            columns: COLUMNS.to_vec(),
            rows: listed.iter().map(|row| cells(row, &report.currency)).collect(),
            total: Some(total(report)),
        },
        notes: notes(report, &listed),
        weight: report.totals.cost_per_month_change,
    }
}

fn outcome(report: &DiffReport) -> Outcome {
    match (Outcome::of(&report.items), report.not_evaluated.is_empty()) {
        (_, false) => Outcome::Fail,
        (outcome, true) => outcome,
    }
}

/// `+8 GPUs, +40,179.20 USD a month (from 0.00 to 40,179.20)`.
fn headline(report: &DiffReport, changes: usize) -> String {
    let totals = &report.totals;
    if changes == 0 {
        return format!(
            "No change to GPU requests; {} GPUs and {} a month stay.",
            number(totals.after.gpus_high),
            money(totals.after.cost_per_month_high, &report.currency)
        );
    }
    let (before, after) = (totals.before.cost_per_month_high, totals.after.cost_per_month_high);
    let change = match totals.cost_per_month_change {
        Some(change) => {
            let share = totals.cost_ratio.map(|ratio| format!(", {:+.0}%", ratio * 100.0));
            format!(
                "{} a month{} (from {} to {})",
                signed(change, &report.currency),
                share.unwrap_or_default(),
                money(before, &report.currency),
                money(after, &report.currency)
            )
        }
        None => match after.zip(before) {
            Some((after, before)) => format!(
                "{} a month for what has a price; something that changes has none",
                signed(after - before, &report.currency)
            ),
            None => "money not known: what changes has no price".to_owned(),
        },
    };
    let gpus = totals.gpus_change;
    let sign = if gpus > 0.0 { "+" } else { "" };
    let noun = if (gpus.abs() - 1.0).abs() < 1e-9 { "GPU" } else { "GPUs" };
    format!("{sign}{} {noun}, {change}.", number(gpus))
}

fn cells(row: &WorkloadDiff, currency: &str) -> Vec<String> {
    let change = match row.change {
        Change::Added => "new",
        Change::Removed => "removed",
        Change::Changed => "changed",
        Change::Same => "same",
    };
    let subject = match row.namespace.as_str() {
        "" => format!("{}/{}", row.kind, row.name),
        namespace => format!("{namespace}/{}/{}", row.kind, row.name),
    };
    let gpus = |figures: &Option<Figures>| figures.as_ref().map_or_else(String::new, gpu_range);
    let cost = |figures: &Option<Figures>| {
        figures.as_ref().map_or_else(String::new, |figures| cost_range(figures, currency))
    };
    let models = row.after.as_ref().or(row.before.as_ref()).map(|f| f.models.join(", "));
    vec![
        subject,
        change.to_owned(),
        gpus(&row.before),
        gpus(&row.after),
        cost(&row.before),
        cost(&row.after),
        row.cost_per_month_change.map_or_else(|| "?".to_owned(), |change| signed(change, currency)),
        models.filter(|text| !text.is_empty()).unwrap_or_else(|| "?".to_owned()),
    ]
}

fn total(report: &DiffReport) -> Vec<String> {
    let (totals, currency) = (&report.totals, &report.currency);
    let change = totals.cost_per_month_change;
    vec![
        "all workloads".to_owned(),
        String::new(),
        number(totals.before.gpus_high),
        number(totals.after.gpus_high),
        money(totals.before.cost_per_month_high, currency),
        money(totals.after.cost_per_month_high, currency),
        change.map_or_else(|| "?".to_owned(), |change| signed(change, currency)),
        String::new(),
    ]
}

fn gpu_range(figures: &Figures) -> String {
    let (low, high) = (number(figures.gpus_low), number(figures.gpus_high));
    if low == high { high } else { format!("{low} to {high}") }
}

fn cost_range(figures: &Figures, currency: &str) -> String {
    let (low, high) = (figures.cost_per_month_low, figures.cost_per_month_high);
    match low == high {
        true => money(high, currency),
        false => format!("{} to {}", money(low, ""), money(high, currency)),
    }
}

fn notes(report: &DiffReport, listed: &[&WorkloadDiff]) -> Vec<String> {
    let mut notes = vec![format!(
        "Before: {} ({} objects); after: {} ({} objects). A month has 730 hours; ranges and totals are at the most \
         pods that autoscalers allow.",
        report.base.source, report.base.objects, report.head.source, report.head.objects
    )];
    for row in listed {
        let Some(figures) = row.after.as_ref().or(row.before.as_ref()) else { continue };
        let mut parts = figures.asks.clone();
        parts.extend(figures.basis.iter().cloned());
        parts.extend(figures.prices.iter().cloned());
        if let Some(history) = &row.history {
            let days = history.window_hours / 24.0;
            let peak =
                history.gpus_peak.map(|peak| format!(", peaked at {peak:.1} in use at one time"));
            let peak = peak.unwrap_or_default();
            parts.push(format!(
                "of late: {:.1} GPUs held in the mean of {days:.0} days{peak}",
                history.gpus_held
            ));
        }
        notes.push(format!("{} {}: {}.", row.kind, row.name, parts.join("; ")));
    }
    let rules = report.not_evaluated.iter();
    notes.extend(rules.map(|rule| format!("The rule {rule} could not be applied to all of it.")));
    notes
}

fn money(amount: Option<f64>, currency: &str) -> String {
    match amount {
        Some(amount) => format!("{} {currency}", decimal(amount, 2)).trim_end().to_owned(),
        None => "?".to_owned(),
    }
}

fn signed(amount: f64, currency: &str) -> String {
    let sign = if amount > 0.0 { "+" } else { "" };
    format!("{sign}{} {currency}", decimal(amount, 2))
}

/// Cards: whole ones without decimals.
pub(super) fn number(value: f64) -> String {
    let digits = if (value - value.round()).abs() < 1e-9 { 0 } else { 2 };
    decimal(value, digits)
}
