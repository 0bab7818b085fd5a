//! The document as GitHub-flavoured Markdown, for tickets and pull requests.
//!
//! Every text that is not ours is escaped so that it shows as it is: no link, no HTML, no cell
//! that ends early.

use super::RenderOptions;
use super::document::{self, Block, Fact, Grid, Item, Tone};
use super::text::visible;
use crate::report::contract::Report;

/// Highest rank of the columns shown unless all are asked for: what a reader of a ticket needs.
const HIGHEST_RANK: u8 = 6;

/// The report as Markdown that ends with a line break.
pub(super) fn render(report: &Report, options: &RenderOptions) -> String {
    layout(&document::build(report, options), options)
}

/// Blocks as Markdown that ends with a line break.
pub(super) fn layout(blocks: &[Block], options: &RenderOptions) -> String {
    let ranks = if options.wide { u8::MAX } else { HIGHEST_RANK };
    let mut out = String::new();
    let mut in_list = false;
    for block in blocks {
        let item = matches!(block, Block::Item(_) | Block::Code(_));
        if in_list && !item {
            out.push('\n');
        }
        in_list = item;
        out.push_str(&text(block, ranks));
    }
    format!("{}\n", out.trim_end())
}

fn text(block: &Block, ranks: u8) -> String {
    match block {
        Block::Title(text) => format!("# {}\n\n", escaped(text)),
        Block::Heading(text) => format!("## {}\n\n", escaped(text)),
        Block::Verdict(_, text) => format!("**{}**\n\n", escaped(text)),
        Block::Note(_, text) => format!("{}\n\n", escaped(text)),
        Block::Grid(grid) => format!("{}\n", table(grid, ranks)),
        Block::Facts(list) => format!("{}\n", facts(list)),
        Block::Item(item) => listed(item),
        Block::Code(lines) => code(lines),
    }
}

fn facts(facts: &[Fact]) -> String {
    facts.iter().map(|fact| format!("- **{}:** {}\n", fact.label, escaped(&fact.text))).collect()
}

fn listed(item: &Item) -> String {
    format!(
        "- **{}**\\\n  {}\\\n  {}\n",
        escaped(&item.head),
        escaped(&item.body),
        escaped(&item.foot)
    )
}

/// Within the list item before it. The fence is longer than any in the text.
fn code(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| visible(line)).collect();
    let longest = lines.iter().flat_map(|l| l.split(|c| c != '`')).map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let text: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("\n  {fence}text\n{text}  {fence}\n")
}

fn table(grid: &Grid, ranks: u8) -> String {
    let columns: Vec<usize> =
        (0..grid.columns.len()).filter(|&i| grid.columns[i].rank <= ranks).collect();
    let headers = columns.iter().map(|&i| escaped(grid.columns[i].header));
    let alignments =
        columns.iter().map(|&i| if grid.columns[i].right { "---:" } else { ":---" }.to_owned());
    let mut text = row(headers);
    text.push_str(&row(alignments));
    for grid_row in &grid.rows {
        let strong = grid_row.tone == Tone::Strong;
        text.push_str(&row(columns.iter().map(|&i| {
            let cell = escaped(&grid_row.cells[i]);
            if strong && !cell.is_empty() { format!("**{cell}**") } else { cell }
        })));
    }
    text
}

pub(super) fn row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// Text that Markdown shows as it is. `<`, `>` and `&` become entities, so that a renderer that
/// lets HTML through has nothing to let through.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '!' | '|' | '~' | '@' | '$'
            | '^' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // Bare addresses become links in GitHub's dialect.
    out.replace("://", "\\://").replace("www.", "www\\.").replace("mailto:", "mailto\\:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_shows_as_text() {
        for (given, written) in [
            ("a|b", "a\\|b"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("[click](http://evil)", "\\[click\\](http\\://evil)"),
            ("![x](y)", "\\!\\[x\\](y)"),
            ("`rm -rf`", "\\`rm -rf\\`"),
            ("__unattributed__", "\\_\\_unattributed\\_\\_"),
            ("a\\|b", "a\\\\\\|b"),
            ("a\nb", "a␊b"),
            ("@everyone #1", "\\@everyone \\#1"),
            ("www.example.org", "www\\.example.org"),
            ("&lt;", "&amp;lt;"),
            ("\u{1b}[2J\u{202e}", "␛\\[2J\\\\u\\{202e\\}"),
        ] {
            assert_eq!(escaped(given), written, "{given:?}");
        }
    }
}
