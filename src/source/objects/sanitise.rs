//! What is kept of an object: an allow-list by kind.
//!
//! The same list serves the saving of a snapshot and decoding. So a field that nobody allowed can
//! neither leak nor spoil an object, and a replayed snapshot cannot read differently from its cluster.
//!
//! | kind | what stays besides `apiVersion`, `kind` and the metadata below |
//! |---|---|
//! | any | `metadata`: name, namespace, uid, creation and deletion time, labels, annotations, owners |
//! | Pod | node, requests and limits, restart policies, overhead, claims; phase, conditions, times |
//! | Node | cordon, taints; capacity, allocatable, conditions, addresses, versions of kubelet and kernel |
//! | `resource.k8s.io` | everything but `managedFields`: devices, selectors and allocations |
//! | Secret, kubeconfig | nothing: the object is dropped |
//! | every other | the metadata alone |
//!
//! So environment values, commands, arguments, images, volumes and ConfigMap data never stay, nor do
//! annotations that repeat the last applied configuration (which has all of these in it).

use serde_json::{Map, Value};

/// A tree of field names. Arrays are passed through: a rule holds for each element.
enum Keep {
    /// The value as it is.
    Whole,
    /// Of an object, these fields.
    Fields(&'static [(&'static str, Self)]),
    /// A string map without entries that hold the last applied configuration.
    Annotations,
}

use Keep::{Annotations, Fields, Whole};

const METADATA: Keep = Fields(&[
    ("name", Whole),
    ("generateName", Whole),
    ("namespace", Whole),
    ("uid", Whole),
    ("creationTimestamp", Whole),
    ("deletionTimestamp", Whole),
    ("labels", Whole),
    ("annotations", Annotations),
    (
        "ownerReferences",
        Fields(&[
            ("apiVersion", Whole),
            ("kind", Whole),
            ("name", Whole),
            ("uid", Whole),
            ("controller", Whole),
        ]),
    ),
]);

const RESOURCES: Keep = Fields(&[("requests", Whole), ("limits", Whole), ("claims", Whole)]);

const CONTAINER: Keep =
    Fields(&[("name", Whole), ("restartPolicy", Whole), ("resources", RESOURCES)]);

const CONDITIONS: Keep =
    Fields(&[("type", Whole), ("status", Whole), ("reason", Whole), ("lastTransitionTime", Whole)]);

const CONTAINER_STATUS: Keep = Fields(&[
    ("name", Whole),
    (
        "state",
        Fields(&[
            ("running", Fields(&[("startedAt", Whole)])),
            ("waiting", Fields(&[("reason", Whole)])),
            (
                "terminated",
                Fields(&[
                    ("exitCode", Whole),
                    ("reason", Whole),
                    ("startedAt", Whole),
                    ("finishedAt", Whole),
                ]),
            ),
        ]),
    ),
]);

const POD: Keep = Fields(&[
    ("apiVersion", Whole),
    ("kind", Whole),
    ("metadata", METADATA),
    (
        "spec",
        Fields(&[
            ("nodeName", Whole),
            ("containers", CONTAINER),
            ("initContainers", CONTAINER),
            ("resources", RESOURCES),
            ("overhead", Whole),
            ("resourceClaims", Whole),
            ("priorityClassName", Whole),
            ("schedulerName", Whole),
        ]),
    ),
    (
        "status",
        Fields(&[
            ("phase", Whole),
            ("reason", Whole),
            ("startTime", Whole),
            ("conditions", CONDITIONS),
            ("containerStatuses", CONTAINER_STATUS),
            ("initContainerStatuses", CONTAINER_STATUS),
            ("resourceClaimStatuses", Whole),
            ("extendedResourceClaimStatus", Whole),
        ]),
    ),
]);

const NODE: Keep = Fields(&[
    ("apiVersion", Whole),
    ("kind", Whole),
    ("metadata", METADATA),
    ("spec", Fields(&[("unschedulable", Whole), ("taints", Whole), ("providerID", Whole)])),
    (
        "status",
        Fields(&[
            ("capacity", Whole),
            ("allocatable", Whole),
            ("conditions", CONDITIONS),
            ("addresses", Whole),
            ("nodeInfo", Fields(&[("kubeletVersion", Whole), ("kernelVersion", Whole)])),
        ]),
    ),
]);

