//! How each budget stands: from what was spent to rows of the contract.

mod frame;
mod measure;
mod rows;

use super::arithmetic::{Worked, steps};
use super::contract::{
    AmountRow, BudgetRow, BurnRow, ExceptionRow, ForecastRow, KnownRow, PeriodRow, RuleRow, State,
};
use super::define::{Budget, Unit};
use super::drivers::drivers;
use super::forecast::{Ahead, Day, Forecast, forecast};
use super::spend::{Amounts, Spend};
use super::words::{self, Words};
use crate::model::window::rfc3339;
use crate::model::{Interval, Window};
use crate::report::contract::Finding;
use crate::units::{MS_PER_DAY, Millis, gpu_hours};
use frame::Frame;
pub(in crate::budget) use frame::overcommitted;
use rows::{children, forecast_row, period_row, spent_row, to_do};

/// GPU-hours without a price that are not worth a word: one GPU-second, as elsewhere.
const UNPRICED_TOLERANCE: f64 = 1.0 / 3_600.0;
/// Share of a day that has to be known for it to be history.
const WHOLE: f64 = 0.99;

/// What budgets are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The budgets.
    pub budgets: &'a [Budget],
    /// As of when.
    pub as_of: Millis,
    /// Currency of money.
    pub currency: &'a str,
    /// Share of time, and of its observation, that has to be known.
    pub min_known: f64,
    /// What is worth doing.
    pub findings: &'a [Finding],
}

/// What is known of one budget before it is judged.
struct Facts<'a> {
    budget: &'a Budget,
    position: usize,
    spend: &'a Spend<'a>,
    frame: Frame,
    amount: AmountRow,
    as_of: Millis,
    min_known: f64,
    words: Words<'a>,
    /// Of the time gone by.
    sums: Amounts,
    known: KnownRow,
    is_time_known: bool,
    is_use_known: bool,
    is_priced: bool,
}

/// The first instant that has to be read. `None` beyond what dates can say.
#[must_use]
pub fn needed_from(budgets: &[Budget], as_of: Millis, history_ms: i64) -> Option<Millis> {
    frame::needed_from(budgets, as_of, history_ms)
}

/// The first instant without which budgets cannot be judged: history is welcome, and not needed.
#[must_use]
pub fn required_from(budgets: &[Budget], as_of: Millis) -> Option<Millis> {
    let starts =
        budgets.iter().filter_map(|budget| Some(frame::frame(budget, as_of)?.counted.start));
    starts.min()
}

/// Where time has to be cut. `None` beyond what dates can say.
#[must_use]
pub fn cuts(budgets: &[Budget], window: Window, as_of: Millis) -> Option<Vec<Millis>> {
    frame::cuts(budgets, window, as_of)
}

/// Every budget and how it stands, worst first, those of a state by name.
#[must_use]
pub fn evaluate(spend: &Spend<'_>, question: &Question<'_>) -> Vec<BudgetRow> {
    let budgets = question.budgets.iter().enumerate();
    let mut rows: Vec<BudgetRow> =
        budgets.filter_map(|(position, budget)| row(spend, position, budget, question)).collect();
    rows.sort_by(|a, b| b.state.cmp(&a.state).then_with(|| a.name.cmp(&b.name)));
    rows
}

/// What is said of a budget before it is put into a row.
struct Verdict {
    burn: BurnRow,
    predicted: Option<Forecast>,
    forecast: Option<ForecastRow>,
    rules: Vec<RuleRow>,
    state: State,
    refusal: Option<String>,
    runs_out: Option<Millis>,
}

fn verdict(facts: &Facts<'_>) -> Verdict {
    let burn = measure::burn(facts);
    let (predicted, stretches) = predicted(facts);
    let forecast = predicted.as_ref().map(|p| forecast_row(facts, p));
    let rules = measure::rules(facts, &burn, forecast.as_ref().map(|f| f.total));
    let refusal = refusal(facts);
    let worst = rules.iter().map(|rule| rule.state).max().unwrap_or(State::Ok);
    let state = match &refusal {
        _ if facts.budget.start.is_some_and(|start| start >= facts.as_of) => State::NotStarted,
        Some(_) if worst != State::Fail => State::Error,
        _ => worst,
    };
    let runs_out = facts.reached().or_else(|| runs_out(facts, predicted.as_ref(), &stretches));
    Verdict { burn: burn.row, predicted, forecast, rules, state, refusal, runs_out }
}

