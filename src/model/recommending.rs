//! What a user may decide about recommendations: how much must be known, and how much risk is taken.
//!
//! Values only; which setting each is, is `settings`.

use crate::units::{MS_PER_DAY, MS_PER_HOUR};

/// Thresholds of rules and bounds of proposals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommending {
    /// Least time from the first to the last observed minute before anything is judged, milliseconds.
    pub min_history_ms: i64,
    /// Least observed share of the held time, 0..1.
    pub min_observed: f64,
    /// Least GPU-hours held.
    pub min_held_gpu_hours: f64,
    /// Idle time at the end of the window from which on a holder counts as left behind, milliseconds.
    pub idle_limit_ms: i64,
    /// Share of the window on which a size is fitted; it is replayed on the rest.
    pub fit_share: f64,
    /// How fast old minutes lose weight in the demand for compute: half in this time, milliseconds.
    pub half_life_ms: i64,
    /// Percentile of the load of active time that a size must carry, 0..1.
    pub compute_percentile: f64,
    /// Added to the memory peak, as a share of it.
    pub memory_margin: f64,
    /// Added to that, as a share of the distance from the median to the peak: what had spikes will have others.
    pub memory_spread: f64,
    /// Largest share of active time in which a replay may be over the compute of a size, 0..1.
    pub max_over_share: f64,
    /// Load of a replica or shared card that is planned with, 0..1.
    pub target_load: f64,
    /// Percentile of the CPU use of a pod that its request must cover, 0..1.
    pub cpu_percentile: f64,
    /// Added to the use that a CPU or memory request must cover, as a share of it.
    pub request_margin: f64,
    /// Share of a CPU or memory request that must be of no use before less is proposed, 0..1.
    pub request_excess: f64,
}

impl Default for Recommending {
    fn default() -> Self {
        Self {
            min_history_ms: 12 * MS_PER_HOUR,
            min_observed: 0.8,
            min_held_gpu_hours: 12.0,
            idle_limit_ms: 12 * MS_PER_HOUR,
            fit_share: 0.7,
            half_life_ms: 7 * MS_PER_DAY,
            compute_percentile: 0.99,
            memory_margin: 0.10,
            memory_spread: 1.0,
            max_over_share: 0.01,
            target_load: 0.8,
            cpu_percentile: 0.95,
            request_margin: 0.15,
            request_excess: 0.5,
        }
    }
}
