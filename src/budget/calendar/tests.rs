use chrono::{TimeZone, Timelike};
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::model::window::rfc3339;
use crate::mutation::fixed;
use crate::units::{MS_PER_HOUR, MS_PER_SECOND};

/// 1980 to 2060.
const TIMES: std::ops::Range<i64> = 315_532_800_000..2_840_140_800_000;

fn year() -> impl Strategy<Value = FiscalYear> {
    let patterns = select(vec![[4, 4, 5], [4, 5, 4], [5, 4, 4]]);
    let day = (1995..2030_i32, 1..=12_u32, 1..=28_u32)
        .prop_filter_map("a date", |(y, m, d)| NaiveDate::from_ymd_opt(y, m, d));
    prop_oneof![
        (1..=12_u32).prop_map(|first| FiscalYear::Months { first }),
        (patterns, day).prop_map(|(pattern, first_day)| FiscalYear::Weeks { pattern, first_day }),
    ]
}

fn calendar() -> impl Strategy<Value = Calendar> {
    (select(PeriodKind::ALL.to_vec()), year(), select(TZ_VARIANTS.to_vec()))
        .prop_map(|(kind, year, zone)| Calendar { kind, year, zone })
}

proptest! {
    #![proptest_config(fixed(3_000))]

    #[test]
    fn periods_tile_time(calendar in calendar(), at in TIMES) {
        let period = calendar.containing(at).expect("within dates");
        prop_assert!((period.start..period.end).contains(&at));
        let before = calendar.before(&period).expect("within dates");
        let after = calendar.after(&period).expect("within dates");
        prop_assert_eq!(before.end, period.start);
        prop_assert_eq!(period.end, after.start);
        // Every instant of a period leads to it, its first and last among them.
        for inside in [period.start, period.end - 1, (period.start + period.end) / 2] {
            prop_assert_eq!(calendar.containing(inside), Some(period));
        }
    }

    /// Held against chrono's own idea of local time: nothing earlier has the period's first day.
    #[test]
    fn a_period_begins_with_its_first_local_day(calendar in calendar(), at in TIMES) {
        let period = calendar.containing(at).expect("within dates");
        let local = |at: Millis| calendar.zone.timestamp_millis_opt(at).single().expect("a time");
        prop_assert_eq!(local(period.start).date_naive(), period.first_day);
        prop_assert!(local(period.start - 1).date_naive() < period.first_day);
        prop_assert_eq!(local(period.start).timestamp_subsec_millis(), 0);
        // Midnight, unless a clock change skipped it.
        let time = local(period.start).time();
        let midnight = period.first_day.and_hms_opt(0, 0, 0).expect("a time");
        let exists = calendar.zone.from_local_datetime(&midnight).earliest().is_some();
        prop_assert!(!exists || time.num_seconds_from_midnight() == 0);
    }

    #[test]
    fn days_add_up_to_longer_periods(calendar in calendar(), at in TIMES) {
        let period = calendar.containing(at).expect("within dates");
        let daily = Calendar { kind: PeriodKind::Day, ..calendar };
        let mut day = daily.containing(period.start).expect("within dates");
        let mut sum = 0;
        while day.end <= period.end {
            sum += day.length_ms();
            day = daily.after(&day).expect("within dates");
        }
        prop_assert_eq!(sum, period.length_ms());
        let cuts = midnights(period.start, period.end, calendar.zone);
        prop_assert!(cuts.iter().all(|cut| daily.containing(*cut).expect("a day").start == *cut));
    }

    #[test]
    fn fiscal_years_have_whole_weeks(first in year(), at in TIMES) {
        let FiscalYear::Weeks { .. } = first else { return Ok(()) };
        let calendar = Calendar { kind: PeriodKind::Month, year: first, zone: Tz::UTC };
        let period = calendar.containing(at).expect("within dates");
        let weeks = (period.next_day - period.first_day).num_days();
        prop_assert!([28, 35, 42].contains(&weeks), "{weeks} days");
        let quarters = Calendar { kind: PeriodKind::Quarter, ..calendar };
        let quarter = quarters.containing(at).expect("within dates");
        let days = (quarter.next_day - quarter.first_day).num_days();
        prop_assert!([91, 98].contains(&days), "{days} days");
    }
}

