//! The half-open window of time that a report covers.
//!
//! Parsing what a user typed (`7d`, `yesterday`, …) is `settings::window`; "now" is passed in there.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::units::Millis;

/// `[start_ms, end_ms)` in milliseconds since the epoch, UTC; never empty, never reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    start_ms: Millis,
    end_ms: Millis,
}

impl Window {
    /// A window from `start_ms` to `end_ms`; `None` when that is empty or reversed.
    #[must_use]
    pub fn new(start_ms: Millis, end_ms: Millis) -> Option<Self> {
        (start_ms < end_ms).then_some(Self { start_ms, end_ms })
    }

    /// First instant of the window.
    #[must_use]
    pub const fn start(self) -> Millis {
        self.start_ms
    }

    /// First instant after the window.
    #[must_use]
    pub const fn end(self) -> Millis {
        self.end_ms
    }

    /// Length in milliseconds.
    #[must_use]
    pub const fn length_ms(self) -> i64 {
        self.end_ms - self.start_ms
    }

    /// The part of `[start, end)` that lies in the window, if any.
    #[must_use]
    pub fn clip(self, start: Millis, end: Millis) -> Option<(Millis, Millis)> {
        let (start, end) = (start.max(self.start_ms), end.min(self.end_ms));
        (start < end).then_some((start, end))
    }

    /// The same window with `before_ms` and `after_ms` added on its two sides.
    #[must_use]
    pub const fn widened(self, before_ms: i64, after_ms: i64) -> Self {
        Self { start_ms: self.start_ms - before_ms, end_ms: self.end_ms + after_ms }
    }
}

/// An instant as RFC 3339 in UTC, to the second where the milliseconds are zero.
#[must_use]
pub fn rfc3339(ms: Millis) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms)
        .map_or_else(|| format!("{ms} ms"), |t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// The UTC day of an instant, as `2026-11-23`.
#[must_use]
pub fn utc_day(ms: Millis) -> String {
    rfc3339(ms).split('T').next().unwrap_or_default().to_owned()
}

/// The first instant of a day. Where a clock change skips midnight, the first instant after the gap;
/// where it repeats midnight, the earlier one. `None` for a day that the zone skipped.
#[must_use]
pub fn first_instant(day: NaiveDate, zone: Tz) -> Option<Millis> {
    let midnight = day.and_time(NaiveTime::MIN);
    // Offsets change by whole quarters of an hour; one zone has skipped a whole day.
    (0..=96)
        .filter_map(|quarter| midnight.checked_add_signed(TimeDelta::minutes(15 * quarter)))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map(|at| at.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_utc_to_its_last_millisecond() {
        assert_eq!(utc_day(0), "1970-01-01");
        assert_eq!(utc_day(86_399_999), "1970-01-01");
        assert_eq!(utc_day(1_795_392_000_000), "2026-11-23");
    }

    #[test]
    fn clips_to_half_open_bounds() {
        let window = Window::new(10, 20).expect("not reversed");
        assert_eq!(window.clip(0, 11), Some((10, 11)));
        assert_eq!(window.clip(19, 40), Some((19, 20)));
        assert_eq!(window.clip(20, 40), None);
        assert_eq!(Window::new(5, 5), None);
    }

    #[test]
    fn prints_utc() {
        assert_eq!(rfc3339(1_795_132_800_000), "2026-11-20T00:00:00Z");
        assert_eq!(rfc3339(1_795_132_800_250), "2026-11-20T00:00:00.250Z");
    }
}
