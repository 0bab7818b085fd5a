//! What is still going to be spent: from days that are over to days to come, with an interval and a back-test.
//!
//! Run rate: the mean of the last seven days goes on. With two weeks of history or more, each weekday has its own
//! share of that level (decomposition with a multiplicative profile, by medians; Hyndman and Athanasopoulos,
//! Forecasting: Principles and Practice, chapter 3). Rates are per hour, so days of 23 and 25 hours count as
//! what they are.
//!
//! Back-test: the method walks forward over the history. At each day it forecasts as many days as are to come
//! (or as many as there are left) from those before, and is held against what was spent. The interval is the
//! range of errors that four of five of those forecasts kept; with too few of them, what the days' own spread
//! says.

/// Days that a level rests on.
const LEVEL_DAYS: usize = 7;
/// Days of history from which on weekdays are told apart.
pub const SEASONAL_DAYS: usize = 14;
/// Weeks of history that a weekday's share rests on at most.
const PROFILE_WEEKS: usize = 8;
/// Forecasts of a back-test from which on its errors make the interval.
const ENOUGH_FORECASTS: usize = 5;
/// Days from which on their spread makes an interval.
const ENOUGH_DAYS: usize = 3;
/// Share of forecasts that an interval keeps.
pub const CONFIDENCE: f64 = 0.8;
/// Standard deviations of a normal distribution around its mean that keep [`CONFIDENCE`].
const DEVIATIONS: f64 = 1.281_55;

/// A day, or a part of one, and what was spent in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// 0 is Monday.
    pub weekday: usize,
    /// Length.
    pub hours: f64,
    /// What was spent.
    pub spent: f64,
}

/// A day to come, or the rest of today.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ahead {
    /// 0 is Monday.
    pub weekday: usize,
    /// Length.
    pub hours: f64,
}

/// How a forecast came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The mean of the last days goes on.
    RunRate,
    /// The same, each weekday with its share.
    WeeklyRunRate,
    /// Less than a day is known: the mean of that goes on.
    Hours,
}

impl Method {
    /// Name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunRate => "run-rate",
            Self::WeeklyRunRate => "weekly-run-rate",
            Self::Hours => "hours",
        }
    }
}

/// How a method did on the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backtest {
    /// Forecasts made.
    pub forecasts: usize,
    /// Most days that one of them was about.
    pub days_ahead: usize,
    /// Sum of absolute errors as a share of what was spent (WAPE).
    pub error_ratio: f64,
    /// Sum of errors as a share of what was spent: above 0 it forecasts too much.
    pub bias_ratio: f64,
}

/// What is going to be spent.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// In all the time ahead.
    pub spent: f64,
    /// Four of five forecasts were no further off than this, if that is known.
    pub margin: Option<f64>,
    /// Per hour, of each stretch ahead.
    pub rates: Vec<f64>,
    /// How.
    pub method: Method,
    /// Whole days of history.
    pub days: usize,
    /// How the method did; `None` with too little history.
    pub backtest: Option<Backtest>,
}

/// What is going to be spent, by whole days that are over, in order. `recent` is what was spent in less than a
/// day, for when there is no whole one. `None` where nothing is known.
#[must_use]
pub fn forecast(days: &[Day], recent: Option<Day>, ahead: &[Ahead]) -> Option<Forecast> {
    let method = match (days.len(), recent) {
        (SEASONAL_DAYS.., _) => Method::WeeklyRunRate,
        (1.., _) => Method::RunRate,
        (0, Some(_)) => Method::Hours,
        (0, None) => return None,
    };
    let known = match (method, recent) {
        (Method::Hours, Some(day)) => vec![day],
        _ => days.to_vec(),
    };
    let rates = rates(method, &known, ahead);
    let spent: f64 = rates.iter().zip(ahead).map(|(rate, ahead)| rate * ahead.hours).sum();
    let tested = walk_forward(method, days, ahead.len());
    let margin = margin(&tested, spent, days, ahead)
        .map(|margin| if margin < NOISE * spent { 0.0 } else { margin });
    Some(Forecast { spent, margin, rates, method, days: days.len(), backtest: summary(&tested) })
}

/// Spend per hour of each stretch ahead.
fn rates(method: Method, days: &[Day], ahead: &[Ahead]) -> Vec<f64> {
    let last = &days[days.len().saturating_sub(LEVEL_DAYS)..];
    let profile = match method {
        Method::WeeklyRunRate => profile(days),
        Method::RunRate | Method::Hours => [1.0; 7],
    };
    let spent: f64 = last.iter().map(|day| day.spent).sum();
    let weight: f64 = last.iter().map(|day| day.hours * profile[day.weekday]).sum();
    // Only days on which nothing is usual are known: nothing can be said of others but their mean.
    let level = if weight > 0.0 { spent / weight } else { 0.0 };
    ahead.iter().map(|ahead| level * profile[ahead.weekday]).collect()
}

