//! How a write is taken back.

use json_patch::PatchOperation;
use serde_json::Value;

use super::drift::reserved_by;
use super::outcome::{applies, is_made_from};
use crate::cleanup::contract::{Operation, Step, Target};
use crate::cleanup::journal::Answered;
use crate::cleanup::plan::state::state;

/// What taking back comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Undo {
    /// Do this.
    Do(Box<Step>),
    /// It is as it was already.
    Already,
    /// It is left as it is, and why.
    Refused(String),
}

/// The step that takes back a write, for the object as it is now.
#[must_use]
pub fn undo(step: &Step, done: &Answered, now: Option<&Value>) -> Undo {
    let target = &step.target;
    let named = format!("{} {}/{}", target.kind, target.namespace, target.name);
    let metadata = |field: &str| now.and_then(|object| object["metadata"][field].as_str());
    let same_uid = metadata("uid").is_some() && metadata("uid") == done.uid.as_deref();
    let is_going = metadata("deletionTimestamp").is_some();
    match (&step.operation, now) {
        (Operation::Create { .. }, None) => Undo::Already,
        (Operation::Create { .. }, Some(_)) if !same_uid || is_going => Undo::Already,
        (Operation::Create { object }, Some(now)) => uncreate(target, object, now, done, &named),
        (Operation::Patch { .. }, None) => Undo::Refused(format!("{named} is gone")),
        (Operation::Patch { .. }, Some(_)) if !same_uid => {
            Undo::Refused(format!("{named} is another object now"))
        }
        (Operation::Patch { forward, inverse }, Some(now)) => {
            // One that tests nothing would overwrite what somebody else wrote.
            let tests = inverse.0.iter().any(|op| matches!(op, PatchOperation::Test(_)));
            let unchanged = done.state.as_deref() == Some(&state(now));
            if (tests || unchanged) && applies(inverse, now) {
                let (forward, inverse) = (inverse.clone(), forward.clone());
                let operation = Operation::Patch { forward, inverse };
                return Undo::Do(Box::new(Step { target: as_now(target, now), operation }));
            }
            match applies(forward, now) {
                true => Undo::Already,
                false => Undo::Refused(format!("{named} was changed by somebody else since")),
            }
        }
        (Operation::Delete { object }, None) => {
            let target = Target { uid: None, resource_version: None, ..target.clone() };
            let operation = Operation::Create { object: object.clone() };
            Undo::Do(Box::new(Step { target, operation }))
        }
        (Operation::Delete { .. }, Some(_)) if same_uid && is_going => Undo::Refused(format!(
            "{named} is still being deleted; roll back again once it is gone"
        )),
        (Operation::Delete { .. }, Some(_)) if same_uid => Undo::Already,
        (Operation::Delete { object }, Some(now)) if is_made_from(now, object) => Undo::Already,
        (Operation::Delete { .. }, Some(_)) => {
            Undo::Refused(format!("somebody made another {named} since"))
        }
    }
}

/// Deletes what was created, unless it is in use or somebody changed it.
fn uncreate(target: &Target, object: &Value, now: &Value, done: &Answered, named: &str) -> Undo {
    let users = reserved_by(now);
    if !users.is_empty() {
        let users = users.join(", ");
        return Undo::Refused(format!(
            "{named} is in use by {users}; roll back again once it is not"
        ));
    }
    if done.state.as_deref() != Some(&state(now)) {
        return Undo::Refused(format!("{named} was changed by somebody else since"));
    }
    let operation = Operation::Delete { object: object.clone() };
    Undo::Do(Box::new(Step { target: as_now(target, now), operation }))
}

fn as_now(target: &Target, now: &Value) -> Target {
    let text = |field: &str| now["metadata"][field].as_str().map(str::to_owned);
    Target { uid: text("uid"), resource_version: text("resourceVersion"), ..target.clone() }
}
