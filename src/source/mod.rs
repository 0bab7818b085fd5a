//! Where inputs come from: metric servers, clusters, files, snapshots.
//!
//! Everything with an effect lives here, and nothing that computes a figure. Sources never see
//! attribution, cost or output; they fill [`crate::model::Inputs`], which is all that the core reads.

pub mod bill;
pub mod exposition;
pub mod kubernetes;
pub mod manifests;
pub mod objects;
pub mod opencost;
pub mod progress;
pub mod prometheus;
pub mod rollups;
pub mod scrape;
pub mod snapshot;
pub mod store;
pub(crate) mod tables;

use futures::future::BoxFuture;

use crate::model::{MetricData, Window};

/// What to read of one query: its rendered PromQL selector or expression, bounded by shards.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPlan {
    /// The query of the catalogue.
    pub query: crate::model::QueryId,
    /// PromQL with every placeholder filled, without a range.
    pub promql: String,
    /// The time to cover.
    pub window: Window,
}

/// Reads samples from a metric server. One implementation per transport.
///
/// An implementation splits, retries and bounds its requests as its server needs; what still fails
/// comes back as a gap of the [`MetricData`], never as an error, so that the rest of a report stands.
pub trait SampleReader: Send + Sync {
    /// Name of the transport, for the report's coverage.
    fn name(&self) -> &'static str;

    /// Everything that `plan` asks for.
    fn read<'a>(
        &'a self,
        plan: &'a ReadPlan,
        progress: &'a dyn progress::Progress,
    ) -> BoxFuture<'a, MetricData>;
}
