//! Workloads that a pod's own controllers do not tell: those of virtual clusters and of agent sandboxes.
//!
//! vcluster writes a pod's place in the virtual cluster into annotations; its host name is never parsed
//! (long ones are hashed, trap of facts 9). A sandbox of a warm pool waits for a claim: until one takes it,
//! it is the pool's, and holds its GPU idle by design. Whose a workload is, is `tenants`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::label_view::LabelView;
use super::owners::{Workload, deployment_of};
use crate::model::objects::OwnerRef;

/// Kind of a pool of sandboxes that wait to be taken.
pub const WARM_POOL: &str = "SandboxWarmPool";
/// Kind of a request for a sandbox.
pub(super) const SANDBOX_CLAIM: &str = "SandboxClaim";
const SANDBOX: &str = "Sandbox";

const CLAIM_UID: &str = "agents.x-k8s.io/claim-uid";
const WARM_POOL_SANDBOX: &str = "agents.x-k8s.io/warm-pool-sandbox";

const VCLUSTER_LABEL: &str = "vcluster.loft.sh/managed-by";
const VCLUSTER_NAME: &str = "vcluster.loft.sh/object-name";
const VCLUSTER_OWNERS: &str = "vcluster.loft.sh/owner-references";
const VCLUSTER_OWNER_KIND: &str = "vcluster.loft.sh/owner-set-kind";

/// An owner as vcluster writes it down.
#[derive(Deserialize)]
struct VirtualOwner {
    kind: String,
    name: String,
    #[serde(default)]
    controller: bool,
}

/// The workload that a synced pod has in its virtual cluster: its controller there, else the pod by its name
/// there. `None` for a pod that was not synced. On the host such a pod belongs to the virtual cluster's
/// Service, which says nothing; where only metrics know the pod, its host name has to do.
pub(super) fn of_virtual_cluster(
    pod: &str,
    owner: Option<&OwnerRef>,
    labels: &LabelView,
    annotations: &BTreeMap<String, String>,
) -> Option<Workload> {
    let Some(name) = annotations.get(VCLUSTER_NAME).filter(|name| !name.is_empty()) else {
        let is_synced = labels.get(VCLUSTER_LABEL).is_some();
        let is_host_owned = owner.is_none_or(|o| o.kind == "Service");
        let bare = || Workload { kind: "Pod".into(), name: pod.to_owned(), owned: false };
        return (is_synced && is_host_owned).then(bare);
    };
    let Some(owner) = virtual_owner(annotations) else {
        return Some(Workload { kind: "Pod".into(), name: name.clone(), owned: true });
    };
    let owner = deployment_of(&owner, labels).unwrap_or(owner);
    Some(Workload { kind: owner.kind, name: owner.name, owned: true })
}

/// The controller, else the owner of the kind that vcluster names. An unreadable list is none.
fn virtual_owner(annotations: &BTreeMap<String, String>) -> Option<OwnerRef> {
    let all: Vec<VirtualOwner> = serde_json::from_str(annotations.get(VCLUSTER_OWNERS)?).ok()?;
    let wanted = annotations.get(VCLUSTER_OWNER_KIND);
    let all = || all.iter().filter(|o| !o.name.is_empty() && o.kind != "Node");
    let found = all()
        .find(|o| o.controller)
        .or_else(|| all().find(|o| wanted == Some(&o.kind)))
        .or_else(|| all().next())?;
    Some(OwnerRef { kind: found.kind.clone(), name: found.name.clone() })
}

