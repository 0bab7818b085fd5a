//! The window that a user asked for, as text and as an instant to an instant.
//!
//! Parsing knows no clock; [`WindowRequest::resolve`] is told what "now" is, which for a snapshot is
//! the time at which it was taken. Calendar windows follow the time zone: a day of a clock change
//! has 23 or 25 hours.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeZone};
use chrono_tz::Tz;

use super::parse::{duration_ms, quoted};
use crate::model::Window;
use crate::model::window::{first_instant, rfc3339};
use crate::units::{MS_PER_DAY, MS_PER_SECOND, Millis, millis_from_seconds};

/// Longest window.
const MAX_LENGTH_MS: i64 = 400 * MS_PER_DAY;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowRequest {
    /// So many milliseconds back from now.
    Trailing(i64),
    /// A period of the calendar.
    Calendar(Calendar),
    /// From an instant to another, or to now.
    Between(Instant, Option<Instant>),
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calendar {
    /// Since midnight.
    Today,
    /// The day before.
    Yesterday,
    /// Since Monday.
    Week,
    /// The week before.
    LastWeek,
    /// Since the first of the month.
    Month,
    /// The month before.
    LastMonth,
}

/// A point in time as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// Milliseconds since the epoch.
    At(Millis),
    /// Midnight that begins this day in the time zone.
    Day(NaiveDate),
}

/// A window, and what should be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedWindow {
    /// The window.
    pub window: Window,
    /// Set when its end was beyond now.
    pub note: Option<String>,
}

/// Reads `--window`.
///
/// # Errors
///
/// What is wrong, with the text.
pub fn parse(text: &str) -> Result<WindowRequest, String> {
    if let Some((start, end)) = text.split_once(',') {
        return Ok(WindowRequest::Between(instant(start.trim())?, Some(instant(end.trim())?)));
    }
    let calendar = match text {
        "today" => Calendar::Today,
        "yesterday" => Calendar::Yesterday,
        "week" => Calendar::Week,
        "lastweek" => Calendar::LastWeek,
        "month" => Calendar::Month,
        "lastmonth" => Calendar::LastMonth,
        _ => return trailing(text),
    };
    Ok(WindowRequest::Calendar(calendar))
}

fn trailing(text: &str) -> Result<WindowRequest, String> {
    let refuse = |_| {
        format!(
            "{} is not a window; use a length back from now (30m, 12h, 7d, 2w), today, yesterday, \
             week, lastweek, month, lastmonth, or START,END",
            quoted(text)
        )
    };
    duration_ms(text).map(WindowRequest::Trailing).map_err(refuse)
}

/// Reads an instant: RFC 3339, a day, or Unix seconds.
///
/// # Errors
///
/// What is wrong, with the text.
pub fn instant(text: &str) -> Result<Instant, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Instant::At(at.timestamp_millis()));
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(Instant::Day(day));
    }
    text.parse().ok().and_then(millis_from_seconds).map(Instant::At).ok_or_else(|| {
        format!(
            "{} is not a time; use RFC 3339 (2026-11-20T00:00:00Z), a day (2026-11-20) or Unix seconds",
            quoted(text)
        )
    })
}

impl WindowRequest {
    /// The window at this `now_ms` in this time zone.
    ///
    /// # Errors
    ///
    /// Reversed, empty, in the future, or longer than 400 days; the message shows both ends.
    pub fn resolve(self, now_ms: Millis, zone: Tz) -> Result<ResolvedWindow, String> {
        let (start, end) = self.bounds(now_ms, zone)?;
        let (from, to, now) = (rfc3339(start), rfc3339(end), rfc3339(now_ms));
        if start >= end {
            let how = if start == end { "is empty" } else { "is reversed" };
            return Err(format!("the window from {from} to {to} {how}; its start must come first"));
        }
        if start >= now_ms {
            return Err(format!("the window from {from} to {to} is in the future: now is {now}"));
        }
        let note = (end > now_ms)
            .then(|| format!("the window's end {to} is in the future; it ends now, {now}"));
        let end = end.min(now_ms);
        if end - start > MAX_LENGTH_MS {
            let days = (end - start) / MS_PER_DAY;
            return Err(format!(
                "the window from {from} to {to} is {days} days long; at most 400 can be reported at once"
            ));
        }
        let window = Window::new(start, end).ok_or("the window is empty")?;
        Ok(ResolvedWindow { window, note })
    }

