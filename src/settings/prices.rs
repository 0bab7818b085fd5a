//! Prices of `--price` and of the config file as rules of the price book, before the built-in list.

use chrono::NaiveDate;
use regex::Regex;

use super::config::Config;
use super::config::sections::{PriceMatch, PriceSection};
use super::layers::Layers;
use super::parse::{Read, compile, currency, positive_price, price};
use crate::cost::book;
use crate::error::{Error, Result};
use crate::model::policy::{PriceBook, PriceOrigin, PriceRule};

/// Currency of the built-in list.
const BUILT_IN_CURRENCY: &str = "USD";
/// Most GPUs that one node is believed to have.
const MAX_GPUS_PER_NODE: u32 = 1_024;

/// The price book in force: flags, config, built-in, in this order.
///
/// # Errors
///
/// A usage error that names the flag or key, and the value.
pub fn price_book(layers: &Layers) -> Result<PriceBook> {
    let code = layers.one("currency", currency)?.unwrap_or_else(|| BUILT_IN_CURRENCY.to_owned());
    let usd_rate = layers.one("usd-rate", price)?;
    if usd_rate.is_some_and(|rate| code == BUILT_IN_CURRENCY && rate != 1.0) {
        return Err(Error::usage("`--usd-rate` converts from USD, and the currency is USD")
            .hinted("name the currency too: `--currency EUR --usd-rate 0.92`"));
    }
    let mut rules = layers.many("price", from_flag)?;
    rules.extend(from_config(layers.config())?);
    rules.extend(built_in(&code, usd_rate));
    Ok(PriceBook { currency: code, rules })
}

/// The built-in list in this currency; empty where nobody said how to convert it.
fn built_in(currency: &str, usd_rate: Option<f64>) -> Vec<PriceRule> {
    let converted = |rate: f64| {
        book::built_in()
            .into_iter()
            .map(|rule| PriceRule {
                per_gpu_hour: rule.per_gpu_hour * rate,
                source: format!("{}, at {rate} {currency} per USD", rule.source),
                ..rule
            })
            .collect()
    };
    match usd_rate {
        _ if currency == BUILT_IN_CURRENCY => book::built_in(),
        Some(rate) => converted(rate),
        None => Vec::new(),
    }
}

/// Reads `MODEL=PRICE`.
fn from_flag(text: &str) -> Read<PriceRule> {
    let (model, amount) = text.rsplit_once('=').ok_or_else(|| {
        format!("`{text}` is not MODEL=PRICE; use A100=2.50, or '*=2' for every model")
    })?;
    let per_gpu_hour = price(amount.trim()).map_err(|e| format!("`{text}`: {e}"))?;
    Ok(PriceRule {
        model: Some(model_pattern(model).map_err(|e| format!("`{text}`: {e}"))?),
        instance_type: None,
        capacity_type: None,
        region: None,
        node_labels: std::collections::BTreeMap::new(),
        per_gpu_hour,
        source: format!("given by --price {text}"),
        date: None,
        origin: PriceOrigin::Flag,
    })
}

/// Whole words of a model's name, case-blind, with `*` for anything: `A100` is every A100 and no
/// A1000, `H100` is no GH200.
///
/// # Errors
///
/// No word and no star.
pub fn model_pattern(text: &str) -> Read<Regex> {
    let name = book::model_name(text);
    if name.is_empty() {
        return Err(format!("`{text}` names no GPU model; use * for every model"));
    }
    let words = name.split('*').map(regex::escape).collect::<Vec<_>>().join(".*");
    compile(&format!("{WORDS_BEFORE}{words}{WORDS_AFTER}"), true)
}

/// What [`model_pattern`] puts around its words.
const WORDS_BEFORE: &str = "^(?:.* )?";
const WORDS_AFTER: &str = "(?: .*)?$";

/// A model's pattern for people: what was typed, or the expression of the built-in list.
#[must_use]
pub fn pattern_text(model: &Regex) -> String {
    let text = model.as_str();
    let typed = text.strip_prefix(WORDS_BEFORE).and_then(|t| t.strip_suffix(WORDS_AFTER));
    let listed = text.strip_prefix("^(?:").and_then(|t| t.strip_suffix(")$"));
    match (typed, listed) {
        (Some(words), _) => words.replace(".*", "*"),
        (None, Some(expression)) => format!("/{expression}/"),
        (None, None) => format!("/{text}/"),
    }
}

fn from_config(config: &Config) -> Result<Vec<PriceRule>> {
    let sections = config.file().prices.as_ref().and_then(|p| p.rules.as_deref());
    sections
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(|(i, section)| {
            from_section(section)
                .map_err(|(key, what)| config.refuse(&format!("prices.rules[{i}].{key}"), &what))
        })
        .collect()
}

/// What is wrong: the key below the rule, and why.
type Refusal = (&'static str, String);
/// A part of a rule, or what is wrong with it.
type Checked<T> = std::result::Result<T, Refusal>;

fn from_section(section: &PriceSection) -> Checked<PriceRule> {
    let everywhere = PriceMatch::default();
    let applies = section.applies_to.as_ref().unwrap_or(&everywhere);
    let model = applies.model.as_deref().map(model_pattern).transpose();
    Ok(PriceRule {
        model: model.map_err(|e| ("match.model", e))?,
        instance_type: applies.instance_type.clone(),
        capacity_type: applies.capacity_type.clone(),
        region: applies.region.clone(),
        node_labels: applies.node_labels.clone().unwrap_or_default(),
        per_gpu_hour: per_gpu_hour(section)?,
        source: section.source.clone().unwrap_or_else(|| "config file".to_owned()),
        date: section.date.as_deref().map(date).transpose()?,
        origin: PriceOrigin::Config,
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