const DRA: Keep = Fields(&[
    ("apiVersion", Whole),
    ("kind", Whole),
    ("metadata", METADATA),
    ("spec", Whole),
    ("status", Whole),
]);

const METADATA_ONLY: Keep =
    Fields(&[("apiVersion", Whole), ("kind", Whole), ("metadata", METADATA)]);

/// An object reduced to what a report may need; `None` for one that must not be kept at all.
///
/// See the module for what stays. The result decodes to the same facts as `value`.
#[must_use]
pub fn sanitised(value: &Value) -> Option<Value> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    let keep = match (group, text("kind")) {
        // A kubeconfig says `v1`, `Config`.
        ("", "Secret" | "Config") => return None,
        ("", "Pod") => &POD,
        ("", "Node") => &NODE,
        ("resource.k8s.io", _) => &DRA,
        _ => &METADATA_ONLY,
    };
    Some(prune(value, keep))
}

fn prune(value: &Value, keep: &Keep) -> Value {
    match (value, keep) {
        (Value::Array(items), Fields(_)) => items.iter().map(|item| prune(item, keep)).collect(),
        (Value::Object(object), Fields(fields)) => {
            let kept = object.iter().filter_map(|(key, field)| {
                let (_, keep) = fields.iter().find(|(name, _)| name == key)?;
                Some((key.clone(), prune(field, keep)))
            });
            Value::Object(kept.collect::<Map<_, _>>())
        }
        (Value::Object(object), Annotations) => {
            let kept = object.iter().filter(|(key, _)| !is_applied_configuration(key));
            Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect::<Map<_, _>>())
        }
        _ => value.clone(),
    }
}

/// Annotations in which kubectl, kapp, Rancher and others keep the whole manifest.
fn is_applied_configuration(key: &str) -> bool {
    key.contains("last-applied")
        || key == "objectset.rio.cattle.io/applied"
        || key == "kapp.k14s.io/original"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_secret_stays_of_a_pod() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "web", "namespace": "a", "resourceVersion": "7",
                "managedFields": [{"manager": "HIDDEN"}],
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "HIDDEN",
                    "objectset.rio.cattle.io/applied": "HIDDEN",
                    "vcluster.loft.sh/object-name": "kept",
                },
            },
            "spec": {
                "nodeName": "n1",
                "containers": [{
                    "name": "c", "image": "HIDDEN", "args": ["HIDDEN"], "command": ["HIDDEN"],
                    "env": [{"name": "HIDDEN", "value": "HIDDEN"}], "envFrom": [{"x": "HIDDEN"}],
                    "resources": {"requests": {"nvidia.com/gpu": "1"}},
                }],
                "volumes": [{"secret": "HIDDEN"}],
            },
            "status": {
                "phase": "Running", "message": "HIDDEN",
                "containerStatuses": [{"name": "c", "imageID": "HIDDEN", "state": {
                    "terminated": {"message": "HIDDEN", "finishedAt": "2026-11-20T00:00:00Z"},
                }}],
            },
        });
        let kept = sanitised(&pod).expect("pods are kept");
        assert!(!kept.to_string().contains("HIDDEN"), "{kept}");
        assert_eq!(
            kept["metadata"]["annotations"],
            json!({"vcluster.loft.sh/object-name": "kept"})
        );
        assert_eq!(kept["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/gpu"], "1");
        assert_eq!(
            kept["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"],
            "2026-11-20T00:00:00Z"
        );
    }

    #[test]
    fn secrets_and_kubeconfigs_are_dropped_and_templates_are_emptied() {
        let of = |api: &str, kind: &str| {
            sanitised(&json!({
                "apiVersion": api, "kind": kind, "metadata": {"name": "x"},
                "data": {"k": "HIDDEN"}, "stringData": {"k": "HIDDEN"}, "users": ["HIDDEN"],
                "spec": {"template": {"spec": {"containers": [{"env": "HIDDEN"}]}}},
            }))
        };
        assert_eq!(of("v1", "Secret"), None);
        assert_eq!(of("v1", "Config"), None);
        for (api, kind) in [("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("ray.io/v1", "RayJob")]
        {
            let kept = of(api, kind).expect("kept");
            assert!(!kept.to_string().contains("HIDDEN"), "{kept}");
            assert_eq!(kept["metadata"]["name"], "x");
        }
    }
}
