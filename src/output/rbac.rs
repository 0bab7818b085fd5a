//! What is allowed as bytes, in every format of the report's.

use schemars::JsonSchema;
use serde::Serialize;

use super::flat::{FlatTable, flat};
use super::{Format, OutputError, RenderOptions, csv, document, json, markdown, parquet, table};
use crate::access::contract::AccessReport;

/// The permissions in one format. CSV and Parquet hold one row for each.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_access(
    report: &AccessReport,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    let blocks = || document::build_access(report);
    match format {
        Format::Table => Ok(table::layout(&blocks(), options).into_bytes()),
        Format::Wide => {
            let options = RenderOptions { wide: true, ..*options };
            Ok(table::layout(&blocks(), &options).into_bytes())
        }
        Format::Json => json::render(report),
        Format::Csv => csv::encode(&rows(report)?),
        Format::Markdown => {
            // A ticket is as wide as it is, whatever the terminal.
            let options = RenderOptions { width: usize::MAX, ..*options };
            Ok(markdown::layout(&blocks(), &options).into_bytes())
        }
        Format::Parquet => parquet::encode(&rows(report)?),
        other => Err(OutputError::Unsuited(other)),
    }
}

/// A permission in one row.
#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    allowed: bool,
    part: &'static str,
    group: &'a str,
    resource: &'a str,
    verb: &'a str,
    name: Option<&'a str>,
    namespace: Option<&'a str>,
    why: &'a str,
    reason: Option<&'a str>,
    rule: Option<&'a str>,
}

fn rows(report: &AccessReport) -> Result<FlatTable, OutputError> {
    let rows: Vec<Row<'_>> = report
        .permissions
        .iter()
        .map(|of| Row {
            allowed: of.allowed,
            part: of.part.name(),
            group: &of.group,
            resource: &of.resource,
            verb: &of.verb,
            name: of.name.as_deref(),
            namespace: of.namespace.as_deref(),
            why: &of.why,
            reason: of.reason.as_deref(),
            rule: of.rule.as_deref(),
        })
        .collect();
    flat("permissions", &rows)
}
