//! A report's ledger as small JSON: GPU-hours by state where there are any, and who had which share.

use std::collections::BTreeMap;

use gpu_finops::report::contract::{Ledger, Report};
use serde_json::{Map, Value, json};

/// GPU-hours and shares closer than this are the same.
const TOLERANCE: f64 = 1e-6;

/// Fleet, tenants, pods and GPUs. What is 0 is left out; a second pod of one name has its UID behind it.
pub(super) fn of(report: &Report) -> Value {
    let mut pods: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for pod in &report.pods {
        let mut key = format!("{}/{}", pod.namespace, pod.pod);
        if pods.contains_key(&key) {
            key = format!("{key} {}", pod.uid.as_deref().unwrap_or_default());
        }
        let before = pods.insert(key.clone(), states(&pod.ledger));
        assert!(before.is_none(), "{key} has one row");
    }
    let tenants: BTreeMap<&str, _> =
        report.tenants.iter().map(|t| (t.tenant.as_str(), states(&t.ledger))).collect();
    let gpus: BTreeMap<&str, _> = report
        .gpus
        .iter()
        .map(|gpu| {
            let mut row = states(&gpu.ledger);
            row.insert("sharing".into(), json!(gpu.sharing));
            let mut holders: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            for h in &gpu.holders {
                holders.entry(format!("{}/{}", h.namespace, h.name)).or_default().push(h.share);
            }
            if !holders.is_empty() {
                row.insert("holders".into(), json!(holders));
            }
            (gpu.uuid.as_str(), row)
        })
        .collect();
    json!({"fleet": states(&report.fleet.ledger), "tenants": tenants, "pods": pods, "gpus": gpus})
}

fn states(l: &Ledger) -> Map<String, Value> {
    [
        ("capacity", l.capacity_gpu_hours.unwrap_or(0.0)),
        ("busy", l.busy_gpu_hours),
        ("slack", l.slack_gpu_hours),
        ("idle_warm", l.idle_warm_gpu_hours),
        ("idle_empty", l.idle_empty_gpu_hours),
        ("unobserved", l.unobserved_gpu_hours),
        ("stale_claim", l.stale_claim_gpu_hours),
        ("unallocated", l.unallocated_gpu_hours),
        ("stranded", l.stranded_gpu_hours),
        ("unhealthy", l.unhealthy_gpu_hours),
        ("estimated", l.estimated_gpu_hours),
    ]
    .into_iter()
    .filter(|(_, hours)| hours.abs() > 1e-9)
    .map(|(name, hours)| (name.to_owned(), json!(hours)))
    .collect()
}

/// Where two ledgers differ, by path.
pub(super) fn differences(expected: &Value, seen: &Value) -> Vec<String> {
    let mut out = Vec::new();
    compare("", expected, seen, &mut out);
    out
}

fn compare(path: &str, expected: &Value, seen: &Value, out: &mut Vec<String>) {
    match (expected, seen) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}/{key}"), &of(a), &of(b), out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{n}]"), a, b, out);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            if (a - b).abs() > TOLERANCE || a.is_nan() || b.is_nan() {
                out.push(format!("{path}: expected {a}, got {b}"));
            }
        }
        _ if expected == seen => {}
        _ => out.push(format!("{path}: expected {expected}, got {seen}")),
    }
}
