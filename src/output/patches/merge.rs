//! JSON patches as somebody would write them: a strategic-merge patch of a built-in kind, a merge patch of another.
//!
//! What elements of lists are merged by stands in the tests of the patch. What cannot be said so is left to the JSON
//! patch itself.

use std::collections::BTreeMap;

use json_patch::{Patch as JsonPatch, PatchOperation};
use serde_json::{Map, Value, json};

use crate::cleanup::contract::Target;

/// Groups whose kinds a server merges by its own knowledge of them.
const BUILT_IN: &[&str] = &["", "apps", "batch", "autoscaling", "resource.k8s.io"];

/// Whether a kind is built into the API server.
pub(super) fn is_built_in(target: &Target) -> bool {
    let group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    BUILT_IN.contains(&group)
}

/// The merge patch that does the same; `None` where there is none.
pub(super) fn merged(patch: &JsonPatch, target: &Target) -> Option<Value> {
    let mut tested: BTreeMap<&str, Value> = BTreeMap::new();
    let mut out = json!({});
    for operation in &patch.0 {
        let path = operation.path().as_str();
        let (new, path) = match operation {
            PatchOperation::Test(test) => {
                tested.insert(path, test.value.clone());
                continue;
            }
            PatchOperation::Add(add) => (Some(add.value.clone()), path),
            PatchOperation::Replace(replace) => (Some(replace.value.clone()), path),
            PatchOperation::Remove(_) => (None, path),
            _ => return None,
        };
        let (above, last) = path.rsplit_once('/')?;
        let list = tested.get_mut(above).filter(|value| value.is_array());
        match list {
            // Lists that are tested as a whole are written as a whole.
            Some(Value::Array(items)) => {
                let at: usize = last.parse().ok()?;
                match (operation, new) {
                    (PatchOperation::Add(_), Some(new)) if at <= items.len() => {
                        items.insert(at, new);
                    }
                    (PatchOperation::Replace(_), Some(new)) => *items.get_mut(at)? = new,
                    (PatchOperation::Remove(_), _) if at < items.len() => drop(items.remove(at)),
                    _ => return None,
                }
                let whole = Value::Array(items.clone());
                write(&mut out, above, whole, &tested, target)?;
            }
            _ => write(&mut out, path, new.unwrap_or(Value::Null), &tested, target)?,
        }
    }
    Some(out)
}

/// Puts a value at a path, through elements of lists by their names.
fn write(
    out: &mut Value,
    path: &str,
    new: Value,
    tested: &BTreeMap<&str, Value>,
    target: &Target,
) -> Option<()> {
    let mut at = out;
    let mut so_far = String::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (i, segment) in segments.iter().enumerate() {
        so_far = format!("{so_far}/{segment}");
        let is_last = i + 1 == segments.len();
        let next_is_element = segments.get(i + 1).is_some_and(|next| next.parse::<usize>().is_ok());
        if segment.parse::<usize>().is_ok() {
            // Only a server that knows the kind merges lists by names.
            let name =
                tested.get(format!("{so_far}/name").as_str()).filter(|_| is_built_in(target))?;
            let items = at.as_array_mut()?;
            let known = items.iter().position(|item| item.get("name") == Some(name));
            let index = known.unwrap_or_else(|| {
                items.push(json!({ "name": name }));
                items.len() - 1
            });
            if is_last {
                return None;
            }
            at = items.get_mut(index)?;
            continue;
        }
        let key = segment.replace("~1", "/").replace("~0", "~");
        let map: &mut Map<String, Value> = at.as_object_mut()?;
        if is_last {
            map.insert(key, new);
            return Some(());
        }
        at = map.entry(key).or_insert_with(|| if next_is_element { json!([]) } else { json!({}) });
    }
    None
}
