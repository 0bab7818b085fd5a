//! What is never done, whatever a plan says.
//!
//! The last guard: a plan may be written by hand, or by a rule that is wrong.

use json_patch::PatchOperation;

use crate::cleanup::contract::{Operation, Patch, Step};
use crate::kinds;

/// Kinds that may be made and deleted; those of a workload may only be patched.
const OWN: &[&str] = &["ResourceClaim", "ResourceClaimTemplate"];
/// Parts of an object that are never written.
const NEVER: &[&str] = &[
    "/status",
    "/apiVersion",
    "/kind",
    "/metadata/finalizers",
    "/metadata/ownerReferences",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/uid",
    "/metadata/deletionTimestamp",
];

/// Why a change may not be made; `None` where it may.
#[must_use]
pub fn refusal(patch: &Patch) -> Option<String> {
    if patch.steps.is_empty() {
        return Some("it has no step".to_owned());
    }
    patch.steps.iter().find_map(of_step)
}

fn of_step(step: &Step) -> Option<String> {
    let target = &step.target;
    let group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    let is_own = group == "resource.k8s.io" && OWN.contains(&target.kind.as_str());
    let known = kinds::find(group, &target.kind);
    let is_workload = known.is_some_and(|kind| kind.kind != "Pod");
    let Step { operation, .. } = step;
    let named = format!("{} {}/{}", target.kind, target.namespace, target.name);
    match operation {
        Operation::Create { object } | Operation::Delete { object } => {
            let verb = match operation {
                Operation::Create { .. } => "create",
                _ => "delete",
            };
            if !is_own {
                return Some(format!("gpu-finops never {verb}s a {}: {named}", target.kind));
            }
            let metadata = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let is_same = object["kind"] == target.kind.as_str()
                && object["apiVersion"] == target.api_version.as_str()
                && metadata("name") == target.name
                && metadata("namespace") == target.namespace;
            (!is_same).then(|| format!("the object to {verb} is not the one named: {named}"))
        }
        Operation::Patch { .. } if !is_workload => {
            Some(format!("gpu-finops never patches a {}: {named}", target.kind))
        }
        Operation::Patch { forward, inverse } => forward
            .0
            .iter()
            .chain(&inverse.0)
            .flat_map(written)
            .find(|path| is_forbidden(path))
            .map(|path| format!("gpu-finops never writes {path} of an object: {named}")),
    }
}

/// Paths that an operation writes.
fn written(operation: &PatchOperation) -> Vec<String> {
    match operation {
        PatchOperation::Add(op) => vec![op.path.to_string()],
        PatchOperation::Remove(op) => vec![op.path.to_string()],
        PatchOperation::Replace(op) => vec![op.path.to_string()],
        PatchOperation::Move(op) => vec![op.from.to_string(), op.path.to_string()],
        PatchOperation::Copy(op) => vec![op.path.to_string()],
        PatchOperation::Test(_) => Vec::new(),
    }
}

/// Whether a path is one of [`NEVER`], below one, or above one.
fn is_forbidden(path: &str) -> bool {
    let is_above = |below: &str, above: &str| {
        below == above || below.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
    };
    path.is_empty() || NEVER.iter().any(|never| is_above(path, never) || is_above(never, path))
}
