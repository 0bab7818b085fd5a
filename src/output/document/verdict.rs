//! The first lines: what was looked at, and what came of it.

use super::super::format::{self, decimal, duration, money_digits, percent, plural};
use super::{Block, Tone};
use crate::report::contract::{Report, ScopeRow};

/// Mean utilization that surveys of GPU fleets quote again and again: a line to hold one's own
/// figure against, not a goal.
const SURVEY_LINE: f64 = 0.40;

pub(super) fn blocks(report: &Report) -> Vec<Block> {
    let mut blocks = vec![Block::Title(title(report)), verdict(report)];
    let unpriced = report.fleet.ledger.unpriced_gpu_hours;
    if unpriced > 0.0 {
        let hours = decimal(unpriced, 1);
        let text = format!("Money leaves out {hours} GPU-h on GPUs without a price.");
        blocks.push(Block::Note(Tone::Warn, text));
    }
    if let Some(scope) = scope(&report.scope) {
        blocks.push(Block::Note(Tone::Warn, scope));
    }
    if !report.reconciliation.balanced {
        let text = "The ledger does NOT balance: do not use these figures before reading \
                    the balance line below.";
        blocks.push(Block::Note(Tone::Bad, text.to_owned()));
    }
    blocks
}

fn title(report: &Report) -> String {
    let window = &report.window;
    format!("GPU ledger, {} to {}", window.start, window.end)
}

fn verdict(report: &Report) -> Block {
    let fleet = &report.fleet;
    if fleet.gpus == 0 {
        let text = "No GPU was found in this window: no DCGM series, no node with GPUs. The warnings below say why.";
        return Block::Verdict(Tone::Bad, text.to_owned());
    }
    let utilization = fleet.ledger.utilization.filter(|u| u.is_finite());
    let line = format!("the {}% line", decimal(SURVEY_LINE * 100.0, 0));
    let (tone, used) = match utilization {
        Some(u) if u < SURVEY_LINE => {
            (Tone::Warn, format!("{} utilized, below {line}", percent(Some(u))))
        }
        Some(u) => (Tone::Good, format!("{} utilized, not below {line}", percent(Some(u)))),
        None => (Tone::Warn, "utilization unknown".to_owned()),
    };
    let text = format!(
        "{} on {} for {}: {used}; {}.",
        plural(u64::from(fleet.gpus), "GPU", "GPUs"),
        plural(u64::from(fleet.nodes), "node", "nodes"),
        duration(Some(report.window.hours * 3_600.0)),
        money(report)
    );
    Block::Verdict(tone, text)
}

/// Cost and waste.
fn money(report: &Report) -> String {
    let fleet = &report.fleet;
    let Some(cost) = fleet.ledger.capacity_cost else {
        return "cost unknown: no GPU has a price".to_owned();
    };
    let digits = money_digits(cost, &report.currency);
    let amount = |value| format::money(value, &report.currency, digits);
    if fleet.ledger.waste_cost.is_none() {
        return format!("cost {}; how much of it is wasted is unknown", amount(Some(cost)));
    }
    // What was held and not observed may be waste too.
    let is_all_known = fleet.ledger.observed_gpu_hours > 0.0;
    format!(
        "cost {}, {}{} of it wasted: {} a month",
        amount(Some(cost)),
        if is_all_known { "" } else { "at least " },
        amount(fleet.ledger.waste_cost),
        amount(fleet.waste_cost_per_month)
    )
}

/// In words, what part of the cluster the rows show; `None` when that is all of it.
fn scope(scope: &ScopeRow) -> Option<String> {
    let mut parts = Vec::new();
    if !scope.tenants.is_empty() {
        parts.push(format!("tenant {}", scope.tenants.join(" or ")));
    }
    if !scope.namespaces.is_empty() {
        parts.push(format!("namespace {}", scope.namespaces.join(" or ")));
    }
    if let Some(selector) = &scope.selector {
        parts.push(format!("labels {selector}"));
    }
    (!parts.is_empty()).then(|| {
        format!(
            "Rows are limited to {}. The lines above and the next section are of the whole cluster.",
            parts.join(", ")
        )
    })
}
