//! The whole way through an API server: objects, discovery, and metrics by the service proxy.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::cluster::{self, END, NOW, START, Shape, check_base};
use crate::common::http::{Answer, HttpServer, Request};
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, close, gpu_finops, row, test_data, warnings};

pub(crate) const PROXY: &str =
    "/api/v1/namespaces/monitoring/services/prometheus-server:9090/proxy";

pub(crate) fn prometheus() -> &'static Prometheus {
    static SERVER: OnceLock<Prometheus> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut out = OpenMetrics::default();
        cluster::write(&mut out, &Shape::default());
        Prometheus::with_openmetrics(&out.finish())
    })
}

fn pod(
    namespace: &str,
    name: &str,
    node: &str,
    labels: &Value,
    owner: Option<(&str, &str)>,
) -> Value {
    let owners: Vec<Value> = owner
        .into_iter()
        .map(|(kind, name)| json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true}))
        .collect();
    json!({
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("uid-{name}"),
            "labels": labels, "ownerReferences": owners,
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "resources": {
                "requests": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"},
                "limits": {"nvidia.com/gpu": "1"},
            }}],
        },
        "status": {
            "phase": "Running", "startTime": "2026-11-09T23:50:00Z",
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-09T23:50:00Z"}],
        },
    })
}

fn node(name: &str, gpus: &str) -> Value {
    let resources = json!({"nvidia.com/gpu": gpus, "cpu": "32", "memory": "128Gi"});
    json!({
        "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {
            "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB",
            "node.kubernetes.io/instance-type": "big-2",
        }},
        "status": {"capacity": resources, "allocatable": resources, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// What the API server has at 06:00: the pods of the table that are still there.
fn items(path: &str) -> Option<Vec<Value>> {
    let named = |name: &str, labels: Value| json!({"metadata": {"name": name, "labels": labels}});
    Some(match path {
        "/api/v1/pods" => vec![
            pod("ml", "train-0", "n1", &json!({"app": "work"}), Some(("StatefulSet", "train"))),
            pod("lab", "nb", "n2", &json!({"app": "notebook"}), None),
        ],
        "/api/v1/nodes" => vec![node("n1", "2"), node("n2", "1")],
        "/api/v1/namespaces" => vec![
            named("ml", json!({"tenant": "alpha"})),
            named("web", json!({"tenant": "beta"})),
            named("lab", json!({})),
        ],
        "/api/v1/services" => vec![
            json!({
                "metadata": {"name": "shop", "namespace": "web", "labels": {"app": "shop"}},
                "spec": {"ports": [{"name": "http", "port": 80}]},
            }),
            json!({
                "metadata": {"name": "prometheus-server", "namespace": "monitoring", "labels": {"app": "prometheus-server"}},
                "spec": {"ports": [{"name": "http", "port": 9090}]},
            }),
        ],
        "/apis/apps/v1/statefulsets" => {
            vec![json!({"metadata": {"name": "train", "namespace": "ml", "uid": "train"}})]
        }
        "/apis/apps/v1/replicasets"
        | "/apis/apps/v1/deployments"
        | "/apis/apps/v1/daemonsets"
        | "/apis/batch/v1/jobs"
        | "/apis/batch/v1/cronjobs" => Vec::new(),
        _ => return None,
    })
}

/// What an API server says when it refuses.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": reason, "message": message, "code": code,
    });
    Answer::Reply(code, vec![("content-type", "application/json".into())], body.to_string().into())
}

/// One object a page, as a server with very much to tell.
fn page(request: &Request, items: &[Value]) -> Answer {
    let query = request.target.split_once('?').map_or("", |(_, q)| q);
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(k, _)| k == "continue");
    let at: usize = token.map_or(0, |(_, v)| v.parse().expect("a token of ours"));
    let next = if at + 1 < items.len() { (at + 1).to_string() } else { String::new() };
    let page: Vec<&Value> = items.iter().skip(at).take(1).collect();
    Answer::json(
        json!({"kind": "List", "apiVersion": "v1", "metadata": {"continue": next}, "items": page})
            .to_string(),
    )
}

