//! Which gauges there are, and what each takes from the report.

use super::OTHER;
use super::names::{DEVICE, NAMESPACE, Names, TENANT, WORKLOAD};
use super::text::{Family, Labels};
use crate::report::contract::{Ledger, Report};

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// A row of a list: its labels and its ledger.
type Row = (Labels, Ledger);

/// Every family, the lists bounded to `top` rows (0: all) and one for the rest.
pub(super) fn all(report: &Report, top: usize) -> Vec<Family> {
    let mut out = about(report);
    out.extend(fleet(report));
    for list in lists(report) {
        out.extend(ledgers(&list, top, &report.currency));
    }
    out.extend(findings(report));
    out.extend(coverage(report));
    out
}

const fn family(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    samples: Vec<(Labels, f64)>,
) -> Family {
    Family { name, unit, help, samples }
}

fn one(name: &'static str, unit: &'static str, help: &'static str, value: Option<f64>) -> Family {
    family(name, unit, help, value.map(|value| (Vec::new(), value)).into_iter().collect())
}

fn about(report: &Report) -> Vec<Family> {
    let instant = |text: &str| {
        let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
        Some(at.timestamp_millis() as f64 / 1_000.0)
    };
    let flag = |value: bool| Some(f64::from(u8::from(value)));
    vec![
        one(
            "report_timestamp_seconds",
            "seconds",
            "When the inputs of the report were read, since the epoch.",
            instant(&report.generated_at),
        ),
        one(
            "window_start_timestamp_seconds",
            "seconds",
            "First instant of the report's window, since the epoch.",
            instant(&report.window.start),
        ),
        one(
            "window_end_timestamp_seconds",
            "seconds",
            "First instant after the report's window, since the epoch.",
            instant(&report.window.end),
        ),
        one(
            "window_seconds",
            "seconds",
            "Length of the report's window.",
            Some(report.window.hours * SECONDS_PER_HOUR),
        ),
        one(
            "complete",
            "",
            "1 when nothing that the figures need is missing, else 0.",
            flag(report.coverage.complete),
        ),
        one(
            "balanced",
            "",
            "1 when the ledger balances, else 0: the figures must not be used then.",
            flag(report.reconciliation.balanced),
        ),
    ]
}

fn fleet(report: &Report) -> Vec<Family> {
    let (fleet, currency) = (&report.fleet, &report.currency);
    let ledger = &fleet.ledger;
    let row = vec![(Vec::new(), ledger.clone())];
    let money = |value: Option<f64>| {
        value.map(|v| (vec![("currency", currency.clone())], v)).into_iter().collect()
    };
    vec![
        one("fleet_gpus", "", "Physical GPUs seen in the window.", Some(f64::from(fleet.gpus))),
        one("fleet_nodes", "", "Nodes with GPUs seen in the window.", Some(f64::from(fleet.nodes))),
        one(
            "fleet_capacity_gpu_seconds",
            "seconds",
            "Physical GPUs times time in the window.",
            ledger.capacity_gpu_hours.map(|h| h * SECONDS_PER_HOUR),
        ),
        family(
            "fleet_capacity_cost",
            "",
            "Cost of the capacity in the window.",
            money(ledger.capacity_cost),
        ),
        family(
            "fleet_gpu_seconds",
            "seconds",
            "GPU time of the fleet in the window, by state.",
            seconds(&row),
        ),
        family(
            "fleet_cost",
            "",
            "Cost of the fleet's GPU time in the window, by state.",
            costs(&row, currency),
        ),
        family(
            "fleet_waste_cost",
            "",
            "Cost of the waste in the window: idle, slack, stale claims.",
            money(ledger.waste_cost),
        ),
        one(
            "fleet_utilization_ratio",
            "ratio",
            "Mean utilization over observed held time.",
            ledger.utilization,
        ),
        one(
            "fleet_observed_ratio",
            "ratio",
            "Observed share of the held time.",
            ledger.observed_ratio,
        ),
        one(
            "fleet_allocated_ratio",
            "ratio",
            "Allocated share of the capacity.",
            fleet.allocation_rate,
        ),
        one(
            "fleet_busy_of_capacity_ratio",
            "ratio",
            "Busy share of the capacity.",
            fleet.busy_of_capacity,
        ),
    ]
}

/// A list with what its families are called.
struct List {
    families: &'static Names,
    rows: Vec<Row>,
}

fn lists(report: &Report) -> [List; 4] {
    [
        List { families: &TENANT, rows: tenants(report) },
        List { families: &NAMESPACE, rows: namespaces(report) },
        List { families: &WORKLOAD, rows: workloads(report) },
        List { families: &DEVICE, rows: devices(report) },
    ]
}

