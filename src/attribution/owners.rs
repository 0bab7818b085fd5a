//! From a pod to its workload: up the chain of controllers to the topmost one.

use std::collections::BTreeMap;

use super::agents;
use super::label_view::LabelView;
use crate::model::ClusterFacts;
use crate::model::objects::OwnerRef;
use crate::observe::kube_state::KubeState;

/// No chain of controllers is longer; a longer one is a loop.
const MAX_DEPTH: usize = 12;

/// Label with which the Deployment controller ties a pod to one revision of its template.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// A workload: the topmost controller of a pod, or the pod itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    /// `Deployment`, `CronJob`, `RayCluster`, … or `Pod`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Whether a controller was found at all.
    pub owned: bool,
}

/// Controllers of controllers, from objects and from metrics. Objects win.
pub struct Owners {
    known: BTreeMap<(String, OwnerRef), Option<OwnerRef>>,
    /// Names of sandbox claims, by namespace and UID.
    sandbox_claims: BTreeMap<(String, String), String>,
}

impl Owners {
    /// Everything known.
    #[must_use]
    pub fn new(kube: &KubeState, facts: &ClusterFacts) -> Self {
        let mut known = kube.owners.clone();
        for owned in &facts.owners {
            known.insert((owned.namespace.clone(), owned.this.clone()), owned.owner.clone());
        }
        let claims = facts.owners.iter().filter(|o| o.this.kind == agents::SANDBOX_CLAIM);
        let sandbox_claims = claims
            .filter_map(|o| Some(((o.namespace.clone(), o.uid.clone()?), o.this.name.clone())))
            .collect();
        Self { known, sandbox_claims }
    }

    /// The workload of a pod.
    #[must_use]
    pub fn workload(
        &self,
        namespace: &str,
        pod: &str,
        owner: Option<&OwnerRef>,
        labels: &LabelView,
        annotations: &BTreeMap<String, String>,
    ) -> Workload {
        if let Some(workload) = agents::of_virtual_cluster(pod, owner, labels, annotations) {
            return workload;
        }
        // A static pod's owner is its node.
        let owner = owner.filter(|o| o.kind != "Node");
        let top = owner.map(|owner| self.top(namespace, owner, labels));
        let sandboxed = agents::of_sandbox(namespace, top.as_ref(), labels, &self.sandbox_claims);
        let sandboxed = sandboxed.map(|owner| self.top(namespace, &owner, labels));
        let Some(top) = sandboxed.or(top) else {
            return Workload { kind: "Pod".into(), name: pod.to_owned(), owned: false };
        };
        Workload { kind: top.kind, name: top.name, owned: true }
    }

    fn top(&self, namespace: &str, owner: &OwnerRef, labels: &LabelView) -> OwnerRef {
        let mut current = owner.clone();
        for _ in 0..MAX_DEPTH {
            // Whatever manages a pool: what waits in it is told apart from what works.
            if current.kind == agents::WARM_POOL {
                return current;
            }
            match self.known.get(&(namespace.to_owned(), current.clone())) {
                Some(Some(next)) => current = next.clone(),
                Some(None) => return current,
                None => return deployment_of(&current, labels).unwrap_or(current),
            }
        }
        current
    }
}

/// A ReplicaSet that is gone is named `<deployment>-<pod-template-hash>` by the Deployment controller.
pub(super) fn deployment_of(owner: &OwnerRef, labels: &LabelView) -> Option<OwnerRef> {
    let hash = labels.get(TEMPLATE_HASH).filter(|_| owner.kind == "ReplicaSet")?;
    let name = owner.name.strip_suffix(hash)?.strip_suffix('-')?;
    Some(OwnerRef { kind: "Deployment".into(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::objects::OwnedFact;

    fn of(kind: &str, name: &str) -> OwnerRef {
        OwnerRef { kind: kind.into(), name: name.into() }
    }

    fn owners(pairs: &[(OwnerRef, Option<OwnerRef>)]) -> Owners {
        let facts = ClusterFacts {
            owners: pairs
                .iter()
                .cloned()
                .map(|(this, owner)| OwnedFact {
                    namespace: "ns".into(),
                    this,
                    owner,
                    uid: None,
                    labels: BTreeMap::new(),
                })
                .collect(),
            ..ClusterFacts::default()
        };
        Owners::new(&KubeState::default(), &facts)
    }

    fn workload(owners: &Owners, owner: Option<&OwnerRef>, labels: &LabelView) -> (String, String) {
        let w = owners.workload("ns", "pod-1", owner, labels, &BTreeMap::new());
        (w.kind, w.name)
    }

    #[test]
    fn follows_controllers_to_the_top() {
        let known = owners(&[
            (of("Job", "nightly-1"), Some(of("CronJob", "nightly"))),
            (of("CronJob", "nightly"), None),
        ]);
        let found = workload(&known, Some(&of("Job", "nightly-1")), &LabelView::default());
        assert_eq!(found, ("CronJob".into(), "nightly".into()));
    }

    #[test]
    fn a_replica_set_that_is_gone_is_known_by_its_hash() {
        let labels = LabelView {
            object: [(TEMPLATE_HASH.into(), "abc12".into())].into(),
            ..LabelView::default()
        };
        let found = workload(&owners(&[]), Some(&of("ReplicaSet", "web-front-abc12")), &labels);
        assert_eq!(found, ("Deployment".into(), "web-front".into()));
        let found = workload(&owners(&[]), Some(&of("ReplicaSet", "web")), &LabelView::default());
        assert_eq!(found, ("ReplicaSet".into(), "web".into()));
    }

    #[test]
    fn loops_end_and_bare_pods_are_their_own_workload() {
        let looped =
            owners(&[(of("A", "a"), Some(of("B", "b"))), (of("B", "b"), Some(of("A", "a")))]);
        assert!(!workload(&looped, Some(&of("A", "a")), &LabelView::default()).0.is_empty());
        assert_eq!(workload(&looped, None, &LabelView::default()), ("Pod".into(), "pod-1".into()));
        assert_eq!(workload(&looped, Some(&of("Node", "n1")), &LabelView::default()).0, "Pod");
    }
}
