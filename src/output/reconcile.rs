//! A reconciliation as bytes: the comparison itself for programs, its verdict for everybody else.

use super::flat::{FlatTable, flat};
use super::{Format, OutputError, RenderOptions, csv, json, parquet, render_verdict};
use crate::ci::Verdict;
use crate::reconcile::contract::ReconcileReport;

/// A reconciliation in one format. CSV holds one row for each machine.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_reconciliation(
    report: &ReconcileReport,
    verdict: &Verdict,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    match format {
        Format::Json => json::render(report),
        Format::Csv => csv::encode(&flat("machines", &report.rows)?),
        other => render_verdict(verdict, other, options),
    }
}

/// The same as files of Parquet: machines, their days, and what was set aside.
///
/// # Errors
/// As [`render_reconciliation`].
pub fn reconciliation_tables(
    report: &ReconcileReport,
) -> Result<Vec<(String, Vec<u8>)>, OutputError> {
    let tables = [
        flat("machines", &report.rows)?,
        flat("days", &report.days)?,
        flat("set_aside", &report.set_aside)?,
    ];
    let file = |table: &FlatTable| Ok((format!("{}.parquet", table.name), parquet::encode(table)?));
    tables.iter().map(file).collect()
}
