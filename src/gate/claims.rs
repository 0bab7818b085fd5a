//! Devices that resource claims and their templates ask for (`resource.k8s.io`, v1, v1beta2 and v1beta1).

use serde_json::Value;

use super::ask::{Part, Piece, Unknown};
use super::cel;
use super::world::World;
use crate::model::quantity;

/// Versions whose claims had another shape altogether.
const CLASSIC: &[&str] = &["resource.k8s.io/v1alpha1", "resource.k8s.io/v1alpha2"];

/// Whether the version of an object is one that is not understood.
pub(super) fn is_classic(object: &Value) -> bool {
    object["apiVersion"].as_str().is_some_and(|version| CLASSIC.contains(&version))
}

/// Devices that the `spec` of a claim asks for, at its pointer.
pub(super) fn pieces(
    spec: &Value,
    at: &str,
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Vec<Piece> {
    let list = spec.pointer("/devices/requests").and_then(Value::as_array);
    let requests = list.into_iter().flatten().enumerate();
    let mut pieces: Vec<Piece> = requests
        .filter_map(|(index, request)| {
            let at = format!("{at}/devices/requests/{index}");
            of_request(request, &at, world, unknown)
        })
        .collect();
    if is_one_card(spec) {
        pieces.iter_mut().for_each(|piece| piece.is_of_one_card = true);
    }
    pieces
}

/// Whether all devices have to be of the same card.
fn is_one_card(spec: &Value) -> bool {
    let constraints = spec.pointer("/devices/constraints").and_then(Value::as_array);
    constraints.into_iter().flatten().any(|constraint| {
        let is_all = constraint["requests"].as_array().is_none_or(Vec::is_empty);
        let attribute = constraint["matchAttribute"].as_str().unwrap_or_default();
        is_all && attribute.ends_with("/parentUUID")
    })
}

/// One request: itself, what is below `exactly`, or the first of its alternatives.
fn of_request(
    request: &Value,
    at: &str,
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Option<Piece> {
    let alternatives = request["firstAvailable"].as_array().filter(|list| !list.is_empty());
    let (body, at) = match (alternatives, &request["exactly"]) {
        (Some(list), _) => (&list[0], format!("{at}/firstAvailable/0")),
        (None, Value::Null) => (request, at.to_owned()),
        (None, exactly) => (exactly, format!("{at}/exactly")),
    };
    let class = body["deviceClassName"].as_str()?;
    if !world.is_gpu_class(class) || body["adminAccess"].as_bool() == Some(true) {
        return None;
    }
    let devices = match (body["allocationMode"].as_str(), &body["count"]) {
        (Some("All"), _) => {
            let message = format!("asks for all devices of `{class}`, however many a node has");
            unknown.push(Unknown { message, at });
            return None;
        }
        (_, Value::Null) => 1.0,
        (_, count) => count.as_f64()?,
    };
    let said = cel::read(expressions(body).chain(world.class_expressions(class)));
    let part = match (&said.profile, capacity(body)) {
        (Some(profile), _) => Part::Mig(profile.clone()),
        (None, Some(bytes)) => Part::Memory { bytes, floor: 0.0 },
        // An instance of which nobody knows how large it is.
        (None, None) if class.starts_with("mig.") => Part::AtMost,
        (None, None) => Part::Whole,
    };
    let alternatives = alternatives.map_or(0, Vec::len);
    let name = match alternatives {
        0 | 1 => class.to_owned(),
        several => format!("{class}, the first of {several} alternatives"),
    };
    let (model, among) = (said.model, said.among);
    Some(Piece { devices, part, model, among, name, at, ..Piece::default() })
}

/// CEL expressions of the selectors of a request or a class.
pub(super) fn expressions(body: &Value) -> impl Iterator<Item = &str> {
    let selectors = body["selectors"].as_array().into_iter().flatten();
    selectors.filter_map(|selector| selector.pointer("/cel/expression")?.as_str())
}

/// Memory that is asked for of a device that several share, bytes.
fn capacity(body: &Value) -> Option<f64> {
    let requests = body.pointer("/capacity/requests")?.as_object()?;
    let memory = requests.iter().find(|(name, _)| {
        name.rsplit_once('/').map_or(name.as_str(), |(_, name)| name) == "memory"
    });
    quantity::amount(memory?.1.as_str()?).ok()
}
