//! Finding a metric server in the cluster by the labels that its usual packages put on services.
//!
//! Precedence: Prometheus, VictoriaMetrics, Thanos, Mimir; within each the order of `SELECTORS`,
//! then namespace and name. The first that answers a query is chosen.

use std::fmt;

use serde_json::Value;

use super::client::Cluster;
use super::exchange::Failure;
use super::owners::is_path_segment;
use super::pages::read_all;
use super::proxy::ServiceProxy;
use crate::source::objects::one_line;
use crate::source::progress::Silent;
use crate::source::prometheus::options::Secret;
use crate::source::prometheus::transport::{ApiRequest, Transport};

/// What a found server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricServerKind {
    /// Prometheus itself.
    Prometheus,
    /// VictoriaMetrics, single-node or the `vmselect` of a cluster.
    VictoriaMetrics,
    /// Thanos' querier.
    Thanos,
    /// Grafana Mimir's query front end or gateway.
    Mimir,
}

impl fmt::Display for MetricServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prometheus => "Prometheus",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::Thanos => "Thanos",
            Self::Mimir => "Mimir",
        })
    }
}

use MetricServerKind::{Mimir, Prometheus, Thanos, VictoriaMetrics};

/// Path of the API of `vmselect`, for tenant 0.
const VMSELECT: &str = "/select/0/prometheus";

/// Labels of the usual packages, in order of precedence, with where the API is below the service.
const SELECTORS: &[(MetricServerKind, &str, &str)] = &[
    (Prometheus, "app=kube-prometheus-stack-prometheus", ""),
    (Prometheus, "app=prometheus,component=server", ""),
    (Prometheus, "app=prometheus-server", ""),
    (Prometheus, "app=prometheus-operator-prometheus", ""),
    (Prometheus, "app=rancher-monitoring-prometheus", ""),
    (Prometheus, "app=prometheus-prometheus", ""),
    (Prometheus, "app.kubernetes.io/name=prometheus,app.kubernetes.io/component=server", ""),
    (Prometheus, "app.kubernetes.io/name=prometheus", ""),
    (Prometheus, "operated-prometheus=true", ""),
    (VictoriaMetrics, "app.kubernetes.io/name=vmsingle", ""),
    (VictoriaMetrics, "app.kubernetes.io/name=victoria-metrics-single", ""),
    (VictoriaMetrics, "app.kubernetes.io/name=vmselect", VMSELECT),
    (VictoriaMetrics, "app=vmselect", VMSELECT),
    (Thanos, "app.kubernetes.io/component=query,app.kubernetes.io/name=thanos", ""),
    (Thanos, "app.kubernetes.io/name=thanos-query", ""),
    (Thanos, "app=thanos-query", ""),
    (Thanos, "app=thanos-querier", ""),
    (
        Mimir,
        "app.kubernetes.io/name=mimir,app.kubernetes.io/component=query-frontend",
        "/prometheus",
    ),
    (Mimir, "app.kubernetes.io/name=mimir,app.kubernetes.io/component=gateway", "/prometheus"),
];

/// Names of ports that speak the query API, the likeliest first.
const PORT_NAMES: &[&str] = &[
    "http-web",
    "web",
    "http",
    "http-query",
    "http-metrics",
    "https",
    "https-web",
    "https-metrics",
];

/// A service that looks like a metric server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Namespace of the service.
    pub namespace: String,
    /// Name of the service.
    pub name: String,
    /// Port of the service.
    pub port: u16,
    /// Whether the port speaks TLS.
    pub https: bool,
    /// What it is.
    pub kind: MetricServerKind,
    /// Where the API is, below the service; empty or with a leading slash.
    pub path_prefix: String,
    /// The label selector that it was found by.
    pub selector: String,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name, port, path_prefix, .. } = self;
        write!(f, "{kind} at service {namespace}/{name}:{port}{path_prefix}")
    }
}

/// What was found, and what was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    /// In order of precedence.
    pub found: Vec<Candidate>,
    /// The selectors, in order of precedence.
    pub looked_for: Vec<String>,
}

/// Services may not be listed, or the server does not answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot look for a metric server in the cluster: {reason}; give --prometheus URL")]
pub struct DiscoverError {
    reason: String,
}

/// The server that was chosen, and those before it that did not answer.
#[derive(Debug)]
pub struct Choice {
    /// The first that answers, ready for use.
    pub chosen: Option<(Candidate, ServiceProxy)>,
    /// Those that were tried before it, each with what went wrong.
    pub refused: Vec<(Candidate, String)>,
}

/// Looks for metric servers among the cluster's services.
///
/// # Errors
/// When services cannot be listed.
pub async fn discover(cluster: &Cluster) -> Result<Discovery, DiscoverError> {
    let services = read_all(cluster, "/api/v1/services", &Silent).await;
    match services.failure {
        Some(failure) if services.items.is_empty() => Err(DiscoverError { reason: why(&failure) }),
        _ => Ok(Discovery {
            found: candidates(&services.items),
            looked_for: SELECTORS.iter().map(|(_, selector, _)| (*selector).to_owned()).collect(),
        }),
    }
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::Status(403, message) => format!(
            "a ClusterRole with the verbs get and list on services, and get on services/proxy, \
             is needed ({message})"
        ),
        other => other.to_string(),
    }
}

/// Asks the candidates one after the other and takes the first that answers a query.
pub async fn choose(
    cluster: &Cluster,
    discovery: &Discovery,
    headers: &[(String, Secret)],
) -> Choice {
    let mut choice = Choice { chosen: None, refused: Vec::new() };
    for candidate in &discovery.found {
        let tried = match ServiceProxy::new(cluster.clone(), candidate, headers) {
            Ok(proxy) => probe(&proxy).await.map(|()| proxy),
            Err(error) => Err(error.to_string()),
        };
        match tried {
            Ok(proxy) => {
                choice.chosen = Some((candidate.clone(), proxy));
                break;
            }
            Err(reason) => choice.refused.push((candidate.clone(), reason)),
        }
    }
    choice
}

