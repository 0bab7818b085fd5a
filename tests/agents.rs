//! `fixtures/modes/agents`: virtual clusters, agent sandboxes and queues, against its README.

use std::path::Path;

use serde_json::Value;

use crate::common::{Outcome, close, gpu_finops, row};

fn fixture() -> Value {
    let objects = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/modes/agents");
    let mut command = gpu_finops();
    command.args(["report", "--no-metrics", "--window", "1h", "--price", "H100=2", "-o", "json"]);
    Outcome::of(command.arg("--objects").arg(objects)).json()
}

#[test]
fn every_workload_and_tenant_is_the_one_worked_by_hand() {
    let report = fixture();
    let mut rows: Vec<String> = report["workloads"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|w| {
            let text = |key: &str| w[key].as_str().expect("text").to_owned();
            let hours = w["allocated_gpu_hours"].as_f64().expect("number");
            let (kind, name, tenant, rule) =
                (text("kind"), text("name"), text("tenant"), text("rule"));
            format!("{kind} {name}: {hours:.3} h of {tenant} by {rule}")
        })
        .collect();
    rows.sort();
    let expected = [
        "Deployment planner: 1.000 h of vc-agents/agent-7 by vcluster",
        "Job finetune: 1.000 h of vision by queue-label:kueue.x-k8s.io/local-queue-name",
        "Job sweep: 1.000 h of research by queue-label:scheduling.volcano.sh/queue-name",
        "Pod asr-0: 1.000 h of speech-prod by queue-label:kai.scheduler/queue",
        "SandboxClaim chat: 1.000 h of assistants by namespace-label:team",
        "SandboxClaim search: 1.000 h of assistants by namespace-label:team",
        "SandboxWarmPool python: 2.000 h of assistants by namespace-label:team",
    ];
    assert_eq!(rows, expected);
    let assistants = row(&report["tenants"], "tenant", "assistants");
    close(assistants, "cost", 8.0);
    close(&report["fleet"], "unobserved_gpu_hours", 8.0);
    close(&report["fleet"], "unallocated_gpu_hours", 0.0);
}

#[test]
fn without_metrics_there_is_one_warning_and_not_one_for_each_consequence() {
    let report = fixture();
    let codes: Vec<&str> = report["coverage"]["warnings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|w| w["code"].as_str())
        .collect();
    for consequence in ["no-dcgm-series", "no-pod-history", "low-coverage", "silent-devices"] {
        assert!(!codes.contains(&consequence), "{codes:?}");
    }
    assert_eq!(codes.iter().filter(|c| **c == "no-metrics").count(), 1, "{codes:?}");
    assert_eq!(report["coverage"]["complete"], false);
}
