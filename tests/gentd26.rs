//! A real fleet's day against independent figures: 120 A100s, 144 pods, 22.8 hours.
//!
//! The trace is not part of the project. `GPU_FINOPS_TEST_DATA` names the folder that holds it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::common::prometheus::Prometheus;
use crate::common::store::{fill, without_sources};
use crate::common::victoria::Victoria;
use crate::common::{csv_rows, gpu_finops, test_data};

const START: &str = "2026-11-20T00:00:00Z";
pub(crate) const END: &str = "2026-11-20T22:48:57Z";
const START_UNIX: i64 = 1_795_132_800;
const END_UNIX: i64 = START_UNIX + 82_137;

struct Fleet {
    data: PathBuf,
    server: Prometheus,
}

/// The trace in a real Prometheus, imported once; `None` where the trace is not at hand.
fn fleet() -> Option<&'static Fleet> {
    static FLEET: OnceLock<Option<Fleet>> = OnceLock::new();
    FLEET
        .get_or_init(|| {
            let Some(data) = test_data() else {
                eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
                return None;
            };
            Some(Fleet { server: Prometheus::with_openmetrics(&openmetrics(&data)), data })
        })
        .as_ref()
}

fn openmetrics(data: &Path) -> Vec<u8> {
    let unzipped =
        Command::new("gzip").args(["-dc"]).arg(data.join("gentd26/metrics.om.gz")).output();
    unzipped.expect("gzip is installed").stdout
}

/// Two hours of the day, with what a report on them reads before and after: a whole day takes minutes to
/// take in without optimisation.
#[test]
fn the_store_says_the_same() {
    let Some(fleet) = fleet() else { return };
    let (start, end) = (START_UNIX + 8 * 3_600, START_UNIX + 10 * 3_600);
    let mut text = String::new();
    openmetrics(&fleet.data).as_slice().read_to_string(&mut text).expect("text");
    let is_near = |line: &&str| {
        let at = line.rsplit(' ').next().and_then(|at| at.parse::<i64>().ok());
        at.is_some_and(|at| (start - 900..end + 300).contains(&at))
    };
    let near: Vec<&str> = text.lines().filter(is_near).chain(["# EOF\n"]).collect();
    assert!(near.len() > 50_000, "{} samples", near.len());
    let folder = tempfile::TempDir::new().expect("temporary folder");
    fill(folder.path(), near.join("\n").as_bytes());
    let window = ["--no-kubernetes", "--window", "2026-11-20T08:00:00Z,2026-11-20T10:00:00Z"];
    let of_store = run_on(&["--store", folder.path().to_str().expect("UTF-8")], &window);
    assert_eq!(of_store["fleet"]["gpus"], 120);
    let of_server = run_on(&["--prometheus", &fleet.server.url()], &window);
    assert_eq!(without_sources(of_store), without_sources(of_server));
}

/// The folder's objects, with one of the two lists of pods.
fn objects(data: &Path, pods: &str) -> tempfile::TempDir {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    for name in ["nodes.json", "namespaces.json", "deployments.json", "replicasets.json", pods] {
        std::fs::copy(data.join("gentd26/objects").join(name), dir.path().join(name))
            .expect("copied");
    }
    dir
}

/// The report with the folder's objects.
fn report(fleet: &Fleet, pods: &str) -> Value {
    let objects = objects(&fleet.data, pods);
    run(fleet, &["--objects", objects.path().to_str().expect("UTF-8")])
}

/// The report from metrics alone: a hold begins with the first sample, which is where the
/// independent computation begins too.
fn report_of_metrics(fleet: &Fleet) -> Value {
    run(fleet, &["--no-kubernetes"])
}

fn run(fleet: &Fleet, more: &[&str]) -> Value {
    run_at(&fleet.server.url(), more)
}

fn run_at(url: &str, more: &[&str]) -> Value {
    let window = ["--start", START, "--end", END];
    run_on(&["--prometheus", url], &[&window[..], more].concat())
}

/// What is recommended on the day, with the objects that were alive at its end; `None` without the trace.
pub(crate) fn recommended() -> Option<Value> {
    let fleet = fleet()?;
    let objects = objects(&fleet.data, "pods_alive_at_end.json");
    let window = ["--start", START, "--end", END];
    let objects = ["--objects", objects.path().to_str().expect("UTF-8")];
    let more = [&window[..], &objects].concat();
    Some(run_command("recommend", &["--prometheus", &fleet.server.url()], &more))
}

/// The report on the day from metrics alone; `None` without the trace.
pub(crate) fn reported() -> Option<Value> {
    fleet().map(report_of_metrics)
}

