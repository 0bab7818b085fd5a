//! Whether a write that has no answer was stored, judged by the object itself.

use json_patch::Patch as JsonPatch;
use serde_json::Value;

use crate::cleanup::contract::{Operation, Step};
use crate::cleanup::plan::state::{state, wanted};

/// Annotation on what is created: by which run.
pub const CREATED_BY: &str = "gpu-finops.dev/created-by";

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It was stored.
    Committed,
    /// It was not.
    NotCommitted,
    /// The object is neither what it was nor what it was to become, and why.
    Unclear(String),
}

/// Whether a step was stored. `before` is the state that the object had.
#[must_use]
pub fn found(step: &Step, now: Option<&Value>, before: Option<&str>) -> Found {
    let target = &step.target;
    let named = format!("{} {}/{}", target.kind, target.namespace, target.name);
    let Some(object) = now else {
        return match step.operation {
            Operation::Create { .. } => Found::NotCommitted,
            Operation::Delete { .. } => Found::Committed,
            Operation::Patch { .. } => Found::Unclear(format!("{named} is gone")),
        };
    };
    let has_uid = object["metadata"]["uid"].as_str() == target.uid.as_deref();
    match &step.operation {
        Operation::Create { object: meant } => {
            if is_made_from(object, meant) {
                return Found::Committed;
            }
            Found::Unclear(format!("{named} is there, and is not what was to be created"))
        }
        // Somebody made it anew: what was to be deleted is gone.
        Operation::Delete { .. } if !has_uid => Found::Committed,
        Operation::Delete { .. } => match object["metadata"]["deletionTimestamp"].is_string() {
            true => Found::Committed,
            false => Found::NotCommitted,
        },
        Operation::Patch { .. } if !has_uid => {
            Found::Unclear(format!("{named} is another object now"))
        }
        Operation::Patch { forward, inverse } => {
            let after = patched(forward, object).map(|after| state(&after));
            // What our own mark changes is no part of the state: only the patches can tell.
            if before == Some(&state(object)) && after.as_deref() != before {
                return Found::NotCommitted;
            }
            match (applies(inverse, object), applies(forward, object)) {
                (true, _) => Found::Committed,
                (false, true) => Found::NotCommitted,
                (false, false) => {
                    Found::Unclear(format!("{named} is neither as it was nor as it was to be"))
                }
            }
        }
    }
}

/// Whether a patch applies: every test in it holds, every path is there.
#[must_use]
pub fn applies(patch: &JsonPatch, object: &Value) -> bool {
    patched(patch, object).is_some()
}

/// An object after a patch; `None` where it does not apply.
#[must_use]
pub fn patched(patch: &JsonPatch, object: &Value) -> Option<Value> {
    let mut after = object.clone();
    json_patch::patch(&mut after, patch).ok().map(|()| after)
}

/// Whether an object has everything that was written to create it, whatever a server added.
#[must_use]
pub fn is_made_from(object: &Value, meant: &Value) -> bool {
    contains(&wanted(object), &wanted(meant))
}

fn contains(has: &Value, part: &Value) -> bool {
    match (has, part) {
        (Value::Object(has), Value::Object(part)) => part.iter().all(|(name, value)| {
            has.get(name).map_or(is_nothing(value), |has| contains(has, value))
        }),
        (Value::Array(has), Value::Array(part)) => {
            has.len() == part.len() && has.iter().zip(part).all(|(has, part)| contains(has, part))
        }
        (has, part) => has == part,
    }
}

/// What a server leaves out when it stores it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
