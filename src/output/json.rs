//! The report as JSON: the contract itself, unrounded.

use serde_json::Value;

use super::OutputError;
use crate::report::contract::Report;

/// Pretty JSON that ends with a line break; what is not known is `null`.
pub(super) fn render(report: &Report) -> Result<Vec<u8>, OutputError> {
    let mut value = serde_json::to_value(report)?;
    unsigned_zeros(&mut value);
    let mut bytes = serde_json::to_vec_pretty(&value)?;
    bytes.push(b'\n');
    Ok(bytes)
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
    fn negative_zero_goes_away() {
        let mut value = json!({"a": [-0.0, -1.5, 0], "b": {"c": -0.0}});
        unsigned_zeros(&mut value);
        assert_eq!(value.to_string(), r#"{"a":[0.0,-1.5,0],"b":{"c":0.0}}"#);
    }
}
