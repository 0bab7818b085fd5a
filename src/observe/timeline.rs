//! One series, decoded: what it says at which instants.
//!
//! Most series say the same at every scrape, so samples in a row that are equal and equally spaced are one
//! run: a week of an idle GPU takes a few dozen bytes. For how long a sample speaks is `hold`.

use crate::model::samples;
use crate::model::{Interval, Samples};
use crate::units::Millis;

/// Samples from which a median spacing above the longest gap is believed: a slow scrape, not an outage.
const ENOUGH_TO_TELL: usize = 5;

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

impl Event {
    fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => a.to_bits() == b.to_bits(),
            (Self::Invalid, Self::Invalid) => true,
            // Each marker ends something of its own.
            _ => false,
        }
    }
}

/// Equal samples at equal distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Instant of the first.
    pub first: Millis,
    /// From one to the next; 0 for a single sample.
    pub step_ms: i64,
    /// How many.
    pub count: u32,
    /// What each says.
    pub event: Event,
}

impl Run {
    /// Instant of the last sample.
    #[must_use]
    pub fn last(&self) -> Millis {
        self.first + self.step_ms * i64::from(self.count - 1)
    }

    /// Instants of all samples.
    pub fn times(self) -> impl Iterator<Item = Millis> {
        (0..i64::from(self.count)).map(move |i| self.first + i * self.step_ms)
    }

    /// Whether one of its samples is at that instant.
    #[must_use]
    pub fn is_at(&self, at: Millis) -> bool {
        self.first <= at
            && at <= self.last()
            && (at == self.first || (at - self.first) % self.step_ms == 0)
    }

    fn is_sample(&self) -> bool {
        self.event != Event::Stale
    }
}

/// One series: events in strictly increasing order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline(Vec<Run>);

impl FromIterator<(Millis, Event)> for Timeline {
    fn from_iter<T: IntoIterator<Item = (Millis, Event)>>(events: T) -> Self {
        let mut out = Self::default();
        events.into_iter().for_each(|(at, event)| out.push(at, event));
        out
    }
}

impl Timeline {
    /// What `samples` say, each by its value.
    #[must_use]
    pub fn of(samples: &Samples, event: impl Fn(f64) -> Event) -> Self {
        let mut out = Self::default();
        samples.each_run(|run| out.push_run(run, event(run.value)));
        out
    }

    /// Adds a run of samples that all say `event` and are later than all events before them.
    pub fn push_run(&mut self, samples: samples::Run, event: Event) {
        for (passed, (at, _)) in (0..).zip(samples.samples()) {
            let left = samples.count - passed;
            // After the first few of the samples the last run has their event and their step: the others are more of it.
            if let Some(last) = self.0.last_mut()
                && last.event.is_same(event)
                && last.count > 1
                && last.step_ms == samples.step_ms
                && at - last.last() == last.step_ms
                && let Some(count) = last.count.checked_add(left)
            {
                last.count = count;
                return;
            }
            self.push(at, event);
        }
    }

    /// Adds an event that is later than all before it.
    pub fn push(&mut self, at: Millis, event: Event) {
        match self.0.last_mut() {
            Some(run) if run.event.is_same(event) && run.count == 1 => {
                (run.step_ms, run.count) = (at - run.first, 2);
            }
            Some(run)
                if run.event.is_same(event)
                    && at - run.last() == run.step_ms
                    && run.count < u32::MAX =>
            {
                run.count += 1;
            }
            _ => self.0.push(Run { first: at, step_ms: 0, count: 1, event }),
        }
    }

