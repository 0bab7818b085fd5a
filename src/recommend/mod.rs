//! Recommendations: every rule on every workload, with the past replayed, the best set counted, and what was refused
//! or not judged beside it.
//!
//! Pure: accounts and traces in, the [`contract::RecommendReport`] out. The rules are `findings`; nothing here changes
//! a cluster.

pub mod build;
pub mod contract;
pub mod packing;
mod realised;

pub use build::{Material, beside, recommend};

/// Which recommendations are shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filters {
    /// Of these rules only; of all when empty.
    pub rules: Vec<&'static str>,
    /// Least money a month.
    pub min_savings: Option<f64>,
    /// Least confidence, 0..1.
    pub min_confidence: f64,
    /// Whether people are shown what was refused and not judged. Programs always are.
    pub include_refused: bool,
}
