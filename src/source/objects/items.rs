//! Lists taken apart: the objects in what `kubectl get -o json|yaml` prints.

use serde_json::Value;

/// Deepest nesting of lists in lists.
const MAX_DEPTH: usize = 4;

/// Calls `each` with every object in `document`: itself, the items of a list (`List`, `PodList`, …),
/// or the elements of an array. Items that do not say what they are get it from their list.
/// `metadata.managedFields`, half of a listed object and of no use here, is taken off at once.
pub(crate) fn unpack(document: Value, each: &mut dyn FnMut(Value)) {
    unpack_to(document, MAX_DEPTH, each);
}

fn unpack_to(document: Value, depth: usize, each: &mut dyn FnMut(Value)) {
    match document {
        Value::Array(elements) if depth > 0 => {
            elements.into_iter().for_each(|element| unpack_to(element, depth - 1, each));
        }
        Value::Object(mut object) if depth > 0 && is_list(&object) => {
            let items = object.shift_remove("items");
            let item_type = item_type(&object);
            let Some(Value::Array(items)) = items else { return };
            for mut item in items {
                if let (Some((api_version, kind)), Value::Object(fields)) = (&item_type, &mut item)
                {
                    fields.entry("apiVersion").or_insert_with(|| api_version.clone());
                    fields.entry("kind").or_insert_with(|| kind.clone());
                }
                unpack_to(item, depth - 1, each);
            }
        }
        mut other => {
            if let Some(Value::Object(metadata)) = other.get_mut("metadata") {
                metadata.shift_remove("managedFields");
            }
            each(other);
        }
    }
}

fn is_list(object: &serde_json::Map<String, Value>) -> bool {
    let named = object.get("kind").and_then(Value::as_str).is_some_and(|k| k.ends_with("List"));
    named && matches!(object.get("items"), Some(Value::Array(_) | Value::Null))
}

/// What the items of a typed list are; a bare `List` does not say.
fn item_type(list: &serde_json::Map<String, Value>) -> Option<(Value, Value)> {
    let kind = list.get("kind")?.as_str()?.strip_suffix("List").filter(|kind| !kind.is_empty())?;
    Some((list.get("apiVersion")?.clone(), Value::from(kind)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unpacked(document: Value) -> Vec<Value> {
        let mut items = Vec::new();
        unpack(document, &mut |item| items.push(item));
        items
    }

    #[test]
    fn lists_of_every_shape() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}});
        let bare = json!({"metadata": {"name": "a"}});
        let named = |value: &Value| {
            (value["apiVersion"].clone(), value["kind"].clone(), value["metadata"]["name"].clone())
        };
        for document in [
            pod.clone(),
            json!([pod.clone()]),
            json!({"apiVersion": "v1", "kind": "List", "items": [pod]}),
            json!({"apiVersion": "v1", "kind": "PodList", "items": [bare]}),
            json!({"apiVersion": "v1", "kind": "List", "items": [
                {"apiVersion": "v1", "kind": "PodList", "items": [bare]},
            ]}),
        ] {
            let items = unpacked(document.clone());
            assert_eq!(items.len(), 1, "{document}");
            assert_eq!(named(&items[0]), named(&pod), "{document}");
        }
        assert!(unpacked(json!({"apiVersion": "v1", "kind": "List", "items": null})).is_empty());
    }

    #[test]
    fn an_object_whose_name_only_looks_like_a_list_is_kept() {
        let object = json!({"apiVersion": "x/v1", "kind": "AllowList", "metadata": {"name": "a"}});
        assert_eq!(unpacked(object.clone()), [object]);
    }
}
