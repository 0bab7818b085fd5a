//! What is kept of an object: an allow-list by kind.
//!
//! The same list serves the saving of a snapshot and decoding. So a field that nobody allowed can
//! neither leak nor spoil an object, and a replayed snapshot cannot read differently from its cluster.
//!
//! | kind | what stays besides `apiVersion`, `kind` and the metadata below |
//! |---|---|
//! | any | `metadata`: name, namespace, uid, creation and deletion time, labels, annotations, owners |
//! | Pod | node, requests and limits, restart policies, overhead, claims, pod group, what says where it may run; phase, conditions, times |
//! | Node | cordon, taints; capacity, allocatable, conditions, addresses, versions of kubelet and kernel |
//! | `resource.k8s.io` | everything but `managedFields`: devices, selectors, allocations; `resourceVersion` |
//! | Secret, kubeconfig | nothing: the object is dropped |
//! | every other | of `spec`: `suspend`, `replicas`, `operatingMode` and, of lists `resourceClaims` wherever they are, the names; |
//! | | of `status`: `resourceClaimStatuses` |
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
    /// Of an object, the fields of both lists.
    Both(&'static [(&'static str, Self)], &'static [(&'static str, Self)]),
    /// A string map without entries that hold the last applied configuration.
    Annotations,
    /// The value if it is a number, a text or a truth value.
    Scalar,
    /// What leads to lists `resourceClaims`, whose place in pod templates differs from kind to kind,
    /// and these; besides, of the value itself, these fields.
    ClaimsAnd(&'static [(&'static str, Self)]),
}

use Keep::{Annotations, Both, ClaimsAnd, Fields, Scalar, Whole};

const METADATA_FIELDS: &[(&str, Keep)] = &[
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
];

const METADATA: Keep = Fields(METADATA_FIELDS);

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

/// Of what ties a pod to other pods, that it does; not to which.
const OF_PODS: Keep = Fields(&[(
    "requiredDuringSchedulingIgnoredDuringExecution",
    Fields(&[("topologyKey", Scalar)]),
)]);

const AFFINITY: Keep = Fields(&[
    ("nodeAffinity", Fields(&[("requiredDuringSchedulingIgnoredDuringExecution", Whole)])),
    ("podAffinity", OF_PODS),
    ("podAntiAffinity", OF_PODS),
]);

const SPREAD: Keep =
    Fields(&[("topologyKey", Scalar), ("maxSkew", Scalar), ("whenUnsatisfiable", Scalar)]);

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
            ("nodeSelector", Whole),
            ("affinity", AFFINITY),
            ("tolerations", Whole),
            ("topologySpreadConstraints", SPREAD),
            ("schedulingGroup", Fields(&[("podGroupName", Scalar)])),
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
    // Whoever deletes a claim says which version of it was looked at.
    ("metadata", Both(&[("resourceVersion", Scalar)], METADATA_FIELDS)),
    ("spec", Whole),
    ("status", Whole),
]);

const CLAIM_NAMES: Keep = Fields(&[
    ("name", Scalar),
    ("resourceClaimName", Scalar),
    ("resourceClaimTemplateName", Scalar),
]);

const POD_GROUP: Keep = Fields(&[
    ("apiVersion", Whole),
    ("kind", Whole),
    ("metadata", METADATA),
    ("spec", Fields(&[("resourceClaims", CLAIM_NAMES)])),
    ("status", Fields(&[("resourceClaimStatuses", CLAIM_NAMES)])),
]);

const OTHER: Keep = Fields(&[
    ("apiVersion", Whole),
    ("kind", Whole),
    ("metadata", METADATA),
    ("spec", ClaimsAnd(&[("suspend", Scalar), ("replicas", Scalar), ("operatingMode", Scalar)])),
]);

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
        ("scheduling.k8s.io", "PodGroup") => &POD_GROUP,
        _ => &OTHER,
    };
    prune(value, keep)
}

