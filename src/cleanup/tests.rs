use serde_json::{Value, json};

use super::build::Context;
use super::change::{Made, make};
use super::contract::{Operation, Place, Step};
use super::edits::gpus::Names;
use super::objects::{Object, Objects, Top, bare};
use super::{command, place, virtual_cluster};
use crate::recommend::contract::{Change, OffHours, Recommendation};

fn object(version: &str, kind: &str, name: &str, more: &Value) -> Value {
    let mut out = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {
            "name": name, "namespace": "a", "uid": format!("uid-{name}"), "resourceVersion": "7",
        },
    });
    for (key, value) in more.as_object().expect("a map") {
        out[key] = value.clone();
    }
    out
}

fn asking(gpus: u32) -> Value {
    json!({ "containers": [
        { "name": "main", "resources": { "limits": { "nvidia.com/gpu": gpus.to_string() } } },
    ] })
}

fn deployment(gpus: u32) -> Value {
    let spec = json!({ "replicas": 3, "template": { "spec": asking(gpus) } });
    object("apps/v1", "Deployment", "web", &json!({ "spec": spec }))
}

/// What comes of a change of the first of these objects.
fn made(change: &Change, objects: &[&Value]) -> Made {
    let index: Objects<'_> = objects.iter().map(|value| ("kubernetes/x", *value)).collect();
    let names = Names { whole: vec!["nvidia.com/gpu".to_owned()] };
    let context = Context { objects: &index, names, now: "2026-11-20T12:00:00Z".to_owned() };
    make(change, Object { origin: "kubernetes/x", value: objects[0] }, &context)
}

fn steps(change: &Change, objects: &[&Value]) -> (Vec<Step>, Option<Place>) {
    match made(change, objects) {
        Made::Steps { steps, at, .. } => (steps, at.map(|(place, _)| place)),
        Made::No { why, .. } => panic!("{why}"),
    }
}

fn refusal(change: &Change, objects: &[&Value]) -> String {
    match made(change, objects) {
        Made::Steps { steps, .. } => panic!("{steps:?}"),
        Made::No { why, check } => format!("{why} / {}", check.unwrap_or_default()),
    }
}

/// What a step changes: paths and new values.
fn changes(step: &Step) -> Vec<(String, Value)> {
    let Operation::Patch { forward, .. } = &step.operation else { panic!("{step:?}") };
    let operations = serde_json::to_value(forward).expect("JSON");
    let operations = operations.as_array().expect("a list").clone();
    let changed = operations.into_iter().filter(|o| o["op"] != "test");
    changed.map(|o| (o["path"].as_str().expect("text").to_owned(), o["value"].clone())).collect()
}

const FEWER: Change = Change::FewerGpus { from: 4, to: 2 };

#[test]
fn a_patch_knows_what_it_is_of() {
    let web = deployment(4);
    let (steps, place) = steps(&FEWER, &[&web]);
    assert_eq!((steps.len(), place), (1, None));
    let target = &steps[0].target;
    assert_eq!(target.uid.as_deref(), Some("uid-web"));
    assert_eq!(target.resource_version.as_deref(), Some("7"));
    let at = "/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu";
    assert_eq!(changes(&steps[0]), [(at.to_owned(), json!("2"))]);
    let Operation::Patch { forward, .. } = &steps[0].operation else { panic!("a patch") };
    let text = serde_json::to_string(forward).expect("JSON");
    let name = r#"{"op":"test","path":"/spec/template/spec/containers/0/name","value":"main"}"#;
    assert!(text.starts_with(&format!("[{name},")), "{text}");
}

