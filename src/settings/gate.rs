//! What a change of manifests is priced with and judged by, and what a CI server is told.

use super::layers::Layers;
use super::parse::{self, Read, quoted};
use super::prices::model_pattern;
use super::show;
use crate::error::Result;
use crate::gate::{Assumed, Increase, Rules};
use crate::model::Policy;
use crate::units::{MS_PER_DAY, MS_PER_HOUR};

/// Settings of the gate.
#[derive(Debug, Clone)]
pub struct Gate {
    /// What is assumed of what manifests leave open.
    pub assumed: Assumed,
    /// What a change must not do.
    pub rules: Rules,
    /// Assumptions as the report states them.
    pub shown: Vec<show::Shown>,
    /// Whether somebody named a source of metrics.
    pub has_source: bool,
}

/// What a CI server is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ci {
    /// Whether a broken rule lets the run end well.
    pub warn_only: bool,
    /// Money a month below which a comment is left empty.
    pub comment_threshold: f64,
}

/// Settings that name a source of metrics.
const SOURCES: &[&str] = &["prometheus", "snapshot", "store", "scrape"];

/// Reads the settings of the gate.
///
/// # Errors
///
/// A usage error that names the flag, variable or key.
pub fn gate(layers: &Layers, policy: &Policy) -> Result<Gate> {
    let length = |text: &str| parse::duration_up_to(text, 31 * MS_PER_DAY, "a month");
    let replicas = layers.one("shared-replicas", |text| parse::count(text, 1, 1_000))?;
    let mut has_source = false;
    for id in SOURCES {
        has_source |= layers.origin(id)?.rank() > 0;
    }
    Ok(Gate {
        assumed: Assumed {
            gpu_resources: policy.gpu_resources.clone(),
            default_model: layers.one("default-model", parse::plain)?,
            job_ms: layers.one("job-duration", length)?.unwrap_or(MS_PER_HOUR),
            shared_replicas: replicas.and_then(|n| u32::try_from(n).ok()),
        },
        rules: Rules {
            max_increase: layers.one("max-increase", increase)?,
            forbid_models: layers.many("forbid-model", model_pattern)?,
            require_labels: layers.many("require-label", parse::plain)?,
            deny_over_history: layers.switch("deny-over-history")?,
            deny_cron_overlap: layers.switch("deny-cron-overlap")?,
        },
        shown: show::gate(layers, policy)?,
        has_source,
    })
}

/// Reads what a CI server is told.
///
/// # Errors
///
/// As [`gate`].
pub fn ci(layers: &Layers) -> Result<Ci> {
    Ok(Ci {
        warn_only: layers.switch("warn-only")?,
        comment_threshold: layers.one("comment-threshold", parse::amount)?.unwrap_or(0.0),
    })
}

/// Money, or a share of what it was.
///
/// # Errors
///
/// Neither an amount nor a percentage.
pub fn increase(text: &str) -> Read<Increase> {
    let refused = || format!("{} is not an increase; use money such as 500, or 10%", quoted(text));
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent = parse::amount(percent.trim()).map_err(|_| refused())?;
            Ok(Increase::Share(percent / 100.0))
        }
        None => parse::amount(text).map(Increase::Amount).map_err(|_| refused()),
    }
}
