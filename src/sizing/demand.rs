//! What something needs of a card, from what it used: compute from a percentile of its active time, memory from
//! its peak.
//!
//! Compute is soft: a minute above it is slower, no more. Memory is hard: what does not fit, fails. So compute
//! goes by a percentile of *active* time, in which idle nights do not hide the load (trap 41), and memory by the
//! peak with a margin, never by a percentile.

use super::histogram::{Buckets, Histogram};
use crate::model::recommending::Recommending;
use crate::trace::{Span, Trace};
use crate::units::{BYTES_PER_MIB, MS_PER_MINUTE};

/// Load of a card, or of several together, to a twentieth of its value.
const LOADS: Buckets = Buckets { first: 0.01, ratio: 1.05, largest: 65_536.0 };
/// Framebuffer in MiB, to a fiftieth of its value.
const MEMORY: Buckets = Buckets { first: 64.0, ratio: 1.02, largest: 4_194_304.0 };

/// What is needed of one card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Load that a size must carry, as a share of the whole card's compute.
    pub compute: f64,
    /// Framebuffer that a size must have, bytes; `None` where use is not known.
    pub memory_bytes: Option<f64>,
    /// Largest framebuffer use, bytes.
    pub memory_peak_bytes: Option<f64>,
    /// Its median over observed time, bytes.
    pub memory_median_bytes: Option<f64>,
    /// Largest load.
    pub load_max: f64,
    /// Active time, milliseconds.
    pub active_ms: i64,
    /// Observed time, milliseconds.
    pub observed_ms: i64,
}

/// What any one of `traces` needed within `span`: they are of pods made from one template, so the size is that
/// of the neediest.
///
/// `memory_bytes` = peak × (1 + margin) + spread × (peak − median).
#[must_use]
pub fn demand(traces: &[&Trace], span: Span, rules: &Recommending) -> Demand {
    let mut out = Demand {
        compute: 0.0,
        memory_bytes: None,
        memory_peak_bytes: None,
        memory_median_bytes: None,
        load_max: 0.0,
        active_ms: 0,
        observed_ms: 0,
    };
    let mut memory = Histogram::new(MEMORY, rules.half_life_ms);
    let mut peak: Option<f64> = None;
    for trace in traces {
        let mut loads = Histogram::new(LOADS, rules.half_life_ms);
        for (number, minute) in trace.within(span) {
            let at = number * MS_PER_MINUTE;
            if let Some(load) = minute.load() {
                out.observed_ms += i64::from(minute.observed_ms);
                out.load_max = out.load_max.max(minute.peak().unwrap_or(load));
                if minute.is_active() {
                    out.active_ms += i64::from(minute.active_ms);
                    loads.add(load, f64::from(minute.active_ms), at);
                }
            }
            if let Some(used) = minute.memory_mib() {
                memory.add(used, 1.0, at);
                peak = Some(peak.map_or(used, |peak| peak.max(used)));
            }
        }
        // Of something that was never active, the largest of its loads, all of which are below the threshold.
        let own = loads.percentile(rules.compute_percentile).unwrap_or(out.load_max);
        out.compute = out.compute.max(own);
    }
    let median = memory.percentile(0.5);
    out.memory_peak_bytes = peak.map(|mib| mib * BYTES_PER_MIB);
    out.memory_median_bytes = median.map(|mib| mib * BYTES_PER_MIB);
    out.memory_bytes = out.memory_peak_bytes.zip(out.memory_median_bytes).map(|(peak, median)| {
        peak * (1.0 + rules.memory_margin) + rules.memory_spread * (peak - median).max(0.0)
    });
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{HOUR, steady, trace};
    use super::*;

    const ALL: Span = Span { start: 0, end: i64::MAX };

    fn rules() -> Recommending {
        Recommending { memory_margin: 0.1, memory_spread: 1.0, ..Recommending::default() }
    }

    #[test]
    fn nights_do_not_hide_the_load() {
        // One busy hour at 60 % in a day of idleness: over all time the 95th percentile is 0.
        let trace = trace(24 * HOUR, |minute| (if minute < HOUR { 0.6 } else { 0.0 }, 1_000.0));
        let need = demand(&[&trace], ALL, &rules());
        assert!((0.6..0.64).contains(&need.compute), "{}", need.compute);
        assert_eq!((need.active_ms, need.observed_ms), (3_600_000, 24 * 3_600_000));
    }

    #[test]
    fn memory_is_the_peak_and_more_the_more_it_varied() {
        let mib = BYTES_PER_MIB;
        let flat = demand(&[&steady(HOUR, 0.1, 1_000.0)], ALL, &rules());
        let close = |a: Option<f64>, mib_expected: f64, tolerance: f64| {
            a.is_some_and(|a| (a / mib - mib_expected).abs() <= tolerance)
        };
        assert!(close(flat.memory_bytes, 1_100.0, 1.0), "{:?}", flat.memory_bytes);
        // 1,000 once and 400 otherwise: 1,000 × 1.1 + (1,000 − 400), and a bucket of the median.
        let spiky = trace(HOUR, |minute| (0.1, if minute == 5 { 1_000.0 } else { 400.0 }));
        let need = demand(&[&spiky], ALL, &rules());
        assert!(close(need.memory_bytes, 1_700.0, 10.0), "{:?}", need.memory_bytes);
    }

    #[test]
    fn the_neediest_of_several_counts() {
        let (small, large) = (steady(HOUR, 0.1, 500.0), steady(HOUR, 0.5, 2_000.0));
        let need = demand(&[&small, &large], ALL, &rules());
        assert!(need.compute >= 0.5);
        assert_eq!(need.memory_peak_bytes, Some(2_000.0 * BYTES_PER_MIB));
    }

    #[test]
    fn unknown_memory_is_no_demand_for_none() {
        let trace = trace(HOUR, |_| (0.1, f32::NAN));
        assert_eq!(demand(&[&trace], ALL, &rules()).memory_bytes, None);
    }
}
