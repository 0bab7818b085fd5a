//! The live paths, against answers served over HTTP on loopback.

mod metric_servers;
mod optional_kinds;
mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use self::server::{Answer, Call, Server};
use super::exchange::Patience;
use super::*;
use crate::model::objects::OwnerRef;
use crate::model::{SourceState, SourceStatus};
use crate::source::objects::{RawObjects, decode};
use crate::source::progress::Silent;

/// A cluster whose API server is at `url`, connected to by a kubeconfig file.
async fn cluster_at(url: &str) -> Cluster {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: other\n\
         contexts:\n- {{name: test, context: {{cluster: c, user: u}}}}\n\
         - {{name: other, context: {{cluster: gone, user: u}}}}\n\
         clusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n\
         users: [{{name: u, user: {{token: s3cret}}}}]\n"
    );
    std::fs::write(file.path(), kubeconfig).expect("written");
    let options = ClusterOptions {
        kubeconfig: Some(file.path().to_owned()),
        context: Some("test".to_owned()),
    };
    let mut cluster = connect(&options).await.expect("a usable kubeconfig");
    cluster.patience = Patience {
        max_attempts: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(1_500),
        timeout: Duration::from_secs(2),
    };
    cluster
}

async fn listed(server: &Server) -> RawObjects {
    list(&cluster_at(server.url()).await, 1_000, &Silent).await.expect("pods or nodes")
}

fn source<'a>(raw: &'a RawObjects, name: &str) -> &'a SourceStatus {
    let name = format!("kubernetes/{name}");
    raw.sources
        .iter()
        .find(|s| s.name == name)
        .unwrap_or_else(|| panic!("{name}: {:#?}", raw.sources))
}

/// `count` objects as the server lists them: without their own kind.
fn items(count: usize) -> Vec<Value> {
    (0..count).map(|i| json!({"metadata": {"name": format!("o{i}"), "namespace": "a"}})).collect()
}

/// A page of `all`, by `limit` and `continue` (which is the offset).
fn page(kind: &str, api_version: &str, all: &[Value], call: &Call) -> Answer {
    let offset: usize = call.param("continue").and_then(|token| token.parse().ok()).unwrap_or(0);
    let limit = call.param("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let end = offset.saturating_add(limit).min(all.len());
    let token = if end < all.len() { end.to_string() } else { String::new() };
    Answer::json(&json!({
        "kind": format!("{kind}List"), "apiVersion": api_version,
        "metadata": {"resourceVersion": "9", "continue": token},
        "items": all[offset..end],
    }))
}

fn status(code: u16, message: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code});
    Answer::json(&body).with_status(code)
}

