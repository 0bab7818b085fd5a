//! Pseudonyms in cluster objects.

use serde_json::{Map, Value};

use super::pseudonym::Pseudonyms;
use super::{LEFT_OUT, annotation, clear, source_name, sources};
use crate::model::objects::ObjectProblem;
use crate::source::objects::{RawObject, RawObjects};

/// Objects with pseudonyms for names.
pub(in crate::source::snapshot) fn objects(names: &Pseudonyms, objects: &RawObjects) -> RawObjects {
    let item = |item: &RawObject| RawObject {
        origin: source_name(names, &item.origin),
        value: object_as_a_whole(names, &item.value),
    };
    let problem = |problem: &ObjectProblem| ObjectProblem {
        subject: names.whole(&problem.subject),
        detail: LEFT_OUT.to_owned(),
    };
    RawObjects {
        items: objects.items.iter().map(item).collect(),
        problems: objects.problems.iter().map(problem).collect(),
        sources: sources(names, &objects.sources),
        listed_at_ms: objects.listed_at_ms,
    }
}

fn object_as_a_whole(names: &Pseudonyms, value: &Value) -> Value {
    let mut redacted = any(names, "", value);
    // Claims say the name of a public class as it is, so the class keeps it as well.
    if value["kind"] == "DeviceClass"
        && let Some(name) = value.pointer("/metadata/name")
        && name.as_str().is_some_and(clear::is_public_name)
        && let Some(slot) = redacted.pointer_mut("/metadata/name")
    {
        *slot = name.clone();
    }
    redacted
}

/// The value of the field `name`, or of an element of a list of that name.
pub(super) fn any(names: &Pseudonyms, name: &str, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(string(names, name, text)),
        // What claims request is a list; what containers request is a map of quantities.
        Value::Array(items) if clear::is_quantity_field(name) => {
            items.iter().map(|item| any(names, "", item)).collect()
        }
        Value::Array(items) => items.iter().map(|item| any(names, name, item)).collect(),
        Value::Object(map) => Value::Object(object(names, name, map)),
    }
}

fn object(names: &Pseudonyms, name: &str, map: &Map<String, Value>) -> Map<String, Value> {
    // What selects by a label must read as the label does.
    let selects_by = map.get("key").and_then(Value::as_str).filter(|_| name == "matchExpressions");
    let keeps_values = selects_by.is_some_and(clear::keeps_label);
    let entry = |(key, value): (&String, &Value)| match name {
        "matchExpressions" if key == "key" && selects_by.is_some() => {
            (key.clone(), selects_by.map_or(Value::Null, |label| names.label_key(label).into()))
        }
        "matchExpressions" if key == "values" && keeps_values => (key.clone(), value.clone()),
        "annotations" => {
            let known = value.as_str().and_then(|text| annotation::redacted(names, key, text));
            (names.label_key(key), known.map_or_else(|| label(names, key, value), Value::String))
        }
        "labels" | "matchLabels" | "nodeSelector" => {
            (names.label_key(key), label(names, key, value))
        }
        "attributes" => attribute(names, key, value),
        _ if clear::is_quantity_field(name) => quantity(names, key, value),
        _ if clear::is_field(key) => (key.clone(), any(names, key, value)),
        _ if clear::is_public_name(key) => (key.clone(), any(names, name, value)),
        _ => (names.parts(key), any(names, name, value)),
    };
    map.iter().map(entry).collect()
}

fn label(names: &Pseudonyms, key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if !clear::keeps_label(key) => Value::String(names.parts(text)),
        Value::String(_) => value.clone(),
        _ => any(names, "", value),
    }
}

/// An attribute of a device: what it says of the hardware stays.
fn attribute(names: &Pseudonyms, key: &str, value: &Value) -> (String, Value) {
    let public = clear::is_field(key) || clear::is_public_name(key);
    let name = if public { key.to_owned() } else { names.parts(key) };
    let value = if clear::keeps_attribute(key) { value.clone() } else { any(names, "", value) };
    (name, value)
}

fn quantity(names: &Pseudonyms, resource: &str, value: &Value) -> (String, Value) {
    let public = clear::is_public_name(resource)
        || clear::is_core_resource(resource)
        || clear::is_field(resource)
        || clear::is_counter(resource);
    let resource = if public { resource.to_owned() } else { names.parts(resource) };
    (resource, amount(names, value))
}

