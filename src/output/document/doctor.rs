//! The checks of `doctor` for people: what to change first, then what is well.

use super::super::format::{count, plural};
use super::{Block, Fact, Item, Tone};
use crate::doctor::contract::{Check, DoctorReport, State};

/// The document.
pub(in super::super) fn build(report: &DoctorReport) -> Vec<Block> {
    let mut blocks = vec![
        Block::Title(format!("What can be read, {} to {}", report.window.start, report.window.end)),
        verdict(report),
    ];
    blocks.extend(to_change("What makes figures incomplete", report, State::Fail));
    blocks.extend(to_change("What would make them better", report, State::Warn));
    blocks.extend(settled(report));
    blocks
}

fn verdict(report: &DoctorReport) -> Block {
    let totals = report.totals;
    let rest = format!(
        "{} could be better, {} as they should be, {} left out",
        count(totals.warn.into()),
        count(totals.ok.into()),
        count(totals.skipped.into())
    );
    let fails = plural(totals.fail.into(), "check fails", "checks fail");
    if !report.readable {
        return Block::Verdict(Tone::Bad, format!("Nothing could be read: {fails}."));
    }
    if report.complete {
        return Block::Verdict(
            Tone::Good,
            format!("A report would be complete: no check fails, {rest}."),
        );
    }
    Block::Verdict(Tone::Bad, format!("A report would be incomplete: {fails}, {rest}."))
}

/// Every check of a state with what was found and what to change.
fn to_change(heading: &str, report: &DoctorReport, state: State) -> Vec<Block> {
    let mut blocks = Vec::new();
    for check in report.checks.iter().filter(|check| check.state == state) {
        blocks.extend(item(check));
    }
    if !blocks.is_empty() {
        blocks.insert(0, Block::Heading(heading.to_owned()));
    }
    blocks
}

fn item(check: &Check) -> Vec<Block> {
    let foot = match &check.fix {
        Some(fix) if fix.text.is_some() => format!("To do: {}:", fix.action),
        Some(fix) => format!("To do: {}. See {}.", fix.action, check.docs),
        None => format!("See {}.", check.docs),
    };
    let tone = if check.state == State::Fail { Tone::Bad } else { Tone::Warn };
    let item = Item { tone, head: head(check), body: sentence(&check.message), foot };
    let text = check.fix.as_ref().and_then(|fix| fix.text.as_ref());
    let code = text.map(|text| Block::Code(text.lines().map(ToOwned::to_owned).collect()));
    std::iter::once(Block::Item(item)).chain(code).collect()
}

/// `metrics: metric-sm-active (DCGM_FI_PROF_SM_ACTIVE)`.
fn head(check: &Check) -> String {
    let (group, id) = (check.group.name(), &check.id);
    match &check.subject {
        Some(subject) => format!("{group}: {id} ({subject})"),
        None => format!("{group}: {id}"),
    }
}

/// Words as a sentence; those that begin with a name or end in a sentence stay.
fn sentence(words: &str) -> String {
    let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{words}{end}")
}

/// What needs no change, by group.
fn settled(report: &DoctorReport) -> Vec<Block> {
    let is_settled = |check: &&Check| matches!(check.state, State::Ok | State::Skipped);
    let facts: Vec<Fact> = report.checks.iter().filter(is_settled).map(fact).collect();
    if facts.is_empty() {
        return Vec::new();
    }
    vec![Block::Heading("As it should be, and left out".to_owned()), Block::Facts(facts)]
}

fn fact(check: &Check) -> Fact {
    let subject = check.subject.as_ref().map(|subject| format!(" ({subject})"));
    let left_out = if check.state == State::Skipped { "left out: " } else { "" };
    Fact {
        label: check.group.name(),
        text: format!("{}{}: {left_out}{}", check.id, subject.unwrap_or_default(), check.message),
        tone: if check.state == State::Skipped { Tone::Muted } else { Tone::Plain },
    }
}
