//! The hardware of the story, and the exporters that show it.

use sha2::{Digest, Sha256};

use super::story::{AFTER, BEFORE, Millis, at};

/// A node.
pub(super) struct Node {
    pub name: &'static str,
    pub ip: &'static str,
    pub instance_type: &'static str,
    pub zone: &'static str,
    pub model: &'static str,
    pub product: &'static str,
    /// Framebuffer that is used or free, MiB; the driver reserves the rest.
    pub memory_mib: f64,
    /// Framebuffer used by nobody, MiB.
    pub empty_mib: f64,
    pub memory_label: &'static str,
    pub node_memory_gib: i64,
    /// GPUs in `allocatable`, of 8.
    pub allocatable: u32,
    pub cordoned: Option<(Millis, Millis)>,
    /// Whether the exporter gives profiling fields.
    pub profiling: bool,
    /// Whether Prometheus keeps the exporter's own pod labels.
    pub honors_labels: bool,
}

impl Node {
    pub(super) fn is_cordoned(&self, t: Millis) -> bool {
        self.cordoned.is_some_and(|(from, until)| from <= t && t < until)
    }
}

/// GPUs of each node.
pub(super) const GPUS: usize = 8;
/// Allocatable CPU of each node, millicores, of 192 cores.
pub(super) const ALLOCATABLE_MILLICORES: i64 = 191_450;
/// The broken GPU: node and index.
pub(super) const BROKEN: (usize, usize) = (0, 7);

/// One pod of dcgm-exporter: it shows the devices of its node from one instant until another.
pub(super) struct Exporter {
    pub node: usize,
    pub pod: &'static str,
    pub ip: &'static str,
    pub from: Millis,
    pub until: Millis,
}

pub(super) fn nodes() -> Vec<Node> {
    let h100 = Node {
        name: "gpu-h100-a",
        ip: "10.40.0.11",
        instance_type: "p5.48xlarge",
        zone: "us-east-1a",
        model: "NVIDIA H100 80GB HBM3",
        product: "NVIDIA-H100-80GB-HBM3",
        memory_mib: 81_008.0,
        empty_mib: 4.0,
        memory_label: "81559",
        node_memory_gib: 2_048,
        allocatable: 7,
        cordoned: None,
        profiling: true,
        honors_labels: true,
    };
    let h100_b = Node {
        name: "gpu-h100-b",
        ip: "10.40.0.12",
        allocatable: 8,
        cordoned: Some((at(13, 0, 0), at(14, 0, 0))),
        ..h100
    };
    let l40s = Node {
        name: "gpu-l40s-a",
        ip: "10.40.0.13",
        instance_type: "g6e.48xlarge",
        model: "NVIDIA L40S",
        product: "NVIDIA-L40S",
        memory_mib: 45_468.0,
        empty_mib: 3.0,
        memory_label: "46068",
        node_memory_gib: 1_536,
        allocatable: 8,
        profiling: false,
        honors_labels: false,
        ..h100
    };
    vec![h100, h100_b, l40s]
}

/// Node A's exporter was replaced: for ten minutes both showed the node. Node C's was away for six hours.
pub(super) fn exporters() -> Vec<Exporter> {
    vec![
        Exporter {
            node: 0,
            pod: "dcgm-exporter-7hq2m",
            ip: "10.244.1.9",
            from: BEFORE,
            until: at(10, 3, 10),
        },
        Exporter {
            node: 0,
            pod: "dcgm-exporter-k4wz8",
            ip: "10.244.1.23",
            from: at(10, 3, 0),
            until: AFTER,
        },
        Exporter {
            node: 1,
            pod: "dcgm-exporter-p9d6x",
            ip: "10.244.2.7",
            from: BEFORE,
            until: AFTER,
        },
        Exporter {
            node: 2,
            pod: "dcgm-exporter-b5n3c",
            ip: "10.244.3.5",
            from: BEFORE,
            until: at(11, 10, 0),
        },
        Exporter {
            node: 2,
            pod: "dcgm-exporter-t8r2v",
            ip: "10.244.3.41",
            from: at(11, 16, 0),
            until: AFTER,
        },
    ]
}

/// A UUID that is always the same for `what`.
pub(super) fn uuid(what: &str) -> String {
    let digest = Sha256::digest(what);
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

/// UUID of a device.
pub(super) fn gpu_uuid(node: &Node, gpu: usize) -> String {
    format!("GPU-{}", uuid(&format!("gpu {} {gpu}", node.name)))
}
