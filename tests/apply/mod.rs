//! `plan`, `apply`, `rollback` and `cleanup` against a server that keeps objects, and misbehaves.

mod faults;
mod granted;
mod guards;
mod kills;
mod marks;
mod metrics;
mod planning;
mod property;
mod real;
pub(crate) mod rights;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use gpu_finops::cleanup::contract::{
    ClusterIdentity, Operation, Patch, PatchSet, Step, Still, Target,
};
use gpu_finops::cleanup::plan::contract::{Fleet, Limits, Plan, TargetState};
use gpu_finops::cleanup::plan::state::{for_creation, state};
use gpu_finops::recommend::contract::Risk;
use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::objects::{Held, claim, deployment, namespace, node, pod, template};
use crate::common::{Outcome, gpu_finops};

pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";

/// What is planned here rests on claims alone, or is written by hand.
pub(crate) const NO_METRICS: &str = "GPU_FINOPS_NO_METRICS";

/// A command on a server, at the clock of the tests.
pub(crate) fn on(server: &ApiServer, args: &[&str]) -> Command {
    let mut command = gpu_finops();
    command
        .args(args)
        .args(["--now", NOW, "--no-progress", "--lease-duration", "2s"])
        .arg("--kubeconfig")
        .arg(server.kubeconfig())
        .env(NO_METRICS, "true")
        .current_dir(server.folder());
    command
}

pub(crate) fn run(server: &ApiServer, args: &[&str]) -> Outcome {
    Outcome::of(&mut on(server, args))
}

/// A team with two leftovers, a claim in use, and a deployment that asks for too much.
pub(crate) fn small() -> ApiServer {
    ApiServer::with([
        namespace("team", &json!({})),
        namespace("gpu-finops", &json!({})),
        node("n1", 40),
        claim("team", "orphan", Held::Orphan),
        claim("team", "unused", Held::Nothing),
        claim("team", "busy", Held::By("worker")),
        pod("team", "worker", Some("busy"), &json!({"app": "worker"})),
        template("team", "two", 2),
        deployment("team", "serve", "two"),
    ])
}

fn target(api_version: &str, kind: &str, object: &Value) -> Target {
    let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
    Target {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: text("namespace").unwrap_or_default(),
        name: text("name").expect("a name"),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        origin: None,
    }
}

/// Deletes a claim.
pub(crate) fn delete(server: &ApiServer, namespace: &str, name: &str) -> Step {
    let object = server.get("resourceclaims", namespace, name).expect("a claim");
    Step {
        target: target("resource.k8s.io/v1", "ResourceClaim", &object),
        operation: Operation::Delete { object: for_creation(&object) },
    }
}

/// Creates a claim template.
pub(crate) fn create(namespace: &str, name: &str) -> Step {
    let object = template(namespace, name, 1);
    Step {
        target: target("resource.k8s.io/v1", "ResourceClaimTemplate", &object),
        operation: Operation::Create { object },
    }
}

/// Points a deployment at another template.
pub(crate) fn repoint(server: &ApiServer, namespace: &str, name: &str, to: &str) -> Step {
    const AT: &str = "/spec/template/spec/resourceClaims/0/resourceClaimTemplateName";
    let object = server.get("deployments", namespace, name).expect("a deployment");
    let from = object.pointer(AT).expect("a template").clone();
    let change = |from: &Value, to: &Value| {
        let operations = json!([
            {"op": "test", "path": AT, "value": from}, {"op": "replace", "path": AT, "value": to},
        ]);
        serde_json::from_value(operations).expect("a patch")
    };
    let to = Value::from(to);
    Step {
        target: target("apps/v1", "Deployment", &object),
        operation: Operation::Patch { forward: change(&from, &to), inverse: change(&to, &from) },
    }
}

