//! Dynamic Resource Allocation, reduced to the facts that a ledger and a cleanup need.
//!
//! One shape for `resource.k8s.io/v1`, `v1beta2` and `v1beta1`; decoding is `source::objects`. Amounts are
//! `f64`: counters and capacities are compared as ratios, never added up to money as they are.

use std::collections::BTreeMap;

use super::objects::{ObjectLabels, OwnerRef};
use crate::units::Millis;

/// A device of a pool: names repeat from pool to pool, and pools from driver to driver.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey {
    /// `gpu.nvidia.com`, …
    pub driver: String,
    /// Pool; for NVIDIA the node's name, for network-attached devices anything.
    pub pool: String,
    /// Device within the pool.
    pub device: String,
}

/// A resource claim.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimFact {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID; manifests that were never applied have none.
    pub uid: Option<String>,
    /// `metadata.resourceVersion`, where kept.
    pub resource_version: Option<String>,
    /// Labels.
    pub labels: ObjectLabels,
    /// `metadata.creationTimestamp`.
    pub created_ms: Option<Millis>,
    /// `metadata.deletionTimestamp`: being deleted.
    pub deletion_ms: Option<Millis>,
    /// Controller or any other owner.
    pub owner: Option<ClaimOwner>,
    /// Made by the scheduler for an extended resource (annotation
    /// `resource.kubernetes.io/extended-resource-claim: "true"`).
    pub for_extended_resource: bool,
    /// What is asked for, in order; subrequests of a prioritized list as `request/sub`.
    pub requests: Vec<ClaimRequest>,
    /// `None` when not allocated. An empty list is an allocation too.
    pub allocation: Option<ClaimAllocation>,
    /// Who may use it, at most 256.
    pub reserved_for: Vec<ClaimConsumer>,
}

/// Owner of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimOwner {
    /// Kind and name.
    pub this: OwnerRef,
    /// UID.
    pub uid: String,
}

/// One request of a claim.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimRequest {
    /// `main`, or `main/sub` of a prioritized list.
    pub name: String,
    /// Device class.
    pub class: String,
    /// Devices asked for; `None` for all that match.
    pub count: Option<u32>,
    /// Looks at devices without holding them.
    pub admin_access: bool,
    /// CEL selectors, in order.
    pub selectors: Vec<String>,
    /// Consumable capacity asked for, by name.
    pub capacity: BTreeMap<String, f64>,
}

/// What a claim was given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimAllocation {
    /// When, where the server says so.
    pub at_ms: Option<Millis>,
    /// Devices, in order.
    pub devices: Vec<AllocatedDevice>,
}

/// One device of an allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct AllocatedDevice {
    /// Request that it answers, `main` or `main/sub`.
    pub request: String,
    /// Device.
    pub key: DeviceKey,
    /// Given for administration: no hold.
    pub admin_access: bool,
    /// Share of a device that may be allocated several times.
    pub share_id: Option<String>,
    /// Capacity that the share takes, by name (zeros included); empty for an exclusive device.
    pub consumed: BTreeMap<String, f64>,
}

impl AllocatedDevice {
    /// Whether the claim holds a GPU, or a part of one, by it.
    #[must_use]
    pub fn holds_gpu(&self) -> bool {
        !self.admin_access && is_gpu_driver(&self.key.driver)
    }
}

/// A pod, a pod group or something unknown that a claim is reserved for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimConsumer {
    /// API group; empty for pods.
    pub group: String,
    /// `pods`, `podgroups`, …
    pub resource: String,
    /// Name, in the claim's namespace.
    pub name: String,
    /// UID.
    pub uid: String,
}

/// Whether a driver hands out GPUs: `gpu.nvidia.com`, `gpu.amd.com`, `hami-gpu.project-hami.io`.
///
/// It goes by the driver's first DNS label, `gpu` or `…-gpu`: `compute-domain.nvidia.com` and drivers of
/// network cards hand out devices that are no GPUs, and have no part in GPU-hours and money.
#[must_use]
pub fn is_gpu_driver(driver: &str) -> bool {
    let label = driver.split('.').next().unwrap_or_default();
    label == "gpu" || label.ends_with("-gpu")
}

impl ClaimConsumer {
    /// Whether it is a pod.
    #[must_use]
    pub fn is_pod(&self) -> bool {
        self.group.is_empty() && self.resource == "pods"
    }
}

