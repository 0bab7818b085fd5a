//! What the API server listed at the end, as far as a snapshot keeps it.

use std::collections::BTreeSet;

use gpu_finops::model::window::rfc3339;
use gpu_finops::model::{SourceState, SourceStatus};
use gpu_finops::source::objects::{RawObject, RawObjects};
use serde_json::{Map, Value, json};

use super::hardware::{ALLOCATABLE_MILLICORES, Node, uuid};
use super::kube_state::allocatable_mib;
use super::story::{DAY, Millis, NOW, Pod, START, Story};

/// Namespaces with their `tenant` label.
pub(super) const NAMESPACES: &[(&str, &str)] = &[
    ("agent-sandboxes", "agent-platform"),
    ("analytics", "data"),
    ("chat-prod", "chat"),
    ("data-pipelines", "data"),
    ("gpu-operator", ""),
    ("media", "media"),
    ("research", "research"),
    ("shared-ml", ""),
    ("vc-agents", ""),
    ("vision", ""),
];

/// When the cluster was set up.
const SETUP: Millis = START - 60 * DAY;

/// The controller of a pod's controller, as far as there is one.
pub(super) fn owner_above((kind, name): &(&'static str, String)) -> Option<(&'static str, String)> {
    let stem = || name.rsplit_once('-').map(|(stem, _)| stem.to_owned());
    match *kind {
        "ReplicaSet" => Some(("Deployment", stem()?)),
        "Job" if name.starts_with("embed-nightly") => Some(("CronJob", stem()?)),
        _ => None,
    }
}

/// Labels of a node.
pub(super) fn node_labels(node: &Node) -> Vec<(&'static str, &'static str)> {
    vec![
        ("karpenter.sh/capacity-type", "on-demand"),
        ("kubernetes.io/arch", "amd64"),
        ("node.kubernetes.io/instance-type", node.instance_type),
        ("nvidia.com/gpu.count", "8"),
        ("nvidia.com/gpu.memory", node.memory_label),
        ("nvidia.com/gpu.product", node.product),
        ("nvidia.com/gpu.replicas", "0"),
        ("nvidia.com/gpu.sharing-strategy", "none"),
        ("nvidia.com/mig.strategy", "none"),
        ("topology.kubernetes.io/region", "us-east-1"),
        ("topology.kubernetes.io/zone", node.zone),
    ]
}

/// Everything that was there at the end.
pub(super) fn listed(story: &Story) -> RawObjects {
    let mut raw = RawObjects { listed_at_ms: Some(NOW), ..RawObjects::default() };
    let alive: Vec<&Pod> = story.pods.iter().filter(|pod| pod.exists(NOW)).collect();
    let mut pods: Vec<&Pod> = alive.clone();
    pods.sort_by_key(|pod| (pod.namespace, pod.name.clone()));
    add(&mut raw, "pods", pods.into_iter().map(|p| pod(story, p)).collect());
    add(&mut raw, "nodes", story.nodes.iter().map(node).collect());
    add(&mut raw, "namespaces", NAMESPACES.iter().map(namespace).collect());
    let owners = owners(&alive);
    for (plural, kind) in [
        ("replicasets", "ReplicaSet"),
        ("deployments", "Deployment"),
        ("statefulsets", "StatefulSet"),
        ("daemonsets", "DaemonSet"),
        ("jobs", "Job"),
        ("cronjobs", "CronJob"),
        ("owners", "Sandbox"),
    ] {
        let items = owners.iter().filter(|owner| owner.1 == kind);
        add(&mut raw, plural, items.map(owner).collect());
    }
    raw
}

fn add(raw: &mut RawObjects, plural: &str, items: Vec<Value>) {
    let name = format!("kubernetes/{plural}");
    let detail = format!("{} objects", items.len());
    raw.sources.push(SourceStatus { name: name.clone(), state: SourceState::Ok, detail });
    raw.items.extend(items.into_iter().map(|value| RawObject { origin: name.clone(), value }));
}

/// Namespace, kind, name and own controller of everything that owns a pod or an owner.
type Owner<'a> = (&'a str, &'static str, String, Option<(&'static str, String)>);

fn owners<'a>(alive: &[&'a Pod]) -> BTreeSet<Owner<'a>> {
    let mut owners = BTreeSet::new();
    for pod in alive {
        let above = owner_above(&pod.owner);
        owners.insert((pod.namespace, pod.owner.0, pod.owner.1.clone(), above.clone()));
        owners.extend(above.map(|(kind, name)| (pod.namespace, kind, name, None)));
    }
    owners
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "Job" | "CronJob" => "batch/v1",
        "Sandbox" => "agents.x-k8s.io/v1beta1",
        "Service" => "v1",
        _ => "apps/v1",
    }
}

