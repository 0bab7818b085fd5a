//! The roles that `manifests` prints are enough for every command, and have nothing that none of them uses.
//!
//! The server enforces what it reads from the printed YAML: 403 for everything else.

use std::collections::BTreeSet;

use gpu_finops::access::{Part, Permission, permissions};
use gpu_finops::cleanup::contract::{Operation, Patch, Step, Target};
use gpu_finops::cleanup::plan::contract::TargetState;
use gpu_finops::cleanup::plan::state::state;
use gpu_finops::kinds::KINDS;
use serde_json::{Value, json};

use super::{APPLY, ROLLBACK, delete, plan, run, write};
use crate::apiserver::objects::{Held, budget, claim, deployment, namespace, node, pod, template};
use crate::apiserver::rights::{Rule, bound};
use crate::apiserver::store::{Resource, served};
use crate::apiserver::{ApiServer, Logged};
use crate::common::{Outcome, gpu_finops};

/// What the bindings of `manifests` grant, read from its YAML.
pub(crate) fn printed(more: &[&str]) -> Vec<Rule> {
    let image = ["manifests", "--image", "registry.example/gpu-finops:1.0"];
    let printed = Outcome::of(gpu_finops().args(image).args(more));
    assert_eq!(printed.code, 0, "{}", printed.err);
    let text = printed.text();
    let documents: Vec<Value> = text
        .split("---\n")
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect();
    bound(&documents)
}

fn workload(resource: &Resource) -> Value {
    let name = format!("w-{}", resource.plural);
    let mut object = json!({
        "apiVersion": resource.api_version, "kind": resource.kind,
        "metadata": {"name": name, "labels": {"app": "w"}}, "spec": {"size": 2},
    });
    if resource.namespaced {
        object["metadata"]["namespace"] = json!("team");
    }
    object
}

/// Every kind that makes pods, but pods.
fn workloads() -> Vec<&'static Resource> {
    let of = |r: &&Resource| {
        let group = r.api_version.split_once('/').map_or("", |(group, _)| group);
        KINDS.iter().any(|k| (k.group, k.kind) == (group, r.kind) && k.kind != "Pod")
    };
    served().iter().filter(of).collect()
}

/// A team with a workload of every kind, each with a pod, and as many claims that nobody wants.
fn one_of_each() -> ApiServer {
    let server = ApiServer::with([
        namespace("team", &json!({})),
        namespace("gpu-finops", &json!({})),
        node("n1", 400),
        template("team", "two", 2),
        deployment("team", "serve", "two"),
        budget("team", "serve", 1),
    ]);
    server.somebody(|store| {
        for (i, resource) in workloads().into_iter().enumerate() {
            store.put(workload(resource));
            store.put(claim("team", &format!("stale-{i:02}"), Held::Nothing));
            store.put(owned_pod(
                resource.api_version,
                resource.kind,
                &format!("w-{}", resource.plural),
            ));
        }
        store.put(claim("team", "stale-alone", Held::Nothing));
        // A virtual cluster owns its pods by a Service.
        store.put(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "team", "name": "vc"},
        }));
        store.put(owned_pod("v1", "Service", "vc"));
    });
    server
}

fn owned_pod(api_version: &str, kind: &str, name: &str) -> Value {
    let mut pod = pod("team", &format!("p-{}-{name}", kind.to_ascii_lowercase()), None, &json!({}));
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": api_version, "kind": kind, "name": name, "uid": format!("of-{kind}"), "controller": true,
    }]);
    pod
}

