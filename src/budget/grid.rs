//! Where time is cut, and the ledger's rows by those cuts: who had which device in which state, bucket by bucket.
//!
//! Cut are local midnights, ends of periods, and each hour of the last days: enough for every figure of a budget,
//! and few enough to keep for a large fleet. Rows of a live ledger have instants and are cut there. Roll-ups have
//! a day's time by state, and the instants of holds: their time is spread over the hours in which it was held.

use std::collections::BTreeMap;

use crate::attribution::inventory::Device;
use crate::attribution::judge::DeviceTime;
use crate::attribution::resolve::Piece;
use crate::attribution::states::{Segment, State};
use crate::frame::pairs::Time;
use crate::model::{Interval, Window};
use crate::report::accounts::Accounts;
use crate::report::fold::Folded;
use crate::units::Millis;

/// Instants at which time is cut, in order; the first and the last are the ends of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid(Vec<Millis>);

impl Grid {
    /// A window cut at `cuts`, as far as they lie in it.
    #[must_use]
    pub fn new(window: Window, cuts: impl IntoIterator<Item = Millis>) -> Self {
        let inside = cuts.into_iter().filter(|at| (window.start()..window.end()).contains(at));
        let mut edges: Vec<Millis> = inside.chain([window.start(), window.end()]).collect();
        edges.sort_unstable();
        edges.dedup();
        Self(edges)
    }

    /// Number of buckets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() - 1
    }

    /// Whether there is no bucket; never, for a window is not empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stretch of a bucket.
    ///
    /// # Panics
    ///
    /// For a number that is not below [`Self::len`].
    #[must_use]
    pub fn bucket(&self, number: usize) -> Interval {
        Interval::new(self.0[number], self.0[number + 1])
    }

    /// Its buckets in order.
    pub fn buckets(&self) -> impl Iterator<Item = Interval> + '_ {
        self.0.windows(2).map(|edges| Interval::new(edges[0], edges[1]))
    }

    /// Number of the bucket of an instant; of one outside, the nearest.
    #[must_use]
    pub fn number_of(&self, at: Millis) -> usize {
        self.0.partition_point(|edge| *edge <= at).saturating_sub(1).min(self.len() - 1)
    }

    /// The parts of a stretch of time, by bucket.
    pub fn cut(&self, time: Interval) -> impl Iterator<Item = (usize, i64)> + '_ {
        let first = self.number_of(time.start);
        (first..self.len()).take_while(move |number| self.0[*number] < time.end).filter_map(
            move |number| {
                let part = self.bucket(number).overlap(time)?;
                Some((number, part.length_ms()))
            },
        )
    }
}

/// Time of one device, of one who held it (`None`: nobody), in one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Position among the holders.
    pub holder: Option<usize>,
    /// Number of the bucket.
    pub bucket: usize,
    /// Time by state, milliseconds of a whole GPU.
    pub time: Time,
}

/// Rows while they are summed.
type Sums = BTreeMap<(Option<usize>, usize), Time>;

fn rows(sums: Sums) -> Vec<Row> {
    sums.into_iter().map(|((holder, bucket), time)| Row { holder, bucket, time }).collect()
}

/// The rows of a device while its segments are at hand.
#[must_use]
pub fn of_device(grid: &Grid, time: &DeviceTime<'_>) -> Vec<Row> {
    of_segments(grid, &time.segments)
}

fn of_segments(grid: &Grid, segments: &[Segment]) -> Vec<Row> {
    let mut sums = Sums::new();
    for segment in segments {
        for (bucket, length) in grid.cut(segment.time) {
            let gpu_ms = to_f64(length) * segment.share;
            let sum = sums.entry((segment.holder, bucket)).or_default();
            sum.add(segment.state, segment.utilization, segment.estimated, gpu_ms);
        }
    }
    rows(sums)
}

/// The rows of each device of accounts that have no instants any more: what somebody held is spread over the
/// stretches in which it was held, what nobody held over the rest of the device's presence.
#[must_use]
pub fn of_accounts(grid: &Grid, accounts: &Accounts) -> Vec<Vec<Row>> {
    let attribution = &accounts.attribution;
    let mut pieces: Vec<Vec<&Piece>> = vec![Vec::new(); attribution.devices.len()];
    for piece in &attribution.pieces {
        pieces[piece.device].push(piece);
    }
    let start = accounts.window.start();
    let devices = attribution.devices.iter().zip(&accounts.folded).zip(&pieces);
    devices
        .map(|((device, folded), pieces)| of_folded(grid, device, folded, pieces, start))
        .collect()
}

