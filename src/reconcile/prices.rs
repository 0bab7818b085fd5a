//! A price book of a bill: what an hour of each node's GPUs really cost, and of its kind of machine on average.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::contract::{ReconcileReport, ReconcileRow};

/// Lowest price that a book takes.
const MIN_PRICE: f64 = 1e-6;

/// Cost of the machine's time and its GPU-hours, both as the bill has them.
fn paid(row: &ReconcileRow) -> Option<(f64, f64)> {
    let cost = row.bill_cost? - row.other_cost.unwrap_or(0.0);
    let gpu_hours = row.bill_hours? * row.gpus?;
    (row.status == "matched" && gpu_hours > 0.0 && cost / gpu_hours >= MIN_PRICE)
        .then_some((cost, gpu_hours))
}

/// YAML that `--price-book` reads: a rule for each matched node, then one for each instance type and capacity type, for
/// nodes that come later. `None` where no machine has a price on the bill.
#[must_use]
pub fn price_book(report: &ReconcileReport) -> Option<String> {
    let day = |at: &str| at.split('T').next().unwrap_or_default().to_owned();
    let (start, end) = (&report.compared.start, &report.compared.end);
    let source = format!("{} of the bill for {start} to {end}", report.cost_column);
    let mut nodes: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut kinds: BTreeMap<(&str, Option<&str>), (f64, f64)> = BTreeMap::new();
    for row in &report.rows {
        let Some((cost, gpu_hours)) = paid(row) else { continue };
        for node in &row.nodes {
            nodes.entry(node).or_default().push(cost / gpu_hours);
        }
        if let Some(instance_type) = &row.instance_type {
            let sum = kinds.entry((instance_type, row.capacity_type.as_deref())).or_default();
            *sum = (sum.0 + cost, sum.1 + gpu_hours);
        }
    }
    // Nodes of several clusters can have one name: a rule by name would be wrong for one of them.
    nodes.retain(|_, prices| prices.len() == 1);
    if nodes.is_empty() && kinds.is_empty() {
        return None;
    }
    let mut out = String::from(
        "# Prices of a bill, by `gpu-finops reconcile --write-prices`; read by `--price-book`.\n",
    );
    let rule = |out: &mut String, condition: String, price: f64, source: &str| {
        let _ = write!(
            out,
            "  - match: {{{condition}}}\n    per_gpu_hour: {price}\n    source: {}\n    date: {}\n",
            quoted(source),
            day(end)
        );
    };
    let _ = writeln!(out, "currency: {}\nrules:", report.currency);
    for (node, prices) in &nodes {
        let price = prices.first().copied().unwrap_or_default();
        rule(&mut out, format!("node: {}", quoted(node)), price, &source);
    }
    // What asks for more comes first.
    let (with, without): (Vec<_>, Vec<_>) =
        kinds.iter().partition(|((_, capacity), _)| capacity.is_some());
    for ((instance_type, capacity), (cost, gpu_hours)) in with.into_iter().chain(without) {
        let capacity = capacity.map(|name| format!(", capacity_type: {name}")).unwrap_or_default();
        let condition = format!("instance_type: {}{capacity}", quoted(instance_type));
        rule(&mut out, condition, cost / gpu_hours, &format!("mean {source}"));
    }
    Some(out)
}

/// A JSON string is one of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
