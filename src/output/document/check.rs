//! A verdict for people: the sentence, what was found, the figures, what they rest on.

use super::super::RenderOptions;
use super::{Block, Grid, GridColumn, GridRow, Item, Tone, shown};
use crate::ci::{self, Outcome, Severity, Verdict};

/// The document of a verdict.
pub(in super::super) fn build(verdict: &Verdict, options: &RenderOptions) -> Vec<Block> {
    let tone = match verdict.outcome {
        Outcome::Pass => Tone::Good,
        Outcome::Warn => Tone::Warn,
        Outcome::Fail => Tone::Bad,
    };
    let mut blocks =
        vec![Block::Title(verdict.title.clone()), Block::Verdict(tone, verdict.headline.clone())];
    blocks.extend(verdict.items.iter().map(item));
    if !verdict.table.rows.is_empty() {
        blocks.push(Block::Heading(heading(verdict).to_owned()));
        blocks.push(Block::Grid(grid(&verdict.table, options)));
        let left = verdict.table.rows.len() - shown(verdict.table.rows.len(), options.top);
        if left > 0 {
            let text = format!("and {left} more (--top 0 shows all)");
            blocks.push(Block::Note(Tone::Muted, text));
        }
    }
    if !verdict.notes.is_empty() {
        blocks.push(Block::Heading("What this rests on".to_owned()));
        let visible = shown(verdict.notes.len(), options.top);
        let notes = verdict.notes[..visible].iter();
        blocks.extend(notes.map(|note| Block::Note(Tone::Muted, note.clone())));
    }
    blocks
}

fn item(item: &ci::Item) -> Block {
    let tone = match item.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Notice => Tone::Muted,
    };
    let place = match (&item.file, item.line) {
        (Some(file), Some(line)) => format!(" ({file}:{line})"),
        (Some(file), None) => format!(" ({file})"),
        (None, _) => String::new(),
    };
    Block::Item(Item {
        tone,
        head: format!("{}: {}{place}", item.severity.name(), item.rule),
        body: item.message.clone(),
        foot: item.advice.clone(),
    })
}

fn grid(table: &ci::Table, options: &RenderOptions) -> Grid {
    let visible = shown(table.rows.len(), options.top);
    let column = |(rank, column): (usize, &ci::Column)| GridColumn {
        header: column.header,
        right: column.is_number,
        // The first says what a row is about and stays; the last one gives way first.
        rank: u8::try_from(rank / 2).unwrap_or(u8::MAX),
        flexible: !column.is_number,
    };
    let row = |cells: &Vec<String>, tone, ruled| GridRow { cells: cells.clone(), tone, ruled };
    let mut rows: Vec<GridRow> =
        table.rows[..visible].iter().map(|cells| row(cells, Tone::Plain, false)).collect();
    rows.extend(table.total.iter().map(|cells| row(cells, Tone::Strong, true)));
    Grid { columns: table.columns.iter().enumerate().map(column).collect(), rows }
}

/// What the table of a check is: most are of a change.
fn heading(verdict: &Verdict) -> &'static str {
    match verdict.check {
        "gpu-finops reconcile" => "Machines",
        _ => "What changes",
    }
}
