//! The blocks of the document as elements.

use std::fmt::Write as _;

use super::text::escaped;
use crate::output::document::{Block, Grid, GridColumn, GridRow, Tone};

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Strong => "strong",
        Tone::Muted => "muted",
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
    }
}

/// Writes blocks one after the other.
pub(super) fn write(out: &mut String, blocks: &[Block]) {
    let mut heading = "";
    for block in blocks {
        if let Block::Heading(text) = block {
            heading = text;
        }
        one(out, block, heading);
    }
}

fn one(out: &mut String, block: &Block, heading: &str) {
    let _ = match block {
        Block::Title(text) => writeln!(out, "<h1>{}</h1>", escaped(text)),
        Block::Verdict(tone, text) => {
            writeln!(out, "<p class=\"verdict {}\">{}</p>", class(*tone), escaped(text))
        }
        Block::Heading(text) => writeln!(out, "<h2>{}</h2>", escaped(text)),
        Block::Note(tone, text) => {
            writeln!(out, "<p class=\"{}\">{}</p>", class(*tone), escaped(text))
        }
        Block::Grid(grid) => {
            titled(out, heading, grid, " class=\"unseen\"");
            Ok(())
        }
        Block::Facts(facts) => {
            out.push_str("<dl>\n");
            for fact in facts {
                let (label, text) = (escaped(fact.label), escaped(&fact.text));
                let tone = class(fact.tone);
                let _ = writeln!(out, "<dt>{label}</dt><dd class=\"{tone}\">{text}</dd>");
            }
            writeln!(out, "</dl>")
        }
        Block::Item(item) => writeln!(
            out,
            "<div class=\"item\"><h3 class=\"{}\">{}</h3>\n<p>{}</p>\n<p class=\"foot\">{}</p></div>",
            class(item.tone),
            escaped(&item.head),
            escaped(&item.body),
            escaped(&item.foot)
        ),
        Block::Code(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
            writeln!(out, "<pre>{}</pre>", lines.join("\n"))
        }
    };
}

/// A table under its caption.
pub(super) fn table(out: &mut String, caption: &str, grid: &Grid) {
    titled(out, caption, grid, "");
}

/// A table that can be scrolled by keyboard; the first column names the row. A column without a name is a drawing of
/// characters, which a page has charts for.
fn titled(out: &mut String, caption: &str, grid: &Grid, class: &str) {
    let caption = escaped(caption);
    let _ = writeln!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n<table>\n\
         <caption{class}>{caption}</caption>\n<thead><tr>"
    );
    for column in grid.columns.iter().filter(|column| !column.header.is_empty()) {
        let side = if column.right { " class=\"right\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{side}>{}</th>", escaped(column.header));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &grid.rows {
        table_row(out, grid, row);
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn table_row(out: &mut String, grid: &Grid, row: &GridRow) {
    let ruled = if row.ruled { " ruled" } else { "" };
    let _ = write!(out, "<tr class=\"{}{ruled}\">", class(row.tone));
    let named = |(_, column): &(&String, &GridColumn)| !column.header.is_empty();
    for (i, (cell, column)) in row.cells.iter().zip(&grid.columns).filter(named).enumerate() {
        let side = if column.right { " class=\"right\"" } else { "" };
        let text = escaped(cell);
        let _ = match i {
            0 => write!(out, "<th scope=\"row\"{side}>{text}</th>"),
            _ => write!(out, "<td{side}>{text}</td>"),
        };
    }
    out.push_str("</tr>\n");
}
