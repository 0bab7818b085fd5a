//! The rows that `--by` names, most waste first, and a total row that adds up.

use super::super::RenderOptions;
use super::super::format::{count, decimal};
use super::entries::{Detail, Entries, Entry, entries};
use super::fields::{FIELDS, Field, Of, Read};
use super::sums::sum;
use super::value::{Value, column};
use super::{Block, Grid, GridColumn, GridRow, Tone, len, shown};
use crate::report::contract::{Ledger, Report, Usage};

pub(super) fn blocks(report: &Report, options: &RenderOptions) -> Vec<Block> {
    let entries = entries(report, options.by);
    let heading = Block::Heading(format!("By {}, most waste first", entries.noun.0));
    if entries.rows.is_empty() {
        let text = if entries.hardware { "no GPU was seen" } else { "nobody in scope held a GPU" };
        return vec![heading, Block::Note(Tone::Warn, format!("In this window {text}."))];
    }
    let total = sum(entries.rows.iter().map(|row| row.ledger));
    let mut blocks = vec![
        heading,
        Block::Grid(grid(&entries, &total, options, &report.currency)),
        Block::Note(Tone::Muted, legend(entries.hardware)),
    ];
    if total.unpriced_gpu_hours > 0.0 {
        let text = format!(
            "Costs leave out {} GPU-h on GPUs without a price (? where that is all of a row).",
            decimal(total.unpriced_gpu_hours, 1)
        );
        blocks.push(Block::Note(Tone::Warn, text));
    }
    blocks
}

fn legend(hardware: bool) -> String {
    let cost = if hardware { "cost = whole capacity" } else { "cost = time held" };
    format!(
        "util = mean while held and observed; obs. = observed share of the held time; \
         idle = below the threshold; {cost}; waste = cost of idle, slack, stale claims."
    )
}

/// What a row of the grid is made from.
struct Line<'a> {
    label: String,
    ledger: &'a Ledger,
    /// `None` for sums of rows.
    entry: Option<(&'a Usage, &'a [Value])>,
    tone: Tone,
    ruled: bool,
}

fn grid(entries: &Entries<'_>, total: &Ledger, options: &RenderOptions, currency: &str) -> Grid {
    let visible = shown(entries.rows.len(), options.top);
    let (top, hidden) = entries.rows.split_at(visible);
    let rest = sum(hidden.iter().map(|row| row.ledger));
    let mut lines: Vec<Line<'_>> = top.iter().map(line).collect();
    if !hidden.is_empty() {
        lines.push(Line {
            label: format!("… {} more", count(len(hidden.len()))),
            ledger: &rest,
            entry: None,
            tone: Tone::Muted,
            ruled: false,
        });
    }
    lines.push(Line {
        label: format!("total of {}", count(len(entries.rows.len()))),
        ledger: total,
        entry: None,
        tone: Tone::Strong,
        ruled: true,
    });
    assemble(&columns(entries, &lines, total, currency), &lines)
}

fn line<'a>(entry: &'a Entry<'_>) -> Line<'a> {
    Line {
        label: entry.label.clone(),
        ledger: entry.ledger,
        entry: Some((entry.usage, &entry.details)),
        tone: Tone::Plain,
        ruled: false,
    }
}

/// Columns with their texts: the name, the figures, what only this grouping has.
fn columns(
    entries: &Entries<'_>,
    lines: &[Line<'_>],
    total: &Ledger,
    currency: &str,
) -> Vec<(GridColumn, Vec<String>)> {
    let label = GridColumn { header: entries.noun.0, right: false, rank: 0, flexible: true };
    let mut columns = vec![(label, lines.iter().map(|line| line.label.clone()).collect())];
    for (i, detail) in entries.details.iter().enumerate() {
        let values = lines.iter().map(|line| match line.entry {
            Some((_, details)) => details.get(i).cloned().unwrap_or(Value::Blank),
            None => Value::Blank,
        });
        columns.push((detail_column(detail), column(&values.collect::<Vec<_>>(), currency)));
    }
    let group = if entries.hardware { Of::Hardware } else { Of::Holders };
    for field in FIELDS.iter().filter(|field| field.of == Of::Any || field.of == group) {
        let values: Vec<Value> = lines.iter().map(|line| read(field, line, total)).collect();
        columns.push((field_column(field), column(&values, currency)));
    }
    columns
}

fn read(field: &Field, line: &Line<'_>, total: &Ledger) -> Value {
    match (field.read, line.entry) {
        (Read::Ledger(read), _) => read(line.ledger),
        (Read::Share(read), _) => read(line.ledger, total),
        (Read::Usage(read), Some((usage, _))) => read(usage),
        (Read::Usage(_), None) => Value::Blank,
    }
}

const fn detail_column(detail: &Detail) -> GridColumn {
    GridColumn {
        header: detail.header,
        right: detail.right,
        rank: detail.rank,
        flexible: !detail.right,
    }
}

const fn field_column(field: &Field) -> GridColumn {
    GridColumn { header: field.header, right: !field.text, rank: field.rank, flexible: field.text }
}

fn assemble(columns: &[(GridColumn, Vec<String>)], lines: &[Line<'_>]) -> Grid {
    Grid {
        columns: columns.iter().map(|(column, _)| column.clone()).collect(),
        rows: lines
            .iter()
            .enumerate()
            .map(|(i, line)| GridRow {
                cells: columns.iter().map(|(_, texts)| texts[i].clone()).collect(),
                tone: line.tone,
                ruled: line.ruled,
            })
            .collect(),
    }
}
