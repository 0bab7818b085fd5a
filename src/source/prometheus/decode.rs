//! JSON of the Prometheus HTTP API to series, without a tree of values in between.
//!
//! Values are kept as served (`NaN`, `+Inf`, sentinels): what they mean is decided in the core.

use std::fmt;

use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};

use super::scan;
use crate::model::samples::Builder;
use crate::model::{Labels, Samples, Series};
use crate::units::{Millis, millis_from_seconds};

/// Why a successful HTTP answer could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// HTML.
    WebPage,
    /// The JSON ends before its end.
    Truncated { at: usize },
    /// Not JSON, or JSON of another shape.
    Malformed(String),
    /// `status: error` in a success.
    Api { error_type: String, message: String },
}

/// What an answer holds besides its data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer<T> {
    pub(super) data: T,
    /// Something may be missing (a store did not answer).
    pub(super) warnings: Vec<String>,
    /// Remarks about the query.
    pub(super) infos: Vec<String>,
}

/// Series of a matrix or vector answer, each sorted by time without duplicates.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SeriesData {
    pub(super) series: Vec<Series>,
    /// Native-histogram samples, which no query of ours asks for.
    pub(super) histograms_ignored: u64,
}

impl SeriesData {
    /// Number of samples.
    pub(super) fn samples(&self) -> u64 {
        self.series.iter().map(|series| series.samples.len() as u64).sum()
    }
}

/// Reads a `matrix` or `vector` answer.
pub(super) fn series(body: &[u8]) -> Result<Answer<SeriesData>, DecodeError> {
    match scan::matrix(body) {
        Some(series) => {
            let data = SeriesData { series, histograms_ignored: 0 };
            Ok(Answer { data, warnings: Vec::new(), infos: Vec::new() })
        }
        None => parsed_series(body),
    }
}

/// The same by the JSON parser, whatever the form.
pub(super) fn parsed_series(body: &[u8]) -> Result<Answer<SeriesData>, DecodeError> {
    let answer = envelope::<ResultData>(body)?;
    let kind = answer.data.kind.unwrap_or_default();
    if !matches!(kind.as_str(), "matrix" | "vector" | "") {
        return Err(DecodeError::Malformed(format!("a {kind} where series were expected")));
    }
    let mut data = SeriesData::default();
    for raw in answer.data.result.unwrap_or_default() {
        data.histograms_ignored += raw.histograms.0 + u64::from(raw.histogram.is_some());
        let samples = match raw.value {
            Some(Sample(at, value)) => [(at, value)].into_iter().collect(),
            None => raw.values.0,
        };
        if !samples.is_empty() {
            data.series.push(Series { labels: raw.metric, samples });
        }
    }
    Ok(Answer { data, warnings: answer.warnings, infos: answer.infos })
}

/// Reads any successful answer with data of a given shape.
pub(super) fn envelope<T: DeserializeOwned>(body: &[u8]) -> Result<Answer<T>, DecodeError> {
    if body.trim_ascii_start().starts_with(b"<") {
        return Err(DecodeError::WebPage);
    }
    let envelope: Envelope<T> = serde_json::from_slice(body).map_err(|error| {
        if error.is_eof() {
            DecodeError::Truncated { at: body.len() }
        } else {
            DecodeError::Malformed(error.to_string())
        }
    })?;
    match (envelope.status.as_str(), envelope.data) {
        ("success", Some(data)) => Ok(Answer {
            data,
            warnings: envelope.warnings.unwrap_or_default(),
            infos: envelope.infos.unwrap_or_default(),
        }),
        ("success", None) => Err(DecodeError::Malformed("a success without data".to_owned())),
        ("error", _) => Err(DecodeError::Api {
            error_type: envelope.error_type.unwrap_or_else(|| "error".to_owned()),
            message: envelope.error.unwrap_or_else(|| "no message".to_owned()),
        }),
        (status, _) => Err(DecodeError::Malformed(format!("its status is `{status}`"))),
    }
}

/// Type and message of an error in the API's own words, if `body` is one.
pub(super) fn api_error(body: &[u8]) -> Option<(String, String)> {
    match envelope::<IgnoredAny>(body) {
        Err(DecodeError::Api { error_type, message }) => Some((error_type, message)),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ResultData {
    #[serde(rename = "resultType")]
    kind: Option<String>,
    result: Option<Vec<RawSeries>>,
}

#[derive(Deserialize)]
struct RawSeries {
    #[serde(default)]
    metric: Labels,
    #[serde(default)]
    values: Values,
    value: Option<Sample>,
    #[serde(default)]
    histograms: Count,
    histogram: Option<IgnoredAny>,
}

/// Samples, packed as they are read.
#[derive(Default)]
struct Values(Samples);

/// `[1435781430.781, "1.5"]`
struct Sample(Millis, f64);

#[derive(Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SamplesVisitor;

        impl<'de> Visitor<'de> for SamplesVisitor {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of samples")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Values, A::Error> {
                let mut samples = Builder::default();
                while let Some(Sample(at, value)) = seq.next_element()? {
                    samples.push(at, value);
                }
                Ok(Values(samples.finish()))
            }
        }

        deserializer.deserialize_seq(SamplesVisitor)
    }
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SampleVisitor;

        impl<'de> Visitor<'de> for SampleVisitor {
            type Value = Sample;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sample `[seconds, \"value\"]`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sample, A::Error> {
                let seconds: f64 =
                    seq.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let at = millis_from_seconds(seconds).ok_or_else(|| {
                    de::Error::custom(format_args!("the timestamp {seconds} is out of range"))
                })?;
                let Value(value) =
                    seq.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(Sample(at, value)),
                    Some(_) => Err(de::Error::invalid_length(3, &self)),
                }
            }
        }

        deserializer.deserialize_seq(SampleVisitor)
    }
}

/// `"1.5"`, `"NaN"`, `"+Inf"`, or a bare number, which some servers print.
struct Value(f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl Visitor<'_> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                let number = text.parse().map_err(|_| {
                    E::invalid_value(de::Unexpected::Str(&super::api_error::cleaned(text)), &self)
                })?;
                Ok(Value(number))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value(number))
            }

            #[expect(clippy::cast_precision_loss, reason = "every number of the API is an f64")]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "every number of the API is an f64")]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number as f64))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;

        impl<'de> Visitor<'de> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of histograms")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }

        deserializer.deserialize_seq(CountVisitor)
    }
}

/// The samples in `[start, end)`; `None` when there are none.
pub(super) fn clipped(series: Series, start: Millis, end: Millis) -> Option<Series> {
    let samples = series.samples.within(start, end);
    (!samples.is_empty()).then_some(Series { samples, ..series })
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
