//! Time of each holder on each device, added up: what every figure is made of.
//!
//! A ledger has as many rows as values differ; it is gone through once, device by device, and what is kept
//! has a row for each holder on a device. How utilization was spread is `frame::spread`.

use crate::attribution::states::State;

/// Time of one holder on one device, or of one device that nobody held, in milliseconds of a whole GPU.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Time {
    /// In each of [`State::ALL`].
    pub in_state: [f64; State::ALL.len()],
    /// ∫ utilization over active time: busy.
    pub busy_ratio_ms: f64,
    /// ∫ utilization over all observed time, idle time included.
    pub utilization_ratio_ms: f64,
    /// Time whose utilization is an estimate.
    pub estimated_ms: f64,
}

impl Time {
    /// Adds `gpu_ms` of one state and one utilization.
    pub fn add(&mut self, state: State, utilization: Option<f64>, is_estimated: bool, gpu_ms: f64) {
        self.in_state[state as usize] += gpu_ms;
        let used = gpu_ms * utilization.unwrap_or(0.0);
        self.utilization_ratio_ms += used;
        if state == State::Active {
            self.busy_ratio_ms += used;
        }
        if is_estimated {
            self.estimated_ms += gpu_ms;
        }
    }

    /// Adds all of another.
    pub fn add_all(&mut self, other: &Self) {
        for (sum, ms) in self.in_state.iter_mut().zip(other.in_state) {
            *sum += ms;
        }
        self.busy_ratio_ms += other.busy_ratio_ms;
        self.utilization_ratio_ms += other.utilization_ratio_ms;
        self.estimated_ms += other.estimated_ms;
    }

    /// All of it.
    #[must_use]
    pub fn total_ms(&self) -> f64 {
        self.in_state.iter().sum()
    }
}

/// A holder on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Row number of the device.
    pub device: u32,
    /// Row number of the holder; `None` for time that nobody holds.
    pub holder: Option<u32>,
}

/// All pairs, by device and holder, and their time.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    /// Who, and on what.
    pub pairs: Vec<Pair>,
    /// How long, by pair.
    pub times: Vec<Time>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_the_order_of_states() {
        for (i, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, i, "{state:?}");
        }
    }

    #[test]
    fn idle_time_is_used_and_not_busy() {
        let mut time = Time::default();
        time.add(State::Active, Some(0.5), true, 100.0);
        time.add(State::IdleWarm, Some(0.005), false, 200.0);
        time.add(State::Unobserved, None, false, 50.0);
        assert_eq!(time.busy_ratio_ms, 50.0);
        assert_eq!(time.utilization_ratio_ms, 51.0);
        assert_eq!((time.estimated_ms, time.total_ms()), (100.0, 350.0));
    }
}
