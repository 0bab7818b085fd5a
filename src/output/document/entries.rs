//! The rows of every grouping in one shape: a name, a ledger, its usage, and what only that
//! grouping has.

use std::collections::BTreeMap;

use super::super::GroupBy;
use super::super::format::UNKNOWN;
use super::value::Value;
use crate::report::contract::{GpuHolder, GpuRow, Ledger, NodeRow, Report, Usage};

/// One row.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) label: String,
    pub(super) ledger: &'a Ledger,
    pub(super) usage: &'a Usage,
    /// One value for each of [`Entries::details`].
    pub(super) details: Vec<Value>,
}

/// A column that only some groupings have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    pub(super) header: &'static str,
    pub(super) right: bool,
    pub(super) rank: u8,
}

/// All rows of a grouping, most waste first.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a> {
    /// What one row is: `tenant`, `tenants`.
    pub(super) noun: (&'static str, &'static str),
    /// Whether the rows own hardware and have a capacity.
    pub(super) hardware: bool,
    pub(super) details: &'static [Detail],
    pub(super) rows: Vec<Entry<'a>>,
}

const fn text(header: &'static str, rank: u8) -> Detail {
    Detail { header, right: false, rank }
}

const fn number(header: &'static str, rank: u8) -> Detail {
    Detail { header, right: true, rank }
}

/// The rows of the report that `by` names.
pub(super) fn entries(report: &Report, by: GroupBy) -> Entries<'_> {
    match by {
        GroupBy::Cluster => clusters(report),
        GroupBy::Tenant => tenants(report),
        GroupBy::Namespace => namespaces(report),
        GroupBy::Workload => workloads(report),
        GroupBy::Pod => pods(report),
        GroupBy::Gpu => gpus(report),
        GroupBy::Node => nodes(report),
        GroupBy::Model => models(report),
        GroupBy::Mode => modes(report),
    }
}

/// The report lists hardware by name; here the worst comes first. Unknown waste comes last.
fn most_waste_first(mut rows: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    let money = |row: &Entry<'_>| row.ledger.waste_cost.filter(|c| c.is_finite()).unwrap_or(-1.0);
    let hours = |row: &Entry<'_>| row.ledger.waste_gpu_hours();
    rows.sort_by(|a, b| money(b).total_cmp(&money(a)).then(hours(b).total_cmp(&hours(a))));
    rows
}

/// A name as it is told apart from that of other clusters, where there are several.
fn within(report: &Report, cluster: Option<&String>, name: String) -> String {
    match cluster {
        Some(cluster) if report.clusters.len() > 1 => format!("{cluster}: {name}"),
        _ => name,
    }
}

fn clusters(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] = &[number("GPUs", 5), number("nodes", 6)];
    let rows = report.clusters.iter().map(|row| Entry {
        label: row.cluster.clone(),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![Value::Count(u64::from(row.gpus)), Value::Count(u64::from(row.nodes))],
    });
    let rows = most_waste_first(rows.collect());
    Entries { noun: ("cluster", "clusters"), hardware: true, details: DETAILS, rows }
}

fn tenants(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] = &[text("rule", 11), text("namespaces", 12)];
    let rows = report.tenants.iter().map(|row| Entry {
        label: row.tenant.clone(),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![Value::Text(row.rule.clone()), Value::Text(row.namespaces.join(", "))],
    });
    Entries { noun: ("tenant", "tenants"), hardware: false, details: DETAILS, rows: rows.collect() }
}

fn namespaces(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] = &[text("tenants", 6)];
    let rows = report.namespaces.iter().map(|row| Entry {
        label: within(report, row.cluster.as_ref(), row.namespace.clone()),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![Value::Text(row.tenants.join(", "))],
    });
    Entries {
        noun: ("namespace", "namespaces"),
        hardware: false,
        details: DETAILS,
        rows: rows.collect(),
    }
}

fn workloads(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] =
        &[text("kind", 6), text("tenant", 7), number("pods", 10), text("rule", 11)];
    let rows = report.workloads.iter().map(|row| Entry {
        label: within(report, row.cluster.as_ref(), format!("{}/{}", row.namespace, row.name)),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![
            Value::Text(row.kind.clone()),
            Value::Text(row.tenant.clone()),
            Value::Count(u64::from(row.pods)),
            Value::Text(row.rule.clone()),
        ],
    });
    Entries {
        noun: ("workload", "workloads"),
        hardware: false,
        details: DETAILS,
        rows: rows.collect(),
    }
}

