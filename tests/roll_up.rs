//! `roll-up`, and `report --store` on what it keeps.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::cluster::{self, Shape};
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::store::without_sources;
use crate::common::{Outcome, close, gpu_finops, row, warnings};
use crate::settings_reference::in_repository;

/// The demo's week, and a clock after it.
pub(crate) const WEEK: &str = "2026-11-09,2026-11-16";
const NOW: &str = "2026-11-16T00:05:00Z";

fn run(args: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    Outcome::of(command.args(args).args(["--now", NOW]))
}

fn demo() -> String {
    in_repository("fixtures/demo").to_str().expect("UTF-8").to_owned()
}

/// Rolls up days of the demo as a cluster of this name.
pub(crate) fn rolled_up(store: &Path, cluster: &str, window: &str) {
    let store = store.to_str().expect("UTF-8");
    let args = ["roll-up", "--store", store, "--cluster", cluster, "--snapshot", &demo()];
    let outcome = run(&[&args[..], &["--window", window]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
}

pub(crate) fn report(store: &Path, args: &[&str]) -> Outcome {
    let store = store.to_str().expect("UTF-8");
    let mut all = vec!["report", "--store", store];
    for (flag, value) in [("--window", WEEK), ("-o", "json")] {
        if !args.contains(&flag) {
            all.extend([flag, value]);
        }
    }
    run(&[&all, args].concat())
}

/// Every file below a folder with its content.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => out.extend(files(&path)),
            false => drop(out.insert(path.clone(), fs::read(&path).expect("a file"))),
        }
    }
    out
}

#[test]
fn seven_days_rolled_up_are_the_week() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "demo", WEEK);
    for scope in [&[][..], &["--tenant", "research"], &["-l", "app=chat-llm"], &["-n", "media"]] {
        let whole = ["report", "--snapshot", &demo(), "--cluster", "demo", "-o", "json"];
        let whole = run(&[&whole[..], scope].concat()).json();
        let added_up = report(&store, scope).json();
        assert_eq!(without_sources(added_up), without_sources(whole), "{scope:?}");
    }
    let first = files(&store);
    assert_eq!(first.len(), 1 + 7 * 6);
    // Again, two days at once and one by one.
    rolled_up(&store, "demo", WEEK);
    assert!(files(&store) == first, "the same inputs, other bytes");
    for index in ["0", "6"] {
        let store = store.to_str().expect("UTF-8");
        let args = ["roll-up", "--store", store, "--cluster", "demo", "--snapshot", &demo()];
        let outcome = run(&[&args[..], &["--window", WEEK, "--day-index", index]].concat());
        assert!(outcome.err.contains(if index == "0" { "2026-11-09" } else { "2026-11-15" }));
    }
    assert!(files(&store) == first, "the same inputs, other bytes");
}

#[test]
fn what_is_missing_is_told_and_not_zero() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "demo", "2026-11-09,2026-11-14");
    let days = store.join("cluster=demo");
    fs::remove_dir_all(days.join("date=2026-11-10")).expect("removed");
    fs::write(days.join("date=2026-11-11/ledger/0.parquet"), "not Parquet").expect("written");
    fs::remove_file(days.join("date=2026-11-12/holders/0.parquet")).expect("removed");
    let found = report(&store, &[]).json();
    close(&found["fleet"], "capacity_gpu_hours", 2.0 * 24.0 * 24.0);
    assert_eq!(warnings(&found), ["missing-part"; 3]);
    let text = found["coverage"]["warnings"].to_string();
    for part in [
        "cluster demo, 2026-11-10 and 2 more: there is no roll-up",
        "cluster demo, 2026-11-11: its roll-up cannot be used (`ledger/0.parquet` cannot be read",
        "cluster demo, 2026-11-12: its roll-up cannot be used (`holders/0.parquet` is missing)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let line = row(&found["coverage"]["sources"], "name", "cluster/demo");
    assert_eq!((&line["status"], &line["detail"]), (&json!("partial"), &json!("2 of 7 days")));
    report(&store, &["--strict"]).failed_with(4, &["2026-11-10 and 2 more"]);
    // A cluster of which there is nothing at all.
    let found = report(&store, &["--cluster", "demo", "--cluster", "gone"]).json();
    let text = found["coverage"]["warnings"].to_string();
    assert!(text.contains("cluster gone, 2026-11-09 and 6 more: there is no roll-up"), "{text}");
    report(&store, &["--cluster", "gone"])
        .failed_with(1, &["has no roll-up from 2026-11-09", "of gone it has nothing"]);
}

