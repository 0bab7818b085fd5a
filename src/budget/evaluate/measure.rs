//! What each rule is held against its threshold with.

use super::{Facts, UNPRICED_TOLERANCE};
use crate::budget::burn;
use crate::budget::contract::{BurnRow, RuleRow};
use crate::budget::define::{Budget, Limit, On, Rule, Unit};
use crate::budget::judge::{Measured, State, judge};
use crate::budget::words::{Words, rule_message};
use crate::model::Interval;
use crate::units::{Millis, gpu_hours};

/// Burn rates of both windows, as far as there is data for them; and what they are at least.
pub(super) struct Burn {
    pub row: BurnRow,
    /// The smaller of both, as if nothing had been spent where there is no data.
    pub at_least: Option<f64>,
    /// Whether there is data for both windows.
    pub is_enough: bool,
}

/// How fast the amount is being spent.
pub(super) fn burn(facts: &Facts<'_>) -> Burn {
    let (long, short) = facts.frame.windows;
    let period_hours = gpu_hours(facts.frame.counted.length_ms());
    let rate = |window: Interval| {
        let spent = facts.spend.within(facts.position, window).spent(facts.budget.unit);
        let hours = gpu_hours(window.length_ms());
        burn::rate(spent, hours, facts.amount.effective, period_hours)
    };
    let is_known = |window: Interval| {
        facts.spend.known_ratio(facts.position, window) >= facts.min_known
            && facts.is_priced_in(window)
    };
    let (long_rate, short_rate) = (rate(long), rate(short));
    Burn {
        at_least: long_rate.zip(short_rate).map(|(long, short)| long.min(short)),
        is_enough: is_known(long) && is_known(short),
        row: BurnRow {
            long_hours: gpu_hours(long.length_ms()),
            long: long_rate.filter(|_| is_known(long)),
            short_hours: gpu_hours(short.length_ms()),
            short: short_rate.filter(|_| is_known(short)),
        },
    }
}

/// Every rule of a budget and how it stands.
pub(super) fn rules(facts: &Facts<'_>, burn: &Burn, forecast: Option<f64>) -> Vec<RuleRow> {
    let is_muted = facts.budget.exceptions.iter().any(|e| e.mute && facts.as_of < e.expires);
    let one = |rule: &Rule| {
        let measured = measured(rule, facts, burn, forecast);
        let threshold = threshold(rule.threshold);
        let nothing_held = facts.is_time_known && facts.sums.gpu_hours <= 0.0;
        let is_of_use = matches!(rule.on, On::IdlePercent | On::Utilization | On::Waste);
        let state = match nothing_held && is_of_use {
            true => State::Ok,
            false => judge(rule.on, rule.action, threshold, measured, is_muted),
        };
        let value = measured.value.or(measured.bound);
        let unit = unit(rule, facts.budget, facts.words);
        let message = rule_message(rule, facts.words, value, threshold, state);
        RuleRow {
            on: rule.on.name().to_owned(),
            action: rule.action.name().to_owned(),
            threshold,
            value,
            unit,
            state,
            message,
        }
    };
    facts.budget.rules.iter().map(one).collect()
}

/// A threshold as a number, whatever its unit.
const fn threshold(limit: Limit) -> f64 {
    match limit {
        Limit::Share(value) | Limit::Amount(value) => value,
    }
}

fn unit(rule: &Rule, budget: &Budget, words: Words<'_>) -> String {
    match (rule.on, rule.threshold, budget.unit) {
        (On::BurnRate, ..) => "factor".to_owned(),
        (On::Waste, Limit::Amount(_), Unit::Money) => words.currency.to_owned(),
        (On::Waste, Limit::Amount(_), Unit::GpuHours) => "GPU-h".to_owned(),
        _ => "ratio".to_owned(),
    }
}

fn measured(rule: &Rule, facts: &Facts<'_>, burn: &Burn, forecast: Option<f64>) -> Measured {
    let sums = &facts.sums;
    let is_spend_known = facts.is_time_known && facts.is_priced;
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    let of = |value, bound, is_enough| Measured { value, bound, is_enough };
    // What was held outside of the data can only move a mean, so it needs all of the time.
    let if_time_known = |value: Option<f64>| value.filter(|_| facts.is_time_known);
    match (rule.on, rule.threshold) {
        (On::Actual, _) => {
            let value = share(facts.spent(), facts.amount.effective);
            of(value, value, is_spend_known)
        }
        (On::Forecast, _) => {
            let value = forecast.and_then(|total| share(total, facts.amount.effective));
            of(value, value, is_spend_known && value.is_some())
        }
        (On::BurnRate, _) => of(burn.at_least, burn.at_least, burn.is_enough),
        (On::IdlePercent, _) => of(
            share(sums.idle_gpu_hours, sums.observed_gpu_hours),
            if_time_known(share(sums.idle_gpu_hours, sums.gpu_hours)),
            facts.is_time_known && facts.is_use_known,
        ),
        (On::Utilization, _) => {
            let unseen = (sums.gpu_hours - sums.observed_gpu_hours).max(0.0);
            of(
                share(sums.utilization_gpu_hours, sums.observed_gpu_hours),
                if_time_known(share(sums.utilization_gpu_hours + unseen, sums.gpu_hours)),
                facts.is_time_known && facts.is_use_known,
            )
        }
        (On::Waste, Limit::Amount(_)) => {
            let waste = Some(sums.waste(facts.budget.unit));
            of(waste, waste, is_spend_known && facts.is_use_known)
        }
        (On::Waste, Limit::Share(_)) => {
            let value = share(sums.waste(facts.budget.unit), facts.spent());
            let bound = if_time_known(value).filter(|_| facts.is_priced);
            of(value, bound, is_spend_known && facts.is_use_known)
        }
    }
}

impl Facts<'_> {
    /// What is known to be spent.
    pub(super) fn spent(&self) -> f64 {
        self.sums.spent(self.budget.unit)
    }

    /// Whether all time of a stretch has the price that the budget needs.
    pub(super) fn is_priced_in(&self, time: Interval) -> bool {
        self.budget.unit == Unit::GpuHours
            || self.spend.within(self.position, time).unpriced_gpu_hours <= UNPRICED_TOLERANCE
    }

    /// When what was spent reached the amount.
    pub(super) fn reached(&self) -> Option<Millis> {
        let mut sum = 0.0;
        let buckets = self.spend.grid.buckets().zip(&self.spend.series[self.position].buckets);
        let inside =
            buckets.filter(|(bucket, _)| crate::budget::spend::is_within(*bucket, self.frame.gone));
        for (bucket, amounts) in inside {
            let spent = amounts.spent(self.budget.unit);
            if sum + spent >= self.amount.effective {
                let part = if spent > 0.0 { (self.amount.effective - sum) / spent } else { 0.0 };
                return Some(bucket.start + part_of(bucket.length_ms(), part));
            }
            sum += spent;
        }
        None
    }
}

/// A part of a length, in whole milliseconds.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "below 2^53 ms")]
pub(super) fn part_of(length_ms: i64, part: f64) -> i64 {
    (length_ms as f64 * part.clamp(0.0, 1.0)) as i64
}
