//! Hours of the day in which something is never used: when it can be scaled to zero, found in its past.
//!
//! Hours are those of clocks in the tenant's time zone, weekdays and weekends apart: a day on which clocks change
//! has an hour less, or one twice as long. What is proven is the way of choosing, as in [`super::fit`]: at each cut
//! the hours are chosen from what came before, and the time after tells whether anything ran in them.

use std::ops::Range;

use chrono::{DateTime, Datelike, Timelike, Weekday};
use chrono_tz::Tz;

use super::fit::Fold;
use crate::trace::{Minute, Span, Trace};
use crate::units::MS_PER_MINUTE;

/// Minutes after which clocks are looked at again. All offsets of the last century's second half, and all changes of
/// clocks, are whole quarters of an hour.
const CLOCK: i64 = 15;
/// Minutes of an hour.
const HOUR: i64 = 60;
/// Hours of a day.
const HOURS: usize = 24;
/// Part of an hour that must be held, and part of what is held that must be observed, for the hour to be seen.
const SEEN: f64 = 0.8;
/// Weekdays on which an hour must have been seen before it is off.
const LEAST_WEEKDAYS: usize = 3;
/// Days of weekends: a whole one.
const LEAST_WEEKEND_DAYS: usize = 2;
/// Least unbroken time off, hours, counted around midnight: scaling down and up again for less is not worth it.
const LEAST_RUN: usize = 4;

/// Which days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Days {
    /// Monday to Friday.
    Weekdays,
    /// Saturday and Sunday.
    Weekends,
}

impl Days {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Weekdays, Self::Weekends];

    /// Days of the kind in a week.
    const fn per_week(self) -> usize {
        match self {
            Self::Weekdays => 5,
            Self::Weekends => 2,
        }
    }

    const fn least(self) -> usize {
        match self {
            Self::Weekdays => LEAST_WEEKDAYS,
            Self::Weekends => LEAST_WEEKEND_DAYS,
        }
    }
}

/// One hour of the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hour {
    /// Its minutes.
    pub span: Span,
    /// Kind of its day.
    pub days: Days,
    /// Hour of the day, 0 to 23.
    pub hour: usize,
    /// Minutes of it in which something was held, of all traces together.
    held_minutes: i64,
    observed_ms: i64,
    active_ms: i64,
    /// Idle time of whole cards, milliseconds.
    idle_gpu_ms: f64,
    load_max: f64,
}

impl Hour {
    /// Whether what was held is known well enough to call it idle. Hours that the window cuts are not seen.
    fn is_seen(&self) -> bool {
        let length = self.span.minutes();
        #[expect(clippy::cast_precision_loss, reason = "minutes of an hour")]
        let (held, observed) = (self.held_minutes as f64, self.observed_ms as f64);
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        let (length, per_minute) = (length as f64, MS_PER_MINUTE as f64);
        self.span.minutes() >= HOUR && held >= SEEN * length && observed >= SEEN * held * per_minute
    }
}

/// The hours of `span` on the clocks of `zone`, with what `traces` did in them.
#[must_use]
pub fn hours(traces: &[&Trace], span: Span, zone: Tz) -> Vec<Hour> {
    let mut out: Vec<Hour> = Vec::new();
    let mut today = None;
    let mut start = span.start;
    while start < span.end {
        let end = ((start.div_euclid(CLOCK) + 1) * CLOCK).min(span.end);
        if let Some(local) = DateTime::from_timestamp_millis(start * MS_PER_MINUTE) {
            let local = local.with_timezone(&zone);
            let now = (local.date_naive(), local.hour());
            match out.last_mut().filter(|_| today == Some(now)) {
                Some(hour) => hour.span.end = end,
                None => out.push(Hour {
                    span: Span { start, end },
                    days: match local.weekday() {
                        Weekday::Sat | Weekday::Sun => Days::Weekends,
                        _ => Days::Weekdays,
                    },
                    hour: usize::try_from(local.hour()).unwrap_or(0),
                    held_minutes: 0,
                    observed_ms: 0,
                    active_ms: 0,
                    idle_gpu_ms: 0.0,
                    load_max: 0.0,
                }),
            }
            today = Some(now);
        }
        start = end;
    }
    for hour in &mut out {
        for trace in traces {
            for (_, minute) in trace.within(hour.span) {
                hour.held_minutes += 1;
                hour.observed_ms += i64::from(minute.observed_ms);
                hour.active_ms += i64::from(minute.active_ms);
                hour.idle_gpu_ms += idle_ms(minute) * trace.share;
                hour.load_max = hour.load_max.max(minute.load().unwrap_or(0.0));
            }
        }
    }
    out
}