#[test]
fn what_runs_to_its_end_is_changed_where_it_comes_from() {
    let job = |spec: Value| {
        let mut spec = spec;
        spec["template"] = json!({ "spec": asking(4) });
        object("batch/v1", "Job", "train", &json!({ "spec": spec }))
    };
    assert_eq!(steps(&FEWER, &[&job(json!({}))]).1, Some(Place::Manifest));
    assert_eq!(steps(&FEWER, &[&job(json!({ "suspend": true }))]).1, None);
    let pod = object("v1", "Pod", "alice", &json!({ "spec": asking(4) }));
    assert_eq!(steps(&FEWER, &[&pod]).1, Some(Place::Manifest));
    assert!(refusal(&Change::Release, &[&pod]).contains("kubectl delete pods alice -n a"));
    let template = json!({ "template": { "spec": asking(4) } });
    let torch = |suspend: bool| {
        let spec = json!({
            "runPolicy": { "suspend": suspend },
            "pytorchReplicaSpecs": { "Master": template, "Worker": template },
        });
        object("kubeflow.org/v1", "PyTorchJob", "torch", &json!({ "spec": spec }))
    };
    let (changed, place) = steps(&FEWER, &[&torch(true)]);
    assert_eq!((changes(&changed[0]).len(), place), (2, None));
    assert_eq!(steps(&FEWER, &[&torch(false)]).1, Some(Place::Manifest));
    let trainer =
        json!({ "trainer": { "resourcesPerNode": { "limits": { "nvidia.com/gpu": 4 } } } });
    let train =
        object("trainer.kubeflow.org/v1alpha1", "TrainJob", "t", &json!({ "spec": trainer }));
    let (changed, _) = steps(&FEWER, &[&train]);
    let at = "/spec/trainer/resourcesPerNode/limits/nvidia.com~1gpu";
    assert_eq!(changes(&changed[0]), [(at.to_owned(), json!(2))]);
}

#[test]
fn a_job_of_kueue_is_left_to_kueue() {
    let mut job = object("batch/v1", "Job", "x", &json!({ "spec": {} }));
    assert_eq!(changes(&steps(&Change::Release, &[&job]).0[0])[0].0, "/spec/suspend");
    job["metadata"]["labels"] = json!({ "kueue.x-k8s.io/queue-name": "q" });
    assert!(refusal(&Change::Release, &[&job]).contains("\"active\":false"));
}

#[test]
fn a_sandbox_is_resized_by_its_template() {
    let mut sandbox = object(
        "agents.x-k8s.io/v1beta1",
        "Sandbox",
        "s",
        &json!({ "spec": { "podTemplate": {} } }),
    );
    assert!(refusal(&FEWER, &[&sandbox]).contains("is not known"));
    sandbox["metadata"]["annotations"] = json!({ "agents.x-k8s.io/sandbox-template-ref": "tool" });
    let spec = json!({ "spec": { "podTemplate": { "spec": asking(4) } } });
    let template = object("extensions.agents.x-k8s.io/v1beta1", "SandboxTemplate", "tool", &spec);
    let (changed, _) = steps(&FEWER, &[&sandbox, &template]);
    assert_eq!(changed[0].target.kind, "SandboxTemplate");
    let (changed, _) = steps(&Change::Release, &[&sandbox]);
    assert_eq!(changes(&changed[0]), [("/spec/operatingMode".to_owned(), json!("Suspended"))]);
}

#[test]
fn whoever_scales_a_workload_is_told() {
    let web = deployment(1);
    let fewer = Change::FewerReplicas { from: 3, to: 2 };
    assert_eq!(changes(&steps(&fewer, &[&web]).0[0]), [("/spec/replicas".to_owned(), json!(2))]);
    let target = json!({ "kind": "Deployment", "name": "web" });
    let hpa = |least: u32| {
        let spec = json!({ "scaleTargetRef": target, "minReplicas": least, "maxReplicas": 9 });
        object("autoscaling/v2", "HorizontalPodAutoscaler", "h", &json!({ "spec": spec }))
    };
    let (changed, _) = steps(&fewer, &[&web, &hpa(3)]);
    assert_eq!(changed[0].target.kind, "HorizontalPodAutoscaler");
    assert_eq!(changes(&changed[0]), [("/spec/minReplicas".to_owned(), json!(2))]);
    assert!(refusal(&fewer, &[&web, &hpa(1)]).contains("would set it back"));
    // An autoscaler leaves a workload alone that has no replicas.
    assert_eq!(steps(&Change::Release, &[&web, &hpa(3)]).0[0].target.kind, "Deployment");
    let spec = json!({ "scaleTargetRef": { "name": "web" } });
    let keda = object("keda.sh/v1alpha1", "ScaledObject", "k", &json!({ "spec": spec }));
    let (changed, _) = steps(&Change::Release, &[&web, &keda]);
    assert_eq!(changed[0].target.kind, "ScaledObject");
    let off = vec![OffHours { days: "weekends".into(), from_hour: 0, to_hour: 24 }];
    let schedule = Change::Schedule { timezone: "UTC".into(), off };
    assert!(refusal(&schedule, &[&web, &keda]).contains("scales it"));
    let (changed, place) = steps(&schedule, &[&web]);
    assert!(matches!(changed[0].operation, Operation::Create { .. }));
    assert_eq!((changed[0].target.name.as_str(), place), ("web-hours", Some(Place::Operator)));
    let other = object("keda.sh/v1alpha1", "TriggerAuthentication", "x", &json!({}));
    assert_eq!(steps(&schedule, &[&web, &other]).1, None);
}

