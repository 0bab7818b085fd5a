//! Settings as the policy that the core follows.

use super::layers::Layers;
use super::{parse, prices, selector, tenants};
use crate::error::Result;
use crate::model::Policy;
use crate::model::policy::Scope;
use crate::model::recommending::Recommending;
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
        recommending: recommending(layers)?,
        scope: scope(layers)?,
        default_step_ms: defaults.default_step_ms,
    })
}

fn recommending(layers: &Layers) -> Result<Recommending> {
    let defaults = Recommending::default();
    let length = |text: &str| parse::duration_up_to(text, 365 * MS_PER_DAY, "a year");
    Ok(Recommending {
        min_history_ms: layers.one("min-history", length)?.unwrap_or(defaults.min_history_ms),
        min_observed: layers.one("min-observed", parse::ratio)?.unwrap_or(defaults.min_observed),
        min_held_gpu_hours: layers
            .one("min-held", parse::amount)?
            .unwrap_or(defaults.min_held_gpu_hours),
        idle_limit_ms: layers.one("idle-limit", length)?.unwrap_or(defaults.idle_limit_ms),
        fit_share: layers.one("fit-share", parse::inner_ratio)?.unwrap_or(defaults.fit_share),
        half_life_ms: layers.one("half-life", length)?.unwrap_or(defaults.half_life_ms),
        compute_percentile: layers
            .one("compute-percentile", parse::ratio)?
            .unwrap_or(defaults.compute_percentile),
        memory_margin: layers
            .one("memory-margin", parse::factor)?
            .unwrap_or(defaults.memory_margin),
        memory_spread: layers
            .one("memory-spread", parse::factor)?
            .unwrap_or(defaults.memory_spread),
        max_over_share: layers.one("max-over", parse::ratio)?.unwrap_or(defaults.max_over_share),
        target_load: layers.one("target-load", parse::inner_ratio)?.unwrap_or(defaults.target_load),
        cpu_percentile: layers
            .one("cpu-percentile", parse::ratio)?
            .unwrap_or(defaults.cpu_percentile),
        request_margin: layers
            .one("request-margin", parse::factor)?
            .unwrap_or(defaults.request_margin),
        request_excess: layers
            .one("request-excess", parse::inner_ratio)?
            .unwrap_or(defaults.request_excess),
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
