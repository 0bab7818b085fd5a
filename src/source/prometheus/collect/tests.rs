use std::time::Duration;

use super::super::client::DirectTransport;
use super::super::options::ConnectionOptions;
use super::super::testing::fake::millis;
use super::super::testing::{Counting, Reply, Seen, Server, quick_options};
use super::*;
use crate::model::SourceState;
use crate::units::{MS_PER_HOUR, MS_PER_MINUTE, Millis};

/// 2026-11-20T06:00:00Z
const START: Millis = 1_795_154_400_000;

fn gpus() -> Vec<String> {
    vec!["nvidia.com/gpu".to_owned()]
}

async fn run(server: &Server) -> Result<Collected, CollectError> {
    let window = Window::new(START, START + MS_PER_HOUR).unwrap();
    let progress = Counting::default();
    let options = quick_options();
    let gap = 5 * MS_PER_MINUTE;
    let result = collect(server.transport(), &options, &gpus(), gap, window, &progress).await;
    assert_eq!(progress.expected.into_inner(), progress.done.into_inner());
    result
}

fn state(collected: &Collected, query: &str) -> (SourceState, String) {
    let name = format!("prometheus/{query}");
    let status = collected.sources.iter().find(|status| status.name == name).unwrap();
    (status.state, status.detail.clone())
}

