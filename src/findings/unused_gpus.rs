//! # What it finds
//! Pods that use some of their GPUs and never others.
//! # Why it matters
//! They ask for more GPUs than their program uses: a missing `--nproc`, a default of the chart, a copied manifest.
//! # How it is judged
//! By GPU, never from an average over GPUs: one is unused when none of its samples reached the idle threshold while
//! another GPU of the same pod did. Each must be observed for `recommend.min_observed` of its time, and up to the end of
//! the window where it is held then; the unused ones must be held for `recommend.min_held` together. Of a workload with
//! several pods, the pod that uses most counts.
//! # What it changes
//! The GPU count of the pod template, or of the resource claim.
//! # Limits
//! A program that takes its GPUs one after the other, or pins ranks to them, may need a flag changed as well. What has
//! ended is named all the same: its next run will ask again.

use super::evidence::{Evidence, Lease, Subject};
use super::proposal::{Draft, Freed, Verdict};
use crate::attribution::holding::EPSILON;
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};

pub(super) const NAME: &str = "unused-gpus";

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    let used = |lease: &Lease<'_>| {
        lease.figures.usage.utilization_max.is_some_and(|max| max >= evidence.idle_below)
    };
    let seen = |lease: &Lease<'_>| {
        let ratio = lease.figures.ledger.observed_ratio;
        let is_up_to_date = !lease.is_there || lease.trailing_idle_ms > 0 || used(lease);
        is_up_to_date && ratio.is_some_and(|ratio| ratio >= evidence.rules.min_observed)
    };
    let (mut from, mut to) = (0, 0);
    let mut unused: Vec<&Lease<'_>> = Vec::new();
    for leases in subject.pods().into_values() {
        // What was not seen may have been used.
        let needed = leases.iter().filter(|lease| used(lease) || !seen(lease)).count();
        (from, to) = (from.max(leases.len()), to.max(needed));
        unused.extend(leases.into_iter().filter(|lease| seen(lease) && !used(lease)));
    }
    let hours: f64 = unused.iter().map(|l| l.figures.ledger.allocated_gpu_hours).sum();
    let is_used = subject.leases.iter().any(used);
    if to == 0 || to >= from || !is_used || hours < evidence.rules.min_held_gpu_hours {
        return None;
    }
    let is_whole = subject.leases.iter().all(|lease| lease.share >= 1.0 - EPSILON);
    let is_claimed = subject
        .leases
        .iter()
        .flat_map(|lease| &lease.holders)
        .any(|&h| !evidence.attribution.holders[h].holder.claims.is_empty());
    let gpus: Vec<&str> =
        unused.iter().map(|l| evidence.attribution.devices[l.device].id.as_str()).collect();
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::High,
        evidence: [
            ("gpus_held".to_owned(), from.into()),
            ("gpus_used".to_owned(), to.into()),
            ("gpus_unused".to_owned(), gpus.into()),
        ]
        .into(),
        action: action(is_claimed, is_whole, from, to),
        leases: unused,
        freed: &|lease| Freed::waste(lease.figures),
        gives_up: true,
        change: Change::FewerGpus {
            from: u32::try_from(from).unwrap_or(u32::MAX),
            to: u32::try_from(to).unwrap_or(u32::MAX),
        },
        risk: (Risk::Medium, "the program may expect the number of GPUs that it has now"),
        neighbours: "none: nothing ran on what is given up",
        proof: None,
        refusal: None,
        basis: Basis::Measured,
    };
    Some(draft.done(subject, evidence))
}

fn action(is_claimed: bool, is_whole: bool, from: usize, to: usize) -> String {
    let verb = if is_claimed { "Claim" } else { "Request" };
    let what = match (is_whole, to) {
        (true, 1) => "GPU",
        (true, _) => "GPUs",
        (false, 1) => "part of a GPU",
        (false, _) => "parts of GPUs",
    };
    let how = match is_claimed {
        true => {
            " Neither claims nor templates can be changed: make a new ResourceClaimTemplate and point the workload at it."
        }
        false => "",
    };
    format!("{verb} {to} {what} per pod instead of {from}: the others were never used.{how}")
}