#[tokio::test]
async fn pages_refusals_and_faults_of_an_invented_cluster() {
    let (calls_429, calls_410) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (tries, expiries) = (calls_429.clone(), calls_410.clone());
    let server = Server::start(move |call: &Call| match call.path.as_str() {
        "/api/v1/pods" => page("Pod", "v1", &items(1_201), call),
        // Too busy, once.
        "/api/v1/nodes" if tries.fetch_add(1, Ordering::SeqCst) == 0 => {
            status(429, "too many requests").with_header("Retry-After", "1")
        }
        "/api/v1/nodes" => page("Node", "v1", &items(2), call),
        "/api/v1/namespaces" => status(403, "namespaces is forbidden: User \"x\""),
        // The second page always comes too late.
        "/apis/apps/v1/replicasets" if call.param("continue").is_some() => {
            expiries.fetch_add(1, Ordering::SeqCst);
            status(410, "The provided continue parameter is too old")
        }
        "/apis/apps/v1/replicasets" => page("ReplicaSet", "apps/v1", &items(700), call),
        // The second page never comes.
        "/apis/apps/v1/deployments" if call.param("continue").is_some() => status(500, "etcd"),
        "/apis/apps/v1/deployments" => page("Deployment", "apps/v1", &items(501), call),
        "/apis/apps/v1/statefulsets" => Answer::text("<html>proxy</html>"),
        "/apis/apps/v1/daemonsets" => Answer::text("{\"items\": [{\"metadata\":"),
        "/apis/batch/v1/jobs" => {
            Answer::json(&json!({"kind": "JobList", "apiVersion": "batch/v1", "items": null}))
        }
        "/apis/resource.k8s.io" => Answer::json(&json!({"versions": [
            {"groupVersion": "resource.k8s.io/v1beta1", "version": "v1beta1"},
            {"groupVersion": "resource.k8s.io/v1beta2", "version": "v1beta2"},
        ]})),
        "/apis/resource.k8s.io/v1beta2/resourceclaims" => {
            page("ResourceClaim", "resource.k8s.io/v1beta2", &items(3), call)
        }
        _ => status(404, "the server could not find the requested resource"),
    });
    let raw = listed(&server).await;

    let fared = |name: &str| {
        let source = source(&raw, name);
        (source.state, source.detail.clone())
    };
    assert_eq!(fared("pods"), (SourceState::Ok, "1201 objects in 3 pages".to_owned()));
    assert_eq!(fared("nodes"), (SourceState::Ok, "2 objects".to_owned()));
    assert_eq!(calls_429.load(Ordering::SeqCst), 2);
    let (state, detail) = fared("namespaces");
    assert_eq!(state, SourceState::Failed);
    assert!(detail.contains("get and list on namespaces"), "{detail}");
    // Read anew in one piece.
    assert_eq!(fared("replicasets"), (SourceState::Ok, "700 objects".to_owned()));
    assert_eq!(calls_410.load(Ordering::SeqCst), 1);
    let partial = "500 objects, then: HTTP 500: etcd".to_owned();
    assert_eq!(fared("deployments"), (SourceState::Partial, partial));
    for broken in ["statefulsets", "daemonsets"] {
        assert_eq!(fared(broken).0, SourceState::Failed);
        assert!(fared(broken).1.contains("cannot be read"), "{}", fared(broken).1);
    }
    assert_eq!(fared("jobs"), (SourceState::Empty, "none".to_owned()));
    assert_eq!(fared("cronjobs").0, SourceState::Skipped);
    assert_eq!(fared("resourceclaims"), (SourceState::Ok, "3 objects".to_owned()));
    assert_eq!(fared("deviceclasses").0, SourceState::Skipped);

    assert_eq!(raw.listed_at_ms, Some(1_000));
    let facts = decode(&raw, &["nvidia.com/gpu".to_owned()]);
    assert_eq!((facts.pods.len(), facts.nodes.len(), facts.dra.claims.len()), (1_201, 2, 3));
    assert_eq!(facts.problems, []);
    assert!(server.calls().iter().all(|call| call.method == "GET"));
    assert!(server.calls().iter().all(|c| c.header("authorization") == Some("Bearer s3cret")));
}

#[tokio::test]
async fn pages_that_never_end_are_left() {
    let server = Server::start(|call: &Call| match call.path.as_str() {
        "/api/v1/pods" => Answer::json(&json!({
            "kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "again"}, "items": items(1),
        })),
        "/api/v1/nodes" => page("Node", "v1", &items(1), call),
        _ => status(404, ""),
    });
    let raw = listed(&server).await;
    assert_eq!(source(&raw, "pods").state, SourceState::Partial);
    assert!(source(&raw, "pods").detail.contains("pages do not end"));
    assert_eq!(source(&raw, "resource.k8s.io").state, SourceState::Skipped);
}

