//! Recommendations the whole way: a real Prometheus behind a service of the API server, `plan`, `apply`, `rollback`, with no
//! more rights than `manifests --write` gives.

mod fleet;

use assert_cmd::Command;
use serde_json::Value;

use self::fleet::{cluster, metrics};
use super::statuses;
use crate::apiserver::ApiServer;
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, gpu_finops};

/// A command on the server with metrics, at a minute after noon.
fn at(server: &ApiServer, minute: u32, args: &[&str]) -> Outcome {
    let mut command: Command = gpu_finops();
    let now = format!("2026-11-20T12:{minute:02}:00Z");
    command
        .args(args)
        .args(["--now", &now, "--no-progress", "--lease-duration", "2s", "--kubeconfig"])
        .arg(server.kubeconfig())
        .current_dir(server.folder());
    if args[0] != "rollback" {
        command.args(["--window", "24h", "--price", "A100=2", "--max-percent", "100%"]);
        command.env("GPU_FINOPS_GRACE", "5m");
    }
    Outcome::of(&mut command)
}

fn served(busy: &[&str]) -> (ApiServer, Prometheus) {
    let (server, prometheus) = (cluster(), Prometheus::with_openmetrics(&metrics(busy)));
    server.metrics_at(prometheus.address());
    server.grant(super::granted::printed(&["--write"]));
    (server, prometheus)
}