fn row(
    spend: &Spend<'_>,
    position: usize,
    budget: &Budget,
    question: &Question<'_>,
) -> Option<BudgetRow> {
    let (facts, mut notes) = facts(spend, position, budget, question)?;
    let verdict = verdict(&facts);
    let Verdict { predicted, refusal, runs_out, .. } = verdict;
    let (budgets, as_of) = (question.budgets, question.as_of);
    notes.extend(refusal.clone());
    notes.extend(words::notes(budgets, position, &facts.known, &facts.amount, as_of));
    let (series, gone) = (&spend.series[position], facts.frame.gone);
    let mut out = BudgetRow {
        name: budget.name.clone(),
        parent: budget.parent.map(|parent| budgets[parent].name.clone()),
        children: children(budgets, position),
        scope: budget.scope_text.clone(),
        basis: budget.basis.name().to_owned(),
        owners: budget.owners.clone(),
        file: budget.file.clone(),
        line: budget.line,
        state: verdict.state,
        summary: String::new(),
        unit: facts.words.unit_name().to_owned(),
        period: period_row(budget, &facts.frame),
        amount: facts.amount.clone(),
        spent: spent_row(&facts),
        burn: verdict.burn,
        forecast: verdict.forecast,
        runs_out: runs_out.map(rfc3339),
        runs_out_day: runs_out.map(|at| facts.words.day(at)),
        rules: verdict.rules,
        drivers: drivers(series, &spend.grid, budget.unit, gone, facts.read_before()),
        to_do: to_do(&facts, question.findings),
        known: facts.known.clone(),
        exceptions: exceptions(budget, as_of),
        notes,
        arithmetic: Vec::new(),
    };
    out.summary = words::summary(&out, facts.words, runs_out, refusal.as_deref());
    let (words, buckets) = (facts.words, spend.grid.len());
    out.arithmetic = steps(&Worked { row: &out, words, forecast: predicted.as_ref(), buckets });
    Some(out)
}

fn facts<'a>(
    spend: &'a Spend<'a>,
    position: usize,
    budget: &'a Budget,
    question: &Question<'a>,
) -> Option<(Facts<'a>, Vec<String>)> {
    let frame = frame::frame(budget, question.as_of)?;
    let (amount, notes) =
        frame::amount(spend, position, budget, &frame, question.as_of, question.min_known);
    let sums = spend.within(position, frame.gone);
    let observed_ratio = (sums.gpu_hours > 0.0 && budget.basis == super::define::Basis::Held)
        .then(|| (sums.observed_gpu_hours / sums.gpu_hours).min(1.0));
    let known = KnownRow {
        time_ratio: spend.known_ratio(position, frame.gone),
        observed_ratio,
        unpriced_gpu_hours: sums.unpriced_gpu_hours,
        data_from: spend.known_from(position).map(rfc3339),
    };
    let facts = Facts {
        budget,
        position,
        spend,
        frame,
        amount,
        as_of: question.as_of,
        min_known: question.min_known,
        words: Words { unit: budget.unit, currency: question.currency, zone: budget.calendar.zone },
        is_time_known: known.time_ratio >= question.min_known,
        is_use_known: observed_ratio.is_none_or(|ratio| ratio >= question.min_known),
        is_priced: budget.unit == Unit::GpuHours || sums.unpriced_gpu_hours <= UNPRICED_TOLERANCE,
        sums,
        known,
    };
    Some((facts, notes))
}

