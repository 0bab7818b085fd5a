//! Cutting the time of a query into parts that a server can answer at once. Pure arithmetic.

use super::shards::{SeriesIndex, Shard};
use crate::model::Window;
use crate::units::{MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, Millis};

/// Closest spacing of samples that is reckoned with before anything is read.
const ASSUMED_SPACING_MS: i64 = 15_000;
/// Parts are not cut shorter than this before their series are split instead.
pub(super) const MIN_PART_MS: i64 = 5 * MS_PER_MINUTE;
/// Part of the window that is read of constants, from its end.
const TAIL_MS: i64 = 15 * MS_PER_MINUTE;
/// Most evaluation instants of one range query; Prometheus refuses above 11,000.
pub(super) const MAX_POINTS: i64 = 10_000;
/// Lengths of parts, each a divisor of a UTC day so that parts begin and end on the same instants
/// whatever the window (which caches of servers like).
const LENGTHS_H: [i64; 8] = [24, 12, 8, 6, 4, 3, 2, 1];

/// A part of a query: `[start, end)` of a group of its series, or of all when there is no group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Part {
    pub(in crate::source) start: Millis,
    pub(in crate::source) end: Millis,
    pub(super) shard: Option<Shard>,
    /// How often it was halved because the server took too long.
    pub(super) timeouts: u32,
}

impl Part {
    fn new(start: Millis, end: Millis, shard: Option<Shard>) -> Self {
        Self { start, end, shard, timeouts: 0 }
    }

    /// Two halves in time, unless they would be shorter than [`MIN_PART_MS`].
    pub(super) fn halves_in_time(&self) -> Option<(Self, Self)> {
        let middle = self.start + (self.end - self.start) / 2;
        let half = |start, end| Self { start, end, ..self.clone() };
        (middle - self.start >= MIN_PART_MS)
            .then(|| (half(self.start, middle), half(middle, self.end)))
    }

    /// Two halves by series; `index` is what is known of the series when there is no group yet.
    pub(super) fn halves_by_series(&self, index: Option<&SeriesIndex>) -> Option<(Self, Self)> {
        let with = |shard| Self { shard: Some(shard), ..self.clone() };
        let (first, second) = match &self.shard {
            Some(shard) => shard.halves()?,
            None => index?.halves()?,
        };
        Some((with(first), with(second)))
    }
}

/// Parts for raw samples: at most `max_samples` each at the assumed spacing, in whole UTC hours, and
/// split by series where one hour holds more. Without an index: hours.
pub(super) fn raw(window: Window, index: Option<&SeriesIndex>, max_samples: u64) -> Vec<Part> {
    let Some(index) = index else {
        return in_time(window, MS_PER_HOUR).map(|(a, b)| Part::new(a, b, None)).collect();
    };
    let per_hour = index.series.saturating_mul((MS_PER_HOUR / ASSUMED_SPACING_MS).unsigned_abs());
    let hours = i64::try_from(max_samples / per_hour.max(1)).unwrap_or(i64::MAX);
    if let Some(length) = LENGTHS_H.into_iter().find(|length| *length <= hours) {
        return in_time(window, length * MS_PER_HOUR).map(|(a, b)| Part::new(a, b, None)).collect();
    }
    let shards = index.shards(per_hour.div_ceil(max_samples.max(1)));
    let groups: Vec<Option<Shard>> =
        if shards.is_empty() { vec![None] } else { shards.into_iter().map(Some).collect() };
    in_time(window, MS_PER_HOUR)
        .flat_map(|(a, b)| groups.iter().map(move |group| Part::new(a, b, group.clone())))
        .collect()
}

/// Parts for facts: UTC days.
pub(in crate::source) fn days(window: Window) -> Vec<Part> {
    in_time(window, MS_PER_DAY).map(|(a, b)| Part::new(a, b, None)).collect()
}

/// The one part for constants: the end of the window.
pub(in crate::source) fn tail(window: Window) -> Vec<Part> {
    let start = window.start().max(window.end() - TAIL_MS);
    vec![Part::new(start, window.end(), None)]
}

/// Parts for an expression on a grid that yields at most `series` series at a time: at most
/// `max_samples` samples and [`MAX_POINTS`] points of one series each, and at most a day.
pub(super) fn grid(window: Window, step_ms: i64, series: u64, max_samples: u64) -> Vec<Part> {
    let points = i64::try_from(max_samples / series.max(1)).unwrap_or(i64::MAX);
    let longest = points.clamp(1, MAX_POINTS).saturating_mul(step_ms).min(MS_PER_DAY);
    let whole_hours =
        LENGTHS_H.into_iter().map(|h| h * MS_PER_HOUR).find(|length| *length <= longest);
    let length = whole_hours.unwrap_or_else(|| longest.max(MIN_PART_MS));
    in_time(window, length).map(|(a, b)| Part::new(a, b, None)).collect()
}

/// First and last multiple of `step_ms` in `[start, end)`, if there is one.
pub(in crate::source) fn grid_points(
    start: Millis,
    end: Millis,
    step_ms: i64,
) -> Option<(Millis, Millis)> {
    let first = (start + step_ms - 1).div_euclid(step_ms) * step_ms;
    let last = (end - 1).div_euclid(step_ms) * step_ms;
    (first <= last).then_some((first, last))
}

/// `window` cut at the multiples of `length_ms`.
fn in_time(window: Window, length_ms: i64) -> impl Iterator<Item = (Millis, Millis)> {
    let first = window.start().div_euclid(length_ms);
    let last = (window.end() - 1).div_euclid(length_ms);
    (first..=last).filter_map(move |i| window.clip(i * length_ms, (i + 1) * length_ms))
}

#[cfg(test)]
mod tests;