fn pods(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] = &[
        text("node", 6),
        text("tenant", 7),
        text("workload", 10),
        text("held from", 11),
        text("held until", 11),
        text("GPUs", 12),
        text("uid", 12),
    ];
    let rows = report.pods.iter().map(|row| Entry {
        label: within(report, row.cluster.as_ref(), format!("{}/{}", row.namespace, row.pod)),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![
            Value::Text(row.node.clone()),
            Value::Text(row.tenant.clone()),
            Value::Text(format!("{}/{}", row.workload_kind, row.workload)),
            Value::Text(row.held_from.clone()),
            Value::Text(row.held_until.clone()),
            Value::Text(row.gpu_uuids.join(", ")),
            Value::name(row.uid.as_deref()),
        ],
    });
    Entries { noun: ("pod", "pods"), hardware: false, details: DETAILS, rows: rows.collect() }
}

fn gpus(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] = &[
        text("sharing", 1),
        text("held by", 1),
        text("model", 6),
        number("price/h", 7),
        text("holders", 12),
        text("uuid", 11),
        text("price source", 12),
    ];
    let rows = report.gpus.iter().map(|row| Entry {
        label: within(
            report,
            row.cluster.as_ref(),
            match &row.index {
                Some(index) => format!("{} gpu {index}", row.node),
                None => row.uuid.clone(),
            },
        ),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![
            Value::Text(row.sharing.clone()),
            held_by(row),
            Value::Text(row.model.clone()),
            Value::Price(row.price_per_hour),
            holders(row),
            Value::Text(row.uuid.clone()),
            Value::name(row.price_source.as_deref()),
        ],
    });
    let rows = most_waste_first(rows.collect());
    Entries { noun: ("GPU", "GPUs"), hardware: true, details: DETAILS, rows }
}

fn nodes(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] =
        &[number("GPUs", 5), text("instance type", 7), text("capacity type", 8)];
    let label =
        |row: &NodeRow| if row.is_pool { format!("{} (pool)", row.node) } else { row.node.clone() };
    let rows = report.nodes.iter().map(|row| Entry {
        label: within(report, row.cluster.as_ref(), label(row)),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![
            Value::Count(u64::from(row.gpus)),
            Value::name(row.instance_type.as_deref()),
            Value::name(row.capacity_type.as_deref()),
        ],
    });
    let rows = most_waste_first(rows.collect());
    Entries { noun: ("node", "nodes"), hardware: true, details: DETAILS, rows }
}

fn modes(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] = &[number("GPUs", 5)];
    let rows = report.modes.iter().map(|row| Entry {
        label: row.mode.clone(),
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![Value::Count(u64::from(row.gpus))],
    });
    let rows = most_waste_first(rows.collect());
    Entries { noun: ("mode", "modes"), hardware: true, details: DETAILS, rows }
}

/// Those who hold parts of a GPU at the end of what is known of it.
fn last_holders(row: &GpuRow) -> impl Iterator<Item = &GpuHolder> {
    let last = row.holders.iter().map(|h| &h.until).max();
    row.holders.iter().filter(move |h| Some(&h.until) == last)
}

/// `search 4/7, vision 1/7`: which tenants hold how much of it.
fn held_by(row: &GpuRow) -> Value {
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for holder in last_holders(row) {
        *shares.entry(&holder.tenant).or_default() += holder.share;
    }
    let named: Vec<_> =
        shares.into_iter().map(|(t, share)| format!("{t} {}", part(share))).collect();
    Value::Text(if named.is_empty() { "-".to_owned() } else { named.join(", ") })
}

/// `ns/pod 1/4, ns/other 1/4`: who holds which part of it.
fn holders(row: &GpuRow) -> Value {
    let named: Vec<String> = last_holders(row)
        .map(|h| {
            let slash = if h.namespace.is_empty() { "" } else { "/" };
            format!("{}{slash}{} {}", h.namespace, h.name, part(h.share))
        })
        .collect();
    Value::Text(if named.is_empty() { "-".to_owned() } else { named.join(", ") })
}

/// A part of a GPU as people write it: `1`, `1/4`, `3/7`, else two decimals.
fn part(share: f64) -> String {
    if (share - 1.0).abs() < 1e-9 {
        return "1".to_owned();
    }
    let simple = (2..=16_u32).find_map(|of| {
        let parts = share * f64::from(of);
        ((parts - parts.round()).abs() < 1e-9).then(|| format!("{:.0}/{of}", parts.round()))
    });
    simple.unwrap_or_else(|| format!("{share:.2}"))
}

fn models(report: &Report) -> Entries<'_> {
    const DETAILS: &[Detail] = &[number("GPUs", 5)];
    let rows = report.models.iter().map(|row| Entry {
        label: if row.model.is_empty() { UNKNOWN.to_owned() } else { row.model.clone() },
        ledger: &row.ledger,
        usage: &row.usage,
        details: vec![Value::Count(u64::from(row.gpus))],
    });
    let rows = most_waste_first(rows.collect());
    Entries { noun: ("model", "models"), hardware: true, details: DETAILS, rows }
}