/// Whether a server answers queries.
async fn probe(transport: &dyn Transport) -> Result<(), String> {
    let request = ApiRequest {
        path: "/api/v1/query".to_owned(),
        params: vec![("query".to_owned(), "1".to_owned())],
    };
    let response = transport.send(&request).await.map_err(|error| error.to_string())?;
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    let field = |name: &str| {
        body.as_ref().and_then(|b| b.get(name)).and_then(Value::as_str).unwrap_or_default()
    };
    if response.status != 200 {
        let text = [field("message"), field("error")].join(" ");
        return Err(one_line(&format!("HTTP {} {text}", response.status)));
    }
    if field("status") != "success" {
        return Err("answers, but not as the Prometheus API does".to_owned());
    }
    Ok(())
}

/// Services that match, each once, in order of precedence.
fn candidates(services: &[Value]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for (kind, selector, prefix) in SELECTORS {
        let mut matching: Vec<Candidate> = services
            .iter()
            .filter(|service| matches(service, selector))
            .filter_map(|service| candidate(service, *kind, selector, prefix))
            .collect();
        matching.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        for new in matching {
            if !found.iter().any(|f| (&f.namespace, &f.name) == (&new.namespace, &new.name)) {
                found.push(new);
            }
        }
    }
    found
}

/// Whether a service has every label of `selector` (`a=b,c=d`).
fn matches(service: &Value, selector: &str) -> bool {
    let labels = service.pointer("/metadata/labels");
    selector.split(',').all(|requirement| {
        let (key, value) = requirement.split_once('=').unwrap_or((requirement, ""));
        labels.and_then(|labels| labels.get(key)).and_then(Value::as_str) == Some(value)
    })
}

fn candidate(
    service: &Value,
    kind: MetricServerKind,
    selector: &str,
    path_prefix: &str,
) -> Option<Candidate> {
    let text = |path: &str| service.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    if !is_path_segment(namespace) || !is_path_segment(name) {
        return None;
    }
    let (port, https) = port(service.pointer("/spec/ports")?.as_array()?)?;
    Some(Candidate {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        port,
        https,
        kind,
        path_prefix: path_prefix.to_owned(),
        selector: selector.to_owned(),
    })
}

/// The port to ask, and whether it speaks TLS: the likeliest by name, else the first that is not gRPC.
fn port(ports: &[Value]) -> Option<(u16, bool)> {
    let text = |port: &Value, key: &str| {
        port.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let http = || {
        ports.iter().filter(|p| !text(p, "name").contains("grpc") && text(p, "protocol") != "UDP")
    };
    let by_name =
        PORT_NAMES.iter().find_map(|name| http().find(|port| text(port, "name") == *name));
    let chosen = by_name.or_else(|| http().next())?;
    let number = u16::try_from(chosen.get("port")?.as_u64()?).ok()?;
    let https = text(chosen, "name").starts_with("https")
        || text(chosen, "appProtocol") == "https"
        || number == 443;
    Some((number, https))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(namespace: &str, name: &str, labels: &Value, ports: &Value) -> Value {
        json!({
            "metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": {"ports": ports},
        })
    }

    #[test]
    fn the_usual_packages_in_order() {
        let services = [
            service(
                "mimir",
                "mimir-query-frontend",
                &json!({
                    "app.kubernetes.io/name": "mimir", "app.kubernetes.io/component": "query-frontend",
                }),
                &json!([{"name": "http-metrics", "port": 8080}, {"name": "grpc", "port": 9095}]),
            ),
            service(
                "openshift-monitoring",
                "thanos-querier",
                &json!({
                    "app.kubernetes.io/name": "thanos-query",
                }),
                &json!([{"name": "web", "port": 9091}]),
            ),
            service(
                "vm",
                "vmselect-x",
                &json!({"app.kubernetes.io/name": "vmselect"}),
                &json!([{"name": "http", "port": 8481}]),
            ),
            service(
                "monitoring",
                "kps-prometheus",
                &json!({
                    "app": "kube-prometheus-stack-prometheus",
                }),
                &json!([{"name": "reloader-web", "port": 8080}, {"name": "http-web", "port": 9090}]),
            ),
            service(
                "b",
                "prometheus-operated",
                &json!({"operated-prometheus": "true"}),
                &json!([{"name": "web", "port": 9090}]),
            ),
            service("default", "kubernetes", &json!({}), &json!([{"name": "https", "port": 443}])),
            service(
                "x",
                "../../secrets",
                &json!({"app": "prometheus-server"}),
                &json!([{"port": 80}]),
            ),
        ];
        let found: Vec<String> = candidates(&services).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "Prometheus at service monitoring/kps-prometheus:9090",
                "Prometheus at service b/prometheus-operated:9090",
                "VictoriaMetrics at service vm/vmselect-x:8481/select/0/prometheus",
                "Thanos at service openshift-monitoring/thanos-querier:9091",
                "Mimir at service mimir/mimir-query-frontend:8080/prometheus",
            ]
        );
    }

    #[test]
    fn ports() {
        assert_eq!(port(json!([{"port": 80}]).as_array().expect("array")), Some((80, false)));
        let tls = json!([{"name": "grpc", "port": 10901}, {"name": "https-x", "port": 9091}]);
        assert_eq!(port(tls.as_array().expect("array")), Some((9091, true)));
        assert_eq!(port(&[]), None);
        assert_eq!(port(json!([{"port": 70000}]).as_array().expect("array")), None);
    }
}
