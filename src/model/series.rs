//! Metric samples as a metric server gives them: labels, instants, values.

use super::labels::Labels;
use super::query::QueryId;
use super::samples::{self, Samples};
use crate::units::Millis;

/// Bits of the NaN with which Prometheus marks that a series went stale
/// (`model/value/value.go`, `StaleNaN`). It differs from an ordinary NaN by these bits alone.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether `value` is Prometheus' staleness marker.
#[must_use]
pub const fn is_stale_marker(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One series. Samples are undecoded: units of the exporter, NaN, sentinels and staleness markers still in them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Labels with `__name__`.
    pub labels: Labels,
    /// Its samples, as served.
    pub samples: Samples,
}

impl Series {
    /// The value of a label; an empty value counts as absent, as in PromQL.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Samples in order.
    #[must_use]
    pub fn samples(&self) -> samples::Iter<'_> {
        self.samples.iter()
    }
}

/// A stretch of time for which a query could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReadGap {
    /// First instant that is missing.
    pub start_ms: Millis,
    /// First instant after the gap.
    pub end_ms: Millis,
    /// What the server said, with no secret in it.
    pub reason: String,
}

/// The answer to one query: its series (sorted by labels, one per label set) and what is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricData {
    /// Which query.
    pub query: QueryId,
    /// What came back.
    pub series: Vec<Series>,
    /// Chunks that failed after all retries, and warnings' worth of missing data.
    pub gaps: Vec<ReadGap>,
}
