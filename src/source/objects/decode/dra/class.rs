//! DeviceClasses.

use serde_json::Value;

use super::super::metadata::Metadata;
use super::fields::{self, within};
use crate::model::dra::DeviceClassFact;

/// One device class.
///
/// # Errors
/// When its extended resource is not a text.
pub(super) fn class(metadata: Metadata, value: &Value) -> Result<DeviceClassFact, String> {
    let extended = fields::object(value, "spec")
        .and_then(|spec| fields::text(spec, "extendedResourceName").map_err(within("spec")))
        .map_err(|error| format!("{error}; the class is left out"))?;
    Ok(DeviceClassFact {
        name: metadata.name,
        extended_resource: extended.map(str::to_owned),
        created_ms: metadata.created_ms,
    })
}
