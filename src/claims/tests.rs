//! Classes on clusters of a few objects, worked by hand.

mod money;
mod seen;

use std::collections::BTreeMap;

use super::class::Class;
use super::classify::{Classified, Surroundings, Use};
use super::contract::HolderState;
use super::usage::{Usage, Usages};
use crate::model::ClusterFacts;
use crate::model::dra::{
    AllocatedDevice, ClaimAllocation, ClaimConsumer, ClaimFact, ClaimOwner, ClaimReference,
    ClaimRequest, DeviceKey,
};
use crate::model::objects::{OwnedFact, OwnerRef, PodFact, PodPhase};
use crate::units::{MS_PER_HOUR, MS_PER_MINUTE, Millis};

const NOW: Millis = 1_795_132_800_000;
const OLD: Millis = NOW - MS_PER_HOUR;
const MIN_AGE: i64 = 10 * MS_PER_MINUTE;
/// No figures on use.
const UNMEASURED: Use<'static> = Use { of_claims: const { &Usages::new() }, idle_after_ms: 0 };

fn owner(kind: &str, name: &str) -> OwnerRef {
    OwnerRef { kind: kind.into(), name: name.into() }
}

fn pod(name: &str, phase: PodPhase) -> PodFact {
    PodFact {
        namespace: "ns".into(),
        name: name.into(),
        uid: Some(format!("uid-{name}")),
        node: (phase != PodPhase::Pending).then(|| "node-1".to_owned()),
        phase,
        ..PodFact::default()
    }
}

fn using(mut pod: PodFact, claim: &str) -> PodFact {
    pod.claims.push(claim.into());
    pod
}

fn claim() -> ClaimFact {
    ClaimFact {
        namespace: "ns".into(),
        name: "c".into(),
        uid: Some("uid-c".into()),
        created_ms: Some(OLD),
        ..ClaimFact::default()
    }
}

fn device(name: &str) -> AllocatedDevice {
    AllocatedDevice {
        request: "gpu".into(),
        key: DeviceKey {
            driver: "gpu.nvidia.com".into(),
            pool: "node-1".into(),
            device: name.into(),
        },
        admin_access: false,
        share_id: None,
        consumed: BTreeMap::new(),
    }
}

fn allocated(devices: Vec<AllocatedDevice>) -> ClaimFact {
    let allocation = ClaimAllocation { at_ms: Some(OLD), devices };
    ClaimFact { allocation: Some(allocation), ..claim() }
}

fn consumer(group: &str, resource: &str, name: &str) -> ClaimConsumer {
    ClaimConsumer {
        group: group.into(),
        resource: resource.into(),
        name: name.into(),
        uid: format!("uid-{name}"),
    }
}

fn reserved(pods: &[&str]) -> ClaimFact {
    ClaimFact {
        reserved_for: pods.iter().map(|pod| consumer("", "pods", pod)).collect(),
        ..allocated(vec![device("gpu-0")])
    }
}

/// A cluster, read from files, in which some pod and some workload were seen.
fn cluster(pods: Vec<PodFact>) -> ClusterFacts {
    let other = OwnedFact {
        namespace: "ns".into(),
        this: owner("Deployment", "web"),
        owner: None,
        uid: None,
        labels: BTreeMap::new(),
    };
    let mut pods = pods;
    pods.push(pod("bystander", PodPhase::Running));
    ClusterFacts { pods, owners: vec![other], ..ClusterFacts::default() }
}

fn classified(claim: &ClaimFact, facts: &ClusterFacts) -> Classified {
    Surroundings::new(facts, &[], UNMEASURED, NOW, MIN_AGE).classify(claim)
}

/// Class, and whether it is settled.
fn class(claim: &ClaimFact, facts: &ClusterFacts) -> (Class, bool) {
    let found = classified(claim, facts);
    (found.class, found.settled)
}

#[test]
fn active_as_long_as_one_reservation_is_alive() {
    let facts = cluster(vec![pod("a", PodPhase::Running), pod("b", PodPhase::Failed)]);
    let found = classified(&reserved(&["a"]), &facts);
    assert_eq!((found.class, found.settled), (Class::Active, true));
    assert_eq!(found.why, "reserved by Pod a");
    // Trap 4: one claim of several pods is one claim.
    let found = classified(&reserved(&["b", "a", "x"]), &facts);
    assert_eq!(found.class, Class::Active);
    assert_eq!(
        found.why,
        "reserved by Pod a; left over is the reservation by Pod b (has ended) and Pod x (is gone)"
    );
    let states: Vec<HolderState> = found.holders.iter().map(|holder| holder.state).collect();
    assert_eq!(states, [HolderState::Ended, HolderState::Running, HolderState::Gone]);
    // A bound pod that has not started holds its devices: trap 25.
    let facts = cluster(vec![PodFact { node: Some("n".into()), ..pod("a", PodPhase::Pending) }]);
    assert_eq!(class(&reserved(&["a"]), &facts), (Class::Active, true));
}

