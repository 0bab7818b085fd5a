//! What of the cluster was seen: an object may only be called absent where its kind was listed in full.

use std::collections::{BTreeMap, BTreeSet};

use super::contract::HolderState;
use super::holders::Pods;
use crate::model::dra::ClaimFact;
use crate::model::objects::OwnerRef;
use crate::model::{ClusterFacts, SourceState, SourceStatus};

/// Kinds of workloads that a live cluster is asked for in full, by their source.
const WORKLOADS: &[(&str, &str)] = &[
    ("kubernetes/replicasets", "ReplicaSet"),
    ("kubernetes/deployments", "Deployment"),
    ("kubernetes/statefulsets", "StatefulSet"),
    ("kubernetes/daemonsets", "DaemonSet"),
    ("kubernetes/jobs", "Job"),
    ("kubernetes/cronjobs", "CronJob"),
];
/// The same for kinds that a cluster may be without.
const OPTIONAL: &[(&str, &str)] = &[
    ("kubernetes/podgroups", "PodGroup"),
    ("kubernetes/sandboxes", "Sandbox"),
    ("kubernetes/sandboxclaims", "SandboxClaim"),
    ("kubernetes/sandboxtemplates", "SandboxTemplate"),
    ("kubernetes/sandboxwarmpools", "SandboxWarmPool"),
];
/// Sources that stand for further workloads: groups that could not be looked into, kinds that only a cleanup lists.
const FURTHER: &[&str] = &[
    "kubernetes/scheduling.k8s.io",
    "kubernetes/agents.x-k8s.io",
    "kubernetes/extensions.agents.x-k8s.io",
    "kubernetes/further-workloads",
];
/// Owners of other kinds, read one by one.
const OWNERS: &str = "kubernetes/owners";
/// The source of pods.
const PODS: &str = "kubernetes/pods";

/// What was seen in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    /// Pods.
    pub(super) pods: bool,
    /// The workloads whose templates name claims.
    pub(super) workloads: bool,
    /// Owners that could not be read, one by namespace: what they make is seen, what they may make is not.
    unread: BTreeMap<String, String>,
    /// Kinds of owners.
    kinds: BTreeSet<String>,
}

/// How the owner of a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnerState {
    /// There is none.
    None,
    /// It exists, or its kind was not listed.
    There,
    /// It does not exist.
    Gone,
}

impl Sight {
    /// A live cluster says how each kind fared. Printed objects do not: of those, a kind counts as
    /// seen when there is any object of it.
    pub(super) fn new(facts: &ClusterFacts, sources: &[SourceStatus]) -> Self {
        if facts.listed_at_ms.is_none() {
            return Self {
                pods: !facts.pods.is_empty(),
                workloads: !facts.owners.is_empty() || !facts.dra.references.is_empty(),
                unread: BTreeMap::new(),
                kinds: facts.owners.iter().map(|owner| owner.this.kind.clone()).collect(),
            };
        }
        let state = |name: &str| sources.iter().find(|s| s.name == name).map(|s| s.state);
        let in_full =
            |name: &str| matches!(state(name), Some(SourceState::Ok | SourceState::Empty));
        let lacking =
            |name: &str| matches!(state(name), Some(SourceState::Failed | SourceState::Partial));
        let optional = OPTIONAL.iter().map(|(source, _)| source).chain(FURTHER);
        let kinds = WORKLOADS.iter().chain(OPTIONAL).filter(|(source, _)| in_full(source));
        Self {
            pods: in_full(PODS),
            workloads: WORKLOADS.iter().all(|(source, _)| in_full(source))
                && !optional.into_iter().any(|source| lacking(source)),
            unread: if lacking(OWNERS) { unread(facts) } else { BTreeMap::new() },
            kinds: kinds.map(|(_, kind)| (*kind).to_owned()).collect(),
        }
    }

    /// What of a namespace could not be read and may name a claim there; a claim is named in its own namespace only.
    pub(super) fn unread_in(&self, namespace: &str) -> Option<&str> {
        self.unread.get(namespace).map(String::as_str)
    }

    /// How the owner of a claim is. Pods are told apart by their UID, other kinds by their name: an
    /// object that was made anew under its old name counts as the owner.
    pub(super) fn owner(
        &self,
        claim: &ClaimFact,
        pods: &Pods<'_>,
        owners: &BTreeSet<(&str, &OwnerRef)>,
    ) -> OwnerState {
        let Some(owner) = &claim.owner else { return OwnerState::None };
        let gone = if owner.this.kind == "Pod" {
            let (state, _) = pods.pod(&claim.namespace, &owner.this.name, &owner.uid);
            matches!(state, HolderState::Gone | HolderState::Replaced)
        } else {
            self.kinds.contains(&owner.this.kind)
                && !owners.contains(&(claim.namespace.as_str(), &owner.this))
                && !pods.is_unreadable(&owner.this.kind, &claim.namespace, &owner.this.name)
        };
        if gone { OwnerState::Gone } else { OwnerState::There }
    }
}

/// Owners that objects name and that are not among them, but for kinds that were listed in full: those are gone.
fn unread(facts: &ClusterFacts) -> BTreeMap<String, String> {
    let read: BTreeSet<(&str, &OwnerRef)> =
        facts.owners.iter().map(|owner| (owner.namespace.as_str(), &owner.this)).collect();
    let of_pods = facts.pods.iter().map(|pod| (&pod.namespace, &pod.owner));
    let all = of_pods.chain(facts.owners.iter().map(|owned| (&owned.namespace, &owned.owner)));
    let is_listed = |kind: &str| {
        kind == "Node" || kind == "Pod" || WORKLOADS.iter().any(|(_, listed)| *listed == kind)
    };
    let mut out = BTreeMap::new();
    for (namespace, owner) in all {
        let Some(owner) = owner else { continue };
        if !is_listed(&owner.kind) && !read.contains(&(namespace.as_str(), owner)) {
            out.entry(namespace.clone())
                .or_insert_with(|| format!("{} {}", owner.kind, owner.name));
        }
    }
    out
}
