//! Pods as claims see them: whether the holder of a reservation is alive, and which live pods name a claim.

use std::collections::BTreeMap;

use super::contract::{HolderRow, HolderState};
use crate::model::ClusterFacts;
use crate::model::dra::{ClaimConsumer, ClaimFact};
use crate::model::objects::{PodFact, PodPhase};

/// API group of pod groups.
const SCHEDULING: &str = "scheduling.k8s.io";

/// The pods of a cluster, by what claims ask for.
pub(super) struct Pods<'a> {
    facts: &'a ClusterFacts,
    /// Whether an absent pod is known to be absent.
    listed: bool,
    by_name: BTreeMap<(&'a str, &'a str), Vec<&'a PodFact>>,
    /// Live pods by (namespace, claim).
    users: BTreeMap<(&'a str, &'a str), Vec<&'a PodFact>>,
}

impl<'a> Pods<'a> {
    pub(super) fn new(facts: &'a ClusterFacts, listed: bool) -> Self {
        let mut by_name: BTreeMap<(&str, &str), Vec<&PodFact>> = BTreeMap::new();
        let mut users: BTreeMap<(&str, &str), Vec<&PodFact>> = BTreeMap::new();
        for pod in &facts.pods {
            by_name.entry((&pod.namespace, &pod.name)).or_default().push(pod);
            if is_done(pod) {
                continue;
            }
            let of_group = pod.pod_group.as_ref().and_then(|group| {
                facts.dra.pod_group_claims.get(&(pod.namespace.clone(), group.clone()))
            });
            for claim in pod.claims.iter().chain(of_group.into_iter().flatten()) {
                let of_claim = users.entry((&pod.namespace, claim)).or_default();
                if !of_claim.iter().any(|known| std::ptr::eq(*known, pod)) {
                    of_claim.push(pod);
                }
            }
        }
        Self { facts, listed, by_name, users }
    }

    /// Live pods that name a claim.
    pub(super) fn users<'s>(&'s self, claim: &'s ClaimFact) -> &'s [&'a PodFact] {
        let key = (claim.namespace.as_str(), claim.name.as_str());
        self.users.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Who a claim is reserved for, each with the pod where there is one.
    pub(super) fn holders(&self, claim: &ClaimFact) -> Vec<(HolderRow, Option<&'a PodFact>)> {
        let holder = |consumer: &ClaimConsumer| {
            let (state, pod) = match consumer.is_pod() {
                true => self.pod(&claim.namespace, &consumer.name, &consumer.uid),
                // Trap 31: a PodGroup names no pod, and what else there may be is kept by the
                // claim controller for ever.
                false => (HolderState::Unknown, None),
            };
            let row = HolderRow {
                kind: kind(consumer),
                namespace: claim.namespace.clone(),
                name: consumer.name.clone(),
                uid: consumer.uid.clone(),
                state,
            };
            (row, pod)
        };
        claim.reserved_for.iter().map(holder).collect()
    }

    /// How the pod with this name and UID is.
    pub(super) fn pod(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> (HolderState, Option<&'a PodFact>) {
        let named = self.by_name.get(&(namespace, name)).map_or(&[][..], Vec::as_slice);
        // A pod without UID is a manifest: its name is all there is to go by.
        let same = named.iter().find(|pod| pod.uid.as_deref().is_none_or(|known| known == uid));
        match same {
            Some(pod) if is_done(pod) => (HolderState::Ended, Some(pod)),
            Some(pod) if pod.phase == PodPhase::Running => (HolderState::Running, Some(pod)),
            Some(pod) => (HolderState::Pending, Some(pod)),
            None if !named.is_empty() => (HolderState::Replaced, None),
            None if !self.listed || self.is_unreadable("Pod", namespace, name) => {
                (HolderState::Unknown, None)
            }
            None => (HolderState::Gone, None),
        }
    }

    /// Whether there is such an object that could not be decoded.
    pub(super) fn is_unreadable(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let subject = format!("{kind} {namespace}/{name}");
        self.facts.problems.iter().any(|problem| problem.subject.ends_with(&subject))
    }
}

/// Whether a pod is through with its claims: the claim controller drops its reservations.
fn is_done(pod: &PodFact) -> bool {
    let never_scheduled = pod.node.is_none() && pod.scheduled_ms.is_none();
    pod.phase.is_terminal() || (pod.deletion_ms.is_some() && never_scheduled)
}

fn kind(consumer: &ClaimConsumer) -> String {
    match (consumer.group.as_str(), consumer.resource.as_str()) {
        ("", "pods") => "Pod".to_owned(),
        (SCHEDULING, "podgroups") => "PodGroup".to_owned(),
        ("", resource) => resource.to_owned(),
        (group, resource) => format!("{resource}.{group}"),
    }
}
