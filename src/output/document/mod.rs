//! What a person reads, before it is laid out: headings, sentences and grids of text.
//!
//! The terminal table and Markdown are two layouts of the same document, so that they cannot
//! disagree. Text in blocks is as the cluster gave it: each layout makes it safe in its own way.

mod budget;
mod check;
mod claims;
mod coverage;
mod doctor;
mod entries;
mod explain;
mod fields;
mod findings;
mod listing;
mod packing;
mod patches;
mod rbac;
mod recommend;
mod run;
mod states;
mod sums;
mod value;
mod verdict;
mod workloads;

pub(super) use budget::{build as build_budgets, build_list as build_budget_list};
pub(super) use check::build as build_verdict;
pub(super) use claims::{build as build_claims, distinct};
pub(super) use doctor::build as build_doctor;
pub(super) use explain::build as build_explanation;
pub(super) use patches::build as build_patches;
pub(super) use rbac::build as build_access;
pub(super) use recommend::build as build_recommendations;
pub(super) use run::{build as build_run, step_in_words};
#[cfg(test)]
pub(super) use sums::sum;

use super::RenderOptions;
use crate::report::contract::Report;

/// How a piece of text is meant. Words carry the meaning; a layout may add colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Muted,
    Good,
    Warn,
    Bad,
}

/// One piece of the document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    /// What this is; once, at the top.
    Title(String),
    /// The sentence to read if only one is read.
    Verdict(Tone, String),
    /// Opens a section.
    Heading(String),
    /// A sentence that explains the block before it.
    Note(Tone, String),
    /// A table.
    Grid(Grid),
    /// Labelled sentences.
    Facts(Vec<Fact>),
    /// A headed paragraph.
    Item(Item),
    /// Text to be copied as it is, line by line; it belongs to the block before it.
    Code(Vec<String>),
}

/// A labelled sentence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// A headed paragraph with a footnote.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) tone: Tone,
    pub(super) head: String,
    pub(super) body: String,
    pub(super) foot: String,
}

/// A table of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) columns: Vec<GridColumn>,
    pub(super) rows: Vec<GridRow>,
}

/// A column of a grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GridColumn {
    pub(super) header: &'static str,
    /// Numbers stand right, text left.
    pub(super) right: bool,
    /// 0 is always shown; higher ones only where there is room.
    pub(super) rank: u8,
    /// Whether its text may be cut in the middle.
    pub(super) flexible: bool,
}

/// A row of a grid: one cell for each column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GridRow {
    pub(super) cells: Vec<String>,
    pub(super) tone: Tone,
    /// Whether a rule parts it from the row before.
    pub(super) ruled: bool,
}

/// The document for a report.
pub(super) fn build(report: &Report, options: &RenderOptions) -> Vec<Block> {
    [
        verdict::blocks(report),
        states::blocks(report, options),
        listing::blocks(report, options),
        workloads::blocks(report),
        findings::blocks(report, options),
        coverage::blocks(report, options),
    ]
    .concat()
}

/// How many of `all` are shown when `top` is asked for; 0 asks for all.
const fn shown(all: usize, top: usize) -> usize {
    if top == 0 || top > all { all } else { top }
}

/// A length as a count: what the formatting helpers take.
fn len(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
