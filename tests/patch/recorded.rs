//! Patches on the recorded cluster: what may go, what is only reported, what is not touched.
//!
//! The recording is not part of the project. `GPU_FINOPS_TEST_DATA` names the folder that holds it.

use std::path::{Path, PathBuf};
use std::process::Command;

use gpu_finops::claims::contract::ClaimsReport;
use gpu_finops::cleanup::contract::{Operation, PatchSet, Place};
use gpu_finops::cleanup::objects::{Objects, bare};
use gpu_finops::cleanup::{Material, patches};
use gpu_finops::model::Policy;
use gpu_finops::output::kustomize;
use gpu_finops::recommend::contract::RecommendReport;
use gpu_finops::source::objects::{RawObjects, decode, read_path};
use serde_json::{Value, json};

use crate::common::{Outcome, gpu_finops, test_data};

const NOW: &str = "2026-11-23T08:00:00Z";
const NOW_MS: i64 = 1_795_420_800_000;

fn recording() -> Option<PathBuf> {
    let found = test_data().map(|data| data.join("recordings/kubernetes-1.36"));
    if found.is_none() {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
    }
    found
}

fn run(recording: &Path, arguments: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    command.args(arguments).args(["--no-metrics", "--window", "1h", "-q", "--now", NOW]);
    command.arg("--objects").arg(recording);
    Outcome::of(&mut command)
}