/// The flags with which the day is read, prices and clock among them; `None` without the trace.
pub(crate) fn source() -> Option<Vec<String>> {
    let url = fleet()?.server.url();
    let flags = ["--prometheus", &url, "--no-kubernetes", "--price", "*A100*=2.50"];
    let now = ["--now", "2026-11-20T23:00:00Z"];
    Some(flags.into_iter().chain(now).map(ToOwned::to_owned).collect())
}

fn run_on(source: &[&str], more: &[&str]) -> Value {
    run_command("report", source, more)
}

fn run_command(command: &str, source: &[&str], more: &[&str]) -> Value {
    let output = gpu_finops()
        .arg(command)
        .args(source)
        .args(["--price", "*A100*=2.50", "-o", "json", "--now", "2026-11-20T23:00:00Z"])
        .args(more)
        .output()
        .expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

fn near(name: &str, value: f64, expected: f64, relative: f64) {
    assert!(
        (value - expected).abs() <= relative * expected.abs(),
        "{name}: {value} is not within {} % of {expected}",
        relative * 100.0
    );
}

fn number(value: &Value, field: &str) -> f64 {
    value[field].as_f64().unwrap_or_else(|| panic!("{field} is a number in {value}"))
}

fn idle_hours(row: &Value) -> f64 {
    number(row, "idle_warm_gpu_hours") + number(row, "idle_empty_gpu_hours")
}

fn check_fleet(report: &Value) {
    let fleet = &report["fleet"];
    assert_eq!(fleet["gpus"], 120);
    assert_eq!(fleet["nodes"], 15);
    near("capacity", number(fleet, "capacity_gpu_hours"), 2_737.9, 0.005);
    near("allocated", number(fleet, "allocated_gpu_hours"), 2_571.365, 0.005);
    near("unallocated", number(fleet, "unallocated_gpu_hours"), 166.535, 0.005);
    near("observed", number(fleet, "observed_gpu_hours"), 2_553.394, 0.01);
    near("idle", idle_hours(fleet), 1_798.603, 0.01);
    near("integral of utilization", number(fleet, "utilization_gpu_hours"), 176.902, 0.01);
    let utilization = number(fleet, "utilization") * 100.0;
    assert!((utilization - 6.928).abs() <= 0.07, "mean utilization {utilization} %");
    near("cost", number(fleet, "allocated_cost"), 6_428.0, 0.005);
    assert_eq!(report["reconciliation"]["balanced"], true);
    assert_eq!(report["coverage"]["complete"], true, "{}", report["coverage"]);
}

fn check_tenants(report: &Value, data: &Path) {
    let tenants: BTreeMap<&str, &Value> = report["tenants"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|t| (t["tenant"].as_str().expect("a name"), t))
        .collect();
    let expected = csv_rows(&data.join("reference/gentd26_per_tenant.csv"));
    assert_eq!(tenants.len(), expected.len());
    for row in expected {
        let tenant = tenants[row["tenant"].as_str()];
        let reference = |column: &str| row[column].parse::<f64>().expect("a number");
        near(
            "tenant observed",
            number(tenant, "observed_gpu_hours"),
            reference("observed_gpu_h"),
            0.01,
        );
        near("tenant idle", idle_hours(tenant), reference("idle1_gpu_h"), 0.01);
        near("tenant use", number(tenant, "utilization_gpu_hours"), reference("busy_gpu_h"), 0.01);
        let utilization = number(tenant, "utilization") * 100.0;
        assert!(
            (utilization - reference("mean_util_tw_pct")).abs() <= 0.07,
            "{}: {utilization}",
            row["tenant"]
        );
        assert_eq!(tenant["rule"], "namespace-label:tenant");
    }
    let allocated = csv_rows(&data.join("reference/gentd26_alloc.csv"));
    for row in allocated.iter().filter(|r| r["scope"] == "tenant") {
        let tenant = tenants[row["name"].as_str()];
        near(
            "tenant allocated",
            number(tenant, "allocated_gpu_hours"),
            row["allocated_gpu_h"].parse().expect("a number"),
            0.005,
        );
        near(
            "tenant cost",
            number(tenant, "cost"),
            row["cost_at_2.50_usd"].parse().expect("a number"),
            0.005,
        );
    }
}

#[test]
fn figures_agree_with_the_reference() {
    let Some(fleet) = fleet() else { return };
    let report = report(fleet, "pods_all.json");
    check_fleet(&report);
    check_tenants(&report, &fleet.data);
}

/// The report by one way to raw samples, without what tells of the way, and the words that do.
fn report_by(fleet: &Fleet, url: &str, transport: &str) -> (Value, String) {
    let objects = objects(&fleet.data, "pods_alive_at_end.json");
    let objects = objects.path().to_str().expect("UTF-8");
    // The last sample of some pods is 57 s after the one before it, which was 228 s after its own.
    let step = ["--prometheus-step", "50s"];
    let more = [&["--objects", objects, "--transport", transport][..], &step].concat();
    let mut report = run_at(url, &more);
    let coverage = &mut report["coverage"];
    let way = coverage["sources"][0].take()["detail"].as_str().expect("text").to_owned();
    for source in coverage["sources"].as_array_mut().expect("a list") {
        if let Some(detail) = source["detail"].as_str() {
            source["detail"] = detail.split("; gridded every").next().into();
        }
    }
    let warnings = coverage["warnings"].as_array_mut().expect("a list");
    warnings.retain(|warning| warning["code"] != "gridded");
    (report, way)
}

#[test]
fn all_transports_give_the_same_report() {
    let Some(fleet) = fleet() else { return };
    let prometheus = fleet.server.url();
    let (remote, way) = report_by(fleet, &prometheus, "remote-read");
    assert!(way.ends_with(", through remote read"), "{way}");
    check_fleet(&remote);
    let victoria = Victoria::with_openmetrics(&openmetrics(&fleet.data));
    let mut ways = vec![
        (prometheus.clone(), "query", ", through the query API"),
        (prometheus, "query-range", ", through query_range; gridded: each sample is at its own"),
    ];
    if let Some(victoria) = &victoria {
        ways.push((
            victoria.url(),
            "auto",
            ", through VictoriaMetrics' export: remote read is not",
        ));
        ways.push((victoria.url(), "query", ", through the query API"));
    }
    for (url, transport, words) in ways {
        let (report, way) = report_by(fleet, &url, transport);
        assert!(way.contains(words), "{way}");
        let differences = differences("report", &remote, &report);
        assert!(differences.is_empty(), "{transport}: {differences:#?}");
    }
}

/// Where two reports differ by more than what VictoriaMetrics rounds: it stores decimals.
fn differences(path: &str, one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().flat_map(|(k, a)| differences(&format!("{path}.{k}"), a, &b[k])).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.flat_map(|(i, (a, b))| differences(&format!("{path}[{i}]"), a, b)).collect()
        }
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64().expect("a number"), b.as_f64().expect("a number"));
            let is_near = (x - y).abs() <= 1e-9 * x.abs().max(1.0);
            if is_near { Vec::new() } else { vec![format!("{path}: {a}, {b}")] }
        }
        _ if one == other => Vec::new(),
        _ => vec![format!("{path}: {one}, {other}")],
    }
}

