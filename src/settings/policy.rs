//! Settings as the policy that the core follows.

use super::layers::Layers;
use super::{parse, prices, selector, tenants};
use crate::error::Result;
use crate::model::Policy;
use crate::model::policy::Scope;
use crate::report::contract::ScopeRow;
use crate::units::MS_PER_DAY;

/// Reads the settings that decide figures.
///
/// # Errors
///
/// A usage error that names the flag, variable or key.
pub fn policy(layers: &Layers) -> Result<Policy> {
    let defaults = Policy::default();
    let max_gap = |text: &str| parse::duration_up_to(text, MS_PER_DAY, "a day");
    Ok(Policy {
        idle_below: layers.one("idle-below", parse::ratio)?.unwrap_or(defaults.idle_below),
        max_gap_ms: layers.one("max-gap", max_gap)?.unwrap_or(defaults.max_gap_ms),
        empty_memory_bytes: layers
            .one("empty-memory", parse::bytes)?
            .unwrap_or(defaults.empty_memory_bytes),
        empty_memory_ratio: layers
            .one("empty-memory-ratio", parse::ratio)?
            .unwrap_or(defaults.empty_memory_ratio),
        gpu_resources: layers.many("gpu-resource", parse::plain)?,
        tenant_rules: tenants::tenant_rules(layers.config())?,
        prices: prices::price_book(layers)?,
        scope: scope(layers)?,
        default_step_ms: defaults.default_step_ms,
    })
}

fn scope(layers: &Layers) -> Result<Scope> {
    Ok(Scope {
        tenants: layers.many("tenant", parse::whole_pattern)?,
        namespaces: layers.many("namespace", parse::whole_pattern)?,
        selector: layers.one("selector", selector::parse)?.unwrap_or_default(),
    })
}

/// The scope as the report shows it.
///
/// # Errors
///
/// A usage error, as for the scope itself.
pub fn scope_as_typed(layers: &Layers) -> Result<ScopeRow> {
    Ok(ScopeRow {
        tenants: layers.many("tenant", parse::plain)?,
        namespaces: layers.many("namespace", parse::plain)?,
        selector: layers.one("selector", parse::plain)?,
    })
}
