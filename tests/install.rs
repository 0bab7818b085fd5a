//! `gpu-finops manifests` and `doctor rbac`: what is printed for a cluster, and whether a server that denies is told of.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use gpu_finops::access::{Part, Permission, permissions};
use gpu_finops::source::kubernetes::{ClusterOptions, Question, connect};
use serde_json::{Value, json};

use crate::cluster::{kubeconfig, status};
use crate::common::http::{Answer, HttpServer, Request};
use crate::common::{Outcome, gpu_finops};
use crate::settings_reference::{assert_generated, in_repository};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn manifests(more: &[&str]) -> Outcome {
    let image = ["manifests", "--image", "registry.example/gpu-finops:1.0"];
    Outcome::of(gpu_finops().args(image).args(more))
}

/// What a review asks: namespace, group, resource with subresource, verb, name.
type Asked = [String; 5];

fn asked(request: &Request) -> Asked {
    let review: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(review["kind"], "SelfSubjectAccessReview");
    let of = &review["spec"]["resourceAttributes"];
    let text = |field: &str| of[field].as_str().expect("text").to_owned();
    let resource = match text("subresource") {
        sub if sub.is_empty() => text("resource"),
        sub => format!("{}/{sub}", text("resource")),
    };
    [text("namespace"), text("group"), resource, text("verb"), text("name")]
}

fn is_about(asked: &Asked, p: &Permission) -> bool {
    asked[1..] == [p.group, p.resource, p.verb, p.name].map(str::to_owned)
}

/// An API server that denies one permission.
fn denying(denied: Arc<Mutex<Option<Permission>>>) -> HttpServer {
    HttpServer::start(move |request| {
        if request.method != "POST" || request.target != REVIEWS {
            return status(404, "NotFound", "only reviews are here");
        }
        let asked = asked(request);
        let denied = *denied.lock().expect("no panic");
        let is_denied = denied.is_some_and(|p| is_about(&asked, &p));
        let reason = if is_denied { "RBAC: nobody said so" } else { "" };
        let answer = json!({"status": {"allowed": !is_denied, "reason": reason}});
        Answer::Reply(
            201,
            vec![("content-type", "application/json".into())],
            answer.to_string().into(),
        )
    })
}

/// Each verb that is taken away is the one that is denied: what is asked is what was taken.
#[tokio::test]
async fn each_permission_is_asked_about_by_itself() {
    let denied = Arc::new(Mutex::new(None));
    let server = denying(Arc::clone(&denied));
    let config = kubeconfig(&server.url());
    let options = ClusterOptions { kubeconfig: Some(config.path.clone()), context: None };
    let cluster = connect(&options).await.expect("a kubeconfig");
    let all = permissions();
    for missing in &all {
        *denied.lock().expect("no panic") = Some(*missing);
        // All of one role and group, and of others those that look most like it.
        let alike = all.iter().filter(|p| p.resource == missing.resource || p.verb == missing.verb);
        for p in alike {
            let Permission { group, resource, verb, name, .. } = *p;
            let question = Question { namespace: "", group, resource, verb, name };
            let verdict = cluster.review(question).await.expect("answered");
            assert_eq!(verdict.allowed, p != missing, "{p:?} without {missing:?}");
        }
    }
}

#[test]
fn what_is_denied_is_named_with_the_rule_to_add_and_fails() {
    let denied = Arc::new(Mutex::new(None));
    let server = denying(Arc::clone(&denied));
    let config = kubeconfig(&server.url());
    let run = |more: &[&str]| {
        let mut command = gpu_finops();
        command.args(["doctor", "rbac", "-o", "json", "--kubeconfig"]).arg(&config.path);
        Outcome::of(command.args(more))
    };
    let report = run(&[]).json();
    assert_eq!((&report["allowed"], &report["denied"]), (&true.into(), &0.into()));
    assert_eq!(report["permissions"].as_array().map(Vec::len), Some(permissions().len()));
    let schema = serde_json::from_str(&published()).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema").validate(&report).expect("as published");
    let find = |part, verb, resource| {
        let is = |p: &&Permission| (p.part, p.verb, p.resource) == (part, verb, resource);
        *permissions().iter().find(is).expect("in the table")
    };
    for (missing, words, namespace) in [
        (find(Part::Write, "patch", "deployments"), "patch deployments.apps", None),
        (
            find(Part::Write, "delete", "resourceclaims"),
            "delete resourceclaims.resource.k8s.io",
            None,
        ),
        (find(Part::Read, "list", "pods"), "list pods", None),
        (find(Part::Discovery, "get", "services/proxy"), "get services/proxy", None),
        (
            find(Part::Lease, "update", "leases"),
            "update leases.coordination.k8s.io",
            Some("finops"),
        ),
    ] {
        *denied.lock().expect("no panic") = Some(missing);
        let outcome = run(&["--lease-in", "finops"]);
        assert_eq!(outcome.code, 4, "{}", outcome.err);
        assert!(outcome.err.contains(&format!("not allowed: {words}\n")), "{}", outcome.err);
        let report: Value = serde_json::from_slice(&outcome.out).expect("written all the same");
        assert_eq!(report["denied"], 1);
        let first = &report["permissions"][0];
        assert_eq!(
            (&first["verb"], &first["resource"]),
            (&missing.verb.into(), &missing.resource.into())
        );
        assert_eq!(
            (&first["reason"], &first["namespace"]),
            (&"RBAC: nobody said so".into(), &namespace.into())
        );
        assert!(
            first["rule"].as_str().expect("a rule").contains(&format!("verbs: [{}]", missing.verb))
        );
    }
    // What is not needed is not asked for.
    let read = run(&["--read-only"]).json();
    assert_eq!(read["allowed"], true, "the Lease is no matter for reading");
    *denied.lock().expect("no panic") = Some(find(Part::Discovery, "list", "services"));
    assert_eq!(run(&["--no-discovery"]).code, 0);
    assert!(server.seen().iter().all(|request| request.method == "POST"));
    let table = {
        let mut command = gpu_finops();
        command.args(["doctor", "rbac", "--kubeconfig"]).arg(&config.path);
        Outcome::of(&mut command)
    };
    assert!(table.text().contains("discovery: list services"), "{}", table.text());
}