#[test]
fn trap_31_pod_groups_and_unknown_consumers_count_as_alive() {
    for (group, resource, kind) in [
        ("scheduling.k8s.io", "podgroups", "PodGroup"),
        ("example.com", "widgets", "widgets.example.com"),
        ("", "services", "services"),
    ] {
        let claim =
            ClaimFact { reserved_for: vec![consumer(group, resource, "g")], ..reserved(&[]) };
        let found = classified(&claim, &cluster(vec![]));
        assert_eq!(found.class, Class::Active, "{resource}");
        assert_eq!(found.holders[0].kind, kind);
    }
}

#[test]
fn ghost_when_every_reservation_is_of_a_pod_that_is_done() {
    let replaced = PodFact { uid: Some("another".into()), ..pod("a", PodPhase::Running) };
    let never_scheduled = PodFact { deletion_ms: Some(OLD), ..pod("a", PodPhase::Pending) };
    for (pods, part) in [
        (vec![], "Pod a (is gone)"),
        (vec![replaced], "Pod a (another one of this name is there now)"),
        (vec![pod("a", PodPhase::Succeeded)], "Pod a (has ended)"),
        (vec![never_scheduled], "Pod a (has ended)"),
    ] {
        let found = classified(&reserved(&["a"]), &cluster(pods));
        assert_eq!((found.class, found.settled), (Class::GhostReserved, true), "{part}");
        assert!(found.why.ends_with(part), "{}", found.why);
    }
    // Near misses: a pod of another namespace does not count, one being deleted on its node does.
    let elsewhere = PodFact { namespace: "other".into(), ..pod("a", PodPhase::Running) };
    assert_eq!(class(&reserved(&["a"]), &cluster(vec![elsewhere])).0, Class::GhostReserved);
    let ending = PodFact { deletion_ms: Some(NOW), ..pod("a", PodPhase::Running) };
    assert_eq!(class(&reserved(&["a"]), &cluster(vec![ending])).0, Class::Active);
    // A pod that just ended: its reservation is about to be dropped.
    let ended = PodFact { finished_ms: Some(NOW - 1_000), ..pod("a", PodPhase::Succeeded) };
    assert_eq!(class(&reserved(&["a"]), &cluster(vec![ended])), (Class::GhostReserved, false));
    // A manifest has no UID: the name is all there is.
    let manifest = PodFact { uid: None, ..pod("a", PodPhase::Running) };
    assert_eq!(class(&reserved(&["a"]), &cluster(vec![manifest])).0, Class::Active);
}

#[test]
fn zombie_while_deleted_allocated_and_reserved() {
    let deleting = |claim| ClaimFact { deletion_ms: Some(OLD), ..claim };
    let facts = cluster(vec![pod("a", PodPhase::Running)]);
    let found = classified(&deleting(reserved(&["x"])), &facts);
    assert_eq!((found.class, found.settled), (Class::ZombieDeleting, true));
    assert_eq!(found.why, "being deleted, and still allocated: reserved by Pod x (is gone)");
    assert!(found.action.contains("never strip the finalizer"), "{}", found.action);
    // Its pod still runs: that is how deleting in use goes.
    let found = classified(&deleting(reserved(&["a"])), &facts);
    assert_eq!((found.class, found.settled), (Class::ZombieDeleting, false));
    assert!(found.why.ends_with("not settled: something alive still uses it"), "{}", found.why);
    // Near misses: without a reservation, without an allocation.
    assert_eq!(class(&deleting(allocated(vec![])), &facts).0, Class::OrphanAllocated);
    assert_eq!(class(&deleting(claim()), &facts).0, Class::UnusedUnallocated);
    let fresh = ClaimFact { deletion_ms: Some(NOW - 1), ..reserved(&["x"]) };
    assert_eq!(class(&fresh, &facts), (Class::ZombieDeleting, false));
}