fn cluster(name: Option<&String>) -> (&'static str, String) {
    ("cluster", name.cloned().unwrap_or_default())
}

fn tenants(report: &Report) -> Vec<Row> {
    owned(report.tenants.iter().map(|r| (vec![("tenant", r.tenant.clone())], &r.ledger)))
}

fn namespaces(report: &Report) -> Vec<Row> {
    owned(report.namespaces.iter().map(|r| {
        (vec![cluster(r.cluster.as_ref()), ("namespace", r.namespace.clone())], &r.ledger)
    }))
}

fn workloads(report: &Report) -> Vec<Row> {
    owned(report.workloads.iter().map(|r| {
        let labels = vec![
            cluster(r.cluster.as_ref()),
            ("tenant", r.tenant.clone()),
            ("namespace", r.namespace.clone()),
            ("kind", r.kind.clone()),
            ("workload", r.name.clone()),
        ];
        (labels, &r.ledger)
    }))
}

fn devices(report: &Report) -> Vec<Row> {
    owned(report.gpus.iter().map(|r| {
        let labels = vec![
            cluster(r.cluster.as_ref()),
            ("node", r.node.clone()),
            ("device", r.uuid.clone()),
            ("model", r.model.clone()),
        ];
        (labels, &r.ledger)
    }))
}

fn owned<'a>(rows: impl Iterator<Item = (Labels, &'a Ledger)>) -> Vec<Row> {
    rows.map(|(labels, ledger)| (labels, ledger.clone())).collect()
}

fn ledgers(list: &List, top: usize, currency: &str) -> Vec<Family> {
    let rows = bounded(&list.rows, top);
    let each = |value: fn(&Ledger) -> Option<f64>| -> Vec<(Labels, f64)> {
        rows.iter().filter_map(|(labels, l)| Some((labels.clone(), value(l)?))).collect()
    };
    let priced = |mut samples: Vec<(Labels, f64)>| {
        samples.iter_mut().for_each(|(labels, _)| labels.push(("currency", currency.to_owned())));
        samples
    };
    let [time, cost, waste, utilization, observed] = list.families;
    vec![
        family(time.0, "seconds", time.1, seconds(&rows)),
        family(cost.0, "", cost.1, costs(&rows, currency)),
        family(waste.0, "", waste.1, priced(each(|l| l.waste_cost))),
        family(utilization.0, "ratio", utilization.1, each(|l| l.utilization)),
        family(observed.0, "ratio", observed.1, each(|l| l.observed_ratio)),
    ]
}

/// The first rows, and the sum of the rest as one more.
fn bounded(rows: &[Row], top: usize) -> Vec<Row> {
    if top == 0 || rows.len() <= top {
        return rows.to_vec();
    }
    let (shown, rest) = rows.split_at(top);
    let labels = rest[0].0.iter().map(|(name, _)| (*name, OTHER.to_owned())).collect();
    let mut out = shown.to_vec();
    out.push((labels, sum(rest)));
    out
}

/// Hours and money of rows together. Money is not known where it is of none.
fn sum(rows: &[Row]) -> Ledger {
    let hours = |get: fn(&Ledger) -> f64| rows.iter().map(|(_, l)| get(l)).sum::<f64>();
    let money = |get: fn(&Ledger) -> Option<f64>| {
        let known: Vec<f64> = rows.iter().filter_map(|(_, l)| get(l)).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    };
    let (observed, held) = (hours(|l| l.observed_gpu_hours), hours(|l| l.allocated_gpu_hours));
    let used = hours(|l| l.utilization_gpu_hours);
    Ledger {
        busy_gpu_hours: hours(|l| l.busy_gpu_hours),
        slack_gpu_hours: hours(|l| l.slack_gpu_hours),
        idle_warm_gpu_hours: hours(|l| l.idle_warm_gpu_hours),
        idle_empty_gpu_hours: hours(|l| l.idle_empty_gpu_hours),
        unobserved_gpu_hours: hours(|l| l.unobserved_gpu_hours),
        stale_claim_gpu_hours: hours(|l| l.stale_claim_gpu_hours),
        unallocated_gpu_hours: hours(|l| l.unallocated_gpu_hours),
        stranded_gpu_hours: hours(|l| l.stranded_gpu_hours),
        unhealthy_gpu_hours: hours(|l| l.unhealthy_gpu_hours),
        busy_cost: money(|l| l.busy_cost),
        slack_cost: money(|l| l.slack_cost),
        idle_warm_cost: money(|l| l.idle_warm_cost),
        idle_empty_cost: money(|l| l.idle_empty_cost),
        unobserved_cost: money(|l| l.unobserved_cost),
        stale_claim_cost: money(|l| l.stale_claim_cost),
        unallocated_cost: money(|l| l.unallocated_cost),
        stranded_cost: money(|l| l.stranded_cost),
        unhealthy_cost: money(|l| l.unhealthy_cost),
        waste_cost: money(|l| l.waste_cost),
        utilization: (observed > 0.0).then(|| used / observed),
        observed_ratio: (held > 0.0).then(|| observed / held),
        ..Ledger::default()
    }
}

