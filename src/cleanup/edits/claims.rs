//! What a workload asks for by resource claims (DRA).
//!
//! Specs of claims and of claim templates are immutable: another size is another object, with a name that is made from its
//! spec, and a workload that names it. So the same change is the same name, and one that is there already is used.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::put;
use crate::cleanup::objects::{Object, Objects, bare, text};
use crate::kinds;

/// Group of claims and their templates.
const GROUP: &str = "resource.k8s.io";
/// Device class of MIG instances of NVIDIA's driver.
const MIG_CLASS: &str = "mig.nvidia.com";
/// Devices of this class are no GPUs.
const NO_GPUS: &str = "compute-domain";
/// What stands before the hash in a derived name.
const MARK: &str = "-rs";
/// Longest name of an object.
const MAX_NAME: usize = 253;
/// Annotation with the name of what an object was derived from.
pub const DERIVED_FROM: &str = "gpu-finops.dev/derived-from";

/// What a workload that asks for other claims takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Repointed<'a> {
    /// Templates and claims that have to be made first, each with what it takes the place of.
    pub created: Vec<(Value, Object<'a>)>,
    /// The workload, naming them.
    pub after: Value,
    /// Claims that nothing names any more.
    pub left_over: Vec<Object<'a>>,
}

/// An entry of a pod's claims with what it names.
struct Named<'a> {
    /// Pointer of the name.
    at: String,
    object: Object<'a>,
}

impl<'a> Named<'a> {
    fn is_template(&self) -> bool {
        self.object.kind() == "ResourceClaimTemplate"
    }

    fn spec_at(&self) -> &'static str {
        if self.is_template() { "/spec/spec" } else { "/spec" }
    }

    fn requests(&self) -> &'a [Value] {
        let at = format!("{}/devices/requests", self.spec_at());
        self.object.value.pointer(&at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// A request for devices that may be GPUs.
struct Request<'n, 'a> {
    named: &'n Named<'a>,
    index: usize,
    count: u64,
}

/// The workload asks for `to` devices where it asked for `from`.
///
/// # Errors
///
/// Why that cannot be.
pub fn fewer<'a>(
    workload: Object<'_>,
    (from, to): (u32, u32),
    objects: &Objects<'a>,
) -> Result<Repointed<'a>, String> {
    repointed(workload, objects, &|requests| {
        let total: u64 = requests.iter().map(|request| request.count).sum();
        if total != u64::from(from) || to >= from || to == 0 {
            return Ok(None);
        }
        let less = u64::from(from - to);
        let mut several = requests.iter().filter(|request| request.count > less);
        match (several.next(), several.next()) {
            (Some(one), None) => {
                Ok(Some((one.index, one.named.at.clone(), counted(one, one.count - less))))
            }
            _ => Err(format!(
                "{} requests share the {from} GPUs, and which of them does without is not known",
                requests.len()
            )),
        }
    })
}

/// The workload asks for one MIG instance of this profile where it asked for one GPU.
///
/// # Errors
///
/// Why that cannot be.
pub fn slice<'a>(
    workload: Object<'_>,
    profile: &str,
    objects: &Objects<'a>,
) -> Result<Repointed<'a>, String> {
    if !objects.of(GROUP, "DeviceClass").any(|class| class.name() == MIG_CLASS) {
        return Err(format!("there is no DeviceClass {MIG_CLASS} to ask for an instance by"));
    }
    repointed(workload, objects, &|requests| {
        let [one] = requests else {
            return Err(format!("it asks for GPUs by {} requests, not by one", requests.len()));
        };
        if one.count != 1 {
            return Err(format!("it asks for {} GPUs, not for one", one.count));
        }
        Ok(Some((one.index, one.named.at.clone(), sliced(one, profile))))
    })
}

/// A request for another number of the same.
fn counted(request: &Request<'_, '_>, count: u64) -> Value {
    let mut new = request.named.requests()[request.index].clone();
    let is_put = put(&mut new, "/exactly/count", count.into());
    debug_assert!(is_put, "requests are objects");
    new
}

/// A request for an instance in place of a card. Selectors on the card's size would not match an instance.
fn sliced(request: &Request<'_, '_>, profile: &str) -> Value {
    let expression = format!("device.attributes['gpu.nvidia.com'].profile == '{profile}'");
    let name = text(&request.named.requests()[request.index], "name");
    json!({ "name": name, "exactly": {
        "deviceClassName": MIG_CLASS,
        "selectors": [{ "cel": { "expression": expression } }],
        "allocationMode": "ExactCount",
        "count": 1,
    } })
}

/// From the requests of one pod template: which is changed (its index, the pointer of the claim's name), and to what.
type Choose<'c> = dyn Fn(&[Request<'_, '_>]) -> Result<Option<(usize, String, Value)>, String> + 'c;