#[tokio::test]
async fn owners_of_other_kinds_are_read_one_by_one_up_to_the_top() {
    let owned = |name: &str, api: &str, kind: &str, owner: &str| {
        json!({"metadata": {"name": name, "namespace": "a", "ownerReferences": [
            {"apiVersion": api, "kind": kind, "name": owner, "uid": "1", "controller": true},
        ]}})
    };
    let pods = vec![
        owned("p1", "ray.io/v1", "RayCluster", "rc"),
        owned("p2", "ray.io/v1", "RayCluster", "rc"),
        owned("p3", "example.com/v1", "Thing", "t"),
        owned("p4", "gone.example/v1", "Gone", "g"),
        owned("p5", "ray.io/v1", "RayCluster", "deleted"),
        owned("p6", "ray.io/v1", "RayCluster", "../../../secrets"),
        owned("p7", "apps/v1", "ReplicaSet", "deleted"),
    ];
    let mut cluster = owned("rc", "ray.io/v1", "RayJob", "job");
    cluster["apiVersion"] = json!("ray.io/v1");
    cluster["kind"] = json!("RayCluster");
    let server = Server::start(move |call: &Call| match call.path.as_str() {
        "/api/v1/pods" => page("Pod", "v1", &pods, call),
        "/apis/ray.io/v1" => Answer::json(&json!({"kind": "APIResourceList", "resources": [
            {"name": "rayclusters", "kind": "RayCluster", "namespaced": true},
            {"name": "rayclusters/status", "kind": "RayCluster", "namespaced": true},
            {"name": "rayjobs", "kind": "RayJob", "namespaced": true},
        ]})),
        "/apis/ray.io/v1/namespaces/a/rayclusters/rc" => Answer::json(&cluster),
        "/apis/ray.io/v1/namespaces/a/rayjobs/job" => Answer::json(&json!({
            "apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": "job", "namespace": "a"},
        })),
        "/apis/example.com/v1" => Answer::json(&json!({"resources": [
            {"name": "things", "kind": "Thing", "namespaced": true},
        ]})),
        "/apis/example.com/v1/namespaces/a/things/t" => status(403, "no"),
        _ => status(404, "not found"),
    });
    let raw = listed(&server).await;
    let facts = decode(&raw, &[]);
    let chain: Vec<_> =
        facts.owners.iter().map(|o| (o.this.name.as_str(), o.owner.clone())).collect();
    let job = OwnerRef { kind: "RayJob".to_owned(), name: "job".to_owned() };
    assert_eq!(chain, [("rc", Some(job)), ("job", None)]);
    let owners = source(&raw, "owners");
    assert_eq!(owners.state, SourceState::Partial);
    for part in [
        "1 RayCluster",
        "1 RayJob",
        "1 that no longer exist",
        "Thing not read: a ClusterRole",
        "Gone not read",
    ] {
        assert!(owners.detail.contains(part), "{part}: {}", owners.detail);
    }
    assert!(server.calls().iter().all(|call| !call.path.contains("..")));
    let discoveries = server.calls().iter().filter(|call| call.path == "/apis/ray.io/v1").count();
    assert_eq!(discoveries, 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_or_refuses_everybody_is_an_error() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let error = list(&cluster_at(&url).await, 0, &Silent).await.expect_err("nobody listens");
    let text = error.to_string();
    assert!(matches!(error, ListError::Unreachable { .. }), "{text}");
    assert!(text.contains(&url) && text.to_lowercase().contains("refused"), "{text}");

    let server = Server::start(|_: &Call| status(401, "Unauthorized"));
    let error = list(&cluster_at(server.url()).await, 0, &Silent).await.expect_err("401");
    assert!(matches!(error, ListError::Unauthorized { .. }), "{error}");
    assert!(!error.to_string().contains("s3cret"));

    let slow = Server::start(|_: &Call| {
        std::thread::sleep(Duration::from_millis(300));
        status(200, "")
    });
    let mut cluster = cluster_at(slow.url()).await;
    cluster.patience.timeout = Duration::from_millis(50);
    let error = list(&cluster, 0, &Silent).await.expect_err("too slow");
    assert!(error.to_string().contains("no answer within 50ms"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin_that_fails_is_explained_without_its_output() {
    let plugin = |command: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1'}}}}]\n\
             users:\n- name: u\n  user:\n    exec:\n      \
             apiVersion: client.authentication.k8s.io/v1\n      interactiveMode: Never\n      \
             command: {command}\n      args: ['-c', 'echo s3cret; echo please log in >&2; exit 3']\n      \
             env: [{{name: KEY, value: s3cret}}]\n"
        )
    };
    for (command, said) in [("sh", "please log in"), ("/no/such/plugin", "cannot run")] {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), plugin(command)).expect("written");
        let options = ClusterOptions { kubeconfig: Some(file.path().to_owned()), context: None };
        let error = connect(&options).await.expect_err("no credentials").to_string();
        assert!(error.contains("context \"x\"") && error.contains(said), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

/// Recorded lists of a real API server, by the path they are served at.
const RECORDED: &[(&str, &str)] = &[
    ("/api/v1/pods", "pods"),
    ("/api/v1/nodes", "nodes"),
    ("/api/v1/namespaces", "namespaces"),
    ("/apis/apps/v1/replicasets", "replicasets"),
    ("/apis/apps/v1/deployments", "deployments"),
    ("/apis/apps/v1/statefulsets", "statefulsets"),
    ("/apis/batch/v1/jobs", "jobs"),
    ("/apis/batch/v1/cronjobs", "cronjobs"),
    ("/apis/resource.k8s.io/v1/resourceclaims", "resourceclaims"),
    ("/apis/resource.k8s.io/v1/resourceslices", "resourceslices"),
    ("/apis/resource.k8s.io/v1/deviceclasses", "deviceclasses"),
];

/// The data folder of the tests, if there is one.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("GPU_FINOPS_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
    }
    folder
}

