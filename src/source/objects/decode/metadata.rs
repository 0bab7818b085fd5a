//! `metadata`, the same for every kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde_json::Value;

use crate::model::objects::{ObjectLabels, OwnerRef};
use crate::units::Millis;

/// The part of an object's metadata that facts are made of.
pub(super) struct Metadata {
    pub(super) name: String,
    namespace: Option<String>,
    pub(super) uid: Option<String>,
    /// Where it is kept: see `sanitise`.
    pub(super) resource_version: Option<String>,
    pub(super) labels: ObjectLabels,
    pub(super) annotations: ObjectLabels,
    /// The controller.
    pub(super) owner: Option<OwnerRef>,
    /// All owners, in order.
    pub(super) owners: Vec<OwnerReference>,
    pub(super) created_ms: Option<Millis>,
    pub(super) deletion_ms: Option<Millis>,
}

impl Metadata {
    /// The namespace; empty for a cluster-wide object.
    ///
    /// A manifest that was never applied (no UID) and names no namespace would land in `default`.
    pub(super) fn namespace(&self, api_version: &str, kind: &str) -> String {
        let cluster_wide = match kind {
            "Node" | "Namespace" => api_version == "v1",
            "DeviceClass" | "DeviceTaintRule" | "ResourceSlice" => {
                api_version.starts_with("resource.k8s.io/")
            }
            _ => false,
        };
        match &self.namespace {
            Some(namespace) if !cluster_wide => namespace.clone(),
            None if !cluster_wide && (self.uid.is_none() || kind == "Pod") => "default".to_owned(),
            _ => String::new(),
        }
    }
}

/// Reads `metadata` of an object, and takes its `resourceVersion` off: two records that differ in
/// nothing else say the same.
pub(super) fn read(object: &mut Value) -> Result<Metadata, String> {
    let Some(metadata) = object.get_mut("metadata") else {
        return Err("has no metadata".to_owned());
    };
    let version = metadata.as_object_mut().and_then(|m| m.shift_remove("resourceVersion"));
    let resource_version = version.as_ref().and_then(Value::as_str).map(str::to_owned);
    let metadata = &*metadata;
    for field in ["creationTimestamp", "deletionTimestamp"] {
        check_instant(field, metadata.get(field))?;
    }
    let meta: ObjectMeta =
        serde::Deserialize::deserialize(metadata).map_err(|e| format!("metadata: {e}"))?;
    // A generated name only exists once the object was created.
    let name = meta.name.filter(|n| !n.is_empty());
    let generated = || meta.generate_name.filter(|n| !n.is_empty());
    let name = name.or_else(generated).ok_or("has no metadata.name")?;
    let owners = meta.owner_references.unwrap_or_default();
    let controller = owners.iter().find(|owner| owner.controller == Some(true));
    Ok(Metadata {
        name,
        namespace: meta.namespace.filter(|n| !n.is_empty()),
        uid: meta.uid.filter(|u| !u.is_empty()),
        resource_version: resource_version.filter(|v| !v.is_empty()),
        labels: meta.labels.unwrap_or_default(),
        annotations: meta.annotations.unwrap_or_default(),
        owner: controller.map(|o| OwnerRef { kind: o.kind.clone(), name: o.name.clone() }),
        owners,
        created_ms: meta.creation_timestamp.as_ref().map(millis),
        deletion_ms: meta.deletion_timestamp.as_ref().map(millis),
    })
}

/// The type's own message shows neither field nor value.
fn check_instant(field: &str, value: Option<&Value>) -> Result<(), String> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(()) };
    match <Time as serde::Deserialize>::deserialize(value) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("metadata.{field}: {value} is not an RFC 3339 time")),
    }
}

/// An instant of an object.
pub(super) fn millis(time: &Time) -> Millis {
    time.0.as_millisecond()
}