fn at(text: &str) -> Millis {
    DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
}

fn calendar_of(kind: PeriodKind, zone: Tz) -> Calendar {
    Calendar { kind, year: FiscalYear::Months { first: 1 }, zone }
}

#[test]
fn clock_changes_and_leap_days_by_hand() {
    let berlin = calendar_of(PeriodKind::Month, Tz::Europe__Berlin);
    let hours = |text: &str| berlin.containing(at(text)).expect("there").length_ms() / MS_PER_HOUR;
    assert_eq!(hours("2026-03-15T12:00:00Z"), 31 * 24 - 1);
    assert_eq!(hours("2026-10-15T12:00:00Z"), 31 * 24 + 1);
    assert_eq!(hours("2028-02-15T12:00:00Z"), 29 * 24);
    assert_eq!(hours("2100-02-15T12:00:00Z"), 28 * 24);
    let october = berlin.containing(at("2026-10-15T12:00:00Z")).expect("there");
    assert_eq!(rfc3339(october.start), "2026-09-30T22:00:00Z");
    assert_eq!(rfc3339(october.end), "2026-10-31T23:00:00Z");
    assert_eq!(berlin.label(&october), "2026-10");
    // Beirut skips midnight itself: the day begins at 01:00, and the one before has 24 hours.
    let beirut = calendar_of(PeriodKind::Day, Tz::Asia__Beirut);
    let day = beirut.containing(at("2024-03-31T10:00:00Z")).expect("there");
    assert_eq!(day.length_ms(), 23 * MS_PER_HOUR);
    // Samoa skipped the 30th of December 2011.
    let apia = calendar_of(PeriodKind::Day, Tz::Pacific__Apia);
    let day = apia.containing(at("2011-12-30T09:59:59Z")).expect("there");
    assert_eq!(day.first_day.to_string(), "2011-12-29");
    assert_eq!(apia.containing(day.end).expect("there").first_day.to_string(), "2011-12-31");
}

#[test]
fn quarters_begin_with_the_fiscal_year() {
    let of = |first, text: &str| {
        let year = FiscalYear::Months { first };
        let calendar = Calendar { kind: PeriodKind::Quarter, year, zone: Tz::UTC };
        let period = calendar.containing(at(text)).expect("there");
        format!("{} {}", period.first_day, period.next_day)
    };
    assert_eq!(of(1, "2026-11-23T00:00:00Z"), "2026-10-01 2027-01-01");
    assert_eq!(of(2, "2026-11-23T00:00:00Z"), "2026-11-01 2027-02-01");
    assert_eq!(of(3, "2026-11-23T00:00:00Z"), "2026-09-01 2026-12-01");
}

/// The retail calendar of the US National Retail Federation: fiscal 2023 had 53 weeks.
#[test]
fn a_retail_year_by_hand() {
    let first_day = NaiveDate::from_ymd_opt(2022, 1, 30).expect("a date");
    let year = FiscalYear::Weeks { pattern: [4, 5, 4], first_day };
    let month = |text: &str| {
        let calendar = Calendar { kind: PeriodKind::Month, year, zone: Tz::UTC };
        let period = calendar.containing(at(text)).expect("there");
        format!("{} {}", period.first_day, period.next_day)
    };
    assert_eq!(month("2023-02-01T00:00:00Z"), "2023-01-29 2023-02-26");
    assert_eq!(month("2024-02-01T00:00:00Z"), "2023-12-31 2024-02-04");
    assert_eq!(month("2024-02-04T00:00:00Z"), "2024-02-04 2024-03-03");
    assert_eq!(month("2024-03-20T00:00:00Z"), "2024-03-03 2024-04-07");
    let second = MS_PER_SECOND;
    let calendar = Calendar { kind: PeriodKind::Month, year, zone: Tz::UTC };
    let period = calendar.containing(at("2024-02-04T00:00:00Z") - second).expect("there");
    assert_eq!(period.next_day.to_string(), "2024-02-04");
}
