//! Numbers of a ledger with how they come about: in words, and with the figures put in.

use super::contract::Step;
use crate::recommend::contract::Recommendation;
use crate::report::contract::{Ledger, Usage};
use crate::units::HOURS_PER_MONTH;

/// Fields that can be asked for by name.
pub(super) const NAMES: &[&str] = &[
    "busy_gpu_hours",
    "slack_gpu_hours",
    "idle_gpu_hours",
    "allocated_gpu_hours",
    "observed_ratio",
    "utilization",
    "waste_gpu_hours",
    "allocated_cost",
    "waste_cost",
    "utilization_p50",
    "utilization_p95",
    "utilization_p99",
    "utilization_max",
    "memory_used_max_bytes",
    "longest_idle_seconds",
];

const HOURS: &str = "GPU-h";

fn figure(value: f64) -> String {
    if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn known(value: Option<f64>) -> String {
    value.map_or_else(|| "?".to_owned(), figure)
}

fn sum(parts: &[(&str, Option<f64>)]) -> String {
    let part = |(name, value): &(&str, Option<f64>)| format!("{name} {}", known(*value));
    parts.iter().map(part).collect::<Vec<_>>().join(" + ")
}

fn step(name: &str, value: Option<f64>, unit: &str, formula: &str, worked: String) -> Step {
    Step {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
        formula: formula.to_owned(),
        worked,
    }
}

/// Steps of a ledger, from time to money.
pub(super) fn of_ledger(ledger: &Ledger, currency: &str) -> Vec<Step> {
    [of_time(ledger), of_ratios(ledger), of_money(ledger, currency)].concat()
}

/// Held time by state.
fn of_time(l: &Ledger) -> Vec<Step> {
    let active = l.busy_gpu_hours + l.slack_gpu_hours;
    vec![
        step(
            "busy_gpu_hours",
            Some(l.busy_gpu_hours),
            HOURS,
            "integral of utilization over held time that is not idle",
            format!("{} of {} active", figure(l.busy_gpu_hours), figure(active)),
        ),
        step(
            "slack_gpu_hours",
            Some(l.slack_gpu_hours),
            HOURS,
            "active time − busy_gpu_hours",
            format!("{} − {}", figure(active), figure(l.busy_gpu_hours)),
        ),
        step(
            "idle_gpu_hours",
            Some(l.idle_gpu_hours()),
            HOURS,
            "idle_warm_gpu_hours + idle_empty_gpu_hours: held, and every signal below policy.idle_below",
            sum(&[("warm", Some(l.idle_warm_gpu_hours)), ("empty", Some(l.idle_empty_gpu_hours))]),
        ),
        step(
            "allocated_gpu_hours",
            Some(l.allocated_gpu_hours),
            HOURS,
            "sum over the intervals of share × length = busy + slack + idle + unobserved",
            sum(&[
                ("busy", Some(l.busy_gpu_hours)),
                ("slack", Some(l.slack_gpu_hours)),
                ("idle", Some(l.idle_gpu_hours())),
                ("unobserved", Some(l.unobserved_gpu_hours)),
            ]),
        ),
    ]
}

/// How well it was observed and used.
fn of_ratios(l: &Ledger) -> Vec<Step> {
    vec![
        step(
            "observed_ratio",
            l.observed_ratio,
            "ratio",
            "observed held time / held time",
            format!("{} / {}", figure(l.observed_gpu_hours), figure(l.allocated_gpu_hours)),
        ),
        step(
            "utilization",
            l.utilization,
            "ratio",
            "integral of utilization over observed held time / observed held time",
            format!("{} / {}", figure(l.utilization_gpu_hours), figure(l.observed_gpu_hours)),
        ),
        step(
            "waste_gpu_hours",
            Some(l.waste_gpu_hours()),
            HOURS,
            "idle + slack + stale_claim",
            sum(&[
                ("idle", Some(l.idle_gpu_hours())),
                ("slack", Some(l.slack_gpu_hours)),
                ("stale claim", Some(l.stale_claim_gpu_hours)),
            ]),
        ),
    ]
}

/// What it cost.
fn of_money(l: &Ledger, currency: &str) -> Vec<Step> {
    vec![
        step(
            "allocated_cost",
            l.allocated_cost,
            currency,
            "sum over the prices of held GPU-hours × price of a physical GPU-hour",
            sum(&[
                ("busy", l.busy_cost),
                ("slack", l.slack_cost),
                ("idle warm", l.idle_warm_cost),
                ("idle empty", l.idle_empty_cost),
                ("unobserved", l.unobserved_cost),
            ]),
        ),
        step(
            "waste_cost",
            l.waste_cost,
            currency,
            "the cost of idle, slack and stale_claim",
            sum(&[
                ("idle warm", l.idle_warm_cost),
                ("idle empty", l.idle_empty_cost),
                ("slack", l.slack_cost),
                ("stale claim", l.stale_claim_cost),
            ]),
        ),
    ]
}

/// Steps of how utilization was spread.
pub(super) fn of_usage(usage: &Usage) -> Vec<Step> {
    let signal = usage.signal.as_deref().unwrap_or("no signal");
    let percentile = |name: &str, value: Option<f64>, percent: u32| {
        let formula = format!(
            "smallest utilization at or below which the device was for {percent} % of the observed held time"
        );
        step(name, value, "ratio", &formula, format!("from {signal}, weighted by time"))
    };
    vec![
        percentile("utilization_p50", usage.utilization_p50, 50),
        percentile("utilization_p95", usage.utilization_p95, 95),
        percentile("utilization_p99", usage.utilization_p99, 99),
        step(
            "utilization_max",
            usage.utilization_max,
            "ratio",
            "largest sample",
            format!("from {signal}"),
        ),
        step(
            "memory_used_max_bytes",
            usage.memory_used_max_bytes,
            "bytes",
            "largest framebuffer use of one device",
            "from fb_used".to_owned(),
        ),
        step(
            "longest_idle_seconds",
            Some(usage.longest_idle_seconds),
            "seconds",
            "longest unbroken idle stretch of one device; a gap ends it",
            format!("from {signal}"),
        ),
    ]
}

/// Steps of a recommendation's savings.
pub(super) fn of_savings(r: &Recommendation, window_hours: f64, currency: &str) -> Vec<Step> {
    let month = HOURS_PER_MONTH / window_hours;
    let hours = r.monthly_gpu_hours / month;
    let money = r.finding.monthly_savings.map(|money| money / month);
    let per_month = |value: Option<f64>| {
        format!("{} / {} h × {HOURS_PER_MONTH} h", known(value), figure(window_hours))
    };
    let (freed, over) = match r.change.is_of_gpus() {
        true => (
            "what the change frees of each GPU of each pod in the window, at most its waste",
            format!("over {} GPUs of pods", r.rests_on.len()),
        ),
        false => (
            "time in which nobody held a GPU of the node and a GPU pod of the window would have fitted with the smaller requests only",
            "stranded, so no part of what is held".to_owned(),
        ),
    };
    vec![
        step("freed_gpu_hours", Some(hours), HOURS, freed, over),
        step(
            "freed_cost",
            money,
            currency,
            "the same in money, at the price of each GPU",
            format!("{} GPU-h at the prices below", figure(hours)),
        ),
        step(
            "monthly_gpu_hours",
            Some(r.monthly_gpu_hours),
            HOURS,
            "freed_gpu_hours / hours of the window × 730",
            per_month(Some(hours)),
        ),
        step(
            "monthly_savings",
            r.finding.monthly_savings,
            currency,
            "freed_cost / hours of the window × 730",
            per_month(money),
        ),
    ]
}