#[test]
fn a_server_that_does_not_say_is_an_error() {
    let server = HttpServer::start(|_| status(401, "Unauthorized", "who are you?"));
    let config = kubeconfig(&server.url());
    let mut command = gpu_finops();
    command.args(["doctor", "rbac", "--kubeconfig"]).arg(&config.path);
    Outcome::of(&mut command).failed_with(1, &["does not say what is allowed", "who are you?"]);
    let mut command = gpu_finops();
    command.args(["doctor", "rbac", "--snapshot", "x"]);
    assert_eq!(Outcome::of(&mut command).code, 2, "it is about a live cluster");
}

/// `doctor` is as it was.
#[test]
fn doctor_has_its_flags_beside_the_subcommand() {
    let mut command = gpu_finops();
    command.arg("doctor").arg("--snapshot").arg(in_repository("fixtures/demo"));
    assert_eq!(Outcome::of(command.args(["-o", "json"])).json()["complete"], true);
}

#[test]
fn manifests_are_the_same_each_time_and_read_back() {
    for more in [&[][..], &["--write"], &["--read-only", "--namespace", "finops"]] {
        let yaml = manifests(more);
        assert_eq!((yaml.code, yaml.out == manifests(more).out), (0, true), "{}", yaml.err);
        let list = manifests(&[more, &["-o", "json"]].concat()).json();
        let items = list["items"].as_array().expect("a list");
        let text = yaml.text();
        let documents: Vec<Value> = text
            .split("---\n")
            .map(|document| serde_saphyr::from_str(document).expect("YAML"))
            .collect();
        assert_eq!(&documents, items, "both say the same");
        for object in items {
            assert!(object["apiVersion"].is_string() && object["metadata"]["name"].is_string());
        }
    }
    manifests(&["--write", "--read-only"]).failed_with(2, &["cannot be used with"]);
    manifests(&["--namespace", "A"]).failed_with(2, &["`A` is no name of a namespace"]);
}

fn published() -> String {
    format!("{:#}\n", gpu_finops::output::access_schema())
}

#[test]
fn the_published_schema_and_the_documented_permissions_are_those_of_the_program() {
    assert_generated("schema/rbac.schema.json", &published());
    let text = std::fs::read_to_string(in_repository("docs/install.md")).expect("documented");
    let [begin, end] = ["<!-- permissions -->\n", "<!-- /permissions -->"];
    let (before, rest) = text.split_once(begin).expect("begins");
    let (_, after) = rest.split_once(end).expect("ends");
    let table = permission_table();
    assert_generated("docs/install.md", &format!("{before}{begin}{table}{end}{after}"));
}

/// Role, reason, group and name.
type Reason<'a> = (Part, &'a str, &'a str, &'a str);

/// What is allowed for the same reason stands together.
fn permission_table() -> String {
    let mut rows: BTreeMap<Reason<'_>, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for p in permissions() {
        let verbs = rows.entry((p.part, p.why, p.group, p.name)).or_default();
        verbs.entry(p.resource).or_default().push(p.verb);
    }
    let mut out = "\n| role | group | kinds | verbs | for |\n|---|---|---|---|---|\n".to_owned();
    for ((part, why, group, name), kinds) in rows {
        let mut by_verbs: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        for (kind, verbs) in kinds {
            by_verbs.entry(verbs).or_default().push(kind);
        }
        for (verbs, kinds) in by_verbs {
            let group = if group.is_empty() { "core" } else { group };
            let name = if name.is_empty() { String::new() } else { format!(" named `{name}`") };
            let (kinds, verbs) = (kinds.join(", "), verbs.join(", "));
            writeln!(out, "| {} | {group} | {kinds}{name} | {verbs} | {why} |", part.name())
                .expect("a string takes all");
        }
    }
    out.push('\n');
    out
}
