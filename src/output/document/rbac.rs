//! What is allowed, for people: what is denied with the rule to add, then everything by kind of object.

use std::collections::BTreeMap;

use super::super::format::{count, plural};
use super::{Block, Grid, GridColumn, GridRow, Item, Tone, len};
use crate::access::contract::{AccessReport, AccessRow};

/// The document.
pub(in super::super) fn build(report: &AccessReport) -> Vec<Block> {
    let mut blocks =
        vec![Block::Title(format!("What is allowed at {}", report.server)), verdict(report)];
    let denied: Vec<&AccessRow> = report.permissions.iter().filter(|row| !row.allowed).collect();
    if !denied.is_empty() {
        blocks.push(Block::Heading("Denied".to_owned()));
        blocks.extend(denied.into_iter().flat_map(item));
    }
    blocks.push(Block::Heading("Everything that is needed".to_owned()));
    blocks.push(Block::Grid(grid(report)));
    blocks
}

fn verdict(report: &AccessReport) -> Block {
    let all = plural(len(report.permissions.len()), "permission is", "permissions are");
    if report.allowed {
        return Block::Verdict(Tone::Good, format!("{all} needed, and allowed."));
    }
    let denied = count(report.denied.into());
    Block::Verdict(Tone::Bad, format!("{all} needed; {denied} of them denied."))
}

fn item(row: &AccessRow) -> [Block; 2] {
    let reason =
        row.reason.as_ref().map_or_else(String::new, |reason| format!(" It says: {reason}."));
    let place = match &row.namespace {
        Some(namespace) => format!("to a role in the namespace {namespace}"),
        None => "to a cluster role".to_owned(),
    };
    let item = Item {
        tone: Tone::Bad,
        head: format!("{}: {}", row.part.name(), row.words()),
        body: format!("It is for {}.{reason}", row.why),
        foot: format!("To do: add {place}, or apply what `gpu-finops manifests` prints:"),
    };
    let rule = row.rule.as_deref().unwrap_or_default();
    [Block::Item(item), Block::Code(rule.lines().map(ToOwned::to_owned).collect())]
}

/// Verbs of a kind of object, those allowed and those denied.
type Verbs<'a> = (Vec<&'a str>, Vec<&'a str>);

fn grid(report: &AccessReport) -> Grid {
    let mut kinds: BTreeMap<(_, &str, &str, Option<&str>), Verbs<'_>> = BTreeMap::new();
    for row in &report.permissions {
        let key = (row.part, row.group.as_str(), row.resource.as_str(), row.name.as_deref());
        let (allowed, denied) = kinds.entry(key).or_default();
        if row.allowed { allowed.push(&row.verb) } else { denied.push(&row.verb) }
    }
    let column = |header, flexible| GridColumn { header, right: false, rank: 0, flexible };
    let rows = kinds.into_iter().map(|((part, group, resource, name), (allowed, denied))| {
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        let name = name.map_or_else(String::new, |name| format!(" {name}"));
        GridRow {
            tone: if denied.is_empty() { Tone::Plain } else { Tone::Bad },
            cells: vec![
                part.name().to_owned(),
                format!("{resource}{group}{name}"),
                allowed.join(" "),
                denied.join(" "),
            ],
            ruled: false,
        }
    });
    Grid {
        rows: rows.collect(),
        columns: vec![
            column("role", false),
            column("kind", true),
            column("allowed", false),
            column("denied", false),
        ],
    }
}
