//! Cluster objects, reduced to the facts that a ledger needs.
//!
//! Decoding JSON into these is `source::objects`; nothing here knows an API version.

use std::collections::BTreeMap;

use super::dra::DraFacts;
use super::placement::{Placement, Taint};
use crate::units::Millis;

/// Labels of an object.
pub type ObjectLabels = BTreeMap<String, String>;

/// A controller reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerRef {
    /// `ReplicaSet`, `Job`, …
    pub kind: String,
    /// Name, in the namespace of the owned object.
    pub name: String,
}

/// Phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PodPhase {
    /// Not started, or a phase that is not known.
    #[default]
    Pending,
    /// At least one container runs or ran.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
}

impl PodPhase {
    /// Whether the pod has ended: it holds nothing any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// Whether the device plugin hands out parts of cards under this extended resource: replicas that are
/// renamed, or MIG instances. The whole resource (`nvidia.com/gpu`) may be that too, by the node's labels.
#[must_use]
pub fn is_part_of_card(resource: &str) -> bool {
    resource == "nvidia.com/gpu.shared" || resource.starts_with("nvidia.com/mig-")
}

/// Whether a resource is a whole card that is handed to a virtual machine, as the sandbox device plugin
/// names them: `nvidia.com/pgpu`, or the model (`nvidia.com/GH100_H100_PCIE`). Virtual GPUs of a card
/// (`nvidia.com/GRID_T4-4Q`) and switches (`nvidia.com/GH100_H100_NVSwitch`) are none.
#[must_use]
pub fn is_passthrough(resource: &str) -> bool {
    let Some(name) = resource.strip_prefix("nvidia.com/") else { return false };
    let is_model = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "_.-".contains(c);
    let is_virtual = || {
        let profile = name.rsplit_once('-').map(|(_, profile)| profile);
        let count = profile.and_then(|p| p.strip_suffix(['A', 'B', 'C', 'Q']));
        count.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let starts_upper = name.starts_with(|c: char| c.is_ascii_uppercase());
    name == "pgpu"
        || starts_upper && name.contains('_') && name.chars().all(is_model) && !is_virtual()
}

/// What a pod asks for, as the scheduler counts it:
/// the larger of (containers + sidecars) and each init container with the sidecars before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodRequests {
    /// GPUs by extended resource name (`nvidia.com/gpu` → 2).
    pub gpus: BTreeMap<String, u32>,
    /// Other GPU-like extended resources by name, in their own units (`nvidia.com/mig-1g.5gb` → 1,
    /// `nvidia.com/gpumem` → 8000): a share of a device, or a device that is not counted as whole.
    pub other_gpu_requests: BTreeMap<String, u32>,
    /// CPU in millicores.
    pub cpu_millicores: i64,
    /// Memory in bytes.
    pub memory_bytes: i64,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodFact {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID; manifests that were never applied have none.
    pub uid: Option<String>,
    /// Node the pod is bound to.
    pub node: Option<String>,
    /// Labels.
    pub labels: ObjectLabels,
    /// Annotations (never the last-applied configuration).
    pub annotations: ObjectLabels,
    /// Controller.
    pub owner: Option<OwnerRef>,
    /// Effective requests.
    pub requests: PodRequests,
    /// Phase when listed.
    pub phase: PodPhase,
    /// `metadata.creationTimestamp`.
    pub created_ms: Option<Millis>,
    /// When it was bound (`PodScheduled` condition became true).
    pub scheduled_ms: Option<Millis>,
    /// `status.startTime`.
    pub started_ms: Option<Millis>,
    /// Latest `finishedAt` of its containers, only when the phase is terminal.
    pub finished_ms: Option<Millis>,
    /// `metadata.deletionTimestamp`.
    pub deletion_ms: Option<Millis>,
    /// Names of resource claims it uses (DRA); such a pod's devices are not in `requests`.
    pub claims: Vec<String>,
    /// Pod group that it belongs to: claims may be reserved for the group and name no pod.
    pub pod_group: Option<String>,
    /// Where it may run.
    pub placement: Placement,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeFact {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: Option<String>,
    /// Labels.
    pub labels: ObjectLabels,
    /// Annotations (never the last-applied configuration).
    pub annotations: ObjectLabels,
    /// `metadata.creationTimestamp`.
    pub created_ms: Option<Millis>,
    /// GPUs, replicas and MIG instances in `status.capacity`, by resource name.
    pub gpu_capacity: BTreeMap<String, u32>,
    /// The same in `status.allocatable`.
    pub gpu_allocatable: BTreeMap<String, u32>,
    /// Allocatable CPU in millicores, when listed.
    pub cpu_millicores: Option<i64>,
    /// Allocatable memory in bytes, when listed.
    pub memory_bytes: Option<i64>,
    /// Pods that it takes, when listed.
    pub pods: Option<u32>,
    /// Taints, sorted.
    pub taints: Vec<Taint>,
    /// `Some(since)` when the Ready condition is not true; `since` is its last transition.
    pub not_ready_since_ms: Option<Option<Millis>>,
    /// Cordoned.
    pub unschedulable: bool,
    /// Internal and external IP addresses.
    pub addresses: Vec<String>,
    /// `spec.providerID`: the provider's name for the machine.
    pub provider_id: Option<String>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceFact {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: ObjectLabels,
    /// Annotations (never the last-applied configuration).
    pub annotations: ObjectLabels,
}

/// Any object that can own a pod, with its own controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedFact {
    /// Namespace.
    pub namespace: String,
    /// The object.
    pub this: OwnerRef,
    /// Its controller, when it has one.
    pub owner: Option<OwnerRef>,
    /// UID; manifests that were never applied have none.
    pub uid: Option<String>,
    /// Labels.
    pub labels: ObjectLabels,
}

/// Something about an object or a document that could not be used; the rest goes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectProblem {
    /// `pods.yaml: document 3`, `Pod default/web`.
    pub subject: String,
    /// What is wrong, with the value, and what was done.
    pub detail: String,
}

/// Cluster objects of one report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClusterFacts {
    /// When they were listed; `None` for files, whose age is unknown.
    pub listed_at_ms: Option<Millis>,
    /// Pods, by namespace and name.
    pub pods: Vec<PodFact>,
    /// Nodes, by name.
    pub nodes: Vec<NodeFact>,
    /// Namespaces, by name.
    pub namespaces: Vec<NamespaceFact>,
    /// Objects that own pods or other owners.
    pub owners: Vec<OwnedFact>,
    /// What the cluster says of dynamically allocated resources.
    pub dra: DraFacts,
    /// What could not be used.
    pub problems: Vec<ObjectProblem>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_of_virtual_machines_are_told_by_their_resource() {
        for name in
            ["pgpu", "GH100_H100_PCIE", "GB100_B200", "TU104GL_TESLA_T4", "GH100_H100L_94GB"]
        {
            assert!(is_passthrough(&format!("nvidia.com/{name}")), "{name}");
        }
        for name in ["gpu", "gpu.shared", "mig-1g.5gb", "GH100_H100_NVSwitch", "nvswitch", ""] {
            assert!(!is_passthrough(&format!("nvidia.com/{name}")), "{name}");
        }
        for name in ["GRID_T4-4Q", "NVIDIA_A10-24C"] {
            assert!(!is_passthrough(&format!("nvidia.com/{name}")), "{name}");
        }
        assert!(!is_passthrough("example.com/GH100_H100_PCIE"));
    }
}
