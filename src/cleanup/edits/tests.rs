use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::gpus::Names;
use super::requests::Requests;
use super::*;
use crate::cleanup::contract::Operation;
use crate::cleanup::diff;
use crate::cleanup::objects::{Object, Objects};
use crate::kinds::{KINDS, Kind};
use crate::mutation::fixed;

fn names() -> Names {
    Names { whole: vec!["nvidia.com/gpu".to_owned(), "amd.com/gpu".to_owned()] }
}

fn applied(object: &Value, patch: &json_patch::Patch) -> Result<Value, json_patch::PatchError> {
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch.0).map(|()| object)
}

fn deployment(containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "a" },
        "spec": { "replicas": 3, "template": { "spec": { "containers": containers } } },
    })
}

#[test]
fn limits_and_requests_go_together_as_they_are_written() {
    let gpus = |limit: Value, request: Value| {
        deployment(&json!([
            { "name": "side", "resources": { "limits": { "cpu": "1" } } },
            { "name": "main", "resources": {
                "limits": { "cpu": "8", "nvidia.com/gpu": limit },
                "requests": { "nvidia.com/gpu": request, "memory": "1Gi" },
            } },
        ]))
    };
    let names = names();
    assert_eq!(
        gpus::fewer(&gpus("4".into(), 4.into()), (4, 2), &names),
        Ok(gpus("2".into(), 2.into()))
    );
    let why = |object: &Value, change| gpus::fewer(object, change, &names).expect_err("refused");
    assert!(why(&gpus("4".into(), 3.into()), (4, 2)).contains("differs between limits"));
    assert!(
        why(&gpus("2".into(), 2.into()), (4, 2)).contains("none of its pod templates asks for 4")
    );
    assert!(why(&gpus("4".into(), 4.into()), (4, 4)).contains("none of its pod templates"));
    assert!(why(&gpus("many".into(), 4.into()), (4, 2)).contains("no whole number"));
    let one = json!({ "limits": { "nvidia.com/gpu": 2 } });
    let both = deployment(&json!([
        { "name": "a", "resources": one }, { "name": "b", "resources": one },
    ]));
    assert!(why(&both, (4, 2)).contains("2 containers"));
}

#[test]
fn ray_is_told_of_as_many_as_it_has() {
    let group = |gpus: &str, told: &str| {
        json!({
            "groupName": "g", "replicas": 2, "rayStartParams": { "num-gpus": told },
            "template": { "spec": { "containers": [
                { "name": "worker", "resources": { "limits": { "nvidia.com/gpu": gpus } } },
            ] } },
        })
    };
    let ray = |groups: Value| {
        json!({
            "apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": { "name": "r" },
            "spec": { "workerGroupSpecs": groups },
        })
    };
    let before = ray(json!([group("4", "4"), group("4", "2"), group("1", "1")]));
    let after = ray(json!([group("2", "2"), group("2", "2"), group("1", "1")]));
    assert_eq!(gpus::fewer(&before, (4, 2), &names()), Ok(after));
}

#[test]
fn what_ends_before_the_rest_begins_asks_for_no_more() {
    let mut object = deployment(&json!([
        { "name": "main", "resources": { "limits": { "nvidia.com/gpu": "4" } } },
    ]));
    let ask = |n: &str| json!({ "limits": { "nvidia.com/gpu": n } });
    object["spec"]["template"]["spec"]["initContainers"] = json!([
        { "name": "big", "resources": ask("4") }, { "name": "small", "resources": ask("1") },
    ]);
    let after = gpus::fewer(&object, (4, 2), &names()).expect("possible");
    let of = |n: usize| {
        let at = format!("/spec/template/spec/initContainers/{n}/resources/limits/nvidia.com~1gpu");
        after.pointer(&at).and_then(Value::as_str).map(ToOwned::to_owned)
    };
    assert_eq!((of(0).as_deref(), of(1).as_deref()), (Some("2"), Some("1")));
    // One that goes on running has its GPUs beside the others.
    object["spec"]["template"]["spec"]["initContainers"][1]["restartPolicy"] = "Always".into();
    assert!(gpus::fewer(&object, (4, 2), &names()).is_err());
}

