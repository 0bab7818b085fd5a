//! Tags of a charge and of its parts: names that the cluster has, under the prefix `gpu-finops/`.

use serde_json::{Map, Value};

use super::charge::{Origin, Who};

/// What the GPU is and where it stands.
pub(super) fn of_origin(origin: &Origin) -> Map<String, Value> {
    object([
        ("cluster", origin.cluster.as_deref()),
        ("node", Some(&origin.node)),
        ("instance-type", origin.instance_type.as_deref()),
        ("capacity-type", origin.capacity_type.as_deref()),
    ])
}

/// Who had it.
pub(super) fn of_holder(who: Option<&Who>) -> Map<String, Value> {
    let Some(who) = who else { return Map::new() };
    object([
        ("tenant", Some(who.tenant.as_str())),
        ("namespace", Some(&who.namespace)),
        ("workload-kind", Some(&who.kind)),
        ("workload", Some(&who.workload)),
        (if who.is_claim { "claim" } else { "pod" }, Some(&who.name)),
    ])
}

fn object<const N: usize>(pairs: [(&str, Option<&str>); N]) -> Map<String, Value> {
    let known = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
    known
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (format!("gpu-finops/{key}"), Value::from(value)))
        .collect()
}
