//! Rows of two reports, by what they are of.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::{CompareReport, Compared, SCHEMA_VERSION, SavedRow};
use crate::ci::{Item, Severity};
use crate::report::contract::{self as report, Ledger, Report};
use crate::units::HOURS_PER_MONTH;

/// Differences below this share of an hour or of a unit of money are rounding.
const NOISE: f64 = 1e-6;
/// Drivers that are spelled out.
const DRIVERS: usize = 5;

/// A saved report with the file it is from.
#[derive(Debug, Clone, Copy)]
pub struct Saved<'a> {
    /// File.
    pub source: &'a str,
    /// The report.
    pub report: &'a Report,
}

/// Why two reports cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// A contract that is not understood.
    #[error(
        "{source_file} is of version {found} of the report's contract; this program reads {known}"
    )]
    Version {
        /// File.
        source_file: String,
        /// Its version.
        found: String,
        /// What is understood.
        known: &'static str,
    },
    /// Two currencies.
    #[error("{first} is in {first_currency}, {second} in {second_currency}")]
    Currency {
        /// File.
        first: String,
        /// Its currency.
        first_currency: String,
        /// The other file.
        second: String,
        /// Its currency.
        second_currency: String,
    },
}

/// What a row is of: cluster, tenant, and of a workload namespace, kind and name.
type Key = (Option<String>, String, Option<[String; 3]>);

/// The figures of a row that are compared.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    gpu_hours: f64,
    idle: f64,
    cost: Option<f64>,
    waste: Option<f64>,
    utilization: Option<f64>,
}

/// Compares a later report with an earlier one.
///
/// # Errors
///
/// Contracts of another major version; two currencies.
pub fn compare(
    before: Saved<'_>,
    after: Saved<'_>,
    tool_version: &str,
) -> Result<CompareReport, Unlike> {
    understood(before)?;
    understood(after)?;
    if before.report.currency != after.report.currency {
        return Err(Unlike::Currency {
            first: before.source.to_owned(),
            first_currency: before.report.currency.clone(),
            second: after.source.to_owned(),
            second_currency: after.report.currency.clone(),
        });
    }
    let hours = [before.report.window.hours, after.report.window.hours];
    let tenants = paired(&tenants(before.report), &tenants(after.report), hours);
    let workloads = paired(&workloads(before.report), &workloads(after.report), hours);
    let whole = |report: &Report| side(&report.in_scope.ledger);
    let key = (None, String::new(), None);
    let total = row(&key, Some(whole(before.report)), Some(whole(after.report)), hours);
    let equally_long = (hours[0] - hours[1]).abs() <= 0.01 * hours[0].max(hours[1]);
    let drivers = drivers(&workloads, equally_long, &after.report.currency);
    Ok(CompareReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool_version: tool_version.to_owned(),
        currency: after.report.currency.clone(),
        before: saved(before),
        after: saved(after),
        equally_long,
        total,
        tenants,
        workloads,
        drivers,
        items: [before, after].into_iter().flat_map(thin).collect(),
        complete: before.report.coverage.complete && after.report.coverage.complete,
    })
}

fn understood(saved: Saved<'_>) -> Result<(), Unlike> {
    let found = &saved.report.schema_version;
    let major = |version: &str| version.split('.').next().map(ToOwned::to_owned);
    if major(found) == major(report::SCHEMA_VERSION) {
        return Ok(());
    }
    Err(Unlike::Version {
        source_file: saved.source.to_owned(),
        found: found.clone(),
        known: report::SCHEMA_VERSION,
    })
}

fn saved(saved: Saved<'_>) -> SavedRow {
    SavedRow {
        source: saved.source.to_owned(),
        schema_version: saved.report.schema_version.clone(),
        generated_at: saved.report.generated_at.clone(),
        window: saved.report.window.clone(),
        complete: saved.report.coverage.complete,
    }
}

/// What makes a report weak evidence.
fn thin(saved: Saved<'_>) -> Vec<Item> {
    let item = |rule: &str, message: String, advice: &str| Item {
        severity: Severity::Warning,
        rule: rule.to_owned(),
        subject: saved.source.to_owned(),
        message,
        advice: advice.to_owned(),
        file: None,
        line: None,
    };
    let coverage = &saved.report.coverage;
    let warnings: Vec<&str> =
        coverage.warnings.iter().filter(|w| w.incomplete).map(|w| w.message.as_str()).collect();
    let incomplete = (!coverage.complete).then(|| {
        let message = format!("{} is incomplete: {}.", saved.source, warnings.join("; "));
        item("incomplete-report", message, "Run `gpu-finops doctor` to see what is missing.")
    });
    let unbalanced = (!saved.report.reconciliation.balanced).then(|| {
        let message = format!("{} does not balance.", saved.source);
        item("unbalanced-report", message, "Its figures must not be used.")
    });
    incomplete.into_iter().chain(unbalanced).collect()
}

fn tenants(report: &Report) -> BTreeMap<Key, Side> {
    let row = |row: &report::TenantRow| ((None, row.tenant.clone(), None), side(&row.ledger));
    report.tenants.iter().map(row).collect()
}

