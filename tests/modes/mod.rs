//! Fixture clusters, one for each way of sharing a GPU, against ledgers worked by hand.
//!
//! A folder of `fixtures/modes` has the cluster's objects, what a metric server would answer
//! (`series.yaml`), the arithmetic (`README.md`) and the ledger that it ends in (`expected.json`).

mod doctor;
mod ledger;
mod redaction;
mod script;

use std::path::{Path, PathBuf};

use gpu_finops::model::{ClusterFacts, Inputs, Policy, QueryId};
use gpu_finops::report::build::{Stamp, report};
use gpu_finops::report::contract::Report;
use gpu_finops::source::objects;
use serde_json::Value;

pub(crate) fn folder(mode: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/modes").join(mode)
}

pub(crate) fn inputs(mode: &str) -> Inputs {
    let folder = folder(mode);
    let policy = Policy::default();
    let raw = objects::read_path(&folder.join("objects.yaml")).expect("the fixture's objects");
    let facts = objects::decode(&raw, &policy.gpu_resources);
    assert_eq!(facts.problems, [], "{mode}: every object is read");
    let script = std::fs::read_to_string(folder.join("series.yaml")).expect("the fixture's series");
    let script: script::Script = serde_saphyr::from_str(&script).expect("a script of series");
    let window = script.window();
    Inputs { window, now_ms: window.end(), metrics: script.metrics(), facts, sources: Vec::new() }
}

fn run(inputs: &Inputs) -> Report {
    report(inputs, &Policy::default(), Stamp::default())
}

/// The report of a mode is what was worked by hand, and keeps what every ledger keeps.
fn check(mode: &str) -> Report {
    let inputs = inputs(mode);
    let report = run(&inputs);
    assert!(report.reconciliation.balanced, "{mode}: {:#?}", report.reconciliation);
    let text = std::fs::read(folder(mode).join("expected.json")).expect("the expected ledger");
    let expected: Value = serde_json::from_slice(&text).expect("JSON");
    let seen = ledger::of(&report);
    let differences = ledger::differences(&expected, &seen);
    assert!(differences.is_empty(), "{mode}:\n{}\n{seen:#}", differences.join("\n"));
    scraped_twice(mode, &inputs, &seen);
    shuffled(mode, &inputs, &seen);
    report
}

/// Trap 24: a second replica of every exporter doubles every series and changes no figure.
fn scraped_twice(mode: &str, inputs: &Inputs, expected: &Value) {
    let mut doubled = inputs.clone();
    for data in &mut doubled.metrics {
        let mut more = data.series.clone();
        for series in &mut more {
            series.labels.insert("prometheus_replica".into(), "b".into());
        }
        data.series.append(&mut more);
    }
    let differences = ledger::differences(expected, &ledger::of(&run(&doubled)));
    assert!(differences.is_empty(), "{mode}, scraped twice:\n{}", differences.join("\n"));
}

/// The order of series means nothing.
fn shuffled(mode: &str, inputs: &Inputs, expected: &Value) {
    let mut reversed = inputs.clone();
    reversed.metrics.iter_mut().for_each(|data| data.series.reverse());
    reversed.metrics.reverse();
    let differences = ledger::differences(expected, &ledger::of(&run(&reversed)));
    assert!(differences.is_empty(), "{mode}, reversed:\n{}", differences.join("\n"));
}

/// Traps 10, 12, 23, 26: shares of the card by compute and memory, an instance with media engines, names
/// that kube-state-metrics mangles, instances cut anew under their old number.
#[test]
fn mig_mixed() {
    check("mig-mixed");
}

/// Trap 10: with the `single` strategy, `nvidia.com/gpu` and `gpu.count` are instances.
#[test]
fn mig_single() {
    check("mig-single");
}

/// Traps 1, 2, 3, 10: one pod named, a copy for each pod, and rows of single pods beside the card's.
#[test]
fn time_slicing() {
    check("time-slicing");
}

/// Traps 2, 10.
#[test]
fn mps() {
    check("mps");
}

/// Traps 2, 3, 10, 12: replicas of instances, renamed or not.
#[test]
fn mig_replicas() {
    check("mig-replicas");
}

/// Traps 1, 2, 4: one value for each pod and container of a claim; several devices, a prioritized list.
#[test]
fn dra() {
    check("dra");
}