fn of_folded(
    grid: &Grid,
    device: &Device,
    folded: &Folded,
    pieces: &[&Piece],
    start: Millis,
) -> Vec<Row> {
    let mut whole: BTreeMap<Option<usize>, Time> = BTreeMap::new();
    for ((holder, state, utilization, _, _, share, estimated), length) in folded.cells() {
        let gpu_ms = to_f64(length) * f64::from_bits(share);
        let utilization = utilization.map(f64::from_bits);
        whole.entry(holder).or_default().add(state, utilization, estimated, gpu_ms);
    }
    let weights = weights(grid, device, pieces);
    let mut sums = Sums::new();
    for (holder, time) in whole {
        spread(holder, &time, &weights, grid.number_of(start), &mut sums);
    }
    rows(sums)
}

/// How long each holder had the device in each bucket, and how long nobody did.
fn weights(
    grid: &Grid,
    device: &Device,
    pieces: &[&Piece],
) -> BTreeMap<(Option<usize>, usize), f64> {
    let mut out: BTreeMap<(Option<usize>, usize), f64> = BTreeMap::new();
    let mut free: BTreeMap<usize, f64> = BTreeMap::new();
    for (bucket, length) in device.presence.as_slice().iter().flat_map(|time| grid.cut(*time)) {
        *free.entry(bucket).or_default() += to_f64(length);
    }
    for piece in pieces {
        for (bucket, length) in grid.cut(piece.time) {
            let gpu_ms = to_f64(length) * piece.share;
            *out.entry((Some(piece.holder), bucket)).or_default() += gpu_ms;
            if let Some(free) = free.get_mut(&bucket) {
                *free = (*free - gpu_ms).max(0.0);
            }
        }
    }
    out.extend(free.into_iter().map(|(bucket, ms)| ((None, bucket), ms)));
    out
}

/// Spreads the time of one holder by the weights of its buckets; without any it goes to `fallback`, so that
/// nothing is lost.
fn spread(
    holder: Option<usize>,
    time: &Time,
    weights: &BTreeMap<(Option<usize>, usize), f64>,
    fallback: usize,
    sums: &mut Sums,
) {
    let own = || weights.range((holder, 0)..=(holder, usize::MAX));
    let total: f64 = own().map(|(_, ms)| ms).sum();
    if total <= 0.0 {
        sums.entry((holder, fallback)).or_default().add_all(time);
        return;
    }
    for ((_, bucket), ms) in own().filter(|(_, ms)| **ms > 0.0) {
        sums.entry((holder, *bucket)).or_default().add_all(&scaled(time, ms / total));
    }
}

fn scaled(time: &Time, by: f64) -> Time {
    let mut in_state = [0.0; State::ALL.len()];
    for (to, ms) in in_state.iter_mut().zip(time.in_state) {
        *to = ms * by;
    }
    Time {
        in_state,
        busy_ratio_ms: time.busy_ratio_ms * by,
        utilization_ratio_ms: time.utilization_ratio_ms * by,
        estimated_ms: time.estimated_ms * by,
    }
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
const fn to_f64(ms: Millis) -> f64 {
    ms as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid::new(Window::new(0, 100).expect("not empty"), [40, 10, 40, 100, 250, -5])
    }

    #[test]
    fn cuts_are_sorted_and_within_the_window() {
        let grid = grid();
        let lengths: Vec<i64> = grid.buckets().map(Interval::length_ms).collect();
        assert_eq!(lengths, [10, 30, 60]);
        assert_eq!(
            [-3, 0, 9, 10, 99, 100, 500].map(|at| grid.number_of(at)),
            [0, 0, 0, 1, 2, 2, 2]
        );
        let parts: Vec<_> = grid.cut(Interval::new(-50, 41)).collect();
        assert_eq!(parts, [(0, 10), (1, 30), (2, 1)]);
        assert_eq!(grid.cut(Interval::new(100, 120)).count(), 0);
    }

    #[test]
    fn segments_are_cut_and_nothing_is_lost() {
        let segment = |start, end, share| Segment {
            device: 0,
            holder: Some(3),
            time: Interval::new(start, end),
            share,
            state: State::Active,
            utilization: Some(0.5),
            signal: None,
            blind: None,
            estimated: false,
            grant: None,
        };
        let rows = of_segments(&grid(), &[segment(5, 20, 0.5), segment(20, 90, 1.0)]);
        let times: Vec<(usize, f64)> = rows.iter().map(|r| (r.bucket, r.time.total_ms())).collect();
        assert_eq!(times, [(0, 2.5), (1, 25.0), (2, 50.0)]);
        assert_eq!(rows[2].time.busy_ratio_ms, 25.0);
    }
}
