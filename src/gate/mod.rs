//! What a change of manifests asks for and costs, before anything is deployed.
//!
//! ```text
//! manifests ──► what each workload asks for ──► priced ──► before and after ──► rules
//! ```
//!
//! Pure: reading files and revisions is `source::manifests`. What a manifest does not say is assumed where that can be
//! told, and said; where it cannot, it is unknown, never 0.

mod ask;
mod build;
mod cel;
mod claims;
pub mod contract;
mod cron;
mod history;
mod hours;
mod models;
mod place;
mod pods;
mod price;
mod requests;
mod rules;
mod scale;
#[cfg(test)]
mod tests;
mod verdict;
mod world;

use regex::Regex;

pub use build::{Sides, diff};
pub use history::{Held, Peaks, held};
pub use verdict::verdict;

/// What is assumed of what manifests leave open.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumed {
    /// Extended resources that stand for whole GPUs.
    pub gpu_resources: Vec<String>,
    /// Model where nothing tells it.
    pub default_model: Option<String>,
    /// How long a job runs, milliseconds.
    pub job_ms: i64,
    /// Pods that share a card where a shared resource is asked for.
    pub shared_replicas: Option<u32>,
}

/// How much more a change may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Increase {
    /// Money a month.
    Amount(f64),
    /// Share of what it was before.
    Share(f64),
}

/// What a change must not do.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// How much more it may cost.
    pub max_increase: Option<Increase>,
    /// Models that nobody may ask for.
    pub forbid_models: Vec<Regex>,
    /// Labels that whatever asks for GPUs has to have.
    pub require_labels: Vec<String>,
    /// Whether asking for more than was ever in use is refused.
    pub deny_over_history: bool,
    /// Whether runs of a CronJob that may pile up are refused.
    pub deny_cron_overlap: bool,
}
