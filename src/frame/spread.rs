//! How utilization was spread over held time: time-weighted percentiles of any group.

use rayon::prelude::*;

use super::groups::Groups;

/// Observed held time by pair and utilization, in ascending order of utilization.
#[derive(Debug, Clone, Default)]
pub struct Spread(Vec<Level>);

/// Time of one pair at one utilization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Utilization, 0..1.
    pub utilization: f64,
    /// How long, milliseconds of a whole GPU.
    pub gpu_ms: f64,
    /// Position of the pair.
    pub pair: u32,
}

/// Percentiles and the largest value of utilization, 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Percentiles {
    /// Half of the time is not above it.
    pub p50: f64,
    /// 95 % of the time are not above it.
    pub p95: f64,
    /// 99 % of the time are not above it.
    pub p99: f64,
    /// Nothing is above it.
    pub max: f64,
}

/// Far above the rounding of a sum of `f64`, far below a millisecond of any window.
const ROUNDING: f64 = 1e-13;

impl Spread {
    /// Puts levels in order. Utilization is not negative.
    #[must_use]
    pub fn new(mut levels: Vec<Level>) -> Self {
        // Bits of floats that are not negative are in the order of the floats; a sum with 0 is never -0.
        let bits = |l: &Level| ((l.utilization + 0.0).to_bits(), l.pair, l.gpu_ms.to_bits());
        levels.par_sort_unstable_by_key(bits);
        Self(levels)
    }

    /// Percentiles of each group; `None` where nothing of it was observed.
    ///
    /// A percentile is the smallest utilization whose cumulative observed held time reaches the quantile
    /// (design, section 2); no interpolation. Exact for whole GPUs, whose milliseconds are whole numbers;
    /// parts of GPUs are compared with room for rounding.
    #[must_use]
    pub fn percentiles(&self, groups: &Groups<'_>) -> Vec<Option<Percentiles>> {
        let mut totals = vec![0.0; groups.len()];
        for level in &self.0 {
            if let Some(group) = groups.of_pair(level.pair as usize) {
                totals[group] += level.gpu_ms;
            }
        }
        let mut walks: Vec<Walk> = totals.into_iter().map(Walk::new).collect();
        for level in &self.0 {
            if let Some(group) = groups.of_pair(level.pair as usize) {
                walks[group].step(level.utilization, level.gpu_ms);
            }
        }
        walks.into_iter().map(Walk::end).collect()
    }
}

/// One group's way through its values.
struct Walk {
    total_ms: f64,
    passed_ms: f64,
    found: [f64; QUANTILES.len()],
    count: usize,
    max: Option<f64>,
}

const QUANTILES: [f64; 3] = [50.0, 95.0, 99.0];

impl Walk {
    const fn new(total_ms: f64) -> Self {
        Self { total_ms, passed_ms: 0.0, found: [0.0; QUANTILES.len()], count: 0, max: None }
    }

    fn step(&mut self, utilization: f64, gpu_ms: f64) {
        self.passed_ms += gpu_ms;
        while let Some(percent) = QUANTILES.get(self.count)
            && self.passed_ms * 100.0 >= self.total_ms * percent * (1.0 - ROUNDING)
        {
            self.found[self.count] = utilization;
            self.count += 1;
        }
        self.max = Some(utilization);
    }

    fn end(self) -> Option<Percentiles> {
        let [p50, p95, p99] = self.found;
        self.max.map(|max| Percentiles { p50, p95, p99, max })
    }
}

#[cfg(test)]
mod tests {
    use super::super::groups::Part;
    use super::super::keys::Keys;
    use super::super::pairs::Pair;
    use super::*;

    fn of_one(rows: &[(f64, f64)]) -> Option<Percentiles> {
        let level = |&(utilization, gpu_ms): &(f64, f64)| Level { utilization, gpu_ms, pair: 0 };
        let spread = Spread::new(rows.iter().map(level).collect());
        let keys = Keys::default();
        let pairs = [Pair { device: 0, holder: Some(0) }];
        spread.percentiles(&Groups::new(&keys, &pairs, Part::All, &[]))[0]
    }

    #[test]
    fn percentiles_are_weighted_by_time_and_not_interpolated() {
        let p = of_one(&[(0.9, 5.0), (0.0, 50.0), (0.3, 45.0)]).expect("observed");
        assert_eq!((p.p50, p.p95, p.p99, p.max), (0.0, 0.3, 0.9, 0.9));
        let p = of_one(&[(0.0, 49.0), (0.3, 51.0)]).expect("observed");
        assert_eq!((p.p50, p.max), (0.3, 0.3));
        assert_eq!(of_one(&[]), None);
    }

    #[test]
    fn parts_that_do_not_add_up_exactly_reach_the_quantile() {
        let sevenths: Vec<(f64, f64)> = (0..7).map(|i| (f64::from(i), 1.0 / 7.0)).collect();
        let p = of_one(&sevenths).expect("observed");
        assert_eq!((p.p50, p.p99, p.max), (3.0, 6.0, 6.0));
    }
}
