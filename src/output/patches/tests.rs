use serde_json::{Value, json};

use super::*;
use crate::cleanup::contract::{Elsewhere, Reported, SCHEMA_VERSION, Still};
use crate::cleanup::diff;
use crate::cleanup::objects::{Object, bare};
use crate::recommend::contract::Risk;

fn workload(version: &str, kind: &str) -> Value {
    json!({
        "apiVersion": version, "kind": kind,
        "metadata": { "name": "n", "namespace": "y", "uid": "u", "resourceVersion": "7" },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [
            { "name": "side" },
            { "name": "it's", "resources": { "limits": { "nvidia.com/gpu": "1", "cpu": "1" } } },
        ] } } },
    })
}

fn step(before: &Value) -> Step {
    let mut after = before.clone();
    let limits = &mut after["spec"]["template"]["spec"]["containers"][1]["resources"]["limits"];
    *limits = json!({ "nvidia.com/mig-1g.10gb": "1", "cpu": "1" });
    after["spec"]["replicas"] = 0.into();
    let operation = diff::patch(before, &after).expect("a change");
    Step { target: Object { origin: "kubernetes/x", value: before }.target(), operation }
}

fn patch(id: &str, steps: Vec<Step>) -> Patch {
    Patch {
        id: id.to_owned(),
        rule: "never-used".to_owned(),
        subject: "y/Deployment/n".to_owned(),
        tenant: "t".to_owned(),
        action: "Do it.\nrm -rf /".to_owned(),
        evidence: [("idle_gpu_hours".to_owned(), json!(7.5))].into(),
        risk: Risk::Medium,
        risk_note: "it starts again".to_owned(),
        monthly_savings: Some(1_000.0),
        monthly_gpu_hours: 300.0,
        gpus: Some(1.0),
        still: Still::Found,
        steps,
    }
}

fn claim() -> Value {
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "spec": { "devices": {} },
        "metadata": { "name": "old", "namespace": "y", "uid": "c", "resourceVersion": "9" },
    })
}

fn set() -> PatchSet {
    let claim = claim();
    let delete = Step {
        target: Object { origin: "kubernetes/x", value: &claim }.target(),
        operation: Operation::Delete { object: bare(&claim) },
    };
    let created = workload("keda.sh/v1alpha1", "ScaledObject");
    let mut target = Object { origin: "", value: &created }.target();
    (target.uid, target.resource_version) = (None, None);
    let create = Step { target, operation: Operation::Create { object: bare(&created) } };
    PatchSet {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: "2026-11-20T12:00:00Z".to_owned(),
        tool_version: "1".to_owned(),
        currency: "USD".to_owned(),
        cluster: None,
        patches: vec![
            patch("one", vec![step(&workload("apps/v1", "Deployment"))]),
            patch("two", vec![delete, create]),
            patch("ray", vec![step(&workload("ray.io/v1", "RayCluster"))]),
        ],
        elsewhere: vec![Elsewhere {
            place: Place::Gitops,
            note: "in Git".to_owned(),
            patch: patch("git", vec![step(&workload("apps/v1", "StatefulSet"))]),
        }],
        reported: vec![Reported {
            id: "r".to_owned(),
            subject: "y/Pod/p".to_owned(),
            why: "it is a pod".to_owned(),
            check: Some("kubectl delete pod p".to_owned()),
        }],
    }
}

fn text(format: PatchFormat) -> String {
    let options = RenderOptions { width: 200, ..RenderOptions::default() };
    String::from_utf8(render_patches(&set(), format, &options).expect("rendered")).expect("UTF-8")
}

