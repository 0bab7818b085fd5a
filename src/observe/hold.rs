//! The hold rule: for how long a sample speaks.
//!
//! Design, section 2: a sample holds until the next sample of the same series if that comes within
//! `max_gap`; otherwise, and for the last sample, for one step, the series' median sample spacing. A
//! staleness marker ends a hold at its instant. Nothing is interpolated, nothing is filled with 0.

use crate::model::{Interval, IntervalSet};
use crate::units::Millis;

/// Samples from which a median spacing above the longest gap is believed: a slow scrape, not an outage.
const ENOUGH_TO_TELL: usize = 5;

/// A value and the time it speaks for; `None` for a sample that is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// The time.
    pub time: Interval,
    /// The value.
    pub value: Option<f64>,
}

/// What a series says at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A sample that can be trusted.
    Value(f64),
    /// A sample that cannot.
    Invalid,
    /// The series ended.
    Stale,
}

/// One series, decoded: events in strictly increasing order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline(pub Vec<(Millis, Event)>);

impl Timeline {
    /// Instants of samples (markers left out).
    pub fn sample_times(&self) -> impl Iterator<Item = Millis> + '_ {
        self.0.iter().filter(|(_, e)| !matches!(e, Event::Stale)).map(|&(t, _)| t)
    }

    /// Instants and values of samples that can be trusted.
    pub fn values(&self) -> impl Iterator<Item = (Millis, f64)> + '_ {
        self.0.iter().filter_map(|&(at, event)| match event {
            Event::Value(value) => Some((at, value)),
            Event::Invalid | Event::Stale => None,
        })
    }

    /// Median spacing of the samples (the lower one of two); `None` below two samples.
    #[must_use]
    pub fn median_spacing(&self) -> Option<i64> {
        let times: Vec<_> = self.sample_times().collect();
        let mut spacings: Vec<_> = times.windows(2).map(|w| w[1] - w[0]).collect();
        if spacings.is_empty() {
            return None;
        }
        let middle = (spacings.len() - 1) / 2;
        Some(*spacings.select_nth_unstable(middle).1)
    }

    /// For how long a lone sample holds: the median spacing, where that is one. The few samples on both
    /// sides of an outage have the outage as their median; they hold for `common_ms`.
    #[must_use]
    pub fn step(&self, common_ms: i64, max_gap_ms: i64) -> i64 {
        match self.median_spacing() {
            Some(own) if own <= max_gap_ms || self.0.len() >= ENOUGH_TO_TELL => own,
            _ => common_ms,
        }
    }

    /// Each sample with its hold.
    #[must_use]
    pub fn holds(&self, step_ms: i64, max_gap_ms: i64) -> Vec<Held> {
        let mut out = Vec::with_capacity(self.0.len());
        for (i, &(at, event)) in self.0.iter().enumerate() {
            let value = match event {
                Event::Value(value) => Some(value),
                Event::Invalid => None,
                Event::Stale => continue,
            };
            let end = match self.0.get(i + 1) {
                Some(&(next, Event::Stale)) if next - at > max_gap_ms => at + step_ms,
                Some(&(next, Event::Stale)) => next,
                Some(&(next, _)) if next - at <= max_gap_ms => next,
                _ => at + step_ms,
            };
            out.push(Held { time: Interval::new(at, end), value });
        }
        out
    }

    /// When the series was there at all.
    #[must_use]
    pub fn presence(&self, step_ms: i64, max_gap_ms: i64) -> IntervalSet {
        IntervalSet::union_of(self.holds(step_ms, max_gap_ms).iter().map(|h| h.time))
    }
}

/// Median of the medians: the step assumed for a series too short to have its own.
#[must_use]
pub fn common_step(timelines: &[&Timeline], default_ms: i64) -> i64 {
    let mut steps: Vec<_> = timelines.iter().filter_map(|t| t.median_spacing()).collect();
    if steps.is_empty() {
        return default_ms;
    }
    let middle = (steps.len() - 1) / 2;
    *steps.select_nth_unstable(middle).1
}

/// Several series of one device and field as one list of disjoint holds in order of time, and how
/// many samples within `counted` were duplicates.
///
/// Series of one device differ in labels when another pod takes it, when the exporter restarts, or
/// when two Prometheus replicas scrape it. The series with the most samples goes first; a sample of
/// another is a duplicate where the first has samples on both sides, one scrape interval apart.
/// What is left is cut at the next sample of any series, so that no instant speaks twice.
#[must_use]
pub fn merged(
    timelines: &[Timeline],
    common_step_ms: i64,
    max_gap_ms: i64,
    counted: Interval,
) -> (Vec<Held>, u64) {
    let mut order: Vec<&Timeline> = timelines.iter().filter(|t| !t.0.is_empty()).collect();
    order.sort_by_key(|t| std::cmp::Reverse(t.0.len()));
    let mut accepted: Vec<(Vec<Millis>, i64)> = Vec::with_capacity(order.len());
    let mut holds: Vec<Held> = Vec::new();
    let mut duplicates = 0;
    for timeline in order {
        let step = timeline.step(common_step_ms, max_gap_ms);
        for hold in timeline.holds(step, max_gap_ms) {
            let at = hold.time.start;
            if accepted.iter().any(|(times, step)| covers(times, *step, at)) {
                duplicates += u64::from(counted.start <= at && at < counted.end);
            } else {
                holds.push(hold);
            }
        }
        accepted.push((timeline.sample_times().collect(), step));
    }
    holds.sort_by_key(|h| h.time.start);
    for i in 1..holds.len() {
        let next = holds[i].time.start;
        holds[i - 1].time.end = holds[i - 1].time.end.min(next);
    }
    holds.retain(|h| h.time.start < h.time.end);
    (holds, duplicates)
}

