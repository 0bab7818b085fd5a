//! What is known of a device's series without keeping what it says: how many samples came of what, how far they are
//! apart, and when it was there. One pass over its runs, and little memory, however many samples there are.

mod spacings;

use std::collections::BTreeMap;

use spacings::Spacings;

use super::field::{Decoded, DropReason, Field};
use super::hold::are_neighbours;
use super::labels;
use super::timeline::{Event, Timeline, step_of};
use crate::model::samples::Run;
use crate::model::{Interval, Series};
use crate::units::Millis;

/// What a sample of `field` in `series` is worth.
fn decoder(field: Field, series: &Series) -> impl Fn(f64) -> Decoded {
    let is_partition = labels::is_partition(series);
    move |value| match field.decode(value) {
        Decoded::Stale => Decoded::Stale,
        _ if is_partition => Decoded::Dropped(DropReason::Partition),
        decoded => decoded,
    }
}

/// All that a series says.
pub(super) fn timeline(field: Field, series: &Series) -> Timeline {
    let decoded = decoder(field, series);
    Timeline::of(&series.samples, |value| match decoded(value) {
        Decoded::Value(value) | Decoded::Clamped(value) => Event::Value(value),
        Decoded::Dropped(_) => Event::Invalid,
        Decoded::Stale => Event::Stale,
    })
}

/// How many samples of a run lie in `[start, end)`.
fn count_within(run: Run, time: Interval) -> u64 {
    if time.start <= run.first && run.last() < time.end {
        return u64::from(run.count);
    }
    run.samples().filter(|(at, _)| time.start <= *at && *at < time.end).count() as u64
}

/// Samples in a row, each within the longest gap of the one before, and no marker between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stay {
    first: Millis,
    last: Millis,
    /// Instant of the marker that ended it.
    stale: Option<Millis>,
}

/// One series in short.
#[derive(Debug, Clone, Default)]
pub(super) struct Outline {
    /// Samples that were counted, and what became of them.
    seen: u64,
    clamped: u64,
    dropped: BTreeMap<DropReason, u64>,
    /// Events, markers among them.
    events: usize,
    /// Median spacing.
    pub(super) spacing: Option<i64>,
    stays: Vec<Stay>,
}

/// What became of the samples of many series.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) seen: u64,
    pub(super) clamped: u64,
    pub(super) dropped: BTreeMap<DropReason, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, outline: &Outline) {
        self.seen += outline.seen;
        self.clamped += outline.clamped;
        for (reason, count) in &outline.dropped {
            *self.dropped.entry(*reason).or_default() += count;
        }
    }
}

impl Outline {
    /// Of `series`; samples count within `counted`, and those of a memory's size nowhere: they are no evidence of use.
    pub(super) fn of(field: Field, series: &Series, counted: Interval, max_gap_ms: i64) -> Self {
        let (mut out, mut spacings) = (Self::default(), Spacings::default());
        let decoded = decoder(field, series);
        let mut last: Option<Millis> = None;
        series.samples.each_run(|run| {
            let decoded = decoded(run.value);
            out.events += run.count as usize;
            if decoded == Decoded::Stale {
                out.end_at(run.first, max_gap_ms);
                return;
            }
            if let Some(last) = last {
                spacings.add(run.first - last, 1);
            }
            if run.count > 1 {
                spacings.add(run.step_ms, u64::from(run.count - 1));
            }
            last = Some(run.last());
            out.stay(run, max_gap_ms);
            if !field.is_size() {
                out.count(decoded, count_within(run, counted));
            }
        });
        out.spacing = spacings.median();
        out
    }

    fn count(&mut self, decoded: Decoded, count: u64) {
        if count == 0 {
            return;
        }
        match decoded {
            Decoded::Clamped(_) => self.clamped += count,
            Decoded::Dropped(reason) => *self.dropped.entry(reason).or_default() += count,
            Decoded::Value(_) | Decoded::Stale => {}
        }
        self.seen += count;
    }

    fn stay(&mut self, run: Run, max_gap_ms: i64) {
        if run.count > 1 && run.step_ms > max_gap_ms {
            run.samples()
                .for_each(|(at, _)| self.stays.push(Stay { first: at, last: at, stale: None }));
            return;
        }
        match self.stays.last_mut() {
            Some(stay) if stay.stale.is_none() && run.first - stay.last <= max_gap_ms => {
                stay.last = run.last();
            }
            _ => self.stays.push(Stay { first: run.first, last: run.last(), stale: None }),
        }
    }

    /// A marker ends what was there; later than the longest gap, or behind another one, there is nothing to end.
    fn end_at(&mut self, at: Millis, max_gap_ms: i64) {
        if let Some(stay) = self.stays.last_mut()
            && stay.stale.is_none()
            && at - stay.last <= max_gap_ms
        {
            stay.stale = Some(at);
        }
    }

    /// For how long a lone sample holds, as of [`Timeline::step`].
    pub(super) fn step(&self, common_ms: i64, max_gap_ms: i64) -> i64 {
        step_of(self.spacing, self.events, common_ms, max_gap_ms)
    }

    /// When the series was there, if a lone sample holds for `step_ms`: as [`super::hold::presence`] has it.
    pub(super) fn presence(&self, step_ms: i64) -> impl Iterator<Item = Interval> {
        let end = move |stay: &Stay| stay.stale.unwrap_or(stay.last + step_ms);
        self.stays.iter().map(move |stay| Interval::new(stay.first, end(stay)))
    }

    /// Times outside of which no sample is near another: another series that has none in them has neither the same
    /// instants nor samples between neighbours.
    fn reach(&self, step_ms: i64) -> Vec<Interval> {
        let mut out: Vec<Interval> = Vec::new();
        for stay in &self.stays {
            match out.last_mut() {
                Some(before) if are_neighbours(before.end - 1, stay.first, step_ms) => {
                    before.end = stay.last + 1;
                }
                _ => out.push(Interval::new(stay.first, stay.last + 1)),
            }
        }
        out
    }
}

/// Whether any of several series, each with its step, might have samples while another has them: where it is not so,
/// none has a sample that is a duplicate of another's, and a close look at them shows no more.
pub(super) fn may_overlap<'a>(lines: impl Iterator<Item = (&'a Outline, i64)>) -> bool {
    let mut all: Vec<Interval> = lines.flat_map(|(line, step)| line.reach(step)).collect();
    all.sort_unstable();
    all.windows(2).any(|pair| pair[0].overlap(pair[1]).is_some())
}

#[cfg(test)]
mod tests;
