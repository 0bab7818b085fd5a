//! Which nodes come free, for people: a line for all, a row for each, and why the others stay.

use super::super::RenderOptions;
use super::super::format::{count, money_alone, plural};
use super::value::{Value, column};
use super::{Block, Grid, GridColumn, GridRow, Tone, len, shown};
use crate::recommend::contract::RecommendReport;
use crate::recommend::packing::contract::{FreeNode, Packing};

/// Moves that are spelled out for a node.
const MOVES: usize = 3;

/// Nothing where there are no nodes, or none has a free GPU.
pub(super) fn blocks(report: &RecommendReport, options: &RenderOptions) -> Vec<Block> {
    let packing = &report.packing;
    if packing.free.is_empty() && packing.stays.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![
        Block::Heading("Nodes that come free".to_owned()),
        Block::Note(Tone::Plain, summary(packing, &report.currency)),
    ];
    if !packing.free.is_empty() {
        let visible = shown(packing.free.len(), options.top);
        blocks.push(Block::Grid(grid(&packing.free[..visible], &report.currency)));
    }
    let visible = shown(packing.stays.len(), options.top);
    let stays = packing.stays[..visible].iter();
    blocks.extend(
        stays.map(|n| Block::Note(Tone::Muted, format!("{} stays: {}.", n.node, n.reason))),
    );
    if visible < packing.stays.len() {
        let text = format!("… {} more stay", count(len(packing.stays.len() - visible)));
        blocks.push(Block::Note(Tone::Muted, text));
    }
    let text = format!("Not looked at: {}.", packing.not_considered.join("; "));
    blocks.push(Block::Note(Tone::Muted, text));
    blocks
}

/// `Packed, what is held at the end of the window needs 2 of 3 nodes: 1 comes free, $40,179 a month. …`.
fn summary(packing: &Packing, currency: &str) -> String {
    let money = |amount| money_alone(amount, currency);
    let freed = packing.free.iter().map(|node| node.monthly_cost).sum::<Option<f64>>();
    let free = match packing.free.len() {
        0 => "none comes free".to_owned(),
        nodes => format!(
            "{}, {} a month at the price of the GPUs",
            plural(len(nodes), "node comes free", "nodes come free"),
            money(freed)
        ),
    };
    format!(
        "With this done, what is held at the end of the window needs {} of {}: {free}. This is beside the savings \
         above, for time that nobody holds is no waste. Of what stays free, {} a month cannot be used by anybody ({} \
         before).",
        count(u64::from(packing.nodes_after)),
        plural(u64::from(packing.nodes_before), "node", "nodes"),
        money(packing.monthly_stranded_after),
        money(packing.monthly_stranded_before),
    )
}

fn grid(rows: &[FreeNode], currency: &str) -> Grid {
    let figures =
        |read: fn(&FreeNode) -> Value| column(&rows.iter().map(read).collect::<Vec<_>>(), currency);
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let number = |header, rank| GridColumn { header, right: true, rank, flexible: false };
    let columns: Vec<(GridColumn, Vec<String>)> = vec![
        (text("node", 0), figures(|n| Value::Text(n.node.clone()))),
        (number("per month", 0), figures(|n| Value::Money(n.monthly_cost))),
        (text("GPUs", 1), figures(|n| Value::Text(format!("{} × {}", n.gpus, n.model)))),
        (text("left, and peak", 2), figures(|n| Value::Text(peak(n)))),
        (text("pods that move", 1), figures(|n| Value::Text(moves(n)))),
    ];
    let row = |i: usize| GridRow {
        cells: columns.iter().map(|(_, texts)| texts[i].clone()).collect(),
        tone: Tone::Plain,
        ruled: false,
    };
    Grid {
        rows: (0..rows.len()).map(row).collect(),
        columns: columns.iter().map(|(column, _)| column.clone()).collect(),
    }
}

/// `8 left, 13.0 held at the peak: too few`.
fn peak(node: &FreeNode) -> String {
    let is_short = node.peak_gpus > f64::from(node.gpus_left) + 1e-6;
    let verdict = if is_short { ": too few then" } else { "" };
    format!("{}, {:.1}{verdict}", node.gpus_left, node.peak_gpus)
}

fn moves(node: &FreeNode) -> String {
    let reserved = match node.capacity_type.as_deref() {
        Some("reserved") => "; reserved: it is paid all the same",
        _ => "",
    };
    if node.moves.is_empty() {
        return format!("none: it is empty{reserved}");
    }
    let one = |m: &crate::recommend::packing::contract::MovedPod| {
        format!("{}/{} to {}", m.namespace, m.pod, m.to)
    };
    let mut words: Vec<String> = node.moves.iter().take(MOVES).map(one).collect();
    if node.moves.len() > MOVES {
        words.push(format!("{} more", count(len(node.moves.len() - MOVES))));
    }
    format!("{}{reserved}", words.join(", "))
}
