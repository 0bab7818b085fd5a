//! Virtual GPUs of a hypervisor, through the binary: each counts as one GPU, and the report says so.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::cluster::{ALWAYS, MODEL};
use crate::common::metrics::{OpenMetrics, labels};
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, close, gpu_finops, report, row, warnings};

#[track_caller]
fn told(report: &Value, count: &str) {
    let warning = row(&report["coverage"]["warnings"], "code", "virtual-gpus");
    let message = warning["message"].as_str().expect("text");
    assert!(message.contains(count) && message.contains("per virtual GPU"), "{message}");
    assert_eq!(report["reconciliation"]["balanced"], true);
}

#[test]
fn guests_are_told_by_the_model_that_the_exporter_reports() {
    let mut out = OpenMetrics::default();
    for (gpu, node, model) in
        [("a", "vm-1", "GRID A100-40C"), ("b", "vm-2", "GRID A100-40C"), ("c", "metal", MODEL)]
    {
        let pairs = [
            ("cluster", "guests"),
            ("UUID", gpu),
            ("gpu", "0"),
            ("Hostname", node),
            ("modelName", model),
            ("namespace", "ns"),
            ("pod", node),
            ("container", "main"),
        ];
        out.series("DCGM_FI_DEV_GPU_UTIL", &labels(&pairs), ALWAYS, |_| 50.0);
    }
    let server = Prometheus::with_openmetrics(&out.finish());
    let report = Outcome::of(report(&server.url(), "guests").args(["-o", "json"])).json();
    told(&report, ": 2 × GRID A100-40C;");
    close(&report["fleet"], "allocated_gpu_hours", 12.0);
    assert_eq!(row(&report["gpus"], "uuid", "a")["model"], "GRID A100-40C");
}

const NODE: &str = "
apiVersion: v1
kind: Node
metadata: {name: vm-1, labels: {nvidia.com/gpu.product: PRODUCT, nvidia.com/gpu.count: '1'}}
status: {capacity: {nvidia.com/gpu: '1'}, allocatable: {nvidia.com/gpu: '1'}}
";

fn of_product(product: &str) -> Value {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    fs::create_dir_all(&folder).expect("a folder of our own");
    let file = folder.join(format!("{product}.yaml"));
    fs::write(&file, NODE.replace("PRODUCT", product)).expect("written");
    let mut command = gpu_finops();
    command.args(["report", "--no-metrics", "--window", "1h", "-o", "json", "--objects"]).arg(file);
    Outcome::of(&mut command).json()
}

#[test]
fn guests_are_told_by_the_label_of_their_node() {
    told(&of_product("GRID-A100-40C"), ": 1 × GRID-A100-40C;");
    let card = of_product("NVIDIA-A100-SXM4-40GB");
    assert!(!warnings(&card).contains(&"virtual-gpus"), "{}", card["coverage"]);
}
