//! Two reports side by side as bytes: the comparison itself for programs, its verdict for everybody else.

use super::flat::flat;
use super::{Format, OutputError, RenderOptions, csv, json, parquet, render_verdict};
use crate::ci::Verdict;
use crate::compare::contract::CompareReport;

/// A comparison in one format. CSV and Parquet hold one row for each workload.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_comparison(
    report: &CompareReport,
    verdict: &Verdict,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    match format {
        Format::Json => json::render(report),
        Format::Csv => csv::encode(&flat("workloads", &report.workloads)?),
        Format::Parquet => parquet::encode(&flat("workloads", &report.workloads)?),
        other => render_verdict(verdict, other, options),
    }
}
