//! Which GPU model a pod lands on, by what its manifest says of nodes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::attribution::label_view::LabelView;
use crate::cost::book::model_name;
use crate::sizing::hardware;

/// Labels whose value is a model, in the order in which they are believed.
const MODEL_LABELS: &[&str] = &[
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "beta.amd.com/gpu.product-name",
    "cloud.google.com/gke-accelerator",
    "serving.kserve.io/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "karpenter.azure.com/sku-gpu-name",
    "machine.cluster.vke.volcengine.com/gpu-name",
    "accelerator",
];
/// Memory of a GPU in MiB, beside a name that leaves it open.
const MEMORY_LABELS: &[&str] = &["karpenter.k8s.aws/instance-gpu-memory", "nvidia.com/gpu.memory"];

/// Short names of models and what they are in full: as much as prices and MIG tables have to know. A name that is
/// of two sizes stands here with each.
const SPELLINGS: &[(&str, Option<u32>, &str)] = &[
    ("T4", None, "Tesla T4"),
    ("V100", Some(16), "Tesla V100-SXM2-16GB"),
    ("L4", None, "NVIDIA L4"),
    ("L40S", None, "NVIDIA L40S"),
    ("A10G", None, "NVIDIA A10G"),
    ("A100", Some(40), "NVIDIA A100-SXM4-40GB"),
    ("A100", Some(80), "NVIDIA A100-SXM4-80GB"),
    ("H100", None, "NVIDIA H100 80GB HBM3"),
    ("H200", None, "NVIDIA H200"),
    ("B200", None, "NVIDIA B200"),
    ("B300", None, "NVIDIA B300"),
    ("GB200", None, "NVIDIA GB200"),
    ("MI300X", None, "AMD Instinct MI300X"),
];

/// Labels that a node must have for a pod with this spec: its node selector, and what every term of its required
/// node affinity asks for with one value.
pub(super) fn node(spec: &Value, annotations: &Value) -> LabelView {
    let mut labels = BTreeMap::new();
    for (key, value) in fields(&spec["nodeSelector"]).chain(fields(annotations)) {
        labels.insert(key.clone(), value.to_owned());
    }
    let required = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let terms = spec.pointer(required).and_then(|at| at["nodeSelectorTerms"].as_array());
    // Terms are alternatives: only what a single one says is sure.
    if let Some([term]) = terms.map(Vec::as_slice) {
        for asked in term["matchExpressions"].as_array().into_iter().flatten() {
            let (key, values) = (asked["key"].as_str(), asked["values"].as_array());
            let one = values.filter(|values| values.len() == 1).and_then(|v| v[0].as_str());
            if let (Some("In"), Some(key), Some(value)) = (asked["operator"].as_str(), key, one) {
                labels.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    LabelView { object: labels.into_iter().collect(), ..LabelView::default() }
}

fn fields(object: &Value) -> impl Iterator<Item = (&String, &str)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key, value.as_str()?)))
}

/// The model that labels of a node name.
pub(super) fn of_labels(node: &LabelView) -> Option<String> {
    let memory = MEMORY_LABELS.iter().find_map(|label| node.get(label)?.parse::<f64>().ok());
    let gib = memory.map(|mib| mib / 1024.0);
    MODEL_LABELS.iter().find_map(|label| {
        let text = node.get(label)?;
        // GKE has one kind of each of these.
        if *label == "cloud.google.com/gke-accelerator" && text == "nvidia-tesla-a100" {
            return Some("NVIDIA A100-SXM4-40GB".to_owned());
        }
        Some(spelled(text, gib))
    })
}

/// A model in full, as the driver spells it, by any name of it; the name itself where nothing is known of it.
///
/// `gib` is the card's memory, where that is said elsewhere.
pub(super) fn spelled(text: &str, gib: Option<f64>) -> String {
    if let Some(known) = hardware::of(text) {
        return known.name.clone();
    }
    let folded = model_name(text);
    let words: Vec<&str> = folded.split(' ').collect();
    let stated = words.iter().find_map(|word| word.strip_suffix("GB")?.parse::<f64>().ok());
    let is_size = |size: u32| stated.or(gib).is_some_and(|gib| (gib - f64::from(size)).abs() < 4.0);
    if folded.starts_with("RTX PRO 6000") {
        return "NVIDIA RTX PRO 6000 Blackwell Server Edition".to_owned();
    }
    let row = SPELLINGS.iter().find(|(name, size, _)| {
        let is_plain = words.len() == 1 || stated.is_some() || words.contains(&"MEGA");
        words.contains(name) && is_plain && size.is_none_or(is_size)
    });
    row.map_or_else(|| text.to_owned(), |(_, _, full)| (*full).to_owned())
}

/// Nominal memory of a model's card, bytes.
pub(super) fn memory_bytes(model: &str) -> Option<f64> {
    hardware::of(model).map(|hardware| hardware.nominal_bytes)
}
