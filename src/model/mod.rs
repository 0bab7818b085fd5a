//! What the tool talks about: windows, series, cluster objects, policy.
//!
//! Plain data that every other room speaks. No client, clock, flag or frame here, and no file but the one in which
//! `samples` keep what does not fit into memory.

pub mod bill;
pub mod dra;
pub mod inputs;
pub mod interval;
pub mod labels;
pub mod manifests;
pub mod objects;
pub mod placement;
pub mod policy;
pub mod quantity;
#[cfg(test)]
mod quantity_laws;
pub mod query;
pub mod reach;
pub mod recommending;
pub mod samples;
pub mod series;
pub mod window;

pub use inputs::{Inputs, SourceState, SourceStatus};
pub use interval::{Interval, IntervalSet};
pub use labels::Labels;
pub use objects::ClusterFacts;
pub use policy::Policy;
pub use query::QueryId;
pub use samples::Samples;
pub use series::{MetricData, ReadGap, Series};
pub use window::Window;
