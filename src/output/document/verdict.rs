//! The first lines: what was looked at, and what came of it.

use super::super::format::{decimal, duration, money_alone, percent, plural};
use super::{Block, Tone};
use crate::report::contract::{Report, ScopeRow};

/// Mean utilization that surveys of GPU fleets quote again and again: a line to hold one's own
/// figure against, not a goal.
const SURVEY_LINE: f64 = 0.40;

pub(super) fn blocks(report: &Report) -> Vec<Block> {
    let mut blocks = vec![Block::Title(title(report)), verdict(report)];
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
    let length = duration(Some(window.hours * 3_600.0));
    format!("GPU ledger, {} to {} ({length})", window.start, window.end)
}

fn verdict(report: &Report) -> Block {
    let fleet = &report.fleet;
    let utilization = fleet.ledger.utilization.filter(|u| u.is_finite());
    let line = format!("the {}% surveys quote", decimal(SURVEY_LINE * 100.0, 0));
    let (tone, used) = match utilization {
        Some(u) if u < SURVEY_LINE => {
            (Tone::Warn, format!("{} utilized, below {line}", percent(Some(u))))
        }
        Some(u) => (Tone::Good, format!("{} utilized, not below {line}", percent(Some(u)))),
        None => (Tone::Warn, "utilization unknown".to_owned()),
    };
    let money = match (fleet.ledger.capacity_cost, fleet.waste_cost_per_month) {
        (None, None) => "cost unknown: no GPU has a price".to_owned(),
        (cost, waste) => format!(
            "cost {}, waste {} a month",
            money_alone(cost, &report.currency),
            money_alone(waste, &report.currency)
        ),
    };
    let text = format!(
        "{} on {}: {used}; {money}{}.",
        plural(u64::from(fleet.gpus), "GPU", "GPUs"),
        plural(u64::from(fleet.nodes), "node", "nodes"),
        unpriced(fleet.ledger.unpriced_gpu_hours)
    );
    Block::Verdict(tone, text)
}

/// What the money leaves out.
fn unpriced(hours: f64) -> String {
    if hours > 0.0 {
        format!(" (without {} GPU-h that have no price)", decimal(hours, 1))
    } else {
        String::new()
    }
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
            "Rows are limited to {}. The line above and the next section are of the whole cluster.",
            parts.join(", ")
        )
    })
}
