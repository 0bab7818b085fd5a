//! The ledger's rows without their instants: time by device, holder, state and value.
//!
//! As many as values differ, however long the window is and however often it was sampled.

use std::collections::HashMap;

use crate::attribution::states::{Blind, Segment, State};
use crate::frame::tables::SegmentRows;
use crate::observe::field::Field;

/// What a row of one device is about; floats by their bits.
type Cell = (Option<usize>, State, Option<u64>, Option<Field>, Option<Blind>, u64, bool);

/// The rows of one device.
pub(super) struct Folded(Vec<(Cell, i64)>);

impl Folded {
    /// Adds up the segments of one device.
    pub(super) fn new(segments: &[Segment]) -> Self {
        let mut cells: HashMap<Cell, i64> = HashMap::new();
        for s in segments {
            let bits = s.utilization.map(f64::to_bits);
            let cell = (s.holder, s.state, bits, s.signal, s.blind, s.share.to_bits(), s.estimated);
            *cells.entry(cell).or_default() += s.time.length_ms();
        }
        let mut cells: Vec<(Cell, i64)> = cells.into_iter().collect();
        cells.sort_unstable();
        Self(cells)
    }
}

/// The rows of all devices, by device and cell.
pub(super) fn rows(devices: Vec<Folded>) -> SegmentRows {
    let mut rows = SegmentRows::default();
    for (d, Folded(cells)) in devices.into_iter().enumerate() {
        for ((holder, state, bits, signal, blind, share, estimated), length) in cells {
            rows.device.push(row_number(d));
            rows.holder.push(holder.map(row_number));
            rows.length_ms.push(length);
            rows.share.push(f64::from_bits(share));
            rows.estimated.push(estimated);
            rows.state.push(state.name());
            rows.utilization.push(bits.map(f64::from_bits));
            rows.signal.push(signal.map(|f| f.query().name()));
            rows.blind.push(blind.map(Blind::name));
        }
    }
    rows
}

/// Row numbers are 32 bit: a cluster has fewer than four billion pods and GPUs.
pub(super) fn row_number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Interval;

    #[test]
    fn stretches_that_say_the_same_are_one_row() {
        let segment = |start, end, utilization| Segment {
            device: 0,
            holder: Some(0),
            time: Interval::new(start, end),
            share: 1.0,
            state: State::Active,
            utilization: Some(utilization),
            signal: Some(Field::GpuUtil),
            blind: None,
            estimated: false,
            grant: None,
        };
        let first = [segment(0, 10, 0.5), segment(10, 20, 0.2), segment(20, 50, 0.5)];
        let second = [segment(0, 7, 0.5)];
        let rows = rows(vec![Folded::new(&first), Folded::new(&[]), Folded::new(&second)]);
        assert_eq!(rows.device, [0, 0, 2]);
        assert_eq!(rows.length_ms, [10, 40, 7]);
        assert_eq!(rows.utilization, [Some(0.2), Some(0.5), Some(0.5)]);
    }
}
