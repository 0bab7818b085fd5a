//! Objects to put into the server.

use serde_json::{Value, json};

pub(crate) fn namespace(name: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations},
    })
}

pub(crate) fn node(name: &str, gpus: u32) -> Value {
    let resources = json!({"nvidia.com/gpu": gpus.to_string(), "cpu": "32", "memory": "128Gi"});
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"capacity": resources, "allocatable": resources, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// How a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held<'a> {
    /// Not allocated.
    Nothing,
    /// Allocated, and reserved by nobody.
    Orphan,
    /// Allocated, and reserved by this pod.
    By(&'a str),
}

pub(crate) fn claim(namespace: &str, name: &str, held: Held<'_>) -> Value {
    let mut claim = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"namespace": namespace, "name": name, "labels": {"team": namespace}},
        "spec": {"devices": {"requests": [
            {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1}},
        ]}},
    });
    if held != Held::Nothing {
        claim["metadata"]["finalizers"] = json!(["resource.kubernetes.io/delete-protection"]);
        claim["status"] = json!({"allocation": {"devices": {"results": [
            {"request": "gpu", "driver": "gpu.nvidia.com", "pool": "n1", "device": format!("gpu-{name}")},
        ]}}});
    }
    if let Held::By(pod) = held {
        claim["status"]["reservedFor"] =
            json!([{"resource": "pods", "name": pod, "uid": pod_uid(namespace, pod)}]);
    }
    claim
}

fn pod_uid(namespace: &str, name: &str) -> String {
    format!("pod-{namespace}-{name}")
}

/// A running pod that uses a claim.
pub(crate) fn pod(namespace: &str, name: &str, claim: Option<&str>, labels: &Value) -> Value {
    let claims: Vec<Value> =
        claim.iter().map(|c| json!({"name": "gpu", "resourceClaimName": c})).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "uid": pod_uid(namespace, name), "labels": labels},
        "spec": {
            "nodeName": "n1", "resourceClaims": claims,
            "containers": [{"name": "main", "resources": {"claims": [{"name": "gpu"}]}}],
        },
        "status": {
            "phase": "Running", "startTime": "2026-11-19T00:00:00Z",
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-19T00:00:00Z"}],
        },
    })
}

/// A deployment whose pods get claims of a template.
pub(crate) fn deployment(namespace: &str, name: &str, template: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [{"name": "main", "image": "serve:1", "resources": {"claims": [{"name": "gpus"}]}}],
                    "resourceClaims": [{"name": "gpus", "resourceClaimTemplateName": template}],
                },
            },
        },
    })
}

pub(crate) fn template(namespace: &str, name: &str, count: u32) -> Value {
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"spec": {"devices": {"requests": [
            {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": count}},
        ]}}},
    })
}

pub(crate) fn budget(namespace: &str, app: &str, allowed: u32) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"namespace": namespace, "name": format!("{app}-pdb")},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed},
    })
}
