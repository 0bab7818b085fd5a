//! Hashes of objects and plans: canonical JSON, and what of an object counts as its state.

use std::fmt::Write;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::cleanup::run::mark::MARK;

/// Members of `metadata` that a server writes again and again.
const VOLATILE: &[&str] = &["resourceVersion", "managedFields", "generation", "selfLink"];
/// Annotations that controllers, or this program, write.
const WRITTEN_BY_OTHERS: &[&str] = &[MARK, "deployment.kubernetes.io/revision"];

/// JSON with its members sorted by name, and no blanks.
#[must_use]
pub fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            let fields = fields.into_iter().map(|(name, value)| (name.clone(), sorted(value)));
            Value::Object(fields.collect::<Map<String, Value>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What somebody wants of an object, without what its servers and controllers make of it.
#[must_use]
pub fn wanted(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(fields) = object.as_object_mut() else { return object };
    fields.shift_remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        VOLATILE.iter().for_each(|name| drop(metadata.shift_remove(*name)));
        drop_own_annotations(metadata);
        drop_protection(metadata);
    }
    object
}

fn drop_own_annotations(metadata: &mut Map<String, Value>) {
    let Some(Value::Object(annotations)) = metadata.get_mut("annotations") else { return };
    WRITTEN_BY_OTHERS.iter().for_each(|name| drop(annotations.shift_remove(*name)));
    if annotations.is_empty() {
        metadata.shift_remove("annotations");
    }
}

/// The finalizer that comes with an allocation, and goes with it.
fn drop_protection(metadata: &mut Map<String, Value>) {
    let Some(Value::Array(finalizers)) = metadata.get_mut("finalizers") else { return };
    finalizers.retain(|finalizer| finalizer != "resource.kubernetes.io/delete-protection");
    if finalizers.is_empty() {
        metadata.shift_remove("finalizers");
    }
}

/// State of an object: a hash of what is [`wanted`] of it.
#[must_use]
pub fn state(object: &Value) -> String {
    sha256(&canonical(&wanted(object)))
}

/// An object as it would be written to have it again: all that was in it, without what a server adds.
#[must_use]
pub fn for_creation(object: &Value) -> Value {
    let mut object = wanted(object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
        {
            metadata.shift_remove(name);
        }
    }
    object
}
