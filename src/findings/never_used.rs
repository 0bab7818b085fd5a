//! # What it finds
//! A workload that held GPUs, and no sample of any of them reached the idle threshold.
//! # Why it matters
//! All of its cost is waste: a forgotten notebook, a server that nobody calls, a job that waits.
//! # How it is judged
//! By the largest sample of every utilization signal (`policy.idle_below`), over all GPUs of all its pods. Its pods
//! must be there at the end of the window, and observed up to it: what the exporter stopped to show may be used by now.
//! Savings are the cost of its idle time; time that nobody observed is not
//! counted.
//! # What it changes
//! Scale the workload to zero, or delete it.
//! # Limits
//! A GPU that is held on purpose, for failover or for a deadline, looks the same. Ask its owner.

use super::evidence::{Evidence, Subject};
use super::proposal::{Draft, Freed, Verdict, not_judged};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};

/// Why nothing is given up.
const UNSEEN: &str =
    "its GPUs have no samples at the end of the window: it may be using them by now";

pub(super) const NAME: &str = "never-used";

pub(super) fn is_never_used(subject: &Subject<'_>, idle_below: f64) -> bool {
    subject.row.usage.utilization_max.is_some_and(|max| max < idle_below)
}

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    let is_found = is_never_used(subject, evidence.idle_below) && subject.is_alive();
    let draft = || Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::High,
        leases: subject.leases.iter().collect(),
        freed: &|lease| Freed::waste(lease.figures),
        gives_up: true,
        evidence: [].into(),
        action: "Release its GPUs: nothing has run on them in this window. Ask its owner first."
            .to_owned(),
        change: Change::Release,
        risk: (Risk::Low, "nothing ran on what is given up"),
        neighbours: "none: nothing of it ran",
        proof: None,
        refusal: None,
        basis: Basis::Measured,
    };
    let is_seen = || subject.there().all(|lease| lease.trailing_idle_ms > 0);
    is_found.then(|| match is_seen() {
        true => draft().done(subject, evidence),
        false => not_judged(subject, Some(NAME), UNSEEN.to_owned()),
    })
}