fn idle_ms(minute: &Minute) -> f64 {
    f64::from(minute.observed_ms.saturating_sub(minute.active_ms))
}

/// Hours in which nothing is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    off: [[bool; HOURS]; 2],
}

impl Schedule {
    /// Hours of which all were idle that are seen, and of which enough are.
    fn of(hours: &[Hour], least: impl Fn(Days) -> usize) -> Self {
        let mut seen = [[0_usize; HOURS]; 2];
        let mut active = [[false; HOURS]; 2];
        for hour in hours {
            seen[hour.days as usize][hour.hour] += usize::from(hour.is_seen());
            active[hour.days as usize][hour.hour] |= hour.active_ms > 0;
        }
        let is_off = |days: Days, h: usize| {
            seen[days as usize][h] >= least(days) && !active[days as usize][h]
        };
        let of = |days: Days| long(std::array::from_fn(|h| is_off(days, h)));
        Self { off: [of(Days::Weekdays), of(Days::Weekends)] }
    }

    /// Whether it says that nothing is needed in that hour.
    #[must_use]
    pub const fn is_off(&self, hour: &Hour) -> bool {
        self.off[hour.days as usize][hour.hour]
    }

    /// Whether something is needed at all times.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hours_per_week() == 0
    }

    /// Hours off in a week.
    #[must_use]
    pub fn hours_per_week(&self) -> usize {
        let off = |days: Days| self.off[days as usize].iter().filter(|off| **off).count();
        Days::ALL.into_iter().map(|days| off(days) * days.per_week()).sum()
    }

    /// Unbroken stretches of hours off on days of that kind, within a day.
    #[must_use]
    pub fn runs(&self, days: Days) -> Vec<Range<usize>> {
        let off = self.off[days as usize];
        let starts = (0..HOURS).filter(|&h| off[h] && (h == 0 || !off[h - 1]));
        starts.map(|h| h..(h..HOURS).find(|&end| !off[end]).unwrap_or(HOURS)).collect()
    }

    /// Only what both have.
    fn and(self, other: [[bool; HOURS]; 2]) -> Self {
        let both = |days: usize| long(std::array::from_fn(|h| self.off[days][h] && other[days][h]));
        Self { off: [both(0), both(1)] }
    }
}

/// Hours of a day that are part of a long enough stretch, counted around midnight.
fn long(off: [bool; HOURS]) -> [bool; HOURS] {
    let run = |from: usize| (0..HOURS).take_while(|n| off[(from + n) % HOURS]).count();
    let mut out = [false; HOURS];
    for from in 0..HOURS {
        let length = run(from);
        if length >= LEAST_RUN {
            (0..length).for_each(|n| out[(from + n) % HOURS] = true);
        }
    }
    out
}

/// A schedule, and how the way of choosing it fared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// Hours off: chosen from everything before the last cut, and each of them tried after a cut.
    pub schedule: Schedule,
    /// How often the past was cut.
    pub folds: usize,
    /// Observed time that was replayed, of all GPUs together, milliseconds.
    pub observed_ms: i64,
    /// Active part of it.
    pub active_ms: i64,
    /// Part of that in hours off: it would not have run.
    pub missed_ms: i64,
    /// Longest run of it, milliseconds.
    pub longest_missed_ms: i64,
    /// Largest load in hours off, as a share of a card.
    pub missed_load: f64,
    /// Idle time, milliseconds of whole cards, that the chosen hours would have freed in what was replayed.
    pub freed_gpu_ms: f64,
    /// The same of somebody who knew what came.
    pub oracle_gpu_ms: f64,
    /// Minutes that were replayed.
    pub minutes: i64,
}