#[test]
fn people_see_what_is_done_and_what_is_left() {
    let text = text(PatchFormat::Table);
    for part in [
        "3 changes save",
        "1 more belongs elsewhere",
        "Nothing was changed",
        "never-used y/Deployment/n",
        "delete ResourceClaim y/old",
        "create ScaledObject y/n",
        "idle 7.5",
        "It belongs in Git",
        "kubectl delete pod p",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_patch_of_a_built_in_kind_is_merged_by_names() {
    let text = text(PatchFormat::Yaml);
    let documents: Vec<Value> = text
        .split("---\n")
        .skip(1)
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect();
    assert_eq!(
        documents[0],
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "n", "namespace": "y" },
            "spec": { "replicas": 0, "template": { "spec": { "containers": [
                { "name": "it's", "resources": { "limits": {
                    "nvidia.com/gpu": null, "nvidia.com/mig-1g.10gb": "1",
                } } },
            ] } } },
        })
    );
    // YAML 1.1, which kubectl reads, takes `n` and `y` for truth values.
    assert!(text.contains("name: \"n\"") || text.contains("name: 'n'"), "{text}");
    assert_eq!(documents[1]["$patch"], "delete");
    assert_eq!(documents[2]["kind"], "ScaledObject");
    // Lists of other kinds cannot be merged: the JSON patch stands for it.
    assert!(documents[3].as_array().is_some_and(|list| list[0]["op"] == "test"), "{text}");
    assert!(!text.contains("\nrm -rf"), "{text}");
}

#[test]
fn commands_carry_their_preconditions_and_nothing_else() {
    let text = text(PatchFormat::Kubectl);
    assert!(text.contains("kubectl patch deployments.apps n -n y --type=json -p '["), "{text}");
    assert!(text.contains(r#"{"op":"test","path":"/metadata/uid","value":"u"}"#), "{text}");
    assert!(text.contains(r"it'\''s"), "{text}");
    assert!(
        text.contains(
            "kubectl delete --raw /apis/resource.k8s.io/v1/namespaces/y/resourceclaims/old -f -"
        ),
        "{text}"
    );
    assert!(text.contains(r#""preconditions":{"uid":"c","resourceVersion":"9"}"#), "{text}");
    assert!(text.contains("# kubectl patch statefulsets.apps"), "elsewhere is a comment: {text}");
    assert!(!text.contains("\nrm -rf"), "{text}");
    assert!(text.contains("\n# kubectl delete pod p"), "{text}");
}

#[test]
fn programs_get_every_step() {
    let steps: Value = serde_json::from_str(&text(PatchFormat::JsonPatch)).expect("JSON");
    let of = |field: &str| -> Vec<&Value> {
        steps.as_array().expect("a list").iter().map(|step| &step[field]).collect()
    };
    assert_eq!(of("id"), ["one", "two", "two", "ray", "git"]);
    assert_eq!(*of("place")[4], "gitops");
    let whole: PatchSet = serde_json::from_str(&text(PatchFormat::Json)).expect("the contract");
    assert_eq!(whole, set());
}

#[test]
fn a_folder_has_both_ways_and_the_evidence() {
    let now = |target: &Target| match target.kind.as_str() {
        "ResourceClaim" => Some(bare(&claim())),
        "RayCluster" => Some(bare(&workload("ray.io/v1", "RayCluster"))),
        kind => Some(bare(&workload("apps/v1", kind))),
    };
    let files = kustomize(&set(), &now).expect("rendered");
    let of = |path: &str| {
        let file = files.iter().find(|(name, _)| name == path);
        let (_, bytes) = file.unwrap_or_else(|| {
            panic!("{path}: {:?}", files.iter().map(|f| &f.0).collect::<Vec<_>>())
        });
        String::from_utf8(bytes.clone()).expect("UTF-8")
    };
    assert!(of("README.md").contains("idle 7.5"));
    assert!(of("kustomization.yaml").contains("overlay"));
    let overlay: Value = serde_saphyr::from_str(&of("overlay/kustomization.yaml")).expect("YAML");
    assert_eq!(overlay["resources"], json!(["../base", "003-scaledobject-y-n.yaml"]));
    assert_eq!(overlay["patches"][2]["target"]["kind"], "RayCluster");
    assert!(of("inverse/003-scaledobject-y-n.yaml").contains("$patch"));
    assert!(of("inverse/002-resourceclaim-y-old.yaml").contains("devices"));
    assert!(of("elsewhere/gitops/overlay/001-statefulset-y-n.yaml").contains("it's"));
}