fn controller(kind: &str, name: &str, namespace: &str) -> Value {
    json!([{
        "apiVersion": api_version(kind), "kind": kind, "name": name,
        "uid": uuid(&format!("{kind} {namespace}/{name}")), "controller": true,
    }])
}

fn owner((namespace, kind, name, above): &Owner<'_>) -> Value {
    let mut metadata = json!({
        "name": name, "namespace": namespace,
        "uid": uuid(&format!("{kind} {namespace}/{name}")),
    });
    if let Some((kind, name)) = above {
        metadata["ownerReferences"] = controller(kind, name, namespace);
    }
    json!({"apiVersion": api_version(kind), "kind": kind, "metadata": metadata})
}

fn namespace((name, tenant): &(&str, &str)) -> Value {
    let mut labels = Map::from_iter([("kubernetes.io/metadata.name".to_owned(), json!(name))]);
    if !tenant.is_empty() {
        labels.insert("tenant".to_owned(), json!(tenant));
    }
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "uid": uuid(&format!("Namespace {name}")), "labels": labels},
    })
}

fn node(node: &Node) -> Value {
    let labels: Map<String, Value> =
        node_labels(node).into_iter().map(|(k, v)| (k.to_owned(), json!(v))).collect();
    let resources = |cpu: String, memory_mib: i64, gpus: u32| {
        json!({
            "cpu": cpu, "memory": format!("{memory_mib}Mi"),
            "nvidia.com/gpu": gpus.to_string(), "pods": "250",
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": node.name, "uid": uuid(&format!("Node {}", node.name)),
            "creationTimestamp": rfc3339(SETUP), "labels": labels,
        },
        "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
        "status": {
            "capacity": resources("192".to_owned(), node.node_memory_gib * 1_024, 8),
            "allocatable": resources(format!("{ALLOCATABLE_MILLICORES}m"), allocatable_mib(node), node.allocatable),
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady",
                "lastTransitionTime": rfc3339(SETUP),
            }],
            "addresses": [
                {"type": "InternalIP", "address": node.ip},
                {"type": "Hostname", "address": node.name},
            ],
            "nodeInfo": {"kubeletVersion": "v1.36.2", "kernelVersion": "6.12.40"},
        },
    })
}

fn pod(story: &Story, pod: &Pod) -> Value {
    let pairs = |pairs: &[(&'static str, &'static str)]| -> Map<String, Value> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect()
    };
    let mut metadata = json!({
        "name": pod.name, "namespace": pod.namespace, "uid": pod.uid(),
        "creationTimestamp": rfc3339(pod.bound), "labels": pairs(&pod.labels),
    });
    if !pod.annotations.is_empty() {
        metadata["annotations"] = Value::Object(pairs(&pod.annotations));
    }
    metadata["ownerReferences"] = controller(pod.owner.0, &pod.owner.1, pod.namespace);
    let mut spec = json!({
        "nodeName": story.nodes[pod.node].name,
        "containers": [container(pod)],
    });
    if pod.init_gpus > 0 {
        let gpus = json!({"nvidia.com/gpu": pod.init_gpus.to_string()});
        spec["initContainers"] =
            json!([{"name": "warm-up", "resources": {"requests": gpus, "limits": gpus}}]);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status(pod)})
}

fn container(pod: &Pod) -> Value {
    let mut requests = json!({
        "cpu": format!("{}m", pod.millicores), "memory": format!("{}Mi", pod.memory_mib),
    });
    let mut resources = json!({});
    if !pod.gpus.is_empty() {
        let gpus = pod.gpus.len().to_string();
        requests["nvidia.com/gpu"] = json!(gpus);
        resources["limits"] = json!({"nvidia.com/gpu": gpus});
    }
    resources["requests"] = requests;
    json!({"name": pod.container, "resources": resources})
}

fn status(pod: &Pod) -> Value {
    let state = match pod.ended {
        Some(ended) => json!({"terminated": {
            "exitCode": 0, "reason": "Completed",
            "startedAt": rfc3339(pod.running), "finishedAt": rfc3339(ended),
        }}),
        None => json!({"running": {"startedAt": rfc3339(pod.running)}}),
    };
    let condition = |kind: &str, at: Millis| json!({"type": kind, "status": "True", "lastTransitionTime": rfc3339(at)});
    json!({
        "phase": if pod.ended.is_some() { "Succeeded" } else { "Running" },
        "startTime": rfc3339(pod.bound),
        "conditions": [condition("PodScheduled", pod.bound), condition("Initialized", pod.running)],
        "containerStatuses": [{"name": pod.container, "state": state}],
    })
}
