//! Small fleets with a story, a sample a minute, as queries would answer.

use std::collections::BTreeMap;

use gpu_finops::model::objects::{OwnerRef, PodFact, PodPhase};
use gpu_finops::model::policy::{PriceBook, PriceOrigin, PriceRule};
use gpu_finops::model::{ClusterFacts, Inputs, MetricData, Policy, QueryId, Series, Window};

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60;
/// 2026-11-16T00:00:00Z, a Monday.
pub(crate) const ORIGIN: i64 = 1_794_787_200_000;
pub(crate) const A100: &str = "NVIDIA A100-SXM4-80GB";
const CARD_MIB: f64 = 81_920.0;
pub(crate) const PRICE: f64 = 2.0;

/// Utilization in percent and framebuffer in MiB of a minute; `None` for no sample.
type Course = Box<dyn Fn(i64) -> Option<(f64, f64)>>;

/// A pod with its GPUs.
pub(crate) struct Pod {
    name: String,
    owner: (String, String),
    node: String,
    gpus: Vec<Course>,
    minutes: (i64, i64),
}

/// The same in every minute.
pub(crate) fn steady(percent: f64, mib: f64) -> Course {
    Box::new(move |_| Some((percent, mib)))
}

/// By minute.
pub(crate) fn course(of: impl Fn(i64) -> (f64, f64) + 'static) -> Course {
    Box::new(move |minute| Some(of(minute)))
}

impl Pod {
    /// A pod of a workload on a node, there for the whole window.
    pub(crate) fn new((kind, workload): (&str, &str), number: usize, gpus: Vec<Course>) -> Self {
        Self {
            name: format!("{workload}-{number}"),
            owner: (kind.into(), workload.into()),
            node: format!("node-{}", number % 4),
            gpus,
            minutes: (0, i64::MAX),
        }
    }

    /// There from one minute to another only.
    pub(crate) fn during(self, from: i64, to: i64) -> Self {
        Self { minutes: (from, to), ..self }
    }

    /// On this node.
    pub(crate) fn on(self, node: &str) -> Self {
        Self { node: node.into(), ..self }
    }
}

/// A cluster for a while.
pub(crate) struct Fleet {
    pub(crate) hours: i64,
    pub(crate) pods: Vec<Pod>,
    /// Queries whose answers stand beside those that are made.
    pub(crate) more: Vec<MetricData>,
    /// Pods that wait.
    pub(crate) waiting: Vec<PodFact>,
    pub(crate) model: &'static str,
}

impl Fleet {
    pub(crate) fn new(hours: i64, pods: Vec<Pod>) -> Self {
        Self { hours, pods, more: Vec::new(), waiting: Vec::new(), model: A100 }
    }

    fn minutes(&self, pod: &Pod) -> std::ops::Range<i64> {
        pod.minutes.0..pod.minutes.1.min(self.hours * HOUR + 2)
    }

    fn of_gpus(&self, query: QueryId, value: impl Fn((f64, f64)) -> f64) -> MetricData {
        let mut out = Vec::new();
        for pod in &self.pods {
            for (index, of) in pod.gpus.iter().enumerate() {
                let samples = self
                    .minutes(pod)
                    .filter_map(|minute| Some((ORIGIN + minute * MINUTE, value(of(minute)?))));
                let (id, index) = (gpu_id(pod, index), index.to_string());
                let pairs = [
                    ("UUID", id.as_str()),
                    ("gpu", &index),
                    ("Hostname", &pod.node),
                    ("modelName", self.model),
                    ("namespace", "ns"),
                    ("pod", &pod.name),
                ];
                out.push(series(&pairs, samples.collect()));
            }
        }
        MetricData { query, series: out, gaps: Vec::new() }
    }

    fn requests(&self) -> MetricData {
        let one = |pod: &Pod| {
            let gpus = u32::try_from(pod.gpus.len()).expect("few");
            let at = |minute| (ORIGIN + minute * MINUTE, f64::from(gpus));
            let uid = format!("uid-{}", pod.name);
            let pairs = [
                ("namespace", "ns"),
                ("pod", pod.name.as_str()),
                ("uid", &uid),
                ("node", &pod.node),
                ("container", "main"),
                ("resource", "nvidia_com_gpu"),
            ];
            series(&pairs, self.minutes(pod).map(at).collect())
        };
        let series = self.pods.iter().map(one).collect();
        MetricData { query: QueryId::PodGpuRequests, series, gaps: Vec::new() }
    }

    fn capacity(&self) -> MetricData {
        let mut gpus: BTreeMap<&str, u32> = BTreeMap::new();
        for pod in &self.pods {
            *gpus.entry(&pod.node).or_default() += u32::try_from(pod.gpus.len()).expect("few");
        }
        let one = |(node, count): (&str, u32)| {
            let at = |minute| (ORIGIN + minute * MINUTE, f64::from(count));
            let samples = (0..self.hours * HOUR + 2).map(at).collect();
            series(&[("node", node), ("resource", "nvidia_com_gpu")], samples)
        };
        let series = gpus.into_iter().map(one).collect();
        MetricData { query: QueryId::NodeCapacity, series, gaps: Vec::new() }
    }

    pub(crate) fn window(&self) -> Window {
        Window::new(ORIGIN, ORIGIN + self.hours * HOUR * MINUTE).expect("not empty")
    }

    pub(crate) fn inputs(self) -> Inputs {
        let mut metrics = vec![
            self.of_gpus(QueryId::GpuUtil, |(percent, _)| percent),
            self.of_gpus(QueryId::FbUsed, |(_, mib)| mib),
            self.of_gpus(QueryId::FbFree, |(_, mib)| CARD_MIB - mib),
            self.requests(),
            self.capacity(),
        ];
        let window = self.window();
        let pods = self.pods.iter().map(fact).chain(self.waiting.clone()).collect();
        for more in self.more {
            match metrics.iter_mut().find(|known| known.query == more.query) {
                Some(known) => known.series.extend(more.series),
                None => metrics.push(more),
            }
        }
        Inputs {
            window,
            now_ms: window.end() + MINUTE,
            metrics,
            facts: ClusterFacts { pods, ..ClusterFacts::default() },
            sources: Vec::new(),
        }
    }
}

fn gpu_id(pod: &Pod, index: usize) -> String {
    format!("GPU-{}-{index}", pod.name)
}

fn fact(pod: &Pod) -> PodFact {
    let (kind, name) = &pod.owner;
    let owner = (kind != "Pod").then(|| OwnerRef { kind: kind.clone(), name: name.clone() });
    PodFact {
        namespace: "ns".into(),
        name: pod.name.clone(),
        uid: Some(format!("uid-{}", pod.name)),
        node: Some(pod.node.clone()),
        owner,
        phase: PodPhase::Running,
        ..PodFact::default()
    }
}

pub(crate) fn series(pairs: &[(&str, &str)], samples: Vec<(i64, f64)>) -> Series {
    let labels: BTreeMap<String, String> =
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Series { labels: labels.into(), samples: samples.into_iter().collect() }
}

pub(crate) fn policy() -> Policy {
    let rule = PriceRule {
        model: None,
        instance_type: None,
        capacity_type: None,
        region: None,
        node: None,
        node_labels: BTreeMap::new(),
        per_gpu_hour: PRICE,
        source: "test".into(),
        date: None,
        origin: PriceOrigin::Flag,
    };
    Policy { prices: PriceBook { currency: "USD".into(), rules: vec![rule] }, ..Policy::default() }
}
