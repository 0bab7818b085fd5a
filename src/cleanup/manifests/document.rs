//! One document of YAML: found in its file, and edited by a JSON patch made from the object in the cluster.
//!
//! A manifest says less than the object: lists may be in another order, what a server fills in is not there. So elements
//! of lists are found by the names that the patch tests, and what stands there must be what the cluster has.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use json_patch::{Patch as JsonPatch, PatchOperation};
use serde_json::{Map, Value};
use yamlpatch::{Op, Patch, apply_yaml_patches};
use yamlpath::{Component, Document, Route};

/// Byte ranges of the documents of a file, without the markers between them.
#[must_use]
pub(super) fn documents(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let is_marker = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.trim().is_empty() || rest.trim_start().starts_with('#'));
        if is_marker {
            out.push(start..at);
            start = at + line.len();
        }
        at += line.len();
    }
    out.push(start..at);
    out
}

/// A document as a value; null where there is none in it.
pub(super) fn parsed(text: &str) -> Result<Value, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

/// What is done to the document, and the same of its value.
enum Edit {
    Replace(Vec<Segment>, Value),
    Add(Vec<Segment>, String, Value),
    Append(Vec<Segment>, Value),
    Remove(Vec<Segment>),
}

/// A step from a value to one in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

/// The document with a patch in it.
///
/// # Errors
///
/// What stands in the way: the manifest says something else than the cluster, or cannot be edited in place.
pub(super) fn edited(text: &str, patch: &JsonPatch) -> Result<String, String> {
    let mut tested: BTreeMap<&str, &Value> = BTreeMap::new();
    let (mut text, mut value) = (text.to_owned(), parsed(text)?);
    for operation in &patch.0 {
        let path = operation.path().as_str();
        if let PatchOperation::Test(test) = operation {
            tested.insert(path, &test.value);
            continue;
        }
        let Some(edit) = edit(operation, path, &value, &tested)? else { continue };
        apply(&edit, &mut value)?;
        text = in_text(&text, &edit)?;
        // Whatever the editor did, the text must say what was meant.
        if parsed(&text)? != value {
            return Err(format!("{path} cannot be edited in place"));
        }
    }
    Ok(text)
}

fn edit(
    operation: &PatchOperation,
    path: &str,
    value: &Value,
    tested: &BTreeMap<&str, &Value>,
) -> Result<Option<Edit>, String> {
    let (route, missing) = route(path, value, tested)?;
    let there = at(value, &route);
    let old = tested.get(path).copied();
    // A server makes requests of limits.
    let is_filled_in = path.contains("/resources/") || path.contains("/resourcesPerNode/");
    match operation {
        PatchOperation::Replace(replace) if missing.is_empty() => {
            let now = there.unwrap_or(&Value::Null);
            let new = like(&replace.value, now);
            if *now == new {
                return Ok(None);
            }
            match old {
                Some(old) if like(old, now) != *now => {
                    Err(format!("{path} is {now} there, and {old} in the cluster"))
                }
                _ => Ok(Some(Edit::Replace(route, new))),
            }
        }
        PatchOperation::Replace(_) if is_filled_in => Ok(None),
        PatchOperation::Replace(replace) => Ok(Some(added(route, &missing, &replace.value))),
        PatchOperation::Add(add) if missing.is_empty() => {
            match there.is_some_and(|now| *now == like(&add.value, now)) {
                true => Ok(None),
                false => Err(format!("{path} is there already")),
            }
        }
        PatchOperation::Add(_) if is_filled_in && missing.len() > 1 => Ok(None),
        PatchOperation::Add(add) if there.is_some_and(Value::is_array) => {
            Ok(Some(Edit::Append(route, add.value.clone())))
        }
        PatchOperation::Add(add) => Ok(Some(added(route, &missing, &add.value))),
        PatchOperation::Remove(_) if missing.is_empty() => Ok(Some(Edit::Remove(route))),
        PatchOperation::Remove(_) => Ok(None),
        _ => Err(format!("{path} cannot be edited in place")),
    }
}

/// A value with the maps that lead to it.
fn added(route: Vec<Segment>, missing: &[String], new: &Value) -> Edit {
    let mut value = new.clone();
    for key in missing.iter().skip(1).rev() {
        value = Value::Object(Map::from_iter([(key.clone(), value)]));
    }
    Edit::Add(route, missing.first().cloned().unwrap_or_default(), value)
}

