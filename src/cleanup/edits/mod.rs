//! Edits: one file for each kind of change, each a pure function from an object to the object as it should be, or to why
//! that cannot be.
//!
//! Edits know shapes of objects; what is to be changed, and whether it may be, is decided elsewhere.

pub mod claims;
pub mod gpus;
pub mod nodes;
pub mod requests;
pub mod sleep;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// An object after a change, or why there is none.
pub type Edited = Result<Value, String>;

/// Puts a value at a pointer, with the maps that lead to it; `false` where something else is in the way.
#[must_use]
fn put(value: &mut Value, pointer: &str, new: Value) -> bool {
    let mut at = value;
    let mut segments = pointer.split('/').skip(1).map(unescaped).peekable();
    while let Some(segment) = segments.next() {
        let next = match at {
            Value::Array(items) => segment.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            Value::Object(map) => {
                Some(map.entry(segment).or_insert_with(|| match segments.peek() {
                    Some(_) => Value::Object(Map::new()),
                    None => Value::Null,
                }))
            }
            _ => None,
        };
        let Some(next) = next else { return false };
        at = next;
    }
    *at = new;
    true
}

/// A segment of a pointer as a member's name (RFC 6901, section 4).
fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// A map with one key renamed and its value replaced, in its place.
fn renamed(map: &Map<String, Value>, from: &str, to: &str, new: &Value) -> Map<String, Value> {
    let entry = |(key, value): (&String, &Value)| match key == from {
        true => (to.to_owned(), new.clone()),
        false => (key.clone(), value.clone()),
    };
    map.iter().filter(|(key, _)| *key == from || *key != to).map(entry).collect()
}
