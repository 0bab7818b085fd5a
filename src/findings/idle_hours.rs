//! # What it finds
//! Workloads that are never used at certain hours: by day, at night, at weekends.
//! # Why it matters
//! A server that works from eight to six and holds its GPUs around the clock is paid for three times what it is used.
//! # How it is judged
//! Hours of the day, weekdays and weekends apart, on the clocks of the time zone of the report (`report.timezone`).
//! An hour is off when the workload held its GPUs in it on three weekdays, or on both days of a weekend, was observed
//! for 80 % of it, and was never active; at least four such hours must follow each other, counted around midnight.
//! They are fitted on the first `recommend.fit_share` of the window and replayed on the rest, day by day where the
//! window has several; an hour that was not tried so is left out, so weekends need two of them. `recommend.max_over` of
//! the active time in hours that would have been off refuses it. Savings are the idle time of these hours.
//! # What it changes
//! A schedule that scales the workload to zero and back (a KEDA cron trigger, a CronJob, a downscaler).
//! # Limits
//! Public holidays are weekdays. What wakes up on a call instead of by the clock saves more, and needs a proxy that
//! waits. The time that a model takes to load is not counted.

use std::ops::Range;

use super::evidence::{Evidence, Subject};
use super::never_used::is_never_used;
use super::proposal::{Draft, Freed, Verdict, not_judged};
use crate::recommend::contract::{Change, OffHours, ProofRow, Risk};
use crate::report::contract::{Basis, Severity};
use crate::sizing::fit::folds;
use crate::sizing::schedule::{Days, Found, Hour, Outcome, Schedule, hours, idle_off, settle};
use crate::trace::Span;
use crate::units::{HOURS_PER_MONTH, MS_PER_MINUTE, MS_PER_SECOND, gpu_hours, gpu_hours_of};

pub(super) const NAME: &str = "idle-hours";

/// Kinds that can be scaled to zero and back.
const SCALABLE: [&str; 11] = [
    "Deployment",
    "InferenceService",
    "LLMInferenceService",
    "LeaderWorkerSet",
    "Notebook",
    "RayService",
    "ReplicaSet",
    "ReplicationController",
    "Rollout",
    "Sandbox",
    "StatefulSet",
];

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    let history = evidence.history?;
    let idle = subject.row.ledger.idle_gpu_hours();
    let is_worth = idle >= evidence.rules.min_held_gpu_hours
        && !is_never_used(subject, evidence.idle_below)
        && subject.is_alive();
    if !SCALABLE.contains(&subject.row.kind.as_str()) || !is_worth {
        return None;
    }
    let span = Span::of(evidence.window);
    let traces = evidence.traces(&subject.leases.iter().collect::<Vec<_>>());
    let hours = hours(&traces, span, history.timezone);
    match settle(&hours, &folds(span, evidence.rules.fit_share)) {
        Found::Nothing => None,
        Found::TooShort => {
            let reason = "some of its hours are always idle; whether they are every week needs more days, of a weekend two";
            Some(not_judged(subject, Some(NAME), reason.to_owned()))
        }
        Found::Hours(outcome) => {
            Some(proposal(evidence, subject, history.timezone.name(), &hours, &outcome))
        }
    }
}

