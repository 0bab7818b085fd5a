use std::sync::Arc;

use serde_json::json;

use super::models::{node, of_labels, spelled};
use super::place::line_of;
use crate::model::manifests::Manifest;

fn manifest(text: &str, line: u32, at: &str) -> Manifest {
    let (text, at) = (Arc::from(text), at.to_owned());
    Manifest { file: "a.yaml".to_owned(), line, text, at, object: json!({}) }
}

#[test]
fn lines_of_requests() {
    let text = "---\n# head\nkind: Pod\nspec:\n  containers:\n    - name: a\n      resources:\n        limits:\n          nvidia.com/gpu: 1\n";
    // The document's first text, `kind`, is on line 13 of its file.
    let pod = manifest(text, 13, "");
    for (pointer, line) in [
        ("/spec/containers/0/resources/limits/nvidia.com~1gpu", 19),
        ("/spec/containers/0", 16),
        ("/spec", 14),
        // What is not there is where it would be.
        ("/spec/containers/0/resources/requests", 17),
        ("", 13),
    ] {
        assert_eq!(line_of(&pod, pointer), line, "{pointer}");
    }
    let list = manifest("kind: List\nitems:\n- kind: A\n- kind: B\n  spec: {}\n", 1, "/items/1");
    assert_eq!(line_of(&list, "/spec"), 5);
    let json = manifest("{\n  \"kind\": \"Pod\",\n  \"spec\": {\"a\": 1}\n}\n", 1, "");
    assert_eq!(line_of(&json, "/spec/a"), 3);
    assert_eq!(line_of(&manifest("a: [b\n", 7, ""), "/a"), 7, "not YAML");
}

#[test]
fn models_in_all_their_spellings() {
    for (text, gib, full) in [
        ("nvidia-l4", None, "NVIDIA L4"),
        ("nvidia-tesla-t4", None, "Tesla T4"),
        ("nvidia-h100-80gb", None, "NVIDIA H100 80GB HBM3"),
        ("nvidia-h100-mega-80gb", None, "NVIDIA H100 80GB HBM3"),
        ("nvidia-a100-80gb", None, "NVIDIA A100-SXM4-80GB"),
        ("a100", Some(40.0), "NVIDIA A100-SXM4-40GB"),
        ("a100", Some(80.0), "NVIDIA A100-SXM4-80GB"),
        // Which of the two is not known.
        ("a100", None, "a100"),
        ("NVIDIA-H100-80GB-HBM3-SHARED", None, "NVIDIA H100 80GB HBM3"),
        ("NVIDIA-H100-NVL", None, "NVIDIA H100 NVL"),
        ("Future-X", None, "Future-X"),
    ] {
        assert_eq!(spelled(text, gib), full, "{text}");
    }
}

#[test]
fn nodes_decide_the_model() {
    let affinity = |terms: serde_json::Value| {
        json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": terms,
        } } } })
    };
    let term = |value: &str| {
        json!({ "matchExpressions": [
            { "key": "nvidia.com/gpu.product", "operator": "In", "values": [value] },
        ] })
    };
    let model = |spec: &serde_json::Value| of_labels(&node(spec, &json!({})));
    let karpenter = json!({ "nodeSelector": {
        "karpenter.k8s.aws/instance-gpu-name": "a100",
        "karpenter.k8s.aws/instance-gpu-memory": "81920",
    } });
    assert_eq!(model(&karpenter).as_deref(), Some("NVIDIA A100-SXM4-80GB"));
    let gke =
        json!({ "nodeSelector": { "cloud.google.com/gke-accelerator": "nvidia-tesla-a100" } });
    assert_eq!(model(&gke).as_deref(), Some("NVIDIA A100-SXM4-40GB"));
    assert_eq!(model(&affinity(json!([term("NVIDIA-L4")]))).as_deref(), Some("NVIDIA L4"));
    // Of alternatives none is sure.
    assert_eq!(model(&affinity(json!([term("NVIDIA-L4"), term("Tesla-T4")]))), None);
    assert_eq!(model(&json!({})), None);
}