/// A quantity, or what has some in it: devices have theirs in a field `value` beside a policy.
fn amount(names: &Pseudonyms, value: &Value) -> Value {
    match value {
        Value::String(text) if clear::is_quantity(text) => value.clone(),
        Value::Array(items) => items.iter().map(|item| amount(names, item)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| quantity(names, key, value)).collect())
        }
        _ => any(names, "", value),
    }
}

fn string(names: &Pseudonyms, field: &str, text: &str) -> String {
    match field {
        "message" => LEFT_OUT.to_owned(),
        _ if clear::keeps_field(field, text) => text.to_owned(),
        "key"
        | "driver"
        | "deviceClassName"
        | "resourceName"
        | "extendedResourceName"
        | "apiGroup"
            if clear::is_public_name(text) =>
        {
            text.to_owned()
        }
        // Whom a claim is reserved for; which node a selector leaves.
        "resource" if matches!(text, "pods" | "podgroups") => text.to_owned(),
        "key" if text == "metadata.name" => text.to_owned(),
        _ => names.parts(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::source::snapshot::redact::Salt;

    #[test]
    fn structure_quantities_and_hardware_stay() {
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": "node-7", "creationTimestamp": "2026-01-02T03:04:05Z",
                "labels": {"nvidia.com/gpu.product": "NVIDIA-L40S", "acme.com/rack": "r12"},
            },
            "spec": {"unschedulable": true, "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
            "status": {
                "capacity": {"cpu": "96", "nvidia.com/gpu": "8", "acme.com/fpga": "1"},
                "conditions": [{"type": "Ready", "status": "False", "reason": "KubeletDown", "message": "at acme"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.7"}],
            },
        });
        let names = Pseudonyms::new(Salt::fixed([1; 32]));
        let (name, ip, rack) = (names.whole("node-7"), names.whole("10.0.0.7"), names.whole("r12"));
        let fpga = names.parts("acme.com/fpga");
        assert_eq!(
            any(&names, "", &node),
            json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {
                    "name": name, "creationTimestamp": "2026-01-02T03:04:05Z",
                    "labels": {"nvidia.com/gpu.product": "NVIDIA-L40S", "acme.com/rack": rack},
                },
                "spec": {"unschedulable": true, "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
                "status": {
                    "capacity": {"cpu": "96", "nvidia.com/gpu": "8", fpga: "1"},
                    "conditions": [{"type": "Ready", "status": "False", "reason": "KubeletDown", "message": LEFT_OUT}],
                    "addresses": [{"type": "InternalIP", "address": ip}],
                },
            })
        );
    }

    /// A redacted pod may run where the pod may.
    #[test]
    fn selectors_read_as_labels_do() {
        let names = Pseudonyms::new(Salt::fixed([1; 32]));
        let node =
            json!({"labels": {"acme.com/rack": "r12", "topology.kubernetes.io/zone": "eu-1a"}});
        let labels = &any(&names, "", &node)["labels"];
        let pod = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [
                {"key": "acme.com/rack", "operator": "In", "values": ["r12"]},
                {"key": "topology.kubernetes.io/zone", "operator": "NotIn", "values": ["eu-1b"]},
            ]}],
        }}}});
        let redacted = any(&names, "", &pod);
        assert!(!redacted.to_string().contains("r12"), "{redacted}");
        let term = redacted
            .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0")
            .expect("the structure stays");
        let (rack, zone) = (&term["matchExpressions"][0], &term["matchExpressions"][1]);
        assert_eq!(labels[rack["key"].as_str().expect("a key")], rack["values"][0]);
        assert_eq!((&zone["operator"], &zone["values"][0]), (&"NotIn".into(), &"eu-1b".into()));
        assert_eq!(labels["topology.kubernetes.io/zone"], "eu-1a");
    }

    #[test]
    fn anything_that_could_be_a_name_goes() {
        let names = Pseudonyms::new(Salt::fixed([1; 32]));
        let object = json!({
            "status": "call Bob", "reason": "bob said so", "weird-key": 1,
            "args": ["--team=acme"], "image": "acme.io/bob/app:v1",
            "annotations": {"note": "Bob <bob@acme.io>"},
        });
        let text = any(&names, "", &object).to_string().to_lowercase();
        for name in ["bob", "acme", "weird"] {
            assert!(!text.contains(name), "{name} in {text}");
        }
    }
}