#[tokio::test]
async fn recorded_answers_of_a_real_api_server_read_like_the_files() {
    let Some(data) = data() else { return };
    let folder = data.join("recordings/kubernetes-1.36");
    let recorded: Vec<(&str, Value)> = RECORDED
        .iter()
        .map(|(path, name)| {
            let text = std::fs::read(folder.join(format!("{name}.json"))).expect("recorded");
            (*path, serde_json::from_slice(&text).expect("JSON"))
        })
        .collect();
    let busy = AtomicUsize::new(0);
    let server = Server::start(move |call: &Call| {
        if call.path == "/apis/resource.k8s.io" {
            return Answer::json(&json!({"versions": [{"version": "v1beta1"}, {"version": "v1"}]}));
        }
        if call.path == "/apis/apps/v1/daemonsets" {
            return status(403, "daemonsets.apps is forbidden");
        }
        if call.path == "/api/v1/nodes" && busy.fetch_add(1, Ordering::SeqCst) == 0 {
            return status(429, "busy");
        }
        let Some((_, list)) = recorded.iter().find(|(path, _)| *path == call.path) else {
            return status(404, "the server could not find the requested resource");
        };
        let kind = list["kind"].as_str().and_then(|k| k.strip_suffix("List")).expect("a list");
        let api_version = list["apiVersion"].as_str().expect("a version");
        // Pages of 7, whatever is asked for: 29 pods are 5 pages.
        let mut small = call.clone();
        small.set_param("limit", "7");
        page(kind, api_version, list["items"].as_array().expect("items"), &small)
    });
    let live = listed(&server).await;
    assert_eq!(source(&live, "pods").detail, "29 objects in 5 pages");
    assert_eq!(source(&live, "daemonsets").state, SourceState::Failed);
    assert_eq!(source(&live, "resourceclaimtemplates").state, SourceState::Skipped);

    let gpus = ["nvidia.com/gpu".to_owned()];
    let live = decode(&live, &gpus);
    let files = crate::source::objects::read_path(&folder).expect("the same objects");
    let files = decode(&files, &gpus);
    assert_eq!(live.pods, files.pods);
    assert_eq!(live.nodes, files.nodes);
    assert_eq!(live.namespaces, files.namespaces);
    // Templates are not served here.
    let dra = |facts: &crate::model::ClusterFacts| crate::model::dra::DraFacts {
        templates: Vec::new(),
        ..facts.dra.clone()
    };
    assert_eq!(dra(&live), dra(&files));
    // `services.json` is among the files; live, services are read only where they own a pod.
    let workloads = |facts: crate::model::ClusterFacts| -> Vec<_> {
        facts.owners.into_iter().filter(|owner| owner.this.kind != "Service").collect()
    };
    assert_eq!(workloads(live), workloads(files));
}
