//! Budgets as bytes, in every format of the report's.

use schemars::JsonSchema;
use serde::Serialize;

use super::flat::{FlatTable, flat};
use super::{
    Format, OutputError, RenderOptions, csv, document, json, markdown, parquet, render_verdict,
    table,
};
use crate::budget::contract::{BudgetList, BudgetReport, BudgetRow, ListedBudget};
use crate::ci::Verdict;

/// How budgets stand, in one format; for people `explained` with the arithmetic of each figure. CSV and Parquet hold
/// one row for each budget.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_budgets(
    report: &BudgetReport,
    verdict: &Verdict,
    format: Format,
    explained: bool,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    if format.is_for_checks() {
        return render_verdict(verdict, format, options);
    }
    let blocks = |options: &RenderOptions| document::build_budgets(report, explained, options);
    let rows = || flat("budgets", &report.budgets.iter().map(row).collect::<Vec<_>>());
    laid_out(format, options, report, &blocks, rows)
}

/// Budgets as they are defined, in one format.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_budget_list(
    list: &BudgetList,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    let blocks = |_: &RenderOptions| document::build_budget_list(list);
    let rows = || flat("budgets", &list.budgets.iter().map(listed).collect::<Vec<_>>());
    laid_out(format, options, list, &blocks, rows)
}

fn laid_out<T: Serialize>(
    format: Format,
    options: &RenderOptions,
    contract: &T,
    blocks: &dyn Fn(&RenderOptions) -> Vec<document::Block>,
    rows: impl Fn() -> Result<FlatTable, OutputError>,
) -> Result<Vec<u8>, OutputError> {
    let in_table = |options: &RenderOptions| table::layout(&blocks(options), options).into_bytes();
    match format {
        Format::Table => Ok(in_table(options)),
        Format::Wide => Ok(in_table(&RenderOptions { wide: true, top: 0, ..*options })),
        Format::Json => json::render(contract),
        Format::Csv => csv::encode(&rows()?),
        Format::Markdown => {
            // A ticket is as wide as it is, whatever the terminal.
            let options = RenderOptions { width: usize::MAX, ..*options };
            Ok(markdown::layout(&blocks(&options), &options).into_bytes())
        }
        Format::Parquet => parquet::encode(&rows()?),
        other => Err(OutputError::Unsuited(other)),
    }
}

/// A budget in one row.
#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    name: &'a str,
    parent: Option<&'a str>,
    scope: &'a str,
    basis: &'a str,
    owners: Vec<&'a str>,
    state: &'a str,
    summary: &'a str,
    unit: &'a str,
    period: &'a str,
    period_start: &'a str,
    period_end: &'a str,
    gone_ratio: f64,
    amount: f64,
    effective_amount: f64,
    spent: Option<f64>,
    spent_at_least: f64,
    spent_ratio: Option<f64>,
    burn_long: Option<f64>,
    burn_short: Option<f64>,
    forecast: Option<f64>,
    forecast_low: Option<f64>,
    forecast_high: Option<f64>,
    forecast_ratio: Option<f64>,
    forecast_method: Option<&'a str>,
    forecast_error_ratio: Option<f64>,
    runs_out: Option<&'a str>,
    runs_out_day: Option<&'a str>,
    idle_ratio: Option<f64>,
    waste: f64,
    utilization: Option<f64>,
    known_time_ratio: f64,
    driver: Option<&'a str>,
    to_do: Option<&'a str>,
    file: &'a str,
}

fn row(b: &BudgetRow) -> Row<'_> {
    let forecast = b.forecast.as_ref();
    Row {
        name: &b.name,
        parent: b.parent.as_deref(),
        scope: &b.scope,
        basis: &b.basis,
        owners: b.owners.iter().map(String::as_str).collect(),
        state: b.state.name(),
        summary: &b.summary,
        unit: &b.unit,
        period: &b.period.label,
        period_start: &b.period.start,
        period_end: &b.period.end,
        gone_ratio: b.period.gone_ratio,
        amount: b.amount.base,
        effective_amount: b.amount.effective,
        spent: b.spent.to_date,
        spent_at_least: b.spent.at_least,
        spent_ratio: b.spent.ratio,
        burn_long: b.burn.long,
        burn_short: b.burn.short,
        forecast: forecast.map(|f| f.total),
        forecast_low: forecast.and_then(|f| f.low),
        forecast_high: forecast.and_then(|f| f.high),
        forecast_ratio: forecast.and_then(|f| f.ratio),
        forecast_method: forecast.map(|f| f.method.as_str()),
        forecast_error_ratio: forecast.and_then(|f| Some(f.backtest.as_ref()?.error_ratio)),
        runs_out: b.runs_out.as_deref(),
        runs_out_day: b.runs_out_day.as_deref(),
        idle_ratio: b.spent.idle_ratio,
        waste: b.spent.waste,
        utilization: b.spent.utilization,
        known_time_ratio: b.known.time_ratio,
        driver: b.drivers.first().map(|d| d.subject.as_str()),
        to_do: b.to_do.first().map(|t| t.action.as_str()),
        file: &b.file,
    }
}

/// A budget's definition in one row.
#[derive(Serialize, JsonSchema)]
struct Listed<'a> {
    name: &'a str,
    parent: Option<&'a str>,
    scope: &'a str,
    basis: &'a str,
    amount: f64,
    unit: &'a str,
    period: &'a str,
    period_start: &'a str,
    period_end: &'a str,
    timezone: &'a str,
    rules: Vec<&'a str>,
    owners: Vec<&'a str>,
    file: &'a str,
}

fn listed(b: &ListedBudget) -> Listed<'_> {
    Listed {
        name: &b.name,
        parent: b.parent.as_deref(),
        scope: &b.scope,
        basis: &b.basis,
        amount: b.amount,
        unit: &b.unit,
        period: &b.period.kind,
        period_start: &b.period.start,
        period_end: &b.period.end,
        timezone: &b.period.timezone,
        rules: b.rules.iter().map(String::as_str).collect(),
        owners: b.owners.iter().map(String::as_str).collect(),
        file: &b.file,
    }
}