#[test]
fn orphan_when_allocated_and_nobody_has_or_names_it() {
    let orphan = allocated(vec![device("gpu-0")]);
    let found = classified(&orphan, &cluster(vec![]));
    assert_eq!((found.class, found.settled), (Class::OrphanAllocated, true));
    assert!(found.action.starts_with("delete it, with its UID"), "{}", found.action);
    // An allocation of no device is an allocation.
    assert_eq!(class(&allocated(vec![]), &cluster(vec![])).0, Class::OrphanAllocated);
    // Trap 31: a live pod names it; it will be reserved.
    for phase in [PodPhase::Pending, PodPhase::Running] {
        let facts = cluster(vec![using(pod("a", phase), "c")]);
        assert_eq!(class(&orphan, &facts), (Class::Active, true));
    }
    // A pod that has ended does not count, nor one that names another claim.
    for pods in [
        vec![using(pod("a", PodPhase::Failed), "c")],
        vec![using(pod("a", PodPhase::Running), "c2")],
    ] {
        assert_eq!(class(&orphan, &cluster(pods)).0, Class::OrphanAllocated);
    }
    // A pod whose group has the claim.
    let member = PodFact { pod_group: Some("g".into()), ..pod("a", PodPhase::Pending) };
    let mut facts = cluster(vec![member]);
    facts.dra.pod_group_claims.insert(("ns".into(), "g".into()), vec!["c".into()]);
    assert_eq!(class(&orphan, &facts).0, Class::Active);
    // Trap 33: a workload that sleeps names it. It holds a GPU all the same.
    let mut facts = cluster(vec![]);
    facts.dra.references = vec![reference(owner("CronJob", "nightly"), true)];
    let found = classified(&orphan, &facts);
    assert_eq!(found.class, Class::OrphanAllocated);
    assert!(found.action.starts_with("leave it to its user: CronJob nightly"), "{}", found.action);
}

fn reference(by: OwnerRef, dormant: bool) -> ClaimReference {
    ClaimReference { namespace: "ns".into(), claim: "c".into(), by, dormant }
}

#[test]
fn trap_33_pending_when_a_pod_or_any_workload_names_it() {
    let facts = cluster(vec![using(pod("a", PodPhase::Pending), "c")]);
    let found = classified(&claim(), &facts);
    assert_eq!((found.class, found.settled), (Class::Pending, true));
    assert_eq!(found.why, "not allocated; Pod a waits for it");
    for kind in ["Deployment", "StatefulSet", "CronJob", "Job", "Sandbox", "PodGroup"] {
        let mut facts = cluster(vec![]);
        facts.dra.references = vec![reference(owner(kind, "w"), true)];
        let found = classified(&claim(), &facts);
        assert_eq!(found.class, Class::Pending);
        let why = format!("not allocated; {kind} w (suspended or scaled to zero) names it");
        assert_eq!(found.why, why);
        assert!(found.action.starts_with("never clean it up"));
    }
    // Near misses: the same name in another namespace.
    let mut facts = cluster(vec![]);
    facts.dra.references =
        vec![ClaimReference { namespace: "other".into(), ..reference(owner("Job", "j"), false) }];
    assert_eq!(class(&claim(), &facts).0, Class::UnusedUnallocated);
}

#[test]
fn unused_when_unallocated_and_nothing_names_it() {
    let found = classified(&claim(), &cluster(vec![]));
    assert_eq!((found.class, found.settled), (Class::UnusedUnallocated, true));
    let young = ClaimFact { created_ms: Some(NOW - MIN_AGE + 1), ..claim() };
    assert_eq!(class(&young, &cluster(vec![])), (Class::UnusedUnallocated, false));
    let just = ClaimFact { created_ms: Some(NOW - MIN_AGE), ..claim() };
    assert_eq!(class(&just, &cluster(vec![])), (Class::UnusedUnallocated, true));
    for created_ms in [None, Some(NOW + 1), Some(Millis::MIN)] {
        let odd = ClaimFact { created_ms, ..claim() };
        assert!(!classified(&odd, &cluster(vec![])).settled, "{created_ms:?}");
    }
    // Without workloads a template may name it.
    let facts = ClusterFacts { owners: vec![], ..cluster(vec![]) };
    assert_eq!(class(&claim(), &facts), (Class::UnusedUnallocated, false));
}

