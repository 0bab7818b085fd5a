//! Sharing that annotations tell of: the figures that the READMEs of `fixtures/modes` work by hand, and
//! real objects of Run:ai.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Outcome, close, gpu_finops, row, test_data, warnings};

fn report_of(path: &Path) -> Value {
    let mut command = gpu_finops();
    command
        .args(["report", "--no-metrics", "--window", "1h", "--now", "2026-11-20T12:00:00Z"])
        .args(["--price", "*=2", "-o", "json", "--objects"])
        .arg(path);
    let report = Outcome::of(&mut command).json();
    assert_eq!(report["reconciliation"]["balanced"], true);
    report
}

fn mode(name: &str) -> Value {
    report_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/modes").join(name))
}

/// Exactly these pods with these GPU-hours.
#[track_caller]
fn pods(report: &Value, expected: &[(&str, f64)]) {
    assert_eq!(report["pods"].as_array().map(Vec::len), Some(expected.len()), "{}", report["pods"]);
    for (name, hours) in expected {
        close(row(&report["pods"], "pod", name), "allocated_gpu_hours", *hours);
    }
}

/// Exactly these GPUs with mode, model and GPU-hours that nobody holds.
#[track_caller]
fn gpus(report: &Value, expected: &[(&str, &str, &str, f64)]) {
    assert_eq!(report["gpus"].as_array().map(Vec::len), Some(expected.len()), "{}", report["gpus"]);
    for (id, sharing, model, unheld) in expected {
        let gpu = row(&report["gpus"], "uuid", id);
        assert_eq!(
            (&gpu["sharing"], &gpu["model"]),
            (&(*sharing).into(), &(*model).into()),
            "{id}"
        );
        close(gpu, "unallocated_gpu_hours", *unheld);
    }
}

#[track_caller]
fn warned(report: &Value, code: &str, parts: &[&str]) {
    let warning = row(&report["coverage"]["warnings"], "code", code);
    for part in parts {
        assert!(warning["message"].as_str().is_some_and(|m| m.contains(part)), "{warning}");
    }
}

#[test]
fn trap_10_hami_counts_a_card_ten_times_and_the_ledger_once() {
    let report = mode("hami");
    pods(
        &report,
        &[
            ("quarter-0", 0.25),
            ("quarter-1", 0.25),
            ("quarter-2", 0.25),
            ("quarter-3", 0.25),
            ("half", 0.5),
            ("two-containers", 0.14375),
            ("torn", 0.1),
            ("over-0", 1.0 / 3.0),
            ("over-1", 1.0 / 3.0),
            ("over-2", 1.0 / 3.0),
            ("volcano", 0.25),
        ],
    );
    let id = |n: u32| format!("GPU-aaaaaaaa-0000-4000-8000-00000000000{n}");
    gpus(
        &report,
        &[
            (&id(1), "vgpu", "Tesla V100-PCIE-32GB", 0.0),
            (&id(2), "vgpu", "Tesla V100-PCIE-32GB", 0.25625),
            (&id(3), "vgpu", "NVIDIA A10", 0.0),
            (&id(4), "vgpu", "Tesla T4", 0.75),
        ],
    );
    close(&report["fleet"], "allocated_gpu_hours", 2.99375);
    warned(&report, "bad-annotation", &["lab/torn", ",NVIDIA,lots,10:;", "by its request"]);
    assert_eq!(report["coverage"]["unobserved_gpu_hours"]["device-unknown"], 0.1);
}

#[test]
fn kai_cards_go_to_the_pods_behind_the_reservation() {
    let report = mode("kai");
    pods(
        &report,
        &[("half", 0.5), ("by-memory", 0.25), ("alone", 0.3), ("gpu-reservation-kai-2", 1.0)],
    );
    let model = "NVIDIA-A100-SXM4-80GB";
    gpus(
        &report,
        &[
            ("kai-1/gpu-0", "fraction", model, 0.25),
            ("kai-1/gpu-1", "fraction", model, 0.7),
            ("kai-2/gpu-0", "exclusive", model, 0.0),
        ],
    );
    close(&report["fleet"], "allocated_gpu_hours", 2.05);
    warned(&report, "bad-annotation", &["team-b/torn", "gpu-fraction", "\"half\""]);
}

#[test]
fn trap_15_cards_of_virtual_machines_are_held_and_cannot_be_looked_at() {
    let report = mode("passthrough");
    pods(&report, &[("virt-launcher-db", 1.0), ("kata-0", 1.0), ("virt-launcher-ml", 1.0)]);
    gpus(
        &report,
        &[
            ("vm-1/gpu-0", "exclusive", "NVIDIA H100 PCIe", 0.0),
            ("vm-1/gpu-1", "exclusive", "NVIDIA H100 PCIe", 1.0),
            ("kata-1/gpu-0", "exclusive", "NVIDIA H100 PCIe", 0.0),
            ("GPU-bbbbbbbb-0000-4000-8000-000000000001", "dra", "NVIDIA H100 PCIe", 0.0),
        ],
    );
    close(&report["coverage"]["unobserved_gpu_hours"], "passthrough", 3.0);
    let codes = warnings(&report);
    assert!(!codes.contains(&"silent-devices") && !codes.contains(&"no-dcgm-series"), "{codes:?}");
}

const RUNAI_NODE: &str = "\
apiVersion: v1
kind: Node
metadata:
  name: i-0b498db53280b86a6
status:
  capacity:
    nvidia.com/gpu: \"1\"
  allocatable:
    nvidia.com/gpu: \"1\"
";

#[test]
fn a_real_fraction_of_runai_has_its_half() {
    let Some(data) = test_data() else {
        eprintln!("left out: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runai-fraction");
    fs::create_dir_all(&folder).expect("a folder of our own");
    for name in ["2.17__fractional_pod.yaml", "2.17__fractional_pod_reservation.yaml"] {
        fs::copy(data.join("scrapes/objects_runai").join(name), folder.join(name)).expect("there");
    }
    fs::write(folder.join("node.yaml"), RUNAI_NODE).expect("written");
    let report = report_of(&folder);
    pods(&report, &[("frac-1-0-0", 0.5)]);
    gpus(&report, &[("i-0b498db53280b86a6/gpu-0", "fraction", "unknown", 0.5)]);
}
