//! # What it finds
//! A workload that used its GPUs once, and has not for a long time up to the end of the window.
//! # Why it matters
//! Notebooks that were left open and servers that lost their callers go on holding GPUs until somebody looks.
//! # How it is judged
//! Every GPU that it holds at the end of the window has been idle without a break for `recommend.idle_limit`.
//! Savings are the cost of that idle stretch at this window's rate.
//! # What it changes
//! Scale the workload to zero, or delete it.
//! # Limits
//! A model that is loaded has to be loaded again. What comes back every week looks idle in a window of a few days.

use super::evidence::{Evidence, Lease, Subject};
use super::never_used::is_never_used;
use super::proposal::{Draft, Freed, Verdict};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::units::gpu_hours;

pub(super) const NAME: &str = "left-idle";

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    let limit = evidence.rules.idle_limit_ms;
    let leases: Vec<&Lease<'_>> = subject.there().collect();
    let idle_ms = leases.iter().map(|lease| lease.trailing_idle_ms).min()?;
    if idle_ms < limit || is_never_used(subject, evidence.idle_below) {
        return None;
    }
    let hours = gpu_hours(idle_ms);
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::High,
        leases,
        freed: &trailing,
        gives_up: true,
        evidence: [("trailing_idle_hours".to_owned(), hours.into())].into(),
        action: format!(
            "Release its GPUs: they have been idle for the last {hours:.0} hours. Ask its owner first."
        ),
        change: Change::Release,
        risk: (Risk::Medium, "it was used before, and has to start again if it is wanted"),
        neighbours: "none: nothing of it runs",
        proof: None,
        refusal: None,
        basis: Basis::Measured,
    };
    Some(draft.done(subject, evidence))
}

/// The part of its idle time that lies at the end of the window.
fn trailing(lease: &Lease<'_>) -> Freed {
    let idle = Freed::idle(lease.figures);
    let hours = gpu_hours(lease.trailing_idle_ms) * lease.share;
    let part = if idle.gpu_hours > 0.0 { (hours / idle.gpu_hours).min(1.0) } else { 0.0 };
    Freed { gpu_hours: idle.gpu_hours * part, cost: idle.cost.map(|cost| cost * part) }
}