#[test]
fn owner_gone_only_where_its_kind_was_listed() {
    let owned = |kind: &str, name: &str, claim| {
        let uid = format!("uid-{name}");
        ClaimFact { owner: Some(ClaimOwner { this: owner(kind, name), uid }), ..claim }
    };
    let facts = cluster(vec![pod("a", PodPhase::Running)]);
    for (kind, name, expected) in [
        ("Pod", "x", Class::OwnerGone),
        ("Pod", "a", Class::Pending),
        ("Deployment", "x", Class::OwnerGone),
        ("Deployment", "web", Class::Pending),
        // Nobody listed those.
        ("Sandbox", "x", Class::Pending),
    ] {
        assert_eq!(class(&owned(kind, name, claim()), &facts).0, expected, "{kind} {name}");
    }
    // A pod of this name with another UID is another pod: trap 20.
    let replaced = ClaimOwner { this: owner("Pod", "a"), uid: "old".into() };
    let claim_of_old = ClaimFact { owner: Some(replaced), ..claim() };
    assert_eq!(class(&claim_of_old, &facts).0, Class::OwnerGone);
    // Allocated to nobody it still is the garbage collector's; reserved, the reservation decides.
    assert_eq!(class(&owned("Pod", "x", allocated(vec![])), &facts).0, Class::OwnerGone);
    assert_eq!(class(&owned("Pod", "x", reserved(&["x"])), &facts).0, Class::GhostReserved);
    assert_eq!(class(&owned("Pod", "x", reserved(&["a"])), &facts).0, Class::Active);
}

#[test]
fn trap_29_admin_claims_hold_nothing() {
    let looking = |name| AllocatedDevice { admin_access: true, ..device(name) };
    let request = |admin_access| ClaimRequest { admin_access, ..ClaimRequest::default() };
    let facts = cluster(vec![]);
    // Whoever has it, and however it goes.
    let admin = allocated(vec![looking("gpu-0"), looking("gpu-1")]);
    assert_eq!(class(&admin, &facts), (Class::Admin, true));
    let unallocated = ClaimFact { requests: vec![request(true)], ..claim() };
    assert_eq!(class(&unallocated, &facts).0, Class::Admin);
    // Near misses: one device that is held; one request that would hold; no request at all.
    let mixed = allocated(vec![looking("gpu-0"), device("gpu-1")]);
    assert_eq!(class(&mixed, &facts).0, Class::OrphanAllocated);
    let mixed = ClaimFact { requests: vec![request(true), request(false)], ..claim() };
    assert_eq!(class(&mixed, &facts).0, Class::UnusedUnallocated);
    assert_eq!(class(&claim(), &facts).0, Class::UnusedUnallocated);
}

#[test]
fn idle_only_on_a_reports_word() {
    let facts = cluster(vec![pod("a", PodPhase::Running)]);
    let idle = Usage {
        held_gpu_hours: 24.0,
        observed_gpu_hours: 24.0,
        idle_gpu_hours: 24.0,
        idle_since: Some(NOW - 12 * MS_PER_HOUR),
        idle_ms: 12 * MS_PER_HOUR,
        always_idle: true,
        signals: vec!["gpu_util", "sm_active"],
    };
    let classified = |usage: &Usage, hours: i64, claim: &ClaimFact| {
        let of_claims = Usages::from([(("ns".into(), "c".into()), usage.clone())]);
        let usage = Use { of_claims: &of_claims, idle_after_ms: hours * MS_PER_HOUR };
        Surroundings::new(&facts, &[], usage, NOW, MIN_AGE).classify(claim)
    };
    let found = classified(&idle, 12, &reserved(&["a"]));
    assert_eq!((found.class, found.settled), (Class::IdleButReserved, true));
    assert_eq!(
        found.why,
        "reserved by Pod a; idle since 2026-11-19T12:00:00Z, for 12.0 h on each of its GPUs, by gpu_util \
         and sm_active; 24.0 of 24.0 held GPU-hours are observed"
    );
    assert_eq!(classified(&idle, 12, &reserved(&["x"])).class, Class::GhostReserved);
    let other = ClaimFact { name: "other".into(), ..reserved(&["a"]) };
    assert_eq!(classified(&idle, 12, &other).class, Class::Active);
    // Not for long enough, or not all of the time.
    assert_eq!(classified(&idle, 13, &reserved(&["a"])).class, Class::Active);
    let once_used = Usage { always_idle: false, ..idle };
    assert_eq!(classified(&once_used, 12, &reserved(&["a"])).class, Class::Active);
}
