//! Plans: their seal, what is a state, what is too much, what is never done.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::allowed;
use super::contract::{Fleet, Limits, Plan, SCHEMA_VERSION};
use super::limits::breaches;
use super::state::{canonical, for_creation, sha256, state};
use super::{CLOCK_SKEW_MS, PlanError};
use crate::cleanup::contract::{ClusterIdentity, Operation, Patch, PatchSet, Step, Still, Target};
use crate::mutation::fixed;
use crate::recommend::contract::Risk;

fn plan() -> Plan {
    let cluster = ClusterIdentity { uid: "u".into(), server: "https://k8s".into() };
    Plan {
        schema_version: SCHEMA_VERSION.into(),
        hash: String::new(),
        created_at: "2026-11-20T12:00:00Z".into(),
        expires_at: "2026-11-21T12:00:00Z".into(),
        cluster: cluster.clone(),
        fleet: Fleet { gpus: Some(8.0), objects: 20 },
        limits: Limits { max_changes: 1, max_share: 0.1, max_savings: None },
        whole: true,
        states: Vec::new(),
        changes: PatchSet {
            schema_version: "1.0".into(),
            generated_at: "2026-11-20T12:00:00Z".into(),
            tool_version: "0".into(),
            currency: "USD".into(),
            cluster: Some(cluster),
            patches: vec![patch(Some(1.0), Some(10.5))],
            elsewhere: Vec::new(),
            reported: Vec::new(),
        },
    }
    .sealed()
}

fn patch(gpus: Option<f64>, money: Option<f64>) -> Patch {
    Patch {
        id: "x".into(),
        rule: "r".into(),
        subject: "a/ResourceClaim/c".into(),
        tenant: "t".into(),
        action: "delete it".into(),
        evidence: [("share".to_owned(), json!(0.1))].into(),
        risk: Risk::Low,
        risk_note: String::new(),
        monthly_savings: money,
        monthly_gpu_hours: 730.0,
        gpus,
        still: Still::StaleClaim,
        steps: vec![Step {
            target: claim_target(),
            operation: Operation::Delete { object: claim() },
        }],
    }
}

fn claim() -> Value {
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"namespace": "a", "name": "c"}, "spec": {"devices": {}},
    })
}

fn claim_target() -> Target {
    Target {
        api_version: "resource.k8s.io/v1".into(),
        kind: "ResourceClaim".into(),
        namespace: "a".into(),
        name: "c".into(),
        uid: Some("1".into()),
        resource_version: Some("2".into()),
        origin: None,
    }
}

#[test]
fn a_plan_reads_back_whatever_the_order_of_its_members() {
    let plan = plan();
    let text = serde_json::to_string_pretty(&plan).expect("JSON");
    assert_eq!(Plan::read(&text), Ok(plan.clone()));
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(Plan::read(&canonical(&value)), Ok(plan));
}

proptest! {
    #![proptest_config(fixed(200))]

    /// A byte that is changed anywhere is found, or changes nothing.
    #[test]
    fn no_damage_goes_unseen(at in any::<prop::sample::Index>(), to in 0x20u8..0x7f) {
        let plan = plan();
        let mut bytes = serde_json::to_vec(&plan).expect("JSON");
        let at = at.index(bytes.len());
        bytes[at] = to;
        let text = String::from_utf8(bytes).expect("ASCII");
        if let Ok(read) = Plan::read(&text) {
            prop_assert_eq!(read, plan);
        }
    }
}

#[test]
fn a_plan_has_its_time() {
    let plan = plan();
    let at =
        |text: &str| chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis();
    let made = at("2026-11-20T12:00:00Z");
    assert_eq!(plan.is_current(made), Ok(()));
    assert_eq!(plan.is_current(made - CLOCK_SKEW_MS), Ok(()));
    let early = plan.is_current(made - CLOCK_SKEW_MS - 1);
    assert!(matches!(early, Err(PlanError::FromTheFuture { .. })), "{early:?}");
    let end = at("2026-11-21T12:00:00Z");
    assert_eq!(plan.is_current(end - 1), Ok(()));
    assert_eq!(plan.is_current(end), Err(PlanError::Expired("2026-11-21T12:00:00Z".into())));
}