/// Samples of each pod's utilization straight from the OpenMetrics text, as (seconds, percent).
fn samples_by_pod(data: &Path) -> BTreeMap<String, Vec<(i64, f64)>> {
    let mut text = String::new();
    openmetrics(data).as_slice().read_to_string(&mut text).expect("text");
    let mut out: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for line in text.lines().filter(|l| l.starts_with("DCGM_FI_DEV_GPU_UTIL{")) {
        let Some((_, rest)) = line.split_once("pod=\"") else { continue };
        let (pod, rest) = rest.split_once('"').expect("quoted");
        let mut fields = rest.rsplit(' ');
        let at = fields.next().and_then(|t| t.parse().ok()).expect("seconds");
        let value = fields.next().and_then(|v| v.parse().ok()).expect("a value");
        if (START_UNIX..END_UNIX).contains(&at) {
            out.entry(pod.to_owned()).or_default().push((at, value));
        }
    }
    for samples in out.values_mut() {
        samples.sort_by_key(|s| s.0);
    }
    out
}

/// Each sample with the seconds that it holds: to the next within 300 s, else one step of 57 s.
fn held(samples: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let next = |i: usize| samples.get(i + 1).map(|n| n.0);
    samples
        .iter()
        .enumerate()
        .map(|(i, &(at, value))| {
            let end = next(i).filter(|n| n - at <= 300).unwrap_or(at + 57).min(END_UNIX);
            (end - at, value)
        })
        .collect()
}

/// Smallest value whose cumulative held time reaches `percent` of the whole.
fn weighted_percentile(held: &[(i64, f64)], percent: i64) -> f64 {
    let mut sorted = held.to_vec();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let total: i64 = sorted.iter().map(|h| h.0).sum();
    let mut sum = 0;
    for (seconds, value) in sorted {
        sum += seconds;
        if 100 * sum >= percent * total {
            return value;
        }
    }
    panic!("an empty list has no percentile")
}

