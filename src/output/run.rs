//! Results of `apply`, `cleanup` and `rollback` as bytes, in every format of the report's.

use schemars::JsonSchema;
use serde::Serialize;

use super::flat::{FlatTable, flat};
use super::{Format, OutputError, RenderOptions, csv, document, json, markdown, parquet, table};
use crate::cleanup::result::{ChangeRow, RunReport};

/// A result in one format. CSV and Parquet hold one row for each change.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_run(
    report: &RunReport,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    let in_table = |options: &RenderOptions| {
        table::layout(&document::build_run(report, options), options).into_bytes()
    };
    match format {
        Format::Table => Ok(in_table(options)),
        Format::Wide => Ok(in_table(&RenderOptions { wide: true, top: 0, ..*options })),
        Format::Json => json::render(report),
        Format::Csv => csv::encode(&rows(report)?),
        Format::Markdown => {
            let options = RenderOptions { width: usize::MAX, ..*options };
            Ok(markdown::layout(&document::build_run(report, &options), &options).into_bytes())
        }
        Format::Parquet => parquet::encode(&rows(report)?),
        other => Err(OutputError::Unsuited(other)),
    }
}

#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    id: &'a str,
    subject: &'a str,
    action: &'a str,
    status: &'a str,
    detail: Option<&'a str>,
    monthly_savings: Option<f64>,
    /// `operation Kind namespace/name: status`.
    steps: Vec<String>,
}

fn rows(report: &RunReport) -> Result<FlatTable, OutputError> {
    let rows: Vec<Row<'_>> = report.changes.iter().map(row).collect();
    flat("changes", &rows)
}

fn row(change: &ChangeRow) -> Row<'_> {
    Row {
        id: &change.id,
        subject: &change.subject,
        action: &change.action,
        status: change.status.name(),
        detail: change.detail.as_deref(),
        monthly_savings: change.monthly_savings,
        steps: change.steps.iter().map(document::step_in_words).collect(),
    }
}
