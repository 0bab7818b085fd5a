//! # What it finds
//! A resource claim that holds devices and that no live pod uses.
//! # Why it matters
//! Nobody else can have the devices until the claim is gone, and nothing shows them as idle.
//! # How it is judged
//! By the ledger's state `stale_claim`: the claim is allocated, and no pod that is there has it reserved. `recommend`
//! proposes what `gpu-finops claims` calls left over and settled: old enough, and named by no workload that could use it
//! again, a suspended one among them.
//! # What it changes
//! Delete the claim.
//! # Limits
//! Whatever uses a claim without naming it, or by a kind of workload that is not listed, is not seen.

use super::evidence::{Evidence, Subject};
use super::proposal::{Draft, Freed, Verdict, not_judged};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};

pub(super) const NAME: &str = "stale-claim";

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    if let Some(history) = evidence.history.filter(|_| subject.is_stale_claim) {
        let key = (subject.row.namespace.clone(), subject.row.name.clone());
        match history.claims.get(&key) {
            Some(claim) if claim.class.is_leftover() && claim.settled => {}
            Some(claim) => return Some(not_judged(subject, Some(NAME), claim.why.clone())),
            None => {
                let reason = "the claim is not listed any more".to_owned();
                return Some(not_judged(subject, Some(NAME), reason));
            }
        }
    }
    let hours = subject.row.ledger.stale_claim_gpu_hours;
    let draft = || Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::High,
        leases: subject.leases.iter().collect(),
        freed: &|lease| Freed::waste(lease.figures),
        gives_up: true,
        evidence: [("stale_claim_gpu_hours".to_owned(), hours.into())].into(),
        action: "Delete the claim: it holds devices, and no pod that is there uses it.".to_owned(),
        change: Change::DeleteClaim,
        risk: (Risk::Low, "no pod uses it"),
        neighbours: "none",
        proof: None,
        refusal: None,
        basis: Basis::Measured,
    };
    let is_found = subject.is_stale_claim && hours > 0.0 && subject.there().next().is_some();
    is_found.then(|| draft().done(subject, evidence))
}
