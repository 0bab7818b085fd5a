//! `gpu-finops demo` against the figures that `fixtures/demo/README.md` works by hand.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::gpu_finops;

fn demo() -> Value {
    let output = gpu_finops().args(["demo", "-o", "json"]).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn assert_figures(row: &Value, expected: &[(&str, f64)]) {
    for (field, value) in expected {
        let got = row[field].as_f64().unwrap_or_else(|| panic!("{field} is a number in {row}"));
        assert!((got - value).abs() < 1e-6, "{field}: {got}, by hand {value}");
    }
}

#[test]
fn the_fleet_is_what_was_worked_by_hand() {
    let report = demo();
    assert_figures(
        &report["fleet"],
        &[
            ("gpus", 24.0),
            ("nodes", 3.0),
            ("capacity_gpu_hours", 4_032.0),
            ("allocated_gpu_hours", 2_436.0),
            ("busy_gpu_hours", 890.4),
            ("slack_gpu_hours", 624.9),
            ("idle_warm_gpu_hours", 716.0),
            ("idle_empty_gpu_hours", 180.2),
            ("unobserved_gpu_hours", 24.5),
            ("stale_claim_gpu_hours", 0.0),
            ("unallocated_gpu_hours", 1_140.0),
            ("stranded_gpu_hours", 96.0),
            ("unhealthy_gpu_hours", 360.0),
            ("utilization", 890.4 / 2_411.5),
            ("observed_ratio", 2_411.5 / 2_436.0),
            ("allocation_rate", 2_436.0 / 4_032.0),
            ("busy_of_capacity", 890.4 / 4_032.0),
            ("capacity_cost", 23_555.448),
            ("allocated_cost", 14_592.597),
            ("waste_cost", 8_827.245_568_75),
            ("unallocated_cost", 6_124.479),
            ("stranded_cost", 361.572),
            ("unhealthy_cost", 2_476.8),
            ("waste_cost_per_month", 8_827.245_568_75 * 730.0 / 168.0),
        ],
    );
    assert_eq!(report["reconciliation"]["balanced"], true);
    // 5 scrapes of the replaced exporter × 8 GPUs × 3 fields; 15 samples of one outage and a single one.
    let dropped = &report["coverage"]["samples_dropped"];
    assert_eq!((&dropped["duplicate"], &dropped["sentinel"]), (&120.into(), &16.into()));
}

#[test]
fn tenants_are_what_was_worked_by_hand() {
    // Held, busy, slack, idle_warm, idle_empty, unobserved, USD, rule.
    let by_hand: BTreeMap<&str, ([f64; 7], &str)> = BTreeMap::from([
        ("chat", ([840.0, 403.2, 268.8, 168.0, 0.0, 0.0, 5_779.2], "namespace-label:tenant")),
        ("research", ([840.0, 302.4, 33.6, 336.0, 168.0, 0.0, 5_779.2], "namespace-label:tenant")),
        ("data", ([21.0, 19.95, 1.05, 0.0, 0.0, 0.0, 144.48], "namespace-label:tenant")),
        ("media", ([336.0, 78.4, 33.6, 212.0, 0.0, 12.0, 1_265.502], "namespace-label:tenant")),
        ("speech", ([168.0, 48.45, 113.05, 0.0, 0.0, 6.5, 632.751], "pod-label:team")),
        ("vc-agents/agents", ([168.0, 16.2, 145.8, 0.0, 0.0, 6.0, 632.751], "vcluster")),
        ("agent-platform", ([24.0, 2.4, 9.6, 0.0, 12.0, 0.0, 90.393], "namespace-label:tenant")),
        ("vision", ([39.0, 19.4, 19.4, 0.0, 0.2, 0.0, 268.32], "namespace")),
    ]);
    let report = demo();
    let tenants = report["tenants"].as_array().expect("a list");
    assert_eq!(tenants.len(), by_hand.len());
    let fields = [
        "allocated_gpu_hours",
        "busy_gpu_hours",
        "slack_gpu_hours",
        "idle_warm_gpu_hours",
        "idle_empty_gpu_hours",
        "unobserved_gpu_hours",
        "cost",
    ];
    for tenant in tenants {
        let (figures, rule) = by_hand[tenant["tenant"].as_str().expect("a name")];
        let expected: Vec<_> = fields.into_iter().zip(figures).collect();
        assert_figures(tenant, &expected);
        assert_eq!(tenant["rule"], rule, "{}", tenant["tenant"]);
    }
}

#[test]
fn workloads_and_findings_tell_the_story() {
    let report = demo();
    let workloads: Vec<String> = report["workloads"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|w| format!("{}/{}/{}", w["namespace"], w["kind"], w["name"]).replace('"', ""))
        .collect();
    for expected in [
        "chat-prod/Deployment/chat-llm",
        "research/StatefulSet/nb-ana",
        "data-pipelines/CronJob/embed-nightly",
        "research/Job/llm-finetune",
        "agent-sandboxes/Sandbox/coder-7f",
    ] {
        assert!(workloads.iter().any(|w| w == expected), "{expected} is not among {workloads:?}");
    }
    let findings: Vec<String> = report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| format!("{} {}", f["rule"], f["evidence"]["gpus_used"]).replace('"', ""))
        .collect();
    assert_eq!(findings, ["unused-gpus 4", "never-used null", "never-used null", "left-idle null"]);
}

/// The README shows what the program prints.
#[test]
fn the_readme_shows_this_output() {
    let readme = include_str!("../README.md");
    let output = gpu_finops().arg("demo").env("COLUMNS", "80").output().expect("runs");
    let printed = String::from_utf8(output.stdout).expect("text");
    let block = readme.split("<!-- demo -->").nth(1).and_then(|t| t.split("```text\n").nth(1));
    let shown = block.and_then(|t| t.split("```").next()).expect("the README has a demo block");
    for line in shown.lines().filter(|l| !l.is_empty() && *l != "…") {
        assert!(printed.contains(line), "the demo no longer prints: {line}");
    }
}

/// `reports/demo` holds the demo in every text format: examples for readers, and a net for changes.
#[test]
fn every_format_is_as_published() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/demo");
    for (file, arguments) in [
        ("tenants.txt", &["-o", "table"][..]),
        ("workloads-wide.txt", &["-o", "wide", "--by", "workload"]),
        ("report.json", &["-o", "json"]),
        ("pods.csv", &["-o", "csv", "--by", "pod"]),
        ("namespaces.md", &["-o", "markdown", "--by", "namespace"]),
    ] {
        let output =
            gpu_finops().arg("demo").args(arguments).env("COLUMNS", "80").output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = dir.join(file);
        if std::env::var_os("GPU_FINOPS_BLESS").is_some() {
            std::fs::create_dir_all(&dir).expect("writable");
            std::fs::write(&path, &output.stdout).expect("writable");
        }
        let published = std::fs::read(&path).expect("published");
        assert!(
            published == output.stdout,
            "{file} differs: look, then run again with GPU_FINOPS_BLESS=1"
        );
    }
}
