//! Claims that workloads name: what a claim may be needed for although no pod uses it now.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::dra::ClaimReference;
use crate::model::objects::OwnerRef;

/// Deepest place of a pod template in an object; CronJobs have theirs at 6.
const MAX_DEPTH: usize = 32;

/// Claims that the pod templates of a workload name, wherever in its `spec` these are.
///
/// The path differs from kind to kind (`template`, `jobTemplate.spec.template`, `podTemplate`,
/// `leaderWorkerTemplate.workerTemplate`, replica specs of operators); the list is always called
/// `resourceClaims`, as it is in a PodGroup's `spec`.
pub(super) fn references(namespace: &str, by: &OwnerRef, object: &Value) -> Vec<ClaimReference> {
    let Some(spec) = object.get("spec") else { return Vec::new() };
    let mut claims = BTreeSet::new();
    named(spec, MAX_DEPTH, &mut claims);
    let dormant = is_dormant(spec);
    let reference = |claim: &str| ClaimReference {
        namespace: namespace.to_owned(),
        claim: claim.to_owned(),
        by: by.clone(),
        dormant,
    };
    claims.into_iter().map(reference).collect()
}

fn named<'a>(value: &'a Value, depth: usize, claims: &mut BTreeSet<&'a str>) {
    match value {
        _ if depth == 0 => {}
        Value::Array(items) => items.iter().for_each(|item| named(item, depth - 1, claims)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::Array(list) if name == "resourceClaims" => {
                        claims.extend(claim_names(list));
                    }
                    other => named(other, depth - 1, claims),
                }
            }
        }
        _ => {}
    }
}

/// Names in a list of claims or of their states; an entry without one is made from a template, or
/// says that no claim was needed.
pub(super) fn claim_names(list: &[Value]) -> impl Iterator<Item = &str> {
    let names = list.iter().filter_map(|entry| entry.get("resourceClaimName")?.as_str());
    names.filter(|name| !name.is_empty())
}

/// Suspended, or scaled to zero: it runs nothing now and may at any time.
fn is_dormant(spec: &Value) -> bool {
    spec["suspend"] == true || spec["replicas"] == 0 || spec["operatingMode"] == "Suspended"
}
