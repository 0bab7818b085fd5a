//! Small readers of fields that are tolerant of what is absent and strict about what is wrong.
//!
//! Each error names the field and shows its value; the caller says where the field stands and what
//! becomes of the object.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value};

use super::super::metadata::millis;
use super::super::one_line;
use crate::model::quantity;
use crate::units::Millis;

/// What hears of things that could not be used.
pub(super) type Complain<'a> = &'a mut dyn FnMut(String);

/// Puts the place of a field in front of what is wrong with it.
pub(super) fn within(place: &str) -> impl Fn(String) -> String + '_ {
    move |detail| format!("{place}.{detail}")
}

fn wrong(name: &str, value: &Value, wanted: &str) -> String {
    format!("{name}: {} is not {wanted}", one_line(&value.to_string()))
}

/// The field `name`, unless it is absent or null.
fn present<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    of.get(name).filter(|value| !value.is_null())
}

/// An object. One that is absent is `null`, of which every field is absent.
pub(super) fn object<'a>(of: &'a Value, name: &str) -> Result<&'a Value, String> {
    match present(of, name) {
        None => Ok(&Value::Null),
        Some(value) if value.is_object() => Ok(value),
        Some(value) => Err(wrong(name, value, "an object")),
    }
}

/// The entries of a map; none when it is absent.
pub(super) fn entries<'a>(
    of: &'a Value,
    name: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>, String> {
    Ok(object(of, name)?.as_object().into_iter().flat_map(Map::iter))
}

/// A list; empty when it is absent.
pub(super) fn list<'a>(of: &'a Value, name: &str) -> Result<&'a [Value], String> {
    match present(of, name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(value) => Err(wrong(name, value, "a list")),
    }
}

/// A text; `None` when it is absent or empty.
pub(super) fn text<'a>(of: &'a Value, name: &str) -> Result<Option<&'a str>, String> {
    match present(of, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(value) => Err(wrong(name, value, "a text")),
    }
}

/// A text that has to be there.
pub(super) fn required<'a>(of: &'a Value, name: &str) -> Result<&'a str, String> {
    text(of, name)?.ok_or_else(|| format!("{name} is missing"))
}

/// A truth value; absent is false.
pub(super) fn flag(of: &Value, name: &str) -> Result<bool, String> {
    match present(of, name) {
        None => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(value) => Err(wrong(name, value, "true or false")),
    }
}

/// A whole number of at least `least`.
pub(super) fn whole(of: &Value, name: &str, least: i64) -> Result<Option<i64>, String> {
    let Some(value) = present(of, name) else { return Ok(None) };
    match value.as_i64() {
        Some(number) if number >= least => Ok(Some(number)),
        _ => Err(wrong(name, value, &format!("a whole number of at least {least}"))),
    }
}

/// An RFC 3339 time.
pub(super) fn instant(of: &Value, name: &str) -> Result<Option<Millis>, String> {
    let Some(value) = present(of, name) else { return Ok(None) };
    match <Time as serde::Deserialize>::deserialize(value) {
        Ok(time) => Ok(Some(millis(&time))),
        Err(_) => Err(wrong(name, value, "an RFC 3339 time")),
    }
}

/// Quantities by name, as `name: 80Gi` or `name: {value: 80Gi}`. One that cannot be read is complained
/// about and left out.
pub(super) fn amounts(of: &Value, name: &str, complain: Complain<'_>) -> BTreeMap<String, f64> {
    let entries = match entries(of, name) {
        Ok(entries) => entries,
        Err(error) => {
            complain(format!("{error}; left out"));
            return BTreeMap::new();
        }
    };
    let mut amounts = BTreeMap::new();
    for (key, value) in entries {
        match amount(value) {
            Ok(amount) => {
                amounts.insert(key.clone(), amount);
            }
            Err(error) => {
                complain(format!("{name}: {}: {error}; left out", one_line(key)));
            }
        }
    }
    amounts
}

fn amount(value: &Value) -> Result<f64, String> {
    let quantity = if value.is_object() { &value["value"] } else { value };
    let text = scalar(quantity).ok_or_else(|| "has no value".to_owned())?;
    quantity::amount(&text).map_err(|error| error.to_string())
}

/// A text, number or truth value as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A qualified name without the domain of `driver`, which is what a bare name stands for.
pub(super) fn own_name<'a>(driver: &str, name: &'a str) -> &'a str {
    match name.split_once('/') {
        Some((domain, bare)) if domain == driver && !bare.is_empty() => bare,
        _ => name,
    }
}

/// `named` with the driver's own names without domain. A bare name wins over its qualified double.
pub(super) fn with_own_names<T>(driver: &str, named: BTreeMap<String, T>) -> BTreeMap<String, T> {
    let (own, bare): (BTreeMap<_, _>, BTreeMap<_, _>) =
        named.into_iter().partition(|(name, _)| own_name(driver, name) != name);
    let own = own.into_iter().map(|(name, value)| (own_name(driver, &name).to_owned(), value));
    // Later entries replace earlier ones.
    own.chain(bare).collect()
}
