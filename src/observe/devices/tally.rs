//! The samples of one series, decoded and counted.

use std::collections::BTreeMap;

use super::DeviceObservations;
use crate::model::{Interval, Series};
use crate::observe::field::{Decoded, DropReason, Field};
use crate::observe::labels;
use crate::observe::timeline::{Event, Timeline};
use crate::units::Millis;

/// Samples of a series as events, one by one.
fn events(field: Field, series: &Series) -> impl Iterator<Item = (Millis, Decoded)> + '_ {
    let is_partition = labels::is_partition(series);
    series.samples().map(move |(at, raw)| {
        let decoded = match field.decode(raw) {
            Decoded::Stale => Decoded::Stale,
            _ if is_partition => Decoded::Dropped(DropReason::Partition),
            decoded => decoded,
        };
        (at, decoded)
    })
}

pub(super) fn timeline(field: Field, series: &Series) -> Timeline {
    let event = |decoded| match decoded {
        Decoded::Value(value) | Decoded::Clamped(value) => Event::Value(value),
        Decoded::Dropped(_) => Event::Invalid,
        Decoded::Stale => Event::Stale,
    };
    events(field, series).map(|(at, decoded)| (at, event(decoded))).collect()
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
        let mut out = Self { spacing: timeline(field, series).median_spacing(), ..Self::default() };
        if field.is_size() {
            return out;
        }
        let within = |at: Millis| counted.start <= at && at < counted.end;
        for (_, decoded) in events(field, series).filter(|(at, _)| within(*at)) {
            out.seen += u64::from(decoded != Decoded::Stale);
            match decoded {
                Decoded::Clamped(_) => out.clamped += 1,
                Decoded::Dropped(reason) => *out.dropped.entry(reason).or_default() += 1,
                Decoded::Value(_) | Decoded::Stale => {}
            }
        }
        out
    }

    pub(super) fn add_to(&self, out: &mut DeviceObservations<'_>) {
        out.samples_seen += self.seen;
        out.clamped += self.clamped;
        for (reason, count) in &self.dropped {
            *out.dropped.entry(*reason).or_default() += count;
        }
    }
}
