//! `gpu-finops doctor` on every fixture: it agrees with `report --strict`, and names the way of sharing and
//! what it lacks.

use std::path::Path;

use gpu_finops::model::QueryId;
use gpu_finops::source::objects;
use gpu_finops::source::snapshot::{self, SaveOptions, Snapshot};
use serde_json::Value;
use tempfile::TempDir;

use super::folder;
use super::redaction::mode;
use crate::common::{Outcome, gpu_finops, row, warnings};

/// A fixture as a snapshot, without the answers to some queries; it goes away with the value.
fn saved(folder: &Path, left_out: &[QueryId]) -> TempDir {
    let (raw, (window, mut metrics)) = mode(folder);
    metrics.retain(|data| !left_out.contains(&data.query));
    let place = tempfile::tempdir().expect("a folder");
    let snapshot = Snapshot {
        window,
        now_ms: window.end(),
        metrics,
        objects: raw,
        sources: Vec::new(),
        tool_version: String::new(),
        server: None,
        redacted: false,
    };
    let options =
        SaveOptions { redact: false, salt: None, force: true, sanitise: &objects::sanitised };
    snapshot::save(&place.path().join("s"), &snapshot, &options).expect("saved");
    place
}

fn run(command: &str, place: &TempDir, more: &[&str]) -> Outcome {
    let mut tool = gpu_finops();
    tool.arg(command).arg("--snapshot").arg(place.path().join("s")).args(["-o", "json"]);
    tool.args(["--price", "*=2"]);
    Outcome::of(tool.args(more))
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.out).expect("JSON on standard output")
}

fn doctor(mode: &str) -> Value {
    json(&run("doctor", &saved(&folder(mode), &[]), &[]))
}

#[test]
fn it_agrees_with_a_strict_report() {
    let mut folders: Vec<_> = std::fs::read_dir(folder("."))
        .expect("the fixtures")
        .map(|entry| entry.expect("readable").path())
        .collect();
    folders.sort();
    let mut modes = 0;
    for folder in folders {
        let place = saved(&folder, &[]);
        let (checked, strict) = (run("doctor", &place, &[]), run("report", &place, &["--strict"]));
        assert_eq!(checked.code, strict.code, "{}: {}", folder.display(), checked.err);
        let report = json(&checked);
        let strict_report = json(&strict);
        assert_eq!(report["complete"], strict_report["coverage"]["complete"], "{report:#}");
        assert_eq!(report["readable"], true);
        // What fails is what the report warns of, or a way of sharing that lacks something because of it.
        let warned: Vec<&str> = warnings(&strict_report);
        for check in report["checks"].as_array().expect("a list") {
            let id = check["id"].as_str().expect("text");
            let is_told = warned.contains(&id) || id.starts_with("sharing-");
            assert!(check["state"] != "fail" || is_told, "{}: {check}", folder.display());
        }
        modes += 1;
    }
    assert!(modes > 10, "{modes}");
}

/// State, and what to change, of one check.
fn told<'a>(report: &'a Value, id: &str) -> (&'a str, &'a str) {
    let check = row(&report["checks"], "id", id);
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    (text(&check["state"]), text(&check["fix"]["text"]))
}

#[test]
fn every_way_of_sharing_is_named() {
    for (mode, id) in [
        ("exclusive", "sharing-exclusive"),
        ("mig-mixed", "sharing-mig"),
        ("mig-single", "sharing-mig"),
        ("mig-replicas", "sharing-mig-replicas"),
        ("time-slicing", "sharing-time-slicing"),
        ("mps", "sharing-mps"),
        ("dra", "sharing-dra"),
        ("dra-mig", "sharing-dra-partition"),
        ("dra-capacity", "sharing-dra-capacity"),
        ("hami", "sharing-vgpu"),
        ("kai", "sharing-fraction"),
        ("passthrough", "sharing-passthrough"),
    ] {
        let report = doctor(mode);
        let check = row(&report["checks"], "id", id);
        assert!(
            check["names"].as_array().is_some_and(|nodes| !nodes.is_empty()),
            "{mode}: {check}"
        );
    }
}

#[test]
fn what_a_way_of_sharing_lacks_is_told_with_the_line_to_add() {
    // Instances with a signal of their own, and none of GPU_UTIL, which they do not have.
    assert_eq!(told(&doctor("mig-mixed"), "sharing-mig").0, "ok");
    // The same with the profiling field left out of the exporter's file.
    let place = saved(&folder("mig-mixed"), &[QueryId::GrEngineActive]);
    let outcome = run("doctor", &place, &[]);
    outcome.failed_with(4, &["sharing-mig", "figures would be incomplete"]);
    let report = json(&outcome);
    let line = "DCGM_FI_PROF_GR_ENGINE_ACTIVE, gauge, Ratio of time the graphics engine is active.";
    assert_eq!(told(&report, "sharing-mig"), ("fail", line));
    assert_eq!(told(&report, "metric-gr-engine-active"), ("warn", line));
    // Pods on one card that nothing tells apart.
    let report = doctor("mps");
    assert_eq!(told(&report, "sharing-mps"), ("warn", "KUBERNETES_VIRTUAL_GPUS=true"));
    // Claims that no series names.
    let report = doctor("dra-idle");
    assert_eq!(told(&report, "claim-labels"), ("warn", "KUBERNETES_ENABLE_DRA=true"));
    assert_eq!(told(&report, "sharing-dra"), ("warn", "KUBERNETES_ENABLE_DRA=true"));
    let report = doctor("dra");
    assert_eq!(told(&report, "claim-labels").0, "ok");
    // AMD's exporter alone: nothing of NVIDIA's is missed.
    let report = doctor("amd");
    let ids = report["checks"].as_array().expect("a list").iter();
    let of_dcgm = ids.filter(|c| c["id"].as_str().is_some_and(|id| id == "metric-gpu-util"));
    assert_eq!(of_dcgm.count(), 0);
    assert_eq!(told(&report, "metric-amd-gfx-activity").0, "ok");
}