#[test]
fn a_later_version_is_left_out_and_says_so() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "demo", "2026-11-09,2026-11-11");
    let header = store.join("cluster=demo/date=2026-11-09/partition.json");
    let text = fs::read_to_string(&header).expect("a header");
    let later = text.replace("\"format_version\": 1", "\"format_version\": 2");
    fs::write(&header, later).expect("written");
    let found = report(&store, &[]).json();
    let text = found["coverage"]["warnings"].to_string();
    assert!(
        text.contains("2026-11-09: its roll-up cannot be used (it has format version 2"),
        "{text}"
    );
    // Money of another currency does not add up.
    fs::write(&header, text_with(&text_of(&store, "2026-11-10"), "\"USD\"", "\"EUR\""))
        .expect("written");
    let moved = store.join("cluster=other/date=2026-11-10");
    fs::create_dir_all(moved.parent().expect("a folder")).expect("made");
    fs::rename(store.join("cluster=demo/date=2026-11-09"), moved).expect("moved");
    let header = store.join("cluster=other/date=2026-11-10/partition.json");
    let named = fs::read_to_string(&header).expect("a header");
    fs::write(&header, text_with(&named, "\"cluster\": \"demo\"", "\"cluster\": \"other\""))
        .expect("written");
    report(&store, &[]).failed_with(1, &["in USD and in EUR", "--cluster"]);
    assert_eq!(report(&store, &["--cluster", "demo"]).json()["currency"], "USD");
}

fn text_of(store: &Path, day: &str) -> String {
    let path = store.join(format!("cluster=demo/date={day}/partition.json"));
    fs::read_to_string(path).expect("a header")
}

fn text_with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}: {text}");
    text.replace(from, to)
}

#[test]
fn clusters_with_the_same_names_never_mix() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "east", WEEK);
    rolled_up(&store, "west", WEEK);
    let one = report(&store, &["--cluster", "east"]).json();
    let both = report(&store, &[]).json();
    assert_eq!(both["reconciliation"]["balanced"], true);
    let number = |v: &Value, field: &str| v[field].as_f64().unwrap_or_else(|| panic!("{field}"));
    let count = |v: &Value, list: &str| v[list].as_array().expect("a list").len();
    for field in ["capacity_gpu_hours", "waste_cost", "gpus", "nodes", "gpus_peak"] {
        close(&both["fleet"], field, 2.0 * number(&one["fleet"], field));
    }
    for field in ["utilization_p50", "utilization_p95", "longest_idle_seconds", "utilization"] {
        close(&both["fleet"], field, number(&one["fleet"], field));
    }
    // A tenant is one, everything else is of its cluster.
    assert_eq!(count(&both, "tenants"), count(&one, "tenants"));
    for list in ["namespaces", "workloads", "pods", "gpus", "nodes", "findings"] {
        assert_eq!(count(&both, list), 2 * count(&one, list), "{list}");
        for cluster in ["east", "west"] {
            let rows = both[list].as_array().expect("a list").iter();
            let mine: Vec<Value> = rows.filter(|r| r["cluster"] == cluster).cloned().collect();
            let mut expected = one[list].clone();
            for row in expected.as_array_mut().expect("a list") {
                row["cluster"] = json!(cluster);
                if list == "findings" {
                    row["id"] =
                        json!(text_with(row["id"].as_str().expect("text"), "east", cluster));
                }
            }
            assert_eq!(json!(mine), expected, "{list} of {cluster}");
        }
    }
    let research = |report: &Value| number(row(&report["tenants"], "tenant", "research"), "cost");
    assert!((research(&both) - 2.0 * research(&one)).abs() < 1e-6);
    assert_eq!(row(&both["clusters"], "cluster", "west")["gpus"], 24);
    let table = report(&store, &["--by", "node", "-o", "table"]);
    assert!(table.text().contains("east: ") && table.text().contains("west: "), "{}", table.text());
}

