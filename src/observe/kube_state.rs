//! What kube-state-metrics says of pods, nodes, owners and labels, with the time it says it.
//!
//! Grouped by object, so that replicas and shards of the exporter count once.

mod facts;
mod nodes;
mod pods;

use std::collections::{BTreeMap, BTreeSet};

use pods::seen_while_bound;

use super::hold::{self, Held};
use super::labels::{kube, kube_labels, kube_resource_name};
use super::timeline::{Event, Timeline};
use crate::model::objects::{OwnerRef, PodRequests};
use crate::model::query::QueryKind;
use crate::model::{Inputs, IntervalSet, Labels, QueryId, Series};
use crate::units::{MS_PER_MINUTE, Millis};

/// A pod by namespace, name and UID (`None` from versions that print none).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: Option<String>,
}

/// A pod that requests GPUs, or uses resource claims.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KubePod {
    /// Node it is bound to.
    pub node: Option<String>,
    /// Effective GPU request by resource name.
    pub gpus: BTreeMap<String, u32>,
    /// Resource claims of its namespace that it uses.
    pub claims: BTreeSet<String>,
    /// First and last sample; of a pod that requests GPUs, while bound to a node.
    pub seen: Option<(Millis, Millis)>,
    /// Spacing of its samples.
    pub step_ms: i64,
    /// First instant at which it was seen in a terminal phase.
    pub terminal_ms: Option<Millis>,
    /// End of its last container.
    pub completed_ms: Option<Millis>,
    /// When it was bound.
    pub scheduled_ms: Option<Millis>,
    /// When the kubelet took it.
    pub started_ms: Option<Millis>,
    /// Controller.
    pub owner: Option<OwnerRef>,
    /// `label_*` labels.
    pub labels: Labels,
}

/// A node with GPUs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KubeNode {
    /// When it was in the cluster.
    pub presence: IntervalSet,
    /// GPUs in capacity, over time (all whole-GPU resources summed).
    pub capacity: Vec<Held>,
    /// GPUs in allocatable, over time.
    pub allocatable: Vec<Held>,
    /// Most replicas and MIG instances, by the resource's printed name.
    pub parts: BTreeMap<String, u32>,
    /// Allocatable CPU, millicores.
    pub cpu_millicores: Option<i64>,
    /// Allocatable memory, bytes.
    pub memory_bytes: Option<i64>,
    /// Not ready.
    pub not_ready: IntervalSet,
    /// Cordoned.
    pub cordoned: IntervalSet,
    /// `label_*` labels.
    pub labels: Labels,
    /// CPU and memory requested by its pods, and when.
    pub demands: Vec<Demand>,
}

/// What one pod takes of a node, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Namespace and name of the pod.
    pub pod: (String, String),
    /// Whether the pod requests GPUs, or uses claims.
    pub is_of_gpus: bool,
    /// When.
    pub time: IntervalSet,
    /// What.
    pub requests: PodRequests,
}

/// Everything that kube-state-metrics told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KubeState {
    /// GPU pods.
    pub pods: BTreeMap<PodKey, KubePod>,
    /// Pods that use resource claims; those that request GPUs, too, are among both.
    pub claimants: BTreeMap<PodKey, KubePod>,
    /// GPU nodes.
    pub nodes: BTreeMap<String, KubeNode>,
    /// `label_*` labels of namespaces.
    pub namespaces: BTreeMap<String, Labels>,
    /// Controllers of ReplicaSets and Jobs, by namespace and object; `None` for one without.
    pub owners: BTreeMap<(String, OwnerRef), Option<OwnerRef>>,
    /// Node of a pod, by namespace and name.
    pub node_of_pod: BTreeMap<(String, String), String>,
    /// Node by an IP address of its own or of a pod on it.
    pub node_of_ip: BTreeMap<String, String>,
    /// When pods were reported at all.
    pub pods_up: IntervalSet,
    /// When nodes were reported at all.
    pub nodes_up: IntervalSet,
    /// When uses of claims were reported at all.
    pub claims_up: IntervalSet,
}

impl KubeState {
    /// Resource claims that a pod uses, as far as it is told.
    #[must_use]
    pub fn claims_of(&self, key: &PodKey) -> Vec<String> {
        self.claimants.get(key).map(|pod| pod.claims.iter().cloned().collect()).unwrap_or_default()
    }

