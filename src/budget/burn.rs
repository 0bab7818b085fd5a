//! Burn rates: how many times faster than evenly an amount is being spent, over a long and a short window.
//!
//! After "Alerting on SLOs" of the Site Reliability Workbook (Google, O'Reilly 2018, chapter 5): a burn rate of 1
//! uses up the amount exactly at the end of the period. A rule fires when both windows are above its threshold:
//! the long one says that it matters, the short one (a twelfth of it) that it is still going on. There the budget
//! is one of errors and the period 30 days; here it is money or GPU-hours, and the long window is a tenth of the
//! period, as the workbook's slowest alert has it (3 days of 30).

use super::calendar::PeriodKind;
use crate::units::{MS_PER_DAY, MS_PER_HOUR};

/// How many short windows make a long one.
const SHORT_OF_LONG: i64 = 12;

/// Long and short window of a period, milliseconds: about a tenth of it and a twelfth of that, an hour or more.
#[must_use]
pub const fn windows(kind: PeriodKind) -> (i64, i64) {
    let long = match kind {
        PeriodKind::Day => 3 * MS_PER_HOUR,
        PeriodKind::Week => MS_PER_DAY,
        PeriodKind::Month => 3 * MS_PER_DAY,
        PeriodKind::Quarter => 9 * MS_PER_DAY,
    };
    (long, short_of(long))
}

/// The short window of a long one, in whole hours.
#[must_use]
pub const fn short_of(long_ms: i64) -> i64 {
    let hours = long_ms / SHORT_OF_LONG / MS_PER_HOUR;
    if hours > 1 { hours * MS_PER_HOUR } else { MS_PER_HOUR }
}

/// The burn rate of `spent` in `hours` of a period of `period_hours` that allows `amount`. `None` where nothing
/// is allowed or no time has gone by.
#[must_use]
pub fn rate(spent: f64, hours: f64, amount: f64, period_hours: f64) -> Option<f64> {
    (hours > 0.0 && amount > 0.0 && period_hours > 0.0)
        .then(|| (spent / hours) / (amount / period_hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_spend_burns_at_one() {
        assert_eq!(rate(10.0, 24.0, 300.0, 720.0), Some(1.0));
        assert_eq!(rate(20.0, 24.0, 300.0, 720.0), Some(2.0));
        assert_eq!(rate(20.0, 0.0, 300.0, 720.0), None);
    }

    #[test]
    fn windows_are_those_of_the_workbook_for_a_month() {
        assert_eq!(windows(PeriodKind::Month), (72 * MS_PER_HOUR, 6 * MS_PER_HOUR));
        for kind in PeriodKind::ALL {
            let (long, short) = windows(kind);
            assert!(short >= MS_PER_HOUR && short < long, "{kind:?}");
        }
    }
}