#[test]
fn wrong_usage_says_what_to_do() {
    let folder = TempDir::new().expect("temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let store = folder.path().join("store");
    rolled_up(&store, "demo", "2026-11-09,2026-11-10");
    let demo = demo();
    let roll_up = |args: &[&str]| run(&[&["roll-up", "--snapshot", &demo], args].concat());
    roll_up(&["--cluster", "c"]).failed_with(2, &["nowhere to keep", "--store DIR"]);
    roll_up(&["--store", &path("x")]).failed_with(2, &["need a name", "--cluster NAME"]);
    let named = ["--store", &path("x"), "--cluster", "c"];
    let roll_up = |args: &[&str]| roll_up(&[&named[..], args].concat());
    roll_up(&["--day", "yesterday"]).failed_with(2, &["`--day`", "YYYY-MM-DD"]);
    // A sample may speak for the end of the day for as long as --max-gap.
    roll_up(&["--day", "2026-11-16"]).failed_with(2, &["2026-11-16 is not over"]);
    roll_up(&["--day", "2026-11-15", "--max-gap", "10m"]).failed_with(2, &["or too fresh"]);
    roll_up(&["--window", "36h"]).failed_with(2, &["within a day", "whole UTC days"]);
    roll_up(&["--window", WEEK, "--day-index", "7"])
        .failed_with(2, &["beyond the last", "7 parts"]);
    roll_up(&["--day", "2026-11-08"]).failed_with(2, &["not within that of the snapshot"]);
    roll_up(&["--cluster", "d"]).failed_with(2, &["each needs a place"]);
    // Folders of another kind.
    fs::create_dir(folder.path().join("thesis")).expect("made");
    fs::write(folder.path().join("thesis/a.tex"), "").expect("written");
    let other =
        ["roll-up", "--snapshot", &demo, "--cluster", "c", "--day", "2026-11-09", "--store"];
    run(&[&other[..], &[&path("thesis")]].concat()).failed_with(1, &["it holds `a.tex`"]);
    run(&["report", "--store", &path("thesis")]).failed_with(1, &["neither roll-ups nor scrapes"]);
    run(&["doctor", "--store", &path("store")]).failed_with(1, &["has roll-ups, not scrapes"]);
    // What was decided when it was rolled up.
    let late = report(&store, &["--idle-below", "5%"]);
    assert!(late.err.contains("`policy.idle_below` was decided when"), "{}", late.err);
    report(&store, &["--window", "2026-11-09T01:00:00Z,2026-11-10"])
        .failed_with(2, &["starts at 2026-11-09T01:00:00Z, within a day"]);
    run(&["report", "--snapshot", &demo, "--cluster", "a=ctx"])
        .failed_with(2, &["a folder is read", "name alone"]);
    run(&["report", "--prometheus", "http://x", "--cluster", "a=ctx"])
        .failed_with(2, &["`--prometheus` exclude each other"]);
}

#[test]
fn settings_that_differ_from_day_to_day_are_told() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "demo", "2026-11-09,2026-11-10");
    let args = ["roll-up", "--store", store.to_str().expect("UTF-8"), "--cluster", "demo"];
    let dearer = ["--snapshot", &demo(), "--day", "2026-11-10", "--price", "H100=10"];
    assert_eq!(run(&[&args[..], &dearer].concat()).code, 0);
    let found = report(&store, &["--window", "2026-11-09,2026-11-11"]).json();
    assert_eq!(warnings(&found), ["mixed-settings"]);
    assert_eq!(found["coverage"]["complete"], true);
    // Each day at its own price; a GPU is one GPU all the same.
    let h100 = row(&found["models"], "model", "NVIDIA H100 80GB HBM3");
    close(h100, "capacity_cost", 16.0 * 24.0 * (6.88 + 10.0));
    assert_eq!((&found["fleet"]["gpus"], &found["fleet"]["nodes"]), (&json!(24), &json!(3)));
    assert_eq!(found["gpus"].as_array().expect("a list").len(), 24 + 16);
    assert_eq!(found["reconciliation"]["balanced"], true);
}

