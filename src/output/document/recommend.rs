//! Recommendations for people: what they save together, each in a row, then each with its reasons and its proof.

use std::collections::BTreeMap;

use super::super::RenderOptions;
use super::super::format::{count, decimal, duration, hours_alone, money_alone, percent, plural};
use super::findings::{after_colon, evidence};
use super::value::{Value, column};
use super::{Block, Grid, GridColumn, GridRow, Item, Tone, len, packing, shown};
use crate::recommend::contract::{Change, NotJudged, ProofRow, RecommendReport, Recommendation};
use crate::report::contract::{Basis, SavingsKind};

/// From this rank on a column is shown in wide output only.
const WIDE: u8 = 10;
/// Warnings that are spelled out; `doctor` has all of them.
const WARNINGS: usize = 3;

/// The document for recommendations.
pub(in super::super) fn build(
    report: &RecommendReport,
    with_refused: bool,
    options: &RenderOptions,
) -> Vec<Block> {
    let window = &report.window;
    let title = format!("GPU recommendations, {} to {}", window.start, window.end);
    let mut blocks = vec![Block::Title(title), verdict(report)];
    blocks.extend(beside(report, with_refused).map(|text| Block::Note(Tone::Muted, text)));
    if !report.recommendations.is_empty() {
        blocks.push(Block::Heading("Recommendations, most money first".to_owned()));
        blocks.push(Block::Grid(grid(report, options)));
        let text = "* = counted in the total; the others are alternatives to one that is. \
                    Money = back as money, where it says so; else it frees capacity.";
        blocks.push(Block::Note(Tone::Muted, text.to_owned()));
        blocks.extend(items(
            "Why, and how it would have fared",
            &report.recommendations,
            report,
            options,
        ));
    }
    blocks.extend(packing::blocks(report, options));
    if with_refused {
        blocks.extend(items("Refused", &report.refused, report, options));
        blocks.extend(unjudged(&report.not_judged, options));
    }
    let warnings = report.coverage.warnings.iter().take(WARNINGS);
    blocks.extend(warnings.map(|w| Block::Note(Tone::Warn, w.message.clone())));
    blocks
}

/// `7 changes save $12,345 a month of $20,000 wasted; $3,000 of it comes back as money`.
fn verdict(report: &RecommendReport) -> Block {
    let totals = &report.totals;
    let currency = &report.currency;
    if report.recommendations.is_empty() {
        let text = "Nothing is recommended.".to_owned();
        return Block::Verdict(Tone::Good, text);
    }
    let saved = match totals.monthly_savings {
        Some(money) => format!("{} a month", money_alone(Some(money), currency)),
        None => format!("{} GPU-hours a month", hours_alone(totals.monthly_gpu_hours)),
    };
    let waste = match totals.monthly_waste {
        Some(_) => format!(" of {} wasted", money_alone(totals.monthly_waste, currency)),
        None => String::new(),
    };
    let back = match totals.monthly_savings_realisable {
        Some(money) if money > 0.0 => {
            format!("; {} of it comes back as money", money_alone(Some(money), currency))
        }
        _ => "; it frees capacity, and no node by itself".to_owned(),
    };
    let changes = plural(u64::from(totals.counted), "change saves", "changes save");
    let besides =
        match (totals.monthly_stranded_gpu_hours_freed, totals.monthly_stranded_cost_freed) {
            (hours, _) if hours <= 0.0 => String::new(),
            (hours, None) => {
                format!("; {} stranded GPU-hours become usable besides", hours_alone(hours))
            }
            (_, cost) => {
                format!("; {} of stranded GPUs become usable besides", money_alone(cost, currency))
            }
        };
    Block::Verdict(Tone::Warn, format!("{changes} {saved}{waste}{back}{besides}."))
}

/// What stands beside the recommendations.
fn beside(report: &RecommendReport, with_refused: bool) -> Option<String> {
    let mut parts = Vec::new();
    if !report.refused.is_empty() {
        parts.push(format!("{} refused by a replay", count(len(report.refused.len()))));
    }
    if !report.not_judged.is_empty() {
        parts.push(format!("{} not judged", count(len(report.not_judged.len()))));
    }
    if report.filtered > 0 {
        parts.push(format!("{} left out by the filters", count(u64::from(report.filtered))));
    }
    let hint = if with_refused { "" } else { " (--include-refused shows them)" };
    (!parts.is_empty()).then(|| format!("Beside these: {}{hint}.", parts.join(", ")))
}

