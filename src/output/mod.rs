//! Reports as bytes: every output is a pure function of the [`Report`] and [`RenderOptions`].
//!
//! Not here: where the bytes go (`ui`, `commands`), what the figures mean (`report::contract`),
//! whether there is a terminal and how wide it is (`ui` decides, this room is told).

mod budget;
mod ci;
mod claims;
mod compare;
mod csv;
mod doctor;
mod document;
mod explain;
mod flat;
mod focus;
pub mod format;
mod gate;
mod html;
mod json;
mod markdown;
mod names;
mod openmetrics;
mod parquet;
mod patches;
mod rbac;
mod recommend;
mod reconcile;
mod run;
#[cfg(test)]
mod sample;
mod schema;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use budget::{render_budget_list, render_budgets};
pub use ci::render_verdict;
pub use claims::render_claims;
pub use compare::render_comparison;
pub use doctor::render_doctor;
pub use explain::render_explanation;
pub use focus::{focus_csv, focus_parquet};
pub use gate::render_diff;
pub use html::{Page, render_page};
pub use names::{Format, GroupBy, PatchFormat, UnknownName};
pub use openmetrics::metric_names;
pub use parquet::{parquet_tables, write_parquet};
pub use patches::{kustomize, render_patches};
pub use rbac::render_access;
pub use recommend::render_recommendations;
pub use reconcile::{reconciliation_tables, render_reconciliation};
pub use run::render_run;
pub use schema::{
    access_schema, budget_list_schema, budget_schema, claims_schema, compare_schema, diff_schema,
    doctor_schema, explain_schema, patch_schema, plan_schema, recommend_schema, reconcile_schema,
    report_schema, run_schema,
};

#[cfg(test)]
pub(crate) use sample::report as sample_report;

use crate::report::contract::Report;

/// How a report is shown. Nothing in it changes a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    /// Which rows are listed.
    pub by: GroupBy,
    /// Columns of the terminal; below [`MIN_WIDTH`] that many are used all the same.
    pub width: usize,
    /// Whether ANSI colours may be used.
    pub color: bool,
    /// Most rows listed in a table or in Markdown; 0 lists all. The total is always of all rows.
    pub top: usize,
    /// All columns, nothing cut, whatever the width. [`Format::Wide`] sets it.
    pub wide: bool,
}

/// Narrowest table that is laid out.
pub const MIN_WIDTH: usize = 40;

impl Default for RenderOptions {
    fn default() -> Self {
        Self { by: GroupBy::Tenant, width: 80, color: false, top: 20, wide: false }
    }
}

/// Why a report could not be turned into bytes. The report itself never causes one of these:
/// they are failures of an encoder or of the disk.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The JSON encoder failed.
    #[error("cannot encode the report as JSON")]
    Json(#[from] serde_json::Error),
    /// The YAML encoder failed.
    #[error("cannot encode this as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// The CSV encoder failed.
    #[error("cannot encode the report as CSV")]
    Csv(#[from] ::csv::Error),
    /// The Parquet encoder failed.
    #[error("cannot encode table `{table}` as Parquet")]
    Parquet {
        /// Which table.
        table: &'static str,
        /// What polars said.
        source: polars::error::PolarsError,
    },
    /// The JUnit encoder failed.
    #[error("cannot encode the verdict as JUnit XML")]
    Junit(#[from] quick_junit::SerializeError),
    /// The format is of something else: of reports, or of verdicts.
    #[error("`{0}` is not a format of this command")]
    Unsuited(Format),
    /// A file or folder could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Where to.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The report as [`Format::Json`], written as it is made.
///
/// # Errors
/// What `out` says, or the encoder.
pub fn write_json(report: &Report, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    json::write(report, out)
}

/// The report in one format.
///
/// [`Format::Csv`] and [`Format::Parquet`] hold one table, the one that `options.by` names, whole
/// and unrounded; all tables at once are [`write_parquet`].
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render(
    report: &Report,
    format: Format,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    match format {
        Format::Table => Ok(table::render(report, options).into_bytes()),
        Format::Wide => {
            let options = RenderOptions { wide: true, ..*options };
            Ok(table::render(report, &options).into_bytes())
        }
        Format::Json => json::render(report),
        Format::Csv => csv::render(report, options.by),
        Format::Markdown => Ok(markdown::render(report, options).into_bytes()),
        Format::Parquet => parquet::encode(&flat::listed(report, options.by)?),
        Format::OpenMetrics => Ok(openmetrics::render(report, options).into_bytes()),
        other => Err(OutputError::Unsuited(other)),
    }
}