    /// The runs in order, markers among them.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.0
    }

    /// Whether there is nothing, not even a marker.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|run| run.count as usize).sum()
    }

    /// From the first event to just after the last.
    #[must_use]
    pub fn hull(&self) -> Option<Interval> {
        Some(Interval::new(self.0.first()?.first, self.0.last()?.last() + 1))
    }

    /// Instants of samples (markers left out).
    pub fn sample_times(&self) -> impl Iterator<Item = Millis> + '_ {
        self.0.iter().filter(|run| run.is_sample()).flat_map(|run| run.times())
    }

    /// Instants and values of samples that can be trusted.
    pub fn values(&self) -> impl Iterator<Item = (Millis, f64)> + '_ {
        let valued = self.0.iter().filter_map(|run| match run.event {
            Event::Value(value) => Some((run, value)),
            Event::Invalid | Event::Stale => None,
        });
        valued.flat_map(|(run, value)| run.times().map(move |at| (at, value)))
    }

    /// Whether it has a sample at that instant.
    #[must_use]
    pub fn has_sample_at(&self, at: Millis) -> bool {
        let next = self.0.partition_point(|run| run.first <= at);
        next.checked_sub(1).is_some_and(|i| self.0[i].is_sample() && self.0[i].is_at(at))
    }

    /// Whether a run of it reaches into a stretch of time.
    #[must_use]
    pub fn has_samples_in(&self, time: Interval) -> bool {
        let split = self.0.partition_point(|run| run.first < time.end);
        let here = self.0[..split].iter().rev().take_while(|run| run.last() >= time.start);
        here.into_iter().any(Run::is_sample)
    }

    /// The last sample at or before an instant, and the first after it.
    #[must_use]
    pub fn samples_around(&self, at: Millis) -> (Option<Millis>, Option<Millis>) {
        let split = self.0.partition_point(|run| run.first <= at);
        let (here, later) = self.0.split_at(split);
        let after = later.iter().find(|run| run.is_sample()).map(|run| run.first);
        let Some(run) = here.iter().rev().find(|run| run.is_sample()) else { return (None, after) };
        if at >= run.last() {
            return (Some(run.last()), after);
        }
        let previous = run.first + (at - run.first) / run.step_ms * run.step_ms;
        (Some(previous), Some(previous + run.step_ms))
    }

    /// Median spacing of the samples (the lower one of two); `None` below two samples.
    #[must_use]
    pub fn median_spacing(&self) -> Option<i64> {
        let all: u64 = self.spacings().map(|(_, count)| count).sum();
        let middle = all.checked_sub(1)? / 2;
        self.majority(all).or_else(|| {
            let mut spacings: Vec<(i64, u64)> = self.spacings().collect();
            spacings.sort_unstable();
            let mut passed = 0;
            let found = spacings.into_iter().find(|(_, count)| {
                passed += count;
                passed > middle
            });
            found.map(|(spacing, _)| spacing)
        })
    }

    /// Distances of neighbours, each with how many in a row have it.
    fn spacings(&self) -> impl Iterator<Item = (i64, u64)> {
        let mut before: Option<&Run> = None;
        self.0.iter().filter(|run| run.is_sample()).flat_map(move |run| {
            let since = before.replace(run).map(|before| (run.first - before.last(), 1));
            let within = (run.count > 1).then(|| (run.step_ms, u64::from(run.count - 1)));
            since.into_iter().chain(within)
        })
    }

    /// The spacing that more than half of `all` have, where there is one: a median that needs no sorting
    /// (Boyer and Moore's vote, and a second look at the one that is left).
    fn majority(&self, all: u64) -> Option<i64> {
        let (mut leader, mut lead) = (None, 0_u64);
        for (spacing, count) in self.spacings() {
            if leader == Some(spacing) {
                lead += count;
            } else if lead >= count {
                lead -= count;
            } else {
                (leader, lead) = (Some(spacing), count - lead);
            }
        }
        let votes = self.spacings().filter(|(spacing, _)| Some(*spacing) == leader);
        leader.filter(|_| 2 * votes.map(|(_, count)| count).sum::<u64>() > all)
    }

    /// For how long a lone sample holds: the median spacing, where that is one. The few samples on both
    /// sides of an outage have the outage as their median; they hold for `common_ms`.
    #[must_use]
    pub fn step(&self, common_ms: i64, max_gap_ms: i64) -> i64 {
        step_of(self.median_spacing(), self.len(), common_ms, max_gap_ms)
    }
}

