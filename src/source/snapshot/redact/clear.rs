//! What is known to be no name, and stays: the allow-list of redaction.

use std::sync::LazyLock;

use regex::Regex;

/// Words that stand for themselves wherever they are.
const WORDS: &[&str] = &["", "<none>", "true", "false", "True", "False", "Unknown"];

/// Namespaces that a product names, and by which its pods are known.
const NAMESPACES: &[&str] = &["kai-resource-reservation", "runai-reservation"];

/// Containers of exporters as every chart names them: an exporter's own pod is known by them.
const EXPORTERS: &[&str] = &[
    "dcgm-exporter",
    "device-metrics-exporter",
    "metrics-exporter-container",
    "nvidia-dcgm-exporter",
];

/// Kinds of the Kubernetes API, as far as they own pods or hold GPUs.
const KINDS: &[&str] = &[
    "ClusterQueue",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "DeviceClass",
    "Job",
    "LeaderWorkerSet",
    "LocalQueue",
    "Namespace",
    "Node",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "ResourceClaim",
    "ResourceClaimTemplate",
    "ResourceSlice",
    "Sandbox",
    "SandboxClaim",
    "SandboxTemplate",
    "SandboxWarmPool",
    "Service",
    "StatefulSet",
];

/// Keys of labels whose values are about hardware and placement, not about people.
const LABEL_KEYS: &[&str] = &[
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-accelerator-count",
    "cloud.google.com/gke-gpu-partition-size",
    "cloud.google.com/gke-gpu-sharing-strategy",
    "cloud.google.com/gke-max-shared-clients-per-gpu",
    "cloud.google.com/gke-provisioning",
    "cloud.google.com/gke-spot",
    "eks.amazonaws.com/capacityType",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "karpenter.sh/capacity-type",
    "kubernetes.azure.com/accelerator",
    "kubernetes.azure.com/scalesetpriority",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// The same, for every key that begins so.
const LABEL_PREFIXES: &[&str] = &[
    "amd.com/",
    "beta.amd.com/",
    "feature.node.kubernetes.io/",
    "karpenter.k8s.aws/instance-",
    "karpenter.azure.com/sku-",
    "nvidia.com/",
];

/// A key below a prefix whose value names a cluster all the same (its UUID).
const LABEL_EXCEPTIONS: &[&str] = &["nvidia.com/gpu.clique"];

/// Labels of series whose values are no names.
const SERIES_LABELS: &[&str] = &[
    "DCGM_FI_DRIVER_VERSION",
    "DCGM_FI_SYSTEM_DRIVER_VERSION",
    "GPU_I_ID",
    "GPU_I_PROFILE",
    "__name__",
    "card_model",
    "card_series",
    "card_vendor",
    "condition",
    "created_by_kind",
    "device",
    "dra_mig_profile",
    "effect",
    "err_code",
    "gpu",
    "gpu_compute_partition_type",
    "gpu_id",
    "gpu_memory_partition_type",
    "gpu_partition_id",
    "host_network",
    "modelName",
    "model_name",
    "owner_is_controller",
    "owner_kind",
    "phase",
    "resource",
    "restart_policy",
    "status",
    "unit",
    "vgpu",
];

/// Names of scrape jobs that every chart gives.
const JOBS: &[&str] = &[
    "amd-gpu-exporter",
    "dcgm",
    "dcgm-exporter",
    "gpu-operator",
    "kube-scheduler",
    "kube-state-metrics",
    "node-exporter",
    "nvidia-dcgm-exporter",
];

/// Fields of objects whose text values name a version or a kind of the API.
const TYPE_FIELDS: &[&str] = &["apiVersion", "kind"];

/// Fields of objects whose text values are single words of the API (`Running`, `NoSchedule`).
const WORD_FIELDS: &[&str] = &[
    "allocationMode",
    "completionMode",
    "concurrencyPolicy",
    "effect",
    "operatingMode",
    "operator",
    "phase",
    "preemptionPolicy",
    "protocol",
    "qosClass",
    "reason",
    "restartPolicy",
    "shutdownPolicy",
    "status",
    "type",
];

/// Resources that Kubernetes itself names.
const RESOURCES: &[&str] = &["cpu", "ephemeral-storage", "memory", "pods", "storage"];

/// Fields of objects that are maps from a resource's name to a quantity.
const QUANTITY_FIELDS: &[&str] = &[
    "allocatable",
    "allocatedResources",
    "capacity",
    "consumedCapacity",
    "counters",
    "hard",
    "limits",
    "overhead",
    "podFixed",
    "requests",
    "used",
];

/// Attributes of DRA devices whose values are about hardware.
const ATTRIBUTES: &[&str] = &[
    "addressingMode",
    "architecture",
    "brand",
    "cudaComputeCapability",
    "cudaDriverVersion",
    "driverVersion",
    "model",
    "productName",
    "profile",
    "type",
];

/// Counters of DRA devices that are no words of camel case.
const COUNTERS: &[&str] = &["copy-engines", "jpeg-engines", "ofa-engines"];
const COUNTER_PREFIX: &str = "memory-slice-";

/// Domains whose resource and driver names are public.
const PUBLIC_DOMAINS: &[&str] = &[
    "nvidia.com",
    "amd.com",
    "intel.com",
    "habana.ai",
    "k8s.io",
    "kubernetes.io",
    "google.com",
    "amazonaws.com",
    "project-hami.io",
    "volcano.sh",
];

static INSTANT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$")
        .expect("a constant pattern")
});
static QUANTITY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[+-]?(\d+\.?\d*|\.\d+)([numkKMGTPE]i?|[eE][+-]?\d+)?$")
        .expect("a constant pattern")
});
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Z][A-Za-z0-9]{0,63}$").expect("a constant pattern"));
static FIELD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-z][A-Za-z0-9]{0,63}$").expect("a constant pattern"));

