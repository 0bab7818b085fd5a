//! What deserves attention, most money first.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::RenderOptions;
use super::super::format::{UNKNOWN, bytes, count, decimal, duration, hours, money_alone, percent};
use super::{Block, Item, Tone, len, shown};
use crate::report::contract::{Basis, Finding, Report, SavingsKind, Severity};

/// How many names of a list are spelled out before the rest is counted.
const NAMES: usize = 2;

pub(super) fn blocks(report: &Report, options: &RenderOptions) -> Vec<Block> {
    if report.findings.is_empty() {
        return Vec::new();
    }
    let visible = shown(report.findings.len(), options.top);
    let mut blocks = vec![Block::Heading("Findings, most money first".to_owned())];
    let items = report.findings.iter().take(visible);
    blocks.extend(items.map(|finding| Block::Item(item(finding, &report.currency))));
    let hidden = report.findings.len() - visible;
    if hidden > 0 {
        let text = format!("… {} more", count(len(hidden)));
        blocks.push(Block::Note(Tone::Muted, text));
    }
    blocks
}

fn item(finding: &Finding, currency: &str) -> Item {
    let (severity, tone) = match finding.severity {
        Severity::High => ("HIGH", Tone::Bad),
        Severity::Medium => ("MEDIUM", Tone::Warn),
        Severity::Low => ("LOW", Tone::Plain),
    };
    let savings = match finding.monthly_savings {
        None => "savings unknown".to_owned(),
        Some(savings) => {
            let kind = match finding.savings_kind {
                SavingsKind::Realisable => "realisable",
                SavingsKind::Capacity => "in capacity, not yet in money",
            };
            format!("{} a month {kind}", money_alone(Some(savings), currency))
        }
    };
    let cluster = finding.cluster.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    let basis = match finding.basis {
        Basis::Measured => "measured",
        Basis::Estimate => "estimated",
        Basis::Assumed => "assumed",
    };
    Item {
        tone,
        head: format!("{severity} {cluster}{}: {savings}", finding.subject),
        body: finding.action.clone(),
        foot: format!(
            "{}, {basis}, confidence {}{}",
            finding.rule,
            percent(Some(finding.confidence)),
            after_colon(&evidence(&finding.evidence))
        ),
    }
}

/// Text after a colon, where there is any.
pub(super) fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// Figures by name, each in its unit.
pub(super) fn evidence(figures: &BTreeMap<String, Value>) -> String {
    let figure =
        |(key, value): (&String, &Value)| format!("{} {}", words(key), in_its_unit(key, value));
    // What is not known is told by the coverage.
    let is_known = |(_, value): &(&String, &Value)| !value.is_null() && value.as_str() != Some("");
    figures.iter().filter(is_known).map(figure).collect::<Vec<_>>().join(", ")
}

/// The name of a figure without its unit, which the figure has.
fn words(key: &str) -> String {
    let bare = ["_gpu_hours", "_seconds", "_bytes", "_ratio"]
        .iter()
        .find_map(|unit| key.strip_suffix(unit));
    bare.unwrap_or(key).replace('_', " ")
}

/// A figure of the evidence as text, in the unit that its name ends in.
fn in_its_unit(key: &str, value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => names(list),
        Value::Number(number) => {
            let figure = number.as_f64();
            match key {
                _ if key.ends_with("_gpu_hours") => format!("{} GPU-h", hours(figure, 1)),
                _ if key.ends_with("_seconds") => duration(figure),
                _ if key.ends_with("_bytes") => bytes(figure),
                _ if key.ends_with("_ratio") || key.starts_with("utilization") => percent(figure),
                _ if !number.is_f64() => number.to_string(),
                _ => figure.map_or_else(|| UNKNOWN.to_owned(), |figure| decimal(figure, 2)),
            }
        }
        other => other.to_string(),
    }
}

/// The first names of a list; the JSON has all of them.
fn names(list: &[Value]) -> String {
    let first: Vec<&str> = list.iter().take(NAMES).filter_map(Value::as_str).collect();
    match list.len().saturating_sub(NAMES) {
        0 => first.join(" "),
        more => format!("{} … {} more", first.join(" "), count(len(more))),
    }
}