#[test]
fn percentiles_of_each_pod_are_exact() {
    let Some(fleet) = fleet() else { return };
    let report = report_of_metrics(fleet);
    check_fleet(&report);
    let samples = samples_by_pod(&fleet.data);
    let mut compared = 0;
    for pod in report["pods"].as_array().expect("a list") {
        let Some(samples) = samples.get(pod["pod"].as_str().expect("a name")) else { continue };
        let held = held(samples);
        for (field, percent) in
            [("utilization_p50", 50), ("utilization_p95", 95), ("utilization_p99", 99)]
        {
            let ours = number(pod, field) * 100.0;
            let independent = weighted_percentile(&held, percent);
            assert!(
                (ours - independent).abs() < 1e-9,
                "{} {field}: {ours} is not {independent}",
                pod["pod"]
            );
        }
        let max = samples.iter().map(|s| s.1).fold(0.0, f64::max);
        assert!((number(pod, "utilization_max") * 100.0 - max).abs() < 1e-9, "{} max", pod["pod"]);
        compared += 1;
    }
    assert_eq!(compared, 143);
}

#[test]
fn percentiles_and_idle_stretches_are_near_the_unweighted_reference() {
    let Some(fleet) = fleet() else { return };
    let report = report_of_metrics(fleet);
    let pods: BTreeMap<&str, &Value> = report["pods"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| (p["pod"].as_str().expect("a name"), p))
        .collect();
    let name_of: BTreeMap<String, String> = csv_rows(&fleet.data.join("gentd26/mapping.csv"))
        .into_iter()
        .map(|mut row| {
            (row.remove("container_ip").expect("an id"), row.remove("pod").expect("a name"))
        })
        .collect();
    let reference = csv_rows(&fleet.data.join("reference/gentd26_per_pod.csv"));
    let with_samples: Vec<_> = reference.iter().filter(|r| !r["p50"].is_empty()).collect();
    assert_eq!(with_samples.len(), 143);
    let fields =
        [("utilization_p50", "p50"), ("utilization_p95", "p95"), ("utilization_p99", "p99")];
    let mut near_percentiles = [0; 3];
    let mut near_stretches = 0;
    for row in &with_samples {
        let pod = pods[name_of[&row["container_ip"]].as_str()];
        let reference = |column: &str| row[column].parse::<f64>().expect("a number");
        for (count, (field, column)) in near_percentiles.iter_mut().zip(fields) {
            *count += usize::from((number(pod, field) * 100.0 - reference(column)).abs() <= 1.0);
        }
        assert!(
            (number(pod, "utilization_max") * 100.0 - reference("max")).abs() < 1e-6,
            "max of {}",
            row["container_ip"]
        );
        let stretch = number(pod, "longest_idle_seconds") - reference("longest_idle1_h") * 3_600.0;
        near_stretches += usize::from(stretch.abs() <= 2.0 * 57.0);
        if !row["mem_max_gib"].is_empty() {
            let memory = number(pod, "memory_used_max_bytes") / 1_073_741_824.0;
            // The conversion rounds to whole MiB.
            assert!(
                (memory - reference("mem_max_gib")).abs() <= 1.0 / 1_024.0,
                "memory of {}",
                row["container_ip"]
            );
        }
    }
    for (count, (field, _)) in near_percentiles.into_iter().zip(fields) {
        assert!(count >= 130, "{field}: {count} of 143 pods within 1 point");
    }
    assert!(near_stretches * 100 >= 95 * 143, "{near_stretches} of 143 pods within two steps");
}

/// A bill made of the day's ledger closes with it, node by node; with a discount of its own on each node, its price book
/// closes the next report.
#[test]
fn a_bill_of_the_day_closes_with_the_ledger() {
    use crate::reconcile::{assert_closed, bill, reconcile};
    let Some(mut source) = source() else { return };
    source.extend(["--start", START, "--end", END].map(ToOwned::to_owned));
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let path = bill(folder.path(), &source, &[]);
    let report = reconcile(&source, &path, &["--bill-cost", "list", "-o", "json"]).json();
    assert_eq!(report["total"]["matched"], 15);
    assert_closed(&report, 0.001);
    near("bill", number(&report["total"], "bill_cost"), 2_737.9 * 2.5, 0.005);
    let in_cents = reconcile(&source, &path, &["-o", "json", "--max-difference", "0.01"]).json();
    let difference = number(&in_cents["total"], "difference");
    assert!(difference.abs() <= 0.005, "{difference}");
}