/// Changes the number of pods of a deployment.
pub(crate) fn scale(server: &ApiServer, namespace: &str, name: &str, to: u64) -> Step {
    const AT: &str = "/spec/replicas";
    let object = server.get("deployments", namespace, name).expect("a deployment");
    let from = object["spec"]["replicas"].as_u64().expect("a number");
    let change = |from: u64, to: u64| {
        let operations = json!([
            {"op": "test", "path": AT, "value": from}, {"op": "replace", "path": AT, "value": to},
        ]);
        serde_json::from_value(operations).expect("a patch")
    };
    Step {
        target: target("apps/v1", "Deployment", &object),
        operation: Operation::Patch { forward: change(from, to), inverse: change(to, from) },
    }
}

/// A change of these steps that rests on the stale claim that it deletes.
pub(crate) fn patch(id: &str, steps: Vec<Step>) -> Patch {
    let subject = steps.last().map(|s| format!("{}/{}", s.target.namespace, s.target.name));
    Patch {
        id: id.to_owned(),
        rule: "test".to_owned(),
        subject: subject.unwrap_or_default(),
        tenant: "team".to_owned(),
        action: format!("do {id}"),
        evidence: Default::default(),
        risk: Risk::Low,
        risk_note: String::new(),
        monthly_savings: Some(100.0),
        monthly_gpu_hours: 730.0,
        gpus: Some(1.0),
        still: Still::StaleClaim,
        steps,
    }
}

/// A plan of these changes for what the server has now.
pub(crate) fn plan(server: &ApiServer, patches: Vec<Patch>) -> Plan {
    let kube_system = server.get("namespaces", "", "kube-system").expect("it is there");
    let uid = kube_system["metadata"]["uid"].as_str().expect("a UID").to_owned();
    let cluster = ClusterIdentity { uid, server: "http://test".to_owned() };
    let mut states = Vec::new();
    for step in patches.iter().flat_map(|patch| &patch.steps) {
        let plural = match step.target.kind.as_str() {
            "Deployment" => "deployments",
            "ResourceClaim" => "resourceclaims",
            _ => continue,
        };
        let object = server.get(plural, &step.target.namespace, &step.target.name).expect("it");
        states.push(TargetState { target: step.target.clone(), state: state(&object) });
    }
    Plan {
        schema_version: "1.0".to_owned(),
        hash: String::new(),
        created_at: "2026-11-20T11:55:00Z".to_owned(),
        expires_at: "2026-11-21T11:55:00Z".to_owned(),
        cluster: cluster.clone(),
        fleet: Fleet { gpus: Some(40.0), objects: 9 },
        limits: Limits { max_changes: 100_000, max_share: 1.0, max_savings: None },
        whole: true,
        states,
        changes: PatchSet {
            schema_version: "1.0".to_owned(),
            generated_at: NOW.to_owned(),
            tool_version: "0".to_owned(),
            currency: "USD".to_owned(),
            cluster: Some(cluster),
            patches,
            elsewhere: Vec::new(),
            reported: Vec::new(),
        },
    }
    .sealed()
}

pub(crate) fn write(server: &ApiServer, plan: &Plan) -> PathBuf {
    let path = server.path("plan.json");
    fs::write(&path, serde_json::to_string(plan).expect("JSON")).expect("written");
    path
}

/// Two changes of five steps in all: everything that can be done to an object.
pub(crate) fn two_changes(server: &ApiServer) -> Vec<Patch> {
    vec![
        patch(
            "shrink",
            vec![
                create("team", "two-rs1"),
                repoint(server, "team", "serve", "two-rs1"),
                delete(server, "team", "unused"),
            ],
        ),
        patch("stale", vec![delete(server, "team", "orphan")]),
    ]
}

/// Status of each change of a result on standard output, by id.
#[track_caller]
pub(crate) fn statuses(outcome: &Outcome) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&outcome.out).unwrap_or_else(|e| {
        panic!("{e}: {}{}", String::from_utf8_lossy(&outcome.out), outcome.err)
    });
    let changes = report["changes"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    changes.iter().map(|c| (text(&c["id"]), text(&c["status"]))).collect()
}