#[test]
fn no_pod_is_sent_where_it_would_wait() {
    let slice = Change::Slice {
        model: "H100".into(),
        from: "whole".into(),
        to: "1g.10gb".into(),
        share: 0.125,
        memory_bytes: 1.0,
    };
    let web = deployment(1);
    assert_eq!(steps(&slice, &[&web]).1, Some(Place::Nodes));
    let node = |n: &str| {
        let status = json!({ "allocatable": { "nvidia.com/mig-1g.10gb": n } });
        object("v1", "Node", "n", &json!({ "status": status }))
    };
    assert_eq!(steps(&slice, &[&web, &node("0")]).1, Some(Place::Nodes));
    assert_eq!(steps(&slice, &[&web, &node("7")]).1, None);
    let model = Change::Model {
        from: "H100".into(),
        to: "NVIDIA L40S".into(),
        from_per_hour: 3.0,
        to_per_hour: 1.0,
    };
    let (changed, place) = steps(&model, &[&web]);
    assert_eq!((changed.len(), place), (0, Some(Place::Nodes)));
    assert_eq!(steps(&Change::Share { pods_per_gpu: 3 }, &[&web]).1, Some(Place::Nodes));
}

#[test]
fn a_claim_that_others_name_is_not_taken_from_them() {
    let pod =
        json!({ "containers": [], "resourceClaims": [{ "name": "g", "resourceClaimName": "c" }] });
    let spec = json!({ "devices": { "requests": [
        { "name": "gpu", "exactly": { "deviceClassName": "gpu.nvidia.com", "count": 4 } },
    ] } });
    let claim = object("resource.k8s.io/v1", "ResourceClaim", "c", &json!({ "spec": spec }));
    let template = json!({ "spec": { "template": { "spec": pod } } });
    let web = object("apps/v1", "Deployment", "web", &template);
    let (changed, _) = steps(&FEWER, &[&web, &claim]);
    let kinds: Vec<&str> = changed
        .iter()
        .map(|step| match step.operation {
            Operation::Create { .. } => "create",
            Operation::Patch { .. } => "patch",
            Operation::Delete { .. } => "delete",
        })
        .collect();
    assert_eq!(kinds, ["create", "patch", "delete"]);
    assert_eq!(changed[2].target.name, "c");
    let other = object("apps/v1", "Deployment", "other", &template);
    assert!(refusal(&FEWER, &[&web, &claim, &other]).contains("Deployment a/other names it"));
    let owner = |kind: &str, name: &str| json!([{ "kind": kind, "name": name, "uid": format!("uid-{name}"), "controller": true }]);
    let mut own = object("v1", "Pod", "web-1", &json!({ "spec": pod }));
    own["metadata"]["ownerReferences"] = owner("Deployment", "web");
    assert_eq!(steps(&FEWER, &[&web, &claim, &own]).0.len(), 3);
}

#[test]
fn the_top_is_what_nobody_makes_anew() {
    let owned = |mut object: Value, kind: &str, name: &str| {
        object["metadata"]["ownerReferences"] = json!([{ "kind": kind, "name": name, "uid": format!("uid-{name}"), "controller": true }]);
        object
    };
    let web = deployment(1);
    let set = owned(object("apps/v1", "ReplicaSet", "web-1", &json!({})), "Deployment", "web");
    let pod = owned(object("v1", "Pod", "web-1-x", &json!({})), "ReplicaSet", "web-1");
    let all = [&web, &set, &pod];
    let index: Objects<'_> = all.iter().map(|value| ("", *value)).collect();
    let top = |index: &Objects<'_>, kind: &str, name: &str| match index
        .top(("a", kind, name), [("a", "web-1-x")])
    {
        Top::Here(object) => object.title(),
        Top::Owned(object, by) => format!("{} by {by}", object.title()),
        Top::Missing => "missing".to_owned(),
    };
    assert_eq!(top(&index, "Deployment", "web"), "Deployment a/web");
    assert_eq!(top(&index, "Deployment", "gone"), "Deployment a/web");
    let operated = owned(web.clone(), "NimService", "nim");
    let index: Objects<'_> = [&operated, &set].into_iter().map(|value| ("", value)).collect();
    assert_eq!(top(&index, "NimService", "nim"), "missing");
    assert_eq!(top(&index, "Deployment", "web"), "Deployment a/web by NimService nim");
    let nim = object("x/v1", "NimService", "nim", &json!({}));
    let index: Objects<'_> =
        [&nim, &operated, &set, &pod].into_iter().map(|value| ("", value)).collect();
    assert_eq!(top(&index, "Deployment", "web"), "Deployment a/web by NimService nim");
}

