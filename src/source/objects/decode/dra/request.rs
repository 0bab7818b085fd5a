//! What a claim asks for: the same in claims and templates.

use serde_json::Value;

use super::super::one_line;
use super::fields::{self, Complain, within};
use crate::model::dra::ClaimRequest;

/// The requests of a claim's `spec`, in order. One that cannot be used is complained about and left out.
///
/// `v1` and `v1beta2` put an exact request below `exactly`, `v1beta1` on the request itself; a
/// prioritized list is `firstAvailable` in all of them.
pub(super) fn requests(spec: &Value, complain: Complain<'_>) -> Vec<ClaimRequest> {
    let list = fields::object(spec, "devices")
        .and_then(|devices| fields::list(devices, "requests").map_err(within("devices")));
    let list = match list {
        Ok(list) => list,
        Err(error) => {
            complain(format!("spec.{error}; its requests are left out"));
            return Vec::new();
        }
    };
    let mut requests = Vec::new();
    for (index, request) in list.iter().enumerate() {
        let place = format!("spec.devices.requests[{index}]");
        one_or_several(request, &place, &mut requests, complain);
    }
    requests
}

fn one_or_several(
    request: &Value,
    place: &str,
    requests: &mut Vec<ClaimRequest>,
    complain: Complain<'_>,
) {
    let parts = fields::required(request, "name").and_then(|name| {
        Ok((name, fields::list(request, "firstAvailable")?, fields::object(request, "exactly")?))
    });
    let (name, alternatives, exactly) = match parts {
        Ok(parts) => parts,
        Err(error) => return complain(format!("{place}.{error}; the request is left out")),
    };
    if alternatives.is_empty() {
        let (body, place) = match exactly {
            Value::Null => (request, place.to_owned()),
            exactly => (exactly, format!("{place}.exactly")),
        };
        requests.extend(exact(body, name.to_owned(), &place, complain));
        return;
    }
    for (index, alternative) in alternatives.iter().enumerate() {
        let place = format!("{place}.firstAvailable[{index}]");
        match fields::required(alternative, "name") {
            Ok(sub) => {
                requests.extend(exact(alternative, format!("{name}/{sub}"), &place, complain));
            }
            Err(error) => complain(format!("{place}.{error}; the request is left out")),
        }
    }
}

/// One request, below whatever its version puts it.
fn exact(body: &Value, name: String, place: &str, complain: Complain<'_>) -> Option<ClaimRequest> {
    let read = || -> Result<ClaimRequest, String> {
        Ok(ClaimRequest {
            class: fields::required(body, "deviceClassName")?.to_owned(),
            count: count(body)?,
            admin_access: fields::flag(body, "adminAccess")?,
            ..ClaimRequest::default()
        })
    };
    let mut request = match read() {
        Ok(request) => request,
        Err(error) => {
            complain(format!("{place}.{error}; the request is left out"));
            return None;
        }
    };
    request.name = name;
    let mut here = |detail: String| complain(format!("{place}.{detail}"));
    request.selectors = selectors(body, &mut here);
    match fields::object(body, "capacity") {
        Ok(capacity) => {
            let mut here = |detail: String| here(format!("capacity.{detail}"));
            request.capacity = fields::amounts(capacity, "requests", &mut here);
        }
        Err(error) => here(format!("{error}; left out")),
    }
    Some(request)
}

/// Devices asked for; `None` for all. A mode that is not known must be refused: it may mean anything.
fn count(body: &Value) -> Result<Option<u32>, String> {
    match fields::text(body, "allocationMode")? {
        None | Some("ExactCount") => {
            let count = fields::whole(body, "count", 1)?.unwrap_or(1);
            u32::try_from(count).map(Some).map_err(|_| format!("count: {count} is out of range"))
        }
        Some("All") => Ok(None),
        Some(mode) => Err(format!(
            "allocationMode: \"{}\" is not known (ExactCount and All are)",
            one_line(mode)
        )),
    }
}

fn selectors(body: &Value, complain: Complain<'_>) -> Vec<String> {
    let list = match fields::list(body, "selectors") {
        Ok(list) => list,
        Err(error) => {
            complain(format!("{error}; left out"));
            return Vec::new();
        }
    };
    let mut selectors = Vec::new();
    for (index, selector) in list.iter().enumerate() {
        let cel = fields::object(selector, "cel")
            .and_then(|cel| fields::required(cel, "expression").map_err(within("cel")));
        match cel {
            Ok(expression) => selectors.push(expression.to_owned()),
            Err(error) => complain(format!("selectors[{index}].{error}; left out")),
        }
    }
    selectors
}