#[track_caller]
pub(crate) fn is(outcome: &Outcome, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> =
        expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(statuses(outcome), expected, "{}", outcome.err);
}

pub(crate) const APPLY: &[&str] = &["apply", "plan.json", "--yes", "-o", "json"];
pub(crate) const RESUME: &[&str] =
    &["apply", "--resume", "plan.json.journal", "--yes", "-o", "json"];
pub(crate) const ROLLBACK: &[&str] = &["rollback", "plan.json.journal", "--yes", "-o", "json"];

/// What a journal has, line by line.
pub(crate) fn journal(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn what_was_planned_is_done_and_taken_back() {
    let server = small();
    let start = server.picture();
    write(&server, &plan(&server, two_changes(&server)));
    // A dry run, and nobody watches.
    let dry = run(&server, &["apply", "plan.json", "-o", "json"]);
    dry.failed_with(5, &["nothing was changed: this was a dry run", "--yes"]);
    is(&dry, &[("shrink", "would-apply"), ("stale", "would-apply")]);
    assert_eq!(server.picture(), start);
    assert!(server.log().iter().all(|l| matches!(l.verb, "get" | "list") || l.dry_run));
    assert!(!server.path("plan.json.journal").exists());
    // The real one.
    let done = run(&server, APPLY);
    assert_eq!(done.code, 0, "{}", done.err);
    is(&done, &[("shrink", "applied"), ("stale", "applied")]);
    assert_eq!(
        server.writes(),
        [
            "create resourceclaimtemplates team/",
            "patch deployments team/serve",
            "delete resourceclaims team/unused",
            "delete resourceclaims team/orphan",
        ]
    );
    assert!(server.get("resourceclaims", "team", "orphan").is_none());
    let records: Vec<Value> = journal(&server.path("plan.json.journal"))
        .iter()
        .map(|e| e["record"]["record"].clone())
        .collect();
    assert_eq!(
        records,
        ["run", "intent", "done", "intent", "done", "intent", "done", "intent", "done", "ended"]
    );
    // Once more: nothing is as it was, so nothing is done; and the journal is not overwritten.
    run(&server, APPLY).failed_with(2, &["is there already"]);
    let again = run(&server, &[APPLY, &["--journal", "other.journal"]].concat());
    assert_eq!(again.code, 5, "{}", again.err);
    is(&again, &[("shrink", "refused"), ("stale", "refused")]);
    // And back.
    let dry = run(&server, &["rollback", "plan.json.journal", "-o", "json"]);
    is(&dry, &[("stale", "would-undo"), ("shrink", "would-undo")]);
    assert_ne!(server.picture(), start);
    let back = run(&server, ROLLBACK);
    assert_eq!(back.code, 0, "{}", back.err);
    is(&back, &[("stale", "undone"), ("shrink", "undone")]);
    assert_eq!(server.picture(), start);
    assert_eq!(server.robbed(), [""; 0]);
    let nothing = run(&server, ROLLBACK);
    assert_eq!((nothing.code, statuses(&nothing).len()), (0, 0), "{}", nothing.err);
    // What was rolled back is not gone on with.
    run(&server, RESUME).failed_with(5, &["was rolled back"]);
}

#[test]
fn a_person_reads_what_was_done_and_what_was_not() {
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    server.somebody(|store| store.remove("resourceclaims", "team", "orphan"));
    let done = run(&server, &["apply", "plan.json", "--yes"]);
    done.failed_with(5, &["1 of 2 changes were not made", "--resume plan.json.journal --yes"]);
    let text = done.text();
    for part in [
        "2 changes: 1 applied, 1 refused; $100.00 a month.",
        "delete ResourceClaim team/orphan: not done",
        "it is not there any more",
        "Journal: plan.json.journal",
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}
