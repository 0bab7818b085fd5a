//! Finding and asking metric servers behind the API server.

use serde_json::{Value, json};

use super::super::*;
use super::server::{Answer, Call, Server};
use super::{cluster_at, page, status};
use crate::source::prometheus::options::Secret;
use crate::source::prometheus::transport::{ApiRequest, Transport, TransportError};

fn services() -> Vec<Value> {
    let service = |namespace: &str, name: &str, labels: Value| {
        json!({"metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": {"ports": [{"name": "http", "port": 9090, "protocol": "TCP"}]}})
    };
    vec![
        service("monitoring", "down", json!({"app": "prometheus-server"})),
        service("vm", "select", json!({"app.kubernetes.io/name": "vmselect"})),
        service("web", "shop", json!({"app": "shop"})),
    ]
}

#[tokio::test]
async fn the_first_metric_server_that_answers_is_chosen() {
    const DOWN: &str = "/api/v1/namespaces/monitoring/services/down:9090/proxy";
    const SELECT: &str = "/api/v1/namespaces/vm/services/select:9090/proxy/select/0/prometheus";
    let server = Server::start(|call: &Call| match call.path.as_str() {
        "/api/v1/services" => page("Service", "v1", &services(), call),
        path if path.starts_with(DOWN) => {
            status(503, "no endpoints available for service \"down\"")
        }
        path if path.starts_with(SELECT) => Answer::json(&json!({"status": "success", "data": {}})),
        _ => status(404, "not found"),
    });
    let cluster = cluster_at(server.url()).await;
    let discovery = discover(&cluster).await.expect("services may be listed");
    assert_eq!(discovery.found.len(), 2);
    assert!(discovery.looked_for.iter().any(|s| s == "app=prometheus-server"));

    let tenant = [("X-Scope-OrgID".to_owned(), Secret("team-a".to_owned()))];
    let choice = choose(&cluster, &discovery, &tenant).await;
    let (candidate, proxy) = choice.chosen.expect("vmselect answers");
    assert_eq!(candidate.kind, MetricServerKind::VictoriaMetrics);
    assert_eq!(choice.refused.len(), 1);
    assert!(choice.refused[0].1.contains("no endpoints available"), "{:?}", choice.refused);
    assert!(
        proxy.target().contains("service vm/select:9090/select/0/prometheus"),
        "{}",
        proxy.target()
    );
    assert!(!proxy.allows_post());

    let request = ApiRequest {
        path: "/api/v1/query".to_owned(),
        params: vec![("query".to_owned(), "a{b=\"c d&e+f\"}[5m]".to_owned())],
    };
    let response = proxy.send(&request).await.expect("an answer");
    assert_eq!(response.status, 200);
    assert_eq!(response.content_type.as_deref(), Some("application/json"));
    let calls = server.calls();
    let last = calls.last().expect("a call");
    assert_eq!(last.path, format!("{SELECT}/api/v1/query"));
    assert_eq!(last.param("query").as_deref(), Some("a{b=\"c d&e+f\"}[5m]"));
    assert_eq!(last.header("x-scope-orgid"), Some("team-a"));

    let too_long =
        ApiRequest { path: "/x".to_owned(), params: vec![("q".into(), "a".repeat(100_000))] };
    assert!(matches!(proxy.send(&too_long).await, Err(TransportError::Local(_))));
}

#[tokio::test]
async fn without_services_or_the_right_to_see_them_discovery_says_so() {
    let none = Server::start(|call: &Call| page("Service", "v1", &[], call));
    let cluster = cluster_at(none.url()).await;
    let discovery = discover(&cluster).await.expect("an empty list");
    assert!(discovery.found.is_empty());
    assert!(choose(&cluster, &discovery, &[]).await.chosen.is_none());

    let forbidden = Server::start(|_: &Call| status(403, "services is forbidden"));
    let error = discover(&cluster_at(forbidden.url()).await).await.expect_err("403").to_string();
    assert!(error.contains("services/proxy") && error.contains("--prometheus"), "{error}");
}
