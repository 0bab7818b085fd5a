use super::nodes::sum_over_time;
use super::*;
use crate::model::{ClusterFacts, Interval, MetricData, Window};

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
    Series {
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        samples: samples.iter().copied().collect(),
    }
}

fn observe_all(metrics: Vec<(QueryId, Vec<Series>)>) -> KubeState {
    let inputs = Inputs {
        window: Window::new(0, 10_000).expect("not reversed"),
        now_ms: 10_000,
        metrics: metrics
            .into_iter()
            .map(|(query, series)| MetricData { query, series, gaps: Vec::new() })
            .collect(),
        facts: ClusterFacts::default(),
        sources: Vec::new(),
    };
    observe(&inputs, &["nvidia.com/gpu".to_owned()], 300, 100)
}

const POD: [(&str, &str); 6] = [
    ("namespace", "ml"),
    ("pod", "train"),
    ("uid", "u1"),
    ("node", "n1"),
    ("resource", "nvidia_com_gpu"),
    ("container", "main"),
];

fn container(name: &'static str) -> Vec<(&'static str, &'static str)> {
    POD.iter().map(|&(k, v)| if k == "container" { (k, name) } else { (k, v) }).collect()
}

#[test]
fn init_containers_are_max_and_sidecars_add() {
    // Main 2, sidecar 1, init 4: max(2 + 1, 4 + 1) = 5.
    let state = observe_all(vec![
        (QueryId::PodGpuRequests, vec![series(&POD, &[(0, 2.0), (100, 2.0)])]),
        (
            QueryId::PodInitGpuRequests,
            vec![
                series(&container("proxy"), &[(0, 1.0)]),
                series(&container("fetch"), &[(0, 4.0)]),
            ],
        ),
        (
            QueryId::InitContainerInfo,
            vec![series(
                &[
                    ("namespace", "ml"),
                    ("pod", "train"),
                    ("uid", "u1"),
                    ("container", "proxy"),
                    ("restart_policy", "Always"),
                ],
                &[(0, 1.0)],
            )],
        ),
    ]);
    let pod = state.pods.values().next().expect("one pod");
    assert_eq!(pod.gpus, BTreeMap::from([("nvidia.com/gpu".to_owned(), 5)]));
    assert_eq!(pod.seen, Some((0, 100)));
}

#[test]
fn replicas_of_the_exporter_count_once() {
    let mut second = POD.to_vec();
    second.push(("instance", "other:8080"));
    let state = observe_all(vec![(
        QueryId::PodGpuRequests,
        vec![series(&POD, &[(0, 2.0)]), series(&second, &[(3, 2.0)])],
    )]);
    assert_eq!(state.pods.values().next().expect("one pod").gpus["nvidia.com/gpu"], 2);
}

#[test]
fn a_pod_without_a_node_holds_nothing() {
    let pending: Vec<_> = POD.iter().copied().filter(|(k, _)| *k != "node").collect();
    assert!(
        observe_all(vec![(QueryId::PodGpuRequests, vec![series(&pending, &[(0, 1.0)])])])
            .pods
            .is_empty()
    );
}

/// Not trap 5: the metric has no claims that the scheduler makes for extended resources.
#[test]
fn claims_of_pods_are_those_that_have_a_name() {
    let of = |claim: &'static str, more: &[(&'static str, &'static str)]| {
        let base = [("namespace", "ml"), ("pod", "train"), ("uid", "u1")];
        let labels = [&base[..], &[("resourceclaim_name", claim)], more].concat();
        series(&labels, &[(100, 1.0), (200, 1.0)])
    };
    let scheduled = series(&POD[..3], &[(200, 0.15)]);
    let info = series(&POD[..4], &[(200, 1.0)]);
    let state = observe_all(vec![
        (
            QueryId::PodResourceClaims,
            vec![
                of("train-gpu-x", &[("claim_name", "gpu")]),
                of("train-gpu-x", &[("claim_name", "gpu"), ("instance", "other:8080")]),
                of("shared", &[("claim_name", "other")]),
                of("", &[("claim_name", "late")]),
            ],
        ),
        (QueryId::PodScheduledTime, vec![scheduled]),
        (QueryId::PodInfo, vec![info]),
    ]);
    assert_eq!(state.pods.len(), 0, "it requests no GPU");
    let (key, pod) = state.claimants.iter().next().expect("one pod");
    assert_eq!((key.name.as_str(), key.uid.as_deref()), ("train", Some("u1")));
    assert_eq!(pod.claims.iter().collect::<Vec<_>>(), ["shared", "train-gpu-x"]);
    // It waited for 50 ms.
    assert_eq!((pod.seen, pod.scheduled_ms), (Some((150, 200)), Some(150)));
    assert_eq!(pod.node.as_deref(), Some("n1"));
    assert_eq!(state.up(), IntervalSet::of(Interval::new(100, 300)));
}

#[test]
fn capacity_of_two_resources_adds_up() {
    let held = |s, e, v| Held::once(Interval::new(s, e), Some(v));
    let sum = sum_over_time([vec![held(0, 10, 4.0)], vec![held(5, 10, 2.0)]].into_iter());
    assert_eq!(sum, [held(0, 5, 4.0), held(5, 10, 6.0)]);
}