#[test]
fn a_card_becomes_an_instance_in_its_place() {
    let object = deployment(&json!([{ "name": "main", "resources": {
        "limits": { "cpu": "8", "nvidia.com/gpu": "1", "memory": "2Gi" },
    } }]));
    let after = gpus::slice(&object, ("whole", "1g.10gb+me"), &names()).expect("possible");
    let limits = &after["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits.to_string(), r#"{"cpu":"8","nvidia.com/mig-1g.10gb.me":"1","memory":"2Gi"}"#);
    let smaller = gpus::slice(&after, ("1g.10gb+me", "1g.5gb"), &names()).expect("possible");
    assert!(smaller.to_string().contains("nvidia.com/mig-1g.5gb"));
    assert!(gpus::slice(&object, ("2g.20gb", "1g.5gb"), &names()).is_err());
}

#[test]
fn every_kind_is_put_to_sleep_in_its_way() {
    let of = |version: &str, kind: &str, spec: Value| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "x" }, "spec": spec });
    let now = "2026-11-20T12:00:00Z";
    for (object, at, expected) in [
        (of("apps/v1", "Deployment", json!({ "replicas": 2 })), "/spec/replicas", json!(0)),
        (of("apps/v1", "StatefulSet", json!({})), "/spec/replicas", json!(0)),
        (of("batch/v1", "CronJob", json!({ "suspend": false })), "/spec/suspend", json!(true)),
        (of("ray.io/v1", "RayCluster", json!({})), "/spec/suspend", json!(true)),
        (of("kubeflow.org/v1", "PyTorchJob", json!({})), "/spec/runPolicy/suspend", json!(true)),
        (
            of("kubeflow.org/v1", "Notebook", json!({})),
            "/metadata/annotations/kubeflow-resource-stopped",
            json!(now),
        ),
        (
            of("serving.kserve.io/v1beta1", "InferenceService", json!({ "predictor": {} })),
            "/spec/predictor/minReplicas",
            json!(0),
        ),
        (
            of("agents.x-k8s.io/v1beta1", "Sandbox", json!({ "operatingMode": "Running" })),
            "/spec/operatingMode",
            json!("Suspended"),
        ),
        (of("agents.x-k8s.io/v1alpha1", "Sandbox", json!({})), "/spec/replicas", json!(0)),
        (
            of("extensions.agents.x-k8s.io/v1beta1", "SandboxWarmPool", json!({ "replicas": 5 })),
            "/spec/replicas",
            json!(0),
        ),
    ] {
        let after = sleep::asleep(&object, now).expect("possible");
        assert_eq!(after.pointer(at), Some(&expected), "{object}");
        assert!(sleep::asleep(&after, now).is_err(), "it sleeps: {after}");
    }
    assert!(sleep::asleep(&of("v1", "Pod", json!({})), now).is_err());
    assert!(sleep::asleep(&of("x/v1", "Odd", json!({})), now).is_err());
}

#[test]
fn only_fewer_replicas_are_fewer() {
    let object = deployment(&json!([]));
    assert_eq!(sleep::scaled(&object, 2).expect("possible")["spec"]["replicas"], 2);
    assert!(sleep::scaled(&object, 3).is_err());
    let mut odd = object;
    odd["spec"]["replicas"] = "{{ .Values.n }}".into();
    assert!(sleep::scaled(&odd, 1).is_err());
}