impl Outcome {
    /// Part of the active time that would not have run, 0..1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "years are far below 2^53 ms")]
    pub fn missed_share(&self) -> f64 {
        if self.active_ms > 0 { self.missed_ms as f64 / self.active_ms as f64 } else { 0.0 }
    }
}

/// What the past says of hours off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// Something ran at all hours, or hours off are too few or too short.
    Nothing,
    /// Some hours were always idle, but too few days were seen to say more.
    TooShort,
    /// Hours off, and how they fared.
    Hours(Outcome),
}

/// Hours off of something whose past is `hours`, with the past cut as `folds` say.
#[must_use]
pub fn settle(hours: &[Hour], folds: &[Fold]) -> Found {
    let mut out = Outcome::default();
    let mut tried = [[false; HOURS]; 2];
    let mut failed = None;
    for fold in folds {
        let (fit, rest) = (within(hours, fold.fit), within(hours, fold.rest));
        let chosen = Schedule::of(fit, Days::least);
        let is_seen = |hour: &&Hour| hour.is_seen() || hour.active_ms > 0;
        if !rest.iter().filter(is_seen).any(|hour| chosen.is_off(hour)) {
            continue;
        }
        for hour in rest.iter().filter(is_seen) {
            tried[hour.days as usize][hour.hour] |= chosen.is_off(hour);
        }
        let missed = out.missed_ms;
        out.replay(rest, chosen);
        if out.missed_ms > missed {
            failed = failed.or(Some(chosen));
        }
        out.schedule = chosen;
    }
    out.schedule = out.schedule.and(tried);
    if out.schedule.is_empty() {
        // What was tried and failed so badly that nothing is left is shown as it was.
        out.schedule = failed.unwrap_or_default();
    }
    if !out.schedule.is_empty() {
        return Found::Hours(out);
    }
    match Schedule::of(hours, |_| 1).is_empty() {
        true => Found::Nothing,
        false => Found::TooShort,
    }
}

/// The hours that begin in a span.
fn within(hours: &[Hour], span: Span) -> &[Hour] {
    let at = |minute: i64| hours.partition_point(|hour| hour.span.start < minute);
    &hours[at(span.start)..at(span.end)]
}

impl Outcome {
    fn replay(&mut self, rest: &[Hour], chosen: Schedule) {
        let oracle = Schedule::of(rest, |_| 1);
        let mut run_ms = 0;
        self.folds += 1;
        for hour in rest {
            self.minutes += hour.span.minutes();
            self.observed_ms += hour.observed_ms;
            self.active_ms += hour.active_ms;
            self.oracle_gpu_ms += if oracle.is_off(hour) { hour.idle_gpu_ms } else { 0.0 };
            if !chosen.is_off(hour) || hour.active_ms == 0 {
                run_ms = 0;
            }
            if chosen.is_off(hour) {
                run_ms += hour.active_ms.min(hour.span.minutes() * MS_PER_MINUTE);
                self.missed_ms += hour.active_ms;
                self.missed_load = self.missed_load.max(hour.load_max);
                self.freed_gpu_ms += hour.idle_gpu_ms;
            }
            self.longest_missed_ms = self.longest_missed_ms.max(run_ms);
        }
    }
}

/// Idle time of traces in the hours off, milliseconds of whole cards.
#[must_use]
pub fn idle_off(hours: &[Hour], schedule: &Schedule, traces: &[&Trace]) -> f64 {
    let of_hour = |hour: &Hour| -> f64 {
        let idle = |trace: &&Trace| -> f64 {
            let sum: f64 = trace.within(hour.span).map(|(_, minute)| idle_ms(minute)).sum();
            sum * trace.share
        };
        traces.iter().map(idle).sum()
    };
    hours.iter().filter(|hour| schedule.is_off(hour)).map(of_hour).sum()
}

#[cfg(test)]
mod tests;
