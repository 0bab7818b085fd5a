//! What kube-state-metrics showed.

use std::collections::BTreeSet;

use gpu_finops::model::QueryId;

use super::hardware::{ALLOCATABLE_MILLICORES, Node};
use super::objects::{NAMESPACES, node_labels, owner_above};
use super::recorder::{Recorder, days, grid, last_scrape, scrapes};
use super::story::{MINUTE, Millis, Pod, Story};

const TARGET: [(&str, &str); 2] = [("instance", "10.244.9.20:8080"), ("job", "kube-state-metrics")];
const GPU: [(&str, &str); 2] = [("resource", "nvidia_com_gpu"), ("unit", "integer")];

pub(super) fn record(story: &Story, recorder: &mut Recorder) {
    for node in &story.nodes {
        node_series(node, recorder);
    }
    for pod in &story.pods {
        requests(story, pod, recorder);
        pod_info(story, pod, recorder);
        if holds_gpus(pod.namespace) {
            pod_facts(pod, recorder);
        }
    }
    replica_sets_and_jobs(story, recorder);
    namespaces(recorder);
}

/// Whether anybody in the namespace asks for GPUs: others are not asked about.
pub(super) fn holds_gpus(namespace: &str) -> bool {
    !matches!(namespace, "analytics" | "gpu-operator")
}

fn joined<'a>(parts: &[&[(&'a str, &'a str)]]) -> Vec<(&'a str, &'a str)> {
    parts.concat()
}

fn node_series(node: &Node, recorder: &mut Recorder) {
    let of = |name, more: &[(&'static str, &'static str)]| {
        joined(&[&[("__name__", name), ("node", node.name)], more, &TARGET])
    };
    let mut constant = |query, name, more: &[(&'static str, &'static str)], value: f64| {
        recorder.add(query, &of(name, more), scrapes().map(|t| (t, value)));
    };
    constant(QueryId::NodeCapacity, "kube_node_status_capacity", &GPU, 8.0);
    let allocatable = "kube_node_status_allocatable";
    constant(QueryId::NodeAllocatable, allocatable, &GPU, f64::from(node.allocatable));
    let cpu = [("resource", "cpu"), ("unit", "core")];
    constant(QueryId::NodeAllocatable, allocatable, &cpu, cores(ALLOCATABLE_MILLICORES));
    let memory = [("resource", "memory"), ("unit", "byte")];
    constant(QueryId::NodeAllocatable, allocatable, &memory, bytes(allocatable_mib(node)));

    let cordoned = grid(MINUTE).filter(|t| node.is_cordoned(last_scrape(*t))).map(|t| (t, 1.0));
    recorder.add(QueryId::NodeUnschedulable, &of("kube_node_spec_unschedulable", &[]), cordoned);

    let labels = exported(&node_labels(node).iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
    let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let all = joined(&[&[("__name__", "kube_node_labels"), ("node", node.name)], &labels, &TARGET]);
    recorder.add(QueryId::NodeLabels, &all, facts(|_| true, 1.0));
}

/// Memory of a node that pods may ask for, MiB.
pub(super) fn allocatable_mib(node: &Node) -> i64 {
    node.node_memory_gib * 1_024 - 16 * 1_024
}

fn identity<'a>(name: &'a str, pod: &'a Pod, uid: &'a str) -> Vec<(&'a str, &'a str)> {
    joined(&[
        &[("__name__", name), ("namespace", pod.namespace), ("pod", &pod.name), ("uid", uid)],
        &TARGET,
    ])
}

fn requests(story: &Story, pod: &Pod, recorder: &mut Recorder) {
    let (uid, node) = (pod.uid(), story.nodes[pod.node].name);
    let mut gpus = |query, name, container, count: usize| {
        let labels = joined(&[
            &identity(name, pod, &uid),
            &[("container", container), ("node", node)],
            &GPU,
        ]);
        let count = f64::from(u32::try_from(count).unwrap());
        let exists = scrapes().filter(|t| count > 0.0 && pod.exists(*t));
        recorder.add(query, &labels, exists.map(|t| (t, count)));
    };
    let name = "kube_pod_container_resource_requests";
    gpus(QueryId::PodGpuRequests, name, pod.container, pod.gpus.len());
    let name = "kube_pod_init_container_resource_requests";
    gpus(QueryId::PodInitGpuRequests, name, "warm-up", pod.init_gpus as usize);

    // An aggregation: no metric name, and no labels but those it groups by.
    for (resource, value) in [("cpu", cores(pod.millicores)), ("memory", bytes(pod.memory_mib))] {
        let labels = [
            ("namespace", pod.namespace),
            ("pod", &pod.name),
            ("uid", &uid),
            ("node", node),
            ("resource", resource),
        ];
        let exists = grid(5 * MINUTE).filter(|t| pod.exists(last_scrape(*t)));
        recorder.add(QueryId::PodCpuMemoryRequests, &labels, exists.map(|t| (t, value)));
    }
}

fn pod_info(story: &Story, pod: &Pod, recorder: &mut Recorder) {
    let (uid, node, ip) = (pod.uid(), &story.nodes[pod.node], pod_ip(story, pod));
    let more = [
        ("node", node.name),
        ("host_ip", node.ip),
        ("pod_ip", ip.as_str()),
        ("created_by_kind", pod.owner.0),
        ("created_by_name", &pod.owner.1),
        ("host_network", "false"),
    ];
    let labels = joined(&[&identity("kube_pod_info", pod, &uid), &more]);
    recorder.add(QueryId::PodInfo, &labels, facts(|t| pod.exists(t), 1.0));
}