    /// When kube-state-metrics reported anything.
    #[must_use]
    pub fn up(&self) -> IntervalSet {
        self.pods_up.union(&self.nodes_up).union(&self.claims_up)
    }
}

/// Reads every `kube_*` query of the inputs.
#[must_use]
pub fn observe(
    inputs: &Inputs,
    gpu_resources: &[String],
    max_gap_ms: i64,
    default_step_ms: i64,
) -> KubeState {
    let reader = Reader { inputs, gpu_resources, max_gap_ms, default_step_ms };
    let mut state = KubeState::default();
    reader.nodes(&mut state);
    reader.pods(&mut state);
    reader.claimants(&mut state);
    reader.pod_facts(&mut state);
    state.claimants.values_mut().for_each(seen_while_bound);
    reader.owners(&mut state);
    reader.addresses(&mut state);
    reader.demands(&mut state);
    for series in reader.series(QueryId::NamespaceLabels) {
        if let Some(namespace) = kube(series, "namespace") {
            // Series of a query are in order of labels, not of time: on a change the later instant wins.
            let known = state.namespaces.entry(namespace.to_owned()).or_default();
            known.extend_from(&kube_labels(series));
        }
    }
    state
}

struct Reader<'a> {
    inputs: &'a Inputs,
    gpu_resources: &'a [String],
    max_gap_ms: i64,
    default_step_ms: i64,
}

impl<'a> Reader<'a> {
    fn series(&self, query: QueryId) -> Vec<&'a Series> {
        let mut series: Vec<_> =
            self.inputs.metric(query).map(|m| m.series.iter().collect()).unwrap_or_default();
        series.sort_by_key(|s: &&Series| s.samples.last());
        series
    }

    /// The resource of our list that a `resource` label stands for; replicas and MIG instances keep the
    /// name that is printed, for its spelling is lost.
    fn gpu_resource(&self, series: &Series) -> Option<GpuResource> {
        let printed = series.label("resource")?;
        let whole = self.gpu_resources.iter().find(|r| kube_resource_name(r) == printed);
        let is_part = printed == "nvidia_com_gpu_shared" || printed.starts_with("nvidia_com_mig_");
        match whole {
            Some(name) => Some(GpuResource::Whole(name.clone())),
            None => is_part.then(|| GpuResource::Part(printed.to_owned())),
        }
    }

    fn timeline(series: &Series) -> Timeline {
        let event = |v: f64| match v {
            v if crate::model::series::is_stale_marker(v) => Event::Stale,
            v if v.is_finite() => Event::Value(v),
            _ => Event::Invalid,
        };
        Timeline::of(&series.samples, event)
    }

    fn presence(&self, line: &Timeline) -> IntervalSet {
        let step = line.step(self.default_step_ms, self.max_gap_ms);
        hold::presence(line, step, self.max_gap_ms)
    }
}

/// A resource that stands for GPUs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum GpuResource {
    /// One of our list.
    Whole(String),
    /// Replicas or MIG instances, as printed.
    Part(String),
}

impl GpuResource {
    fn into_name(self) -> String {
        match self {
            Self::Whole(name) | Self::Part(name) => name,
        }
    }
}

fn pod_key(series: &Series) -> Option<PodKey> {
    Some(PodKey {
        namespace: kube(series, "namespace")?.to_owned(),
        name: kube(series, "pod")?.to_owned(),
        uid: kube(series, "uid").map(ToOwned::to_owned),
    })
}

/// The step of a grid query.
#[must_use]
pub const fn grid_step(query: QueryId) -> i64 {
    match query.kind() {
        QueryKind::Grid { step_ms } => step_ms,
        _ => MS_PER_MINUTE,
    }
}

/// Most that a series of counts says.
fn largest(line: &Timeline) -> u32 {
    let values = line.runs().iter().filter_map(|run| match run.event {
        Event::Value(value) => Some(value),
        Event::Invalid | Event::Stale => None,
    });
    whole(values.fold(0.0, f64::max))
}

/// A count of devices; kube-state-metrics prints whole numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded on both sides"
)]
fn whole(value: f64) -> u32 {
    value.round().clamp(0.0, 65_536.0) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "bounded: no node has 2^60 of anything")]
fn integer(value: f64) -> i64 {
    value.round().clamp(0.0, 1.0e18) as i64
}

#[cfg(test)]
mod tests;
