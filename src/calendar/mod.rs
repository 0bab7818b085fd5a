//! The ledger's time cut at the calendar: how much of each device's time, held by whom and in which state, lies
//! in which hour or day.
//!
//! Accounts know sums over the whole window only; what is shown or billed over time starts here. No time zone: pieces begin at whole multiples of their length since the epoch.

mod over_time;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::attribution::judge::DeviceTime;
use crate::attribution::states::{Segment, State};
use crate::report::fold::Folded;
use crate::units::Millis;
pub use over_time::{OverTime, Piece, STATES};

/// Time of one device in one piece of the calendar, of one holder and in one state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    /// Where the piece of the calendar begins; the window may begin later.
    pub start: Millis,
    /// Position among the holders; `None` for time that nobody holds.
    pub holder: Option<usize>,
    /// State.
    pub state: State,
    /// Device time, parts of the device as parts, GPU-milliseconds.
    pub gpu_ms: f64,
    /// Integral of utilization over that part of it which was observed, GPU-milliseconds.
    pub utilization_ms: f64,
}

impl Slice {
    /// Held time with a trustworthy sample, GPU-milliseconds.
    #[must_use]
    pub fn observed_ms(&self) -> f64 {
        match self.state {
            State::Active | State::IdleWarm | State::IdleEmpty => self.gpu_ms,
            _ => 0.0,
        }
    }
}

/// What slices of one device are told apart by.
type Cut = (Millis, Option<usize>, State);

/// Sums of a slice while it is put together.
#[derive(Default)]
struct Sums(BTreeMap<Cut, (f64, f64)>);

impl Sums {
    fn add(&mut self, cut: Cut, gpu_ms: f64, utilization: Option<f64>) {
        let (time, used) = self.0.entry(cut).or_default();
        *time += gpu_ms;
        *used += utilization.unwrap_or(0.0) * gpu_ms;
    }

    fn slices(self) -> Vec<Slice> {
        let slice = |((start, holder, state), (gpu_ms, utilization_ms))| Slice {
            start,
            holder,
            state,
            gpu_ms,
            utilization_ms,
        };
        self.0.into_iter().map(slice).collect()
    }
}

/// The time of one device in pieces of `step_ms`, in order of time, holder and state.
#[must_use]
pub fn of_device(time: &DeviceTime<'_>, step_ms: Millis) -> Vec<Slice> {
    of_segments(&time.segments, step_ms)
}

fn of_segments(segments: &[Segment], step_ms: Millis) -> Vec<Slice> {
    let mut sums = Sums::default();
    for segment in segments {
        let mut at = segment.time.start;
        while at < segment.time.end {
            let start = start_of(at, step_ms);
            let until = (start + step_ms).min(segment.time.end);
            let gpu_ms = to_f64(until - at) * segment.share;
            sums.add((start, segment.holder, segment.state), gpu_ms, segment.utilization);
            at = until;
        }
    }
    sums.slices()
}

/// The same of a device whose instants are not known any more: all of its time begins at `start`.
#[must_use]
pub fn of_folded(folded: &Folded, start: Millis) -> Vec<Slice> {
    let mut sums = Sums::default();
    for ((holder, state, utilization, _, _, share, _), length) in folded.cells() {
        let gpu_ms = to_f64(length) * f64::from_bits(share);
        sums.add((start, holder, state), gpu_ms, utilization.map(f64::from_bits));
    }
    sums.slices()
}

/// Where the piece of the calendar that an instant lies in begins.
#[must_use]
pub const fn start_of(at: Millis, step_ms: Millis) -> Millis {
    at.div_euclid(step_ms) * step_ms
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
const fn to_f64(ms: Millis) -> f64 {
    ms as f64
}
