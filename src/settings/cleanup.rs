//! Which changes are made, and how carefully.

use super::layers::{Layers, Origin};
use super::{parse, selector};
use crate::cleanup::plan::contract::Limits;
use crate::cleanup::run::exempt::Exemptions;
use crate::cleanup::run::mark::Patience;
use crate::error::Result;
use crate::units::MS_PER_DAY;

/// Which changes are made, and how carefully.
#[derive(Debug, Clone)]
pub struct CleanupOptions {
    /// How much one run may change.
    pub limits: Limits,
    /// What is left alone.
    pub exemptions: Exemptions,
    /// How long a finding must have been there.
    pub patience: Patience,
    /// How long a plan may be applied, milliseconds.
    pub plan_lifetime_ms: i64,
    /// Namespaces of the Lease, the first that exists.
    pub lease_namespaces: Vec<String>,
    /// How long a Lease that is not renewed keeps others out, milliseconds.
    pub lease_duration_ms: i64,
}

/// Reads the options.
///
/// # Errors
///
/// A usage error that names the flag, variable or key.
pub fn options(layers: &Layers) -> Result<CleanupOptions> {
    let length = |text: &str| parse::duration_up_to(text, 365 * MS_PER_DAY, "a year");
    let many = |id: &str| layers.one(id, |text| parse::count(text, 1, 1_000_000));
    let lease_namespace = layers.one("lease-namespace", parse::plain)?;
    let is_given = layers.origin("lease-namespace")? != Origin::Default;
    let lease_namespaces = match lease_namespace {
        Some(namespace) if is_given => vec![namespace],
        _ => vec!["gpu-finops".to_owned(), "default".to_owned()],
    };
    Ok(CleanupOptions {
        limits: Limits {
            max_changes: many("max-changes")?.map_or(0, |n| u64::try_from(n).unwrap_or(u64::MAX)),
            max_share: layers.one("max-percent", parse::ratio)?.unwrap_or(0.0),
            max_savings: layers.one("max-savings", parse::amount)?,
        },
        exemptions: Exemptions {
            protected: layers.many("protect", parse::whole_pattern)?,
            keep_selector: layers.one("keep-selector", selector::parse)?.unwrap_or_default(),
            keep_kinds: layers.many("keep-kind", parse::plain)?,
            min_age_ms: layers.one("min-age", length)?.unwrap_or(0),
        },
        patience: Patience {
            grace_ms: layers.one("grace", length)?.unwrap_or(MS_PER_DAY),
            runs: many("runs")?.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX)),
            all: layers.switch("mark-all")?,
        },
        plan_lifetime_ms: layers.one("plan-lifetime", length)?.unwrap_or(MS_PER_DAY),
        lease_namespaces,
        lease_duration_ms: layers.one("lease-duration", lease_duration)?.unwrap_or(60_000),
    })
}

fn lease_duration(text: &str) -> parse::Read<i64> {
    let length = parse::duration_up_to(text, 3_600_000, "an hour")?;
    match length {
        1_000.. => Ok(length),
        _ => Err(format!("{} is shorter than a second", parse::quoted(text))),
    }
}
