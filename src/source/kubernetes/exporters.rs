//! Finding exporters in the cluster by the labels that their usual packages put on pods.

use std::fmt;

use serde_json::Value;

use super::client::Cluster;
use super::exchange::Failure;
use super::owners::is_path_segment;
use super::pages::read_all;
use crate::source::progress::Silent;

/// An exporter's kind: what its series get as `job`, the labels of its pods (`key in (values)`), and the number of
/// its port where no port has one of [`PORT_NAMES`].
struct Kind {
    job: &'static str,
    key: &'static str,
    values: &'static [&'static str],
    port: u16,
}

/// Labels of the charts and operators, the likeliest first.
const KINDS: &[Kind] = &[
    Kind {
        job: "dcgm-exporter",
        key: "app.kubernetes.io/name",
        values: &["dcgm-exporter", "nvidia-dcgm-exporter", "gke-managed-dcgm-exporter"],
        port: 9400,
    },
    Kind {
        job: "dcgm-exporter",
        key: "app",
        values: &["nvidia-dcgm-exporter", "dcgm-exporter"],
        port: 9400,
    },
    Kind {
        job: "device-metrics-exporter",
        key: "app.kubernetes.io/name",
        values: &["metrics-exporter", "device-metrics-exporter"],
        port: 5000,
    },
    Kind {
        job: "kube-state-metrics",
        key: "app.kubernetes.io/name",
        values: &["kube-state-metrics"],
        port: 8080,
    },
    Kind { job: "kube-state-metrics", key: "k8s-app", values: &["kube-state-metrics"], port: 8080 },
];

/// Names of ports that metrics are at, the likeliest first.
const PORT_NAMES: &[&str] =
    &["metrics", "http-metrics", "http", "https-metrics", "https-main", "https"];

/// A pod that looks like an exporter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExporterPod {
    /// What it is: `dcgm-exporter`, `device-metrics-exporter` or `kube-state-metrics`.
    pub job: &'static str,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub name: String,
    /// Address of the pod.
    pub ip: String,
    /// Port of the metrics.
    pub port: u16,
    /// Whether the port speaks TLS.
    pub https: bool,
}

impl ExporterPod {
    /// Address and port, as Prometheus has it in `instance`.
    #[must_use]
    pub fn instance(&self) -> String {
        let Self { ip, port, .. } = self;
        if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
    }
}

/// Pods may not be listed, or the server does not answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot look for exporters in the cluster: {reason}; name them with --target URL")]
pub struct ExportersError {
    reason: String,
}

/// The exporters among the running pods of the cluster, in a stable order.
///
/// # Errors
/// When pods cannot be listed.
pub async fn exporters(cluster: &Cluster) -> Result<Vec<ExporterPod>, ExportersError> {
    let mut found: Vec<ExporterPod> = Vec::new();
    for kind in KINDS {
        let selector = format!("{} in ({})", kind.key, kind.values.join(","));
        let pods = read_all(cluster, &pods_with(&selector), &Silent).await;
        if let Some(failure) = pods.failure {
            return Err(ExportersError { reason: why(&failure) });
        }
        found.extend(
            pods.items.iter().filter(|p| matches(p, kind)).filter_map(|p| exporter(p, kind)),
        );
    }
    found.sort_by(|a, b| (&a.namespace, &a.name, a.job).cmp(&(&b.namespace, &b.name, b.job)));
    found.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    Ok(found)
}

fn pods_with(selector: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("labelSelector", selector);
    format!("/api/v1/pods?{}", query.finish())
}

/// What is looked for, for people.
#[must_use]
pub fn exporters_looked_for() -> String {
    let text = |kind: &Kind| format!("{} in ({})", kind.key, kind.values.join(", "));
    KINDS.iter().map(text).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for ExporterPod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at pod {}/{}:{}", self.job, self.namespace, self.name, self.port)
    }
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::Status(403, message) => format!(
            "a ClusterRole with the verbs get and list on pods, and get on pods/proxy, is needed ({message})"
        ),
        other => other.to_string(),
    }
}

/// Not every server heeds a selector.
fn matches(pod: &Value, kind: &Kind) -> bool {
    let label = pod.pointer("/metadata/labels").and_then(|labels| labels.get(kind.key));
    label.and_then(Value::as_str).is_some_and(|value| kind.values.contains(&value))
}

fn exporter(pod: &Value, kind: &Kind) -> Option<ExporterPod> {
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let ip = text("/status/podIP");
    let is_there = text("/status/phase") == "Running" && !ip.is_empty();
    if !is_there || !is_path_segment(namespace) || !is_path_segment(name) {
        return None;
    }
    let (port, https) = port(pod).unwrap_or((kind.port, false));
    Some(ExporterPod {
        job: kind.job,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ip: ip.to_owned(),
        port,
        https,
    })
}

/// The port of the metrics by its name, and whether it speaks TLS.
fn port(pod: &Value) -> Option<(u16, bool)> {
    let containers = pod.pointer("/spec/containers")?.as_array()?;
    let ports: Vec<&Value> =
        containers.iter().filter_map(|c| c.get("ports")?.as_array()).flatten().collect();
    let named = |name: &&&str| {
        let port = ports.iter().find(|p| p.get("name").and_then(Value::as_str) == Some(name))?;
        let number = u16::try_from(port.get("containerPort")?.as_u64()?).ok()?;
        Some((number, name.starts_with("https")))
    };
    PORT_NAMES.iter().find_map(|name| named(&name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_by_name_else_by_kind() {
        let pod = |ports: Value| {
            json!({
                "metadata": {"namespace": "gpu", "name": "x", "labels": {"app": "nvidia-dcgm-exporter"}},
                "spec": {"containers": [{"ports": ports}]},
                "status": {"phase": "Running", "podIP": "10.0.0.7"},
            })
        };
        let found = |pod: &Value| {
            let found = exporter(pod, &KINDS[1]).expect("an exporter");
            (found.instance(), found.https)
        };
        let metrics = pod(
            json!([{"name": "x", "containerPort": 1}, {"name": "metrics", "containerPort": 9401}]),
        );
        assert_eq!(found(&metrics), ("10.0.0.7:9401".to_owned(), false));
        let tls = pod(json!([{"name": "https-main", "containerPort": 8443}]));
        assert_eq!(found(&tls), ("10.0.0.7:8443".to_owned(), true));
        assert_eq!(found(&pod(json!([]))), ("10.0.0.7:9400".to_owned(), false));
        assert_eq!(
            found(&pod(json!([{"name": "metrics", "containerPort": 70_000}]))).0,
            "10.0.0.7:9400"
        );
        assert!(matches(&metrics, &KINDS[1]) && !matches(&metrics, &KINDS[0]));
    }

    #[test]
    fn only_running_pods_with_plain_names() {
        for (path, value) in [
            ("/status/phase", json!("Pending")),
            ("/status/podIP", json!("")),
            ("/metadata/name", json!("../../secrets")),
        ] {
            let mut pod = json!({
                "metadata": {"namespace": "gpu", "name": "x"},
                "status": {"phase": "Running", "podIP": "10.0.0.7"},
            });
            assert!(exporter(&pod, &KINDS[0]).is_some());
            *pod.pointer_mut(path).expect("there") = value;
            assert_eq!(exporter(&pod, &KINDS[0]), None, "{path}");
        }
    }
}
