//! A line of the export by the JSON parser, whatever its form.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::model::series::STALE_NAN_BITS;
use crate::model::{Labels, Series};
use crate::units::Millis;

/// The series of a line, sorted by time without duplicates.
///
/// # Errors
/// What is wrong with the line.
pub(in super::super) fn line(body: &[u8]) -> Result<Series, String> {
    let Line { metric, values, timestamps } =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if values.len() != timestamps.len() {
        return Err(format!("{} values at {} instants", values.len(), timestamps.len()));
    }
    let values = values.into_iter().map(|Value(value)| value);
    Ok(Series { labels: metric, samples: timestamps.into_iter().zip(values).collect() })
}

#[derive(Deserialize)]
struct Line {
    metric: Labels,
    values: Vec<Value>,
    timestamps: Vec<Millis>,
}

/// `12.5`, `null` or `"Infinity"`.
struct Value(f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl Visitor<'_> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, null or a number in quotes")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value(f64::from_bits(STALE_NAN_BITS)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                let wrong = || E::invalid_value(de::Unexpected::Str(text), &self);
                text.parse().map(Value).map_err(|_| wrong())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value(number))
            }

            #[expect(clippy::cast_precision_loss, reason = "every value of the server is an f64")]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "every value of the server is an f64")]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}