fn proposal(
    evidence: &Evidence<'_>,
    subject: &Subject<'_>,
    timezone: &str,
    hours: &[Hour],
    outcome: &Outcome,
) -> Verdict {
    let schedule = &outcome.schedule;
    let idle_ms: f64 = subject
        .leases
        .iter()
        .map(|lease| idle_off(hours, schedule, &evidence.traces(&[lease])))
        .sum();
    let (missed, bound) = (outcome.missed_share(), evidence.rules.max_over_share);
    let is_refused = missed > 0.0 && missed >= bound;
    let price = subject.leases.first().and_then(|lease| evidence.prices[lease.device].as_ref());
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::Medium,
        evidence: [
            ("off_hours_per_week".to_owned(), schedule.hours_per_week().into()),
            ("off_idle_gpu_hours".to_owned(), gpu_hours_of(idle_ms).into()),
            ("off_active_ratio".to_owned(), missed.into()),
            ("timezone".to_owned(), timezone.into()),
        ]
        .into(),
        action: format!(
            "Scale it to zero {} ({timezone}): {} ran on its GPUs then.",
            words(schedule),
            if missed > 0.0 { "next to nothing" } else { "nothing" }
        ),
        proof: Some(proof_row(outcome, price.map(|price| price.per_gpu_hour))),
        freed: &|lease| {
            let idle = Freed::idle(lease.figures);
            let off = gpu_hours_of(idle_off(hours, schedule, &evidence.traces(&[lease])));
            let part = if idle.gpu_hours > 0.0 { (off / idle.gpu_hours).min(1.0) } else { 0.0 };
            Freed { gpu_hours: idle.gpu_hours * part, cost: idle.cost.map(|cost| cost * part) }
        },
        leases: subject.leases.iter().collect(),
        gives_up: false,
        change: Change::Schedule { timezone: timezone.to_owned(), off: off_hours(schedule) },
        risk: (
            Risk::Medium,
            "whoever calls in these hours has to wait until it is up, and it needs a free GPU to come back",
        ),
        neighbours: "none: it does not run then",
        refusal: is_refused.then(|| {
            format!(
                "replayed, it would have been off for {:.1} % of its active time; {:.1} % is allowed",
                missed * 100.0,
                bound * 100.0
            )
        }),
        basis: Basis::Estimate,
    };
    draft.done(subject, evidence)
}

/// What was missed counts as over a capacity of nothing; its load is that of a card.
fn proof_row(outcome: &Outcome, per_gpu_hour: Option<f64>) -> ProofRow {
    let regret = gpu_hours_of(outcome.oracle_gpu_ms - outcome.freed_gpu_ms);
    let replayed = gpu_hours(outcome.minutes * MS_PER_MINUTE);
    #[expect(clippy::cast_precision_loss, reason = "less than a window")]
    let longest = outcome.longest_missed_ms as f64 / MS_PER_SECOND as f64;
    ProofRow {
        folds: u32::try_from(outcome.folds).unwrap_or(u32::MAX),
        replayed_hours: gpu_hours(outcome.observed_ms),
        active_hours: gpu_hours(outcome.active_ms),
        over_capacity_ratio: outcome.missed_share(),
        worst_overload: outcome.missed_load,
        longest_overload_seconds: longest,
        memory_overflow_minutes: None,
        worst_memory_overflow_bytes: None,
        regret_per_month: per_gpu_hour.map(|price| regret * price / replayed * HOURS_PER_MONTH),
    }
}

const fn name(days: Days) -> &'static str {
    match days {
        Days::Weekdays => "weekdays",
        Days::Weekends => "weekends",
    }
}

fn off_hours(schedule: &Schedule) -> Vec<OffHours> {
    let hour = |hour: usize| u32::try_from(hour).unwrap_or(0);
    let row = |days: Days, run: Range<usize>| OffHours {
        days: name(days).to_owned(),
        from_hour: hour(run.start),
        to_hour: hour(run.end),
    };
    let of = |days: Days| schedule.runs(days).into_iter().map(move |run| row(days, run));
    Days::ALL.into_iter().flat_map(of).collect()
}

/// `on weekdays from 22:00 to 06:00 and on weekends all day`.
fn words(schedule: &Schedule) -> String {
    let of = |days: Days| {
        let mut runs = schedule.runs(days);
        if let (Some(first), Some(last)) = (runs.first().cloned(), runs.last().cloned())
            && runs.len() > 1
            && (first.start, last.end) == (0, 24)
        {
            runs.remove(0);
            runs.pop();
            runs.push(last.start..first.end);
        }
        let time = |run: &Range<usize>| match (run.start, run.end) {
            (0, 24) => "all day".to_owned(),
            (from, to) => format!("from {from:02}:00 to {to:02}:00"),
        };
        let times: Vec<String> = runs.iter().map(time).collect();
        (!times.is_empty()).then(|| format!("on {} {}", name(days), times.join(", ")))
    };
    Days::ALL.into_iter().filter_map(of).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