/// Traps 2, 4: shares of a device's capacity, and nothing reserved.
#[test]
fn dra_capacity() {
    check("dra-capacity");
}

/// Traps 9, 12, 15, 26: every placement is listed; no label is unknown, not idle, and not a neighbour's.
#[test]
fn dra_mig() {
    check("dra-mig");
}

/// Traps 5, 27, 28, 29, 30, 31, 32: what must not be billed, or not twice, and what must not be missed.
#[test]
fn dra_edges() {
    let report = check("dra-edges");
    let nodes: Vec<_> = report.nodes.iter().map(|n| (n.node.as_str(), n.is_pool)).collect();
    assert_eq!(nodes, [("d4", false), ("fabric", true)]);
    assert_eq!((report.fleet.nodes, report.fleet.gpus), (1, 6), "a pool is no node");
}

/// Traps 4, 15: what is reserved and does nothing, and what only looks like it.
#[test]
fn dra_idle() {
    check("dra-idle");
}

/// Traps 4, 15, 36: claims that are gone, known from labels or not at all; objects of `v1beta1`.
#[test]
fn history() {
    check("history");
}

fn codes(report: &Report) -> Vec<&str> {
    report.coverage.warnings.iter().map(|w| w.code.as_str()).collect()
}

/// Traps 4, 15, 21, 25: claims that are gone, with their pods known from kube-state-metrics.
#[test]
fn history_claims() {
    let report = check("history-claims");
    assert!(codes(&report).contains(&"claims-unjoined"), "{:?}", report.coverage.warnings);
    assert!(!codes(&report).contains(&"no-claim-history"));
    // What the metric is worth: without it, time that somebody used is nobody's.
    let mut older = inputs("history-claims");
    older.metrics.retain(|data| data.query != QueryId::PodResourceClaims);
    let report = run(&older);
    assert!(codes(&report).contains(&"no-claim-history"), "{:?}", report.coverage.warnings);
    let of = |tenant: &str| report.tenants.iter().find(|t| t.tenant == tenant).map(|t| &t.ledger);
    assert_eq!(of("red").map(|l| l.allocated_gpu_hours), None);
    assert_eq!(of("purple").map(|l| l.allocated_gpu_hours), None);
    assert!(of("__unattributed__").is_some_and(|l| l.busy_gpu_hours > 0.7));
    assert!(report.reconciliation.balanced);
    // What the metric server knows by itself: no slice, no claim, no pod.
    let mut alone = inputs("history-claims");
    alone.facts = ClusterFacts::default();
    let report = run(&alone);
    assert!(report.reconciliation.balanced);
    let red = report.tenants.iter().find(|t| t.tenant == "red").map(|t| &t.ledger);
    assert!(red.is_some_and(|l| (l.allocated_gpu_hours - 1.5).abs() < 1e-6), "{red:?}");
}

/// Traps 1, 14, 15, 16, 19, 20, 21, 22, 25, 26: whole cards, and every way in which labels, samples and
/// requests mislead.
#[test]
fn exclusive() {
    check("exclusive");
}

/// Traps 1, 10, 19, 40: AMD's exporter, whole cards and partitions.
#[test]
fn amd() {
    let report = check("amd");
    let signals: Vec<_> =
        report.workloads.iter().filter_map(|w| w.usage.signal.as_deref()).collect();
    assert_eq!(signals, ["amd_gfx_activity"; 2]);
    let priced: Vec<_> = report.gpus.iter().filter_map(|gpu| gpu.price_per_hour).collect();
    assert_eq!((priced.len(), report.models.len()), (0, 1), "prices are given, never assumed here");
    let serve = report.pods.iter().find(|pod| pod.pod == "serve").expect("listed");
    assert_eq!(serve.usage.memory_used_max_bytes, Some(1e11));
}

/// The harness sees what is different: a ledger that moved is no ledger that matches.
#[test]
fn differences_are_told() {
    let one = serde_json::json!({"fleet": {"busy": 1.0}, "pods": {"a/b": {"busy": 1.0}}});
    let other = serde_json::json!({"fleet": {"busy": 1.1}, "pods": {}});
    assert_eq!(ledger::differences(&one, &one).len(), 0);
    assert_eq!(ledger::differences(&one, &other).len(), 2);
}
