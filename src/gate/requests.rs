//! What the containers of a pod ask for by extended resources, and by the annotations of KAI and the resources of HAMi.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ask::{Part, Piece, Unknown};
use super::models::spelled;
use super::world::World;
use crate::model::quantity;
use crate::sizing::hardware;

/// Vendors' domains of which every resource is an accelerator or a part of one.
const DOMAINS: &[&str] = &["amd.com", "gpu.intel.com", "habana.ai"];
/// What else NVIDIA's domain has: network devices, and the resources of HAMi that cut down `nvidia.com/gpu`.
const NVIDIA_OTHERS: &[&str] =
    &["rdma", "hostdev", "sriov", "roce", "ib_", "mlnx", "bf", "gpumem", "gpucores"];
/// Resource that stands for a device class (`DRAExtendedResource`).
const IMPLICIT: &str = "deviceclass.resource.kubernetes.io/";
const BYTES_PER_MIB: f64 = crate::units::BYTES_PER_MIB;

/// An amount with the pointer of where it is written.
type Amounts = BTreeMap<String, (f64, String)>;

/// Accelerators that the containers at these pointers ask for, together.
///
/// The pod's share is that of all containers and sidecars, or of the largest init container: they run before.
pub(super) fn pieces(
    object: &Value,
    containers_at: &[String],
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Vec<Piece> {
    let (mut sum, mut init) = (Amounts::new(), Amounts::new());
    for at in containers_at {
        let Some(container) = object.pointer(at) else { continue };
        let is_sidecar = container["restartPolicy"].as_str() == Some("Always");
        let is_init = at.contains("/initContainers/") && !is_sidecar;
        for (name, amount) in amounts(&container["resources"], &format!("{at}/resources"), unknown)
        {
            let into = if is_init { &mut init } else { &mut sum };
            let known = into.entry(name).or_insert((0.0, amount.1));
            known.0 = if is_init { known.0.max(amount.0) } else { known.0 + amount.0 };
        }
    }
    for (name, (most, at)) in init {
        let known = sum.entry(name).or_insert((0.0, at));
        known.0 = known.0.max(most);
    }
    of_amounts(&sum, world)
}

/// Accelerators that an object with `limits` and `requests` asks for.
pub(super) fn of_resources(
    resources: &Value,
    at: &str,
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Vec<Piece> {
    of_amounts(&amounts(resources, at, unknown), world)
}

/// An amount of one resource.
pub(super) fn of_one(
    name: &str,
    value: &Value,
    at: &str,
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Vec<Piece> {
    let mut amounts = Amounts::new();
    read(name, value, at, &mut amounts, unknown);
    of_amounts(&amounts, world)
}

/// Whether a resource's name is that of an accelerator, or says how large a part of one is wanted.
pub(super) fn is_accelerator(name: &str) -> bool {
    is_device(name) || name.starts_with("nvidia.com/gpumem") || name == "nvidia.com/gpucores"
}

fn is_device(name: &str) -> bool {
    let Some((domain, rest)) = name.split_once('/') else { return false };
    match domain {
        "nvidia.com" => !NVIDIA_OTHERS.iter().any(|other| rest.starts_with(other)),
        "aws.amazon.com" => rest.starts_with("neuron"),
        "google.com" => rest == "tpu",
        "deviceclass.resource.kubernetes.io" => true,
        "requests.nvidia.com" | "limits.nvidia.com" => false,
        _ => DOMAINS.contains(&domain) || rest.contains("gpu"),
    }
}

/// Limits and, of what has none, requests.
fn amounts(resources: &Value, at: &str, unknown: &mut Vec<Unknown>) -> Amounts {
    let mut found = Amounts::new();
    for part in ["limits", "requests"] {
        for (name, value) in resources[part].as_object().into_iter().flatten() {
            let at = format!("{at}/{part}/{}", crate::kinds::escaped(name));
            if !found.contains_key(name) {
                read(name, value, &at, &mut found, unknown);
            }
        }
    }
    found
}

fn read(name: &str, value: &Value, at: &str, found: &mut Amounts, unknown: &mut Vec<Unknown>) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null => return,
        other => other.to_string(),
    };
    match quantity::amount(&text) {
        Ok(amount) => {
            found.insert(name.to_owned(), (amount, at.to_owned()));
        }
        Err(error) if is_accelerator(name) => unknown.push(Unknown {
            message: format!("`{name}` of {text:?} is not a number of devices: {error}"),
            at: at.to_owned(),
        }),
        Err(_) => {}
    }
}

fn of_amounts(amounts: &Amounts, world: &World<'_>) -> Vec<Piece> {
    let devices =
        amounts.iter().filter(|(name, (amount, _))| is_accelerator(name) && *amount > 0.0);
    let pieces: Vec<Piece> = devices
        .filter(|(name, _)| is_device(name))
        .filter(|(name, _)| world.is_gpu_class(name.strip_prefix(IMPLICIT).unwrap_or("gpu")))
        .map(|(name, (amount, at))| piece(name, *amount, at, world))
        .collect();
    let hami = hami(amounts);
    let cut = |piece: Piece| match &hami {
        Some(part) if piece.part == Part::Whole => Piece { part: part.clone(), ..piece },
        _ => piece,
    };
    pieces.into_iter().map(cut).collect()
}

/// What part of a card HAMi gives each of its virtual GPUs.
fn hami(amounts: &Amounts) -> Option<Part> {
    let of = |name: &str| amounts.get(name).map(|(amount, _)| *amount);
    let percent = |name: &str| of(name).map_or(0.0, |percent| (percent / 100.0).clamp(0.0, 1.0));
    let floor = percent("nvidia.com/gpucores").max(percent("nvidia.com/gpumem-percentage"));
    match of("nvidia.com/gpumem") {
        Some(mib) => Some(Part::Memory { bytes: mib * BYTES_PER_MIB, floor }),
        None => (floor > 0.0).then_some(Part::Share(floor)),
    }
}

fn piece(name: &str, devices: f64, at: &str, world: &World<'_>) -> Piece {
    let whole = Piece { devices, name: name.to_owned(), at: at.to_owned(), ..Piece::default() };
    if world.assumed.gpu_resources.iter().any(|known| known == name) {
        return whole;
    }
    if let Some(piece) = world.of_class_resource(name, &whole) {
        return piece;
    }
    let (_, resource) = name.split_once('/').unwrap_or(("", name));
    let (resource, is_shared) = match resource.strip_suffix(".shared") {
        Some(rest) => (rest, true),
        None => (resource, false),
    };
    let part = match (resource.strip_prefix("mig-"), is_shared) {
        // An instance that is shared counts whole: nothing tells how many share it.
        (Some(profile), _) => Part::Mig(profile.to_owned()),
        (None, true) => Part::Shared,
        (None, false) => Part::Whole,
    };
    // `nvidia.com/a100`: operators may name a resource after the model.
    let model = spelled(resource, None);
    let model = hardware::of(&model).map(|hardware| hardware.name.clone());
    // What is no GPU of these two is a model of its own, by the name of its resource.
    let is_other = !name.starts_with("nvidia.com/") && !name.starts_with("amd.com/");
    let model = model.or_else(|| (is_other && !resource.contains("gpu")).then(|| name.to_owned()));
    Piece { part, model, ..whole }
}

/// What the annotations of KAI ask for: `gpu-fraction` of a card, or `gpu-memory` MiB of one.
pub(super) fn kai(annotations: &Value, at: &str) -> Option<Piece> {
    let number = |name: &str| {
        let value = &annotations[name];
        value.as_str().and_then(|text| text.parse::<f64>().ok()).or_else(|| value.as_f64())
    };
    let (name, part) = match (number("gpu-fraction"), number("gpu-memory")) {
        (Some(share), _) => ("gpu-fraction", Part::Share(share.clamp(0.0, 1.0))),
        (None, Some(mib)) => {
            ("gpu-memory", Part::Memory { bytes: mib * BYTES_PER_MIB, floor: 0.0 })
        }
        (None, None) => return None,
    };
    let devices = number("gpu-fraction-num-devices").unwrap_or(1.0);
    let at = format!("{at}/{name}");
    Some(Piece { devices, part, name: name.to_owned(), at, ..Piece::default() })
}
