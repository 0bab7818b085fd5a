//! Values of cells: times, numbers, tags, instance types in prose.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use regex::Regex;
use serde_json::Value;

use crate::model::bill::PICO;
use crate::units::Millis;

/// Forms without an offset; FOCUS is in UTC.
const FORMS: &[&str] =
    &["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// An instant as providers write it: RFC 3339, with a blank for the `T`, without seconds, with ` UTC`, or a day alone.
pub(super) fn instant(text: &str) -> Option<Millis> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_millis());
    }
    let bare = text.trim_end_matches('Z').trim_end_matches("UTC").trim_end();
    let bare = bare.strip_suffix("+00:00").or_else(|| bare.strip_suffix("+00")).unwrap_or(bare);
    let timed = FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(bare, form).ok());
    let day = || {
        let day = NaiveDate::parse_from_str(bare, "%Y-%m-%d").ok()?;
        day.and_hms_opt(0, 0, 0)
    };
    Some(timed.or_else(day)?.and_utc().timestamp_millis())
}

/// A finite number, in digits or with an exponent. An apostrophe in front keeps spreadsheets from running it.
pub(super) fn number(text: &str) -> Option<f64> {
    let value: f64 = text.trim_start_matches('\'').parse().ok()?;
    (value.is_finite() && value.abs() < 1e15).then_some(value)
}

/// Money in whole trillionths.
#[expect(clippy::cast_possible_truncation, reason = "below 1e27, see `number`")]
pub(super) fn pico(value: f64) -> i128 {
    (value * PICO).round() as i128
}

/// Pairs of a JSON object, or of a list of `{key, value}`; nothing where the text is neither.
pub(super) fn tags(text: &str) -> Vec<(String, String)> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), scalar(value)?))).collect()
        }
        Ok(Value::Array(items)) => items
            .iter()
            .filter_map(|item| Some((scalar(item.get("key")?)?, scalar(item.get("value")?)?)))
            .collect(),
        _ => Vec::new(),
    }
}

/// Names of machines as the large clouds spell them.
static INSTANCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(standard_[a-z0-9]+(?:_[a-z0-9]+)*|[a-z][a-z0-9]*(?:-[a-z0-9]+)?\.(?:metal(?:-[0-9a-z]+)?|[0-9]*x?large)|(?:a[2-9]|g[2-9])-[a-z]+(?:-[0-9a-z]+)*)\b",
    )
    .expect("a constant")
});

/// The first name of a machine in a sentence.
pub(super) fn instance_type_in(text: &str) -> Option<String> {
    INSTANCE.find(text).map(|found| found.as_str().to_owned())
}
