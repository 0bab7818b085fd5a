//! Marks: an annotation that says of which finding an object is, since when, and in how many runs.
//!
//! What is risky is marked first and changed only when the same finding was there in so many runs, over so long a time.

use json_patch::Patch as JsonPatch;
use serde_json::{Value, json};

use crate::cleanup::contract::{Operation, Patch, Step, Target};
use crate::model::window::rfc3339;
use crate::recommend::contract::Risk;
use crate::units::Millis;

/// The annotation.
pub const MARK: &str = "gpu-finops.dev/marked";
/// Pointer of it.
const MARK_AT: &str = "/metadata/annotations/gpu-finops.dev~1marked";

/// A mark that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Id of the finding.
    pub id: String,
    /// When it was first marked.
    pub since_ms: Millis,
    /// Runs in which it was found.
    pub runs: u32,
}

/// How long a finding must have been there before it is acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Least time since the first mark.
    pub grace_ms: Millis,
    /// Least number of runs that found it, this one included.
    pub runs: u32,
    /// Whether that goes for changes without risk, too.
    pub all: bool,
}

/// What is to be done about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is made now.
    Act,
    /// It is marked; with which mark, and when it can be made.
    Mark(Mark, Millis),
}

/// The mark of an object; one that cannot be read is none.
#[must_use]
pub fn mark_of(object: &Value) -> Option<Mark> {
    let text = object["metadata"]["annotations"][MARK].as_str()?;
    let mut words = text.split(' ');
    let (id, since, runs) = (words.next()?, words.next()?, words.next()?);
    let since = chrono::DateTime::parse_from_rfc3339(since).ok()?;
    Some(Mark { id: id.to_owned(), since_ms: since.timestamp_millis(), runs: runs.parse().ok()? })
}

/// The object of a change that is marked: the first that is there already.
#[must_use]
pub fn marked_target(patch: &Patch) -> Option<&Target> {
    let exists = |step: &&Step| !matches!(step.operation, Operation::Create { .. });
    patch.steps.iter().find(exists).map(|step| &step.target)
}

/// Whether a change is made now. A mark from the future was made by a clock that is wrong: it begins anew.
#[must_use]
pub fn decide(
    patch: &Patch,
    object: Option<&Value>,
    patience: &Patience,
    now_ms: Millis,
) -> Decision {
    let is_patient = patience.all || patch.risk != Risk::Low;
    let Some(object) = object.filter(|_| is_patient) else { return Decision::Act };
    let id = mark_id(&patch.id);
    let found = mark_of(object).filter(|mark| mark.id == id && mark.since_ms <= now_ms);
    let mark = match found {
        Some(mark) => Mark { runs: mark.runs.saturating_add(1), ..mark },
        None => Mark { id, since_ms: now_ms, runs: 1 },
    };
    let due_ms = mark.since_ms.saturating_add(patience.grace_ms);
    if mark.runs >= patience.runs && now_ms >= due_ms {
        return Decision::Act;
    }
    Decision::Mark(mark, due_ms)
}

/// Id of a finding as it stands in a mark, which has blanks between its parts.
#[must_use]
pub fn mark_id(id: &str) -> String {
    id.split_whitespace().collect::<Vec<&str>>().join("_")
}

/// The step that writes a mark, or takes it away (`None`).
#[must_use]
pub fn step(target: &Target, object: &Value, mark: Option<&Mark>) -> Step {
    let old = object["metadata"]["annotations"].get(MARK);
    let new = mark.map(|mark| format!("{} {} {}", mark.id, rfc3339(mark.since_ms), mark.runs));
    let has_annotations = object["metadata"]["annotations"].is_object();
    let forward = match (&new, old) {
        (Some(new), _) if !has_annotations => {
            json!([{"op": "add", "path": "/metadata/annotations", "value": {MARK: new}}])
        }
        (Some(new), None) => json!([{"op": "add", "path": MARK_AT, "value": new}]),
        (Some(new), Some(old)) => json!([
            {"op": "test", "path": MARK_AT, "value": old},
            {"op": "replace", "path": MARK_AT, "value": new},
        ]),
        (None, Some(old)) => json!([
            {"op": "test", "path": MARK_AT, "value": old}, {"op": "remove", "path": MARK_AT},
        ]),
        (None, None) => json!([]),
    };
    let inverse = match (&new, old) {
        (Some(new), None) => json!([
            {"op": "test", "path": MARK_AT, "value": new}, {"op": "remove", "path": MARK_AT},
        ]),
        (Some(new), Some(old)) => json!([
            {"op": "test", "path": MARK_AT, "value": new},
            {"op": "replace", "path": MARK_AT, "value": old},
        ]),
        // Alone it may have been: an object without annotations has no place for one.
        (None, Some(old))
            if object["metadata"]["annotations"].as_object().is_some_and(|a| a.len() == 1) =>
        {
            json!([{"op": "add", "path": "/metadata/annotations", "value": {MARK: old}}])
        }
        (None, Some(old)) => json!([{"op": "add", "path": MARK_AT, "value": old}]),
        (None, None) => json!([]),
    };
    let patch =
        |operations: Value| serde_json::from_value::<JsonPatch>(operations).unwrap_or_default();
    let operation = Operation::Patch { forward: patch(forward), inverse: patch(inverse) };
    Step { target: target.clone(), operation }
}
