//! Another kind of node: another GPU model, or capacity that can be taken away.
//!
//! A pod template is only pointed at nodes that are there: what selects none would leave its pods waiting.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Edited, put};
use crate::cleanup::objects::{Object, mark};
use crate::kinds::{self, escaped};

/// Labels that name the model of a node's GPUs.
const MODELS: &[&str] = &[
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "karpenter.azure.com/sku-gpu-name",
];
/// Labels that say that a node can be taken away.
const SPOT: &[(&str, &str)] = &[
    ("karpenter.sh/capacity-type", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("cloud.google.com/gke-spot", "true"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
];

/// Nodes that a template can be pointed at: a label, and the taints that all of them with it have.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    key: &'static str,
    value: String,
    tolerations: Vec<Value>,
}

/// Nodes with this model.
#[must_use]
pub fn of_model(model: &str, nodes: &[Object<'_>]) -> Option<Pool> {
    let wanted = letters(model);
    let is_it = |value: &str| {
        let value = letters(value);
        !value.is_empty() && (wanted.contains(&value) || value.contains(&wanted))
    };
    MODELS.iter().find_map(|key| {
        let value =
            nodes.iter().find_map(|node| mark(node.value, "labels", key).filter(|v| is_it(v)))?;
        Some(pool(key, value, nodes))
    })
}

/// Nodes that can be taken away.
#[must_use]
pub fn spot(nodes: &[Object<'_>]) -> Option<Pool> {
    let found = |(key, value): &(&'static str, &str)| {
        let is_there = nodes.iter().any(|node| mark(node.value, "labels", key) == Some(value));
        is_there.then(|| pool(key, value, nodes))
    };
    SPOT.iter().find_map(found)
}

fn pool(key: &'static str, value: &str, nodes: &[Object<'_>]) -> Pool {
    let members = nodes.iter().filter(|node| mark(node.value, "labels", key) == Some(value));
    let taints = members.flat_map(|node| {
        node.value.pointer("/spec/taints").and_then(Value::as_array).into_iter().flatten()
    });
    let mut seen = BTreeSet::new();
    let toleration = |taint: &Value| {
        let field = |name: &str| taint.get(name).and_then(Value::as_str).unwrap_or_default();
        // What a node gets while something is wrong with it is no property of the pool.
        let is_kept = matches!(field("effect"), "NoSchedule" | "NoExecute")
            && !field("key").starts_with("node.kubernetes.io/");
        let toleration = match field("value") {
            "" => json!({ "key": field("key"), "operator": "Exists", "effect": field("effect") }),
            value => json!({
                "key": field("key"), "operator": "Equal", "value": value, "effect": field("effect"),
            }),
        };
        (is_kept && seen.insert(toleration.to_string())).then_some(toleration)
    };
    Pool { key, value: value.to_owned(), tolerations: taints.filter_map(toleration).collect() }
}

/// `NVIDIA A100-SXM4-80GB` as `NVIDIAA100SXM480GB`.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The GPU templates of a workload run on these nodes. `asks` says of a pod spec whether it asks for GPUs.
///
/// # Errors
///
/// Why that cannot be.
pub fn moved(object: &Value, pool: &Pool, asks: &dyn Fn(&Value) -> bool) -> Edited {
    let mut after = object.clone();
    let mut is_done = false;
    for template in kinds::templates(object).iter().filter(|template| asks(template.spec)) {
        let at = &template.spec_at;
        if names_model(template.spec, pool.key) {
            return Err(format!("its affinity names {}; it has to be changed by hand", pool.key));
        }
        if !put(
            &mut after,
            &format!("{at}/nodeSelector/{}", escaped(pool.key)),
            pool.value.clone().into(),
        ) {
            return Err(format!("there is no place for a nodeSelector at {at}"));
        }
        let mut tolerations = template.spec.get("tolerations").and_then(Value::as_array).cloned();
        let tolerated = tolerations.get_or_insert_default();
        let is_all =
            |t: &Value| t.get("operator") == Some(&"Exists".into()) && t.get("key").is_none();
        if !tolerated.iter().any(is_all) {
            let missing: Vec<&Value> =
                pool.tolerations.iter().filter(|t| !tolerated.contains(t)).collect();
            if !missing.is_empty() {
                tolerated.extend(missing.into_iter().cloned());
                let new = Value::Array(std::mem::take(tolerated));
                let is_put = put(&mut after, &format!("{at}/tolerations"), new);
                debug_assert!(is_put, "a pod spec is an object");
            }
        }
        is_done = true;
    }
    match is_done && after != *object {
        true => Ok(after),
        false => Err("no pod template of it is to be moved".to_owned()),
    }
}

fn names_model(spec: &Value, key: &str) -> bool {
    let affinity = spec.get("affinity").and_then(|affinity| affinity.get("nodeAffinity"));
    affinity.is_some_and(|affinity| affinity.to_string().contains(&format!("\"{key}\"")))
}