fn workloads(report: &Report) -> BTreeMap<Key, Side> {
    let row = |row: &report::WorkloadRow| {
        let names = [row.namespace.clone(), row.kind.clone(), row.name.clone()];
        ((row.cluster.clone(), row.tenant.clone(), Some(names)), side(&row.ledger))
    };
    report.workloads.iter().map(row).collect()
}

fn side(ledger: &Ledger) -> Side {
    Side {
        gpu_hours: ledger.allocated_gpu_hours,
        idle: ledger.idle_gpu_hours(),
        cost: ledger.allocated_cost,
        waste: ledger.waste_cost,
        utilization: ledger.utilization,
    }
}

fn paired(
    before: &BTreeMap<Key, Side>,
    after: &BTreeMap<Key, Side>,
    hours: [f64; 2],
) -> Vec<Compared> {
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let of = |key: &Key| row(key, before.get(key).copied(), after.get(key).copied(), hours);
    let mut rows: Vec<Compared> = keys.into_iter().map(of).collect();
    let weight = |row: &Compared| row.cost_per_month_change.map_or(0.0, f64::abs);
    rows.sort_by(|a, b| {
        let hours = |row: &Compared| row.gpu_hours_change.abs();
        weight(b).total_cmp(&weight(a)).then_with(|| hours(b).total_cmp(&hours(a)))
    });
    rows
}

fn row(key: &Key, before: Option<Side>, after: Option<Side>, hours: [f64; 2]) -> Compared {
    // What is not there holds nothing and costs nothing.
    let absent = Side { cost: Some(0.0), waste: Some(0.0), ..Side::default() };
    let (old, new) = (before.unwrap_or(absent), after.unwrap_or(absent));
    let cost_change = new.cost.zip(old.cost).map(|(new, old)| new - old);
    let month = |cost: Option<f64>, hours: f64| {
        cost.filter(|_| hours > 0.0).map(|c| c / hours * HOURS_PER_MONTH)
    };
    let per_month = month(new.cost, hours[1]).zip(month(old.cost, hours[0]));
    let differs = (new.gpu_hours - old.gpu_hours).abs() > NOISE
        || cost_change.is_none_or(|change| change.abs() > NOISE);
    let change = match (before.is_some(), after.is_some()) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) if differs => "changed",
        (true, true) => "same",
    };
    let (cluster, tenant, names) = key.clone();
    let [namespace, kind, name] = names.map_or([None, None, None], |names| names.map(Some));
    Compared {
        cluster,
        tenant,
        namespace,
        kind,
        name,
        change: change.to_owned(),
        gpu_hours_before: old.gpu_hours,
        gpu_hours_after: new.gpu_hours,
        gpu_hours_change: new.gpu_hours - old.gpu_hours,
        idle_gpu_hours_before: old.idle,
        idle_gpu_hours_after: new.idle,
        cost_before: old.cost,
        cost_after: new.cost,
        cost_change,
        cost_per_month_change: per_month.map(|(new, old)| new - old),
        waste_cost_before: old.waste,
        waste_cost_after: new.waste,
        utilization_before: old.utilization,
        utilization_after: new.utilization,
    }
}

/// What drove the difference: hours at the old price, and the price of the new hours. Their sum is the difference.
fn drivers(rows: &[Compared], equally_long: bool, currency: &str) -> Vec<String> {
    let driver = |row: &Compared| {
        let change = if equally_long { row.cost_change } else { row.cost_per_month_change };
        let change = change.filter(|change| change.abs() > NOISE)?;
        let unit = if equally_long { "" } else { " a month" };
        let subject = subject(row);
        let head = format!("{subject}: {change:+.2} {currency}{unit}");
        let why = match row.change.as_str() {
            "added" => format!("new, {:.1} GPU-hours", row.gpu_hours_after),
            "removed" => format!("gone, {:.1} GPU-hours before", row.gpu_hours_before),
            _ => by_hours_and_price(row, equally_long, currency),
        };
        Some(format!("{head} ({why})"))
    };
    rows.iter().filter_map(driver).take(DRIVERS).collect()
}

fn by_hours_and_price(row: &Compared, equally_long: bool, currency: &str) -> String {
    let hours = format!("{:+.1} GPU-hours", row.gpu_hours_change);
    let price =
        |cost: Option<f64>, hours: f64| cost.filter(|_| hours > 0.0).map(|cost| cost / hours);
    let old = price(row.cost_before, row.gpu_hours_before);
    let new = price(row.cost_after, row.gpu_hours_after);
    match old.zip(new).filter(|_| equally_long) {
        Some((old, new)) if (new - old).abs() > NOISE => {
            let by_hours = row.gpu_hours_change * old;
            let by_price = (new - old) * row.gpu_hours_after;
            format!(
                "{hours}: {by_hours:+.2} {currency}; price {old:.2} to {new:.2}: {by_price:+.2} {currency}"
            )
        }
        _ => hours,
    }
}

/// A tenant's name, or `namespace/kind/name`.
pub(super) fn subject(row: &Compared) -> String {
    match (&row.namespace, &row.kind, &row.name) {
        (Some(namespace), Some(kind), Some(name)) => format!("{namespace}/{kind}/{name}"),
        _ => row.tenant.clone(),
    }
}