/// Whether a value says nothing about anyone, wherever it stands.
pub(super) fn is_no_name(value: &str) -> bool {
    [WORDS, NAMESPACES, EXPORTERS, KINDS].iter().any(|list| list.contains(&value))
        || INSTANT.is_match(value)
}

/// Whether the value of the label `key` of an object stays.
pub(super) fn keeps_label(key: &str) -> bool {
    !LABEL_EXCEPTIONS.contains(&key)
        && (LABEL_KEYS.contains(&key)
            || LABEL_PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
}

/// Whether the value of the label `name` of a series stays.
pub(super) fn keeps_series_label(name: &str, value: &str) -> bool {
    match name.strip_prefix("label_") {
        Some(key) => keeps_exported_label(key),
        None => match name {
            "job" => JOBS.contains(&value),
            "dra_driver_name" => is_public_name(value),
            _ => SERIES_LABELS.contains(&name),
        },
    }
}

/// As [`keeps_label`], for a key as kube-state-metrics spells it: snake case, `_` for the rest.
fn keeps_exported_label(key: &str) -> bool {
    let same = |allowed: &&str| exported(allowed) == key;
    !LABEL_EXCEPTIONS.iter().any(same)
        && (LABEL_KEYS.iter().any(same)
            || LABEL_PREFIXES.iter().any(|prefix| key.starts_with(&exported(prefix))))
}

/// A key as kube-state-metrics spells it after `label_`.
fn exported(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    let mut last = ' ';
    for c in key.chars() {
        if c.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit()) {
            name.push('_');
        }
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        last = c;
    }
    name
}

/// Whether the text of the field `name` of an object stays.
pub(super) fn keeps_field(name: &str, text: &str) -> bool {
    TYPE_FIELDS.contains(&name) || (WORD_FIELDS.contains(&name) && WORD.is_match(text))
}

/// Whether the field `name` of an object maps resources to quantities.
pub(super) fn is_quantity_field(name: &str) -> bool {
    QUANTITY_FIELDS.contains(&name)
}

/// Whether the value of the attribute `key` of a DRA device stays: of a public domain or of none.
pub(super) fn keeps_attribute(key: &str) -> bool {
    let name = match key.split_once('/') {
        Some((_, name)) if is_public_name(key) => name,
        _ => key,
    };
    ATTRIBUTES.contains(&name)
}

/// Whether `name` is a counter that drivers share partitions of a device by.
pub(super) fn is_counter(name: &str) -> bool {
    let is_slice = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit());
    COUNTERS.contains(&name) || name.strip_prefix(COUNTER_PREFIX).is_some_and(is_slice)
}

/// Whether `value` is a quantity (`8`, `500m`, `2Ti`).
pub(super) fn is_quantity(value: &str) -> bool {
    QUANTITY.is_match(value)
}

/// Whether `key` is a field of an API rather than a key that someone chose.
pub(super) fn is_field(key: &str) -> bool {
    FIELD.is_match(key)
}

/// Whether `name` is a resource that Kubernetes itself names.
pub(super) fn is_core_resource(name: &str) -> bool {
    RESOURCES.contains(&name) || name.starts_with("hugepages-")
}

/// Whether `name` is a resource, driver or taint that a vendor or Kubernetes named (`nvidia.com/gpu`).
pub(super) fn is_public_name(name: &str) -> bool {
    let domain = name.split('/').next().unwrap_or(name);
    PUBLIC_DOMAINS.iter().any(|public| {
        domain.strip_suffix(public).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exported_label_follows_the_rule_of_its_object() {
        for key in
            LABEL_KEYS.iter().copied().chain(["nvidia.com/gpu.product", "tenant", "acme.com/x"])
        {
            let name = format!("label_{}", exported(key));
            assert_eq!(keeps_label(key), keeps_series_label(&name, "v"), "{key}");
        }
        assert_eq!(exported("myTeam/ABc"), "my_team_abc");
        assert_eq!(exported("eks.amazonaws.com/capacityType"), "eks_amazonaws_com_capacity_type");
        assert!(!keeps_label("nvidia.com/gpu.clique"));
        assert!(!keeps_series_label("label_nvidia_com_gpu_clique", "v"));
    }

    #[test]
    fn words_of_the_api_are_no_names() {
        for word in [
            "StatefulSet",
            "True",
            "<none>",
            "nvidia-dcgm-exporter",
            "2026-11-09T00:00:00Z",
            "2026-11-09T00:00:00.5+01:00",
        ] {
            assert!(is_no_name(word), "{word}");
        }
        for name in ["web", "2026-11-09", "statefulset", "10.0.0.1"] {
            assert!(!is_no_name(name), "{name}");
        }
    }

    #[test]
    fn quantities_and_public_names() {
        for quantity in ["8", "0.5", "500m", "2Ti", "1e3"] {
            assert!(is_quantity(quantity), "{quantity}");
        }
        assert!(!is_quantity("acme"));
        for name in ["nvidia.com/gpu", "gpu.nvidia.com", "node.kubernetes.io/unschedulable"] {
            assert!(is_public_name(name), "{name}");
        }
        for name in ["acme.com/gpu", "notnvidia.com/gpu", "web"] {
            assert!(!is_public_name(name), "{name}");
        }
    }
}
