//! The ledger's rows without their instants: time by device, holder and state, and how utilization was spread.
//!
//! As much as values differ, however long the window is and however often it was sampled.

use std::collections::BTreeMap;

use crate::attribution::states::{Blind, Segment, State};
use crate::frame::pairs::{Pair, Pairs, Time};
use crate::frame::spread::{Level, Spread};
use crate::observe::field::Field;
use crate::units::Millis;

/// What rows of one device agree in when they differ in utilization at most; floats by their bits.
type Kind = (Option<usize>, State, Option<Field>, Option<Blind>, u64, bool);

/// Time of one kind and one utilization (its bits).
type Cell = (Kind, Option<u64>, Millis);

/// One device's time by holder.
#[derive(Default)]
pub(super) struct Folded {
    holders: Vec<OfHolder>,
    /// Observed held time by utilization: first that of the first holder, in ascending order, and so on.
    spread: Vec<(f64, f64)>,
    blind_ms: BTreeMap<Blind, f64>,
}

/// One holder's time on the device.
struct OfHolder {
    holder: Option<usize>,
    time: Time,
    signal_ms: BTreeMap<Field, f64>,
    /// How many rows of the device's spread are this holder's.
    spread: usize,
}

impl Folded {
    /// Adds up the segments of one device.
    pub(super) fn new(segments: &[Segment]) -> Self {
        let mut out = Self::default();
        for (kind, utilization, length) in cells(segments) {
            out.add(kind, utilization, length);
        }
        out
    }

    fn add(&mut self, kind: Kind, utilization: Option<u64>, length: Millis) {
        let (holder, state, signal, blind, share, is_estimated) = kind;
        let utilization = utilization.map(f64::from_bits);
        let gpu_ms = to_f64(length) * f64::from_bits(share);
        if self.holders.last().is_none_or(|last| last.holder != holder) {
            let (time, signal_ms) = (Time::default(), BTreeMap::new());
            self.holders.push(OfHolder { holder, time, signal_ms, spread: 0 });
        }
        let Some(of_holder) = self.holders.last_mut() else { return };
        of_holder.time.add(state, utilization, is_estimated, gpu_ms);
        if let Some(signal) = signal {
            *of_holder.signal_ms.entry(signal).or_default() += gpu_ms;
        }
        if let (Some(utilization), Some(_)) = (utilization, holder) {
            of_holder.spread += 1;
            self.spread.push((utilization, gpu_ms));
        }
        if let Some(blind) = blind {
            *self.blind_ms.entry(blind).or_default() += gpu_ms;
        }
    }
}

/// Time by what rows say, in order. Rows of a device are few enough to sort, and sorting needs no hashing.
fn cells(segments: &[Segment]) -> Vec<Cell> {
    let cell = |s: &Segment| -> Cell {
        let kind = (s.holder, s.state, s.signal, s.blind, s.share.to_bits(), s.estimated);
        (kind, s.utilization.map(f64::to_bits), s.time.length_ms())
    };
    let mut cells: Vec<Cell> = segments.iter().map(cell).collect();
    cells.sort_unstable_by_key(|&(kind, utilization, _)| (kind, utilization));
    cells.dedup_by(|next, sum| {
        let is_same = (next.0, next.1) == (sum.0, sum.1);
        if is_same {
            sum.2 += next.2;
        }
        is_same
    });
    cells
}

/// Time by pair, signal and utilization of all devices.
#[derive(Default)]
pub struct Summed {
    /// Time by pair.
    pub pairs: Pairs,
    /// How utilization was spread.
    pub spread: Spread,
    /// Position of the pair, signal, and time that rests on it.
    pub signals: Vec<(usize, Field, f64)>,
    /// Unobserved time by reason, milliseconds of whole GPUs.
    pub blind_ms: BTreeMap<Blind, f64>,
}

impl Summed {
    /// Puts devices one after the other.
    pub(super) fn new(devices: Vec<Folded>) -> Self {
        let mut out = Self::default();
        let count = devices.iter().map(|device| device.spread.len()).sum();
        let mut levels = Vec::with_capacity(count);
        for (d, device) in devices.into_iter().enumerate() {
            for (reason, ms) in device.blind_ms {
                *out.blind_ms.entry(reason).or_default() += ms;
            }
            let mut spread = device.spread.into_iter();
            for of_holder in device.holders {
                let position = out.pairs.pairs.len();
                let (holder, pair) = (of_holder.holder.map(row_number), row_number(position));
                out.pairs.pairs.push(Pair { device: row_number(d), holder });
                out.pairs.times.push(of_holder.time);
                out.signals
                    .extend(of_holder.signal_ms.into_iter().map(|(f, ms)| (position, f, ms)));
                let own = spread.by_ref().take(of_holder.spread);
                levels.extend(own.map(|(utilization, gpu_ms)| Level { utilization, gpu_ms, pair }));
            }
        }
        out.spread = Spread::new(levels);
        out
    }
}

/// Row numbers are 32 bit: a cluster has fewer than four billion pods and GPUs.
pub(super) fn row_number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
const fn to_f64(ms: Millis) -> f64 {
    ms as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::groups::{Groups, Part};
    use crate::frame::keys::Keys;
    use crate::model::Interval;

    fn segment(start: i64, end: i64, holder: Option<usize>, utilization: f64) -> Segment {
        Segment {
            device: 0,
            holder,
            time: Interval::new(start, end),
            share: 0.5,
            state: if holder.is_some() { State::Active } else { State::Unallocated },
            utilization: holder.map(|_| utilization),
            signal: holder.map(|_| Field::GpuUtil),
            blind: None,
            estimated: false,
            grant: None,
        }
    }

    #[test]
    fn stretches_that_say_the_same_are_one_cell() {
        let first = [
            segment(0, 10, Some(3), 0.5),
            segment(10, 20, Some(3), 0.2),
            segment(20, 50, Some(3), 0.5),
            segment(50, 60, None, 0.0),
        ];
        let folded = Folded::new(&first);
        assert_eq!(folded.spread, [(0.2, 5.0), (0.5, 20.0)]);
        let ledger = Summed::new(vec![
            folded,
            Folded::new(&[]),
            Folded::new(&[segment(0, 8, Some(1), 0.1)]),
        ]);
        let pair = |device, holder| Pair { device, holder };
        assert_eq!(ledger.pairs.pairs, [pair(0, None), pair(0, Some(3)), pair(2, Some(1))]);
        assert_eq!(
            ledger.pairs.times.iter().map(Time::total_ms).collect::<Vec<_>>(),
            [5.0, 25.0, 4.0]
        );
        assert_eq!(ledger.pairs.times[1].busy_ratio_ms, 11.0);
        assert_eq!(ledger.signals, [(1, Field::GpuUtil, 25.0), (2, Field::GpuUtil, 4.0)]);
        let keys = Keys::default();
        let all = Groups::new(&keys, &ledger.pairs.pairs, Part::All, &[]);
        let percentiles = ledger.spread.percentiles(&all)[0].expect("observed");
        assert_eq!((percentiles.p50, percentiles.max), (0.5, 0.5));
    }
}
