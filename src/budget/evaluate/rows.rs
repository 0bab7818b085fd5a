//! Parts of a budget's row: figures as the contract has them.

use super::Facts;
use super::frame::Frame;
use crate::budget::contract::{BacktestRow, ForecastRow, PeriodRow, SpentRow, ToDoRow};
use crate::budget::define::Budget;
use crate::budget::forecast::Forecast;
use crate::model::window::rfc3339;
use crate::report::contract::Finding;
use crate::units::gpu_hours;

/// Findings that are told.
const TO_DO: usize = 3;

pub(super) fn forecast_row(facts: &Facts<'_>, predicted: &Forecast) -> ForecastRow {
    let spent = facts.spent();
    let total = spent + predicted.spent;
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    ForecastRow {
        total,
        low: predicted.margin.map(|margin| spent + (predicted.spent - margin).max(0.0)),
        high: predicted.margin.map(|margin| total + margin),
        ratio: (facts.amount.effective > 0.0).then(|| total / facts.amount.effective),
        remaining: predicted.spent,
        method: predicted.method.name().to_owned(),
        history_days: small(predicted.days),
        backtest: predicted.backtest.map(|tested| BacktestRow {
            forecasts: small(tested.forecasts),
            days_ahead: small(tested.days_ahead),
            error_ratio: tested.error_ratio,
            bias_ratio: tested.bias_ratio,
        }),
    }
}

pub(super) fn period_row(budget: &Budget, frame: &Frame) -> PeriodRow {
    let hours = gpu_hours(frame.counted.length_ms());
    let gone_hours = gpu_hours(frame.gone.length_ms());
    PeriodRow {
        kind: budget.calendar.kind.name().to_owned(),
        label: budget.calendar.label(&frame.period),
        start: rfc3339(frame.counted.start),
        end: rfc3339(frame.counted.end),
        timezone: budget.calendar.zone.name().to_owned(),
        hours,
        gone_hours,
        gone_ratio: if hours > 0.0 { gone_hours / hours } else { 1.0 },
    }
}

pub(super) fn spent_row(facts: &Facts<'_>) -> SpentRow {
    let (sums, unit) = (&facts.sums, facts.budget.unit);
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    SpentRow {
        to_date: Some(facts.spent()).filter(|_| facts.is_priced && facts.is_time_known),
        at_least: facts.spent(),
        ratio: share(facts.spent(), facts.amount.effective),
        gpu_hours: sums.gpu_hours,
        idle_gpu_hours: sums.idle_gpu_hours,
        idle_ratio: share(sums.idle_gpu_hours, sums.observed_gpu_hours),
        waste: sums.waste(unit),
        waste_ratio: share(sums.waste(unit), facts.spent()),
        utilization: share(sums.utilization_gpu_hours, sums.observed_gpu_hours),
    }
}

pub(super) fn children(budgets: &[Budget], parent: usize) -> Vec<String> {
    budgets.iter().filter(|b| b.parent == Some(parent)).map(|b| b.name.clone()).collect()
}

/// Findings about workloads that spent in the period, most money first.
pub(super) fn to_do(facts: &Facts<'_>, findings: &[Finding]) -> Vec<ToDoRow> {
    let first = facts.spend.grid.number_of(facts.frame.gone.start);
    let spends = |finding: &&Finding| {
        facts.spend.series[facts.position].workloads.iter().any(|(key, buckets)| {
            key.subject == finding.subject
                && key.cluster == finding.cluster
                && buckets.range(first..).next().is_some()
        })
    };
    let mut rows: Vec<&Finding> = findings.iter().filter(spends).collect();
    let savings = |finding: &Finding| finding.monthly_savings.unwrap_or(0.0);
    rows.sort_by(|a, b| savings(b).total_cmp(&savings(a)).then_with(|| a.id.cmp(&b.id)));
    rows.iter()
        .take(TO_DO)
        .map(|finding| ToDoRow {
            finding: finding.id.clone(),
            subject: finding.subject.clone(),
            action: finding.action.clone(),
            monthly_savings: finding.monthly_savings,
        })
        .collect()
}
