//! Traces made by hand, for the tests of this room and of the rules.

use crate::trace::{Minute, Trace};

/// Minutes of an hour.
pub(crate) const HOUR: i64 = 60;

/// A trace of so many minutes from minute 0 on, with load and memory (MiB) by minute. A load of NaN is a minute
/// that nobody observed.
pub(crate) fn trace(minutes: i64, of: impl Fn(i64) -> (f32, f32)) -> Trace {
    let minute = |number: i64| {
        let (load, memory_mib) = of(number);
        let observed_ms = if load.is_nan() { 0 } else { 60_000 };
        let active_ms = if load >= 0.01 { observed_ms } else { 0 };
        Minute { load, peak: load, memory_mib, observed_ms, active_ms }
    };
    let minutes = (0..minutes).map(minute).collect();
    Trace { holder: 0, device: 0, share: 1.0, first: 0, minutes }
}

/// The same in every minute.
pub(crate) fn steady(minutes: i64, load: f32, memory_mib: f32) -> Trace {
    trace(minutes, |_| (load, memory_mib))
}
