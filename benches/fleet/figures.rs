//! Whether reports say the same, and whether they say what the fleet is.

use serde_json::Value;

use crate::fleet::{DAY_MS, Size};

/// Parts of a report that say how it was read, and when.
const OF_THE_RUN: [&str; 3] = ["generated_at", "sources", "warnings"];

/// Where two reports differ, as paths; at most `most`.
pub(crate) fn differences(one: &Value, other: &Value, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    compare("", one, other, &mut found);
    found.truncate(most);
    found
}

fn compare(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a.iter().filter(|(key, _)| !OF_THE_RUN.contains(&key.as_str())) {
                compare(&format!("{path}/{key}"), value, &b[key], found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}/{n}"), a, b, found);
            }
        }
        _ if one != other => found.push(format!("{path}: {one:.80} and {other:.80}")),
        _ => {}
    }
}

/// What a report says that the fleet is not.
pub(crate) fn doubts(report: &Value, size: Size) -> Vec<String> {
    let mut doubts = Vec::new();
    let mut expect = |what: &str, is: f64, wanted: f64| {
        if (is - wanted).abs() > wanted * 1e-3 {
            doubts.push(format!("{what}: {is}, not {wanted}"));
        }
    };
    let number =
        |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let hours = size.gpus as f64 * (size.days * DAY_MS) as f64 / 3_600_000.0;
    expect("GPU-hours of capacity", number("/fleet/capacity_gpu_hours"), hours);
    let rows = |key: &str| report[key].as_array().map_or(0, Vec::len) as f64;
    expect("GPUs", rows("gpus"), size.gpus as f64);
    expect("tenants", rows("tenants"), size.gpus.min(40) as f64);
    expect("workloads", rows("workloads"), size.pods().count() as f64);
    if report.to_string().contains("__unattributed__") {
        doubts.push("something is unattributed".to_owned());
    }
    doubts
}

/// Series that the report was made from, all queries together.
pub(crate) fn series(report: &Value) -> u64 {
    let sources = report.pointer("/coverage/sources").and_then(Value::as_array);
    let of = |source: &Value| -> Option<u64> {
        source["detail"].as_str()?.split_once(" series")?.0.parse().ok()
    };
    sources.into_iter().flatten().filter_map(of).sum()
}
