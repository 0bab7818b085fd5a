//! Fewer GPUs, or parts of one, in the pod templates of a workload that asks for them as extended resources.
//!
//! Limits and requests are changed together, for the server refuses a request that differs from its limit. A template
//! that several containers of ask for GPUs is left alone: which of them does without is not known.

use serde_json::{Map, Value};

use super::{Edited, put, renamed};
use crate::kinds;
use crate::model::quantity;

/// What the names of MIG instances begin with, as resources.
const MIG: &str = "nvidia.com/mig-";
/// What the names of device classes begin with, as resources (`DRAExtendedResource`).
const CLASS: &str = "deviceclass.resource.kubernetes.io/";
/// Where a group of Ray's pods says how many GPUs each has, beside its template.
const OF_RAY: &str = "rayStartParams/num-gpus";
/// Where a `TrainJob` asks for the GPUs of each node.
const TRAIN_JOB: &str = "/spec/trainer/resourcesPerNode";

/// Names of resources that are GPUs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Those that stand for whole GPUs.
    pub whole: Vec<String>,
}

impl Names {
    fn is_gpu(&self, name: &str) -> bool {
        self.is_whole(name) || name.starts_with(MIG)
    }

    fn is_whole(&self, name: &str) -> bool {
        self.whole.iter().any(|whole| whole == name) || name.starts_with(CLASS)
    }
}

/// The resource that a MIG profile is asked for by.
#[must_use]
pub fn mig_resource(profile: &str) -> String {
    format!("{MIG}{}", profile.replace('+', "."))
}

/// A container that asks for GPUs.
struct Asker {
    /// Pointer of its resources.
    at: String,
    /// Name of the resource.
    resource: String,
    count: u64,
    /// It has ended when the others begin.
    passes: bool,
}

/// Those of each pod template.
fn askers(object: &Value, names: &Names) -> Result<Vec<Vec<Asker>>, String> {
    let mut pods = Vec::new();
    for template in kinds::templates(object) {
        let mut pod = Vec::new();
        for container in &template.containers_at {
            let passes = container.contains("/initContainers/")
                && object.pointer(&format!("{container}/restartPolicy")).is_none();
            pod.extend(asker(object, format!("{container}/resources"), passes, names)?);
        }
        pods.push(pod);
    }
    if object.get("kind").and_then(Value::as_str) == Some("TrainJob") {
        pods.push(asker(object, TRAIN_JOB.to_owned(), false, names)?.into_iter().collect());
    }
    Ok(pods)
}

fn asker(object: &Value, at: String, passes: bool, names: &Names) -> Result<Option<Asker>, String> {
    let mut found: Option<(String, u64)> = None;
    for map in ["limits", "requests"] {
        let Some(map) = object.pointer(&format!("{at}/{map}")).and_then(Value::as_object) else {
            continue;
        };
        for (name, quantity) in map.iter().filter(|(name, _)| names.is_gpu(name)) {
            let count = count(quantity)
                .ok_or_else(|| format!("`{name}: {quantity}` at {at} is no whole number"))?;
            match &found {
                Some((other, _)) if other != name => {
                    return Err(format!("{at} asks for `{other}` and for `{name}`"));
                }
                Some((_, other)) if *other != count => {
                    return Err(format!("`{name}` at {at} differs between limits and requests"));
                }
                _ => found = Some((name.clone(), count)),
            }
        }
    }
    let found = found.filter(|(_, count)| *count > 0);
    Ok(found.map(|(resource, count)| Asker { at, resource, count, passes }))
}

/// A quantity of an extended resource: a whole number, as number or as text.
fn count(quantity: &Value) -> Option<u64> {
    quantity.as_u64().or_else(|| quantity::gpu_count(quantity.as_str()?).ok().map(u64::from))
}

/// Whether a template of the object asks for GPUs as resources.
#[must_use]
pub fn asks(object: &Value, names: &Names) -> bool {
    askers(object, names).is_ok_and(|pods| pods.iter().any(|pod| !pod.is_empty()))
}

/// Pod templates that ask for `from` GPUs ask for `to`.
///
/// # Errors
///
/// Why that cannot be.
pub fn fewer(object: &Value, (from, to): (u32, u32), names: &Names) -> Edited {
    let mut after = object.clone();
    let mut is_done = false;
    for pod in askers(object, names)? {
        let (passing, staying): (Vec<&Asker>, Vec<&Asker>) = pod.iter().partition(|a| a.passes);
        let total: u64 = staying.iter().map(|asker| asker.count).sum();
        if total != u64::from(from) || to >= from {
            continue;
        }
        let [one] = staying.as_slice() else {
            return Err(format!(
                "{} containers of a pod ask for GPUs, and which of them does without is not known",
                staying.len()
            ));
        };
        let excess = passing.iter().filter(|asker| asker.count > u64::from(to));
        for asker in std::iter::once(one).chain(excess) {
            set(&mut after, asker, to);
        }
        if let Some((group, _)) = one.at.split_once("/template/spec/") {
            told(&mut after, &format!("{group}/{OF_RAY}"), (from, to));
        }
        is_done = true;
    }
    match is_done {
        true => Ok(after),
        false => Err(format!("none of its pod templates asks for {from} GPUs")),
    }
}

fn set(object: &mut Value, asker: &Asker, to: u32) {
    for map in ["limits", "requests"] {
        let map = object.pointer_mut(&format!("{}/{map}", asker.at)).and_then(Value::as_object_mut);
        if let Some(quantity) = map.and_then(|map| map.get_mut(&asker.resource)) {
            *quantity = like(quantity, to);
        }
    }
}

/// What Ray is told goes before what it sees.
fn told(object: &mut Value, at: &str, (from, to): (u32, u32)) {
    let told = object.pointer_mut(at);
    if let Some(quantity) = told.filter(|quantity| count(quantity) == Some(u64::from(from))) {
        *quantity = like(quantity, to);
    }
}

/// A quantity written as the other is.
fn like(other: &Value, quantity: u32) -> Value {
    if other.is_number() { quantity.into() } else { quantity.to_string().into() }
}

/// Pod templates that ask for one GPU, or one instance of profile `from`, ask for one instance of profile `to`.
///
/// # Errors
///
/// Why that cannot be.
pub fn slice(object: &Value, (from, to): (&str, &str), names: &Names) -> Edited {
    let mut after = object.clone();
    let new = mig_resource(to);
    let is_from = |name: &str| match from {
        "whole" => names.is_whole(name),
        profile => name == mig_resource(profile),
    };
    let mut is_done = false;
    for pod in askers(object, names)? {
        if !pod.iter().any(|asker| is_from(&asker.resource)) {
            continue;
        }
        let total: u64 = pod.iter().filter(|a| !a.passes).map(|asker| asker.count).sum();
        if total != 1 || pod.iter().any(|asker| asker.count > 1 || !is_from(&asker.resource)) {
            return Err(format!("a pod of it asks for {total} GPUs, not for one"));
        }
        for asker in &pod {
            for map in ["limits", "requests"] {
                let at = format!("{}/{map}", asker.at);
                let Some(map) = after.pointer(&at).and_then(Value::as_object) else { continue };
                let Some(quantity) = map.get(&asker.resource) else { continue };
                let map: Map<String, Value> =
                    renamed(map, &asker.resource, &new, &like(quantity, 1));
                let is_put = put(&mut after, &at, map.into());
                debug_assert!(is_put, "it was there");
            }
        }
        is_done = true;
    }
    match is_done {
        true => Ok(after),
        false => Err(format!("none of its pod templates asks for `{from}`")),
    }
}