/// A number as a number, where numbers stand: `"2"` and `2` are the same quantity.
fn like(new: &Value, now: &Value) -> Value {
    match (new, now) {
        (Value::String(text), Value::Number(_)) => {
            text.parse::<u64>().map_or_else(|_| new.clone(), Value::from)
        }
        (Value::Number(number), Value::String(_)) => number.to_string().into(),
        _ => new.clone(),
    }
}

/// Where a path of the object leads in the manifest, as far as it goes, and what is missing then.
fn route(
    path: &str,
    value: &Value,
    tested: &BTreeMap<&str, &Value>,
) -> Result<(Vec<Segment>, Vec<String>), String> {
    let (mut route, mut so_far, mut here) = (Vec::new(), String::new(), value);
    let mut segments = path.split('/').skip(1);
    while let Some(segment) = segments.next() {
        let list = tested.get(so_far.as_str());
        so_far = format!("{so_far}/{segment}");
        let key = segment.replace("~1", "/").replace("~0", "~");
        let next = match here {
            Value::Array(items) => {
                let named = ["name", "groupName"].into_iter().find_map(|field| {
                    let name = tested.get(format!("{so_far}/{field}").as_str())?;
                    items.iter().position(|item| item.get(field) == Some(name))
                });
                let index = match (named, list) {
                    (Some(index), _) => index,
                    (None, Some(list)) if **list == *here => {
                        segment.parse().map_err(|_| format!("{path} leads nowhere"))?
                    }
                    _ => {
                        return Err(format!("the list at {path} differs from that in the cluster"));
                    }
                };
                Segment::Index(index)
            }
            _ => Segment::Key(key.clone()),
        };
        match step(here, &next) {
            Some(found) => {
                route.push(next);
                here = found;
            }
            None => {
                let rest = segments.map(|s| s.replace("~1", "/").replace("~0", "~"));
                return Ok((route, std::iter::once(key).chain(rest).collect()));
            }
        }
    }
    Ok((route, Vec::new()))
}

fn step<'a>(value: &'a Value, segment: &Segment) -> Option<&'a Value> {
    match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.get(index),
    }
}

fn at<'a>(value: &'a Value, route: &[Segment]) -> Option<&'a Value> {
    route.iter().try_fold(value, |value, segment| step(value, segment))
}

fn at_mut<'a>(value: &'a mut Value, route: &[Segment]) -> Option<&'a mut Value> {
    route.iter().try_fold(value, |value, segment| match segment {
        Segment::Key(key) => value.get_mut(key),
        Segment::Index(index) => value.get_mut(index),
    })
}

/// The edit of the value.
fn apply(edit: &Edit, value: &mut Value) -> Result<(), String> {
    let nowhere = || "the manifest has no place for it".to_owned();
    match edit {
        Edit::Replace(route, new) => *at_mut(value, route).ok_or_else(nowhere)? = new.clone(),
        Edit::Add(route, key, new) => {
            let map = at_mut(value, route).and_then(Value::as_object_mut).ok_or_else(nowhere)?;
            map.insert(key.clone(), new.clone());
        }
        Edit::Append(route, new) => {
            let list = at_mut(value, route).and_then(Value::as_array_mut).ok_or_else(nowhere)?;
            list.push(new.clone());
        }
        Edit::Remove(route) => {
            let Some((Segment::Key(key), above)) = route.split_last() else {
                return Err(nowhere());
            };
            let map = at_mut(value, above).and_then(Value::as_object_mut).ok_or_else(nowhere)?;
            map.shift_remove(key);
        }
    }
    Ok(())
}

/// The edit of the text.
fn in_text(text: &str, edit: &Edit) -> Result<String, String> {
    let document = Document::new(text).map_err(|e| e.to_string())?;
    let (route, operation) = match edit {
        Edit::Replace(route, new) => (route, Op::Replace(as_yaml(new)?)),
        Edit::Add(route, key, new) => (route, Op::Add { key: key.clone(), value: as_yaml(new)? }),
        Edit::Append(route, new) => (route, Op::Append { value: as_yaml(new)? }),
        Edit::Remove(route) => (route, Op::Remove),
    };
    let component = |segment: &Segment| match segment {
        Segment::Key(key) => Component::Key(Cow::Owned(key.clone())),
        Segment::Index(index) => Component::Index(*index),
    };
    let route = Route::from(route.iter().map(component).collect::<Vec<_>>());
    let patched = apply_yaml_patches(&document, &[Patch { route, operation }]);
    patched.map(|document| document.source().to_owned()).map_err(|e| e.to_string())
}

/// A value as that of the editor.
fn as_yaml<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|e| e.to_string())
}
