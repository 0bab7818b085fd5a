//! Whether an object is still the one that a change was made for.

use serde_json::Value;

use super::mark::mark_of;
use crate::cleanup::contract::{Operation, Step};
use crate::cleanup::plan::state::state;

/// What is different, in a sentence; `None` where nothing that matters is.
///
/// `now` is the object as it was just read, `before` its state when the plan was made or after an own write since.
/// The version matters for a claim that is stale: it moves when the claim is allocated or reserved, too. Our own mark
/// moves it as well; then what the object is like has to do.
#[must_use]
pub fn drift(
    step: &Step,
    now: Option<&Value>,
    before: Option<&str>,
    version_matters: bool,
) -> Option<String> {
    let target = &step.target;
    let named = format!("{} {}/{}", target.kind, target.namespace, target.name);
    let Some(object) = now else {
        let is_made = matches!(step.operation, Operation::Create { .. });
        return (!is_made).then(|| format!("{named} is gone"));
    };
    if matches!(step.operation, Operation::Create { .. }) {
        return Some(format!("{named} is there already"));
    }
    let metadata = |field: &str| object["metadata"][field].as_str();
    if target.uid.is_none() || metadata("uid") != target.uid.as_deref() {
        let (was, is) = (target.uid.as_deref().unwrap_or("?"), metadata("uid").unwrap_or("?"));
        return Some(format!("{named} is another object now: its UID was {was}, and is {is}"));
    }
    if let Some(since) = metadata("deletionTimestamp") {
        return Some(format!("{named} is being deleted, since {since}"));
    }
    if before != Some(&state(object)) {
        return Some(format!("{named} was changed since the plan was made"));
    }
    let same_version = metadata("resourceVersion") == target.resource_version.as_deref();
    (version_matters && !same_version && mark_of(object).is_none())
        .then(|| format!("{named} was written to since the plan was made"))
}

/// Who has a claim reserved; empty for anything else.
#[must_use]
pub fn reserved_by(object: &Value) -> Vec<String> {
    let consumers = object["status"]["reservedFor"].as_array();
    let named = |c: &Value| Some(format!("{} {}", c["resource"].as_str()?, c["name"].as_str()?));
    consumers.into_iter().flatten().map(|c| named(c).unwrap_or_else(|| "?".to_owned())).collect()
}
