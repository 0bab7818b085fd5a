//! Checks as bytes, in every format of the report's.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Serialize;

use super::flat::{FlatTable, flat};
use super::{Format, OutputError, RenderOptions, csv, document, json, markdown, parquet, table};
use crate::doctor::contract::{Check, DoctorReport};

/// The checks in one format. CSV and Parquet hold one row for each check.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_doctor(
    report: &DoctorReport,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    match format {
        Format::Table => Ok(in_table(report, options)),
        Format::Wide => Ok(in_table(report, &RenderOptions { wide: true, ..*options })),
        Format::Json => json::render(report),
        Format::Csv => csv::encode(&rows(report)?),
        Format::Markdown => {
            // A ticket is as wide as it is, whatever the terminal.
            let options = RenderOptions { width: usize::MAX, ..*options };
            let blocks = document::build_doctor(report);
            Ok(markdown::layout(&blocks, &options).into_bytes())
        }
        Format::Parquet => parquet::encode(&rows(report)?),
        other => Err(OutputError::Unsuited(other)),
    }
}

fn in_table(report: &DoctorReport, options: &RenderOptions) -> Vec<u8> {
    table::layout(&document::build_doctor(report), options).into_bytes()
}

/// A check in one row: figures and names as text.
#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    id: &'a str,
    group: &'static str,
    state: &'static str,
    subject: Option<&'a str>,
    message: &'a str,
    /// `name=value`.
    figures: Vec<String>,
    names: Vec<&'a str>,
    action: Option<&'a str>,
    text: Option<&'a str>,
    docs: &'a str,
}

fn rows(report: &DoctorReport) -> Result<FlatTable, OutputError> {
    flat("checks", &report.checks.iter().map(row).collect::<Vec<_>>())
}

fn row(check: &Check) -> Row<'_> {
    let fix = check.fix.as_ref();
    Row {
        id: &check.id,
        group: check.group.name(),
        state: check.state.name(),
        subject: check.subject.as_deref(),
        message: &check.message,
        figures: check.figures.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        names: check.names.iter().map(String::as_str).collect(),
        action: fix.map(|fix| fix.action.as_str()),
        text: fix.and_then(|fix| fix.text.as_deref()),
        docs: &check.docs,
    }
}
