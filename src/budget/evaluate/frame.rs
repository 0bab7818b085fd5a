//! Which stretches of time a budget is judged on, and what its period allows.

use crate::budget::burn;
use crate::budget::calendar::{Period, begin_of, local_day, midnights};
use crate::budget::contract::AmountRow;
use crate::budget::define::{Budget, Limit};
use crate::budget::spend::Spend;
use crate::model::{Interval, Window};
use crate::units::{MS_PER_DAY, MS_PER_HOUR, Millis};

/// The stretches of time of a budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// The whole period.
    pub period: Period,
    /// The part of it that counts: from the budget's start on.
    pub counted: Interval,
    /// The part of that which has gone by; empty where it has not begun.
    pub gone: Interval,
    /// The period before, as far as it counts.
    pub before: Option<(Period, Interval)>,
    /// Long and short window of burn rates.
    pub windows: (Interval, Interval),
}

/// The frame of a budget; `None` beyond what dates can say.
pub(super) fn frame(budget: &Budget, as_of: Millis) -> Option<Frame> {
    // As of midnight it is the period that has just ended that is judged.
    let at = (as_of - 1).max(budget.start.unwrap_or(Millis::MIN));
    let period = budget.calendar.containing(at)?;
    let start = period.start.max(budget.start.unwrap_or(period.start));
    let before = budget.calendar.before(&period)?;
    let counted_before =
        Interval::new(before.start.max(budget.start.unwrap_or(before.start)), before.end);
    let (long, short) = windows(budget);
    Some(Frame {
        period,
        counted: Interval::new(start, period.end),
        gone: Interval::new(start, as_of.min(period.end).max(start)),
        before: (counted_before.length_ms() > 0).then_some((before, counted_before)),
        windows: (Interval::new(as_of - long, as_of), Interval::new(as_of - short, as_of)),
    })
}

/// Long and short window: those of the rule, else those of the period.
fn windows(budget: &Budget) -> (i64, i64) {
    let of_rule = budget.rules.iter().find_map(|rule| rule.windows);
    of_rule.unwrap_or_else(|| burn::windows(budget.calendar.kind))
}

/// The first instant that has to be read for these budgets: the periods, what is carried over from the ones
/// before, and `history_ms` for forecasts. `None` beyond what dates can say.
pub(super) fn needed_from(budgets: &[Budget], as_of: Millis, history_ms: i64) -> Option<Millis> {
    let mut from = as_of - history_ms;
    for budget in budgets {
        let frame = frame(budget, as_of)?;
        from = from.min(frame.counted.start).min(frame.windows.0.start);
        if let (Some(_), Some((_, before))) = (budget.carry_over, frame.before) {
            from = from.min(before.start);
        }
    }
    Some(from)
}

/// Where time has to be cut for these budgets. `None` beyond what dates can say.
pub(super) fn cuts(budgets: &[Budget], window: Window, as_of: Millis) -> Option<Vec<Millis>> {
    let mut cuts = vec![as_of];
    let mut hours_back = MS_PER_DAY;
    for budget in budgets {
        let frame = frame(budget, as_of)?;
        hours_back = hours_back.max(frame.windows.0.length_ms());
        cuts.extend([frame.counted.start, frame.period.start, frame.period.end]);
        cuts.extend([frame.windows.0.start, frame.windows.1.start]);
        cuts.extend(frame.before.iter().flat_map(|(p, counted)| [p.start, counted.start]));
        cuts.extend(midnights(window.start(), window.end(), budget.calendar.zone));
    }
    cuts.extend((0..=hours_back / MS_PER_HOUR).map(|n| as_of - n * MS_PER_HOUR));
    Some(cuts)
}

/// What the period allows, and what should be said about it.
pub(super) fn amount(
    spend: &Spend<'_>,
    position: usize,
    budget: &Budget,
    frame: &Frame,
    as_of: Millis,
    min_known: f64,
) -> (AmountRow, Vec<String>) {
    let prorated = prorated(budget.amount, &frame.period, frame.counted);
    let mut notes = Vec::new();
    let carried_over = match (budget.carry_over, &frame.before) {
        (Some(cap), Some((period, counted))) => {
            let known = spend.known_ratio(position, *counted);
            let before = spend.within(position, *counted);
            let is_priced = before.unpriced_gpu_hours <= super::UNPRICED_TOLERANCE;
            if known < min_known || !is_priced {
                notes.push(
                    "nothing is carried over: too little is known of the period before".to_owned(),
                );
                0.0
            } else {
                let left =
                    self::prorated(budget.amount, period, *counted) - before.spent(budget.unit);
                left.clamp(0.0, capped(cap, budget.amount))
            }
        }
        _ => 0.0,
    };
    let extra = budget.exceptions.iter().filter(|e| as_of < e.expires).map(|e| e.extra).sum();
    let effective = prorated + carried_over + extra;
    (AmountRow { base: budget.amount, prorated, carried_over, extra, effective }, notes)
}

fn capped(cap: Limit, amount: f64) -> f64 {
    match cap {
        Limit::Share(share) => share * amount,
        Limit::Amount(most) => most,
    }
}

/// The part of an amount that is for a part of a period, to the millisecond.
#[expect(clippy::cast_precision_loss, reason = "below 2^53 ms")]
pub(super) fn prorated(amount: f64, period: &Period, counted: Interval) -> f64 {
    amount * (counted.length_ms() as f64 / period.length_ms() as f64)
}

/// Stretches from one instant to another, cut at local midnights, each with its weekday.
pub(super) fn stretches(budget: &Budget, time: Interval) -> Vec<(Interval, usize)> {
    let zone = budget.calendar.zone;
    let inner = midnights(time.start, time.end, zone);
    let edges: Vec<Millis> =
        std::iter::once(time.start).chain(inner).chain(std::iter::once(time.end)).collect();
    let weekday = |at| local_day(at, zone).map_or(0, weekday_of);
    edges
        .windows(2)
        .filter(|edges| edges[0] < edges[1])
        .map(|edges| (Interval::new(edges[0], edges[1]), weekday(edges[0])))
        .collect()
}

/// Whether a stretch is a whole local day.
pub(super) fn is_whole_day(budget: &Budget, time: Interval) -> bool {
    let zone = budget.calendar.zone;
    let day = local_day(time.start, zone);
    let bounds = day.and_then(|day| Some((begin_of(day, zone)?, begin_of(day.succ_opt()?, zone)?)));
    bounds == Some((time.start, time.end))
}

fn weekday_of(day: chrono::NaiveDate) -> usize {
    use chrono::Datelike;
    usize::try_from(day.weekday().num_days_from_monday()).unwrap_or(0)
}

/// What the budgets below one allow together beyond its own amount; `None` where they do not, or have other
/// units or periods.
pub(in crate::budget) fn overcommitted(budgets: &[Budget], parent: usize) -> Option<f64> {
    let own = &budgets[parent];
    let children: Vec<&Budget> = budgets.iter().filter(|b| b.parent == Some(parent)).collect();
    let is_alike =
        |child: &&Budget| child.unit == own.unit && child.calendar.kind == own.calendar.kind;
    if children.is_empty() || !children.iter().all(is_alike) {
        return None;
    }
    let over = children.iter().map(|child| child.amount).sum::<f64>() - own.amount;
    (over > 1e-9 * own.amount).then_some(over)
}