/// Address of a pod; that of an exporter is the one it is scraped at.
fn pod_ip(story: &Story, pod: &Pod) -> String {
    let exporter = story.exporters.iter().find(|exporter| exporter.pod == pod.name);
    exporter.map_or_else(|| pod.ip(), |exporter| exporter.ip.to_owned())
}

fn pod_facts(pod: &Pod, recorder: &mut Recorder) {
    let uid = pod.uid();
    let mut fact =
        |query, name, more: &[(&str, &str)], value: f64, holds: &dyn Fn(Millis) -> bool| {
            let labels = joined(&[&identity(name, pod, &uid), more]);
            recorder.add(query, &labels, facts(|t| pod.exists(t) && holds(t), value));
        };
    let always = |_| true;
    let bound = seconds(pod.bound);
    fact(QueryId::PodScheduledTime, "kube_pod_status_scheduled_time", &[], bound, &always);
    fact(QueryId::PodStartTime, "kube_pod_start_time", &[], bound, &always);
    if let Some(ended) = pod.ended {
        let has_ended = |t| pod.has_ended(t);
        fact(
            QueryId::PodCompletionTime,
            "kube_pod_completion_time",
            &[],
            seconds(ended),
            &has_ended,
        );
    }
    if pod.init_gpus > 0 {
        let container = [("container", "warm-up")];
        fact(QueryId::InitContainerInfo, "kube_pod_init_container_info", &container, 1.0, &always);
    }
    let owner = [
        ("owner_kind", pod.owner.0),
        ("owner_name", pod.owner.1.as_str()),
        ("owner_is_controller", "true"),
    ];
    fact(QueryId::PodOwner, "kube_pod_owner", &owner, 1.0, &always);
    let labels = exported(&pod.labels);
    let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    fact(QueryId::PodLabels, "kube_pod_labels", &labels, 1.0, &always);

    let phase = [("phase", "Succeeded")];
    let labels = joined(&[&identity("kube_pod_status_phase", pod, &uid), &phase]);
    let ended =
        grid(MINUTE).filter(|t| pod.exists(last_scrape(*t)) && pod.has_ended(last_scrape(*t)));
    recorder.add(QueryId::PodTerminal, &labels, ended.map(|t| (t, 1.0)));
}

fn replica_sets_and_jobs(story: &Story, recorder: &mut Recorder) {
    let mut seen = BTreeSet::new();
    for pod in story.pods.iter().filter(|pod| holds_gpus(pod.namespace)) {
        let (query, name, label) = match pod.owner.0 {
            "ReplicaSet" => (QueryId::ReplicaSetOwner, "kube_replicaset_owner", "replicaset"),
            "Job" => (QueryId::JobOwner, "kube_job_owner", "job_name"),
            _ => continue,
        };
        if !seen.insert((pod.namespace, pod.owner.clone())) {
            continue;
        }
        let above = owner_above(&pod.owner);
        let (kind, owner, controller) =
            above.as_ref().map_or(("<none>", "<none>", "<none>"), |(kind, owner)| {
                (*kind, owner.as_str(), "true")
            });
        let labels = joined(&[
            &[("__name__", name), ("namespace", pod.namespace), (label, &pod.owner.1)],
            &[("owner_kind", kind), ("owner_name", owner), ("owner_is_controller", controller)],
            &TARGET,
        ]);
        recorder.add(query, &labels, facts(|t| pod.exists(t), 1.0));
    }
}

fn namespaces(recorder: &mut Recorder) {
    for (namespace, tenant) in NAMESPACES.iter().filter(|(name, _)| holds_gpus(name)) {
        let labels = joined(&[
            &[
                ("__name__", "kube_namespace_labels"),
                ("namespace", namespace),
                ("label_tenant", tenant),
            ],
            &[("label_kubernetes_io_metadata_name", namespace)],
            &TARGET,
        ]);
        recorder.add(QueryId::NamespaceLabels, &labels, facts(|_| true, 1.0));
    }
}

/// One sample for each day in which `holds` at some scrape, at the day's last instant.
fn facts(holds: impl Fn(Millis) -> bool, value: f64) -> impl Iterator<Item = (Millis, f64)> {
    days()
        .filter(move |(from, until)| scrapes().any(|t| *from <= t && t < *until && holds(t)))
        .map(move |(_, until)| (until - 1, value))
}

/// Labels of an object as kube-state-metrics spells them.
fn exported(labels: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
    let name = |key: &str| key.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    labels
        .iter()
        .map(|(key, value)| (format!("label_{}", name(key)), (*value).to_owned()))
        .collect()
}

fn cores(millicores: i64) -> f64 {
    f64::from(i32::try_from(millicores).unwrap()) / 1_000.0
}

fn bytes(mib: i64) -> f64 {
    f64::from(i32::try_from(mib).unwrap()) * 1_048_576.0
}

fn seconds(t: Millis) -> f64 {
    f64::from(u32::try_from(t / 1_000).unwrap())
}
