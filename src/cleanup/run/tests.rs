//! What is decided about an object, from what it is just now.

use serde_json::{Value, json};

use super::drift::{drift, reserved_by};
use super::exempt::{Around, Exemptions};
use super::mark::{self, Decision, Mark, Patience, mark_of};
use super::outcome::{Found, found};
use super::undo::{Undo, undo};
use crate::cleanup::contract::{Operation, Patch, Step, Still, Target};
use crate::cleanup::journal::Answered;
use crate::cleanup::plan::state::{for_creation, state};
use crate::recommend::contract::Risk;

fn deployment(replicas: u64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "a", "name": "d", "uid": "u", "resourceVersion": "5"},
        "spec": {"replicas": replicas, "template": {
            "metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c"}]},
        }},
    })
}

fn claim() -> Value {
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"namespace": "a", "name": "c", "uid": "u", "resourceVersion": "5"}, "spec": {"devices": {}},
    })
}

fn target(object: &Value) -> Target {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Target {
        api_version: text("/apiVersion").expect("text"),
        kind: text("/kind").expect("text"),
        namespace: "a".into(),
        name: text("/metadata/name").expect("text"),
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
        origin: None,
    }
}

fn replicas(from: u64, to: u64) -> json_patch::Patch {
    let operations = json!([
        {"op": "test", "path": "/spec/replicas", "value": from},
        {"op": "replace", "path": "/spec/replicas", "value": to},
    ]);
    serde_json::from_value(operations).expect("a patch")
}

fn scale() -> Step {
    let operation = Operation::Patch { forward: replicas(2, 0), inverse: replicas(0, 2) };
    Step { target: target(&deployment(2)), operation }
}

fn delete() -> Step {
    let operation = Operation::Delete { object: for_creation(&claim()) };
    Step { target: target(&claim()), operation }
}

fn create() -> Step {
    let object = for_creation(&claim());
    let target = Target { uid: None, resource_version: None, ..target(&claim()) };
    Step { target, operation: Operation::Create { object } }
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    object["metadata"][field] = value;
    object
}

#[test]
fn drift_is_a_difference_that_matters() {
    let before = state(&claim());
    let of = |now: Option<Value>, version_matters| {
        drift(&delete(), now.as_ref(), Some(&before), version_matters)
    };
    assert_eq!(of(Some(claim()), true), None);
    let later = with(claim(), "resourceVersion", json!("6"));
    assert_eq!(of(Some(later.clone()), false), None);
    assert!(of(Some(later.clone()), true).is_some_and(|why| why.contains("was written to")));
    // By our own mark.
    let marked =
        with(later, "annotations", json!({"gpu-finops.dev/marked": "x 2026-11-20T12:00:00Z 1"}));
    assert_eq!(of(Some(marked), true), None);
    for (now, says) in [
        (None, "is gone"),
        (Some(with(claim(), "uid", json!("v"))), "its UID was u, and is v"),
        (Some(with(claim(), "deletionTimestamp", json!("t"))), "is being deleted, since t"),
        (Some(with(claim(), "labels", json!({"a": "b"}))), "was changed since"),
    ] {
        assert!(of(now, false).is_some_and(|why| why.contains(says)), "{says}");
    }
    assert_eq!(drift(&create(), None, None, true), None);
    assert!(
        drift(&create(), Some(&claim()), None, true).is_some_and(|w| w.contains("there already"))
    );
    // Without a state there is nothing to compare with.
    assert!(drift(&delete(), Some(&claim()), None, false).is_some());
    let reserved = json!({"status": {"reservedFor": [{"resource": "pods", "name": "p"}, {}]}});
    assert_eq!(reserved_by(&reserved), ["pods p", "?"]);
}

#[test]
fn whether_a_write_was_stored_is_seen_on_the_object() {
    let before = state(&deployment(2));
    let of = |step: &Step, now: Option<Value>| found(step, now.as_ref(), Some(&before));
    assert_eq!(of(&scale(), Some(deployment(2))), Found::NotCommitted);
    assert_eq!(of(&scale(), Some(deployment(0))), Found::Committed);
    assert!(matches!(of(&scale(), Some(deployment(7))), Found::Unclear(_)));
    assert!(matches!(of(&scale(), None), Found::Unclear(_)));
    let other = with(deployment(0), "uid", json!("v"));
    assert!(matches!(of(&scale(), Some(other)), Found::Unclear(_)));
    // Somebody else wrote something beside it.
    let beside = with(deployment(0), "labels", json!({"a": "b"}));
    assert_eq!(of(&scale(), Some(beside)), Found::Committed);
    let beside = with(deployment(2), "labels", json!({"a": "b"}));
    assert_eq!(of(&scale(), Some(beside)), Found::NotCommitted);

    assert_eq!(of(&delete(), None), Found::Committed);
    assert_eq!(of(&delete(), Some(claim())), Found::NotCommitted);
    assert_eq!(
        of(&delete(), Some(with(claim(), "deletionTimestamp", json!("t")))),
        Found::Committed
    );
    assert_eq!(of(&delete(), Some(with(claim(), "uid", json!("v")))), Found::Committed);

    assert_eq!(of(&create(), None), Found::NotCommitted);
    assert_eq!(
        of(&create(), Some(with(claim(), "annotations", json!({"by": "us"})))),
        Found::Committed
    );
    let mut other = claim();
    other["spec"] = json!({"devices": {"requests": []}});
    other["spec"]["more"] = json!(1);
    assert_eq!(of(&create(), Some(other)), Found::Committed, "a server may add to what it stores");
    let mut object = claim();
    object["spec"] = json!({});
    let step = Step {
        operation: Operation::Create { object: json!({"spec": {"devices": {"requests": [1]}}}) },
        ..create()
    };
    assert!(matches!(of(&step, Some(object)), Found::Unclear(_)));
}

