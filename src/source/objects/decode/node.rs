//! Nodes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use super::metadata::{Metadata, millis};
use super::{one_line, placement};
use crate::model::objects::{NodeFact, is_part_of_card, is_passthrough};
use crate::model::quantity::{self, QuantityError};
use crate::units::Millis;

type Quantities = BTreeMap<String, Quantity>;

/// One node. `complain` hears of quantities that cannot be used; the node is kept without them.
pub(super) fn decode(
    metadata: Metadata,
    value: Value,
    gpu_resources: &[String],
    complain: &mut dyn FnMut(String),
) -> Result<NodeFact, String> {
    let node: Node = serde_json::from_value(value)
        .map_err(|e| format!("{}; the node is left out", one_line(&e.to_string())))?;
    let status = node.status.unwrap_or_default();
    let spec = node.spec.unwrap_or_default();
    let capacity = status.capacity.clone().unwrap_or_default();
    let allocatable = status.allocatable.clone().unwrap_or_default();
    Ok(NodeFact {
        name: metadata.name,
        uid: metadata.uid,
        labels: metadata.labels,
        annotations: metadata.annotations,
        created_ms: metadata.created_ms,
        gpu_capacity: gpus("capacity", &capacity, gpu_resources, complain),
        gpu_allocatable: gpus("allocatable", &allocatable, gpu_resources, complain),
        cpu_millicores: amount("cpu", &allocatable, quantity::millicores, complain),
        memory_bytes: amount("memory", &allocatable, quantity::bytes, complain),
        pods: amount("pods", &allocatable, quantity::bytes, complain)
            .and_then(|pods| u32::try_from(pods).ok()),
        taints: placement::taints(&spec),
        not_ready_since_ms: not_ready_since_ms(&status),
        unschedulable: spec.unschedulable.unwrap_or(false),
        addresses: addresses(&status),
        provider_id: spec.provider_id.clone().filter(|id| !id.is_empty()),
    })
}

fn gpus(
    place: &str,
    quantities: &Quantities,
    gpu_resources: &[String],
    complain: &mut dyn FnMut(String),
) -> BTreeMap<String, u32> {
    let mut gpus = BTreeMap::new();
    let counts = |name: &String| {
        gpu_resources.contains(name) || is_part_of_card(name) || is_passthrough(name)
    };
    for (name, quantity) in quantities.iter().filter(|(name, _)| counts(name)) {
        match quantity::gpu_count(&quantity.0) {
            Ok(count) => {
                gpus.insert(name.clone(), count);
            }
            Err(error) => complain(format!(
                "{place}: {name}: {error}; how many GPUs the node has is not known from this object"
            )),
        }
    }
    gpus
}

fn amount(
    name: &str,
    allocatable: &Quantities,
    read: fn(&str) -> Result<i64, QuantityError>,
    complain: &mut dyn FnMut(String),
) -> Option<i64> {
    let quantity = allocatable.get(name)?;
    read(&quantity.0)
        .map_err(|error| complain(format!("allocatable: {name}: {error}; taken as not known")))
        .ok()
}

/// A node that says nothing about being ready (a manifest) counts as ready.
fn not_ready_since_ms(status: &NodeStatus) -> Option<Option<Millis>> {
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready")?;
    (ready.status != "True").then(|| ready.last_transition_time.as_ref().map(millis))
}

fn addresses(status: &NodeStatus) -> Vec<String> {
    let addresses = status.addresses.iter().flatten();
    let mut ips: Vec<String> = addresses
        .filter(|a| matches!(a.type_.as_str(), "InternalIP" | "ExternalIP"))
        .map(|a| a.address.clone())
        .collect();
    ips.sort();
    ips.dedup();
    ips
}
