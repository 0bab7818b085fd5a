//! Comments on pull and merge requests, and the summary of a job: Markdown with a part that is folded away.

use super::super::RenderOptions;
use super::super::format::plural;
use super::super::markdown::{escaped, row};
use crate::ci::{Item, Outcome, Severity, Table, Verdict};

/// Longest comment of GitHub is 65,536 characters; what a table or list would have beyond this is counted.
const MAX_CHARS: usize = 60_000;

/// A comment for GitHub, with its marker.
pub(super) fn github(verdict: &Verdict, options: &RenderOptions) -> String {
    marked(verdict, options)
}

/// A comment for GitLab, with its marker.
pub(super) fn gitlab(verdict: &Verdict, options: &RenderOptions) -> String {
    marked(verdict, options)
}

/// The summary of a GitHub job: every job has its own, so nothing has to be found again.
pub(super) fn summary(verdict: &Verdict, options: &RenderOptions) -> String {
    body(verdict, options)
}

/// The marker by which a bot finds its own comment, to write over it. It shows nowhere.
fn marked(verdict: &Verdict, options: &RenderOptions) -> String {
    format!("<!-- {} -->\n{}", verdict.check, body(verdict, options))
}

fn body(verdict: &Verdict, options: &RenderOptions) -> String {
    let mut text = format!(
        "## {} {}\n\n**{}**\n\n",
        sign(verdict.outcome),
        escaped(&verdict.title),
        escaped(&verdict.headline)
    );
    let (loud, quiet): (Vec<&Item>, Vec<&Item>) =
        verdict.items.iter().partition(|item| item.severity > Severity::Notice);
    push_items(&mut text, &loud);
    push_table(&mut text, &verdict.table, options.top);
    let mut folded = String::new();
    push_items(&mut folded, &quiet);
    for note in &verdict.notes {
        let line = format!("- {}\n", escaped(note));
        if text.len() + folded.len() + line.len() > MAX_CHARS {
            folded.push_str("- …\n");
            break;
        }
        folded.push_str(&line);
    }
    if !folded.is_empty() {
        text.push_str("<details>\n<summary>What this rests on</summary>\n\n");
        text.push_str(&folded);
        text.push_str("\n</details>\n");
    }
    text
}

const fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅",
        Outcome::Warn => "⚠️",
        Outcome::Fail => "❌",
    }
}

fn push_items(text: &mut String, items: &[&Item]) {
    for (index, item) in items.iter().enumerate() {
        let line = listed(item);
        if text.len() + line.len() > MAX_CHARS / 2 {
            let left = u64::try_from(items.len() - index).unwrap_or(u64::MAX);
            text.extend([format!("- and {} more\n", plural(left, "finding", "findings"))]);
            break;
        }
        text.push_str(&line);
    }
    if !items.is_empty() {
        text.push('\n');
    }
}

fn listed(item: &Item) -> String {
    let place = match (&item.file, item.line) {
        (Some(file), Some(line)) => format!(" ({}:{line})", escaped(file)),
        (Some(file), None) => format!(" ({})", escaped(file)),
        (None, _) => String::new(),
    };
    format!(
        "- **{}** {}: {}{place} {}\n",
        item.severity.name(),
        escaped(&item.rule),
        escaped(&item.message),
        escaped(&item.advice)
    )
}

fn push_table(text: &mut String, table: &Table, top: usize) {
    if table.rows.is_empty() {
        return;
    }
    let shown = if top == 0 { table.rows.len() } else { table.rows.len().min(top) };
    text.push_str(&row(table.columns.iter().map(|column| escaped(column.header))));
    let alignments = table.columns.iter().map(|column| match column.is_number {
        true => "---:".to_owned(),
        false => ":---".to_owned(),
    });
    text.push_str(&row(alignments));
    let mut left = table.rows.len() - shown;
    for (index, cells) in table.rows[..shown].iter().enumerate() {
        let line = row(cells.iter().map(|cell| escaped(cell)));
        if text.len() + line.len() > MAX_CHARS * 3 / 4 {
            left += shown - index;
            break;
        }
        text.push_str(&line);
    }
    if let Some(total) = &table.total {
        let strong = |cell: &String| match cell.is_empty() {
            true => String::new(),
            false => format!("**{}**", escaped(cell)),
        };
        text.push_str(&row(total.iter().map(strong)));
    }
    if left > 0 {
        let left = u64::try_from(left).unwrap_or(u64::MAX);
        text.extend([format!(
            "\nand {}, all of them in the totals\n",
            plural(left, "row more", "rows more")
        )]);
    }
    text.push('\n');
}