/// The same of a series of which the median spacing and the number of events are known.
pub(super) const fn step_of(
    spacing: Option<i64>,
    events: usize,
    common_ms: i64,
    max_gap_ms: i64,
) -> i64 {
    match spacing {
        Some(own) if own <= max_gap_ms || events >= ENOUGH_TO_TELL => own,
        _ => common_ms,
    }
}

/// Median of the median spacings of several series: the step assumed for one too short to have its own.
#[must_use]
pub fn common_step(spacings: impl Iterator<Item = i64>, default_ms: i64) -> i64 {
    let mut steps: Vec<_> = spacings.collect();
    if steps.is_empty() {
        return default_ms;
    }
    let middle = (steps.len() - 1) / 2;
    *steps.select_nth_unstable(middle).1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mutation::fixed;

    fn timeline(samples: &[(i64, f64)]) -> Timeline {
        samples.iter().map(|&(t, v)| (t, Event::Value(v))).collect()
    }

    #[test]
    fn equal_samples_at_equal_distances_are_one_run() {
        let line = timeline(&[(0, 0.5), (10, 0.5), (20, 0.5), (31, 0.5), (41, 0.5), (51, 0.1)]);
        let runs: Vec<_> = line.runs().iter().map(|r| (r.first, r.last(), r.count)).collect();
        assert_eq!(runs, [(0, 20, 3), (31, 41, 2), (51, 51, 1)]);
        assert_eq!(line.hull(), Some(Interval::new(0, 52)));
        assert!(line.has_sample_at(10) && !line.has_sample_at(15) && !line.has_sample_at(30));
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
    fn the_common_step_is_the_median_of_medians() {
        assert_eq!(common_step([1_000, 10, 30].into_iter(), 7), 30);
        assert_eq!(common_step(std::iter::empty(), 7), 7);
    }

    proptest! {
        #![proptest_config(fixed(300))]

        #[test]
        fn a_run_is_as_its_samples(
            runs in prop::collection::vec((1i64..4, 1i64..4, 1u32..6, 0u8..4), 0..40),
        ) {
            let (mut whole, mut single, mut first) = (Timeline::default(), Timeline::default(), 0);
            for (gap, step_ms, count, what) in runs {
                let event = match what {
                    0 => Event::Stale,
                    1 => Event::Invalid,
                    value => Event::Value(f64::from(value)),
                };
                first += gap;
                let run = samples::Run { first, step_ms, count, value: f64::from(what) };
                first = run.last();
                whole.push_run(run, event);
                run.samples().for_each(|(at, _)| single.push(at, event));
            }
            prop_assert_eq!(whole, single);
        }

        #[test]
        fn runs_lose_nothing(steps in prop::collection::vec((1i64..4, 0u8..4), 0..60)) {
            let mut at = 0;
            let events: Vec<(i64, Event)> = steps
                .into_iter()
                .map(|(step, what)| {
                    at += step * 10;
                    let event = match what {
                        0 => Event::Stale,
                        1 => Event::Invalid,
                        value => Event::Value(f64::from(value)),
                    };
                    (at, event)
                })
                .collect();
            let line: Timeline = events.iter().copied().collect();
            let again: Vec<_> =
                line.runs().iter().flat_map(|r| r.times().map(|t| (t, r.event))).collect();
            prop_assert_eq!(&again, &events);
            prop_assert_eq!(line.len(), events.len());
            let times: Vec<_> = line.sample_times().collect();
            let mut spacings: Vec<_> = times.windows(2).map(|w| w[1] - w[0]).collect();
            spacings.sort_unstable();
            let middle = spacings.len().checked_sub(1).map(|n| spacings[n / 2]);
            prop_assert_eq!(line.median_spacing(), middle);
            for at in 0..at + 20 {
                prop_assert_eq!(line.has_sample_at(at), times.contains(&at));
                let previous = times.iter().rev().find(|&&t| t <= at).copied();
                let next = times.iter().find(|&&t| t > at).copied();
                prop_assert_eq!(line.samples_around(at), (previous, next));
            }
        }
    }
}