fn set(recording: &Path, arguments: &[&str]) -> PatchSet {
    let outcome = run(recording, &[&["patch", "-o", "json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    serde_json::from_slice(&outcome.out).expect("the contract")
}

#[test]
fn exactly_what_nobody_wants_is_deleted() {
    let Some(recording) = recording() else { return };
    let set = set(&recording, &[]);
    let mut deleted: Vec<&str> = set.patches.iter().map(|patch| patch.subject.as_str()).collect();
    deleted.sort_unstable();
    assert_eq!(
        deleted,
        ["notebooks/ResourceClaim/bob-scratch", "notebooks/ResourceClaim/carol-old"]
    );
    for patch in &set.patches {
        let [step] = patch.steps.as_slice() else { panic!("{patch:?}") };
        assert!(matches!(step.operation, Operation::Delete { .. }), "{step:?}");
        assert!(step.target.uid.is_some() && step.target.resource_version.is_some(), "{step:?}");
    }
    let bob = set.patches.iter().find(|p| p.subject.ends_with("bob-scratch")).expect("there");
    assert_eq!(bob.steps[0].target.resource_version.as_deref(), Some("905"));
    assert!(bob.monthly_savings.is_some_and(|money| money > 0.0) && bob.gpus == Some(1.0));
    let carol = set.patches.iter().find(|p| p.subject.ends_with("carol-old")).expect("there");
    assert_eq!((carol.monthly_savings, carol.gpus), (Some(0.0), Some(0.0)));
    let reported: Vec<&str> = set.reported.iter().map(|r| r.subject.as_str()).collect();
    assert_eq!(
        reported,
        ["notebooks/ResourceClaim/dave-zombie", "team-vision/ResourceClaim/ckpt-eval"]
    );
    assert!(
        set.reported[0].check.as_deref().is_some_and(|c| c.contains("never strip the finalizer"))
    );
    assert!(
        set.reported[1].check.as_deref().is_some_and(|c| c.contains("kube-controller-manager"))
    );
    let all = serde_json::to_string(&set).expect("JSON");
    for untouched in [
        "nightly-eval-gpu",
        "pending-claim",
        "shared-gpu",
        "dcgm-all",
        "gpus-x8ftm",
        "extended-resources",
    ] {
        assert!(!all.contains(untouched), "{untouched}");
    }
    assert_eq!(set.elsewhere, []);
}

#[test]
fn what_is_young_or_filtered_out_stays() {
    let Some(recording) = recording() else { return };
    let young = set(&recording, &["--min-age", "3h"]);
    assert_eq!(young.patches, []);
    assert_eq!(young.reported.len(), 4, "{:?}", young.reported);
    assert!(young.reported.iter().all(|r| r.why.contains("not settled")));
    let other = set(&recording, &["--rule", "never-used"]);
    assert_eq!((other.patches.len(), other.reported.len()), (0, 0));
    let costly = set(&recording, &["--min-savings", "1"]);
    assert_eq!(costly.patches.len(), 1);
    let elsewhere = set(&recording, &["--namespace", "team-.*"]);
    assert_eq!((elsewhere.patches.len(), elsewhere.reported.len()), (0, 1));
}

/// What the program recommends of the recording, and the objects.
struct World {
    recommended: RecommendReport,
    claims: ClaimsReport,
    raw: RawObjects,
}

impl World {
    fn new(recording: &Path) -> Self {
        let json = |arguments: &[&str]| {
            let outcome = run(recording, arguments);
            assert_eq!(outcome.code, 0, "{}", outcome.err);
            outcome.out
        };
        let recommended = json(&["recommend", "-o", "json"]);
        let outcome = {
            let mut command = gpu_finops();
            command.args(["claims", "-o", "json", "--now", NOW, "-q", "--objects"]).arg(recording);
            Outcome::of(&mut command)
        };
        Self {
            recommended: serde_json::from_slice(&recommended).expect("the contract"),
            claims: serde_json::from_slice(&outcome.out).expect("the contract"),
            raw: read_path(recording).expect("readable"),
        }
    }

    /// What comes of these changes alone, by subject and one of its pods.
    fn patches(&self, changes: &[(&str, &str, Value)]) -> PatchSet {
        let mut recommended = self.recommended.clone();
        recommended.recommendations = changes.iter().map(found).collect();
        let policy = Policy::default();
        let facts = decode(&self.raw, &policy.gpu_resources);
        let objects = self.objects();
        patches(&Material {
            recommended: &recommended,
            claims: &self.claims,
            references: &facts.dra.references,
            objects: &objects,
            policy: &policy,
            leftovers: false,
            only_recommended: false,
            now_ms: NOW_MS,
            cluster: None,
        })
    }

    fn objects(&self) -> Objects<'_> {
        self.raw.items.iter().map(|o| (o.origin.as_str(), &o.value)).collect()
    }
}

fn found(
    (subject, pod, change): &(&str, &str, Value),
) -> gpu_finops::recommend::contract::Recommendation {
    let namespace = subject.split('/').next().expect("a namespace");
    serde_json::from_value(json!({
        "id": format!("by-hand:{subject}"), "rule": "unused-gpus", "cluster": null, "subject": subject,
        "severity": "high", "confidence": 0.9, "basis": "measured",
        "evidence": { "idle_gpu_hours": 24.0 }, "monthly_savings": 100.0, "savings_kind": "capacity",
        "action": "Do it.", "tenant": "t", "counted": true, "excludes": [], "monthly_gpu_hours": 730.0,
        "realised_by": null, "risk": "medium", "risk_note": "it starts again", "neighbours": "none",
        "change": change, "proof": null, "refusal": null, "see_again": [],
        "rests_on": [{ "namespace": namespace, "pod": pod, "uid": null, "gpu": "g" }],
    }))
    .expect("a recommendation")
}

fn fewer(from: u32, to: u32) -> Value {
    json!({ "kind": "fewer-gpus", "from": from, "to": to })
}

/// Changes of everything in the recording that has GPUs.
fn changes() -> Vec<(&'static str, &'static str, Value)> {
    let slice = json!({
        "kind": "slice", "model": "A100", "from": "1g.10gb", "to": "3g.40gb", "share": 0.5, "memory_bytes": 1.0,
    });
    vec![
        ("ml-platform/Deployment/llm-serve", "llm-serve-77b66d65c4-gbnpx", fewer(2, 1)),
        ("team-search/Deployment/ranker", "ranker-5689fc6f78-h8nxt", fewer(2, 1)),
        ("team-search/Deployment/embedder", "embedder-b4984fffd-4bksq", slice),
        ("team-vision/StatefulSet/train-resnet", "train-resnet-0", fewer(8, 6)),
        ("team-search/Job/finetune-42", "finetune-42-xp5xx", json!({ "kind": "release" })),
        (
            "team-agents/Deployment/code-agent",
            "code-agent-5f6885c69-6zpvq",
            json!({ "kind": "release" }),
        ),
        (
            "team-vision/Deployment/ocr",
            "ocr-777df6ff98-c48qf",
            json!({ "kind": "fewer-replicas", "from": 1, "to": 0 }),
        ),
        ("ml-platform/CronJob/nightly-eval", "none", json!({ "kind": "release" })),
        ("notebooks/Pod/jupyter-alice", "jupyter-alice", json!({ "kind": "release" })),
        (
            "vc-host/Pod/planner-x-default-x-agent-7",
            "planner-x-default-x-agent-7",
            json!({ "kind": "release" }),
        ),
    ]
}

#[test]
fn a_smaller_claim_is_a_new_template_and_a_repoint() {
    let Some(recording) = recording() else { return };
    let set = World::new(&recording).patches(&changes()[..1]);
    let [patch] = set.patches.as_slice() else { panic!("{set:?}") };
    let [create, repoint] = patch.steps.as_slice() else { panic!("{patch:?}") };
    let Operation::Create { object } = &create.operation else { panic!("{create:?}") };
    assert_eq!(object["kind"], "ResourceClaimTemplate");
    assert_eq!(object["spec"]["spec"]["devices"]["requests"][0]["exactly"]["count"], 1);
    let name = object["metadata"]["name"].as_str().expect("a name");
    assert!(name.starts_with("two-h100-rs"), "{name}");
    let Operation::Patch { forward, .. } = &repoint.operation else { panic!("{repoint:?}") };
    let last = serde_json::to_value(forward.0.last().expect("a change")).expect("JSON");
    let at = "/spec/template/spec/resourceClaims/0/resourceClaimTemplateName";
    assert_eq!(last, json!({ "op": "replace", "path": at, "value": name }));
    assert_eq!(repoint.target.resource_version.as_deref(), Some("824"));
}

#[test]
fn each_workload_is_changed_at_its_top_or_said_why_not() {
    let Some(recording) = recording() else { return };
    let set = World::new(&recording).patches(&changes());
    let mut patched: Vec<&str> = set.patches.iter().map(|p| p.subject.as_str()).collect();
    patched.sort_unstable();
    assert_eq!(
        patched,
        [
            "ml-platform/Deployment/llm-serve",
            "team-agents/Deployment/code-agent",
            "team-search/Deployment/embedder",
            "team-search/Deployment/ranker",
            "team-vision/Deployment/ocr",
            "team-vision/StatefulSet/train-resnet",
        ]
    );
    let reported: Vec<&str> = set.reported.iter().map(|r| r.subject.as_str()).collect();
    // The CronJob is suspended already.
    assert_eq!(
        reported,
        [
            "ml-platform/CronJob/nightly-eval",
            "notebooks/Pod/jupyter-alice",
            "team-search/Job/finetune-42",
        ]
    );
    assert!(set.reported[2].why.contains("Kueue"), "{:?}", set.reported[2]);
    let [there] = set.elsewhere.as_slice() else { panic!("{:?}", set.elsewhere) };
    assert_eq!(there.place, Place::Vcluster);
    assert!(
        there.note.starts_with("in the virtual cluster agent-7 (namespace vc-host)"),
        "{}",
        there.note
    );
}

#[test]
fn forward_and_back_is_where_it_was() {
    let Some(recording) = recording() else { return };
    let world = World::new(&recording);
    let (set, objects) = (world.patches(&changes()), world.objects());
    let mut seen = 0;
    for step in set.patches.iter().flat_map(|patch| &patch.steps) {
        let Operation::Patch { forward, inverse } = &step.operation else { continue };
        let (namespace, kind, name) =
            (&step.target.namespace, &step.target.kind, &step.target.name);
        let before = objects.find(namespace, kind, name).expect("there").value;
        let mut object = before.clone();
        json_patch::patch(&mut object, forward).expect("it fits");
        assert_ne!(&object, before);
        json_patch::patch(&mut object, inverse).expect("it fits");
        assert_eq!(&object, before);
        seen += 1;
    }
    assert_eq!(seen, 6);
}

/// What `kubectl kustomize` builds of a folder; `None` where there is no kubectl.
pub(super) fn built(folder: &Path) -> Option<Vec<Value>> {
    let Ok(output) = Command::new("kubectl").arg("kustomize").arg(folder).output() else {
        eprintln!("skipped: there is no kubectl");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let value = |document: &str| serde_saphyr::from_str::<Value>(document).expect("YAML");
    Some(text.split("\n---\n").map(value).collect())
}

#[test]
fn an_overlay_builds_and_so_does_the_way_back() {
    let Some(recording) = recording() else { return };
    let world = World::new(&recording);
    let mut set = world.patches(&changes());
    let Outcome { out, .. } = run(&recording, &["patch", "-o", "json"]);
    let claims: PatchSet = serde_json::from_slice(&out).expect("the contract");
    set.patches.extend(claims.patches);
    let objects = world.objects();
    let now = |target: &gpu_finops::cleanup::contract::Target| {
        objects.find(&target.namespace, &target.kind, &target.name).map(|o| bare(o.value))
    };
    let folder = tempfile::TempDir::new().expect("temporary folder");
    for (path, bytes) in kustomize(&set, &now).expect("rendered") {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }
    let Some(after) = built(folder.path()) else { return };
    let names = |objects: &[Value]| -> Vec<String> {
        objects.iter().map(|o| o["metadata"]["name"].as_str().expect("text").to_owned()).collect()
    };
    let names_after = names(&after);
    assert!(names_after.iter().any(|name| name.starts_with("two-h100-rs")), "{names_after:?}");
    assert!(!names_after.iter().any(|name| name == "bob-scratch"), "{names_after:?}");
    let serve = after.iter().find(|o| o["metadata"]["name"] == "llm-serve").expect("there");
    let claim =
        &serve["spec"]["template"]["spec"]["resourceClaims"][0]["resourceClaimTemplateName"];
    assert!(claim.as_str().is_some_and(|name| name.starts_with("two-h100-rs")), "{claim}");
    let sorted = |mut objects: Vec<Value>| {
        objects.sort_by_cached_key(|o| (o["kind"].to_string(), o["metadata"].to_string()));
        objects
    };
    let (base, back) = (built(&folder.path().join("base")), built(&folder.path().join("inverse")));
    assert_eq!(sorted(back.expect("kubectl")), sorted(base.expect("kubectl")));
}
