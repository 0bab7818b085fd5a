//! What kube-state-metrics says of pods, nodes, owners and labels, with the time it says it.
//!
//! Grouped by object, so that replicas and shards of the exporter count once.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::{self, Held, merged};
use super::labels::{kube, kube_labels, kube_resource_name};
use super::timeline::{Event, Timeline, common_step};
use crate::model::objects::{OwnerRef, PodRequests};
use crate::model::query::QueryKind;
use crate::model::{Inputs, Interval, IntervalSet, Labels, QueryId, Series};
use crate::units::{MS_PER_MINUTE, Millis, millis_from_seconds};

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
            state.namespaces.entry(namespace.to_owned()).or_default().extend(kube_labels(series));
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
        series.sort_by_key(|s: &&Series| s.timestamps_ms.last().copied());
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
        series.samples().map(|(at, v)| (at, event(v))).collect()
    }

    fn presence(&self, series: &Series) -> IntervalSet {
        let line = Self::timeline(series);
        let step = line.step(self.default_step_ms, self.max_gap_ms);
        hold::presence(&line, step, self.max_gap_ms)
    }

    /// Instants of a grid query as intervals: what holds at one point is taken to hold for a step.
    fn grid(series: &Series, step_ms: i64) -> IntervalSet {
        IntervalSet::union_of(series.timestamps_ms.iter().map(|&t| Interval::new(t, t + step_ms)))
    }

    fn nodes(&self, state: &mut KubeState) {
        for (query, allocatable) in
            [(QueryId::NodeCapacity, false), (QueryId::NodeAllocatable, true)]
        {
            let mut gpus: BTreeMap<&str, BTreeMap<String, Vec<Timeline>>> = BTreeMap::new();
            for series in self.series(query) {
                let Some(name) = kube(series, "node") else { continue };
                if let Some(resource) = self.gpu_resource(series) {
                    let node = state.nodes.entry(name.to_owned()).or_default();
                    node.presence = node.presence.union(&self.presence(series));
                    match resource {
                        GpuResource::Whole(whole) => {
                            let known = gpus.entry(name).or_default().entry(whole).or_default();
                            known.push(Self::timeline(series));
                        }
                        GpuResource::Part(part) => {
                            let most = node.parts.entry(part).or_default();
                            *most = largest(series).max(*most);
                        }
                    }
                } else if allocatable {
                    let node = state.nodes.entry(name.to_owned()).or_default();
                    read_allocatable(node, series);
                }
            }
            for (name, by_resource) in gpus {
                // How many samples were duplicates is told of device samples only.
                let nothing = Interval::new(0, 0);
                let counts = by_resource
                    .values()
                    .map(|l| l.iter().collect::<Vec<_>>())
                    .map(|l| merged(&l, self.default_step_ms, self.max_gap_ms, nothing).0);
                let total = sum_over_time(counts);
                let node = state.nodes.entry(name.to_owned()).or_default();
                if allocatable { node.allocatable = total } else { node.capacity = total }
            }
        }
        // A node that only lists CPU and memory has no GPU.
        state.nodes.retain(|_, n| {
            n.parts.values().any(|&count| count > 0)
                || n.capacity.iter().chain(&n.allocatable).any(|h| h.value > Some(0.0))
        });
        for series in self.series(QueryId::NodeNotReady) {
            Self::with_node(state, series, |n| {
                n.not_ready =
                    n.not_ready.union(&Self::grid(series, grid_step(QueryId::NodeNotReady)));
            });
        }
        for series in self.series(QueryId::NodeUnschedulable) {
            Self::with_node(state, series, |n| {
                n.cordoned =
                    n.cordoned.union(&Self::grid(series, grid_step(QueryId::NodeUnschedulable)));
            });
        }
        for series in self.series(QueryId::NodeLabels) {
            Self::with_node(state, series, |n| n.labels.extend(kube_labels(series)));
        }
        state.nodes_up =
            state.nodes.values().fold(IntervalSet::default(), |up, n| up.union(&n.presence));
    }

    fn with_node(state: &mut KubeState, series: &Series, change: impl FnOnce(&mut KubeNode)) {
        if let Some(node) = kube(series, "node").and_then(|n| state.nodes.get_mut(n)) {
            change(node);
        }
    }

    fn pods(&self, state: &mut KubeState) {
        let sidecars = self.sidecars();
        let mut containers: BTreeMap<PodKey, BTreeMap<String, Counts>> = BTreeMap::new();
        for (query, init) in [(QueryId::PodGpuRequests, false), (QueryId::PodInitGpuRequests, true)]
        {
            let all = self.series(query);
            // A pod seen once has no spacing of its own; its exporter has.
            let lines: Vec<_> = all.iter().map(|s| Self::timeline(s)).collect();
            let step_ms = common_step(
                lines.iter().filter_map(Timeline::median_spacing),
                self.default_step_ms,
            );
            for series in all {
                let (Some(key), Some(resource)) = (pod_key(series), self.gpu_resource(series))
                else {
                    continue;
                };
                if let Some(node) = kube(series, "node") {
                    let step = Self::timeline(series).step(step_ms, self.max_gap_ms);
                    let pod = state.pods.entry(key.clone()).or_default();
                    if seen(pod, series, step) {
                        pod.node = Some(node.to_owned());
                    }
                    state.pods_up = state.pods_up.union(&self.presence(series));
                }
                let container = kube(series, "container").unwrap_or_default().to_owned();
                let count = largest(series);
                let kind = match init {
                    false => ContainerKind::Main,
                    true if sidecars.contains(&(key.clone(), container.clone())) => {
                        ContainerKind::Sidecar
                    }
                    true => ContainerKind::Init,
                };
                let counts =
                    containers.entry(key).or_default().entry(resource.into_name()).or_default();
                let known = counts.entry((kind, container)).or_default();
                *known = count.max(*known);
            }
        }
        for (key, by_resource) in containers {
            if let Some(pod) = state.pods.get_mut(&key) {
                pod.gpus = by_resource
                    .into_iter()
                    .map(|(resource, counts)| (resource, effective(&counts)))
                    .filter(|(_, n)| *n > 0)
                    .collect();
            }
        }
        state.pods.retain(|_, p| p.seen.is_some() && !p.gpus.is_empty());
    }

    /// The metric tells neither whether a pod was bound nor where: both come with its other facts.
    fn claimants(&self, state: &mut KubeState) {
        let all = self.series(QueryId::PodResourceClaims);
        let lines: Vec<_> = all.iter().map(|s| Self::timeline(s)).collect();
        let step_ms = common_step(
            lines.iter().filter_map(|line| line.median_spacing()),
            self.default_step_ms,
        );
        for series in all {
            // Empty until there is a claim of that name, and where none was needed.
            let (Some(key), Some(claim)) = (pod_key(series), series.label("resourceclaim_name"))
            else {
                continue;
            };
            let step = Self::timeline(series).step(step_ms, self.max_gap_ms);
            let pod = state.claimants.entry(key).or_default();
            if seen(pod, series, step) {
                pod.claims.insert(claim.to_owned());
                state.claims_up = state.claims_up.union(&self.presence(series));
            }
        }
        state.claimants.retain(|_, pod| pod.seen.is_some());
    }

    /// Init containers that go on running beside the main ones.
    fn sidecars(&self) -> BTreeSet<(PodKey, String)> {
        self.series(QueryId::InitContainerInfo)
            .into_iter()
            .filter(|s| s.label("restart_policy") == Some("Always"))
            .filter_map(|s| Some((pod_key(s)?, kube(s, "container")?.to_owned())))
            .collect()
    }

    fn pod_facts(&self, state: &mut KubeState) {
        let mut on_pods = |query, change: &mut dyn FnMut(&mut KubePod, &Series)| {
            for series in self.series(query) {
                let Some(key) = pod_key(series) else { continue };
                let known = [state.pods.get_mut(&key), state.claimants.get_mut(&key)];
                for pod in known.into_iter().flatten() {
                    change(pod, series);
                }
            }
        };
        on_pods(QueryId::PodTerminal, &mut |pod, s| {
            pod.terminal_ms = min_some(pod.terminal_ms, s.timestamps_ms.first().copied());
        });
        on_pods(QueryId::PodCompletionTime, &mut |pod, s| {
            pod.completed_ms = last_instant(s).or(pod.completed_ms);
        });
        on_pods(QueryId::PodScheduledTime, &mut |pod, s| {
            pod.scheduled_ms = last_instant(s).or(pod.scheduled_ms);
        });
        on_pods(QueryId::PodStartTime, &mut |pod, s| {
            pod.started_ms = last_instant(s).or(pod.started_ms);
        });
        on_pods(QueryId::PodLabels, &mut |pod, s| pod.labels.extend(kube_labels(s)));
        on_pods(QueryId::PodOwner, &mut |pod, s| {
            if s.label("owner_is_controller") != Some("false") {
                pod.owner = owner_ref(s).or_else(|| pod.owner.take());
            }
        });
    }

    fn owners(&self, state: &mut KubeState) {
        for (query, kind, label) in [
            (QueryId::ReplicaSetOwner, "ReplicaSet", "replicaset"),
            (QueryId::JobOwner, "Job", "job_name"),
        ] {
            for series in self.series(query) {
                let (Some(namespace), Some(name)) =
                    (kube(series, "namespace"), kube(series, label))
                else {
                    continue;
                };
                let this = OwnerRef { kind: kind.to_owned(), name: name.to_owned() };
                state.owners.insert((namespace.to_owned(), this), owner_ref(series));
            }
        }
    }

    fn addresses(&self, state: &mut KubeState) {
        for series in self.series(QueryId::PodInfo) {
            let (Some(key), Some(node)) = (pod_key(series), kube(series, "node")) else { continue };
            for label in ["host_ip", "pod_ip"] {
                if let Some(ip) = series.label(label) {
                    state.node_of_ip.insert(ip.to_owned(), node.to_owned());
                }
            }
            if let Some(pod) = state.claimants.get_mut(&key) {
                pod.node = Some(node.to_owned());
            }
            state.node_of_pod.insert((key.namespace, key.name), node.to_owned());
        }
    }

    fn demands(&self, state: &mut KubeState) {
        let step = grid_step(QueryId::PodCpuMemoryRequests);
        let mut by_pod: BTreeMap<(String, PodKey), Demand> = BTreeMap::new();
        for series in self.series(QueryId::PodCpuMemoryRequests) {
            let (Some(key), Some(node)) = (pod_key(series), kube(series, "node")) else { continue };
            let demand = by_pod.entry((node.to_owned(), key)).or_insert_with(|| Demand {
                time: IntervalSet::default(),
                requests: PodRequests::default(),
            });
            demand.time = demand.time.union(&Self::grid(series, step));
            let amount =
                series.values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
            match series.label("resource") {
                Some("cpu") => demand.requests.cpu_millicores = integer(amount * 1_000.0),
                Some("memory") => demand.requests.memory_bytes = integer(amount),
                _ => {}
            }
        }
        for ((node, key), mut demand) in by_pod {
            if let Some(pod) = state.pods.get(&key) {
                demand.requests.gpus = pod.gpus.clone();
                if let Some(terminal) = pod.terminal_ms {
                    let alive = IntervalSet::of(Interval::new(Millis::MIN, terminal));
                    demand.time = demand.time.intersect(&alive);
                }
            }
            if let Some(node) = state.nodes.get_mut(&node) {
                node.demands.push(demand);
            }
        }
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ContainerKind {
    Main,
    Sidecar,
    Init,
}

type Counts = BTreeMap<(ContainerKind, String), u32>;

/// The scheduler's sum: containers and sidecars together, or the largest init container beside the
/// sidecars. The order of init containers is not in the metrics, so all sidecars count as earlier.
fn effective(counts: &Counts) -> u32 {
    let sum = |kind| counts.iter().filter(|((k, _), _)| *k == kind).map(|(_, n)| n).sum::<u32>();
    let init = counts.iter().filter(|((k, _), _)| *k == ContainerKind::Init).map(|(_, n)| *n).max();
    let sidecars = sum(ContainerKind::Sidecar);
    (sum(ContainerKind::Main) + sidecars).max(init.unwrap_or(0) + sidecars)
}

/// Notes when a pod was seen; `false` for a series without samples.
fn seen(pod: &mut KubePod, series: &Series, step: i64) -> bool {
    let (Some(&first), Some(&last)) = (series.timestamps_ms.first(), series.timestamps_ms.last())
    else {
        return false;
    };
    let (first, last) = pod.seen.map_or((first, last), |(f, l)| (f.min(first), l.max(last)));
    pod.seen = Some((first, last));
    pod.step_ms = if pod.step_ms == 0 { step } else { pod.step_ms.min(step) };
    true
}

/// A pod that uses claims is told of while it waits, too: what counts is the time from its binding.
fn seen_while_bound(pod: &mut KubePod) {
    if let (Some((first, last)), Some(bound)) = (pod.seen, pod.scheduled_ms.or(pod.started_ms)) {
        pod.seen = Some((first.max(bound).min(last), last));
    }
}

fn read_allocatable(node: &mut KubeNode, series: &Series) {
    let Some(value) = series.values.iter().rev().copied().find(|v| v.is_finite()) else { return };
    match series.label("resource") {
        Some("cpu") => node.cpu_millicores = Some(integer(value * 1_000.0)),
        Some("memory") => node.memory_bytes = Some(integer(value)),
        _ => {}
    }
}

/// Several counts over time added up, instant by instant.
fn sum_over_time(counts: impl Iterator<Item = Vec<Held>>) -> Vec<Held> {
    let mut changes: BTreeMap<Millis, (f64, i32)> = BTreeMap::new();
    for held in counts.flatten() {
        let value = held.value.unwrap_or(0.0);
        let start = changes.entry(held.time.start).or_default();
        (start.0, start.1) = (start.0 + value, start.1 + 1);
        let end = changes.entry(held.time.end).or_default();
        (end.0, end.1) = (end.0 - value, end.1 - 1);
    }
    let (mut total, mut open, mut out) = (0.0, 0, Vec::<Held>::new());
    let points: Vec<_> = changes.into_iter().collect();
    for pair in points.windows(2) {
        let (at, (value, count)) = pair[0];
        total += value;
        open += count;
        if open == 0 {
            continue;
        }
        let time = Interval::new(at, pair[1].0);
        match out.last_mut() {
            Some(last) if last.value == Some(total) && last.time.end == at => {
                last.time.end = time.end;
            }
            _ => out.push(Held::once(time, Some(total))),
        }
    }
    out
}

fn pod_key(series: &Series) -> Option<PodKey> {
    Some(PodKey {
        namespace: kube(series, "namespace")?.to_owned(),
        name: kube(series, "pod")?.to_owned(),
        uid: kube(series, "uid").map(ToOwned::to_owned),
    })
}

fn owner_ref(series: &Series) -> Option<OwnerRef> {
    let (kind, name) = (series.label("owner_kind")?, series.label("owner_name")?);
    (kind != "<none>").then(|| OwnerRef { kind: kind.to_owned(), name: name.to_owned() })
}

/// The last value of a series of Unix seconds.
fn last_instant(series: &Series) -> Option<Millis> {
    series.values.iter().rev().copied().filter(|v| *v > 0.0).find_map(millis_from_seconds)
}

fn min_some(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
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
fn largest(series: &Series) -> u32 {
    whole(series.values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max))
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
mod tests {
    use super::*;
    use crate::model::{ClusterFacts, MetricData, Window};

    fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
        Series {
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            timestamps_ms: samples.iter().map(|s| s.0).collect(),
            values: samples.iter().map(|s| s.1).collect(),
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
}