#[test]
fn containers_keep_their_parts_of_what_a_pod_asks_for() {
    let object = deployment(&json!([
        { "name": "a", "resources": {
            "requests": { "cpu": "3", "memory": "3Gi" }, "limits": { "cpu": "3", "memory": "3Gi" },
        } },
        { "name": "b", "resources": { "requests": { "cpu": "1000m", "memory": "1Gi" } } },
    ]));
    let gi = 1024.0 * 1024.0 * 1024.0;
    let change = Requests { cpu_millicores: (4000.0, 1000.0), memory_bytes: (4.0 * gi, 8.0 * gi) };
    let after = requests::asking(&object, &change).expect("possible");
    let containers = &after["spec"]["template"]["spec"]["containers"];
    assert_eq!(
        containers[0]["resources"],
        json!({
            "requests": { "cpu": "750m", "memory": "6Gi" }, "limits": { "cpu": "3", "memory": "6Gi" },
        })
    );
    assert_eq!(containers[1]["resources"]["requests"], json!({ "cpu": "250m", "memory": "2Gi" }));
    let other = Requests { cpu_millicores: (9000.0, 1000.0), memory_bytes: (gi, gi) };
    assert!(requests::asking(&object, &other).is_err());
    assert_eq!((requests::cpu(1999.5), requests::cpu(0.2)), ("2".to_owned(), "1m".to_owned()));
    assert_eq!(requests::memory(1.5 * gi), "1536Mi");
    assert_eq!(requests::memory(1.0), "1Mi");
}

#[test]
fn a_derived_name_stays_short_and_says_what_it_is_from() {
    let (one, two) = (json!({ "a": 1, "b": [2] }), json!({ "b": [2], "a": 1 }));
    let name = claims::derived_name("two-h100", &one);
    assert_eq!(name, claims::derived_name("two-h100", &two), "whatever the order");
    assert_eq!(name, claims::derived_name(&name, &one), "it does not grow");
    assert_ne!(name, claims::derived_name("two-h100", &json!({ "a": 2 })));
    assert!(name.starts_with("two-h100-rs") && name.len() == "two-h100-rs".len() + 8);
    assert_eq!(claims::derived_name(&"x".repeat(300), &one).len(), 253);
}

#[test]
fn pods_are_sent_to_nodes_that_are_there() {
    let node = |model: &str, taints: Value| {
        json!({ "kind": "Node", "metadata": { "labels": {
            "nvidia.com/gpu.product": model, "cloud.google.com/gke-spot": "true",
        } }, "spec": { "taints": taints } })
    };
    let taint = json!([
        { "key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule" },
        { "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" },
    ]);
    let (a, b) = (node("NVIDIA-H100-80GB-HBM3", json!([])), node("NVIDIA-L40S", taint));
    let nodes: Vec<Object<'_>> =
        [&a, &b].into_iter().map(|value| Object { origin: "", value }).collect();
    assert_eq!(nodes::of_model("NVIDIA B200", &nodes), None);
    let pool = nodes::of_model("NVIDIA L40S", &nodes).expect("there");
    let object = deployment(&json!([
        { "name": "main", "resources": { "limits": { "nvidia.com/gpu": 1 } } },
    ]));
    let after = nodes::moved(&object, &pool, &|_| true).expect("possible");
    let spec = &after["spec"]["template"]["spec"];
    assert_eq!(spec["nodeSelector"]["nvidia.com/gpu.product"], "NVIDIA-L40S");
    assert_eq!(
        spec["tolerations"],
        json!([{
            "key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule",
        }])
    );
    assert!(nodes::moved(&object, &pool, &|_| false).is_err());
    assert!(nodes::moved(&after, &pool, &|_| true).is_err(), "it is there already");
    assert!(nodes::spot(&nodes).is_some() && nodes::spot(&[]).is_none());
}

/// Claims of a workload, and the templates that they are made from.
fn claimed(counts: &[u64], kind: &str) -> (Value, Vec<Value>) {
    let claim = |i: usize| format!("claim-{i}");
    let entries: Vec<Value> = (0..counts.len())
        .map(|i| json!({ "name": format!("g{i}"), format!("{}Name", kind[..1].to_lowercase() + &kind[1..]): claim(i) }))
        .collect();
    let mut workload = deployment(&json!([{ "name": "main" }]));
    workload["spec"]["template"]["spec"]["resourceClaims"] = entries.into();
    let object = |(i, count): (usize, &u64)| {
        let devices = json!({ "devices": { "requests": [
            { "name": "gpu", "exactly": { "deviceClassName": "gpu.nvidia.com", "count": count } },
        ] } });
        let spec = if kind == "ResourceClaim" { devices } else { json!({ "spec": devices }) };
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": kind, "spec": spec,
            "metadata": { "name": claim(i), "namespace": "a", "uid": format!("u{i}") },
            "status": { "allocation": {} },
        })
    };
    (workload, counts.iter().enumerate().map(object).collect())
}

