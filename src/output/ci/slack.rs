//! A Slack message (Block Kit), for `chat.postMessage` or an incoming webhook.

use serde::Serialize;

use super::super::text::visible;
use super::super::{OutputError, json};
use crate::ci::{Item, Outcome, Severity, Verdict};

/// Longest text of a section.
const SECTION_CHARS: usize = 3_000;
/// Longest header.
const HEADER_CHARS: usize = 150;
/// Items that are listed.
const ITEMS: usize = 10;
/// Rows that are listed.
const ROWS: usize = 10;

#[derive(Serialize)]
struct Message {
    /// What notifications show.
    text: String,
    blocks: Vec<Block>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Block {
    Header { text: Text },
    Section { text: Text },
    Context { elements: Vec<Text> },
}

#[derive(Serialize)]
struct Text {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
}

pub(super) fn render(verdict: &Verdict) -> Result<Vec<u8>, OutputError> {
    let sign = match verdict.outcome {
        Outcome::Pass => ":white_check_mark:",
        Outcome::Warn => ":warning:",
        Outcome::Fail => ":x:",
    };
    let header = cut(&visible(&verdict.title), HEADER_CHARS);
    let mut blocks = vec![
        Block::Header { text: Text { kind: "plain_text", text: header } },
        Block::Section { text: mrkdwn(&format!("{sign} *{}*", escaped(&verdict.headline))) },
    ];
    let items: Vec<String> = verdict.items.iter().take(ITEMS).map(listed).collect();
    if !items.is_empty() {
        blocks.push(Block::Section { text: mrkdwn(&items.join("\n")) });
    }
    let rows: Vec<String> = verdict.table.rows.iter().take(ROWS).map(|cells| line(cells)).collect();
    if !rows.is_empty() {
        blocks.push(Block::Section { text: mrkdwn(&rows.join("\n")) });
    }
    let hidden =
        verdict.items.len().saturating_sub(ITEMS) + verdict.table.rows.len().saturating_sub(ROWS);
    let more =
        if hidden > 0 { format!(" · {hidden} more findings and rows") } else { String::new() };
    let context = mrkdwn(&format!("{}{more}", escaped(verdict.check)));
    blocks.push(Block::Context { elements: vec![context] });
    json::render(&Message { text: escaped(&verdict.headline), blocks })
}

fn mrkdwn(text: &str) -> Text {
    Text { kind: "mrkdwn", text: cut(text, SECTION_CHARS) }
}

fn listed(item: &Item) -> String {
    let sign = match item.severity {
        Severity::Error => ":x:",
        Severity::Warning => ":warning:",
        Severity::Notice => ":information_source:",
    };
    format!("{sign} {} {}", escaped(&item.message), escaped(&item.advice))
}

fn line(cells: &[String]) -> String {
    let filled = cells.iter().filter(|cell| !cell.is_empty()).map(|cell| escaped(cell));
    format!("• {}", filled.collect::<Vec<_>>().join(" · "))
}

/// Text that Slack shows as it is: its three control characters become entities, so that nothing is a link or a
/// mention; what would be bold, struck or code becomes a character that looks like it.
fn escaped(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('`', "'")
        .replace('*', "∗")
        .replace('~', "∼")
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}