/// Why a budget cannot be evaluated.
fn refusal(facts: &Facts<'_>) -> Option<String> {
    let budget = facts.budget;
    let was_read = facts.spend.known.values().any(|known| !known.is_empty());
    if was_read && !facts.spend.series[facts.position].is_known && !budget.may_be_empty {
        return Some(format!(
            "its scope ({}) matches nobody in what was read: check the spelling, or say `may_be_empty: true`",
            budget.scope_text
        ));
    }
    if facts.frame.gone.length_ms() > 0 && facts.known.time_ratio <= 0.0 {
        let from = facts.known.data_from.as_deref().unwrap_or("nowhere");
        return Some(format!("there is no data of its period: what was read begins {from}"));
    }
    if !facts.is_priced {
        return Some(format!(
            "{} of its scope are on GPUs without a price: give one with `--price` or `prices.rules`",
            words::gpu_hours_text(facts.sums.unpriced_gpu_hours)
        ));
    }
    None
}

/// What is going to be spent, and the stretches ahead.
fn predicted(facts: &Facts<'_>) -> (Option<Forecast>, Vec<(Interval, usize)>) {
    let (budget, spend) = (facts.budget, facts.spend);
    let window = Interval::new(spend.grid.bucket(0).start, facts.as_of);
    let spent = |time: Interval| spend.within(facts.position, time).spent(budget.unit);
    let history: Vec<Day> = frame::stretches(budget, window)
        .into_iter()
        .filter(|(day, _)| frame::is_whole_day(budget, *day))
        .filter(|(day, _)| spend.known_ratio(facts.position, *day) >= WHOLE)
        .map(|(day, weekday)| Day { weekday, hours: gpu_hours(day.length_ms()), spent: spent(day) })
        .collect();
    let known_from = spend.known_from(facts.position).unwrap_or(facts.as_of);
    let recent =
        Interval::new(spend.first_cut_from(known_from.max(facts.as_of - MS_PER_DAY)), facts.as_of);
    // What is not known of it is not 0: the rest stands for it.
    let known_hours = gpu_hours(recent.length_ms()) * spend.known_ratio(facts.position, recent);
    let recent =
        (known_hours >= 1.0).then(|| Day { weekday: 0, hours: known_hours, spent: spent(recent) });
    let left = Interval::new(facts.as_of.max(facts.frame.counted.start), facts.frame.counted.end);
    let stretches = frame::stretches(budget, left);
    let ahead: Vec<Ahead> = stretches
        .iter()
        .map(|(time, weekday)| Ahead { weekday: *weekday, hours: gpu_hours(time.length_ms()) })
        .collect();
    (forecast(&history, recent, &ahead), stretches)
}

/// When the forecast reaches the amount.
fn runs_out(
    facts: &Facts<'_>,
    predicted: Option<&Forecast>,
    stretches: &[(Interval, usize)],
) -> Option<Millis> {
    let mut left = facts.amount.effective - facts.spent();
    for ((time, _), rate) in stretches.iter().zip(&predicted?.rates) {
        let spent = rate * gpu_hours(time.length_ms());
        if spent >= left && spent > 0.0 {
            return Some(time.start + measure::part_of(time.length_ms(), left / spent));
        }
        left -= spent;
    }
    None
}

/// The period of an instant, for a list.
#[must_use]
pub fn period_at(budget: &Budget, as_of: Millis) -> Option<PeriodRow> {
    frame::frame(budget, as_of).map(|frame| period_row(budget, &frame))
}

/// Exceptions of a budget at an instant.
#[must_use]
pub fn exceptions(budget: &Budget, as_of: Millis) -> Vec<ExceptionRow> {
    let row = |e: &super::define::Exception| ExceptionRow {
        is_active: as_of < e.expires,
        extra: e.extra,
        mute: e.mute,
        expires: e.expires_text.clone(),
        reason: e.reason.clone(),
    };
    budget.exceptions.iter().map(row).collect()
}

impl Facts<'_> {
    /// The part of the period before of which there is data, if that is a day or more.
    fn read_before(&self) -> Option<Interval> {
        let (before, _) = self.frame.before?;
        let known_from = self.spend.known_from(self.position)?;
        let from = self.spend.first_cut_from(known_from.max(before.start));
        let time = Interval::new(from, self.frame.counted.start);
        (time.length_ms() >= MS_PER_DAY).then_some(time)
    }
}

#[cfg(test)]
mod tests;
