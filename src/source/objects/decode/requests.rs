//! What a pod asks for, as the scheduler counts it.
//!
//! The rule is that of `component-helpers/resource.PodRequests`: the sum of the containers and of the
//! sidecars (init containers that restart `Always`), or any one init container with the sidecars that
//! were started before it, whichever is larger, resource by resource. A limit without a request
//! counts as the request.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::objects::PodRequests;
use crate::model::quantity::{self, QuantityError};

type Quantities = BTreeMap<String, Quantity>;

/// Amounts by resource: devices, millicores, bytes.
type Amounts = BTreeMap<String, i64>;

/// Vendors' domains of which every resource is a GPU, a part of one, or the like.
const GPU_DOMAINS: &[&str] = &["amd.com", "gpu.intel.com", "habana.ai"];
/// What else NVIDIA's domain has: network devices.
const NVIDIA_OTHERS: &[&str] = &["rdma", "hostdev", "sriov", "roce", "ib_", "mlnx", "bf"];

/// Whether an extended resource is a GPU, a part of one or another accelerator.
pub(crate) fn is_gpu_like(resource: &str) -> bool {
    let Some((domain, name)) = resource.split_once('/') else { return false };
    match domain {
        "nvidia.com" => !NVIDIA_OTHERS.iter().any(|other| name.starts_with(other)),
        "aws.amazon.com" => name.starts_with("neuron"),
        "google.com" => name == "tpu",
        // Limits of a quota, not resources of a pod.
        "requests.nvidia.com" => false,
        _ => GPU_DOMAINS.contains(&domain) || name.contains("gpu"),
    }
}

/// The effective requests of a pod. `complain` hears of each quantity that cannot be used.
///
/// When a count in `gpu_resources` is bad, the pod's GPUs are not known and `gpus` is empty.
pub(super) fn effective(
    spec: &PodSpec,
    gpu_resources: &[String],
    complain: &mut dyn FnMut(String),
) -> PodRequests {
    let mut reader = Reader { gpu_resources, complain, gpus_are_bad: false };
    let mut total = reader.of_containers(spec);
    if let Some(resources) = &spec.resources {
        for (name, amount) in reader.pod_level(resources, &total) {
            total.insert(name, amount);
        }
    }
    add(&mut total, &reader.overhead(spec));

    let bad = reader.gpus_are_bad;
    let mut requests = PodRequests {
        cpu_millicores: total.remove("cpu").unwrap_or(0),
        memory_bytes: total.remove("memory").unwrap_or(0),
        ..PodRequests::default()
    };
    for (name, amount) in total {
        // Sums of `u32` counts over a pod's containers.
        let count = u32::try_from(amount).unwrap_or(u32::MAX);
        if count == 0 {
            continue;
        }
        if !gpu_resources.contains(&name) {
            requests.other_gpu_requests.insert(name, count);
        } else if !bad {
            requests.gpus.insert(name, count);
        }
    }
    requests
}

struct Reader<'a> {
    gpu_resources: &'a [String],
    complain: &'a mut dyn FnMut(String),
    gpus_are_bad: bool,
}

impl Reader<'_> {
    fn of_containers(&mut self, spec: &PodSpec) -> Amounts {
        let mut sum = Amounts::new();
        for container in &spec.containers {
            add(&mut sum, &self.of_container(container));
        }
        let mut sidecars = Amounts::new();
        let mut largest = Amounts::new();
        for container in spec.init_containers.iter().flatten() {
            let own = self.of_container(container);
            if container.restart_policy.as_deref() == Some("Always") {
                add(&mut sum, &own);
                add(&mut sidecars, &own);
                raise(&mut largest, &sidecars);
            } else {
                let mut with_sidecars = sidecars.clone();
                add(&mut with_sidecars, &own);
                raise(&mut largest, &with_sidecars);
            }
        }
        raise(&mut sum, &largest);
        sum
    }

    fn of_container(&mut self, container: &Container) -> Amounts {
        let Some(resources) = &container.resources else { return Amounts::new() };
        let place = format!("container {:?}", container.name);
        self.amounts(&place, &requested(resources))
    }

    /// CPU and memory given for the pod as a whole stand in place of the sum; a limit alone does
    /// so only where no container asks for anything.
    fn pod_level(&mut self, resources: &ResourceRequirements, sum: &Amounts) -> Amounts {
        let mut stated = resources.limits.clone().unwrap_or_default();
        stated.retain(|name, _| !sum.contains_key(name));
        stated.extend(resources.requests.clone().unwrap_or_default());
        stated.retain(|name, _| matches!(name.as_str(), "cpu" | "memory"));
        self.amounts("the pod's resources", &stated)
    }

    /// What the runtime class adds.
    fn overhead(&mut self, spec: &PodSpec) -> Amounts {
        let mut overhead = spec.overhead.clone().unwrap_or_default();
        overhead.retain(|name, _| matches!(name.as_str(), "cpu" | "memory"));
        self.amounts("the pod's overhead", &overhead)
    }

    fn amounts(&mut self, place: &str, quantities: &Quantities) -> Amounts {
        let mut amounts = Amounts::new();
        for (name, quantity) in quantities {
            let is_gpu = self.gpu_resources.contains(name);
            let amount = match name.as_str() {
                "cpu" => quantity::millicores(&quantity.0),
                "memory" => quantity::bytes(&quantity.0),
                _ if is_gpu || is_gpu_like(name) => quantity::gpu_count(&quantity.0).map(i64::from),
                _ => continue,
            };
            match amount {
                Ok(amount) => {
                    amounts.insert(name.clone(), amount);
                }
                Err(error) => self.reject(place, name, is_gpu, &error),
            }
        }
        amounts
    }

    fn reject(&mut self, place: &str, name: &str, is_gpu: bool, error: &QuantityError) {
        self.gpus_are_bad |= is_gpu;
        let consequence = match name {
            _ if is_gpu => "how many GPUs the pod holds is not known from this object",
            "cpu" | "memory" => "it is left out of the pod's requests",
            _ => "it is left out",
        };
        (self.complain)(format!("{place}: {name}: {error}; {consequence}"));
    }
}

/// Requests, and limits where there is no request.
fn requested(resources: &ResourceRequirements) -> Quantities {
    let mut requested = resources.limits.clone().unwrap_or_default();
    requested.extend(resources.requests.clone().unwrap_or_default());
    requested
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let entry = sum.entry(name.clone()).or_default();
        *entry = entry.saturating_add(*amount);
    }
}

fn raise(sum: &mut Amounts, floor: &Amounts) {
    for (name, amount) in floor {
        let entry = sum.entry(name.clone()).or_default();
        *entry = (*entry).max(*amount);
    }
}

/// Takes out what is held through claims instead (DRA-backed extended resources).
pub(super) fn without(requests: &mut PodRequests, claimed: &BTreeSet<&str>) {
    requests.gpus.retain(|name, _| !claimed.contains(name.as_str()));
    requests.other_gpu_requests.retain(|name, _| !claimed.contains(name.as_str()));
}
