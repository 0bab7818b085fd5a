//! `gpu-finops claims` with metrics: claims that are reserved and do nothing, on `fixtures/modes/dra-idle`,
//! read from a real Prometheus and from a snapshot of it.

use std::fmt::Write;

use assert_cmd::Command;
use gpu_finops::model::QueryId;
use serde_json::Value;

use crate::common::http::{Answer, HttpServer};
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, close, gpu_finops, row};
use crate::modes;

const MODE: &str = "dra-idle";

/// The fixture's series as an exporter's history.
fn server() -> Prometheus {
    let mut text = String::new();
    for data in modes::inputs(MODE).metrics {
        let name = match data.query {
            QueryId::GpuUtil => "DCGM_FI_DEV_GPU_UTIL",
            QueryId::SmActive => "DCGM_FI_PROF_SM_ACTIVE",
            QueryId::FbUsed => "DCGM_FI_DEV_FB_USED",
            other => panic!("{} is not in the fixture", other.name()),
        };
        for series in &data.series {
            let labels: Vec<String> =
                series.labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
            let labels = labels.join(",");
            for (at, value) in series.samples() {
                writeln!(text, "{name}{{{labels}}} {value} {}", at / 1_000).expect("a string");
            }
        }
    }
    text.push_str("# EOF\n");
    Prometheus::with_openmetrics(text.as_bytes())
}

/// `claims` on the fixture's objects, at the end of its 30 hours.
fn claims(args: &[&str]) -> Command {
    let mut command = gpu_finops();
    command
        .args(["claims", "--now", "2026-11-21T16:00:00Z", "--price", "H100=3", "--objects"])
        .arg(modes::folder(MODE).join("objects.yaml"))
        .args(args);
    command
}

fn measured(url: &str, args: &[&str]) -> Outcome {
    let mut command = claims(&["--prometheus", url, "-o", "json"]);
    Outcome::of(command.env("GPU_FINOPS_WINDOW", "30h").args(args))
}

fn class_of<'a>(report: &'a Value, name: &str) -> &'a Value {
    &row(&report["claims"], "name", name)["class"]
}

/// What every run with metrics must say.
fn is_as_worked_by_hand(report: &Value) {
    for (name, class) in [
        ("ghost", "ghost-reserved"),
        ("notebook", "idle-but-reserved"),
        ("shared", "idle-but-reserved"),
        ("fresh", "active"),
        ("holes", "active"),
        ("once", "active"),
        ("pair", "active"),
        ("unseen", "active"),
    ] {
        assert_eq!(class_of(report, name), class, "{name}");
    }
    let usage = |name: &str| &row(&report["claims"], "name", name)["usage"];
    let notebook = usage("notebook");
    close(notebook, "held_gpu_hours", 30.0);
    close(notebook, "observed_gpu_hours", 30.0);
    close(notebook, "idle_gpu_hours", 30.0);
    close(notebook, "idle_seconds", 108_000.0);
    assert_eq!(notebook["idle_since"], "2026-11-20T10:00:00Z");
    assert_eq!(notebook["signals"], serde_json::json!(["sm_active"]));
    // One GPU at work: idle on the other does not count.
    assert!(usage("pair")["idle_since"].is_null());
    close(usage("pair"), "idle_gpu_hours", 30.0);
    close(usage("holes"), "observed_gpu_hours", 30.0 - 1.0 / 3.0);
    close(usage("once"), "idle_seconds", 29.0 * 3_600.0);
    close(usage("unseen"), "observed_gpu_hours", 0.0);
    // Nobody was there to use it.
    assert!(usage("ghost").is_null());
    let idle = row(&report["totals"], "class", "idle-but-reserved");
    close(idle, "gpus", 2.0);
    close(idle, "cost_per_day", 144.0);
    assert_eq!(report["coverage"]["usage"]["judged"], true);
    assert_eq!(report["coverage"]["usage"]["window"]["hours"], 30.0);
}

