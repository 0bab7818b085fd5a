//! Patches for people: what is changed and what it saves, each with its steps and its risk, then what belongs elsewhere,
//! and what somebody has to look at.

use super::super::RenderOptions;
use super::super::format::{count, hours_alone, money_alone, plural};
use super::findings::{after_colon, evidence};
use super::{Block, Item, Tone, len};
use crate::cleanup::contract::{Elsewhere, Operation, Patch, PatchSet, Reported, Step};

/// The document for patches.
pub(in super::super) fn build(set: &PatchSet, options: &RenderOptions) -> Vec<Block> {
    let heading = format!("Changes, of {}", set.generated_at);
    let mut blocks = vec![Block::Title(heading), verdict(set)];
    let top = |all: usize| if options.top == 0 { all } else { options.top.min(all) };
    let mut section = |name: &str, items: Vec<Item>| {
        if items.is_empty() {
            return;
        }
        blocks.push(Block::Heading(name.to_owned()));
        let (all, shown) = (items.len(), top(items.len()));
        blocks.extend(items.into_iter().take(shown).map(Block::Item));
        if shown < all {
            let text = format!("… {} more (--top 0 shows all)", count(len(all - shown)));
            blocks.push(Block::Note(Tone::Muted, text));
        }
    };
    let currency = &set.currency;
    section("Changes", set.patches.iter().map(|p| item(p, currency)).collect());
    section(
        "To be changed elsewhere",
        set.elsewhere.iter().map(|e| item_elsewhere(e, currency)).collect(),
    );
    section("Left to you", set.reported.iter().map(item_reported).collect());
    blocks
}

fn verdict(set: &PatchSet) -> Block {
    if set.patches.is_empty() && set.elsewhere.is_empty() {
        return Block::Verdict(Tone::Good, "Nothing is to be changed.".to_owned());
    }
    if set.patches.is_empty() {
        let belong = plural(len(set.elsewhere.len()), "change belongs", "changes belong");
        return Block::Verdict(
            Tone::Warn,
            format!("Nothing is to be changed here; {belong} elsewhere."),
        );
    }
    let known = || set.patches.iter().filter_map(|patch| patch.monthly_savings);
    let saved = match known().next() {
        Some(_) => format!("{} a month", money_alone(Some(known().sum()), &set.currency)),
        None => {
            let hours: f64 = set.patches.iter().map(|patch| patch.monthly_gpu_hours).sum();
            format!("{} GPU-hours a month", hours_alone(hours))
        }
    };
    let changes = plural(len(set.patches.len()), "change saves", "changes save");
    let elsewhere = match set.elsewhere.len() {
        0 => String::new(),
        n => format!(" {} elsewhere.", plural(len(n), "more belongs", "more belong")),
    };
    Block::Verdict(Tone::Warn, format!("{changes} {saved}.{elsewhere} Nothing was changed."))
}

fn item(patch: &Patch, currency: &str) -> Item {
    let mut steps: Vec<String> = patch.steps.iter().map(words).collect();
    if steps.is_empty() {
        steps.push(patch.id.clone());
    }
    let risk = patch.risk.name();
    Item {
        tone: Tone::Warn,
        head: format!(
            "{} {}: {} a month",
            patch.rule,
            patch.subject,
            money_alone(patch.monthly_savings, currency)
        ),
        body: format!("{} Risk {risk}: {}.", patch.action, patch.risk_note),
        foot: format!("{}{}", steps.join("; "), after_colon(&evidence(&patch.evidence))),
    }
}

/// `patch Deployment a/b: /spec/replicas`.
fn words(step: &Step) -> String {
    let target = &step.target;
    let title = format!("{} {}/{}", target.kind, target.namespace, target.name);
    match &step.operation {
        Operation::Create { .. } => format!("create {title}"),
        Operation::Delete { .. } => format!("delete {title}"),
        Operation::Patch { forward, .. } => {
            let changes =
                forward.0.iter().filter(|o| !matches!(o, json_patch::PatchOperation::Test(_)));
            let paths: Vec<&str> = changes.map(|o| o.path().as_str()).collect();
            format!("patch {title}: {}", paths.join(", "))
        }
    }
}

fn item_elsewhere(elsewhere: &Elsewhere, currency: &str) -> Item {
    let item = item(&elsewhere.patch, currency);
    Item { body: format!("{} It belongs {}.", item.body, elsewhere.note), ..item }
}

fn item_reported(reported: &Reported) -> Item {
    Item {
        tone: Tone::Muted,
        head: reported.subject.clone(),
        body: format!("{}.", reported.why),
        foot: reported.check.clone().unwrap_or_else(|| reported.id.clone()),
    }
}
