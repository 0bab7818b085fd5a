//! What deserves attention, most money first.

use super::super::RenderOptions;
use super::super::format::{UNKNOWN, count, money_alone, percent};
use super::{Block, Item, Tone, len, shown};
use crate::report::contract::{Basis, Finding, Report, SavingsKind, Severity};

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
    let basis = match finding.basis {
        Basis::Measured => "measured",
        Basis::Estimate => "estimated",
        Basis::Assumed => "assumed",
    };
    let evidence: Vec<String> =
        finding.evidence.iter().map(|(key, value)| format!("{key} {}", plain(value))).collect();
    Item {
        tone,
        head: format!("{severity} {}: {savings}", finding.subject),
        body: finding.action.clone(),
        foot: format!(
            "{}, {basis}, confidence {}{}{}",
            finding.rule,
            percent(Some(finding.confidence)),
            if evidence.is_empty() { "" } else { ": " },
            evidence.join(", ")
        ),
    }
}

/// A figure of the evidence as text; strings without their quotes.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => UNKNOWN.to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number
            .as_f64()
            .filter(|_| !number.is_u64() && !number.is_i64())
            .map_or_else(|| number.to_string(), rounded),
        other => other.to_string(),
    }
}

/// Three decimals are enough to recognise a figure; the JSON has all of them.
fn rounded(value: f64) -> String {
    let text = super::super::format::decimal(value, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