fn grid(report: &RecommendReport, options: &RenderOptions) -> Grid {
    let visible = shown(report.recommendations.len(), options.top);
    let rows = &report.recommendations[..visible];
    let figures = |read: fn(&Recommendation) -> Value| {
        column(&rows.iter().map(read).collect::<Vec<_>>(), &report.currency)
    };
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let number = |header, rank| GridColumn { header, right: true, rank, flexible: false };
    let fixed = |header, rank| GridColumn { header, right: false, rank, flexible: false };
    let columns: Vec<(GridColumn, Vec<String>)> = vec![
        (fixed("", 0), figures(|r| Value::Text(if r.counted { "*" } else { "" }.to_owned()))),
        (number("saves/month", 0), figures(|r| Value::Money(r.finding.monthly_savings))),
        (fixed("rule", 0), figures(|r| Value::Text(r.finding.rule.clone()))),
        (text("workload", 0), figures(|r| Value::Text(r.finding.subject.clone()))),
        (text("tenant", 3), figures(|r| Value::Text(r.tenant.clone()))),
        (number("GPU-h/month", 4), figures(|r| Value::Hours(Some(r.monthly_gpu_hours)))),
        (number("confidence", 2), figures(|r| Value::Ratio(Some(r.finding.confidence)))),
        (fixed("risk", 1), figures(|r| Value::Text(r.risk.name().to_owned()))),
        (fixed("frees", 5), figures(|r| Value::Text(kind(r.finding.savings_kind).to_owned()))),
        (text("id", WIDE), figures(|r| Value::Text(r.finding.id.clone()))),
    ];
    let grid_row = |i: usize, r: &Recommendation| GridRow {
        cells: columns.iter().map(|(_, texts)| texts[i].clone()).collect(),
        tone: if r.counted { Tone::Plain } else { Tone::Muted },
        ruled: false,
    };
    Grid {
        rows: rows.iter().enumerate().map(|(i, r)| grid_row(i, r)).collect(),
        columns: columns.iter().map(|(column, _)| column.clone()).collect(),
    }
}

const fn kind(kind: SavingsKind) -> &'static str {
    match kind {
        SavingsKind::Realisable => "money",
        SavingsKind::Capacity => "capacity",
    }
}

fn items(
    heading: &str,
    rows: &[Recommendation],
    report: &RecommendReport,
    options: &RenderOptions,
) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let visible = shown(rows.len(), options.top);
    let mut blocks = vec![Block::Heading(heading.to_owned())];
    blocks.extend(rows[..visible].iter().map(|r| Block::Item(item(r, &report.currency))));
    if visible < rows.len() {
        let text = format!("… {} more", count(len(rows.len() - visible)));
        blocks.push(Block::Note(Tone::Muted, text));
    }
    blocks
}

fn item(r: &Recommendation, currency: &str) -> Item {
    let finding = &r.finding;
    let mut body = vec![finding.action.clone()];
    body.extend(r.refusal.as_ref().map(|why| format!("Refused: {why}.")));
    body.extend(r.realised_by.as_ref().map(|what| format!("Comes back as money: {what}.")));
    body.extend(
        r.proof
            .as_ref()
            .map(|proof| replayed(proof, matches!(r.change, Change::Schedule { .. }), currency)),
    );
    body.push(format!("Risk {}: {}.", r.risk.name(), r.risk_note));
    if !r.excludes.is_empty() {
        body.push(format!("Instead of: {}.", r.excludes.join(", ")));
    }
    let basis = match finding.basis {
        Basis::Measured => "measured",
        Basis::Estimate => "estimated",
        Basis::Assumed => "assumed",
    };
    Item {
        tone: if r.refusal.is_some() { Tone::Muted } else { Tone::Warn },
        head: format!(
            "{} {}: {} a month",
            finding.rule,
            finding.subject,
            money_alone(finding.monthly_savings, currency)
        ),
        body: body.join(" "),
        foot: format!(
            "{basis}, confidence {}{}",
            percent(Some(finding.confidence)),
            after_colon(&evidence(&finding.evidence))
        ),
    }
}