fn empty_unless(seen: &Seen, answer: impl FnOnce(&str) -> Option<Reply>) -> Reply {
    match seen.path.as_str() {
        "/api/v1/status/buildinfo" => {
            Reply::json(r#"{"status":"success","data":{"version":"2.42.0","goVersion":"x"}}"#)
        }
        "/api/v1/series" => Reply::json(r#"{"status":"success","data":[]}"#),
        _ => answer(&seen.params["query"]).unwrap_or_else(|| Reply::matrix("")),
    }
}

fn one(labels: &str) -> Option<Reply> {
    let at = START / 1_000;
    Some(Reply::matrix(&format!(
        r#"{{"metric":{{{labels}}},"values":[[{at},"8"],[{},"8"]]}}"#,
        at + 30
    )))
}

#[tokio::test]
async fn facts_are_asked_of_the_nodes_and_namespaces_with_gpus() {
    let server = Server::start(|seen, _| {
        empty_unless(seen, |query| match query {
            q if q.starts_with("kube_node_status_capacity") => one(r#""node":"gpu.1""#),
            q if q.starts_with("kube_pod_container_resource_requests{resource=~\"nvidia") => {
                one(r#""node":"gpu.1","namespace":"ml","pod":"p""#)
            }
            q if q.contains("DCGM_FI_DEV_GPU_UTIL|") => one(r#""UUID":"u","namespace":"art""#),
            _ => None,
        })
    });
    let collected = run(&server).await.unwrap();
    assert_eq!(collected.server, format!("{} (version 2.42.0)", server.url()));
    assert_eq!(collected.metrics.len(), QueryId::ALL.len());
    let order: Vec<&str> = collected.sources.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(order[..3], ["prometheus", "prometheus/gpu_util", "prometheus/gr_engine_active"]);
    assert_eq!(order.len(), 1 + QueryId::ALL.len());
    assert_eq!(state(&collected, "gpu_util"), (SourceState::Ok, "1 series, 2 samples".into()));
    assert_eq!(state(&collected, "sm_active"), (SourceState::Empty, "no series".into()));

    let asked: Vec<String> =
        server.seen().iter().filter_map(|seen| seen.params.get("query").cloned()).collect();
    let has = |text: &str| asked.iter().any(|query| query.contains(text));
    assert!(has(r#"kube_pod_info{node=~"gpu\\.1"}"#));
    assert!(has(r#"kube_pod_owner{namespace=~"art|ml"}"#));
    assert!(!asked.iter().any(|query| query.contains("exported_node=")));
}

#[tokio::test]
async fn what_only_recommendations_look_at_is_asked_only_for_them() {
    let server = Server::start(|seen, _| {
        empty_unless(seen, |query| match query {
            q if q.starts_with("kube_pod_container_resource_requests{resource=~\"nvidia") => {
                one(r#""node":"g","exported_namespace":"ml","pod":"p""#)
            }
            q if q.contains("container_memory_working_set_bytes") => {
                Some(Reply::error(422, "execution", "no such thing"))
            }
            _ => None,
        })
    });
    let asks = |seen: &[Seen]| {
        let query =
            |seen: &Seen| seen.params.get("query").is_some_and(|q| q.contains("container_cpu"));
        seen.iter().filter(|seen| query(seen)).count()
    };
    let collected = run(&server).await.unwrap();
    assert_eq!((asks(&server.seen()), collected.metrics.len()), (0, QueryId::ALL.len()));
    let window = Window::new(START, START + MS_PER_HOUR).unwrap();
    let options = ReadOptions { optional: true, ..quick_options() };
    let progress = Counting::default();
    let collected =
        collect(server.transport(), &options, &gpus(), 0, window, &progress).await.unwrap();
    assert_eq!(collected.sources.len(), 1 + QueryId::ALL.len() + QueryId::OPTIONAL.len());
    assert_eq!(state(&collected, "pod_cpu_usage").0, SourceState::Empty);
    assert_eq!(state(&collected, "pod_memory_usage").0, SourceState::Failed);
    // The job of cAdvisor may honour labels where that of kube-state-metrics does not.
    let asked: Vec<String> =
        server.seen().iter().filter_map(|seen| seen.params.get("query").cloned()).collect();
    for label in [r#",namespace=~"ml"}[5m]"#, r#",exported_namespace=~"ml"}[5m]"#] {
        assert!(asked.iter().any(|query| query.contains(label)), "{label}");
    }
}

#[tokio::test]
async fn the_window_is_read_with_room_for_holds_across_its_edges() {
    let server = Server::start(|seen, _| empty_unless(seen, |_| None));
    run(&server).await.unwrap();
    let series = server.seen().into_iter().find(|seen| seen.path == "/api/v1/series").unwrap();
    assert_eq!(millis(&series.params["start"]), START - 10 * MS_PER_MINUTE);
    assert_eq!(millis(&series.params["end"]), START + MS_PER_HOUR + 5 * MS_PER_MINUTE);
}

#[tokio::test]
async fn without_gpus_there_is_nothing_to_ask_further() {
    let server = Server::start(|seen, _| empty_unless(seen, |_| None));
    let collected = run(&server).await.unwrap();
    assert_eq!(state(&collected, "node_capacity").0, SourceState::Empty);
    let (skipped, why) = state(&collected, "pod_info");
    assert_eq!(skipped, SourceState::Skipped);
    assert!(why.contains("no node with GPUs"), "{why}");
    assert_eq!(state(&collected, "pod_owner").0, SourceState::Skipped);
    assert!(!collected.metrics.iter().any(|answer| answer.query == QueryId::PodInfo));
    assert!(collected.metrics.iter().any(|answer| answer.query == QueryId::NodeCapacity));
}

#[tokio::test]
async fn what_could_not_be_read_is_not_said_to_be_missing() {
    let server = Server::start(|seen, _| {
        empty_unless(seen, |query| {
            let of_nodes = query.contains("kube_node_status_capacity");
            of_nodes.then(|| Reply::error(422, "execution", "no such thing"))
        })
    });
    let collected = run(&server).await.unwrap();
    let (skipped, why) = state(&collected, "pod_info");
    assert_eq!(skipped, SourceState::Skipped);
    assert!(why.contains("could not be read"), "{why}");
}

#[tokio::test]
async fn a_query_that_fails_leaves_the_others_standing() {
    let server = Server::start(|seen, _| {
        empty_unless(seen, |query| match query {
            q if q.contains("DCGM_FI_DEV_GPU_UTIL|") => {
                Some(Reply::error(422, "execution", "no such thing"))
            }
            q if q.contains("FB_USED") => one(r#""UUID":"u""#),
            _ => None,
        })
    });
    let collected = run(&server).await.unwrap();
    let (failed, why) = state(&collected, "gpu_util");
    assert_eq!(failed, SourceState::Failed);
    assert!(why.contains("no such thing"), "{why}");
    assert_eq!(state(&collected, "fb_used").0, SourceState::Ok);
}

#[tokio::test]
async fn a_server_that_cannot_be_used_ends_it_at_once() {
    let cases = [
        (Reply::new(401, ""), "401 Unauthorized", "--prometheus-bearer-token-file"),
        (Reply::json("<html>"), "web page", "path prefix"),
        (Reply::new(404, "nope"), "404 Not Found: nope", "path prefix"),
        (Reply::json("{\"status\""), "truncated at byte 9", ""),
        (
            Reply::matrix("").after(Duration::from_secs(2)),
            "no answer within",
            "--prometheus-timeout",
        ),
    ];
    for (reply, message, hint) in cases {
        let server = Server::start(move |_, _| reply.clone());
        let error = run(&server).await.unwrap_err();
        let CollectError::Unusable { target, source } = &error else { panic!("{error}") };
        assert_eq!(target, &server.url());
        assert!(source.to_string().contains(message), "{source}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{:?}", error.hint());
        assert!(server.seen().len() <= 2);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_named_without_its_password() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://ann:hunter2@127.0.0.1:{port}");
    let transport = DirectTransport::new(&url, &ConnectionOptions::default()).unwrap();
    let window = Window::new(0, 1).unwrap();
    let progress = Counting::default();
    let error = collect(Arc::new(transport), &quick_options(), &gpus(), 0, window, &progress).await;
    let error = error.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read metrics from http://127.0.0.1:{port}"));
    let shown = format!("{error:?}");
    assert!(shown.contains("refused") && !shown.contains("hunter2"), "{shown}");
    assert!(error.hint().unwrap().contains("port"));
    assert!(progress.phases.into_inner().unwrap()[0].ends_with(&format!("127.0.0.1:{port}")));
}

#[tokio::test]
async fn a_bad_matcher_is_told_before_anything_is_sent() {
    let server = Server::start(|_, _| Reply::new(500, ""));
    let options = ReadOptions { matchers: vec!["cluster".into()], ..quick_options() };
    let window = Window::new(0, 1).unwrap();
    let progress = Counting::default();
    let error = collect(server.transport(), &options, &gpus(), 0, window, &progress).await;
    assert!(error.unwrap_err().to_string().contains("cluster"), "names the matcher");
    assert!(server.seen().is_empty());
}
