//! What the figures rest on: samples, gaps, prices, sources, the balance.

use std::collections::BTreeMap;

use super::super::RenderOptions;
use super::super::format::{count, decimal, hours_alone, money_alone, percent, plural, price};
use super::{Block, Fact, Tone, len};
use crate::report::contract::{Coverage, GpuRow, Ledger, Report};

/// How many names are spelled out before the rest is counted.
const NAMES: usize = 3;

pub(super) fn blocks(report: &Report, options: &RenderOptions) -> Vec<Block> {
    let coverage = &report.coverage;
    let mut facts = vec![observed(coverage, &report.fleet.ledger), samples(coverage)];
    facts.extend(unobserved(coverage));
    facts.extend(estimated(report));
    facts.extend(without_owner(coverage));
    if !report.gpus.is_empty() {
        facts.push(prices(report));
    }
    facts.extend(without_price(coverage));
    facts.extend(sources(coverage, options.wide));
    facts.extend(coverage.warnings.iter().map(|warning| Fact {
        label: "warning",
        text: format!("{} ({})", warning.message, warning.code),
        tone: Tone::Warn,
    }));
    facts.push(balance(report));
    facts.extend(settings(report, options.wide));
    vec![Block::Heading("What this rests on".to_owned()), Block::Facts(facts)]
}

const fn fact(label: &'static str, text: String, tone: Tone) -> Fact {
    Fact { label, text, tone }
}

fn observed(coverage: &Coverage, fleet: &Ledger) -> Fact {
    let complete = if coverage.complete { "nothing is missing" } else { "data is INCOMPLETE" };
    let text = format!(
        "{} of the held time ({} of {} GPU-h); {complete}",
        percent(coverage.observed_ratio),
        hours_alone(fleet.observed_gpu_hours),
        hours_alone(fleet.allocated_gpu_hours),
    );
    fact("observed", text, if coverage.complete { Tone::Plain } else { Tone::Warn })
}

fn samples(coverage: &Coverage) -> Fact {
    let dropped = coverage.samples_dropped.values().fold(0_u64, |sum, n| sum.saturating_add(*n));
    let reasons = listed(&coverage.samples_dropped, |n| count(*n));
    let text = match dropped {
        0 => format!("{} read, none dropped", count(coverage.samples_seen)),
        _ => {
            format!("{} read, {} dropped ({reasons})", count(coverage.samples_seen), count(dropped))
        }
    };
    fact("samples", text, Tone::Plain)
}

fn listed<V>(map: &BTreeMap<String, V>, show: impl Fn(&V) -> String) -> String {
    let parts: Vec<String> =
        map.iter().map(|(key, value)| format!("{key} {}", show(value))).collect();
    parts.join(", ")
}

fn unobserved(coverage: &Coverage) -> Option<Fact> {
    let reasons = &coverage.unobserved_gpu_hours;
    (!reasons.is_empty()).then(|| {
        let text = format!("{} (GPU-h, by reason)", listed(reasons, |h| hours_alone(*h)));
        fact("unobserved", text, Tone::Plain)
    })
}

/// How much of the bill is known only together with the neighbours: by tenant, most first.
fn estimated(report: &Report) -> Option<Fact> {
    let fleet = &report.fleet.ledger;
    let mut tenants: Vec<_> = report
        .tenants
        .iter()
        .filter_map(|t| Some((t.ledger.estimated_ratio.filter(|r| *r > 0.0)?, t.tenant.as_str())))
        .collect();
    tenants.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let named: Vec<_> = tenants
        .iter()
        .take(NAMES)
        .map(|(ratio, tenant)| format!("{tenant} {}", percent(Some(*ratio))))
        .collect();
    (fleet.estimated_gpu_hours > 0.0).then(|| {
        let text = format!(
            "{} of the held time is on shared devices whose use is split by share ({})",
            percent(fleet.estimated_ratio),
            named.join(", ")
        );
        fact("estimated", text, Tone::Plain)
    })
}

fn without_owner(coverage: &Coverage) -> Option<Fact> {
    let pods = u64::from(coverage.pods_without_owner);
    (pods > 0).then(|| {
        fact("pods", format!("{} without a controller", plural(pods, "pod", "pods")), Tone::Plain)
    })
}