/// A patch of every kind, with a claim that goes, and a template that is made.
fn changes_of_each(server: &ApiServer) -> Vec<Patch> {
    let change = |from: u32, to: u32| {
        let at = "/spec/size";
        let operations = json!([
            {"op": "test", "path": at, "value": from}, {"op": "replace", "path": at, "value": to},
        ]);
        serde_json::from_value(operations).expect("a patch")
    };
    let patch = |(i, resource): (usize, &&Resource)| {
        let ns = if resource.namespaced { "team" } else { "" };
        let object =
            server.get(resource.key, ns, &format!("w-{}", resource.plural)).expect("there");
        let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
        let target = Target {
            api_version: resource.api_version.to_owned(),
            kind: resource.kind.to_owned(),
            namespace: ns.to_owned(),
            name: text("name").expect("a name"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            origin: None,
        };
        let operation = Operation::Patch { forward: change(2, 1), inverse: change(1, 2) };
        let steps = vec![
            super::create("team", &format!("made-{i:02}")),
            Step { target, operation },
            delete(server, "team", &format!("stale-{i:02}")),
        ];
        super::patch(&format!("of-{}", resource.key), steps)
    };
    let alone = super::patch("alone", vec![delete(server, "team", "stale-alone")]);
    workloads().iter().enumerate().map(patch).chain([alone]).collect()
}

/// Writes a plan of [`changes_of_each`] for the objects as they are.
fn write_plan(server: &ApiServer) {
    let mut of_all = plan(server, changes_of_each(server));
    of_all.states.clear();
    for step in of_all.changes.patches.iter().flat_map(|patch| &patch.steps) {
        let Target { api_version, kind, namespace, name, .. } = &step.target;
        let resource = served().iter().find(|r| (r.api_version, r.kind) == (api_version, kind));
        if let Some(object) = server.get(resource.expect("served").key, namespace, name) {
            of_all.states.push(TargetState { target: step.target.clone(), state: state(&object) });
        }
    }
    write(server, &of_all.sealed());
}

/// Everything: a plan, marks on all, changes, and all of it taken back.
fn everything(server: &ApiServer) -> Vec<(&'static str, Outcome)> {
    let all = ["--max-percent", "100%", "--max-changes", "100"];
    let marking = [APPLY, &["--mark-all", "--journal", "marks.journal"], &all].concat();
    let unmarking = ["rollback", "marks.journal", "--yes", "-o", "json"];
    let cleaning = ["cleanup", "--yes", "--journal", "c.journal"];
    let planned = run(server, &[&["plan", "-o", "other.json"], &all[..]].concat());
    write_plan(server);
    let (marked, unmarked) = (run(server, &marking), run(server, &unmarking));
    write_plan(server);
    vec![
        ("plan", planned),
        ("mark", marked),
        ("unmark", unmarked),
        ("apply", run(server, &[APPLY, &all].concat())),
        ("rollback", run(server, ROLLBACK)),
        ("cleanup", run(server, &[&cleaning, &all[..]].concat())),
    ]
}

type Right = (String, String, String);

fn rights(permissions: impl Iterator<Item = Permission>) -> BTreeSet<Right> {
    permissions.map(|p| (p.verb.to_owned(), p.group.to_owned(), p.resource.to_owned())).collect()
}

#[test]
fn the_printed_roles_are_enough_and_nothing_in_them_is_unused() {
    let server = one_of_each();
    let start = server.picture();
    server.grant(printed(&["--write"]));
    for (what, outcome) in everything(&server) {
        assert_eq!(outcome.code, 0, "{what}: {}{}", outcome.err, outcome.text());
        assert!(!outcome.err.contains("ClusterRole"), "{what} lacks something: {}", outcome.err);
    }
    let refused: Vec<Logged> = server.log().into_iter().filter(|l| l.status == 403).collect();
    assert_eq!(refused, []);
    assert_eq!(server.robbed(), [""; 0]);
    // All that was done is taken back; the stale claims went again in the end.
    let back: Vec<Value> = server.picture();
    assert!(back.len() < start.len() && back.iter().all(|object| start.contains(object)));
    // The metric server is looked for by whoever has none.
    let looked = {
        let mut command = super::on(&server, &["plan", "-o", "third.json"]);
        command.env_remove(super::NO_METRICS);
        Outcome::of(&mut command)
    };
    assert_eq!(looked.code, 1, "{}", looked.err);
    let granted = rights(permissions().into_iter().filter(|p| p.resource != "services/proxy"));
    let used: BTreeSet<Right> = server.permissions();
    let unused: Vec<&Right> = granted.difference(&used).collect();
    let missing: Vec<&Right> = used.difference(&granted).collect();
    assert!(unused.is_empty(), "granted, and never used: {unused:?}");
    assert!(missing.is_empty(), "used, and not in the table: {missing:?}");
}

#[test]
fn the_role_to_read_is_enough_for_a_plan_and_for_no_change() {
    for more in [&[][..], &["--read-only"]] {
        let server = super::small();
        let start = server.picture();
        server.grant(printed(more));
        let planned = run(&server, &["plan", "-o", "plan.json", "--max-percent", "100%"]);
        assert_eq!(planned.code, 0, "{}", planned.err);
        let mut patched = gpu_finops();
        patched.args(["patch", "-o", "json", "--no-metrics", "--now", super::NOW, "--kubeconfig"]);
        let patched = Outcome::of(patched.arg(server.kubeconfig()));
        assert_eq!(patched.json()["patches"].as_array().map(Vec::len), Some(2), "{}", patched.err);
        assert!(server.log().iter().all(|l| l.status < 400), "{:?}", server.log());
        let done = run(&server, &[APPLY, &["--max-percent", "100%"]].concat());
        done.failed_with(5, &["the Lease", "cannot"]);
        // Not even a dry run of the server is allowed.
        let tried = run(&server, &["apply", "plan.json", "--max-percent", "100%"]);
        tried.failed_with(5, &["cannot delete resource"]);
        assert_eq!((server.writes().len(), server.picture()), (0, start));
    }
}

/// What is left out of a role is noticed: by the run that needed it, and by `doctor rbac`.
#[test]
fn without_any_one_verb_somebody_says_so() {
    let all = printed(&["--write"]);
    let doctor = |server: &ApiServer| {
        let mut command = gpu_finops();
        command.args(["doctor", "rbac", "-o", "json", "--kubeconfig"]).arg(server.kubeconfig());
        Outcome::of(&mut command)
    };
    let server = super::rights::full();
    server.grant(all.clone());
    assert_eq!(doctor(&server).code, 0);
    let built_in = ["", "apps", "policy", "resource.k8s.io", "coordination.k8s.io"];
    let is_tried = |p: &Permission| {
        let Permission { part, group, resource, verb, .. } = *p;
        let is_kind = KINDS.iter().any(|k| (k.group, k.plural) == (group, resource));
        part != Part::Discovery
            && built_in.contains(&group)
            && (!is_kind || resource == "deployments" || verb == "list")
            && resource != "services"
            // For marks of claims alone: `--mark-all`, above.
            && (verb, resource) != ("patch", "resourceclaims")
    };
    let tried: Vec<Permission> = permissions().into_iter().filter(is_tried).collect();
    assert!(tried.len() > 20, "{tried:?}");
    for Permission { verb, group, resource, .. } in tried {
        let server = super::rights::full();
        let less: Vec<Rule> =
            all.iter().flat_map(|rule| rule.clone().without(verb, group, resource)).collect();
        server.grant(less);
        let asked = doctor(&server);
        asked.failed_with(4, &[&format!("{verb} {resource}")]);
        let outcomes = super::rights::full_run(&server);
        let refused = server.log().into_iter().any(|l| l.status == 403 && l.resource == resource);
        let said = outcomes.iter().any(|o| o.code != 0 || o.err.contains(resource));
        // The Event is a courtesy, and a Lease that is not given back ends by itself.
        let is_quiet = matches!((verb, resource), ("create", "events") | ("update", "leases"));
        let errors: Vec<&str> = outcomes.iter().map(|o| o.err.as_str()).collect();
        assert!(refused && (said || is_quiet), "{verb} {resource} is not missed: {errors:#?}");
        assert_eq!(server.robbed(), [""; 0]);
    }
}
