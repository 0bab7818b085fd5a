//! A report as JSON: the contract itself, unrounded.

use serde::Serialize;
use serde_json::Value;

use super::OutputError;

/// Pretty JSON that ends with a line break; what is not known is `null`.
pub(super) fn render<T: Serialize>(report: &T) -> Result<Vec<u8>, OutputError> {
    let mut value = serde_json::to_value(report)?;
    unsigned_zeros(&mut value);
    let mut text = harmless(serde_json::to_string_pretty(&value)?);
    text.push('\n');
    Ok(text.into_bytes())
}

/// Escapes the control characters that JSON lets through (DEL and C1, CSI among them): they can only
/// stand in strings, and a terminal may obey them.
fn harmless(json: String) -> String {
    if !json.contains(|c: char| c.is_control() && c != '\n') {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => out.extend(['\\', 'u', '0', '0'].into_iter().chain(hex(c))),
            c => out.push(c),
        }
    }
    out
}

/// The two digits of a character below 256.
fn hex(c: char) -> impl Iterator<Item = char> {
    let code = u32::from(c);
    [code >> 4, code & 15].into_iter().filter_map(|digit| char::from_digit(digit, 16))
}

/// −0 is an accident of arithmetic; nobody should have to wonder about it.
pub(super) fn unsigned_zeros(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() && number.as_f64() == Some(0.0) => {
            *value = Value::from(0.0);
        }
        Value::Array(values) => values.iter_mut().for_each(unsigned_zeros),
        Value::Object(fields) => fields.values_mut().for_each(unsigned_zeros),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn control_characters_are_escaped_and_come_back() {
        let json = harmless("\"a\u{9b}2J\u{7f}\u{e4}\"\n".to_owned());
        assert_eq!(json, "\"a\\u009b2J\\u007f\u{e4}\"\n");
        let text: String = serde_json::from_str(&json).expect("JSON");
        assert_eq!(text, "a\u{9b}2J\u{7f}\u{e4}");
    }

    #[test]
    fn negative_zero_goes_away() {
        let mut value = json!({"a": [-0.0, -1.5, 0], "b": {"c": -0.0}});
        unsigned_zeros(&mut value);
        assert_eq!(value.to_string(), r#"{"a":[0.0,-1.5,0],"b":{"c":0.0}}"#);
    }
}