#[test]
fn the_job_is_one_that_kubernetes_takes() {
    let args = ["roll-up", "--store", "/store", "--cluster", "a=ctx-a", "--cluster"];
    let more = ["b=ctx-b,https://prom.example", "--window", WEEK, "--emit-job"];
    let args = [&args[..], &more].concat();
    run(&args).failed_with(2, &["needs an image", "--job-image"]);
    let outcome = run(&[&args[..], &["--job-image", "registry.example/gpu-finops:1"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let job: Job = serde_saphyr::from_str(outcome.text()).expect("a Job");
    let shown: Value = serde_saphyr::from_str(outcome.text()).expect("YAML");
    assert_eq!((&shown["apiVersion"], &shown["kind"]), (&json!("batch/v1"), &json!("Job")));
    let spec = job.spec.expect("a spec");
    assert_eq!((spec.completions, spec.completion_mode.as_deref()), (Some(14), Some("Indexed")));
    let pod = spec.template.spec.expect("a pod");
    let context = pod.security_context.expect("a context");
    assert_eq!(context.run_as_non_root, Some(true));
    let container = &pod.containers[0];
    let own = container.security_context.as_ref().expect("a context");
    assert_eq!(own.read_only_root_filesystem, Some(true));
    assert_eq!(own.allow_privilege_escalation, Some(false));
    assert!(
        container.resources.as_ref().is_some_and(|r| r.limits.is_some() && r.requests.is_some())
    );
    let volumes = pod.volumes.expect("volumes");
    let claim = volumes[0].persistent_volume_claim.as_ref().expect("a claim");
    assert_eq!(claim.claim_name, "gpu-finops-store");
    // What a pod runs is what this program takes.
    let given = container.args.clone().expect("arguments");
    assert_eq!(given.last().map(String::as_str), Some("--day-index=$(JOB_COMPLETION_INDEX)"));
    let folder = TempDir::new().expect("temporary folder");
    let inside: Vec<String> = (given.iter())
        .map(|a| a.replace("$(JOB_COMPLETION_INDEX)", "14"))
        .map(|a| a.replace("/store", folder.path().to_str().expect("UTF-8")))
        .collect();
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    run(&inside).failed_with(2, &["`--day-index 14` is beyond the last: there are 14 parts"]);
    for local in [["--snapshot", "x"], ["--objects", "x"]] {
        let args = ["roll-up", "--store", "/s", "--cluster", "a", "--emit-job", "--job-image", "i"];
        run(&[&args[..], &local].concat()).failed_with(2, &["a Job reads live clusters"]);
    }
}

#[test]
fn several_live_clusters_in_one_run() {
    let mut out = OpenMetrics::default();
    cluster::write(&mut out, &Shape::default());
    let server = Prometheus::with_openmetrics(&out.finish());
    let places = [format!("a={}", server.url()), format!("b={}", server.url())];
    let report = |more: &[&str]| {
        let mut command = gpu_finops();
        command.args(["report", "-o", "json", "--price", "A100=2", "--now", cluster::NOW]);
        command.args(["--start", cluster::START, "--end", cluster::END]);
        Outcome::of(command.args(["--cluster", &places[0]]).args(more))
    };
    let both = report(&["--cluster", &places[1]]).json();
    close(&both["fleet"], "capacity_gpu_hours", 24.0);
    close(row(&both["tenants"], "tenant", "alpha"), "allocated_gpu_hours", 8.0);
    assert_eq!(both["coverage"]["complete"], true, "{}", both["coverage"]["warnings"]);
    // One that cannot be reached is a line of coverage.
    let broken = ["--cluster", "b=http://127.0.0.1:1"];
    let one = report(&broken).json();
    close(&one["fleet"], "capacity_gpu_hours", 12.0);
    assert_eq!(warnings(&one), ["missing-part"]);
    assert_eq!(row(&one["coverage"]["sources"], "name", "cluster/b")["status"], "failed");
    report(&[&broken[..], &["--strict"]].concat()).failed_with(4, &["cluster b: "]);
}