/// Who a sandbox's pod works for, where its chain of controllers ends below that: the claim that took it,
/// else the pool that keeps it. `claims`: names of claims by namespace and UID. A claim or pool that only a
/// label tells of is named by the label's value.
pub(super) fn of_sandbox(
    namespace: &str,
    top: Option<&OwnerRef>,
    labels: &LabelView,
    claims: &BTreeMap<(String, String), String>,
) -> Option<OwnerRef> {
    if top.is_some_and(|t| t.kind != SANDBOX && t.kind != WARM_POOL) {
        return None;
    }
    if let Some(uid) = labels.get(CLAIM_UID) {
        let name = claims.get(&(namespace.to_owned(), uid.to_owned()));
        let name = name.map_or(uid, String::as_str).to_owned();
        return Some(OwnerRef { kind: SANDBOX_CLAIM.into(), name });
    }
    if top.is_some_and(|t| t.kind == WARM_POOL) {
        return None;
    }
    let name = labels.get(WARM_POOL_SANDBOX)?.to_owned();
    Some(OwnerRef { kind: WARM_POOL.into(), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn view(pairs: &[(&str, &str)]) -> LabelView {
        LabelView { object: map(pairs), ..LabelView::default() }
    }

    fn of(kind: &str, name: &str) -> OwnerRef {
        OwnerRef { kind: kind.into(), name: name.into() }
    }

    fn synced(labels: &LabelView, annotations: &[(&str, &str)]) -> (String, String) {
        let service = of("Service", "agent-7");
        let w = of_virtual_cluster("p-x-ns-x-vc", Some(&service), labels, &map(annotations))
            .expect("synced");
        (w.kind, w.name)
    }

    #[test]
    fn annotations_name_the_virtual_workload() {
        let owners = r#"[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-abc12","controller":true}]"#;
        let annotations = [
            (VCLUSTER_NAME, "web-abc12-x1"),
            (VCLUSTER_OWNER_KIND, "ReplicaSet"),
            (VCLUSTER_OWNERS, owners),
        ];
        let hash = view(&[("pod-template-hash", "abc12")]);
        assert_eq!(synced(&hash, &annotations), ("Deployment".into(), "web".into()));
        // Without the hash nothing says that a Deployment made the ReplicaSet.
        assert_eq!(synced(&view(&[]), &annotations), ("ReplicaSet".into(), "web-abc12".into()));
        assert_eq!(synced(&hash, &annotations[..1]), ("Pod".into(), "web-abc12-x1".into()));
        let broken = [(VCLUSTER_NAME, "p"), (VCLUSTER_OWNERS, "[{")];
        assert_eq!(synced(&hash, &broken), ("Pod".into(), "p".into()));
        let set = [
            (VCLUSTER_NAME, "db-0"),
            (VCLUSTER_OWNER_KIND, "StatefulSet"),
            (
                VCLUSTER_OWNERS,
                r#"[{"kind":"Thing","name":"t"},{"kind":"StatefulSet","name":"db"}]"#,
            ),
        ];
        assert_eq!(synced(&view(&[]), &set), ("StatefulSet".into(), "db".into()));
    }

    #[test]
    fn metrics_alone_never_make_the_hosts_service_a_workload() {
        let labels = LabelView {
            metric: map(&[("label_vcluster_loft_sh_managed_by", "agent-7")]).into(),
            ..LabelView::default()
        };
        assert_eq!(synced(&labels, &[]), ("Pod".into(), "p-x-ns-x-vc".into()));
        let other = of_virtual_cluster("p", None, &LabelView::default(), &BTreeMap::new());
        assert_eq!(other, None);
    }

    #[test]
    fn a_taken_sandbox_is_its_claims_and_a_waiting_one_its_pools() {
        let claims = BTreeMap::from([(("ns".to_owned(), "u1".to_owned()), "chat".to_owned())]);
        let named = |top: Option<&OwnerRef>, labels: &[(&str, &str)]| {
            of_sandbox("ns", top, &view(labels), &claims).map(|o| (o.kind, o.name))
        };
        let (sandbox, pool) = (of(SANDBOX, "s1"), of(WARM_POOL, "pool"));
        let taken = Some((SANDBOX_CLAIM.to_owned(), "chat".to_owned()));
        assert_eq!(named(Some(&pool), &[(CLAIM_UID, "u1"), (WARM_POOL_SANDBOX, "h")]), taken);
        assert_eq!(named(Some(&sandbox), &[(CLAIM_UID, "u2")]).expect("by label").1, "u2");
        assert_eq!(named(Some(&pool), &[]), None);
        let waiting = Some((WARM_POOL.to_owned(), "h".to_owned()));
        assert_eq!(named(Some(&sandbox), &[(WARM_POOL_SANDBOX, "h")]), waiting);
        assert_eq!(named(None, &[(WARM_POOL_SANDBOX, "h")]), waiting);
        assert_eq!(named(Some(&sandbox), &[]), None);
        // Somebody else's pod with a copied label.
        assert_eq!(named(Some(&of("Deployment", "web")), &[(CLAIM_UID, "u1")]), None);
    }
}
