use super::super::fit::folds;
use super::super::testing::trace;
use super::*;

const DAY: i64 = 24 * HOUR;
/// Monday 2026-11-09, midnight UTC.
const MONDAY: i64 = 1_794_182_400_000 / MS_PER_MINUTE;
/// Monday 2026-10-19, midnight UTC: in the week after it, European clocks go back.
const OCTOBER: i64 = 1_792_368_000_000 / MS_PER_MINUTE;

/// Something that is as busy as `load` says by the minute since `start`.
fn days(start: i64, count: i64, load: impl Fn(i64) -> f32) -> (Trace, Span) {
    let trace = trace(count * DAY, |minute| (load(minute), 100.0));
    let trace = Trace { first: start, ..trace };
    (trace, Span { start, end: start + count * DAY })
}

fn found(trace: &Trace, span: Span, zone: Tz) -> Found {
    settle(&hours(&[trace], span, zone), &folds(span, 0.7))
}

fn ranges(outcome: &Outcome, days: Days) -> Vec<(usize, usize)> {
    outcome.schedule.runs(days).iter().map(|run| (run.start, run.end)).collect()
}

/// Busy from 22:00 to 06:00.
fn at_night(minute: i64) -> f32 {
    let hour = minute.rem_euclid(DAY) / HOUR;
    if (6..22).contains(&hour) { 0.0 } else { 0.7 }
}

#[test]
fn what_works_at_night_is_off_by_day() {
    let (trace, span) = days(MONDAY, 7, at_night);
    let Found::Hours(outcome) = found(&trace, span, Tz::UTC) else { panic!("hours") };
    assert_eq!(ranges(&outcome, Days::Weekdays), [(6, 22)]);
    // One weekend is not enough to fit on one and replay on another.
    assert_eq!(ranges(&outcome, Days::Weekends), []);
    assert_eq!(outcome.schedule.hours_per_week(), 5 * 16);
    assert_eq!((outcome.missed_ms, outcome.missed_share()), (0, 0.0));
    let idle = idle_off(&hours(&[&trace], span, Tz::UTC), &outcome.schedule, &[&trace]);
    assert!((idle - 5.0 * 16.0 * 3_600_000.0).abs() < 1.0, "{idle}");
}

#[test]
fn a_second_weekend_lets_weekends_be_judged() {
    let (trace, span) = days(MONDAY, 14, at_night);
    let Found::Hours(outcome) = found(&trace, span, Tz::UTC) else { panic!("hours") };
    assert_eq!(ranges(&outcome, Days::Weekends), [(6, 22)]);
    assert_eq!(outcome.schedule.hours_per_week(), 7 * 16);
}

#[test]
fn hours_are_those_of_clocks_in_the_zone_even_when_clocks_change() {
    // Busy from 08:00 to 18:00 in Berlin, which is 06:00 UTC until Sunday 2026-10-25 and 07:00 UTC after.
    let change = OCTOBER + 6 * DAY + HOUR;
    let load = |minute: i64| {
        let offset = if OCTOBER + minute < change { 2 } else { 1 };
        let hour = (minute + offset * HOUR).rem_euclid(DAY) / HOUR;
        if (8..18).contains(&hour) { 0.5 } else { 0.0 }
    };
    let (trace, span) = days(OCTOBER, 14, load);
    let Found::Hours(outcome) = found(&trace, span, Tz::Europe__Berlin) else { panic!("hours") };
    assert_eq!(ranges(&outcome, Days::Weekdays), [(0, 8), (18, 24)]);
    assert_eq!(outcome.missed_ms, 0);
    // On UTC's clock the hour before the change of clocks is busy in one week and that after in the other.
    let Found::Hours(utc) = found(&trace, span, Tz::UTC) else { panic!("hours") };
    assert!(utc.missed_ms > 0, "an hour that was idle before the change is busy after it");
}

#[test]
fn a_day_without_an_hour_and_a_day_with_a_longer_one() {
    // Sunday 2026-03-29: 02:00 does not exist in Berlin. Sunday 2026-10-25: it lasts two hours.
    let of = |date: &str| -> Vec<(usize, i64)> {
        let start: DateTime<chrono::Utc> = date.parse().expect("an instant");
        let start = start.timestamp_millis() / MS_PER_MINUTE;
        let all = hours(&[], Span { start, end: start + 6 * HOUR }, Tz::Europe__Berlin);
        all.iter().map(|hour| (hour.hour, hour.span.minutes())).collect()
    };
    assert_eq!(of("2026-03-28T23:00:00Z"), [(0, 60), (1, 60), (3, 60), (4, 60), (5, 60), (6, 60)]);
    assert_eq!(of("2026-10-24T22:00:00Z"), [(0, 60), (1, 60), (2, 120), (3, 60), (4, 60)]);
}

#[test]
fn work_in_a_quiet_hour_after_the_cut_is_missed() {
    // From the fifth day on it works at noon, too.
    let load = |minute: i64| {
        let hour = minute.rem_euclid(DAY) / HOUR;
        if minute >= 4 * DAY && hour == 12 { 0.4 } else { at_night(minute) }
    };
    let (trace, span) = days(MONDAY, 12, load);
    let Found::Hours(outcome) = found(&trace, span, Tz::UTC) else { panic!("hours") };
    assert!(outcome.missed_share() > 0.0);
    assert_eq!(outcome.longest_missed_ms, 3_600_000);
    assert_eq!(ranges(&outcome, Days::Weekdays), [(6, 12), (13, 22)], "noon is learnt");
}

#[test]
fn short_pauses_and_random_ones_are_no_schedule() {
    let pause = |minute: i64| if (12..15).contains(&(minute % DAY / HOUR)) { 0.0 } else { 0.5 };
    let (trace, span) = days(MONDAY, 7, pause);
    assert_eq!(found(&trace, span, Tz::UTC), Found::Nothing);
    // Idle for 16 hours a day, at other hours every day.
    let drifting = |minute: i64| {
        if (minute + minute / DAY * 5 * HOUR).rem_euclid(DAY) < 8 * HOUR { 0.5 } else { 0.0 }
    };
    let (trace, span) = days(MONDAY, 5, drifting);
    let Found::Hours(outcome) = found(&trace, span, Tz::UTC) else { panic!("chance") };
    assert!(outcome.missed_share() > 0.05, "what looked like a schedule for three days is none");
}

#[test]
fn days_too_few_or_unseen_say_nothing() {
    let (trace, span) = days(MONDAY, 3, at_night);
    assert_eq!(found(&trace, span, Tz::UTC), Found::TooShort);
    // By day nobody looks: what is not seen is not idle.
    let blind = |minute: i64| match at_night(minute) {
        load if load > 0.0 => load,
        _ => f32::NAN,
    };
    let (trace, span) = days(MONDAY, 7, blind);
    assert_eq!(found(&trace, span, Tz::UTC), Found::Nothing);
}

#[test]
fn stretches_go_around_midnight() {
    let off = |hours: &[usize]| long(std::array::from_fn(|h| hours.contains(&h)));
    assert_eq!(off(&[22, 23, 0, 1]).iter().filter(|o| **o).count(), 4);
    assert_eq!(off(&[23, 0, 1]), [false; HOURS]);
    assert_eq!(long([true; HOURS]), [true; HOURS]);
}