#[test]
fn a_patch_that_tests_nothing_is_judged_by_the_state() {
    let operations = json!([{"op": "replace", "path": "/spec/replicas", "value": 0}]);
    let forward = serde_json::from_value(operations).expect("a patch");
    let operations = json!([{"op": "replace", "path": "/spec/replicas", "value": 2}]);
    let inverse = serde_json::from_value(operations).expect("a patch");
    let step = Step { operation: Operation::Patch { forward, inverse }, ..scale() };
    let before = state(&deployment(2));
    assert_eq!(found(&step, Some(&deployment(2)), Some(&before)), Found::NotCommitted);
    // It is not known whether the value is ours: it is left alone.
    let undone = undo(&step, &done(Some(&deployment(0))), Some(&deployment(7)));
    assert_eq!(undone, Undo::Already);
}

fn done(object: Option<&Value>) -> Answered {
    Answered {
        of: 1,
        uid: Some("u".into()),
        resource_version: Some("6".into()),
        state: object.map(state),
        found_out: false,
    }
}

#[test]
fn taking_back() {
    let patched = done(Some(&deployment(0)));
    let Undo::Do(step) = undo(&scale(), &patched, Some(&deployment(0))) else { panic!("undone") };
    let Operation::Patch { forward, .. } = &step.operation else { panic!("a patch") };
    assert_eq!(*forward, replicas(0, 2));
    assert_eq!(undo(&scale(), &patched, Some(&deployment(2))), Undo::Already);
    assert!(matches!(undo(&scale(), &patched, Some(&deployment(7))), Undo::Refused(_)));
    assert!(matches!(undo(&scale(), &patched, None), Undo::Refused(_)));

    let Undo::Do(step) = undo(&delete(), &done(None), None) else { panic!("created again") };
    assert!(matches!(step.operation, Operation::Create { .. }) && step.target.uid.is_none());
    // By an earlier rollback.
    let again = with(claim(), "uid", json!("v"));
    assert_eq!(undo(&delete(), &done(None), Some(&again)), Undo::Already);
    let mut other = again;
    other["spec"] = json!({"devices": {"requests": []}, "x": 1});
    other["metadata"]["labels"] = json!({});
    assert_eq!(undo(&delete(), &done(None), Some(&other)), Undo::Already);
    let going = with(claim(), "deletionTimestamp", json!("t"));
    assert!(matches!(undo(&delete(), &done(None), Some(&going)), Undo::Refused(_)));

    let made = done(Some(&claim()));
    let Undo::Do(step) = undo(&create(), &made, Some(&claim())) else { panic!("deleted") };
    assert!(matches!(step.operation, Operation::Delete { .. }));
    assert_eq!(step.target.uid.as_deref(), Some("u"));
    assert_eq!(undo(&create(), &made, None), Undo::Already);
    let others = with(claim(), "uid", json!("v"));
    assert_eq!(undo(&create(), &made, Some(&others)), Undo::Already);
    let mut used = claim();
    used["status"] = json!({"reservedFor": [{"resource": "pods", "name": "p"}]});
    let Undo::Refused(why) = undo(&create(), &made, Some(&used)) else { panic!("refused") };
    assert!(why.contains("in use by pods p"), "{why}");
    let changed = with(claim(), "labels", json!({"a": "b"}));
    assert!(matches!(undo(&create(), &made, Some(&changed)), Undo::Refused(_)));
}

fn risky(risk: Risk) -> Patch {
    Patch {
        id: "idle a/d".into(),
        rule: "idle".into(),
        subject: "a/Deployment/d".into(),
        tenant: "t".into(),
        action: "scale it to 0".into(),
        evidence: Default::default(),
        risk,
        risk_note: String::new(),
        monthly_savings: None,
        monthly_gpu_hours: 1.0,
        gpus: None,
        still: Still::Found,
        steps: vec![create(), scale()],
    }
}

