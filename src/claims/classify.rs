//! What a claim is looked at against: the cluster around it, and what may be called absent there.
//!
//! Which class follows is `rules`.

use std::collections::{BTreeMap, BTreeSet};

use super::class::Class;
use super::contract::HolderRow;
use super::holders::Pods;
use super::rules::About;
use super::sight::Sight;
use super::usage::{Usage, Usages};
use crate::model::dra::{ClaimFact, ClaimReference};
use crate::model::objects::{OwnerRef, PodFact};
use crate::model::{ClusterFacts, SourceStatus};
use crate::units::{MS_PER_SECOND, Millis};

/// How claims were used, and from when on that makes one idle.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// Usage; empty without figures.
    pub of_claims: &'a Usages,
    /// Idle time from which on a claim counts as idle, milliseconds.
    pub idle_after_ms: i64,
}

impl<'a> Use<'a> {
    /// What is known of a claim.
    #[must_use]
    pub fn of(&self, claim: &ClaimFact) -> Option<&'a Usage> {
        self.of_claims.get(&(claim.namespace.clone(), claim.name.clone()))
    }

    /// The usage of a claim whose GPUs did nothing for long enough: each was observed and idle for all
    /// of the time that it was held.
    pub(super) fn idle(&self, claim: &ClaimFact) -> Option<&'a Usage> {
        self.of(claim).filter(|usage| usage.always_idle && usage.idle_ms >= self.idle_after_ms)
    }
}

/// The class of a claim, and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// Class.
    pub class: Class,
    /// Whether it may be relied upon.
    pub settled: bool,
    /// Why it is of this class.
    pub why: String,
    /// What a cleanup would do, or why nothing may be done.
    pub action: String,
    /// Who the claim is reserved for.
    pub holders: Vec<HolderRow>,
}

/// All that a claim is looked at against.
pub struct Surroundings<'a> {
    pub(super) now_ms: Millis,
    pub(super) min_age_ms: i64,
    pub(super) usage: Use<'a>,
    pub(super) sight: Sight,
    pub(super) pods: Pods<'a>,
    owners: BTreeSet<(&'a str, &'a OwnerRef)>,
    references: BTreeMap<(&'a str, &'a str), Vec<&'a ClaimReference>>,
}

impl<'a> Surroundings<'a> {
    /// The cluster at `now_ms`. A leftover younger than `min_age_ms` is not settled. Without figures
    /// on use `usage` is empty, and whatever is reserved by something alive is active.
    #[must_use]
    pub fn new(
        facts: &'a ClusterFacts,
        sources: &[SourceStatus],
        usage: Use<'a>,
        now_ms: Millis,
        min_age_ms: i64,
    ) -> Self {
        let sight = Sight::new(facts, sources);
        let mut references: BTreeMap<(&str, &str), Vec<&ClaimReference>> = BTreeMap::new();
        for reference in &facts.dra.references {
            let key = (reference.namespace.as_str(), reference.claim.as_str());
            references.entry(key).or_default().push(reference);
        }
        Self {
            now_ms,
            min_age_ms,
            usage,
            pods: Pods::new(facts, sight.pods),
            owners: facts.owners.iter().map(|o| (o.namespace.as_str(), &o.this)).collect(),
            references,
            sight,
        }
    }

    /// Whether pods were listed, so that an absent one is gone.
    #[must_use]
    pub const fn pods_are_known(&self) -> bool {
        self.sight.pods
    }

    /// Whether the workloads whose templates may name a claim were listed.
    #[must_use]
    pub const fn workloads_are_known(&self) -> bool {
        self.sight.workloads
    }

    /// Why a claim of a namespace may be named by a workload that is not seen.
    #[must_use]
    pub fn doubt_about_workloads(&self, namespace: &str) -> Option<&'static str> {
        if !self.workloads_are_known() {
            return Some("not all workloads could be listed, and one may name it");
        }
        self.sight
            .unread_in(namespace)
            .map(|_| "what makes pods in its namespace could not be read, and may name it")
    }

    /// What makes pods in a namespace and could not be read, as `Kind name`.
    #[must_use]
    pub fn unread_in(&self, namespace: &str) -> Option<&str> {
        self.sight.unread_in(namespace)
    }

    /// Live pods that have a claim reserved or name it.
    #[must_use]
    pub fn live_pods(&self, claim: &ClaimFact) -> Vec<&'a PodFact> {
        let reserved = self.pods.holders(claim).into_iter();
        let mut pods: Vec<&PodFact> =
            reserved.filter(|(row, _)| row.state.is_alive()).filter_map(|(_, pod)| pod).collect();
        for user in self.pods.users(claim) {
            if !pods.iter().any(|pod| std::ptr::eq(*pod, *user)) {
                pods.push(user);
            }
        }
        pods
    }

    /// The class of a claim.
    #[must_use]
    pub fn classify(&self, claim: &ClaimFact) -> Classified {
        let holders = self.pods.holders(claim);
        About {
            around: self,
            claim,
            users: self.pods.users(claim),
            references: self
                .references
                .get(&(claim.namespace.as_str(), claim.name.as_str()))
                .map_or(&[], Vec::as_slice),
            owner: self.sight.owner(claim, &self.pods, &self.owners),
            since_ms: since(claim, &holders),
            holders: holders.into_iter().map(|(row, _)| row).collect(),
        }
        .classified()
    }
}

/// Since when a claim is what it is, as far as its timestamps go.
fn since(claim: &ClaimFact, holders: &[(HolderRow, Option<&PodFact>)]) -> Option<Millis> {
    let ended = holders.iter().filter_map(|(_, pod)| pod.and_then(|pod| pod.finished_ms));
    let allocated = claim.allocation.as_ref().and_then(|allocation| allocation.at_ms);
    ended.chain([claim.created_ms, allocated, claim.deletion_ms].into_iter().flatten()).max()
}

/// Seconds since a claim was made; `None` when that is not known or in the future.
#[must_use]
pub fn age_seconds(claim: &ClaimFact, now_ms: Millis) -> Option<f64> {
    let age = now_ms.checked_sub(claim.created_ms?)?;
    #[expect(clippy::cast_precision_loss, reason = "whole seconds of a claim's life are exact")]
    let seconds = age.div_euclid(MS_PER_SECOND) as f64;
    (age >= 0).then_some(seconds)
}