/// What stays of `value`; `None` when it is to be left out.
fn prune(value: &Value, keep: &Keep) -> Option<Value> {
    match (value, keep) {
        (Value::Array(items), Fields(_) | Both(..)) => {
            Some(items.iter().filter_map(|item| prune(item, keep)).collect())
        }
        (Value::Object(object), Fields(fields)) => Some(pruned(object, |name| rule(fields, name))),
        (Value::Object(object), Both(fields, more)) => {
            Some(pruned(object, |name| rule(fields, name).or_else(|| rule(more, name))))
        }
        (Value::Object(object), Annotations) => {
            let kept = object.iter().filter(|(key, _)| !is_applied_configuration(key));
            Some(Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect()))
        }
        (Value::Object(object), ClaimsAnd(fields)) => claims(object, fields),
        (_, ClaimsAnd(_)) | (Value::Object(_) | Value::Array(_), Scalar) => None,
        _ => Some(value.clone()),
    }
}

fn rule(fields: &'static [(&'static str, Keep)], name: &str) -> Option<&'static Keep> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, keep)| keep)
}

fn pruned(object: &Map<String, Value>, rule: impl Fn(&str) -> Option<&'static Keep>) -> Value {
    let kept =
        object.iter().filter_map(|(key, field)| Some((key.clone(), prune(field, rule(key)?)?)));
    Value::Object(kept.collect())
}

/// `fields` of an object, lists `resourceClaims` in it, and what leads to them.
fn claims(object: &Map<String, Value>, fields: &'static [(&'static str, Keep)]) -> Option<Value> {
    let kept = object.iter().filter_map(|(key, field)| {
        let kept = match rule(fields, key) {
            Some(keep) => prune(field, keep)?,
            None if key == "resourceClaims" && field.is_array() => claim_names(field),
            None => claims_below(field)?,
        };
        Some((key.clone(), kept))
    });
    let kept: Map<String, Value> = kept.collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

fn claim_names(list: &Value) -> Value {
    let claims = list.as_array().into_iter().flatten().filter(|claim| claim.is_object());
    claims.filter_map(|claim| prune(claim, &CLAIM_NAMES)).collect()
}

fn claims_below(value: &Value) -> Option<Value> {
    match value {
        Value::Object(object) => claims(object, &[]),
        Value::Array(items) => {
            let kept: Vec<Value> = items.iter().filter_map(claims_below).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
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
            assert_eq!(kept.get("spec"), None);
        }
    }

    #[test]
    fn of_a_workload_the_claims_of_its_templates_stay_and_whether_it_runs() {
        let pod = json!({
            "containers": [{"env": "HIDDEN", "resources": {"claims": [{"name": "HIDDEN"}]}}],
            "resourceClaims": [{"name": "g", "resourceClaimName": "shared", "x": "HIDDEN"}],
        });
        let kept = sanitised(&json!({
            "apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "x"},
            "spec": {
                "suspend": true, "replicas": {"HIDDEN": 1}, "operatingMode": "Suspended",
                "secret": "HIDDEN", "volumes": ["HIDDEN"], "resourceClaims": "HIDDEN",
                "more": {"resourceClaims": ["HIDDEN"]},
                "roles": [{"name": "HIDDEN"}, {"args": "HIDDEN", "template": {"spec": pod}}],
            },
            "status": {"message": "HIDDEN", "resourceClaimStatuses": ["HIDDEN"]},
        }))
        .expect("kept");
        let claims = json!([{"name": "g", "resourceClaimName": "shared"}]);
        assert_eq!(
            kept["spec"],
            json!({
                "suspend": true, "operatingMode": "Suspended", "more": {"resourceClaims": []},
                "roles": [{"template": {"spec": {"resourceClaims": claims}}}],
            })
        );
        assert!(!kept.to_string().contains("HIDDEN"), "{kept}");
    }

    #[test]
    fn of_a_pod_group_its_claims_stay() {
        let kept = sanitised(&json!({
            "apiVersion": "scheduling.k8s.io/v1alpha2", "kind": "PodGroup", "metadata": {"name": "x"},
            "spec": {"resourceClaims": [{"name": "g", "resourceClaimTemplateName": "t"}], "y": "HIDDEN"},
            "status": {"resourceClaimStatuses": [{"name": "g", "resourceClaimName": "x-g"}], "y": "HIDDEN"},
        }))
        .expect("kept");
        assert!(!kept.to_string().contains("HIDDEN"), "{kept}");
        assert_eq!(kept["status"]["resourceClaimStatuses"][0]["resourceClaimName"], "x-g");
        assert_eq!(kept["spec"]["resourceClaims"][0]["resourceClaimTemplateName"], "t");
    }
}
