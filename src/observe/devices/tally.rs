//! The samples of one series, decoded and counted.

use std::collections::BTreeMap;

use super::DeviceObservations;
use crate::model::samples::Run;
use crate::model::{Interval, Series};
use crate::observe::field::{Decoded, DropReason, Field};
use crate::observe::labels;
use crate::observe::timeline::{Event, Timeline};

/// Samples of a series, equal ones together, and what they come to.
fn events(field: Field, series: &Series) -> impl Iterator<Item = (Run, Decoded)> + '_ {
    let is_partition = labels::is_partition(series);
    series.samples.runs().map(move |run| {
        let decoded = match field.decode(run.value) {
            Decoded::Stale => Decoded::Stale,
            _ if is_partition => Decoded::Dropped(DropReason::Partition),
            decoded => decoded,
        };
        (run, decoded)
    })
}

const fn event(decoded: Decoded) -> Event {
    match decoded {
        Decoded::Value(value) | Decoded::Clamped(value) => Event::Value(value),
        Decoded::Dropped(_) => Event::Invalid,
        Decoded::Stale => Event::Stale,
    }
}

pub(super) fn timeline(field: Field, series: &Series) -> Timeline {
    let mut out = Timeline::default();
    events(field, series).for_each(|(run, decoded)| out.push_run(run, event(decoded)));
    out
}

/// How many samples of a run lie in `[start, end)`.
fn count_within(run: Run, time: Interval) -> u64 {
    if time.start <= run.first && run.last() < time.end {
        return u64::from(run.count);
    }
    run.samples().filter(|(at, _)| time.start <= *at && *at < time.end).count() as u64
}

/// What became of the samples of one series.
#[derive(Default)]
pub(super) struct Tally {
    seen: u64,
    clamped: u64,
    dropped: BTreeMap<DropReason, u64>,
    pub(super) spacing: Option<i64>,
}

impl Tally {
    /// Counts what lies in `counted`; the size of a memory is no evidence of use.
    pub(super) fn of(field: Field, series: &Series, counted: Interval) -> Self {
        let (mut out, mut line) = (Self::default(), Timeline::default());
        for (run, decoded) in events(field, series) {
            line.push_run(run, event(decoded));
            if !field.is_size() {
                out.add(decoded, count_within(run, counted));
            }
        }
        out.spacing = line.median_spacing();
        out
    }

    fn add(&mut self, decoded: Decoded, count: u64) {
        if count == 0 {
            return;
        }
        match decoded {
            Decoded::Clamped(_) => self.clamped += count,
            Decoded::Dropped(reason) => *self.dropped.entry(reason).or_default() += count,
            Decoded::Stale => return,
            Decoded::Value(_) => {}
        }
        self.seen += count;
    }

    pub(super) fn add_to(&self, out: &mut DeviceObservations<'_>) {
        out.samples_seen += self.seen;
        out.clamped += self.clamped;
        for (reason, count) in &self.dropped {
            *out.dropped.entry(*reason).or_default() += count;
        }
    }
}
