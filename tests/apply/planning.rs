//! From a cluster to a plan: on invented and recorded ones, and ten thousand changes.

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};

use super::{APPLY, ROLLBACK, is, run, small};
use crate::apiserver::ApiServer;
use crate::apiserver::objects::{Held, claim, namespace, node};
use crate::common::test_data;
use crate::settings_reference::assert_generated;

fn planned(server: &ApiServer, args: &[&str]) -> Value {
    let outcome = run(server, &[&["plan", "-o", "plan.json"], args].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let text = fs::read_to_string(server.path("plan.json")).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

fn subjects(plan: &Value) -> Vec<String> {
    let patches = plan["changes"]["patches"].as_array().expect("a list");
    let mut subjects: Vec<String> =
        patches.iter().map(|p| p["subject"].as_str().expect("text").to_owned()).collect();
    subjects.sort();
    subjects
}

#[test]
fn stale_claims_are_planned_applied_and_taken_back() {
    let server = small();
    let start = server.picture();
    let plan = planned(&server, &["--max-percent", "100%"]);
    assert_eq!(subjects(&plan), ["team/ResourceClaim/orphan", "team/ResourceClaim/unused"]);
    assert_eq!(plan["fleet"], json!({"gpus": 40.0, "objects": 4}));
    assert_eq!(plan["whole"], true);
    // It is a dry run that made it.
    assert!(server.log().iter().all(|l| matches!(l.verb, "get" | "list")));
    let done = run(&server, &[APPLY, &["--max-percent", "100%"]].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(server.writes().len(), 2);
    assert_eq!(run(&server, ROLLBACK).code, 0);
    assert_eq!(server.picture(), start);
    // Both in one.
    let both = run(&server, &["cleanup", "--yes", "--max-percent", "100%", "-o", "json"]);
    assert_eq!(both.code, 0, "{}", both.err);
    assert!(server.get("resourceclaims", "team", "orphan").is_none());
    assert!(server.get("resourceclaims", "team", "busy").is_some());
    assert_eq!(server.robbed(), [""; 0]);
    // There is nothing more to do: a cron job goes on without a word.
    let nothing = run(&server, &["cleanup", "--yes", "--journal", "next.journal"]);
    assert_eq!((nothing.code, nothing.text().contains("There is nothing to change")), (0, true));
}

#[test]
fn what_opted_out_is_not_planned_and_said() {
    let server = small();
    server.somebody(|store| {
        store.change("resourceclaims", "team", "orphan", |c| {
            c["metadata"]["annotations"] = json!({"gpu-finops.dev/ignore": "true"});
        });
    });
    let plan = planned(&server, &[]);
    assert_eq!(subjects(&plan), ["team/ResourceClaim/unused"]);
    let reported = plan["changes"]["reported"].as_array().expect("a list");
    let why = reported.iter().find(|r| r["subject"] == "team/ResourceClaim/orphan");
    assert_eq!(why.expect("said")["why"], "it has the annotation gpu-finops.dev/ignore");
}

#[test]
fn plans_and_results_keep_their_published_schemas() {
    let generated = [
        ("schema/plan.schema.json", gpu_finops::output::plan_schema()),
        ("schema/run.schema.json", gpu_finops::output::run_schema()),
    ];
    for (path, schema) in &generated {
        assert_generated(path, &format!("{schema:#}\n"));
    }
    let keeps = |schema: &Value, value: &Value| {
        let validator = jsonschema::validator_for(schema).expect("a valid schema");
        let errors: Vec<String> = validator.iter_errors(value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    };
    let server = small();
    keeps(&generated[0].1, &planned(&server, &["--max-percent", "100%"]));
    for args in
        [&["apply", "plan.json", "-o", "json", "--max-percent", "100%"][..], APPLY, ROLLBACK]
    {
        let result = run(&server, args);
        keeps(&generated[1].1, &serde_json::from_slice(&result.out).expect("JSON"));
    }
}

#[test]
fn only_a_live_cluster_is_planned_for() {
    let server = small();
    let objects = server.path("objects.json");
    fs::write(&objects, json!({"kind": "List", "items": []}).to_string()).expect("written");
    run(&server, &["plan", "--objects", "objects.json"])
        .failed_with(2, &["only a live cluster can be changed"]);
}

#[test]
fn on_the_recorded_cluster_exactly_what_is_stale_is_planned() {
    let Some(folder) = test_data().map(|data| data.join("recordings/kubernetes-1.36")) else {
        eprintln!("left out: no GPU_FINOPS_TEST_DATA");
        return;
    };
    let mut objects = Vec::new();
    for entry in fs::read_dir(folder).expect("recordings") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "json") && !path.ends_with("version.json") {
            let text = fs::read_to_string(&path).expect("readable");
            let list: Value = serde_json::from_str(&text).expect("JSON");
            let kind = list["kind"].as_str().and_then(|kind| kind.strip_suffix("List"));
            let items = list["items"].as_array().expect("a list").iter().cloned();
            objects.extend(items.map(|mut item| {
                if item["kind"].is_null() {
                    item["kind"] = kind.into();
                    item["apiVersion"] = list["apiVersion"].clone();
                }
                item
            }));
        }
    }
    let server = ApiServer::with(objects);
    let args = ["plan", "-o", "plan.json", "--min-age", "10m", "--max-percent", "100%"];
    let mut command = super::on(&server, &args);
    let args: Vec<String> = command
        .get_args()
        .map(|a| a.to_string_lossy().replace(super::NOW, "2026-11-23T12:00:00Z"))
        .collect();
    command = crate::common::gpu_finops();
    command.args(args).env(super::NO_METRICS, "true").current_dir(server.folder());
    let outcome = crate::common::Outcome::of(&mut command);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let text = fs::read_to_string(server.path("plan.json")).expect("written");
    let plan: Value = serde_json::from_str(&text).expect("JSON");
    let deleted = ["notebooks/ResourceClaim/bob-scratch", "notebooks/ResourceClaim/carol-old"];
    let stale: Vec<String> =
        subjects(&plan).into_iter().filter(|s| s.contains("/ResourceClaim/")).collect();
    assert_eq!(stale, deleted);
    let reported = plan["changes"]["reported"].as_array().expect("a list");
    let reported: Vec<&str> =
        reported.iter().map(|r| r["subject"].as_str().expect("text")).collect();
    assert!(reported.contains(&"team-vision/ResourceClaim/ckpt-eval"), "{reported:?}");
    assert!(reported.contains(&"notebooks/ResourceClaim/dave-zombie"), "{reported:?}");
    let all = plan.to_string();
    for untouched in [
        "nightly-eval-gpu",
        "pending-claim",
        "shared-gpu",
        "dcgm-all",
        "gpus-x8ftm",
        "extended-resources",
    ] {
        assert!(!all.contains(untouched), "{untouched}");
    }
}

#[test]
fn a_thousand_changes() {
    changes(1_000);
}

#[test]
#[ignore = "takes a minute or more: every change waits for the disk four times"]
fn ten_thousand_changes() {
    changes(10_000);
}

/// So many claims are planned for, deleted, and made again; the one that is in use stays.
fn changes(many: usize) {
    let claims = (0..many).map(|i| claim("team", &format!("old-{i:05}"), Held::Nothing));
    let kept = [namespace("team", &json!({})), node("n1", 8), claim("team", "busy", Held::Nothing)];
    let server = ApiServer::with(kept.into_iter().chain(claims));
    server.somebody(|store| {
        let pod = crate::apiserver::objects::pod("team", "worker", Some("busy"), &json!({}));
        store.put(pod);
        store.put(claim("team", "busy", Held::By("worker")));
    });
    let start = server.picture();
    let begun = Instant::now();
    let all = ["--max-percent", "100%", "--max-changes", "10000", "--lease-duration", "60s"];
    let args: Vec<&str> = ["cleanup", "--yes", "-o", "json", "--journal", "plan.json.journal"]
        .into_iter()
        .chain(all)
        .collect();
    let mut command = crate::common::gpu_finops();
    command
        .args(&args)
        .args(["--now", super::NOW, "--no-progress", "--kubeconfig"])
        .arg(server.kubeconfig())
        .env(super::NO_METRICS, "true")
        .current_dir(server.folder());
    let outcome = crate::common::Outcome::of(&mut command);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(server.writes().len(), many);
    assert!(server.get("resourceclaims", "team", "busy").is_some());
    let taken = begun.elapsed();
    let long = ["--lease-duration=60s"];
    let mut command = crate::common::gpu_finops();
    command
        .args(ROLLBACK)
        .args(long)
        .arg("--kubeconfig")
        .arg(server.kubeconfig())
        .current_dir(server.folder());
    let back = crate::common::Outcome::of(&mut command);
    assert_eq!(back.code, 0, "{}", back.err);
    assert!(server.picture() == start, "everything is back");
    eprintln!("{many} changes: {taken:?}, and back: {:?}", begun.elapsed() - taken);
    is(&run(&server, ROLLBACK), &[]);
}