    /// The whole UTC days of the window, as far as they are over. A length back from now is so many whole days.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`]; a window that begins or ends within a day.
    pub fn whole_days(self, now_ms: Millis, zone: Tz) -> Result<Window, String> {
        let midnight = |at: Millis| at - at.rem_euclid(MS_PER_DAY);
        let (start, end, is_open) = match self {
            Self::Trailing(length) => {
                let end = midnight(now_ms);
                (end - length, end, false)
            }
            _ => {
                let ResolvedWindow { window, note } = self.resolve(now_ms, zone)?;
                let is_open = window.end() == now_ms || note.is_some();
                (window.start(), window.end(), is_open)
            }
        };
        let end = if is_open { midnight(end) } else { end };
        for (what, at) in [("starts", start), ("ends", end)] {
            if midnight(at) != at {
                let at = rfc3339(at);
                return Err(format!(
                    "the window {what} at {at}, within a day: roll-ups are of whole UTC days"
                ));
            }
        }
        if end - start > MAX_LENGTH_MS {
            return Err("the window is longer than 400 days".to_owned());
        }
        Window::new(start, end).ok_or_else(|| {
            let now = rfc3339(now_ms);
            format!("the window has no UTC day that is over: now is {now}")
        })
    }

    fn bounds(self, now_ms: Millis, zone: Tz) -> Result<(Millis, Millis), String> {
        match self {
            Self::Trailing(length) => {
                // Whole seconds: a window that starts at 12:00:00.731 helps nobody.
                let end = now_ms - now_ms.rem_euclid(MS_PER_SECOND);
                Ok((end - length, end))
            }
            Self::Calendar(calendar) => calendar.bounds(now_ms, zone),
            Self::Between(start, end) => {
                let end = end.map_or(Ok(now_ms), |end| end.millis(zone))?;
                Ok((start.millis(zone)?, end))
            }
        }
    }
}

impl Instant {
    /// Milliseconds since the epoch, of a day its first instant in `zone`.
    ///
    /// # Errors
    ///
    /// A day that the zone skipped.
    pub fn millis(self, zone: Tz) -> Result<Millis, String> {
        match self {
            Self::At(ms) => Ok(ms),
            Self::Day(day) => midnight(day, zone),
        }
    }
}

impl Calendar {
    fn bounds(self, now_ms: Millis, zone: Tz) -> Result<(Millis, Millis), String> {
        let today = zone
            .timestamp_millis_opt(now_ms)
            .single()
            .ok_or_else(|| format!("the clock shows {now_ms} ms, which is no date"))?
            .date_naive();
        let monday = back(today, u64::from(today.weekday().num_days_from_monday()))?;
        let first = today.with_day(1).ok_or("the month has no first day")?;
        let since = |day| Ok((midnight(day, zone)?, now_ms));
        let days = |from, until| Ok((midnight(from, zone)?, midnight(until, zone)?));
        match self {
            Self::Today => since(today),
            Self::Yesterday => days(back(today, 1)?, today),
            Self::Week => since(monday),
            Self::LastWeek => days(back(monday, 7)?, monday),
            Self::Month => since(first),
            Self::LastMonth => {
                let before = first.checked_sub_months(Months::new(1));
                days(before.ok_or("there is no month before")?, first)
            }
        }
    }
}

fn back(day: NaiveDate, days: u64) -> Result<NaiveDate, String> {
    day.checked_sub_days(Days::new(days)).ok_or_else(|| format!("there is no day before {day}"))
}

fn midnight(day: NaiveDate, zone: Tz) -> Result<Millis, String> {
    first_instant(day, zone).ok_or_else(|| format!("{day} does not exist in {zone}"))
}