#[test]
fn marks_are_written_renewed_and_taken_away() {
    const HOUR: i64 = 3_600_000;
    let patience = Patience { grace_ms: 24 * HOUR, runs: 2, all: false };
    let decide =
        |risk, object: &Value, now| mark::decide(&risky(risk), Some(object), &patience, now);
    assert_eq!(decide(Risk::Low, &deployment(2), 0), Decision::Act);
    let Decision::Mark(first, due) = decide(Risk::Medium, &deployment(2), 1_000) else {
        panic!("marked")
    };
    assert_eq!(
        (first.clone(), due),
        (Mark { id: "idle_a/d".into(), since_ms: 1_000, runs: 1 }, 1_000 + 24 * HOUR)
    );
    let at = target(&deployment(2));
    let apply = |step: &Step, object: &Value, back: bool| {
        let Operation::Patch { forward, inverse } = &step.operation else { panic!("a patch") };
        let mut object = object.clone();
        json_patch::patch(&mut object, if back { inverse } else { forward }).expect("it applies");
        object
    };
    let bare = deployment(2);
    let annotated = with(deployment(2), "annotations", json!({"a": "b"}));
    for object in [&bare, &annotated] {
        let step = mark::step(&at, object, Some(&first));
        let marked = apply(&step, object, false);
        assert_eq!(mark_of(&marked), Some(first.clone()));
        assert_eq!(state(&marked), state(object));
        assert_eq!(state(&apply(&step, &marked, true)), state(object));
        assert_eq!(found(&step, Some(object), Some(&state(object))), Found::NotCommitted);
        assert_eq!(found(&step, Some(&marked), Some(&state(object))), Found::Committed);
        let gone = mark::step(&at, &marked, None);
        assert_eq!(mark_of(&apply(&gone, &marked, false)), None);
        assert_eq!(
            mark_of(&apply(&gone, &apply(&gone, &marked, false), true)),
            Some(first.clone())
        );
        // Enough runs and not enough time; enough of both; another finding; a clock that was ahead.
        let Decision::Mark(second, _) = decide(Risk::High, &marked, 2_000) else {
            panic!("marked")
        };
        assert_eq!((second.runs, second.since_ms), (2, 1_000));
        let remarked = apply(&mark::step(&at, &marked, Some(&second)), &marked, false);
        assert_eq!(mark_of(&remarked), Some(second));
        assert!(matches!(decide(Risk::High, &remarked, 24 * HOUR), Decision::Mark(..)));
        assert_eq!(decide(Risk::High, &remarked, 1_000 + 24 * HOUR), Decision::Act);
        let ahead = decide(Risk::High, &remarked, 0);
        assert!(matches!(ahead, Decision::Mark(Mark { since_ms: 0, runs: 1, .. }, _)), "{ahead:?}");
    }
    let all = Patience { all: true, ..patience };
    let low = mark::decide(&risky(Risk::Low), Some(&deployment(2)), &all, 0);
    assert!(matches!(low, Decision::Mark(..)));
    let garbage =
        with(deployment(2), "annotations", json!({"gpu-finops.dev/marked": "x yesterday 1"}));
    assert_eq!(mark_of(&garbage), None);
}

#[test]
fn selectors_of_disruption_budgets() {
    let exemptions =
        Exemptions { protected: vec![], keep_selector: vec![], keep_kinds: vec![], min_age_ms: 0 };
    let of = |selector: Value, allowed: u64, step: &Step| {
        let budget = json!({
            "metadata": {"name": "b"}, "spec": {"selector": selector}, "status": {"disruptionsAllowed": allowed},
        });
        let around = Around { budgets: std::slice::from_ref(&budget), ..Around::default() };
        exemptions.of_object(step, &deployment(2), around, 0)
    };
    let all = [
        json!({"matchLabels": {"app": "d"}}),
        json!({}),
        json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["c", "d"]}]}),
        json!({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}),
        json!({"matchExpressions": [{"key": "app", "operator": "Resembles"}]}),
    ];
    for selector in all {
        assert!(of(selector.clone(), 0, &scale()).is_some(), "{selector}");
        assert!(
            of(selector.clone(), 5, &scale()).is_some(),
            "all of its pods would end: {selector}"
        );
    }
    for selector in [
        json!({"matchLabels": {"app": "e"}}),
        json!({"matchLabels": {"app": "d", "tier": "x"}}),
        json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["d"]}]}),
    ] {
        assert_eq!(of(selector.clone(), 0, &scale()), None, "{selector}");
    }
    // One pod after the other is what a budget is for.
    let operations = json!([{"op": "add", "path": "/spec/template/spec/x", "value": 1}]);
    let forward = serde_json::from_value(operations).expect("a patch");
    let operation = Operation::Patch { forward, inverse: json_patch::Patch(vec![]) };
    let rolled = Step { operation, ..scale() };
    assert_eq!(of(json!({}), 1, &rolled), None);
    assert!(of(json!({}), 0, &rolled).is_some());
    // What belongs to a controller is the controller's.
    let owned = with(
        deployment(2),
        "ownerReferences",
        json!([{"kind": "Llm", "name": "l", "controller": true}]),
    );
    let why = exemptions.of_object(&scale(), &owned, Around::default(), 0);
    assert!(why.is_some_and(|why| why.contains("it belongs to Llm l")));
}
