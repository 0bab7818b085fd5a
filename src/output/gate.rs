//! A change of manifests as bytes: the report itself for programs, its verdict for everybody else.

use schemars::JsonSchema;
use serde::Serialize;

use super::flat::{FlatTable, flat};
use super::{Format, OutputError, RenderOptions, csv, json, parquet, render_verdict};
use crate::ci::Verdict;
use crate::gate::contract::{DiffReport, Figures, WorkloadDiff};

/// A change in one format. CSV and Parquet hold one row for each workload.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_diff(
    report: &DiffReport,
    verdict: &Verdict,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    match format {
        Format::Json => json::render(report),
        Format::Csv => csv::encode(&rows(report)?),
        Format::Parquet => parquet::encode(&rows(report)?),
        other => render_verdict(verdict, other, options),
    }
}

/// A workload in one row.
#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    change: String,
    file: &'a str,
    line: u32,
    gpus_before: f64,
    gpus_after: f64,
    gpus_change: f64,
    gpu_hours_per_month_before: Option<f64>,
    gpu_hours_per_month_after: Option<f64>,
    cost_per_month_before: Option<f64>,
    cost_per_month_after: Option<f64>,
    cost_per_month_change: Option<f64>,
    models: Vec<&'a str>,
    asks: Vec<&'a str>,
}

fn rows(report: &DiffReport) -> Result<FlatTable, OutputError> {
    flat("workloads", &report.workloads.iter().map(row).collect::<Result<Vec<_>, _>>()?)
}

fn row(row: &WorkloadDiff) -> Result<Row<'_>, OutputError> {
    let (before, after) = (row.before.as_ref(), row.after.as_ref());
    let gpus = |figures: Option<&Figures>| figures.map_or(0.0, |figures| figures.gpus_high);
    // What is not there costs nothing; what has no price is not known.
    let cost = |figures: Option<&Figures>| match figures {
        Some(figures) => figures.cost_per_month_high,
        None => Some(0.0),
    };
    let hours = |figures: Option<&Figures>| match figures {
        Some(figures) => figures.gpu_hours_per_month,
        None => Some(0.0),
    };
    let shown = after.or(before);
    let change = serde_json::to_value(row.change)?;
    Ok(Row {
        namespace: &row.namespace,
        kind: &row.kind,
        name: &row.name,
        change: change.as_str().unwrap_or_default().to_owned(),
        file: &row.file,
        line: row.line,
        gpus_before: gpus(before),
        gpus_after: gpus(after),
        gpus_change: row.gpus_change,
        gpu_hours_per_month_before: hours(before),
        gpu_hours_per_month_after: hours(after),
        cost_per_month_before: cost(before),
        cost_per_month_after: cost(after),
        cost_per_month_change: row.cost_per_month_change,
        models: shown.into_iter().flat_map(|f| &f.models).map(String::as_str).collect(),
        asks: shown.into_iter().flat_map(|f| &f.asks).map(String::as_str).collect(),
    })
}
