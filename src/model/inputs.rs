//! Everything a report is made from: the one value that sources fill and the core reads.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::samples::SpillError;
use super::{ClusterFacts, MetricData, QueryId, Window};
use crate::units::Millis;

/// How a source fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// Answered in full.
    Ok,
    /// Answered in full, but on a grid of instants in place of sample by sample.
    Gridded,
    /// Answered, and had nothing to say.
    Empty,
    /// Answered in part.
    Partial,
    /// Did not answer, or may not be asked.
    Failed,
    /// Was not asked.
    Skipped,
}

/// One line of coverage about a source: a query, a kind of object, a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// `prometheus`, `prometheus/gpu_util`, `kubernetes/pods`, `objects/pods.json`, …
    pub name: String,
    /// How it fared.
    pub state: SourceState,
    /// In words, with counts; no secret in it.
    pub detail: String,
}

/// How the detail of a source tells that the server forbade it.
pub const FORBIDDEN: &str = "not allowed: ";

impl SourceStatus {
    /// Whether the server forbade reading it.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self.state, SourceState::Failed | SourceState::Partial)
            && self.detail.contains(FORBIDDEN)
    }
}

/// What was read for one report.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The window that the report is about.
    pub window: Window,
    /// The instant at which the inputs were read.
    pub now_ms: Millis,
    /// Answers of the metric server, one per query asked.
    pub metrics: Vec<MetricData>,
    /// Cluster objects, decoded.
    pub facts: ClusterFacts,
    /// How each source fared, in a stable order.
    pub sources: Vec<SourceStatus>,
}

impl Inputs {
    /// Why samples could not be read back where they are kept, if that has happened: what was computed from them
    /// is then worth nothing.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<SpillError>> {
        self.metrics.iter().flat_map(|m| &m.series).find_map(|series| series.samples.failure())
    }

    /// The answer to a query; `None` when it was not asked.
    #[must_use]
    pub fn metric(&self, query: QueryId) -> Option<&MetricData> {
        self.metrics.iter().find(|m| m.query == query)
    }
}
