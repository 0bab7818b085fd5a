use proptest::prelude::*;

use super::*;
use crate::mutation::fixed;

/// Days from a Monday on.
fn days(spent: &[f64]) -> Vec<Day> {
    let day = |(i, spent): (usize, &f64)| Day { weekday: i % 7, hours: 24.0, spent: *spent };
    spent.iter().enumerate().map(day).collect()
}

fn ahead(first: usize, count: usize) -> Vec<Ahead> {
    (first..first + count).map(|i| Ahead { weekday: i % 7, hours: 24.0 }).collect()
}

/// Five days of 24 and two of nothing.
const WEEK: [f64; 7] = [24.0, 24.0, 24.0, 24.0, 24.0, 0.0, 0.0];

#[test]
fn two_weeks_tell_weekdays_apart() {
    let forecast = forecast(&days(&WEEK.repeat(2)), None, &ahead(0, 7)).expect("known");
    assert_eq!(forecast.method, Method::WeeklyRunRate);
    assert!((forecast.spent - 120.0).abs() < 1e-9);
    let expected: Vec<f64> = WEEK.iter().map(|day| day / 24.0).collect();
    for (rate, expected) in forecast.rates.iter().zip(expected) {
        assert!((rate - expected).abs() < 1e-9, "{rate} {expected}");
    }
    // It fits the past, from the first week on.
    let tested = forecast.backtest.expect("tested");
    assert_eq!((tested.forecasts, tested.days_ahead), (7, 7));
    assert!(tested.error_ratio < 1e-9, "{tested:?}");
    assert!(forecast.margin.expect("known") < 1e-9);
}

#[test]
fn less_than_two_weeks_go_on_as_they_are() {
    let forecast = forecast(&days(&[10.0, 20.0, 30.0, 20.0]), None, &ahead(4, 3)).expect("known");
    assert_eq!(forecast.method, Method::RunRate);
    assert!((forecast.spent - 60.0).abs() < 1e-9);
    // From 10: 60 of 70; from 15: 30 of 50; from 20: 20 of 20 (the days that are left).
    let tested = forecast.backtest.expect("tested");
    assert_eq!((tested.forecasts, tested.days_ahead), (3, 3));
    let errors: f64 = (30.0_f64 - 70.0).abs() + (30.0_f64 - 50.0).abs() + 0.0;
    assert!((tested.error_ratio - errors / 140.0).abs() < 1e-9, "{tested:?}");
    assert!((tested.bias_ratio + errors / 140.0).abs() < 1e-9, "{tested:?}");
    // The spread of 10, 20, 30, 20 is 8.165 a day: 1.28155 x 8.165 x sqrt(3).
    assert!((forecast.margin.expect("known") - 18.124).abs() < 1e-2, "{:?}", forecast.margin);
}

#[test]
fn less_than_a_day_is_all_there_is() {
    let recent = Day { weekday: 4, hours: 6.0, spent: 12.0 };
    let forecast = forecast(&[], Some(recent), &ahead(5, 2)).expect("known");
    assert_eq!((forecast.method, forecast.margin, forecast.backtest), (Method::Hours, None, None));
    assert_eq!(forecast.spent, 96.0);
    assert_eq!(super::forecast(&[], None, &ahead(5, 2)), None);
}

#[test]
fn days_of_a_clock_change_count_by_their_hours() {
    let mut past = days(&[24.0; 6]);
    past.push(Day { weekday: 6, hours: 23.0, spent: 23.0 });
    let next = [Ahead { weekday: 0, hours: 25.0 }];
    assert!((forecast(&past, None, &next).expect("known").spent - 25.0).abs() < 1e-9);
}

proptest! {
    #![proptest_config(fixed(500))]

    /// Whatever was spent, an even spend goes on evenly and nothing is below 0 or not a number.
    #[test]
    fn forecasts_are_numbers(
        spent in prop::collection::vec(0.0..1e6_f64, 1..80),
        first in 0..7_usize,
        count in 0..40_usize,
    ) {
        let past = days(&spent);
        let ahead = ahead(first, count);
        let forecast = forecast(&past, None, &ahead).expect("known");
        prop_assert!(forecast.spent.is_finite() && forecast.spent >= 0.0);
        prop_assert!(forecast.margin.is_none_or(|m| m.is_finite() && m >= 0.0));
        let even = super::forecast(&days(&vec![spent[0]; spent.len()]), None, &ahead).expect("known");
        let expected = spent[0] * f64::from(u32::try_from(count).expect("small"));
        prop_assert!((even.spent - expected).abs() <= 1e-9 * expected.max(1.0));
        prop_assert!(even.backtest.is_none_or(|b| b.error_ratio < 1e-9));
    }

    /// A back-test looks at the past alone: what comes after an origin does not change its forecast.
    #[test]
    fn a_back_test_knows_no_future(spent in prop::collection::vec(1.0..1e3_f64, 20..40), cut in 8..19_usize) {
        let past = days(&spent);
        let first = walk_forward(Method::WeeklyRunRate, &past, 1);
        let mut other = past;
        for day in &mut other[cut..] {
            day.spent *= 7.0;
        }
        let second = walk_forward(Method::WeeklyRunRate, &other, 1);
        for (a, b) in first.iter().zip(&second).take(cut - LEVEL_DAYS + 1) {
            prop_assert!((a.forecast - b.forecast).abs() < 1e-9);
        }
    }
}
