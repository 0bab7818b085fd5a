use super::*;
use crate::model::objects::{OwnerRef, PodFact};
use crate::model::{ClusterFacts, MetricData, Window};

fn series(labels: &[(&str, &str)]) -> Series {
    Series {
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..Series::default()
    }
}

#[test]
fn exported_labels_win_over_the_target() {
    let both = series(&[
        ("exported_pod", "train-0"),
        ("exported_namespace", "ml"),
        ("pod", "nvidia-x7"),
        ("namespace", "gpu-operator"),
        ("container", "exporter"),
    ]);
    let bare =
        series(&[("pod", "nvidia-k2"), ("namespace", "gpu-operator"), ("container", "exporter")]);
    let who = ExporterIdentity::learn([&both, &bare], Bystanders::default());
    assert_eq!(who.holder(&both).map(|p| p.name), Some("train-0".into()));
    assert_eq!(who.holder(&bare), None, "the exporter's own pod is no tenant");
}

#[test]
fn no_label_an_empty_one_and_the_exporter_are_nobody() {
    let who = ExporterIdentity::default();
    assert_eq!(who.holder(&series(&[("UUID", "GPU-1")])), None);
    assert_eq!(who.holder(&series(&[("pod", ""), ("namespace", "")])), None);
    assert_eq!(
        who.holder(&series(&[("pod", "nvidia-dcgm-exporter-9x"), ("namespace", "gpu-operator")])),
        None
    );
    let same = series(&[("pod", "abc"), ("namespace", "mon"), ("Hostname", "abc")]);
    assert_eq!(who.holder(&same), None);
}

#[test]
fn trap_19_old_spellings_beside_the_labels_of_the_target() {
    let target = [
        ("pod", "nvidia-dcgm-exporter-9x"),
        ("namespace", "gpu-operator"),
        ("container", "nvidia-dcgm-exporter"),
    ];
    let old = [("pod_name", "a"), ("pod_namespace", "b"), ("container_name", "main")];
    let who = ExporterIdentity::default();
    let holder = who.holder(&series(&[&target[..], &old].concat()));
    assert_eq!(holder.map(|p| (p.namespace, p.name)), Some(("b".into(), "a".into())));
    assert_eq!(who.holder(&series(&target)), None);
    // A scrape configuration may put a `pod_name` of its own on what it scrapes: no namespace comes with it.
    let own = [("pod", "a"), ("namespace", "b"), ("pod_name", "nvidia-dcgm-exporter-9x")];
    assert_eq!(who.holder(&series(&own)).map(|p| p.name), Some("a".into()));
}

fn bystanders(queries: &[(QueryId, &[(&str, &str)])], pods: Vec<PodFact>) -> Bystanders {
    let data = |(query, labels): &(QueryId, &[(&str, &str)])| MetricData {
        query: *query,
        series: vec![series(labels)],
        gaps: Vec::new(),
    };
    Bystanders::new(&Inputs {
        window: Window::new(0, 1_000).expect("not reversed"),
        now_ms: 1_000,
        metrics: queries.iter().map(data).collect(),
        facts: ClusterFacts { pods, ..ClusterFacts::default() },
        sources: Vec::new(),
    })
}

const INFO: &[(&str, &str)] = &[
    ("namespace", "mon"),
    ("pod", "telemetry-7x"),
    ("created_by_kind", "DaemonSet"),
    ("pod_ip", "10.0.0.7"),
];
const IDLE: &[(&str, &str)] = &[
    ("namespace", "mon"),
    ("pod", "telemetry-7x"),
    ("container", "agent"),
    ("instance", "10.0.0.7:9400"),
];

#[test]
fn trap_19_an_exporter_with_any_name_is_nobody() {
    let holder = |known: Bystanders| ExporterIdentity::learn([], known).holder(&series(IDLE));
    let requests = (QueryId::PodGpuRequests, &INFO[..2]);
    // Unknown: it may be anybody.
    assert!(holder(Bystanders::default()).is_some());
    assert_eq!(holder(bystanders(&[(QueryId::PodInfo, INFO)], Vec::new())), None);
    assert!(holder(bystanders(&[(QueryId::PodInfo, INFO), requests], Vec::new())).is_some());
    // No DaemonSet, but its address is the one that is scraped.
    let by_address = [&INFO[..2], &INFO[3..]].concat();
    assert_eq!(holder(bystanders(&[(QueryId::PodInfo, &by_address)], Vec::new())), None);
    assert!(holder(bystanders(&[(QueryId::PodInfo, &INFO[..2])], Vec::new())).is_some());
}

#[test]
fn objects_tell_the_exporter_too_and_its_like_on_other_nodes_follow() {
    let pod = PodFact {
        namespace: "mon".into(),
        name: "telemetry-7x".into(),
        owner: Some(OwnerRef { kind: "DaemonSet".into(), name: "telemetry".into() }),
        ..PodFact::default()
    };
    let idle = series(IDLE);
    let who = ExporterIdentity::learn([&idle], bystanders(&[], vec![pod.clone()]));
    let gone = series(&[("namespace", "mon"), ("pod", "telemetry-2b"), ("container", "agent")]);
    assert_eq!((who.holder(&idle), who.holder(&gone)), (None, None));
    let other = series(&[("namespace", "mon"), ("pod", "x"), ("container", "main")]);
    assert!(who.holder(&other).is_some());

    let mut holds = pod.clone();
    holds.requests.other_gpu_requests.insert("example.com/gpu".into(), 1);
    let claims = PodFact { claims: vec!["c".into()], ..pod };
    for pod in [holds, claims] {
        let known = bystanders(&[], vec![pod]);
        assert!(ExporterIdentity::learn([&idle], known).holder(&idle).is_some());
    }
    let claimed =
        series(&[IDLE, &[("dra_claim_name", "c"), ("dra_claim_namespace", "mon")]].concat());
    let known = bystanders(&[(QueryId::PodInfo, INFO)], Vec::new());
    assert!(ExporterIdentity::learn([&claimed], known).holder(&claimed).is_some());
}
