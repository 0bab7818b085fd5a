//! The ledger's rows without their instants: time by device, holder and state, and how utilization was spread.
//!
//! As much as values differ, however long the window is and however often it was sampled.

use std::collections::BTreeMap;

use crate::attribution::states::{Blind, Segment, State};
use crate::frame::pairs::{Pair, Pairs, Time};
use crate::frame::spread::{Level, Spread};
use crate::observe::field::Field;
use crate::units::Millis;

/// What a row of one device is about; floats by their bits.
pub(crate) type Cell = (Option<usize>, State, Option<u64>, Option<Field>, Option<Blind>, u64, bool);

/// What rows agree in when they differ in utilization at most.
type Kind = (Option<usize>, State, Option<Field>, Option<Blind>, u64, bool);

/// The rows of one device: time of each cell, each cell once. There are as many as values differ, so what they
/// agree in is not kept with each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folded {
    /// In order, each with the number of its levels.
    kinds: Vec<(Kind, usize)>,
    /// Utilization (its bits; [`NONE`] without) and time, in order within their kind.
    levels: Vec<(u64, Millis)>,
}

/// Bits of no utilization: those of a NaN.
const NONE: u64 = u64::MAX;
/// Kinds among which the next cell's is looked for before all others: the states of a holder or two.
const LATELY: usize = 8;

impl Folded {
    /// Adds up the segments of one device.
    pub(crate) fn new(segments: &[Segment]) -> Self {
        Self::of_cells(segments.iter().map(|s| {
            let bits = s.utilization.map(f64::to_bits);
            let cell = (s.holder, s.state, bits, s.signal, s.blind, s.share.to_bits(), s.estimated);
            (cell, s.time.length_ms())
        }))
    }

    /// Adds up cells that may be there more than once. What comes next is nearly always of a kind that came lately, and
    /// the levels of one kind are numbers: they are found and sorted without comparing whole cells.
    pub(crate) fn of_cells(cells: impl IntoIterator<Item = (Cell, Millis)>) -> Self {
        let mut found: Vec<(Kind, Vec<(u64, Millis)>)> = Vec::new();
        let mut places: BTreeMap<Kind, usize> = BTreeMap::new();
        for (cell, length) in cells {
            let (holder, state, utilization, signal, blind, share, estimated) = cell;
            let kind = (holder, state, signal, blind, share, estimated);
            let lately = found.len().saturating_sub(LATELY)..found.len();
            let place = lately.rev().find(|&place| found[place].0 == kind).unwrap_or_else(|| {
                *places.entry(kind).or_insert_with(|| {
                    found.push((kind, Vec::new()));
                    found.len() - 1
                })
            });
            found[place].1.push((utilization.unwrap_or(NONE), length));
        }
        let mut out = Self::default();
        for (kind, place) in places {
            let mut levels = std::mem::take(&mut found[place].1);
            levels.sort_unstable_by_key(|(utilization, _)| *utilization);
            levels.dedup_by(|(next, length), (before, sum)| {
                let is_same = next == before;
                *sum += if is_same { *length } else { 0 };
                is_same
            });
            out.kinds.push((kind, levels.len()));
            out.levels.extend(levels);
        }
        out.levels.shrink_to_fit();
        out
    }

    /// The cells in an order of their own, each with its time in milliseconds.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (Cell, Millis)> {
        let kinds = self.kinds.iter().flat_map(|(kind, count)| std::iter::repeat_n(kind, *count));
        kinds.zip(&self.levels).map(|(&(holder, state, signal, blind, share, estimated), level)| {
            let utilization = Some(level.0).filter(|bits| *bits != NONE);
            ((holder, state, utilization, signal, blind, share, estimated), level.1)
        })
    }
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
    pub(super) fn new(devices: &[Folded]) -> Self {
        let mut out = Self::default();
        let mut levels = Vec::with_capacity(devices.iter().map(|device| device.levels.len()).sum());
        for (d, device) in devices.iter().enumerate() {
            for (cell, length) in device.cells() {
                out.add(row_number(d), cell, length, &mut levels);
            }
        }
        out.spread = Spread::new(levels);
        out
    }

    /// Adds a cell that comes after those of the same device and holder.
    fn add(&mut self, device: u32, cell: Cell, length: Millis, levels: &mut Vec<Level>) {
        let (holder, state, utilization, signal, blind, share, is_estimated) = cell;
        let utilization = utilization.map(f64::from_bits);
        let gpu_ms = to_f64(length) * f64::from_bits(share);
        let pair = Pair { device, holder: holder.map(row_number) };
        if self.pairs.pairs.last() != Some(&pair) {
            self.pairs.pairs.push(pair);
            self.pairs.times.push(Time::default());
        }
        let position = self.pairs.pairs.len() - 1;
        self.pairs.times[position].add(state, utilization, is_estimated, gpu_ms);
        if let (Some(utilization), Some(_)) = (utilization, holder) {
            levels.push(Level { utilization, gpu_ms, pair: row_number(position) });
        }
        if let Some(signal) = signal {
            match self.signals.last_mut() {
                Some((at, last, ms)) if (*at, *last) == (position, signal) => *ms += gpu_ms,
                _ => self.signals.push((position, signal, gpu_ms)),
            }
        }
        if let Some(blind) = blind {
            *self.blind_ms.entry(blind).or_default() += gpu_ms;
        }
    }
}

/// Row numbers are 32 bit: a cluster has fewer than four billion pods and GPUs.
pub(crate) fn row_number(position: usize) -> u32 {
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
        let levels: Vec<_> = folded.cells().map(|(c, ms)| (c.2.map(f64::from_bits), ms)).collect();
        assert_eq!(levels, [(None, 10), (Some(0.2), 10), (Some(0.5), 40)]);
        assert_eq!(Folded::of_cells(folded.cells().chain(folded.cells())).levels[2].1, 80);

        let devices = [folded, Folded::new(&[]), Folded::new(&[segment(0, 8, Some(1), 0.1)])];
        let summed = Summed::new(&devices);
        let pair = |device, holder| Pair { device, holder };
        assert_eq!(summed.pairs.pairs, [pair(0, None), pair(0, Some(3)), pair(2, Some(1))]);
        assert_eq!(
            summed.pairs.times.iter().map(Time::total_ms).collect::<Vec<_>>(),
            [5.0, 25.0, 4.0]
        );
        assert_eq!(summed.pairs.times[1].busy_ratio_ms, 11.0);
        assert_eq!(summed.signals, [(1, Field::GpuUtil, 25.0), (2, Field::GpuUtil, 4.0)]);
        let keys = Keys::default();
        let all = Groups::new(&keys, &summed.pairs.pairs, Part::All, &[]);
        let percentiles = summed.spread.percentiles(&all)[0].expect("observed");
        assert_eq!((percentiles.p50, percentiles.max), (0.5, 0.5));
    }
}