fn repointed<'a>(
    workload: Object<'_>,
    objects: &Objects<'a>,
    choose: &Choose<'_>,
) -> Result<Repointed<'a>, String> {
    let mut out =
        Repointed { created: Vec::new(), after: workload.value.clone(), left_over: Vec::new() };
    let mut made: BTreeMap<String, ()> = BTreeMap::new();
    let mut is_done = false;
    for template in kinds::templates(workload.value) {
        let named = named(workload, &template.spec_at, template.spec, objects)?;
        let requests = requests(&named)?;
        let Some((index, at, new)) = choose(&requests)? else { continue };
        let Some(named) = named.iter().find(|named| named.at == at) else { continue };
        let derived = derived(named, index, new)?;
        let name = crate::cleanup::objects::meta(&derived, "name").to_owned();
        if !put(&mut out.after, &at, name.clone().into()) {
            return Err(format!("there is no place for {at}"));
        }
        let is_there = objects.find(workload.namespace(), named.object.kind(), &name);
        if is_there.is_none() && made.insert(name, ()).is_none() {
            out.created.push((derived, named.object));
        }
        if !named.is_template() && !out.left_over.contains(&named.object) {
            out.left_over.push(named.object);
        }
        is_done = true;
    }
    match is_done {
        true => Ok(out),
        false => Err("none of its pod templates asks for that many GPUs by claims".to_owned()),
    }
}

/// What the claims of a pod spec name.
fn named<'a>(
    workload: Object<'_>,
    spec_at: &str,
    spec: &Value,
    objects: &Objects<'a>,
) -> Result<Vec<Named<'a>>, String> {
    let entries = spec.get("resourceClaims").and_then(Value::as_array);
    let named = |(i, entry): (usize, &Value)| {
        let (field, kind) = match entry.get("resourceClaimTemplateName") {
            Some(_) => ("resourceClaimTemplateName", "ResourceClaimTemplate"),
            None => ("resourceClaimName", "ResourceClaim"),
        };
        let name = text(entry, field);
        let object = objects.find(workload.namespace(), kind, name);
        let object = object.ok_or_else(|| format!("{kind} `{name}` was not read"))?;
        Ok(Named { at: format!("{spec_at}/resourceClaims/{i}/{field}"), object })
    };
    entries.into_iter().flatten().enumerate().map(named).collect()
}

/// The requests of these for devices that may be GPUs.
fn requests<'n, 'a>(named: &'n [Named<'a>]) -> Result<Vec<Request<'n, 'a>>, String> {
    let mut out = Vec::new();
    for named in named {
        for (index, request) in named.requests().iter().enumerate() {
            let title = named.object.title();
            let Some(exactly) = request.get("exactly") else {
                return Err(format!(
                    "{title} has a list of alternatives (`firstAvailable`), and which of them its pods got \
                     differs"
                ));
            };
            if text(exactly, "deviceClassName").contains(NO_GPUS) {
                continue;
            }
            if exactly.get("allocationMode").is_some_and(|mode| mode != "ExactCount") {
                return Err(format!("{title} asks for all devices that match"));
            }
            let count = exactly.get("count").map_or(Some(1), Value::as_u64);
            let count = count.ok_or_else(|| format!("the count of {title} is no number"))?;
            out.push(Request { named, index, count });
        }
    }
    Ok(out)
}

/// The object with another request, under a name of its own.
fn derived(named: &Named<'_>, index: usize, request: Value) -> Result<Value, String> {
    let mut object = bare(named.object.value);
    let at = format!("{}/devices/requests/{index}", named.spec_at());
    let is_class_new = object.pointer(&format!("{at}/exactly/deviceClassName"))
        != request.pointer("/exactly/deviceClassName");
    let config = object.pointer(&format!("{}/devices/config", named.spec_at()));
    if is_class_new && config.is_some_and(|c| c.as_array().is_some_and(|c| !c.is_empty())) {
        return Err(format!(
            "{} has configuration for the device it asks for now, which an instance may not take",
            named.object.title()
        ));
    }
    if !put(&mut object, &at, request) {
        return Err(format!("{} has no request {index}", named.object.title()));
    }
    let old = named.object.name();
    let name = derived_name(old, object.get("spec").unwrap_or(&Value::Null));
    let is_put = put(&mut object, "/metadata/name", name.into())
        && put(
            &mut object,
            &format!("/metadata/annotations/{}", kinds::escaped(DERIVED_FROM)),
            old.into(),
        );
    debug_assert!(is_put, "metadata is an object");
    Ok(object)
}

/// `<name>-rs<hash of the spec>`: of a name that is derived already, its first part is kept.
#[must_use]
pub fn derived_name(name: &str, spec: &Value) -> String {
    let hash: String = Sha256::digest(sorted(spec).to_string())
        .iter()
        .take(4)
        .map(|b| format!("{b:02x}"))
        .collect();
    let is_hash = |tail: &str| tail.len() == 8 && tail.bytes().all(|b| b.is_ascii_hexdigit());
    let stem = name.rsplit_once(MARK).filter(|(_, tail)| is_hash(tail)).map_or(name, |(s, _)| s);
    let room = MAX_NAME - MARK.len() - hash.len();
    let stem = stem.get(..room).unwrap_or(stem).trim_end_matches(['-', '.']);
    format!("{stem}{MARK}{hash}")
}

/// The same whatever the order of its fields.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, Value> =
                map.iter().map(|(key, field)| (key, sorted(field))).collect();
            Value::Object(sorted.into_iter().map(|(k, v)| (k.clone(), v)).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