/// A state, its hours and its cost.
type State = (&'static str, f64, Option<f64>);

/// Every state.
fn states(l: &Ledger) -> [State; 9] {
    [
        ("busy", l.busy_gpu_hours, l.busy_cost),
        ("slack", l.slack_gpu_hours, l.slack_cost),
        ("idle_warm", l.idle_warm_gpu_hours, l.idle_warm_cost),
        ("idle_empty", l.idle_empty_gpu_hours, l.idle_empty_cost),
        ("unobserved", l.unobserved_gpu_hours, l.unobserved_cost),
        ("stale_claim", l.stale_claim_gpu_hours, l.stale_claim_cost),
        ("unallocated", l.unallocated_gpu_hours, l.unallocated_cost),
        ("stranded", l.stranded_gpu_hours, l.stranded_cost),
        ("unhealthy", l.unhealthy_gpu_hours, l.unhealthy_cost),
    ]
}

/// Time by state. Who can only hold has no series of what nobody held.
fn seconds(rows: &[Row]) -> Vec<(Labels, f64)> {
    by_state(rows, |(_, hours, _)| Some(hours * SECONDS_PER_HOUR))
}

fn costs(rows: &[Row], currency: &str) -> Vec<(Labels, f64)> {
    let mut samples = by_state(rows, |(_, _, cost)| cost);
    samples.iter_mut().for_each(|(labels, _)| labels.push(("currency", currency.to_owned())));
    samples
}

fn by_state(rows: &[Row], value: fn(State) -> Option<f64>) -> Vec<(Labels, f64)> {
    let mut out = Vec::new();
    for (labels, ledger) in rows {
        let owns = labels.is_empty() || labels.iter().any(|(name, _)| *name == "device");
        for state in states(ledger).into_iter().take(if owns { 9 } else { 6 }) {
            if let Some(value) = value(state) {
                let state = [("state", state.0.to_owned())];
                out.push((labels.iter().cloned().chain(state).collect(), value));
            }
        }
    }
    out
}

fn findings(report: &Report) -> Vec<Family> {
    let mut rules: Vec<&str> = report.findings.iter().map(|f| f.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let of =
        |rule: &str| report.findings.iter().filter(move |f| f.rule == rule).collect::<Vec<_>>();
    #[expect(clippy::cast_precision_loss, reason = "few findings")]
    let count = |rule: &&str| (vec![("rule", (*rule).to_owned())], of(rule).len() as f64);
    let savings = |rule: &&str| {
        let known: Vec<f64> = of(rule).iter().filter_map(|f| f.monthly_savings).collect();
        let labels = vec![("rule", (*rule).to_owned()), ("currency", report.currency.clone())];
        (!known.is_empty()).then(|| (labels, known.iter().sum()))
    };
    vec![
        family(
            "findings",
            "",
            "What deserves attention, by rule.",
            rules.iter().map(count).collect(),
        ),
        family(
            "findings_monthly_savings",
            "",
            "Money a month that findings are about, by rule. Findings can overlap.",
            rules.iter().filter_map(savings).collect(),
        ),
    ]
}

fn coverage(report: &Report) -> Vec<Family> {
    let coverage = &report.coverage;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let dropped = coverage
        .samples_dropped
        .iter()
        .map(|(reason, n)| (vec![("reason", reason.clone())], *n as f64))
        .collect();
    let blind = coverage
        .unobserved_gpu_hours
        .iter()
        .map(|(reason, hours)| (vec![("reason", reason.clone())], hours * SECONDS_PER_HOUR))
        .collect();
    let mut codes: std::collections::BTreeMap<&str, f64> = std::collections::BTreeMap::new();
    for warning in &coverage.warnings {
        *codes.entry(&warning.code).or_default() += 1.0;
    }
    let codes = codes.into_iter().map(|(code, n)| (vec![("code", code.to_owned())], n)).collect();
    #[expect(clippy::cast_precision_loss, reason = "fewer GPUs than 2^53")]
    let unpriced = coverage.gpus_without_price.len() as f64;
    vec![
        one("gpus_without_price", "", "GPUs whose cost is not known.", Some(unpriced)),
        family("samples_dropped", "", "Samples that were not used, by reason.", dropped),
        family(
            "unobserved_gpu_seconds",
            "seconds",
            "Held time without a sample to trust, by reason.",
            blind,
        ),
        family("warnings", "", "Warnings about the data, by code.", codes),
    ]
}
