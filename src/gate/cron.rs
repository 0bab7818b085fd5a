//! How often a cron schedule fires: five fields, as Kubernetes' CronJobs have them.

/// Days of a mean month: 365.2425 of a year, by twelve.
const DAYS_PER_MONTH: f64 = 365.2425 / 12.0;
/// Years of four hundred that have a 29th of February.
const LEAP_SHARE: f64 = 0.2425;

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Runs in a mean month; `None` where the schedule cannot be read.
///
/// A day counts where its day of the month *or* its weekday is named, as cron has it; where one of the two is `*`, the
/// other decides. Days of the month and weekdays are taken for independent, which they are over the 400 years of the
/// calendar's cycle, but for a thousandth.
pub(super) fn runs_per_month(schedule: &str) -> Option<f64> {
    let text = schedule.trim();
    // `CRON_TZ=Europe/Berlin 0 3 * * *`: the zone moves runs, and loses none in the mean.
    let text = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
        Some(rest) => rest.split_once(' ')?.1.trim(),
        None => text,
    };
    match text.strip_prefix('@') {
        Some(name) => named(name),
        None => fields(text),
    }
}

fn named(name: &str) -> Option<f64> {
    Some(match name {
        "yearly" | "annually" => 1.0 / 12.0,
        "monthly" => 1.0,
        "weekly" => DAYS_PER_MONTH / 7.0,
        "daily" | "midnight" => DAYS_PER_MONTH,
        "hourly" => DAYS_PER_MONTH * 24.0,
        _ => return None,
    })
}

fn fields(text: &str) -> Option<f64> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minutes, hours, days, months, weekdays] = fields[..] else { return None };
    let per_day = ones(members(minutes, 0, 59, &[])?) * ones(members(hours, 0, 23, &[])?);
    let month_days = Days {
        named: members(days, 1, 31, &[])?,
        // Sunday is both 0 and 7.
        weekdays: {
            let both = members(weekdays, 0, 7, WEEKDAYS)?;
            ones((both | both >> 7 & 1) & 0x7f) / 7.0
        },
        is_any: is_any(days),
        is_any_weekday: is_any(weekdays),
    };
    let months = members(months, 1, 12, MONTHS)?;
    let named = (1..=12).filter(|month| months >> month & 1 == 1);
    let per_year: f64 = named.map(|month| month_days.of(month)).sum();
    Some(per_day * per_year / 12.0)
}

/// Which days count.
struct Days {
    /// Days of the month.
    named: u64,
    /// Share of weekdays, 0..1.
    weekdays: f64,
    is_any: bool,
    is_any_weekday: bool,
}

impl Days {
    /// How many there are in a month, in the mean over the years.
    fn of(&self, month: u32) -> f64 {
        let whole = match month {
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let up_to = (1_u64 << (whole + 1)) - 1;
        let leap = if month == 2 { LEAP_SHARE } else { 0.0 };
        let length = f64::from(whole) + leap;
        let has_leap_day = self.named >> 29 & 1 == 1;
        let named = ones(self.named & up_to) + if has_leap_day { leap } else { 0.0 };
        match (self.is_any, self.is_any_weekday) {
            (true, true) => length,
            (true, false) => length * self.weekdays,
            (false, true) => named,
            (false, false) => named + (length - named) * self.weekdays,
        }
    }
}

fn ones(set: u64) -> f64 {
    f64::from(set.count_ones())
}

/// Whether a field leaves everything open.
fn is_any(field: &str) -> bool {
    field.split(',').any(|part| matches!(part, "*" | "?"))
}

/// The values of a field as bits; `None` where it is not one.
fn members(field: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    field.split(',').try_fold(0, |set, part| Some(set | range(part, low, high, names)?))
}

fn range(part: &str, low: u32, high: u32, names: &[&str]) -> Option<u64> {
    let (span, step) = match part.split_once('/') {
        Some((span, step)) => (span, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?)),
        None => (part, None),
    };
    let (from, to) = match (span, span.split_once('-')) {
        ("*" | "?", _) => (low, high),
        (_, Some((from, to))) => (value(from, low, names)?, value(to, low, names)?),
        (one, None) => {
            let one = value(one, low, names)?;
            // `5/15` is from 5 on.
            (one, if step.is_some() { high } else { one })
        }
    };
    if from < low || to > high || from > to {
        return None;
    }
    let step = usize::try_from(step.unwrap_or(1)).ok()?;
    Some((from..=to).step_by(step).fold(0, |set, value| set | 1 << value))
}

fn value(text: &str, low: u32, names: &[&str]) -> Option<u32> {
    let name = text.to_ascii_lowercase();
    match names.iter().position(|known| *known == name) {
        Some(index) => u32::try_from(index).ok().map(|index| index + low),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of a year of 365.2425 days.
    fn per_year(schedule: &str) -> Option<f64> {
        runs_per_month(schedule).map(|runs| runs * 12.0)
    }

    #[test]
    fn runs_of_a_year() {
        for (schedule, expected) in [
            ("0 3 * * *", 365.2425),
            ("*/15 * * * *", 365.2425 * 96.0),
            ("0 */6 * * *", 365.2425 * 4.0),
            ("0 0 1 * *", 12.0),
            ("0 0 31 * *", 7.0),
            ("0 0 29 2 *", 0.2425),
            ("0 0 * * 1-5", 365.2425 * 5.0 / 7.0),
            ("0 0 * * MON,WED", 365.2425 * 2.0 / 7.0),
            ("0 0 * * 0,7", 365.2425 / 7.0),
            ("30 1,13 1 JAN,Jul *", 4.0),
            ("5/20 0 1 1 *", 3.0),
            ("@hourly", 365.2425 * 24.0),
            ("@monthly", 12.0),
            ("CRON_TZ=Europe/Berlin 0 3 * * *", 365.2425),
            // On the first, and on every Sunday.
            ("0 0 1 * 0", 12.0 + (365.2425 - 12.0) / 7.0),
        ] {
            let found = per_year(schedule).unwrap_or_else(|| panic!("{schedule}"));
            assert!((found - expected).abs() < 1e-9, "{schedule}: {found}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_not_known() {
        for text in [
            "",
            "0 3 * *",
            "60 * * * *",
            "* * 0 * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "@often",
            "a b c d e",
            "0 0 * * 8",
        ] {
            assert_eq!(runs_per_month(text), None, "{text}");
        }
    }
}