#[test]
fn a_state_is_what_somebody_wants() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "d", "namespace": "a", "uid": "1", "resourceVersion": "7", "generation": 2,
            "managedFields": [], "annotations": {"deployment.kubernetes.io/revision": "3"},
        },
        "spec": {"replicas": 2}, "status": {"replicas": 1},
    });
    let with = |pointer: &str, value: Value| {
        let mut object = object.clone();
        *object.pointer_mut(pointer).expect("there") = value;
        state(&object)
    };
    for (pointer, value) in [
        ("/metadata/resourceVersion", json!("8")),
        ("/metadata/generation", json!(3)),
        ("/status/replicas", json!(2)),
        ("/metadata/annotations", json!({})),
        ("/metadata/annotations", json!({"gpu-finops.dev/marked": "x 2026-11-20T12:00:00Z 1"})),
    ] {
        assert_eq!(with(pointer, value), state(&object), "{pointer}");
    }
    for (pointer, value) in [
        ("/metadata/uid", json!("2")),
        ("/metadata/annotations", json!({"gpu-finops.dev/ignore": "true"})),
        ("/spec/replicas", json!(1)),
        ("/kind", json!("StatefulSet")),
    ] {
        assert_ne!(with(pointer, value), state(&object), "{pointer}");
    }
    // FIPS 180-2, appendix B.1.
    let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256("abc"), abc);
}

#[test]
fn what_is_created_again_has_nothing_of_the_server() {
    let made = for_creation(&json!({
        "metadata": {
            "name": "c", "uid": "1", "resourceVersion": "7", "creationTimestamp": "t", "labels": {"a": "b"},
            "finalizers": ["resource.kubernetes.io/delete-protection", "corp/keep"],
        },
        "spec": {}, "status": {"allocation": {}},
    }));
    let expected = json!({
        "metadata": {"name": "c", "labels": {"a": "b"}, "finalizers": ["corp/keep"]}, "spec": {},
    });
    assert_eq!(made, expected);
}

#[test]
fn limits() {
    let fleet = Fleet { gpus: Some(8.0), objects: 20 };
    let of = |patches: &[Patch], max_changes, max_share, max_savings| {
        let limits = Limits { max_changes, max_share, max_savings };
        breaches(&patches.iter().collect::<Vec<_>>(), &fleet, &limits)
    };
    let one = || patch(Some(1.0), Some(10.0));
    let unpriced = || patch(Some(1.0), None);
    assert_eq!(of(&[one(), one()], 2, 0.25, Some(20.0)), [""; 0]);
    assert_eq!(of(&[one(), one()], 1, 1.0, None).len(), 1);
    assert_eq!(
        of(&[one(), one()], 9, 0.2, None),
        ["2.0 of 8.0 GPUs (25.0%) are more than 20.0% (max-percent)"]
    );
    assert_eq!(of(&[one(), one()], 9, 1.0, Some(19.9)).len(), 1);
    // What has no price may be worth anything, and what holds no GPU nothing.
    assert_eq!(of(&[unpriced()], 9, 1.0, Some(1e9)).len(), 1);
    assert_eq!(of(&[patch(Some(0.0), None)], 9, 1.0, Some(1.0)), [""; 0]);
    let none = || patch(Some(0.0), Some(0.0));
    assert_eq!(
        of(&[none(), none(), none()], 9, 0.1, None),
        ["3 of 20 workloads and claims (15.0%) are more than 10.0% (max-percent)"]
    );
}

#[test]
fn what_is_never_done() {
    assert_eq!(allowed::refusal(&patch(None, None)), None);
    let mut other = patch(None, None);
    other.steps[0].operation = Operation::Delete { object: json!({"kind": "ResourceClaim"}) };
    assert!(allowed::refusal(&other).is_some_and(|why| why.contains("not the one named")));
    other.steps.clear();
    assert_eq!(allowed::refusal(&other).as_deref(), Some("it has no step"));
    let deployment = |path: &str| {
        let op = json!([{"op": "replace", "path": path, "value": 0}]);
        let operation = Operation::Patch {
            forward: serde_json::from_value(op).expect("a patch"),
            inverse: json_patch::Patch(Vec::new()),
        };
        let target =
            Target { api_version: "apps/v1".into(), kind: "Deployment".into(), ..claim_target() };
        let mut patch = patch(None, None);
        patch.steps = vec![Step { target, operation }];
        allowed::refusal(&patch)
    };
    for path in ["/spec/replicas", "/metadata/annotations/a", "/spec/template/metadata/finalizers"]
    {
        assert_eq!(deployment(path), None, "{path}");
    }
    for path in [
        "",
        "/metadata",
        "/metadata/finalizers/0",
        "/metadata/uid",
        "/status",
        "/status/x",
        "/kind",
    ] {
        assert!(deployment(path).is_some(), "{path}");
    }
}