/// Whether a series with samples at `times` has `at` already: a sample just there, or one on each
/// side no further apart than one and a half steps.
fn covers(times: &[Millis], step_ms: i64, at: Millis) -> bool {
    let next = times.partition_point(|&t| t <= at);
    let Some(&previous) = next.checked_sub(1).and_then(|i| times.get(i)) else { return false };
    previous == at || times.get(next).is_some_and(|&n| 2 * (n - previous) <= 3 * step_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Interval = Interval::new(0, 1_000);

    fn timeline(samples: &[(i64, f64)]) -> Timeline {
        Timeline(samples.iter().map(|&(t, v)| (t, Event::Value(v))).collect())
    }

    fn spans(holds: &[Held]) -> Vec<(i64, i64, Option<f64>)> {
        holds.iter().map(|h| (h.time.start, h.time.end, h.value)).collect()
    }

    #[test]
    fn holds_to_the_next_sample_or_one_step() {
        // Spacings 10, 10, 100: median 10. The gap of 100 exceeds 50, so 20 holds for one step.
        let line = timeline(&[(0, 0.1), (10, 0.2), (20, 0.3), (120, 0.4)]);
        assert_eq!(line.median_spacing(), Some(10));
        assert_eq!(
            spans(&line.holds(10, 50)),
            [(0, 10, Some(0.1)), (10, 20, Some(0.2)), (20, 30, Some(0.3)), (120, 130, Some(0.4))]
        );
        // A gap of exactly max_gap still counts as neighbours.
        assert_eq!(line.holds(10, 100)[2].time.end, 120);
    }

    #[test]
    fn an_outage_is_no_spacing() {
        // Two samples 500 apart, where gaps end at 50: the spacing of others counts.
        assert_eq!(timeline(&[(0, 0.1), (500, 0.1)]).step(10, 50), 10);
        // A scrape every 500 is slow, and regular.
        let slow = timeline(&[(0, 0.1), (500, 0.1), (1_000, 0.1), (1_500, 0.1), (2_000, 0.1)]);
        assert_eq!(slow.step(10, 50), 500);
        assert_eq!(timeline(&[(0, 0.1)]).step(10, 50), 10);
    }

    #[test]
    fn a_stale_marker_ends_a_hold() {
        let line =
            Timeline(vec![(0, Event::Value(1.0)), (4, Event::Stale), (20, Event::Value(2.0))]);
        assert_eq!(spans(&line.holds(10, 50)), [(0, 4, Some(1.0)), (20, 30, Some(2.0))]);
        // One that comes after the gap has nothing left to end.
        let late = Timeline(vec![(0, Event::Value(1.0)), (90, Event::Stale)]);
        assert_eq!(spans(&late.holds(10, 50)), [(0, 10, Some(1.0))]);
    }

    #[test]
    fn an_invalid_sample_speaks_for_its_time_and_says_nothing() {
        let line =
            Timeline(vec![(0, Event::Value(1.0)), (10, Event::Invalid), (20, Event::Value(2.0))]);
        assert_eq!(
            spans(&line.holds(10, 50)),
            [(0, 10, Some(1.0)), (10, 20, None), (20, 30, Some(2.0))]
        );
    }

    #[test]
    fn replicas_are_one_series() {
        // B is A scraped 3 later by a second replica: all inside A but the last, which goes on.
        let a = timeline(&[(0, 0.1), (10, 0.1), (20, 0.1), (30, 0.1)]);
        let b = timeline(&[(3, 0.9), (13, 0.9), (33, 0.9)]);
        let (holds, duplicates) = merged(&[b, a], 10, 50, ALL);
        assert_eq!(duplicates, 2);
        assert_eq!(
            spans(&holds),
            [
                (0, 10, Some(0.1)),
                (10, 20, Some(0.1)),
                (20, 30, Some(0.1)),
                (30, 33, Some(0.1)),
                (33, 43, Some(0.9)),
            ]
        );
    }

    #[test]
    fn a_new_label_set_goes_on_where_the_old_one_ends() {
        let a = timeline(&[(0, 0.1), (10, 0.1), (20, 0.1)]);
        let b = timeline(&[(29, 0.5), (39, 0.5)]);
        let (holds, duplicates) = merged(&[a, b], 10, 50, ALL);
        assert_eq!(duplicates, 0);
        assert_eq!(
            spans(&holds)[2..],
            [(20, 29, Some(0.1)), (29, 39, Some(0.5)), (39, 49, Some(0.5))]
        );
    }

    #[test]
    fn same_instants_twice_count_once() {
        let a = timeline(&[(0, 0.1), (10, 0.2)]);
        let (holds, duplicates) = merged(&[a.clone(), a.clone()], 10, 50, ALL);
        assert_eq!((holds.len(), duplicates), (2, 2));
        // Samples beyond the window are read for their holds and counted nowhere.
        assert_eq!(merged(&[a.clone(), a], 10, 50, Interval::new(0, 10)).1, 1);
    }
}
