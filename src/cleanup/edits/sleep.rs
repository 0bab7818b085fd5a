//! Scaling down, and putting to sleep.

use serde_json::Value;

use super::{Edited, put};
use crate::kinds::{self, Kind, Sleep, escaped};

/// A workload of which no pod is left. `now` is the time, RFC 3339, for kinds that keep it.
///
/// # Errors
///
/// Why that cannot be.
pub fn asleep(object: &Value, now: &str) -> Edited {
    let kind = known(object)?;
    match kind.sleep {
        Sleep::Replicas(path) => at(object, path, 0.into()),
        Sleep::Suspend(path) => at(object, path, true.into()),
        // The first version of agent sandboxes has replicas, 0 or 1, for a mode.
        Sleep::State(..) if is_first(object) => at(object, "/spec/replicas", 0.into()),
        Sleep::State(path, state) => at(object, path, state.into()),
        Sleep::Annotation(name) => {
            let path = format!("/metadata/annotations/{}", escaped(name));
            if object.pointer(&path).is_some() {
                return Err("it is asleep already".to_owned());
            }
            at(object, &path, now.into())
        }
        Sleep::Never => Err(format!("a {} cannot be put to sleep", kind.kind)),
    }
}

/// A workload of `to` replicas.
///
/// # Errors
///
/// Why that cannot be.
pub fn scaled(object: &Value, to: u32) -> Edited {
    let kind = known(object)?;
    let Sleep::Replicas(path) = kind.sleep else {
        return Err(format!("a {} has no number of replicas", kind.kind));
    };
    let now = object.pointer(path).map_or(Some(1), Value::as_u64);
    match now {
        Some(now) if now > u64::from(to) => at(object, path, to.into()),
        Some(now) => Err(format!("it has {now} replicas already")),
        None => Err(format!("what stands at {path} is no number")),
    }
}

/// Whether a workload runs until it is done: what its template says of pods that run stays as it was.
#[must_use]
pub fn runs_to_its_end(object: &Value) -> bool {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    kind.ends_with("Job") && kind != "CronJob" || kind == "JobSet"
}

/// Whether it is suspended.
#[must_use]
pub fn is_suspended(object: &Value) -> bool {
    match kinds::kind_of(object).map(|kind| kind.sleep) {
        Some(Sleep::Suspend(path)) => object.pointer(path) == Some(&Value::Bool(true)),
        _ => false,
    }
}

fn known(object: &Value) -> Result<&'static Kind, String> {
    kinds::kind_of(object).ok_or_else(|| "its kind is not known".to_owned())
}

fn is_first(object: &Value) -> bool {
    let version = object.get("apiVersion").and_then(Value::as_str);
    version.is_some_and(|version| version.ends_with("/v1alpha1"))
}

fn at(object: &Value, path: &str, new: Value) -> Edited {
    if object.pointer(path) == Some(&new) {
        return Err("it is so already".to_owned());
    }
    if !object.get("spec").is_some_and(Value::is_object) {
        return Err("its spec was not read".to_owned());
    }
    let mut after = object.clone();
    match put(&mut after, path, new) {
        true => Ok(after),
        false => Err(format!("there is no place for {path}")),
    }
}
