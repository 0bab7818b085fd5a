//! An explanation for people: the sentence, the picture, the arithmetic, then everything that it rests on.

use super::super::RenderOptions;
use super::super::format::{
    UNKNOWN, bytes, count, decimal, duration, money_alone, percent, plural, price,
};
use super::findings::evidence;
use super::recommend::replayed;
use super::value::{Value, column};
use super::{Block, Fact, Grid, GridColumn, GridRow, Tone, len, shown};
use crate::explain::contract::{Explanation, HeldRow, PriceRow, QueryRow, Step, Strip};

/// Eighths of a cell, from nothing to all.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A part of the window in which nothing was held or seen.
const NOTHING: char = '·';

/// The document for an explanation.
pub(in super::super) fn build(e: &Explanation, options: &RenderOptions) -> Vec<Block> {
    let title = format!("{} {}, {} to {}", e.kind, e.target, e.window.start, e.window.end);
    let mut blocks = vec![Block::Title(title), Block::Verdict(Tone::Plain, e.summary.clone())];
    blocks.extend(strips(&e.strips, options));
    blocks.extend(recommendation(e));
    blocks.push(Block::Heading("How it comes about".to_owned()));
    blocks.extend(e.arithmetic.iter().flat_map(|step| worked(step, &e.currency)));
    if !e.rule.is_empty() {
        blocks.push(Block::Heading("The rule".to_owned()));
        let section = |s: &crate::explain::contract::RuleSection| {
            Block::Note(Tone::Plain, format!("{}: {}", s.heading, s.text))
        };
        blocks.extend(e.rule.iter().map(section));
    }
    blocks.push(Block::Heading("Settings".to_owned()));
    let settings: Vec<String> =
        e.thresholds.iter().map(|a| format!("{} = {} ({})", a.key, a.value, a.origin)).collect();
    blocks.push(Block::Note(Tone::Plain, settings.join(", ")));
    blocks.push(Block::Heading("Prices".to_owned()));
    blocks.push(Block::Grid(prices(&e.prices, &e.currency)));
    blocks.push(Block::Heading("Held".to_owned()));
    blocks.extend(held(&e.intervals, options));
    blocks.push(Block::Heading("Samples and queries".to_owned()));
    blocks.push(Block::Note(Tone::Plain, samples(e)));
    blocks.extend(e.queries.iter().flat_map(query));
    blocks
}

/// What it rests on and how it would have fared.
fn recommendation(e: &Explanation) -> Vec<Block> {
    let mut out = Vec::new();
    if let Some(why) = &e.refusal {
        out.push(Block::Note(Tone::Bad, format!("Refused: {why}.")));
    }
    // Which no other rule finds.
    let turns_off = e.evidence.contains_key("off_hours_per_week");
    if let Some(proof) = &e.proof {
        out.push(Block::Note(Tone::Plain, replayed(proof, turns_off, &e.currency)));
    }
    if !e.evidence.is_empty() {
        out.push(Block::Note(Tone::Plain, format!("It rests on: {}.", evidence(&e.evidence))));
    }
    out
}

fn strips(strips: &[Strip], options: &RenderOptions) -> Vec<Block> {
    let visible = shown(strips.len(), options.top);
    let largest = strips.iter().flat_map(|s| &s.cells).filter_map(|c| *c).fold(0.0, f64::max);
    let line = |strip: &Strip| {
        let cell = |cell: &Option<f64>| cell.map_or(NOTHING, |u| bar(u, largest));
        format!("{}  {}", strip.cells.iter().map(cell).collect::<String>(), strip.name)
    };
    let mut out = vec![
        Block::Heading("Utilization over the window".to_owned()),
        Block::Code(strips[..visible].iter().map(line).collect()),
    ];
    let hidden = strips.len() - visible;
    let more = if hidden > 0 { format!(" {} more.", count(len(hidden))) } else { String::new() };
    let top = percent(Some(largest));
    let text =
        format!("█ {top}, the most in any part; ▁ idle; {NOTHING} nothing held or seen.{more}");
    out.push(Block::Note(Tone::Muted, text));
    out
}

/// The bar of a utilization, beside the largest one.
fn bar(utilization: f64, largest: f64) -> char {
    let part = if largest > 0.0 { utilization / largest } else { 0.0 };
    // Whatever is above 0 stands above the line.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
    let level = (part.clamp(0.0, 1.0) * 7.0).ceil() as usize;
    BARS[level]
}

