//! What deserves attention: one rule per file, one list, most money first.
//!
//! A rule says what is, with its figures; what to change, and proof that it would not hurt, is not
//! here. Rules exclude each other, so that no device-hour is counted as a saving twice.

mod mostly_idle;
mod never_used;
mod unused_gpus;

use std::collections::{BTreeMap, BTreeSet};

use crate::attribution::Attribution;
use crate::attribution::agents::WARM_POOL;
use crate::cost::price::Price;
use crate::model::Window;
use crate::report::contract::{Basis, Finding, Ledger, SavingsKind, Severity, WorkloadRow};
use crate::report::figures::{Figures, Key};
use crate::units::{HOURS_PER_MONTH, gpu_hours};

/// Least GPU-hours held before anything is said about a workload.
pub(crate) const MIN_HELD_GPU_HOURS: f64 = 12.0;
/// Least observed share of the held time before anything is said.
pub(crate) const MIN_OBSERVED: f64 = 0.8;

/// What rules look at.
pub struct Evidence<'a> {
    /// Workloads in scope.
    pub workloads: &'a [WorkloadRow],
    /// Figures by pod and device.
    pub devices_of_pods: &'a BTreeMap<Key, Figures>,
    /// The rows behind them.
    pub attribution: &'a Attribution,
    /// Price of each device.
    pub prices: &'a [Option<Price>],
    /// The window.
    pub window: Window,
    /// Idle threshold.
    pub idle_below: f64,
}

impl Evidence<'_> {
    /// Money of the window at its rate over 730 hours.
    pub(crate) fn per_month(&self, cost: f64) -> f64 {
        cost / gpu_hours(self.window.length_ms()) * HOURS_PER_MONTH
    }
}

/// All findings, most money first.
#[must_use]
pub fn all(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut out = unused_gpus::find(evidence);
    let taken: BTreeSet<_> = out.iter().filter_map(workload_of).collect();
    let rest = |f: &Finding| !taken.contains(&(f.cluster.clone(), f.subject.clone()));
    out.extend(never_used::find(evidence));
    out.extend(mostly_idle::find(evidence).into_iter().filter(rest));
    out.sort_by(|a, b| {
        let money = |f: &Finding| f.monthly_savings.unwrap_or(-1.0);
        money(b).total_cmp(&money(a)).then_with(|| a.id.cmp(&b.id))
    });
    out
}

/// The workload of a pod's finding: what is said of one of its pods is not said of it again.
fn workload_of(finding: &Finding) -> Option<(Option<String>, String)> {
    let namespace = finding.subject.split('/').next()?;
    let workload = finding.evidence.get("workload")?.as_str()?;
    Some((finding.cluster.clone(), format!("{namespace}/{workload}")))
}

/// Stable from run to run.
pub(crate) fn id(rule: &str, cluster: Option<&str>, subject: &str) -> String {
    match cluster {
        None => format!("{rule}:{subject}"),
        Some(cluster) => format!("{rule}:{cluster}:{subject}"),
    }
}

/// `namespace/kind/name`.
pub(crate) fn subject(workload: &WorkloadRow) -> String {
    format!("{}/{}/{}", workload.namespace, workload.kind, workload.name)
}

/// Whether there is enough to judge. A warm pool waits idle by design: what it costs is in its row, and
/// nobody is told to release it.
pub(crate) fn is_judged(workload: &WorkloadRow) -> bool {
    workload.kind != WARM_POOL
        && workload.ledger.allocated_gpu_hours >= MIN_HELD_GPU_HOURS
        && workload.ledger.observed_ratio.is_some_and(|r| r >= MIN_OBSERVED)
}

/// A finding about a whole workload.
pub(crate) fn about_workload(
    rule: &'static str,
    workload: &WorkloadRow,
    severity: Severity,
    monthly_savings: Option<f64>,
    action: String,
) -> Finding {
    let l = &workload.ledger;
    let u = &workload.usage;
    let evidence = BTreeMap::from([
        ("allocated_gpu_hours".to_owned(), l.allocated_gpu_hours.into()),
        ("idle_gpu_hours".to_owned(), l.idle_gpu_hours().into()),
        ("longest_idle_seconds".to_owned(), u.longest_idle_seconds.into()),
        ("observed_ratio".to_owned(), l.observed_ratio.into()),
        ("utilization".to_owned(), l.utilization.into()),
        ("utilization_max".to_owned(), u.utilization_max.into()),
        ("utilization_p95".to_owned(), u.utilization_p95.into()),
        ("memory_used_max_bytes".to_owned(), u.memory_used_max_bytes.into()),
        ("signal".to_owned(), u.signal.clone().into()),
    ]);
    let subject = subject(workload);
    Finding {
        id: id(rule, workload.cluster.as_deref(), &subject),
        rule: rule.to_owned(),
        cluster: workload.cluster.clone(),
        subject,
        severity,
        confidence: l.observed_ratio.unwrap_or(0.0),
        basis: basis(l),
        evidence,
        monthly_savings,
        savings_kind: SavingsKind::Capacity,
        action,
    }
}

/// What figures rest on: an estimate as soon as any of them is the device's, split between those who share it.
pub(crate) fn basis(ledger: &Ledger) -> Basis {
    if ledger.estimated_gpu_hours > 0.0 { Basis::Estimate } else { Basis::Measured }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_release_a_warm_pool() {
        let ledger =
            Ledger { allocated_gpu_hours: 100.0, observed_ratio: Some(1.0), ..Ledger::default() };
        let of_kind = |kind: &str| WorkloadRow {
            kind: kind.into(),
            ledger: ledger.clone(),
            ..WorkloadRow::default()
        };
        assert!(is_judged(&of_kind("SandboxClaim")));
        assert!(!is_judged(&of_kind("SandboxWarmPool")));
    }
}
