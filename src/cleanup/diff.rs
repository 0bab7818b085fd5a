//! From an object before and after to a patch and its inverse (RFC 6902), each guarded by `test` operations.
//!
//! A guard holds what is replaced or removed, the name of every list element on the way, and the whole of what something
//! is added to, where that is a list or a flat map: a server refuses the patch when somebody changed it in between.

use std::collections::BTreeSet;

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch as JsonPatch, PatchOperation, TestOperation, diff};
use serde_json::{Map, Value};

use super::contract::Operation;

/// Maps that many write to: another key in them is no drift.
const SHARED: &[&str] = &["/metadata/annotations", "/metadata/labels"];

/// What elements of lists are named by; groups of Ray's workers by the second.
const NAMES: [&str; 2] = ["name", "groupName"];

/// The patch that makes `after` of `before`, and the one that undoes it; `None` where there is nothing to do.
#[must_use]
pub fn patch(before: &Value, after: &Value) -> Option<Operation> {
    if before == after {
        return None;
    }
    Some(Operation::Patch { forward: guarded(before, after), inverse: guarded(after, before) })
}

/// The patch from one value to another, its tests first.
#[must_use]
pub fn guarded(from: &Value, to: &Value) -> JsonPatch {
    let operations = diff(from, to).0;
    let mut paths: Vec<String> = Vec::new();
    for operation in &operations {
        let path = operation.path().as_str();
        paths.extend(names(from, path));
        match operation {
            PatchOperation::Add(_) => paths.extend(parent(from, path)),
            _ => paths.push(changed(from, path)),
        }
    }
    let mut seen = BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    let test = |path: &String| {
        let value = from.pointer(path)?.clone();
        let path = PointerBuf::parse(path.clone()).ok()?;
        Some(PatchOperation::Test(TestOperation { path, value }))
    };
    JsonPatch(paths.iter().filter_map(test).chain(operations.iter().cloned()).collect())
}

/// Pointers of the names of list elements that a path goes through.
fn names(from: &Value, path: &str) -> Vec<String> {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    let is_element = |prefix: &&str| {
        let (list, index) = prefix.rsplit_once('/').unwrap_or_default();
        index.parse::<usize>().is_ok() && from.pointer(list).is_some_and(Value::is_array)
    };
    let named = |prefix: &str| NAMES.map(|name| format!("{prefix}/{name}"));
    let prefixes = ends.map(|end| &path[..end]).filter(is_element).flat_map(named);
    prefixes.filter(|name| from.pointer(name).is_some_and(Value::is_string)).collect()
}

/// What of a path is replaced or removed: the whole list, where an element of it is.
fn changed(from: &Value, path: &str) -> String {
    let (above, _) = path.rsplit_once('/').unwrap_or_default();
    let of_list = from.pointer(above).is_some_and(Value::is_array);
    if of_list { above.to_owned() } else { path.to_owned() }
}

/// What something is added to, where all of it can be tested.
fn parent(from: &Value, path: &str) -> Option<String> {
    let (above, _) = path.rsplit_once('/')?;
    let is_flat = |map: &Map<String, Value>| {
        !map.is_empty() && !map.values().any(|v| v.is_object() || v.is_array())
    };
    let is_whole = match from.pointer(above)? {
        Value::Array(_) => true,
        Value::Object(map) => is_flat(map) && !SHARED.contains(&above) && above != "/spec",
        _ => false,
    };
    is_whole.then(|| above.to_owned())
}
