//! # What it finds
//! A workload whose GPUs were idle for most of the time that it held them.
//! # Why it matters
//! Idle time is paid like busy time.
//! # How it is judged
//! At least 80 % of its observed time was idle, and no other rule has anything to say about it. It stands in a report
//! only: `recommend` looks at the minutes, and proposes what to do about them.
//! # What it changes
//! Nothing by itself: a schedule, scaling to zero or sharing can free the time.
//! # Limits
//! Savings are all of its idle time, which no change may free completely.

use super::evidence::{Evidence, Subject};
use super::proposal::{Draft, Freed, Verdict};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};

pub(super) const NAME: &str = "mostly-idle";

/// Idle share of the observed time from which a workload is mostly idle.
const IDLE_SHARE: f64 = 0.8;

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    let ledger = &subject.row.ledger;
    let (idle, observed) = (ledger.idle_gpu_hours(), ledger.observed_gpu_hours);
    let draft = || Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::Medium,
        leases: subject.leases.iter().collect(),
        freed: &|lease| Freed::idle(lease.figures),
        gives_up: false,
        evidence: [].into(),
        action: format!(
            "Idle for {:.0} % of its observed time. Scale it to zero when idle, or let it share a GPU.",
            idle / observed * 100.0
        ),
        change: Change::Release,
        risk: (Risk::Medium, "it is used at times"),
        neighbours: "none",
        proof: None,
        refusal: None,
        basis: Basis::Measured,
    };
    let is_found = evidence.history.is_none() && observed > 0.0 && idle >= IDLE_SHARE * observed;
    is_found.then(|| draft().done(subject, evidence))
}
