//! The periods of a budget: days, weeks, months and quarters of a time zone and a fiscal year.
//!
//! A period begins with the first instant of its first local day and ends where the next one begins, so that
//! periods tile time without a gap: a day of a clock change has 23 or 25 hours, February has 28 or 29 days.
//! No budget and no clock: an instant goes in, a period comes out.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Weekday};
use chrono_tz::Tz;

use crate::model::window::first_instant;
use crate::units::Millis;

/// Days of a week.
const WEEK: u32 = 7;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodKind {
    /// A local day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A month of the fiscal year.
    Month,
    /// Three months of the fiscal year.
    Quarter,
}

impl PeriodKind {
    /// Every kind, shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// Name in config and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }
}

/// What months and quarters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiscalYear {
    /// Months of the calendar; quarters begin with this month (1 to 12) and every third from then on.
    Months {
        /// First month of the year.
        first: u32,
    },
    /// Years of 52 or 53 whole weeks, in each quarter months of so many weeks. A year begins on the weekday of
    /// `first_day` that is nearest to the first of the month that `first_day` is nearest to, as the retail calendar
    /// of the US National Retail Federation has it; a 53rd week is the last month's.
    Weeks {
        /// Weeks of the three months of a quarter; 13 together.
        pattern: [u32; 3],
        /// A day on which a fiscal year began.
        first_day: NaiveDate,
    },
}

/// How time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// Length of a period.
    pub kind: PeriodKind,
    /// What months and quarters are.
    pub year: FiscalYear,
    /// Where days begin.
    pub zone: Tz,
}

/// A stretch of whole local days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub first_day: NaiveDate,
    /// The first day after it.
    pub next_day: NaiveDate,
    /// First instant.
    pub start: Millis,
    /// First instant after.
    pub end: Millis,
}

impl Period {
    /// Length in milliseconds.
    #[must_use]
    pub const fn length_ms(&self) -> i64 {
        self.end - self.start
    }
}

impl Calendar {
    /// The period that an instant lies in; `None` beyond what dates can say (years of six digits).
    #[must_use]
    pub fn containing(&self, at: Millis) -> Option<Period> {
        let day = local_day(at, self.zone)?;
        let (first, next) = self.days_around(day)?;
        self.period(first, next)
    }

    /// The period before; `None` as above.
    #[must_use]
    pub fn before(&self, period: &Period) -> Option<Period> {
        let (first, next) = self.days_around(period.first_day.pred_opt()?)?;
        self.period(first, next)
    }

    /// The period after; `None` as above.
    #[must_use]
    pub fn after(&self, period: &Period) -> Option<Period> {
        let (first, next) = self.days_around(period.next_day)?;
        self.period(first, next)
    }

    fn period(&self, first_day: NaiveDate, next_day: NaiveDate) -> Option<Period> {
        let start = begin_of(first_day, self.zone)?;
        let end = begin_of(next_day, self.zone)?;
        Some(Period { first_day, next_day, start, end })
    }

    /// First day, and first day after, of the period with this day.
    fn days_around(&self, day: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        match (self.kind, self.year) {
            (PeriodKind::Day, _) => Some((day, day.succ_opt()?)),
            (PeriodKind::Week, _) => {
                let back = u64::from(day.weekday().num_days_from_monday());
                let monday = day.checked_sub_days(Days::new(back))?;
                Some((monday, monday.checked_add_days(Days::new(u64::from(WEEK)))?))
            }
            (PeriodKind::Month, FiscalYear::Months { .. }) => months(day.with_day(1)?, 1),
            (PeriodKind::Quarter, FiscalYear::Months { first }) => {
                let into = (day.month() + 12 - first) % 3;
                months(day.with_day(1)?.checked_sub_months(Months::new(into))?, 3)
            }
            (kind, FiscalYear::Weeks { pattern, first_day }) => {
                weeks(kind, pattern, first_day, day)
            }
        }
    }

