//! A recorded cluster with every sharing mode, against figures worked out beforehand: 38 physical GPUs,
//! objects alone, the present state billed over one hour.
//!
//! The recording is not part of the project. `GPU_FINOPS_TEST_DATA` names the folder that holds it.

use std::path::PathBuf;

use serde_json::Value;

use crate::common::{Outcome, gpu_finops, row, test_data};

const TENANTS: &str = "tenants:
  - type: vcluster
  - type: namespace-label
    labels: [finops.example.com/tenant]
  - type: namespace
";

fn recording() -> Option<PathBuf> {
    let found = test_data().map(|data| data.join("recordings/kubernetes-1.36"));
    if found.is_none() {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
    }
    found
}

fn report() -> Option<Value> {
    let recording = recording()?;
    let config = tempfile::NamedTempFile::new().expect("temporary file");
    std::fs::write(config.path(), TENANTS).expect("written");
    let mut command = gpu_finops();
    command.args(["report", "--no-metrics", "--window", "1h", "-o", "json", "-q"]);
    command.args(["--now", "2026-11-23T08:00:00Z"]);
    command.arg("--objects").arg(recording).arg("--config").arg(config.path());
    Some(Outcome::of(&mut command).json())
}

fn near(value: &Value, expected: f64) {
    let value = value.as_f64().expect("a number");
    assert!((value - expected).abs() < 5e-4, "{value} is not {expected}");
}

#[test]
fn each_tenant_holds_what_was_worked_out() {
    let Some(report) = report() else { return };
    // search: ranker 3 × 2, finetune 1, embedder 4 × 1g.10gb of an A100-80 (1/7 each), reranker two slices of 14
    // of 98 multiprocessors and, by its prioritized list, one whole H100. vision: trainer 8, big-mem 1, the
    // extended resource 1, 3g.40gb 4/8. agents: 6 of 4 replicas a card, one claim of two pods.
    for (tenant, allocated, stale) in [
        ("search", 6.0 + 1.0 + 4.0 / 7.0 + 2.0 / 7.0 + 1.0, 0.0),
        ("vision", 8.0 + 1.0 + 1.0 + 0.5, 1.0),
        ("agents", 6.0 / 4.0 + 1.0, 0.0),
        ("platform", 4.0, 0.0),
        ("notebooks", 1.0, 2.0),
        ("vc-host/agent-7", 1.0, 0.0),
    ] {
        let row = row(&report["tenants"], "tenant", tenant);
        near(&row["allocated_gpu_hours"], allocated);
        near(&row["stale_claim_gpu_hours"], stale);
    }
    // Admin access holds nothing.
    let tenants = report["tenants"].as_array().expect("a list");
    assert!(tenants.iter().all(|t| t["tenant"] != "monitoring"));
}

#[test]
fn nothing_of_the_hardware_is_lost() {
    let Some(report) = report() else { return };
    let fleet = &report["fleet"];
    assert_eq!(fleet["gpus"], 38);
    near(&fleet["capacity_gpu_hours"], 38.0);
    near(&fleet["allocated_gpu_hours"], 27.857);
    near(&fleet["unobserved_gpu_hours"], 27.857);
    near(&fleet["stale_claim_gpu_hours"], 3.0);
    let part = |field: &str| fleet[field].as_f64().expect("a number");
    let unheld =
        part("unallocated_gpu_hours") + part("stranded_gpu_hours") + part("unhealthy_gpu_hours");
    assert!((unheld - 7.143).abs() < 5e-4, "{unheld}");
    assert_eq!(report["reconciliation"]["balanced"], true);
}

#[test]
fn each_gpu_says_how_it_is_shared_and_by_whom() {
    let Some(report) = report() else { return };
    let modes: Vec<(&str, u64)> = report["modes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| (m["mode"].as_str().expect("text"), m["gpus"].as_u64().expect("a count")))
        .collect();
    assert_eq!(
        modes,
        [("dra", 13), ("dra-partition", 1), ("exclusive", 18), ("mig", 2), ("time-slicing", 4)]
    );
    // One claim, two pods, one GPU (trap 4).
    let shared = row(&report["gpus"], "uuid", "GPU-b7f40e0b-4a51-6d1b-e89c-850dc62deb51");
    let holders = shared["holders"].as_array().expect("a list");
    assert_eq!(holders.len(), 2);
    holders.iter().for_each(|h| near(&h["share"], 0.5));
    // Request and claim name the same GPU (trap 5).
    let extended = row(&report["gpus"], "uuid", "GPU-c3925171-6e1b-33e2-ca1c-b2d48f3a1ac6");
    assert_eq!(extended["holders"].as_array().expect("a list").len(), 1);
    near(&extended["allocated_gpu_hours"], 1.0);
}