/// The API server, with `special` answering first.
pub(crate) fn api(special: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> HttpServer {
    let to = prometheus().address();
    HttpServer::start(move |request| {
        let path = request.target.split('?').next().unwrap_or_default();
        if let Some(answer) = special(path) {
            return answer;
        }
        if let Some(target) = request.target.strip_prefix(PROXY) {
            return Answer::Forward { to: to.clone(), target: target.to_owned() };
        }
        match items(path) {
            Some(items) => page(request, &items),
            None => status(404, "NotFound", "the server could not find the requested resource"),
        }
    })
}

/// A kubeconfig of one server; it goes away with the value.
pub(crate) struct Kubeconfig {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn kubeconfig(url: &str) -> Kubeconfig {
    let folder = TempDir::new().expect("temporary folder");
    let path = folder.path().join("config");
    let text = format!(
        "apiVersion: v1
kind: Config
current-context: here
contexts:
- {{name: here, context: {{cluster: c, user: u}}}}
clusters:
- {{name: c, cluster: {{server: '{url}'}}}}
users:
- {{name: u, user: {{token: kube-t0ken-s3cret}}}}
"
    );
    fs::write(&path, text).expect("written");
    Kubeconfig { _folder: folder, path }
}

fn report(kubeconfig: &Kubeconfig) -> Command {
    let mut command = gpu_finops();
    command.args(["report", "--price", "A100=2", "--start", START, "--end", END, "--now", NOW]);
    command.arg("--kubeconfig").arg(&kubeconfig.path);
    command
}

fn sources(report: &Value) -> String {
    report["coverage"]["sources"].to_string()
}

#[test]
fn a_cluster_is_all_that_is_needed() {
    let server = api(|_| None);
    let config = kubeconfig(&server.url());
    let outcome = Outcome::of(report(&config).args(["-o", "json", "-v"]));
    let report = outcome.json();
    check_base(&report);
    assert_eq!(report["coverage"]["complete"], true, "{}", report["coverage"]);
    assert!(
        outcome
            .err
            .contains("metric server: Prometheus at service monitoring/prometheus-server:9090"),
        "{}",
        outcome.err
    );
    assert!(outcome.err.contains("app=prometheus-server"), "{}", outcome.err);
    // Every request carried the token, none changed anything, and nothing printed it.
    let seen = server.seen();
    assert!(seen.iter().all(|r| r.method == "GET"));
    assert!(seen.iter().all(|r| r.header("authorization") == Some("Bearer kube-t0ken-s3cret")));
    assert!(!outcome.err.contains("t0ken") && !outcome.text().contains("t0ken"));
    // Pages were followed.
    assert!(
        seen.iter()
            .any(|r| r.target.starts_with("/api/v1/pods?") && r.target.contains("continue=1"))
    );
}

#[test]
fn remote_read_goes_through_the_proxy_only_when_it_is_asked_for() {
    let server = api(|_| None);
    let config = kubeconfig(&server.url());
    let plain = Outcome::of(report(&config).args(["-o", "json"])).json();
    let detail = row(&plain["coverage"]["sources"], "name", "prometheus")["detail"].to_string();
    assert!(detail.contains("through the query API: remote read is a POST"), "{detail}");

    let asked = ["-o", "json", "--transport", "remote-read"];
    let remote = Outcome::of(report(&config).args(asked)).json();
    check_base(&remote);
    let detail = row(&remote["coverage"]["sources"], "name", "prometheus")["detail"].to_string();
    assert!(detail.contains("through remote read"), "{detail}");
    assert_eq!(remote["fleet"], plain["fleet"]);
    let seen = server.seen();
    let posts: Vec<_> = seen.iter().filter(|r| r.method == "POST").collect();
    assert!(!posts.is_empty());
    for post in posts {
        assert_eq!(post.target, format!("{PROXY}/api/v1/read"));
        assert_eq!(post.header("authorization"), Some("Bearer kube-t0ken-s3cret"));
    }

    let refusing = HttpServer::in_front_of(server.url().replace("http://", ""), |request| {
        let message = "services \"prometheus-server:9090\" is forbidden: cannot create resource";
        (request.method == "POST").then(|| status(403, "Forbidden", message))
    });
    let config = kubeconfig(&refusing.url());
    Outcome::of(report(&config).args(asked))
        .failed_with(1, &["by remote read", "403", "leave --transport at auto"]);
}

#[test]
fn a_kind_that_is_forbidden_is_a_line_and_the_rest_goes_on() {
    let server = api(|path| {
        let forbidden = path == "/api/v1/nodes" || path == "/apis/batch/v1/cronjobs";
        forbidden.then(|| status(403, "Forbidden", "nodes is forbidden: User \"u\" cannot list"))
    });
    let config = kubeconfig(&server.url());
    let report = Outcome::of(report(&config).args(["-o", "json"])).json();
    check_base(&report);
    let lines = report["coverage"]["sources"].as_array().expect("a list").iter();
    let failed: Vec<&Value> = lines.filter(|s| s["status"] == "failed").collect();
    assert_eq!(failed.len(), 2, "{}", sources(&report));
    for source in failed {
        let text = source.to_string();
        assert!(text.contains("nodes") || text.contains("cronjobs"), "{text}");
        assert!(text.contains("403") || text.contains("forbidden"), "{text}");
    }
    assert!(warnings(&report).contains(&"source-failed"));
}

#[test]
fn a_cluster_without_a_metric_server_says_what_was_looked_for() {
    let server = api(|path| {
        (path == "/api/v1/services").then(|| Answer::json(r#"{"kind":"ServiceList","items":[]}"#))
    });
    let config = kubeconfig(&server.url());
    Outcome::of(&mut report(&config)).failed_with(
        1,
        &["no metric server found", "app=prometheus-server", "--prometheus URL", "port-forward"],
    );
    let server = api(|path| {
        (path == "/api/v1/services").then(|| status(403, "Forbidden", "services is forbidden"))
    });
    let config = kubeconfig(&server.url());
    Outcome::of(&mut report(&config))
        .failed_with(1, &["services is forbidden", "services/proxy", "--prometheus URL"]);
    let server = api(|path| {
        path.starts_with(PROXY).then(|| status(503, "Unavailable", "no endpoints available"))
    });
    let config = kubeconfig(&server.url());
    Outcome::of(&mut report(&config)).failed_with(
        1,
        &["none of the metric servers", "no endpoints available", "monitoring/prometheus-server"],
    );
}

#[test]
fn clusters_that_cannot_be_reached_or_named() {
    let nobody = kubeconfig("http://127.0.0.1:1");
    Outcome::of(&mut report(&nobody)).failed_with(1, &["127.0.0.1:1", "--prometheus"]);
    let refusing = HttpServer::start(|_| status(401, "Unauthorized", "Unauthorized"));
    let config = kubeconfig(&refusing.url());
    let outcome = Outcome::of(report(&config).args(["--prometheus", &prometheus().url(), "-v"]));
    outcome.failed_with(1, &["401", "log in again"]);
    assert!(!outcome.err.contains("t0ken"));
    Outcome::of(report(&config).args(["--context", "elsewhere"]))
        .failed_with(1, &["elsewhere", "--context"]);
    Outcome::of(gpu_finops().args(["report", "--kubeconfig", "/nowhere/config"]))
        .failed_with(1, &["/nowhere/config", "--kubeconfig"]);
    let folder = TempDir::new().expect("temporary folder");
    let broken = folder.path().join("config");
    fs::write(&broken, "clusters: [unclosed\ntoken: kube-t0ken-s3cret").expect("written");
    let outcome = Outcome::of(gpu_finops().args(["report", "--kubeconfig"]).arg(&broken));
    outcome.failed_with(1, &[broken.to_str().expect("UTF-8")]);
    assert!(!outcome.err.contains("t0ken"), "{}", outcome.err);
}

#[test]
fn real_objects_do_no_harm() {
    let Some(data) = test_data() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    for folder in ["recordings/kubernetes-1.36", "manifests", "gentd26/objects"] {
        let mut command = gpu_finops();
        command.args(["report", "--price", "A100=2", "--start", START, "--end", END, "--now", NOW]);
        command.args(["--prometheus", &prometheus().url(), "--objects"]).arg(data.join(folder));
        let outcome = Outcome::of(command.args(["-o", "json"]));
        let report = outcome.json();
        assert_eq!(report["reconciliation"]["balanced"], true, "{folder}");
        // The metrics' own GPUs are as they were.
        for gpu in ["GPU-a", "GPU-b", "GPU-c"] {
            close(row(&report["gpus"], "uuid", gpu), "capacity_gpu_hours", 4.0);
        }
        eprintln!("{folder}: {}", report["coverage"]["warnings"]);
        assert!(
            sources(&report).contains(".json") || sources(&report).contains(".yaml"),
            "{folder}"
        );
    }
}