/// A pool of devices, as of its newest generation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PoolFact {
    /// Driver.
    pub driver: String,
    /// Name.
    pub name: String,
    /// Generation that is used: the highest seen.
    pub generation: i64,
    /// Slices that the pool says it has, and how many of this generation were seen.
    pub slices: (i64, i64),
    /// Node that all its devices are on; `None` for network-attached ones, and where devices differ.
    pub node: Option<String>,
    /// Devices, by name.
    pub devices: Vec<DraDevice>,
    /// Counter sets by name: what partitions of one card share.
    pub counter_sets: BTreeMap<String, BTreeMap<String, f64>>,
}

impl PoolFact {
    /// Whether every slice of the generation was seen.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.slices.1 >= self.slices.0
    }
}

/// A device that a driver offers: a card, or a partition of one that may or may not exist now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DraDevice {
    /// Name within the pool.
    pub name: String,
    /// Node, where the device (or its pool) has one.
    pub node: Option<String>,
    /// Attributes as text; the driver's own without domain (`uuid`, `type`), others with it
    /// (`resource.kubernetes.io/pciBusID`).
    pub attributes: BTreeMap<String, String>,
    /// Capacity by name, without the driver's domain.
    pub capacity: BTreeMap<String, f64>,
    /// Counters taken, by counter set.
    pub consumes: BTreeMap<String, BTreeMap<String, f64>>,
    /// Taints, in order of their text.
    pub taints: Vec<DeviceTaint>,
    /// May be allocated several times.
    pub multi_allocation: bool,
}

/// A taint of a device, by its driver or by an administrator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceTaint {
    /// `key=value:Effect`.
    pub text: String,
    /// `timeAdded`, where the server says so.
    pub since_ms: Option<Millis>,
}

impl DeviceTaint {
    /// Whether it keeps new pods away.
    #[must_use]
    pub fn keeps_pods_away(&self) -> bool {
        self.text.ends_with(":NoSchedule") || self.text.ends_with(":NoExecute")
    }
}

/// A device class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceClassFact {
    /// Name.
    pub name: String,
    /// Extended resource that it backs.
    pub extended_resource: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created_ms: Option<Millis>,
}

/// A claim template.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimTemplateFact {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What its claims ask for.
    pub requests: Vec<ClaimRequest>,
}

/// A workload whose pod template names a claim: it may be used again although no pod uses it now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimReference {
    /// Namespace of both.
    pub namespace: String,
    /// The claim's name.
    pub claim: String,
    /// The workload (Deployment, CronJob, Sandbox, PodGroup, …).
    pub by: OwnerRef,
    /// It is suspended or scaled to zero.
    pub dormant: bool,
}

/// All that the cluster says of DRA.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DraFacts {
    /// Claims, by namespace and name.
    pub claims: Vec<ClaimFact>,
    /// Pools, by driver and name.
    pub pools: Vec<PoolFact>,
    /// Device classes, by name.
    pub classes: Vec<DeviceClassFact>,
    /// Templates, by namespace and name.
    pub templates: Vec<ClaimTemplateFact>,
    /// Claims that workloads name, sorted.
    pub references: Vec<ClaimReference>,
    /// Claims of pod groups: (namespace, pod group) → claim names.
    pub pod_group_claims: BTreeMap<(String, String), Vec<String>>,
}

impl DraFacts {
    /// Whether a GPU driver offers any device.
    #[must_use]
    pub fn has_gpus(&self) -> bool {
        self.pools.iter().any(|pool| is_gpu_driver(&pool.driver) && !pool.devices.is_empty())
    }

    /// Whether a GPU driver offers devices on this node.
    #[must_use]
    pub fn has_devices_on(&self, node: &str) -> bool {
        let here = |pool: &&PoolFact| {
            pool.node.as_deref() == Some(node)
                || pool.devices.iter().any(|d| d.node.as_deref() == Some(node))
        };
        self.pools.iter().filter(|p| is_gpu_driver(&p.driver)).any(|p| here(&p))
    }
}

#[cfg(test)]
mod tests {
    use super::is_gpu_driver;

    /// Trap 30: `compute-domain.nvidia.com` devices are not GPUs.
    #[test]
    fn drivers_of_gpus_by_their_first_label() {
        for (driver, expected) in [
            ("gpu.nvidia.com", true),
            ("gpu.amd.com", true),
            ("gpu", true),
            ("hami-core-gpu.project-hami.io", true),
            ("compute-domain.nvidia.com", false),
            ("gpunetwork.example.com", false),
            ("nic.gpu.example.com", false),
            ("egpu.example.com", false),
            ("", false),
        ] {
            assert_eq!(is_gpu_driver(driver), expected, "{driver}");
        }
    }
}