fn planned(server: &ApiServer, minute: u32, file: &str) -> Value {
    let planned = at(server, minute, &["plan", "-o", file]);
    assert_eq!(planned.code, 0, "{}", planned.err);
    let text = std::fs::read_to_string(server.path(file)).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

fn ids(plan: &Value) -> Vec<String> {
    let patches = plan["changes"]["patches"].as_array().expect("a list");
    let mut ids: Vec<String> =
        patches.iter().map(|p| p["id"].as_str().expect("text").to_owned()).collect();
    ids.sort();
    ids
}

#[track_caller]
fn are(outcome: &Outcome, mut expected: Vec<(&str, &str)>) {
    let mut found = statuses(outcome);
    found.sort();
    expected.sort_unstable();
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(found, expected, "{}{}", outcome.err, outcome.text());
}

const FORGOTTEN: &str = "never-used:team/Deployment/forgotten";
const NAPPING: &str = "left-idle:team/Deployment/napping";
const WIDE: &str = "unused-gpus:team/Deployment/wide";
const CHUNKY: &str = "oversized-requests:team/Deployment/chunky";
const LLM: &str = "unused-gpus:team/Deployment/llm-serve";

fn spec(server: &ApiServer, name: &str, at: &str) -> Value {
    let deployment = server.get("deployments", "team", name).expect("there");
    deployment["spec"].pointer(at).cloned().unwrap_or_default()
}

const RESOURCES: &str = "/template/spec/containers/0/resources";

/// What the changes that were marked make of the objects.
fn all_are_smaller(server: &ApiServer) {
    assert_eq!(spec(server, "napping", "/replicas"), 0);
    let wide = spec(server, "wide", RESOURCES);
    assert_eq!(
        (&wide["limits"]["nvidia.com/gpu"], &wide["requests"]["nvidia.com/gpu"]),
        (&"2".into(), &"2".into())
    );
    let chunky = spec(server, "chunky", RESOURCES);
    assert_ne!(chunky["requests"]["cpu"], "8", "{chunky}");
    assert_ne!(chunky["requests"]["memory"], "32Gi", "{chunky}");
    assert_eq!(chunky["requests"]["nvidia.com/gpu"], "1");
    let name =
        spec(server, "llm-serve", "/template/spec/resourceClaims/0/resourceClaimTemplateName");
    let name = name.as_str().expect("a name").to_owned();
    assert!(name.starts_with("llm-gpus-rs"), "{name}");
    let smaller = server.get("resourceclaimtemplates", "team", &name).expect("made");
    assert_eq!(smaller.pointer("/spec/spec/devices/requests/0/exactly/count"), Some(&1.into()));
}

#[test]
fn recommendations_are_planned_marked_made_and_taken_back() {
    let (server, _prometheus) = served(&[]);
    let start = server.picture();
    let plan = planned(&server, 0, "first.json");
    assert_eq!(ids(&plan), [NAPPING, FORGOTTEN, CHUNKY, LLM, WIDE]);
    // Two things are found of one object: what saves most has its turn.
    let [waiting] = plan["changes"]["reported"].as_array().expect("a list").as_slice() else {
        panic!("{plan:#}")
    };
    assert_eq!(waiting["id"], "oversized-requests:team/Deployment/napping");
    let why = format!("it has to wait: {NAPPING} changes Deployment team/napping first");
    assert_eq!(waiting["why"], why);
    let dry = at(&server, 1, &["apply", "first.json", "-o", "json"]);
    dry.failed_with(5, &["this was a dry run"]);
    let (marked, would) = ("marked", "would-mark");
    are(
        &dry,
        vec![
            (FORGOTTEN, "would-apply"),
            (NAPPING, would),
            (WIDE, would),
            (CHUNKY, would),
            (LLM, would),
        ],
    );
    assert_eq!(server.picture(), start);
    // What is of low risk is done at once, the rest is marked.
    let first = at(&server, 1, &["apply", "first.json", "--yes", "-o", "json"]);
    assert_eq!(first.code, 0, "{}{}", first.err, first.text());
    are(
        &first,
        vec![
            (FORGOTTEN, "applied"),
            (NAPPING, marked),
            (WIDE, marked),
            (CHUNKY, marked),
            (LLM, marked),
        ],
    );
    assert_eq!(spec(&server, "forgotten", "/replicas"), 0);
    assert_eq!(spec(&server, "napping", "/replicas"), 1);
    // As the controllers would.
    server.somebody(|store| store.remove("pods", "team", "forgotten-a-1"));
    // Too soon, and then late enough.
    let soon = at(&server, 3, &["cleanup", "--yes", "--journal", "soon.journal", "-o", "json"]);
    are(&soon, vec![(NAPPING, marked), (WIDE, marked), (CHUNKY, marked), (LLM, marked)]);
    let plan = planned(&server, 7, "second.json");
    assert_eq!(ids(&plan), [NAPPING, CHUNKY, LLM, WIDE]);
    let second = at(&server, 8, &["apply", "second.json", "--yes", "-o", "json"]);
    assert_eq!(second.code, 0, "{}{}", second.err, second.text());
    let done = "applied";
    are(&second, vec![(NAPPING, done), (WIDE, done), (CHUNKY, done), (LLM, done)]);
    all_are_smaller(&server);
    assert_eq!(server.robbed(), [""; 0]);
    // The newest first; and each as it was.
    for journal in ["second.json.journal", "soon.journal", "first.json.journal"] {
        let back = at(&server, 9, &["rollback", journal, "--yes", "-o", "json"]);
        assert_eq!(back.code, 0, "{journal}: {}{}", back.err, back.text());
    }
    let is_there = |object: &&Value| object["metadata"]["name"] != "forgotten-a-1";
    assert_eq!(server.picture(), start.iter().filter(is_there).cloned().collect::<Vec<_>>());
    let refused = server.log().iter().filter(|l| l.status == 403 && l.verb != "create").count();
    assert_eq!(refused, 0, "{:?}", server.log());
}

#[test]
fn what_is_busy_again_is_refused_by_fresh_metrics() {
    let (server, _idle) = served(&[]);
    planned(&server, 0, "plan.json");
    let busy = Prometheus::with_openmetrics(&metrics(&["GPU-1", "GPU-2", "GPU-5", "GPU-9"]));
    server.metrics_at(busy.address());
    let start = server.picture();
    let outcome = at(&server, 1, &["apply", "plan.json", "--yes", "-o", "json"]);
    outcome.failed_with(5, &["4 of 5 changes were not made"]);
    let no = "refused";
    are(&outcome, vec![(FORGOTTEN, no), (NAPPING, no), (WIDE, no), (LLM, no), (CHUNKY, "marked")]);
    let report: Value = serde_json::from_slice(&outcome.out).expect("JSON");
    let why = |id: &str| {
        let changes = report["changes"].as_array().expect("a list");
        changes.iter().find(|c| c["id"] == id).expect("there")["detail"].as_str().expect("said")
    };
    for id in [FORGOTTEN, NAPPING, LLM] {
        assert_eq!(why(id), "it is not found any more by fresh metrics");
    }
    // Three are used now, and two were planned.
    assert_eq!(
        why(WIDE),
        "fresh metrics ask for another change: Ask for 3 instead of 4 GPUs per pod in Deployment team/wide. Make another plan"
    );
    assert_eq!(server.writes(), ["patch deployments team/chunky"]);
    let changed = server.picture().into_iter().filter(|object| !start.contains(object)).count();
    assert_eq!(changed, 1);
}

#[test]
fn metrics_that_cannot_be_had_write_nothing() {
    let (server, prometheus) = served(&[]);
    planned(&server, 0, "plan.json");
    drop(prometheus);
    server.metrics_at("127.0.0.1:9".to_owned());
    let start = server.picture();
    let outcome = at(&server, 1, &["apply", "plan.json", "--yes", "-o", "json"]);
    assert_eq!(outcome.code, 5, "{}", outcome.err);
    assert_eq!((server.picture(), server.writes().len()), (start, 0));
    let planned = at(&server, 1, &["plan"]);
    planned
        .failed_with(1, &["none of the metric servers found", "--no-metrics", "left over alone"]);
    let past = [
        "plan",
        "--no-metrics",
        "--start",
        "2026-11-19T00:00:00Z",
        "--end",
        "2026-11-20T00:00:00Z",
    ];
    let mut command = super::on(&server, &past);
    command.env_remove(super::NO_METRICS);
    let past = Outcome::of(&mut command);
    past.failed_with(
        2,
        &["the window ends at 2026-11-20T00:00:00Z", "says nothing of what runs now"],
    );
    let claims_alone = at(&server, 1, &["plan", "--no-metrics", "-o", "claims.json"]);
    assert_eq!(claims_alone.code, 0, "{}", claims_alone.err);
}

/// KEDA sets the replicas of what it scales. Nobody pauses it but a person.
#[test]
fn what_keda_scales_is_left_to_a_person_with_the_command_that_does_it() {
    let (server, _prometheus) = served(&[]);
    server.somebody(|store| {
        store.put(serde_json::json!({
            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
            "metadata": {"namespace": "team", "name": "napping"},
            "spec": {"scaleTargetRef": {"name": "napping"}},
        }));
    });
    let planned = at(&server, 0, &["plan", "-o", "plan.json"]);
    assert_eq!(planned.code, 0, "{}", planned.err);
    for part in [
        // Smaller requests need not wait for what nobody does.
        "5 changes planned",
        "left alone: team/Deployment/napping: gpu-finops never patches a ScaledObject: ScaledObject team/napping",
        "it is for you to make: gpu-finops patch --rule left-idle -o kubectl",
    ] {
        assert!(planned.err.contains(part), "`{part}` is not in: {}", planned.err);
    }
    let mut command: Command = gpu_finops();
    command.args([
        "patch",
        "--rule",
        "left-idle",
        "-o",
        "kubectl",
        "--window",
        "24h",
        "--price",
        "A100=2",
    ]);
    command.args(["--now", "2026-11-20T12:00:00Z", "--no-progress", "--kubeconfig"]);
    let script = Outcome::of(command.arg(server.kubeconfig()));
    assert_eq!(script.code, 0, "{}", script.err);
    let text = script.text();
    assert!(text.contains("paused-replicas") && text.contains("kubectl patch"), "{text}");
}
