//! What may be called absent, and what a claim is where that cannot be told.

use super::*;
use crate::model::objects::ObjectProblem;
use crate::model::{SourceState, SourceStatus};

#[test]
fn nothing_is_gone_where_pods_could_not_be_read() {
    // No pod at all: they were not printed.
    let facts = ClusterFacts { pods: vec![], ..cluster(vec![]) };
    let found = classified(&reserved(&["a"]), &facts);
    assert_eq!(found.class, Class::Active);
    assert_eq!(found.why, "reserved by Pod a (not known whether it is there)");
    assert_eq!(class(&allocated(vec![]), &facts), (Class::OrphanAllocated, false));
    // One pod could not be decoded.
    let problem =
        ObjectProblem { subject: "pods.json: Pod ns/a".into(), detail: "left out".into() };
    let facts = ClusterFacts { problems: vec![problem], ..cluster(vec![]) };
    assert_eq!(class(&reserved(&["a"]), &facts).0, Class::Active);
    assert_eq!(class(&reserved(&["b"]), &facts).0, Class::GhostReserved);
    // A live cluster that refused some pods.
    let status = |state| SourceStatus { name: "kubernetes/pods".into(), state, detail: "".into() };
    let facts = ClusterFacts { listed_at_ms: Some(NOW), ..cluster(vec![]) };
    for (state, expected) in [
        (SourceState::Ok, Class::GhostReserved),
        (SourceState::Partial, Class::Active),
        (SourceState::Failed, Class::Active),
    ] {
        let sources = [status(state)];
        let around = Surroundings::new(&facts, &sources, UNMEASURED, NOW, MIN_AGE);
        assert_eq!(around.classify(&reserved(&["a"])).class, expected, "{state:?}");
    }
}

/// Lines of a live cluster's coverage: every usual kind was listed, but for those given otherwise.
fn live_sources(otherwise: &[(&str, SourceState)]) -> Vec<SourceStatus> {
    let usual =
        ["pods", "replicasets", "deployments", "statefulsets", "daemonsets", "jobs", "cronjobs"];
    let usual = usual.iter().map(|kind| (*kind, SourceState::Ok));
    let lines: BTreeMap<&str, SourceState> = usual.chain(otherwise.iter().copied()).collect();
    lines
        .into_iter()
        .map(|(kind, state)| SourceStatus {
            name: format!("kubernetes/{kind}"),
            state,
            detail: String::new(),
        })
        .collect()
}

#[test]
fn a_live_cluster_says_what_was_listed() {
    let facts = ClusterFacts { listed_at_ms: Some(NOW), ..cluster(vec![]) };
    let class = |claim: &ClaimFact, otherwise: &[(&str, SourceState)]| {
        let sources = live_sources(otherwise);
        let found = Surroundings::new(&facts, &sources, UNMEASURED, NOW, MIN_AGE).classify(claim);
        (found.class, found.settled)
    };
    // Trap 33: a kind of workload that was not listed may name the claim.
    for (kind, state, settled) in [
        ("cronjobs", SourceState::Ok, true),
        ("cronjobs", SourceState::Empty, true),
        ("cronjobs", SourceState::Partial, false),
        ("deployments", SourceState::Failed, false),
        ("sandboxes", SourceState::Skipped, true),
        ("sandboxes", SourceState::Failed, false),
        ("scheduling.k8s.io", SourceState::Failed, false),
        ("nodes", SourceState::Failed, true),
    ] {
        let expected = (Class::UnusedUnallocated, settled);
        assert_eq!(class(&claim(), &[(kind, state)]), expected, "{kind} {state:?}");
    }
    // The Deployment `web` is the only owner there is.
    let owned = |kind: &str, name: &str| {
        let uid = "uid".to_owned();
        ClaimFact { owner: Some(ClaimOwner { this: owner(kind, name), uid }), ..claim() }
    };
    for (kind, name, otherwise, expected) in [
        ("Deployment", "x", None, Class::OwnerGone),
        ("Deployment", "web", None, Class::Pending),
        ("Deployment", "x", Some(("deployments", SourceState::Partial)), Class::Pending),
        ("StatefulSet", "x", Some(("statefulsets", SourceState::Empty)), Class::OwnerGone),
        ("Sandbox", "x", None, Class::Pending),
        ("Sandbox", "x", Some(("sandboxes", SourceState::Empty)), Class::OwnerGone),
        ("RayCluster", "x", None, Class::Pending),
    ] {
        let otherwise: Vec<(&str, SourceState)> = otherwise.into_iter().collect();
        assert_eq!(class(&owned(kind, name), &otherwise).0, expected, "{kind} {otherwise:?}");
    }
}

#[test]
fn a_claim_that_could_be_read_in_part_is_not_settled() {
    let problem = ObjectProblem {
        subject: "c.json: ResourceClaim ns/c".into(),
        detail: "status.reservedFor[0].name is missing; left out".into(),
    };
    let facts = ClusterFacts { problems: vec![problem], ..cluster(vec![]) };
    assert_eq!(class(&allocated(vec![]), &facts), (Class::OrphanAllocated, false));
}
