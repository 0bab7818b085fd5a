//! The sums of the ledger by any key: time by state, integrals of utilization, money.
//!
//! Floats are added in the order of pairs, whatever the machine: the same inputs give the same last digit.

use super::groups::Groups;
use super::pairs::{Pair, Pairs, Time};
use crate::attribution::states::State;
use crate::units::gpu_hours_of;

/// Time and money of one group.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Time.
    pub time: Time,
    /// Time without a price, milliseconds; it is left out of sums of money.
    pub unpriced_ms: f64,
    /// Whether any of the time has a price: a sum of no prices is not 0, it is unknown.
    pub is_priced: bool,
    /// Money in each of [`State::ALL`].
    pub cost_in_state: [f64; State::ALL.len()],
    /// Money of busy time.
    pub busy_cost: f64,
    /// Money of all time.
    pub total_cost: f64,
}

impl Sums {
    /// Time in a state, milliseconds.
    #[must_use]
    pub const fn ms(&self, state: State) -> f64 {
        self.time.in_state[state as usize]
    }

    /// Money of the time in a state.
    #[must_use]
    pub const fn cost(&self, state: State) -> f64 {
        self.cost_in_state[state as usize]
    }

    /// GPU time × price of a physical GPU-hour, where there is one.
    fn add(&mut self, time: &Time, price: Option<f64>) {
        self.time.add_all(time);
        let Some(price) = price else {
            self.unpriced_ms += time.total_ms();
            return;
        };
        self.is_priced |= time.total_ms() > 0.0;
        let money = |ms: f64| gpu_hours_of(ms) * price;
        for (sum, ms) in self.cost_in_state.iter_mut().zip(time.in_state) {
            *sum += money(ms);
        }
        self.busy_cost += money(time.busy_ratio_ms);
        self.total_cost += money(time.total_ms());
    }
}

/// The sums of each group, in the order of their numbers. `prices` are of a physical GPU-hour, by device.
#[must_use]
pub fn by(pairs: &Pairs, prices: &[Option<f64>], groups: &Groups<'_>) -> Vec<Sums> {
    let mut out = vec![Sums::default(); groups.len()];
    let price = |pair: &Pair| prices.get(pair.device as usize).copied().flatten();
    for (position, (pair, time)) in pairs.pairs.iter().zip(&pairs.times).enumerate() {
        if let Some(group) = groups.of_pair(position) {
            out[group].add(time, price(pair));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::groups::Part;
    use super::super::keys::Keys;
    use super::super::names::Names;
    use super::super::rows::{DeviceRows, HolderRows};
    use super::*;
    use crate::frame::columns as c;

    const PRICES: [Option<f64>; 3] = [Some(2.1), None, Some(0.7)];

    /// Sevenths and tenths of GPUs.
    fn many() -> (Keys, Pairs) {
        let names = ["a", "b", "c"];
        let devices = DeviceRows {
            cluster: vec![String::new(); 3],
            node: names.map(ToOwned::to_owned).to_vec(),
            model: vec!["X1".into(); 3],
            sharing: vec!["mig"; 3],
        };
        let names = Names::new(&HolderRows::default(), &devices);
        let mut pairs = Pairs::default();
        for n in 0..2_000_u32 {
            let mut time = Time::default();
            let share = if n % 5 == 0 { 1.0 / 7.0 } else { 0.1 };
            let utilization = f64::from(n % 101) / 101.0;
            time.add(State::Active, Some(utilization), n % 3 == 0, f64::from(n % 997 + 1) * share);
            pairs.pairs.push(Pair { device: n % 3, holder: None });
            pairs.times.push(time);
        }
        (Keys::new(&names, &HolderRows::default(), &devices), pairs)
    }

    #[test]
    fn what_has_no_price_is_no_money_and_is_told() {
        let (keys, pairs) = many();
        let groups = Groups::new(&keys, &pairs.pairs, Part::All, &[c::NODE]);
        let sums = by(&pairs, &PRICES, &groups);
        assert_eq!((sums[1].total_cost, sums[1].is_priced), (0.0, false));
        assert!(sums[0].is_priced && sums[2].is_priced);
        assert!((sums[1].unpriced_ms - sums[1].time.total_ms()).abs() < 1e-6);
        let cost = gpu_hours_of(sums[0].time.total_ms()) * 2.1;
        assert!((sums[0].total_cost - cost).abs() < 1e-9 && sums[0].unpriced_ms == 0.0);
    }

    #[test]
    fn what_is_not_of_the_part_is_in_no_group() {
        let (keys, pairs) = many();
        let groups = Groups::new(&keys, &pairs.pairs, Part::HeldInScope, &[c::NODE]);
        assert!(by(&pairs, &PRICES, &groups).is_empty());
    }
}
