use super::*;
use crate::model::{ClusterFacts, Inputs, Window};
use crate::model::{QueryId, Series};
use crate::observe::{devices, kube_state};
use crate::source::exposition::decode;

const AT: Millis = 1_795_132_800_000;

fn gpus() -> Vec<String> {
    vec!["nvidia.com/gpu".to_owned()]
}

fn fed(text: &str) -> Feed {
    feed(&decode(text.as_bytes()).samples, AT, &gpus())
}

fn answer(feed: &Feed, query: QueryId) -> &[Series] {
    &feed.metrics.iter().find(|m| m.query == query).expect("one answer for each query").series
}

const EXPORTER: &str = r#"
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",Hostname="n1",modelName="NVIDIA L4",pod="train-0",namespace="ml"} 50
DCGM_FI_PROF_SM_UTIL_RATIO{gpu="0",UUID="GPU-a",Hostname="n1",modelName="NVIDIA L4",pod="train-0",namespace="ml"} 0.25
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",Hostname="n1",modelName="NVIDIA L4",pod="train-0",namespace="ml"} 1024
DCGM_FI_DEV_FB_FREE{gpu="0",UUID="GPU-a",Hostname="n1",modelName="NVIDIA L4",pod="train-0",namespace="ml"} 3072
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-a",Hostname="n1",modelName="NVIDIA L4",pod="train-0",namespace="ml"} 40
"#;

const KUBE: &str = r#"
kube_node_status_capacity{node="n1",resource="nvidia_com_gpu",unit="integer"} 1
kube_node_status_capacity{node="n1",resource="cpu",unit="core"} 8
kube_pod_container_resource_requests{namespace="ml",pod="train-0",uid="u",container="a",node="n1",resource="nvidia_com_gpu",unit="integer"} 1
kube_pod_container_resource_requests{namespace="ml",pod="train-0",uid="u",container="a",node="n1",resource="cpu",unit="core"} 2
kube_pod_container_resource_requests{namespace="ml",pod="train-0",uid="u",container="b",node="n1",resource="cpu",unit="core"} 0.5
kube_pod_status_phase{namespace="ml",pod="train-0",uid="u",phase="Running"} 1
kube_pod_status_phase{namespace="ml",pod="train-0",uid="u",phase="Succeeded"} 0
kube_pod_status_phase{namespace="ml",pod="done",uid="v",phase="Succeeded"} 1
"#;

#[test]
fn a_scrape_answers_the_catalogue() {
    let feed = fed(&format!("{EXPORTER}{KUBE}"));
    assert_eq!(feed.metrics.len(), QueryId::ALL.len());
    // 13 samples less the temperature, the CPU of the node and two phases.
    assert_eq!((feed.used, feed.duplicates), (9, 0));
    assert_eq!(
        feed.unused,
        BTreeMap::from([
            ("DCGM_FI_DEV_GPU_TEMP".to_owned(), 1),
            ("kube_node_status_capacity".to_owned(), 1),
            ("kube_pod_status_phase".to_owned(), 2),
        ])
    );
    let util = answer(&feed, QueryId::GpuUtil);
    assert_eq!(
        (util[0].samples.instants().as_slice(), util[0].samples.values().as_slice()),
        (&[AT][..], &[50.0][..])
    );
    // trap 21: of a pod's five phases only a terminal one that is 1.
    let ended = answer(&feed, QueryId::PodTerminal);
    assert_eq!((ended.len(), ended[0].label("pod")), (1, Some("done")));
    // Containers are summed.
    let demand = answer(&feed, QueryId::PodCpuMemoryRequests);
    assert_eq!((demand.len(), demand[0].samples.values().as_slice()), (1, &[2.5][..]));
    assert_eq!(demand[0].label("container"), None);
    assert_eq!(demand[0].label("__name__"), None);
}

/// trap 24: kube-state-metrics scraped twice counts once.
#[test]
fn what_was_scraped_twice_is_there_once() {
    let twice = fed(&format!("{KUBE}{KUBE}"));
    assert_eq!((twice.used, twice.duplicates), (5, 5));
    assert_eq!(twice.metrics, fed(KUBE).metrics);
    let replica = KUBE.replace("namespace=", "instance=\"other\",namespace=");
    let both = fed(&format!("{KUBE}{replica}"));
    assert_eq!(answer(&both, QueryId::PodCpuMemoryRequests)[0].samples.values(), [2.5]);
}

/// traps 1 and 40: percent, ratio and MiB are told apart by the metric's name.
#[test]
fn a_scrape_can_be_observed() {
    let feed = fed(&format!("{EXPORTER}{KUBE}"));
    let inputs = Inputs {
        window: Window::new(AT, AT + 60_000).expect("not reversed"),
        now_ms: AT + 60_000,
        metrics: feed.metrics,
        facts: ClusterFacts::default(),
        sources: Vec::new(),
    };
    let seen = devices::observe(&inputs, 300_000, 30_000);
    assert_eq!((seen.devices.len(), seen.samples_seen), (1, 3));
    assert_eq!(seen.devices[0].id, "GPU-a");
    assert_eq!(seen.devices[0].card.memory_bytes, Some(4_294_967_296.0));
    let kube = kube_state::observe(&inputs, &gpus(), 300_000, 30_000);
    assert_eq!(kube.nodes.keys().collect::<Vec<_>>(), ["n1"]);
    assert_eq!(kube.pods.len(), 1);
}

#[test]
fn timestamps_of_its_own_make_one_series() {
    let text = "DCGM_FI_DEV_FB_USED{UUID=\"g\"} 2 20.5\nDCGM_FI_DEV_FB_USED{UUID=\"g\"} 1 10\n\
                DCGM_FI_DEV_FB_USED{UUID=\"g\",pod=\"\"} 9 10\n# EOF\n";
    let feed = fed(text);
    let series = answer(&feed, QueryId::FbUsed);
    assert_eq!(series.len(), 1, "an empty label says nothing");
    assert_eq!(
        (series[0].samples.instants().as_slice(), series[0].samples.values().as_slice()),
        (&[10_000, 20_500][..], &[1.0, 2.0][..])
    );
    assert_eq!((feed.used, feed.duplicates), (2, 1));
}

#[test]
fn an_error_that_is_over_is_none() {
    let text = "DCGM_FI_DEV_XID_ERRORS{UUID=\"a\"} 0\nDCGM_FI_DEV_XID_ERROR{UUID=\"b\"} 79\n";
    let feed = fed(text);
    assert_eq!(answer(&feed, QueryId::XidErrors).len(), 1);
    assert_eq!(feed.unused, BTreeMap::from([("DCGM_FI_DEV_XID_ERRORS".to_owned(), 1)]));
}
