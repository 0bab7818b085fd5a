//! The fleet over time: what each hour or day had of each state, in GPU time and money.

use std::collections::BTreeMap;

use super::Slice;
use crate::attribution::states::State;
use crate::report::accounts::Accounts;
use crate::units::{Millis, gpu_hours_of};

/// Names of the ledger's states, in the order in which the ledger adds them up.
pub const STATES: [&str; 9] = [
    "busy",
    "slack",
    "idle_warm",
    "idle_empty",
    "unobserved",
    "stale_claim",
    "unallocated",
    "stranded",
    "unhealthy",
];

/// One hour or day of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Piece {
    /// GPU-hours by state, as [`STATES`] has them.
    pub gpu_hours: [f64; 9],
    /// Money by state; what has no price is left out.
    pub cost: [f64; 9],
    /// GPU-hours without a price.
    pub unpriced_gpu_hours: f64,
    /// Integral of utilization over observed held time, GPU-hours.
    pub utilization_gpu_hours: f64,
    /// Held time with a trustworthy sample, GPU-hours.
    pub observed_gpu_hours: f64,
}

impl Piece {
    /// Mean utilization while held and observed; `None` where nothing was.
    #[must_use]
    pub fn utilization(&self) -> Option<f64> {
        let ratio = self.utilization_gpu_hours / self.observed_gpu_hours;
        (self.observed_gpu_hours > 0.0).then(|| ratio.clamp(0.0, 1.0))
    }

    fn add(&mut self, state: usize, gpu_hours: f64, price: Option<f64>) {
        self.gpu_hours[state] += gpu_hours;
        match price {
            Some(price) => self.cost[state] += gpu_hours * price,
            None => self.unpriced_gpu_hours += gpu_hours,
        }
    }

    /// Adds all of another.
    pub fn add_all(&mut self, other: &Self) {
        for i in 0..STATES.len() {
            self.gpu_hours[i] += other.gpu_hours[i];
            self.cost[i] += other.cost[i];
        }
        self.unpriced_gpu_hours += other.unpriced_gpu_hours;
        self.utilization_gpu_hours += other.utilization_gpu_hours;
        self.observed_gpu_hours += other.observed_gpu_hours;
    }
}

/// The fleet over the window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OverTime {
    /// Length of the longest piece that was added, milliseconds.
    pub step_ms: Millis,
    pieces: BTreeMap<Millis, Piece>,
}

impl OverTime {
    /// Adds accounts whose slices are `step_ms` long.
    pub fn add(&mut self, accounts: &Accounts, slices: &[Vec<Slice>], step_ms: Millis) {
        self.step_ms = self.step_ms.max(step_ms);
        for (slices, price) in slices.iter().zip(&accounts.prices) {
            let price = price.as_ref().map(|price| price.per_gpu_hour);
            for slice in slices {
                self.add_slice(slice, price);
            }
        }
    }

    fn add_slice(&mut self, slice: &Slice, price: Option<f64>) {
        let piece = self.pieces.entry(slice.start).or_default();
        let hours = gpu_hours_of(slice.gpu_ms);
        let used = gpu_hours_of(slice.utilization_ms);
        piece.utilization_gpu_hours += used;
        piece.observed_gpu_hours += gpu_hours_of(slice.observed_ms());
        let at = match slice.state {
            State::Active => {
                let busy = used.clamp(0.0, hours);
                piece.add(0, busy, price);
                return piece.add(1, hours - busy, price);
            }
            State::IdleWarm => 2,
            State::IdleEmpty => 3,
            State::Unobserved => 4,
            State::StaleClaim => 5,
            State::Unallocated => 6,
            State::Stranded => 7,
            State::Unhealthy => 8,
        };
        piece.add(at, hours, price);
    }

    /// Pieces by their start.
    pub fn pieces(&self) -> impl Iterator<Item = (Millis, &Piece)> {
        self.pieces.iter().map(|(start, piece)| (*start, piece))
    }

    /// The same in pieces of `step_ms`, a multiple of what they are.
    #[must_use]
    pub fn coarser(&self, step_ms: Millis) -> Vec<(Millis, Piece)> {
        let mut out: BTreeMap<Millis, Piece> = BTreeMap::new();
        for (start, piece) in &self.pieces {
            out.entry(super::start_of(*start, step_ms)).or_default().add_all(piece);
        }
        out.into_iter().collect()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}