#[test]
fn another_count_is_another_template() {
    let (workload, others) = claimed(&[4, 1], "ResourceClaimTemplate");
    let objects: Objects<'_> = others.iter().map(|value| ("", value)).collect();
    let object = Object { origin: "", value: &workload };
    let by = claims::fewer(object, (5, 3), &objects).expect("possible");
    let [(new, old)] = by.created.as_slice() else { panic!("{by:?}") };
    assert_eq!(old.name(), "claim-0");
    assert_eq!(new.pointer("/spec/spec/devices/requests/0/exactly/count"), Some(&json!(2)));
    assert!(new.get("status").is_none() && new.pointer("/metadata/uid").is_none());
    let entries = &by.after["spec"]["template"]["spec"]["resourceClaims"];
    assert_eq!(entries[0]["resourceClaimTemplateName"], new["metadata"]["name"]);
    assert_eq!(entries[1]["resourceClaimTemplateName"], "claim-1");
    assert!(by.left_over.is_empty(), "others may use the template");
    // Once it is there, it is only pointed at.
    let again: Objects<'_> = others.iter().chain([new]).map(|value| ("", value)).collect();
    assert!(claims::fewer(object, (5, 3), &again).expect("possible").created.is_empty());

    let (workload, others) = claimed(&[2], "ResourceClaim");
    let objects: Objects<'_> = others.iter().map(|value| ("", value)).collect();
    let by = claims::fewer(Object { origin: "", value: &workload }, (2, 1), &objects);
    let by = by.expect("possible");
    assert_eq!(by.created[0].0.pointer("/spec/devices/requests/0/exactly/count"), Some(&json!(1)));
    assert_eq!(by.left_over.iter().map(Object::name).collect::<Vec<_>>(), ["claim-0"]);
}

#[test]
fn what_a_claim_asks_for_is_not_guessed() {
    let refused = |counts: &[u64], change, edit: &dyn Fn(&mut Value)| {
        let (workload, mut others) = claimed(counts, "ResourceClaimTemplate");
        others.iter_mut().for_each(edit);
        let objects: Objects<'_> = others.iter().map(|value| ("", value)).collect();
        claims::fewer(Object { origin: "", value: &workload }, change, &objects)
            .expect_err("refused")
    };
    assert!(refused(&[2, 2], (4, 3), &|_| ()).contains("2 requests share"));
    assert!(refused(&[2], (4, 3), &|_| ()).contains("none of its pod templates"));
    assert!(refused(&[2], (2, 0), &|_| ()).contains("none of its pod templates"));
    let request = "/spec/spec/devices/requests/0";
    assert!(
        refused(&[2], (2, 1), &|o| {
            *o.pointer_mut(request).expect("there") = json!({ "name": "x", "firstAvailable": [] });
        })
        .contains("firstAvailable")
    );
    assert!(
        refused(&[2], (2, 1), &|o| {
            o.pointer_mut(request).expect("there")["exactly"]["allocationMode"] = "All".into();
        })
        .contains("all devices")
    );
    let gone = |o: &mut Value| o["metadata"]["name"] = "other".into();
    assert!(refused(&[2], (2, 1), &gone).contains("was not read"));
}

fn quantity() -> impl Strategy<Value = Value> {
    prop_oneof![(1u32..5).prop_map(|n| n.to_string().into()), (1u32..5).prop_map(Value::from)]
}

fn container() -> impl Strategy<Value = Value> {
    let resource = select(vec!["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.10gb", "cpu"]);
    (0u32..4, resource, quantity(), any::<[bool; 3]>()).prop_map(|(name, resource, n, on)| {
        let mut resources = json!({});
        for (map, is_on) in [("limits", on[0]), ("requests", on[1])] {
            if is_on {
                resources[map] = json!({ "cpu": "2", "memory": "1Gi", resource: n });
            }
        }
        let mut out = json!({ "image": "x", "resources": resources });
        if on[2] {
            out["name"] = format!("c{name}").into();
        }
        out
    })
}

