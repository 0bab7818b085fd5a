//! Prices of flags, files and the config file as rules of the price book, before the built-in list.

mod book_file;
mod csv_file;
mod rule;
#[cfg(test)]
mod tests;

use regex::Regex;

use super::config::Config;
use super::layers::Layers;
use super::parse::{self, Read, compile, currency, price};
use crate::cost::book;
use crate::error::{Error, Result};
use crate::model::policy::{PriceBook, PriceOrigin, PriceRule};

/// Currency of the built-in list.
const BUILT_IN_CURRENCY: &str = "USD";

/// The price book in force: flags, files, config, built-in, in this order.
///
/// # Errors
///
/// A usage error that names the flag, file or key, and the value.
pub fn price_book(layers: &Layers) -> Result<PriceBook> {
    let code = layers.one("currency", currency)?.unwrap_or_else(|| BUILT_IN_CURRENCY.to_owned());
    let usd_rate = layers.one("usd-rate", price)?;
    if usd_rate.is_some_and(|rate| code == BUILT_IN_CURRENCY && rate != 1.0) {
        return Err(Error::usage("`--usd-rate` converts from USD, and the currency is USD")
            .hinted("name the currency too: `--currency EUR --usd-rate 0.92`"));
    }
    let mut rules = layers.many("price", from_flag)?;
    for path in layers.many("price-book", parse::path)? {
        rules.extend(book_file::read(&path, &code)?);
    }
    for path in layers.many("price-csv", parse::path)? {
        rules.extend(csv_file::read(&path, &code)?);
    }
    rules.extend(layers.fetched_prices().iter().cloned());
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
        node: None,
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
            let source = section.source.clone().unwrap_or_else(|| "config file".to_owned());
            rule::from_section(section, source, PriceOrigin::Config)
                .map_err(|(key, what)| config.refuse(&format!("prices.rules[{i}].{key}"), &what))
        })
        .collect()
}
