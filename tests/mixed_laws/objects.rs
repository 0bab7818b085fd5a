//! A cluster as Kubernetes objects.

use gpu_finops::model::ClusterFacts;
use gpu_finops::model::window::rfc3339;
use gpu_finops::model::{Policy, objects::PodPhase};
use gpu_finops::source::objects::{RawObject, RawObjects, decode};
use serde_json::{Map, Value, json};

use super::cluster::{Cluster, MARGIN, Node, Pod, STEPS, at};
use super::dice::Dice;

/// When objects were listed: after all that metrics tell.
pub(super) const LISTED: i64 = at(STEPS + MARGIN);
/// More pods than any cluster here has, and prime: a factor renames each into another name.
const NAMES: usize = 9_973;

pub(super) fn time(ms: i64) -> String {
    rfc3339(ms)
}

fn map(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(k, v)| (k.clone(), json!(v))).collect()
}

impl Pod {
    /// Whether it was still there when objects were listed.
    pub(super) fn is_alive(&self) -> bool {
        at(self.to) >= LISTED
    }

    pub(super) fn uid(&self) -> String {
        format!("uid-{}", self.id)
    }
}

impl Cluster {
    pub(super) fn name_of(&self, pod: &Pod) -> String {
        format!("pod-{:04}", (1 + pod.id) * self.names % NAMES)
    }

    /// The same cluster with other names of pods.
    pub(super) fn renamed(&self, factor: usize) -> Self {
        Self { names: factor, ..self.clone() }
    }

    /// Decoded objects, listed in an order of chance where there are dice.
    pub(super) fn facts(&self, dice: Option<&mut Dice>) -> ClusterFacts {
        let nodes = self.nodes.iter().filter(|n| n.is_object).map(node);
        let pods = self.pods.iter().filter(|p| p.is_object).map(|p| self.pod(p));
        let others = self.others.iter().map(|(object, pods)| self.reserved(object, pods));
        let all: Vec<Value> = nodes.chain(pods).chain(others).collect();
        let all = dice.map_or_else(|| all.clone(), |dice| dice.shuffled(all.clone()));
        let item = |value| RawObject { origin: "cluster.json".to_owned(), value };
        let raw = RawObjects {
            items: all.into_iter().map(item).collect(),
            listed_at_ms: self.watch.listed.then_some(LISTED),
            ..RawObjects::default()
        };
        let facts = decode(&raw, &Policy::default().gpu_resources);
        assert_eq!(facts.problems, [], "every object is read");
        let ended = facts.pods.iter().filter(|p| p.phase == PodPhase::Succeeded);
        assert!(ended.clone().all(|p| p.finished_ms.is_some()), "every end is read");
        facts
    }

    fn pod(&self, pod: &Pod) -> Value {
        let requests: Map<String, Value> =
            pod.requests.iter().map(|(r, n)| (r.clone(), json!(n.to_string()))).collect();
        let claims: Vec<Value> =
            pod.claims.iter().map(|c| json!({"name": c, "resourceClaimName": c})).collect();
        let owner: Vec<Value> = pod
            .owner
            .iter()
            .map(|o| json!({"kind": "ReplicaSet", "name": o, "uid": o, "controller": true}))
            .collect();
        let mut out = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": pod.namespace,
                "name": self.name_of(pod),
                "uid": pod.uid(),
                "creationTimestamp": time(at(pod.from)),
                "labels": map(&pod.labels),
                "annotations": map(&pod.annotations),
                "ownerReferences": owner,
            },
            "spec": {
                "nodeName": pod.node,
                "resourceClaims": claims,
                "containers": [{"name": "main", "resources": {
                    "requests": {"cpu": "1", "memory": "1Gi"},
                    "limits": requests,
                }}],
            },
            "status": {
                "phase": if pod.is_alive() { "Running" } else { "Succeeded" },
                "startTime": time(at(pod.from)),
                "conditions": [{
                    "type": "PodScheduled",
                    "status": "True",
                    "lastTransitionTime": time(at(pod.from)),
                }],
            },
        });
        if !pod.is_alive() {
            out["status"]["containerStatuses"] = json!([{
                "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": 0, "finishedAt": time(at(pod.to))}},
            }]);
        }
        if let Some(claim) = &pod.extended {
            out["status"]["extendedResourceClaimStatus"] = json!({
                "resourceClaimName": claim,
                "requestMappings": [{
                    "containerName": "main",
                    "resourceName": "nvidia.com/gpu",
                    "requestName": "container-0-request-0",
                }],
            });
        }
        out
    }

    /// A claim with the pods that it is reserved for: those that are there, and sometimes one that is not.
    fn reserved(&self, object: &Value, pods: &[usize]) -> Value {
        let mut out = object.clone();
        let is_ghost = |id: usize| id.is_multiple_of(3);
        let reserved: Vec<Value> = pods
            .iter()
            .map(|&p| &self.pods[p])
            .filter(|p| p.is_alive() || is_ghost(p.id))
            .map(|p| json!({"resource": "pods", "name": self.name_of(p), "uid": p.uid()}))
            .collect();
        if out["kind"] == "ResourceClaim" {
            out["status"]["reservedFor"] = json!(reserved);
        }
        out
    }
}

fn node(node: &Node) -> Value {
    let mut resources: Map<String, Value> =
        node.resources.iter().map(|(r, n)| (r.clone(), json!(n.to_string()))).collect();
    resources.insert("cpu".to_owned(), json!(node.cpus.to_string()));
    resources.insert("memory".to_owned(), json!("1000Gi"));
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "uid": format!("node-{}", node.name),
            "creationTimestamp": time(at(-500)),
            "labels": map(&node.labels),
            "annotations": map(&node.annotations),
        },
        "spec": {"unschedulable": node.cordoned.as_ref().is_some_and(|c| c.contains(&(STEPS + MARGIN)))},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}
