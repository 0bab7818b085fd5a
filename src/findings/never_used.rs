//! `never-used`: a workload held GPUs and no sample of any of them reached the idle threshold.
//!
//! Why it matters: all of its cost is waste. Savings: its whole cost at this window's rate.

use super::{Evidence, about_workload, is_judged};
use crate::report::contract::{Finding, Severity, WorkloadRow};

const RULE: &str = "never-used";

pub(crate) fn is_never_used(workload: &WorkloadRow, idle_below: f64) -> bool {
    workload.usage.utilization_max.is_some_and(|max| max < idle_below)
}

pub(crate) fn find(evidence: &Evidence<'_>) -> Vec<Finding> {
    let found =
        evidence.workloads.iter().filter(|w| is_judged(w) && is_never_used(w, evidence.idle_below));
    found
        .map(|w| {
            let action =
                "Release its GPUs: nothing has run on them in this window. Ask its owner first."
                    .to_owned();
            about_workload(RULE, w, Severity::High, w.cost.map(|c| evidence.per_month(c)), action)
        })
        .collect()
}