/// Price and source by model, as they were used.
fn prices(report: &Report) -> Fact {
    // Prices are ordered by their bits only to make equal ones meet.
    let mut used: BTreeMap<(&str, u64, &str), u64> = BTreeMap::new();
    for gpu in &report.gpus {
        if let GpuRow { model, price_per_hour: Some(per_hour), price_source, .. } = gpu {
            let source = price_source.as_deref().unwrap_or("source unknown");
            *used.entry((model, per_hour.to_bits(), source)).or_default() += 1;
        }
    }
    let parts: Vec<String> = used
        .iter()
        .map(|((model, per_hour, source), gpus)| {
            let per_hour = price(Some(f64::from_bits(*per_hour)), &report.currency);
            format!("{model} {per_hour} per GPU-hour ({}, {source})", plural(*gpus, "GPU", "GPUs"))
        })
        .collect();
    if parts.is_empty() {
        return fact("prices", "none: costs are not known".to_owned(), Tone::Warn);
    }
    fact("prices", parts.join("; "), Tone::Plain)
}

fn without_price(coverage: &Coverage) -> Option<Fact> {
    let gpus = &coverage.gpus_without_price;
    (!gpus.is_empty()).then(|| {
        let text = format!(
            "{} without one ({}): their cost is unknown and left out",
            plural(len(gpus.len()), "GPU", "GPUs"),
            first_names(gpus)
        );
        fact("prices", text, Tone::Warn)
    })
}

fn first_names(names: &[String]) -> String {
    let first = names.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first}, … {} more", count(len(more))),
    }
}

/// Sources in order; those that did well are only counted unless all is to be shown.
fn sources(coverage: &Coverage, all: bool) -> Vec<Fact> {
    let fine = |status: &str| matches!(status, "ok" | "empty" | "skipped");
    let mut facts = Vec::new();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for source in &coverage.sources {
        if all || !fine(&source.status) {
            let text = format!("{} {}: {}", source.name, source.status, source.detail);
            let tone = if fine(&source.status) { Tone::Plain } else { Tone::Bad };
            facts.push(fact("source", text, tone));
        } else {
            *counts.entry(&source.status).or_default() += 1;
        }
    }
    if !counts.is_empty() {
        let parts: Vec<String> =
            counts.iter().map(|(status, n)| format!("{} {status}", count(*n))).collect();
        facts.insert(0, fact("sources", parts.join(", "), Tone::Plain));
    }
    facts
}

fn balance(report: &Report) -> Fact {
    let balance = &report.reconciliation;
    let failed: Vec<String> = balance
        .checks
        .iter()
        .filter(|check| !check.balanced)
        .map(|check| {
            format!("{}: {} ≠ {}", check.name, decimal(check.left, 4), decimal(check.right, 4))
        })
        .collect();
    let verdict = if balance.balanced { "balanced" } else { "NOT BALANCED" };
    let text = format!(
        "{verdict}: capacity {} = states {} GPU-h; largest residue {} GPU-h, {} in {}{}{}",
        hours_alone(balance.capacity_gpu_hours),
        hours_alone(balance.accounted_gpu_hours),
        decimal(balance.residue_gpu_hours, 4),
        money_alone(Some(balance.residue_cost), &report.currency),
        plural(len(balance.checks.len()), "check", "checks"),
        if failed.is_empty() { "" } else { ". Failed: " },
        failed.join("; ")
    );
    fact("balance", text, if balance.balanced { Tone::Good } else { Tone::Bad })
}

/// Settings that the figures depend on: what somebody decided, and where all is to be shown the
/// defaults too. Prices have a line of their own.
fn settings(report: &Report, all: bool) -> Option<Fact> {
    let stated = || report.assumptions.iter().filter(|a| !a.key.starts_with("price."));
    let is_default = |origin: &str| origin == "default";
    let mut parts: Vec<String> = stated()
        .filter(|a| all || !is_default(&a.origin))
        .map(|a| format!("{} {} ({})", a.key, a.value, a.origin))
        .collect();
    let hidden = stated().count() - parts.len();
    if hidden > 0 {
        parts.push(format!("{} by default (-o wide and -o json list them)", count(len(hidden))));
    }
    (!parts.is_empty()).then(|| fact("settings", parts.join("; "), Tone::Muted))
}