#[test]
fn idle_but_reserved_from_prometheus_and_from_a_snapshot() {
    let server = server();
    let report = measured(&server.url(), &[]).json();
    is_as_worked_by_hand(&report);
    let why = row(&report["claims"], "name", "shared")["why"].as_str().expect("text");
    assert_eq!(
        why,
        "reserved by Pod a and Pod b; idle since 2026-11-20T10:00:00Z, for 30.0 h on each of its GPUs, \
         by gpu_util; 30.0 of 30.0 held GPU-hours are observed"
    );
    // Leftovers first, then what is idle.
    let names: Vec<&str> = report["claims"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|claim| claim["name"].as_str())
        .collect();
    assert_eq!(names[..3], ["ghost", "notebook", "shared"]);

    let folder = tempfile::tempdir().expect("temporary folder");
    let snapshot = folder.path().join("snapshot");
    let mut save = gpu_finops();
    save.args(["snapshot", "save"])
        .arg(&snapshot)
        .args(["--now", "2026-11-21T16:00:00Z", "--window", "30h", "--prometheus", &server.url()])
        .arg("--objects")
        .arg(modes::folder(MODE).join("objects.yaml"));
    let saved = Outcome::of(&mut save);
    assert_eq!(saved.code, 0, "{}", saved.err);
    let replayed = |args: &[&str]| {
        let mut command = gpu_finops();
        command
            .args(["claims", "--price", "H100=3", "-o", "json", "--snapshot"])
            .arg(&snapshot)
            .args(args);
        Outcome::of(&mut command)
    };
    is_as_worked_by_hand(&replayed(&[]).json());
    assert_eq!(replayed(&[]).json()["claims"], report["claims"]);
    replayed(&["--window", "9d"]).failed_with(2, &["is not within that of the snapshot"]);
}

#[test]
fn thresholds_and_windows_decide() {
    let server = server();
    let of = |args: &[&str], name: &str| {
        class_of(&measured(&server.url(), args).json(), name).as_str().expect("text").to_owned()
    };
    assert_eq!(of(&["--idle-after", "10h"], "fresh"), "idle-but-reserved");
    assert_eq!(of(&["--idle-after", "10h1m"], "fresh"), "active");
    assert_eq!(of(&["--idle-after", "31h"], "notebook"), "active");
    // Without its first hour, and without the hole.
    assert_eq!(of(&["--window", "29h"], "once"), "idle-but-reserved");
    assert_eq!(of(&["--window", "19h", "--idle-after", "19h"], "holes"), "idle-but-reserved");
    assert_eq!(of(&["--max-gap", "30m"], "holes"), "idle-but-reserved");
    // 0.5 is idle for whoever says so.
    assert_eq!(of(&["--idle-below", "0.6"], "pair"), "idle-but-reserved");
    let short = measured(&server.url(), &["--window", "12h"]).json();
    assert_eq!(class_of(&short, "notebook"), "active");
    let detail = short["coverage"]["usage"]["detail"].as_str().expect("text");
    assert!(detail.contains("shorter than the 1d of `--idle-after`"), "{detail}");
    let only = measured(&server.url(), &["--class", "idle-but-reserved"]).json();
    assert_eq!(only["claims"].as_array().map(Vec::len), Some(2));
}

#[test]
fn without_metrics_use_is_not_judged_and_nothing_else_changes() {
    let report = Outcome::of(&mut claims(&["-o", "json"])).json();
    assert_eq!(class_of(&report, "notebook"), "active");
    assert!(row(&report["claims"], "name", "notebook")["usage"].is_null());
    assert_eq!(report["coverage"]["usage"]["judged"], false);
    // That is no gap in the data.
    let problems = report["coverage"]["problems"].as_array().expect("a list");
    assert!(problems.iter().all(|problem| problem["subject"] == "workloads"), "{problems:?}");
    let sources = report["coverage"]["sources"].to_string();
    assert!(!sources.contains("prometheus"), "{sources}");
    let table = Outcome::of(&mut claims(&[]));
    assert!(table.text().contains("Use is not judged: no metrics are read"), "{}", table.text());
    // A server named in the config, left out on the command line.
    let mut left_out = claims(&["--no-metrics", "-o", "json"]);
    left_out.env("GPU_FINOPS_PROMETHEUS", "http://127.0.0.1:1");
    assert_eq!(Outcome::of(&mut left_out).json()["coverage"]["usage"]["judged"], false);
}

#[test]
fn a_server_that_is_named_and_useless_is_told() {
    let hints = ["cannot read metrics", "leave `--prometheus` out"];
    measured("http://127.0.0.1:1", &[]).failed_with(1, &hints);
    // Metrics without any GPU are no sign of idleness.
    let empty = HttpServer::start(|_| {
        Answer::json(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#)
    });
    let report = measured(&empty.url(), &[]).json();
    assert_eq!(class_of(&report, "notebook"), "active");
    assert_eq!(report["coverage"]["complete"], false);
    assert_eq!(row(&report["coverage"]["problems"], "subject", "metrics")["subject"], "metrics");
}
