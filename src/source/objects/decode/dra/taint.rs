//! Taints of devices: the driver's own, and those of DeviceTaintRules.

use serde_json::Value;

use super::fields::{self, within};
use crate::model::dra::{DeviceTaint, PoolFact};

/// A taint that an administrator puts on devices.
pub(super) struct TaintRule {
    /// Driver, pool and device that it is for; `None` for any.
    driver: Option<String>,
    pool: Option<String>,
    device: Option<String>,
    taint: DeviceTaint,
}

/// A taint as `key=value:Effect`, or `key:Effect` when it has no value, and since when.
pub(super) fn taint(value: &Value) -> Result<DeviceTaint, String> {
    let (key, effect) = (fields::required(value, "key")?, fields::required(value, "effect")?);
    let text = match fields::text(value, "value")? {
        Some(value) => format!("{key}={value}:{effect}"),
        None => format!("{key}:{effect}"),
    };
    Ok(DeviceTaint { text, since_ms: fields::instant(value, "timeAdded")? })
}

/// A DeviceTaintRule; `None` for one that selects nothing (it has no selector).
///
/// # Errors
/// When it selects by class or expression, as `v1alpha3` could until Kubernetes 1.34, or is malformed.
pub(super) fn rule(value: &Value) -> Result<Option<TaintRule>, String> {
    let left_out = |error: String| format!("spec.{error}; the rule is left out");
    let spec =
        fields::object(value, "spec").map_err(|error| format!("{error}; the rule is left out"))?;
    let selector = fields::object(spec, "deviceSelector").map_err(left_out)?;
    let at = |error| left_out(within("deviceSelector")(error));
    if !selector.is_object() {
        return Ok(None);
    }
    let by_class = fields::text(selector, "deviceClassName").map_err(at)?.is_some();
    if by_class || !fields::list(selector, "selectors").map_err(at)?.is_empty() {
        return Err(left_out(
            "deviceSelector: devices selected by class or expression are not known".to_owned(),
        ));
    }
    let text = |name: &str| fields::text(selector, name).map(|text| text.map(str::to_owned));
    let taint = fields::object(spec, "taint")
        .and_then(|value| taint(value).map_err(within("taint")))
        .map_err(left_out)?;
    Ok(Some(TaintRule {
        driver: text("driver").map_err(at)?,
        pool: text("pool").map_err(at)?,
        device: text("device").map_err(at)?,
        taint,
    }))
}

/// Puts the rules' taints on the devices that they select.
pub(super) fn apply(rules: &[TaintRule], pools: &mut [PoolFact]) {
    let fits = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|w| w == name);
    for rule in rules {
        let pools = pools.iter_mut();
        for pool in pools.filter(|p| fits(&rule.driver, &p.driver) && fits(&rule.pool, &p.name)) {
            let devices = pool.devices.iter_mut();
            for device in devices.filter(|device| fits(&rule.device, &device.name)) {
                device.taints.push(rule.taint.clone());
            }
        }
    }
    for device in pools.iter_mut().flat_map(|pool| &mut pool.devices) {
        device.taints.sort();
        device.taints.dedup();
    }
}
