//! `mostly-idle`: a workload whose GPUs were idle for most of the time that it held them.
//!
//! Why it matters: idle time is paid like busy time. Savings: the cost of its idle time, which only a
//! schedule, scaling to zero or sharing can free; `recommend`-style proof is not part of a finding.

use super::never_used::is_never_used;
use super::{Evidence, about_workload, is_judged};
use crate::report::contract::{Finding, Severity};

const RULE: &str = "mostly-idle";

/// Idle share of the observed time from which a workload is mostly idle.
const IDLE_SHARE: f64 = 0.8;

pub(crate) fn find(evidence: &Evidence<'_>) -> Vec<Finding> {
    let found = evidence.workloads.iter().filter(|w| {
        is_judged(w)
            && !is_never_used(w, evidence.idle_below)
            && w.ledger.idle_gpu_hours() >= IDLE_SHARE * w.ledger.observed_gpu_hours
    });
    found
        .map(|w| {
            let idle_cost = w.ledger.idle_warm_cost.zip(w.ledger.idle_empty_cost).map(|(a, b)| a + b);
            let share = w.ledger.idle_gpu_hours() / w.ledger.observed_gpu_hours * 100.0;
            let action = format!(
                "Idle for {share:.0} % of its observed time. Scale it to zero when idle, or let it share a GPU."
            );
            about_workload(RULE, w, Severity::Medium, idle_cost.map(|c| evidence.per_month(c)), action)
        })
        .collect()
}