#[test]
fn marks_say_who_would_set_a_change_back() {
    let marked = |map: &str, key: &str, value: &str| {
        let mut web = deployment(1);
        web["metadata"][map] = json!({ key: value });
        place::elsewhere(Object { origin: "", value: &web })
    };
    let (place, note) =
        marked("annotations", "argocd.argoproj.io/tracking-id", "shop:apps/Deployment:a/web")
            .expect("marked");
    assert_eq!((place, note.contains("application shop")), (Place::Gitops, true));
    let flux = marked("labels", "kustomize.toolkit.fluxcd.io/name", "apps").expect("marked");
    assert!(flux.1.contains("Flux Kustomization flux-system/apps"), "{}", flux.1);
    assert!(marked("labels", "helm.toolkit.fluxcd.io/name", "apps").is_some());
    assert_eq!(marked("labels", "app.kubernetes.io/instance", "apps"), None);
    assert_eq!(marked("labels", "app.kubernetes.io/managed-by", "Helm"), None);
    let mut web = deployment(1);
    web["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    web["metadata"]["annotations"] = json!({ "meta.helm.sh/release-name": "shop" });
    assert_eq!(place::helm_release(&web), Some("shop"));
}

#[test]
fn what_runs_in_a_virtual_cluster_is_changed_there() {
    let mut pod = object("v1", "Pod", "web-1-x-default-x-v", &json!({ "spec": asking(4) }));
    pod["metadata"]["labels"] = json!({
        "vcluster.loft.sh/managed-by": "v", "vcluster.loft.sh/namespace": "default",
    });
    let index: Objects<'_> = [("", &pod)].into_iter().collect();
    let names = Names { whole: vec!["nvidia.com/gpu".to_owned()] };
    let context = Context { objects: &index, names, now: String::new() };
    let found = |change: Value| -> Recommendation {
        serde_json::from_value(json!({
            "id": "x", "rule": "unused-gpus", "cluster": null, "subject": "a/Deployment/web",
            "severity": "high", "confidence": 0.9, "basis": "measured", "evidence": {},
            "monthly_savings": null, "savings_kind": "capacity", "action": "do it",
            "tenant": "t", "counted": true, "excludes": [], "monthly_gpu_hours": 1.0,
            "realised_by": null, "risk": "low", "risk_note": "none", "neighbours": "none",
            "change": change, "proof": null, "refusal": null, "see_again": [],
            "rests_on": [{ "namespace": "a", "pod": "web-1-x-default-x-v", "uid": null, "gpu": "g" }],
        }))
        .expect("a recommendation")
    };
    let fewer = found(json!({ "kind": "fewer-gpus", "from": 4, "to": 2 }));
    let elsewhere = virtual_cluster::elsewhere(&fewer, &context).expect("there");
    assert_eq!(elsewhere.place, Place::Vcluster);
    assert_eq!(elsewhere.note, "in the virtual cluster v (namespace a), Deployment default/web");
    let target = &elsewhere.patch.steps[0].target;
    assert_eq!((target.namespace.as_str(), target.name.as_str()), ("default", "web"));
    assert_eq!((target.uid.as_ref(), target.origin.as_ref()), (None, None));
    let release = virtual_cluster::elsewhere(&found(json!({ "kind": "release" })), &context);
    let steps = release.expect("there").patch.steps;
    assert_eq!(changes(&steps[0]), [("/spec/replicas".to_owned(), json!(0))]);
}

#[test]
fn a_word_of_a_command_is_one_word() {
    assert_eq!(command::word("web-1.a"), "web-1.a");
    assert_eq!(command::word("a b'; rm -rf /"), r"'a b'\''; rm -rf /'");
    assert_eq!(command::word(""), "''");
    assert_eq!(command::word("a\nb"), "'a?b'");
}

#[test]
fn what_a_server_adds_is_taken_off() {
    let mut web = deployment(1);
    web["status"] = json!({ "replicas": 3 });
    web["metadata"]["finalizers"] = json!(["x"]);
    web["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a",
    });
    let bare = bare(&web);
    assert_eq!(
        bare["metadata"],
        json!({ "name": "web", "namespace": "a", "annotations": { "team": "a" } })
    );
    assert!(bare.get("status").is_none());
    assert_eq!(bare["spec"], web["spec"]);
}