/// An object of any kind, with what its table says there may be.
fn workload() -> impl Strategy<Value = Value> {
    let kinds: Vec<&'static Kind> = KINDS.iter().collect();
    let containers = || proptest::collection::vec(container(), 0..3);
    (select(kinds), containers(), containers(), 0u32..6, any::<[bool; 4]>(), "[a-z/~. ]{0,6}")
        .prop_map(|(kind, containers, init, replicas, on, label)| {
            let version = match kind.group {
                "" => "v1".to_owned(),
                group => format!("{group}/{}", if on[0] { "v1" } else { "v1alpha1" }),
            };
            let mut object = json!({
                "apiVersion": version, "kind": kind.kind,
                "metadata": { "name": "x", "namespace": "a", "uid": "u", "resourceVersion": "7" },
                "spec": {},
            });
            if on[1] {
                object["metadata"]["annotations"] = json!({ label.clone(): "y" });
            }
            for template in kind.templates {
                let spec = json!({
                    "containers": containers, "initContainers": init,
                    "nodeSelector": { label.clone(): "z" },
                });
                let at = template.at.replace('*', "0");
                let at = if template.inlined { at } else { format!("{at}/spec") };
                let is_put = super::put(&mut object, &at, spec)
                    && (!on[2]
                        || template.replicas.is_empty()
                        || super::put(
                            &mut object,
                            &template.replicas.replace('*', "0"),
                            replicas.into(),
                        ));
                assert!(is_put, "{at}");
            }
            if on[3] {
                object["status"] = json!({ "replicas": replicas });
            }
            object
        })
}

proptest! {
    #![proptest_config(fixed(400))]

    /// Forward and back is where it was, for every edit; and another value in place of one that is replaced, or another
    /// element of a list, is refused.
    #[test]
    fn every_edit_can_be_undone(object in workload(), from in 1u32..9, to in 0u32..4, cpu in 1u32..9) {
        let names = names();
        let node = json!({ "metadata": { "labels": { "nvidia.com/gpu.product": "NVIDIA-L40S" } },
            "spec": { "taints": [{ "key": "k", "effect": "NoSchedule" }] } });
        let pool = nodes::of_model("NVIDIA L40S", &[Object { origin: "", value: &node }]).expect("there");
        let asked = 2000.0 * f64::from(cpu);
        let change = Requests { cpu_millicores: (asked, asked / 3.0), memory_bytes: (1e9, 1e9) };
        let edits = [
            gpus::fewer(&object, (from, to), &names),
            gpus::slice(&object, ("whole", "1g.10gb"), &names),
            sleep::asleep(&object, "2026-11-20T12:00:00Z"),
            sleep::scaled(&object, to),
            requests::asking(&object, &change),
            nodes::moved(&object, &pool, &|_| true),
        ];
        for after in edits.into_iter().flatten() {
            let Some(Operation::Patch { forward, inverse }) = diff::patch(&object, &after) else {
                prop_assert_eq!(&object, &after);
                continue;
            };
            prop_assert_eq!(&applied(&object, &forward).expect("it fits"), &after);
            prop_assert_eq!(&applied(&after, &inverse).expect("it fits"), &object);
            for test in forward.0.iter().filter_map(|o| match o {
                json_patch::PatchOperation::Test(test) => Some(test),
                _ => None,
            }) {
                let mut other = object.clone();
                *other.pointer_mut(test.path.as_str()).expect("there") = "somebody else's".into();
                prop_assert!(applied(&other, &forward).is_err());
            }
            for operation in &forward.0 {
                if let json_patch::PatchOperation::Replace(replace) = operation {
                    let mut other = object.clone();
                    *other.pointer_mut(replace.path.as_str()).expect("there") = "drift".into();
                    prop_assert!(applied(&other, &forward).is_err());
                }
            }
        }
    }

    /// The same of any two values.
    #[test]
    fn any_difference_can_be_undone(a in workload(), b in workload()) {
        prop_assert_eq!(&applied(&a, &diff::guarded(&a, &b)).expect("it fits"), &b);
        prop_assert_eq!(&applied(&b, &diff::guarded(&b, &a)).expect("it fits"), &a);
    }
}
