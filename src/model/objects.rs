//! Cluster objects, reduced to the facts that a ledger needs.
//!
//! Decoding JSON into these is `source::objects`; nothing here knows an API version.

use std::collections::BTreeMap;

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
    /// `metadata.creationTimestamp`.
    pub created_ms: Option<Millis>,
    /// GPUs in `status.capacity`, by resource name.
    pub gpu_capacity: BTreeMap<String, u32>,
    /// GPUs in `status.allocatable`, by resource name.
    pub gpu_allocatable: BTreeMap<String, u32>,
    /// Allocatable CPU in millicores, when listed.
    pub cpu_millicores: Option<i64>,
    /// Allocatable memory in bytes, when listed.
    pub memory_bytes: Option<i64>,
    /// `Some(since)` when the Ready condition is not true; `since` is its last transition.
    pub not_ready_since_ms: Option<Option<Millis>>,
    /// Cordoned.
    pub unschedulable: bool,
    /// Internal and external IP addresses.
    pub addresses: Vec<String>,
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// Resource claims seen (DRA), counted only: whole GPUs come first.
    pub resource_claims: usize,
    /// What could not be used.
    pub problems: Vec<ObjectProblem>,
}
