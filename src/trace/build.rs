//! From the time of one device to the minutes of those who held it.

use std::collections::BTreeMap;

use super::{Minute, Trace, minute_of};
use crate::attribution::judge::DeviceTime;
use crate::attribution::states::{Segment, State};
use crate::model::Interval;
use crate::units::{BYTES_PER_MIB, MS_PER_MINUTE};

/// Sums of a minute while it is put together.
#[derive(Debug, Clone, Copy)]
struct Sum {
    load_ms: f64,
    peak: f64,
    observed_ms: i64,
    active_ms: i64,
    memory_bytes: Option<f64>,
}

impl Sum {
    const NOTHING: Self =
        Self { load_ms: 0.0, peak: 0.0, observed_ms: 0, active_ms: 0, memory_bytes: None };

    fn minute(self) -> Minute {
        let observed_ms = self.observed_ms.clamp(0, MS_PER_MINUTE);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a ratio")]
        let (load, peak) = ((self.load_ms / self.observed_ms as f64) as f32, self.peak as f32);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a MiB in 10 million is precise enough"
        )]
        let memory_mib = self.memory_bytes.map_or(f32::NAN, |b| (b / BYTES_PER_MIB) as f32);
        Minute {
            load: if observed_ms > 0 { load } else { f32::NAN },
            peak: if observed_ms > 0 { peak } else { f32::NAN },
            memory_mib,
            observed_ms: u16::try_from(observed_ms).unwrap_or(u16::MAX),
            active_ms: u16::try_from(self.active_ms.clamp(0, observed_ms)).unwrap_or(u16::MAX),
        }
    }
}

/// Sums of one holder.
struct Sums {
    device: usize,
    share: f64,
    first: i64,
    minutes: Vec<Sum>,
}

impl Sums {
    /// Gives each minute that `time` touches what lies in it, in milliseconds.
    fn each(&mut self, time: Interval, mut add: impl FnMut(&mut Sum, i64)) {
        let mut at = time.start;
        while at < time.end {
            let minute = minute_of(at);
            let until = ((minute + 1) * MS_PER_MINUTE).min(time.end);
            let index = usize::try_from(minute - self.first).unwrap_or(0);
            if index >= self.minutes.len() {
                self.minutes.resize(index + 1, Sum::NOTHING);
            }
            add(&mut self.minutes[index], until - at);
            at = until;
        }
    }

    fn segment(&mut self, segment: &Segment) {
        let (share, utilization) = (segment.share, segment.utilization);
        let is_active = segment.state == State::Active;
        self.share = self.share.max(share);
        self.each(segment.time, |sum, ms| {
            let Some(utilization) = utilization else { return };
            #[expect(clippy::cast_precision_loss, reason = "at most a minute")]
            let length = ms as f64;
            sum.load_ms += utilization * share * length;
            sum.peak = sum.peak.max(utilization * share);
            sum.observed_ms += ms;
            sum.active_ms += if is_active { ms } else { 0 };
        });
    }
}

/// Traces of everyone who held the device, by holder. A claim that no pod uses needs nothing, and has none.
#[must_use]
pub fn of_device(time: &DeviceTime<'_>) -> Vec<Trace> {
    let mut holders: BTreeMap<usize, Sums> = BTreeMap::new();
    let held = time.segments.iter().filter(|s| s.state != State::StaleClaim);
    for (segment, holder) in held.filter_map(|s| Some((s, s.holder?))) {
        // Segments come in order of time: the first one is the earliest.
        let new = || Sums {
            device: segment.device,
            share: 0.0,
            first: minute_of(segment.time.start),
            minutes: Vec::new(),
        };
        holders.entry(holder).or_insert_with(new).segment(segment);
    }
    for used in time.memory() {
        if let Some(sums) = holders.get_mut(&used.holder) {
            sums.each(used.time, |sum, _| {
                sum.memory_bytes = Some(sum.memory_bytes.map_or(used.bytes, |b| b.max(used.bytes)));
            });
        }
    }
    let trace = |(holder, sums): (usize, Sums)| Trace {
        holder,
        device: sums.device,
        share: sums.share,
        first: sums.first,
        minutes: sums.minutes.into_iter().map(Sum::minute).collect(),
    };
    holders.into_iter().map(trace).collect()
}
