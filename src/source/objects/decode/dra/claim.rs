//! ResourceClaims.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::metadata::Metadata;
use super::fields::{self, Complain, within};
use super::request::requests;
use crate::model::dra::{
    AllocatedDevice, ClaimAllocation, ClaimConsumer, ClaimFact, ClaimOwner, DeviceKey,
};
use crate::model::objects::OwnerRef;

/// Annotation of a claim that the scheduler made for an extended resource.
const FOR_EXTENDED_RESOURCE: &str = "resource.kubernetes.io/extended-resource-claim";

/// One claim. What of it cannot be used is complained about and left out.
///
/// # Errors
/// When it cannot be told whether it is allocated or reserved: the claim is left out then.
pub(super) fn claim(
    metadata: Metadata,
    namespace: String,
    value: &Value,
    complain: Complain<'_>,
) -> Result<ClaimFact, String> {
    let left_out = |error: String| format!("{error}; the claim is left out");
    let spec = fields::object(value, "spec").map_err(left_out)?;
    let status = fields::object(value, "status").map_err(left_out)?;
    let at = |error| left_out(within("status")(error));
    let allocation = fields::object(status, "allocation").map_err(at)?;
    let reserved_for = fields::list(status, "reservedFor").map_err(at)?;
    let for_extended_resource =
        metadata.annotations.get(FOR_EXTENDED_RESOURCE).is_some_and(|value| value == "true");
    Ok(ClaimFact {
        namespace,
        owner: owner(&metadata),
        name: metadata.name,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        labels: metadata.labels,
        created_ms: metadata.created_ms,
        deletion_ms: metadata.deletion_ms,
        for_extended_resource,
        requests: requests(spec, complain),
        // An allocation is one even with no results.
        allocation: allocation
            .is_object()
            .then(|| self::allocation(allocation, complain))
            .transpose()
            .map_err(left_out)?,
        reserved_for: consumers(reserved_for, complain),
    })
}

/// The controller, or else the first owner.
fn owner(metadata: &Metadata) -> Option<ClaimOwner> {
    let owners = &metadata.owners;
    let controller = owners.iter().find(|owner| owner.controller == Some(true));
    controller.or_else(|| owners.first()).map(|owner| ClaimOwner {
        this: OwnerRef { kind: owner.kind.clone(), name: owner.name.clone() },
        uid: owner.uid.clone(),
    })
}

fn allocation(allocation: &Value, complain: Complain<'_>) -> Result<ClaimAllocation, String> {
    let place = "status.allocation";
    let devices = fields::object(allocation, "devices").map_err(within(place))?;
    let results = fields::list(devices, "results").map_err(within("status.allocation.devices"))?;
    let at_ms = fields::instant(allocation, "allocationTimestamp").unwrap_or_else(|error| {
        complain(format!("{place}.{error}; taken as not known"));
        None
    });
    let mut allocated = Vec::with_capacity(results.len());
    for (index, result) in results.iter().enumerate() {
        let place = format!("{place}.devices.results[{index}]");
        let mut here = |detail: String| complain(format!("{place}.{detail}"));
        match device(result, &mut here) {
            Ok(device) => allocated.push(device),
            Err(error) => complain(format!("{place}.{error}; the device is left out")),
        }
    }
    Ok(ClaimAllocation { at_ms, devices: allocated })
}

fn device(result: &Value, complain: Complain<'_>) -> Result<AllocatedDevice, String> {
    let driver = fields::required(result, "driver")?.to_owned();
    let consumed: BTreeMap<String, f64> = fields::amounts(result, "consumedCapacity", complain);
    Ok(AllocatedDevice {
        request: fields::required(result, "request")?.to_owned(),
        consumed: fields::with_own_names(&driver, consumed),
        key: DeviceKey {
            driver,
            pool: fields::required(result, "pool")?.to_owned(),
            device: fields::required(result, "device")?.to_owned(),
        },
        admin_access: fields::flag(result, "adminAccess")?,
        share_id: fields::text(result, "shareID")?.map(str::to_owned),
    })
}

/// Who it is reserved for. A manifest may leave the UID out, which is empty then.
fn consumers(list: &[Value], complain: Complain<'_>) -> Vec<ClaimConsumer> {
    let mut consumers = Vec::with_capacity(list.len());
    for (index, consumer) in list.iter().enumerate() {
        let read = || -> Result<ClaimConsumer, String> {
            Ok(ClaimConsumer {
                group: fields::text(consumer, "apiGroup")?.unwrap_or_default().to_owned(),
                resource: fields::required(consumer, "resource")?.to_owned(),
                name: fields::required(consumer, "name")?.to_owned(),
                uid: fields::text(consumer, "uid")?.unwrap_or_default().to_owned(),
            })
        };
        match read() {
            Ok(consumer) => consumers.push(consumer),
            Err(error) => complain(format!("status.reservedFor[{index}].{error}; left out")),
        }
    }
    consumers
}