/// How much of its week's mean each weekday is: the median over the last weeks, so that one odd week, or one in which
/// the level changed, does not count. 1 for a weekday of which nothing is known.
fn profile(days: &[Day]) -> [f64; 7] {
    let mut ratios: [Vec<f64>; 7] = Default::default();
    for week in days.rchunks_exact(LEVEL_DAYS).take(PROFILE_WEEKS) {
        let (spent, hours) =
            week.iter().fold((0.0, 0.0), |(s, h), day| (s + day.spent, h + day.hours));
        let mean = spent / hours;
        if mean > 0.0 {
            week.iter().for_each(|day| ratios[day.weekday].push(day.spent / day.hours / mean));
        }
    }
    let medians = ratios.map(|ratios| median(ratios).unwrap_or(1.0));
    let mean = medians.iter().sum::<f64>() / 7.0;
    if mean > 0.0 { medians.map(|median| median / mean) } else { [1.0; 7] }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// A forecast of the past, and what came.
#[derive(Debug, Clone, Copy)]
struct Tested {
    days: usize,
    forecast: f64,
    spent: f64,
}

/// Forecasts from each day on which the method could have been used.
fn walk_forward(method: Method, days: &[Day], ahead: usize) -> Vec<Tested> {
    let least = match method {
        Method::WeeklyRunRate => LEVEL_DAYS,
        Method::RunRate => 1,
        Method::Hours => return Vec::new(),
    };
    let test = |origin: usize| {
        let until = days.len().min(origin + ahead.max(1));
        let came = &days[origin..until];
        let stretch: Vec<Ahead> =
            came.iter().map(|day| Ahead { weekday: day.weekday, hours: day.hours }).collect();
        let rates = rates(method, &days[..origin], &stretch);
        Tested {
            days: came.len(),
            forecast: rates.iter().zip(&stretch).map(|(rate, day)| rate * day.hours).sum(),
            spent: came.iter().map(|day| day.spent).sum(),
        }
    };
    (least..days.len()).map(test).collect()
}

/// What is left of a difference of sums where there is none.
const NOISE: f64 = 1e-9;

fn without_noise(ratio: f64) -> f64 {
    if ratio.abs() < NOISE { 0.0 } else { ratio }
}

fn summary(tested: &[Tested]) -> Option<Backtest> {
    let spent: f64 = tested.iter().map(|t| t.spent).sum();
    let sum = |error: fn(f64) -> f64| {
        tested.iter().map(|t| error(t.forecast - t.spent)).sum::<f64>() / spent
    };
    (spent > 0.0).then(|| Backtest {
        forecasts: tested.len(),
        days_ahead: tested.iter().map(|t| t.days).max().unwrap_or(0),
        error_ratio: without_noise(sum(f64::abs)),
        bias_ratio: without_noise(sum(|error| error)),
    })
}

/// How far off four of five forecasts were, for one of this size.
fn margin(tested: &[Tested], spent: f64, days: &[Day], ahead: &[Ahead]) -> Option<f64> {
    if tested.len() >= ENOUGH_FORECASTS {
        let mut errors: Vec<f64> = tested
            .iter()
            .filter(|t| t.forecast > 0.0)
            .map(|t| (t.forecast - t.spent).abs() / t.forecast)
            .collect();
        errors.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "days"
        )]
        let rank = (errors.len() as f64 * CONFIDENCE).ceil() as usize;
        if let Some(error) = errors.get(rank.saturating_sub(1)) {
            return Some(spent * error);
        }
    }
    (days.len() >= ENOUGH_DAYS).then(|| spread(days, ahead))
}

/// What days of the same spread as those of the past would vary by, taken as independent.
fn spread(days: &[Day], ahead: &[Ahead]) -> f64 {
    let rates: Vec<f64> = days.iter().map(|day| day.spent / day.hours).collect();
    let count = rates.iter().map(|_| 1.0).sum::<f64>();
    let mean = rates.iter().sum::<f64>() / count;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let hours_squared: f64 = ahead.iter().map(|ahead| ahead.hours.powi(2)).sum();
    DEVIATIONS * (variance * hours_squared).sqrt()
}

#[cfg(test)]
mod tests;
