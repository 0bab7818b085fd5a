//! One rule of a price book, from the section of a YAML file that says it.

use chrono::NaiveDate;

use super::model_pattern;
use crate::model::policy::{PriceOrigin, PriceRule};
use crate::settings::config::sections::{PriceMatch, PriceSection};
use crate::settings::parse::positive_price;

/// Most GPUs that one node is believed to have.
const MAX_GPUS_PER_NODE: u32 = 1_024;

/// What is wrong: the key below the rule, and why.
pub(super) type Refusal = (&'static str, String);
/// A part of a rule, or what is wrong with it.
pub(super) type Checked<T> = std::result::Result<T, Refusal>;

/// The rule that a section says, with this source text.
///
/// # Errors
///
/// The key below the rule, and what is wrong with its value.
pub(super) fn from_section(
    section: &PriceSection,
    source: String,
    origin: PriceOrigin,
) -> Checked<PriceRule> {
    let everywhere = PriceMatch::default();
    let applies = section.applies_to.as_ref().unwrap_or(&everywhere);
    let model = applies.model.as_deref().map(model_pattern).transpose();
    Ok(PriceRule {
        model: model.map_err(|e| ("match.model", e))?,
        instance_type: applies.instance_type.clone(),
        capacity_type: applies.capacity_type.clone(),
        region: applies.region.clone(),
        node: applies.node.clone(),
        node_labels: applies.node_labels.clone().unwrap_or_default(),
        per_gpu_hour: per_gpu_hour(section)?,
        source,
        date: section.date.as_deref().map(date).transpose()?,
        origin,
    })
}

fn per_gpu_hour(section: &PriceSection) -> Checked<f64> {
    let believed = |key: &'static str, value: f64| {
        positive_price(value).map_err(|e| (key, format!("`{value}` {e}")))
    };
    match (section.per_gpu_hour, section.per_node_hour) {
        (Some(price), None) => {
            refuse_node_keys(section)?;
            believed("per_gpu_hour", price)
        }
        (None, Some(price)) => {
            let price = believed("per_node_hour", price)? * gpu_share(section)?;
            believed("per_node_hour", price / f64::from(gpus(section)?))
        }
        (Some(_), Some(_)) => {
            Err(("per_node_hour", "stands beside `per_gpu_hour`; give one of them".to_owned()))
        }
        (None, None) => {
            Err(("per_gpu_hour", "is missing; give it, or `per_node_hour` and `gpus`".to_owned()))
        }
    }
}

fn refuse_node_keys(section: &PriceSection) -> Checked<()> {
    let strays = [
        ("gpus", section.gpus.is_some()),
        ("split", section.split.is_some()),
        ("gpu_share", section.gpu_share.is_some()),
    ];
    match strays.into_iter().find(|(_, stray)| *stray) {
        Some((key, _)) => Err((key, "goes with `per_node_hour` only".to_owned())),
        None => Ok(()),
    }
}

fn gpus(section: &PriceSection) -> Checked<u32> {
    match section.gpus {
        Some(gpus) if (1..=MAX_GPUS_PER_NODE).contains(&gpus) => Ok(gpus),
        Some(gpus) => {
            Err(("gpus", format!("`{gpus}` is not a number from 1 to {MAX_GPUS_PER_NODE}")))
        }
        None => Err(("gpus", "is missing; `per_node_hour` needs it".to_owned())),
    }
}

/// The part of a node's price that is its GPUs'.
fn gpu_share(section: &PriceSection) -> Checked<f64> {
    match (section.split.as_deref(), section.gpu_share) {
        (None | Some("gpu-only"), None) => Ok(1.0),
        (Some("95-3-2"), None) => Ok(0.95),
        (Some(other), None) => {
            Err(("split", format!("`{other}` is not one of gpu-only, 95-3-2; or use `gpu_share`")))
        }
        (None, Some(share)) if share > 0.0 && share <= 1.0 => Ok(share),
        (None, Some(share)) => Err(("gpu_share", format!("`{share}` is not above 0 and up to 1"))),
        (Some(_), Some(_)) => {
            Err(("gpu_share", "stands beside `split`; give one of them".to_owned()))
        }
    }
}

fn date(text: &str) -> Checked<String> {
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(("date", format!("`{text}` is not a date; use YYYY-MM-DD"))),
    }
}
