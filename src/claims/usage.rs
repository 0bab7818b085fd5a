//! How the devices of claims were used: read off the rows of the ledger that a report sums up.
//!
//! No sample is looked at here, so that `claims` and `report` cannot say different things of one GPU-hour.
//! What follows for the class of a claim is `rules`.

use std::collections::{BTreeMap, BTreeSet};

use crate::attribution::states::{Segment, State};
use crate::model::dra::ClaimFact;
use crate::model::{Interval, IntervalSet, Window};
use crate::units::{Millis, gpu_hours_of};

/// How the GPUs of one claim were used in a window. Time in which only the claim itself had them counts
/// neither as held nor as idle: nobody was there to use them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// GPU-hours held by those it is reserved for.
    pub held_gpu_hours: f64,
    /// GPU-hours of these with a trustworthy sample.
    pub observed_gpu_hours: f64,
    /// GPU-hours of these below the idle threshold.
    pub idle_gpu_hours: f64,
    /// Since when every one of its GPUs has been idle without a break, up to the window's end; `None`
    /// when one of them is not, or was not observed.
    pub idle_since: Option<Millis>,
    /// How long every one of them has been idle since then, milliseconds.
    pub idle_ms: i64,
    /// Every one of them was observed and idle for all of the time that it was held.
    pub always_idle: bool,
    /// Queries of the signals that this rests on, sorted.
    pub signals: Vec<&'static str>,
}

/// Usage by (namespace, claim).
pub type Usages = BTreeMap<(String, String), Usage>;

/// What the ledger says of the claims that hold GPUs. A claim of which it has no held time is left out.
#[must_use]
pub fn usages(claims: &[ClaimFact], segments: &[Segment], window: Window) -> Usages {
    let mut by_claim: BTreeMap<usize, BTreeMap<usize, Vec<&Segment>>> = BTreeMap::new();
    for segment in segments.iter().filter(|s| s.state != State::StaleClaim) {
        if let Some(grant) = segment.grant {
            let of_claim = by_claim.entry(grant.claim).or_default();
            of_claim.entry(grant.device).or_default().push(segment);
        }
    }
    by_claim
        .into_iter()
        .map(|(c, by_device)| {
            let claim = &claims[c];
            let key = (claim.namespace.clone(), claim.name.clone());
            (key, usage(claim, &by_device, window))
        })
        .collect()
}

fn usage(claim: &ClaimFact, by_device: &BTreeMap<usize, Vec<&Segment>>, window: Window) -> Usage {
    let all = || by_device.values().flatten();
    let hours = |test: fn(&Segment) -> bool| {
        gpu_hours_of(all().filter(|s| test(s)).map(|s| gpu_ms(s)).sum())
    };
    let given = claim.allocation.iter().flat_map(|allocation| &allocation.devices);
    let wanted = given.enumerate().filter(|(_, device)| device.holds_gpu());
    // A device without a row of its own is one that nobody looked at.
    let runs: Option<Vec<Run>> = wanted.map(|(n, _)| Run::of(by_device.get(&n)?, window)).collect();
    let runs = runs.unwrap_or_default();
    let signals: BTreeSet<&'static str> =
        all().filter_map(|s| Some(s.signal?.query().name())).collect();
    Usage {
        held_gpu_hours: hours(|_| true),
        observed_gpu_hours: hours(|s| s.state != State::Unobserved),
        idle_gpu_hours: hours(is_idle),
        idle_since: runs.iter().map(|run| run.since).max(),
        idle_ms: runs.iter().map(|run| run.length_ms).min().unwrap_or(0),
        always_idle: !runs.is_empty() && runs.iter().all(|run| run.is_all),
        signals: signals.into_iter().collect(),
    }
}

/// The idle time of a device that lasts until the window's end.
struct Run {
    since: Millis,
    length_ms: i64,
    /// The device was idle for all of the time that it was held.
    is_all: bool,
}

impl Run {
    /// `None` when the device is not idle at the window's end.
    fn of(segments: &[&Segment], window: Window) -> Option<Self> {
        let time = |test: fn(&Segment) -> bool| {
            IntervalSet::union_of(segments.iter().filter(|s| test(s)).map(|s| s.time))
        };
        let held = time(|_| true);
        let other = time(|s| !is_idle(s));
        let since = other.hull().map_or(held.hull()?.start, |hull| hull.end);
        let idle = held.intersect(&IntervalSet::of(Interval::new(since, window.end())));
        let lasts = idle.hull().is_some_and(|hull| hull.end == window.end());
        lasts.then(|| Self { since, length_ms: idle.length_ms(), is_all: other.is_empty() })
    }
}

const fn is_idle(segment: &Segment) -> bool {
    matches!(segment.state, State::IdleWarm | State::IdleEmpty)
}

/// GPU-milliseconds of a row.
#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
fn gpu_ms(segment: &Segment) -> f64 {
    segment.time.length_ms() as f64 * segment.share
}

#[cfg(test)]
mod tests;