/// `Replayed 3 times, 120 GPU-hours: never over capacity, never short of memory, 0.1 GPU-hours …`.
/// `turns_off`: it was a schedule that was replayed, which has no capacity to be over.
pub(super) fn replayed(proof: &ProofRow, turns_off: bool, currency: &str) -> String {
    let compute = match proof.over_capacity_ratio {
        _ if turns_off => missed(proof),
        share if share > 0.0 => format!(
            "over capacity for {} of its active time, {} times at worst and for {} at a stretch",
            percent(Some(share)),
            decimal(proof.worst_overload, 1),
            duration(Some(proof.longest_overload_seconds))
        ),
        _ => "never over capacity".to_owned(),
    };
    let memory = match proof.memory_overflow_minutes {
        None if turns_off => String::new(),
        None => ", memory not judged".to_owned(),
        Some(0) => ", never short of memory".to_owned(),
        Some(minutes) => {
            format!(", short of memory for {}", plural(u64::from(minutes), "minute", "minutes"))
        }
    };
    let regret = match proof.regret_per_month {
        Some(money) if money >= 0.005 => {
            format!(", {} a month dearer than by hindsight", money_alone(Some(money), currency))
        }
        _ => String::new(),
    };
    let folds = match proof.folds {
        1 => "Replayed on the rest of the window".to_owned(),
        folds => format!("Replayed on {} later parts", count(u64::from(folds))),
    };
    let hours = hours_alone(proof.replayed_hours);
    format!("{folds} ({hours} hours): {compute}{memory}{regret}.")
}

/// What a schedule would have missed.
fn missed(proof: &ProofRow) -> String {
    match proof.over_capacity_ratio {
        share if share > 0.0 => format!(
            "off for {} of its active time, for {} at a stretch",
            percent(Some(share)),
            duration(Some(proof.longest_overload_seconds))
        ),
        _ => "never off when it was active".to_owned(),
    }
}

/// What is not judged, by reason, because one reason stands for many.
fn unjudged(rows: &[NotJudged], options: &RenderOptions) -> Vec<Block> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut by_reason: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for row in rows {
        let key = (row.reason.as_str(), row.rule.as_deref());
        by_reason.entry(key).or_default().push(&row.subject);
    }
    let visible = shown(by_reason.len(), options.top);
    let note = |((reason, rule), subjects): (&(&str, Option<&str>), &Vec<&str>)| {
        let rule = rule.map(|rule| format!(" ({rule})")).unwrap_or_default();
        let more = match subjects.len() {
            1 => String::new(),
            all => format!(" and {} more", count(len(all - 1))),
        };
        Block::Note(Tone::Plain, format!("{}{more}: {reason}{rule}", subjects[0]))
    };
    let heading = Block::Heading("Not judged".to_owned());
    std::iter::once(heading).chain(by_reason.iter().take(visible).map(note)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(over_capacity_ratio: f64, memory_overflow_minutes: Option<u32>) -> ProofRow {
        ProofRow {
            folds: 3,
            replayed_hours: 120.0,
            active_hours: 60.0,
            over_capacity_ratio,
            worst_overload: 1.5,
            longest_overload_seconds: 600.0,
            memory_overflow_minutes,
            worst_memory_overflow_bytes: None,
            regret_per_month: Some(12.0),
        }
    }

    #[test]
    fn a_proof_is_told_in_words_of_what_was_replayed() {
        let told = |proof: &ProofRow, turns_off| replayed(proof, turns_off, "USD");
        let begin = "Replayed on 3 later parts (120.0 hours): ";
        let end = ", $12.00 a month dearer than by hindsight.";
        for (over, memory, turns_off, expected) in [
            (0.0, Some(0), false, "never over capacity, never short of memory"),
            (
                0.01,
                Some(2),
                false,
                "over capacity for 1.0% of its active time, 1.5 times at worst and for 10m at a stretch, \
                 short of memory for 2 minutes",
            ),
            (0.0, None, false, "never over capacity, memory not judged"),
            (0.0, None, true, "never off when it was active"),
            (0.01, None, true, "off for 1.0% of its active time, for 10m at a stretch"),
        ] {
            assert_eq!(told(&proof(over, memory), turns_off), format!("{begin}{expected}{end}"));
        }
    }
}
