//! What people write in manifests and the API server would have turned into text: `nvidia.com/gpu: 1`,
//! a label `version: 3`. Kubernetes' types take strings there.

use serde_json::Value;

/// Maps whose values are quantities or label texts, wherever they are in an object.
const TEXT_MAPS: &[&str] =
    &["requests", "limits", "capacity", "allocatable", "overhead", "labels", "annotations"];

/// `object` with numbers and booleans in [`TEXT_MAPS`] written as strings.
pub(super) fn normalised(mut object: Value) -> Value {
    visit(&mut object);
    object
}

fn visit(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(visit),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::Object(map) if TEXT_MAPS.contains(&name.as_str()) => {
                        map.values_mut().for_each(as_text);
                    }
                    other => visit(other),
                }
            }
        }
        _ => {}
    }
}

fn as_text(value: &mut Value) {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return,
    };
    *value = Value::String(text);
}