pub(super) fn worked(step: &Step, currency: &str) -> Vec<Block> {
    let value = match step.unit.as_str() {
        "ratio" => percent(step.value),
        "bytes" => bytes(step.value),
        "seconds" => duration(step.value),
        unit if unit == currency => money_alone(step.value, currency),
        unit => {
            let figure = step.value.map_or_else(|| UNKNOWN.to_owned(), |v| decimal(v, 2));
            format!("{figure} {unit}")
        }
    };
    let fact = |label, text| Fact { label, text, tone: Tone::Plain };
    vec![
        Block::Note(Tone::Strong, format!("{} = {value}", step.name)),
        Block::Facts(vec![fact("is", step.formula.clone()), fact("here", step.worked.clone())]),
    ]
}

fn prices(rows: &[PriceRow], currency: &str) -> Grid {
    let figures =
        |read: fn(&PriceRow) -> Value| column(&rows.iter().map(read).collect::<Vec<_>>(), currency);
    let per_hour: Vec<String> = rows.iter().map(|r| price(r.per_gpu_hour, currency)).collect();
    let text = |header| GridColumn { header, right: false, rank: 0, flexible: true };
    let number = |header| GridColumn { header, right: true, rank: 0, flexible: false };
    grid(&[
        (text("model"), figures(|r| Value::Text(r.model.clone()))),
        (number("GPUs"), figures(|r| Value::Count(u64::from(r.gpus)))),
        (number("per GPU-h"), per_hour),
        (number("held GPU-h"), figures(|r| Value::Hours(Some(r.allocated_gpu_hours)))),
        (number("cost"), figures(|r| Value::Money(r.allocated_cost))),
        (text("source"), figures(|r| Value::name(r.source.as_deref()))),
    ])
}

pub(super) fn grid(columns: &[(GridColumn, Vec<String>)]) -> Grid {
    let rows = columns.first().map_or(0, |(_, texts)| texts.len());
    let row = |i: usize| GridRow {
        cells: columns.iter().map(|(_, texts)| texts[i].clone()).collect(),
        tone: Tone::Plain,
        ruled: false,
    };
    Grid {
        rows: (0..rows).map(row).collect(),
        columns: columns.iter().map(|(column, _)| column.clone()).collect(),
    }
}

fn held(rows: &[HeldRow], options: &RenderOptions) -> Vec<Block> {
    let visible = &rows[..shown(rows.len(), options.top)];
    let figures = |read: fn(&HeldRow) -> String| visible.iter().map(read).collect::<Vec<_>>();
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let fixed = |header, rank| GridColumn { header, right: false, rank, flexible: false };
    let number = |header, rank| GridColumn { header, right: true, rank, flexible: false };
    let mut out = vec![Block::Grid(grid(&[
        (text("pod", 0), figures(|r| r.pod.clone())),
        (text("GPU", 0), figures(|r| r.gpu.clone())),
        (text("node", 3), figures(|r| r.node.clone())),
        (number("share", 1), figures(|r| decimal(r.share, 3))),
        (fixed("from", 0), figures(|r| r.from.clone())),
        (fixed("until", 0), figures(|r| r.until.clone())),
        (text("known from", 2), figures(|r| r.holding_source.clone())),
    ]))];
    let hidden = rows.len() - visible.len();
    if hidden > 0 {
        out.push(Block::Note(Tone::Muted, format!("… {} more", count(len(hidden)))));
    }
    out
}

fn samples(e: &Explanation) -> String {
    let dropped: u64 = e.samples.dropped.values().sum();
    let reasons: Vec<String> =
        e.samples.dropped.iter().map(|(why, n)| format!("{why} {}", count(*n))).collect();
    let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    format!(
        "{} read of all devices, {} not used{why}. Observed for {} of the time held.",
        plural(e.samples.seen, "sample", "samples"),
        count(dropped),
        percent(e.samples.observed_ratio)
    )
}

fn query(row: &QueryRow) -> Vec<Block> {
    let mut out =
        vec![Block::Note(Tone::Plain, format!("{}: {}. {}", row.name, row.meaning, row.status))];
    if !row.promql.is_empty() {
        out.push(Block::Code(row.promql.clone()));
    }
    out
}