    /// `2026-11-20` to `2026-11-30`, the last day included, as people name periods.
    #[must_use]
    pub fn label(&self, period: &Period) -> String {
        let last = period.next_day.pred_opt().unwrap_or(period.first_day);
        match (self.kind, self.year) {
            (PeriodKind::Day, _) => period.first_day.to_string(),
            (PeriodKind::Month, FiscalYear::Months { .. }) => {
                period.first_day.format("%Y-%m").to_string()
            }
            _ => format!("{} to {last}", period.first_day),
        }
    }
}

/// The local day of an instant.
#[must_use]
pub fn local_day(at: Millis, zone: Tz) -> Option<NaiveDate> {
    Some(DateTime::from_timestamp_millis(at)?.with_timezone(&zone).date_naive())
}

/// The first instant of a day; of one that the zone skipped, that of the day after.
#[must_use]
pub fn begin_of(day: NaiveDate, zone: Tz) -> Option<Millis> {
    first_instant(day, zone).or_else(|| first_instant(day.succ_opt()?, zone))
}

/// The local midnights in `(from, until)`.
#[must_use]
pub fn midnights(from: Millis, until: Millis, zone: Tz) -> Vec<Millis> {
    let mut out: Vec<Millis> = Vec::new();
    let mut day = local_day(from, zone).and_then(|day| day.succ_opt());
    while let Some(today) = day {
        match begin_of(today, zone) {
            Some(at) if at < until => {
                if at > from && out.last() != Some(&at) {
                    out.push(at);
                }
            }
            _ => break,
        }
        day = today.succ_opt();
    }
    out
}

fn months(first: NaiveDate, count: u32) -> Option<(NaiveDate, NaiveDate)> {
    Some((first, first.checked_add_months(Months::new(count))?))
}

/// The period of a year of whole weeks with this day.
fn weeks(
    kind: PeriodKind,
    pattern: [u32; 3],
    anchor: NaiveDate,
    day: NaiveDate,
) -> Option<(NaiveDate, NaiveDate)> {
    let month = nearest_first(anchor)?.month();
    let begin = |year: i32| year_begin(anchor.weekday(), month, year);
    // A year may begin a few days before or after the first of its month.
    let near = day.year() - 1..=day.year() + 2;
    let start = near.clone().rev().filter_map(begin).find(|at| *at <= day)?;
    let next = near.filter_map(begin).find(|at| *at > day)?;
    let mut at = start;
    for quarter in 0..4 {
        let begin = at;
        for (month, weeks) in pattern.into_iter().enumerate() {
            let is_last = quarter == 3 && month == 2;
            let from = at;
            at = if is_last {
                next
            } else {
                at.checked_add_days(Days::new(u64::from(WEEK * weeks)))?
            };
            if kind == PeriodKind::Month && (from..at).contains(&day) {
                return Some((from, at));
            }
        }
        if kind == PeriodKind::Quarter && (begin..at).contains(&day) {
            return Some((begin, at));
        }
    }
    None
}

/// The first of a month that a day is nearest to.
#[must_use]
pub fn nearest_first(day: NaiveDate) -> Option<NaiveDate> {
    let first = day.with_day(1)?;
    let next = first.checked_add_months(Months::new(1))?;
    Some(if day - first <= next - day { first } else { next })
}

/// The day nearest to the first of `month` that is such a weekday.
fn year_begin(weekday: Weekday, month: u32, year: i32) -> Option<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    let ahead = days_to(first.weekday(), weekday);
    match ahead {
        0..=3 => first.checked_add_days(Days::new(ahead)),
        _ => first.checked_sub_days(Days::new(u64::from(WEEK) - ahead)),
    }
}

/// Days from a weekday to the next one of another name, 0 to 6.
fn days_to(from: Weekday, to: Weekday) -> u64 {
    u64::from((to.num_days_from_monday() + WEEK - from.num_days_from_monday()) % WEEK)
}

#[cfg(test)]
mod tests;
