//! What a command has to say, in the format that was asked for: bytes for [`Target::write`](super::deliver::Target::write).
//!
//! How each format looks is `output`'s; here is only which table a file of Parquet has, and what an encoder that fails
//! is called. Such an encoder is the one error of those that write nothing.

use super::deliver::{Rendered, Target};
use crate::access::contract::AccessReport;
use crate::budget::contract::{BudgetList, BudgetReport};
use crate::ci::Verdict;
use crate::claims::contract::ClaimsReport;
use crate::cleanup::result::RunReport;
use crate::compare::contract::CompareReport;
use crate::doctor::contract::DoctorReport;
use crate::error::{Error, Result};
use crate::explain::contract::Explanation;
use crate::gate::contract::DiffReport;
use crate::output::{self, Format, OutputError, Page, RenderOptions};
use crate::recommend::contract::RecommendReport;
use crate::reconcile::contract::ReconcileReport;
use crate::report::contract::Report;
use crate::settings::{Settings, View};
use crate::ui::Ui;

/// One document; of Parquet one file, which has the name of its table.
fn one(
    bytes: std::result::Result<Vec<u8>, OutputError>,
    view: &View,
    what: &str,
    table: &str,
) -> Result<Rendered> {
    let bytes = bytes.map_err(|e| failed(what, e))?;
    Ok(match view.format {
        Format::Parquet => Rendered::Files(vec![(format!("{table}.parquet"), bytes)]),
        _ => Rendered::Document(bytes),
    })
}

fn failed(what: &str, error: OutputError) -> Error {
    Error::failed(format!("cannot write the {what} in this format")).caused_by(error)
}

pub(super) fn options(view: &View, ui: &Ui) -> RenderOptions {
    RenderOptions {
        by: view.by,
        width: ui.width(),
        color: ui.color() && view.output_file.is_none(),
        top: view.top.unwrap_or(0),
        wide: false,
    }
}

/// Of lists in which each entry counts: `--top` is a matter of the report.
fn whole(view: &View, ui: &Ui) -> RenderOptions {
    RenderOptions { top: 0, ..options(view, ui) }
}

/// Writes a report. JSON goes out as it is made: it has every row, and is several times as large as what it is made
/// from.
pub(super) fn write_report(target: &Target, it: &Report, view: &View, ui: &Ui) -> Result<()> {
    match view.format {
        Format::Json => target.put(ui, |out| output::write_json(it, out)),
        _ => target.write(report(it, view, ui)?, ui),
    }
}

fn report(report: &Report, view: &View, ui: &Ui) -> Result<Rendered> {
    let failed = |e| failed("report", e);
    if view.format == Format::Parquet {
        let tables = output::parquet_tables(report).map_err(failed)?;
        let named = tables.into_iter().map(|(table, bytes)| (format!("{table}.parquet"), bytes));
        return Ok(Rendered::Files(named.collect()));
    }
    output::render(report, view.format, &options(view, ui)).map(Rendered::Document).map_err(failed)
}

/// A report as a page, with what is shown over time.
pub(super) fn page(report: &Report, page: Page<'_>, view: &View, ui: &Ui) -> Rendered {
    Rendered::Document(output::render_page(report, page, &options(view, ui)).into_bytes())
}

pub(super) fn claims(report: &ClaimsReport, view: &View, ui: &Ui) -> Result<Rendered> {
    one(output::render_claims(report, view.format, &whole(view, ui)), view, "claims", "claims")
}

pub(super) fn access(report: &AccessReport, view: &View, ui: &Ui) -> Result<Rendered> {
    let bytes = output::render_access(report, view.format, &options(view, ui));
    one(bytes, view, "permissions", "permissions")
}

pub(super) fn recommendations(
    report: &RecommendReport,
    settings: &Settings,
    ui: &Ui,
) -> Result<Rendered> {
    let (view, with_refused) = (&settings.view, settings.recommend.include_refused);
    let options = options(view, ui);
    let bytes = output::render_recommendations(report, view.format, with_refused, &options);
    one(bytes, view, "recommendations", "recommendations")
}

pub(super) fn explanation(explanation: &Explanation, view: &View, ui: &Ui) -> Result<Rendered> {
    let bytes = output::render_explanation(explanation, view.format, &options(view, ui));
    one(bytes, view, "explanation", "arithmetic")
}

/// How budgets stand; `explained` with the arithmetic.
pub(super) fn budgets(
    report: &BudgetReport,
    verdict: &Verdict,
    view: &View,
    explained: bool,
    ui: &Ui,
) -> Result<Rendered> {
    let options = options(view, ui);
    let bytes = output::render_budgets(report, verdict, view.format, explained, &options);
    one(bytes, view, "budgets", "budgets")
}

/// The budgets as they are defined.
pub(super) fn budget_list(list: &BudgetList, view: &View, ui: &Ui) -> Result<Rendered> {
    let bytes = output::render_budget_list(list, view.format, &options(view, ui));
    one(bytes, view, "budgets", "budgets")
}

pub(super) fn doctor(report: &DoctorReport, view: &View, ui: &Ui) -> Result<Rendered> {
    one(output::render_doctor(report, view.format, &whole(view, ui)), view, "checks", "checks")
}

/// What was and what was not done to a cluster.
pub(super) fn run(report: &RunReport, view: &View, ui: &Ui) -> Result<Rendered> {
    one(output::render_run(report, view.format, &whole(view, ui)), view, "result", "changes")
}

/// A change of manifests.
pub(super) fn diff(
    report: &DiffReport,
    verdict: &Verdict,
    view: &View,
    ui: &Ui,
) -> Result<Rendered> {
    let bytes = output::render_diff(report, verdict, view.format, &options(view, ui));
    one(bytes, view, "change", "workloads")
}

/// Two reports side by side.
pub(super) fn comparison(
    report: &CompareReport,
    verdict: &Verdict,
    view: &View,
    ui: &Ui,
) -> Result<Rendered> {
    let bytes = output::render_comparison(report, verdict, view.format, &options(view, ui));
    one(bytes, view, "comparison", "workloads")
}

/// The ledger and the bill: of Parquet a file for each of its tables.
pub(super) fn reconciliation(
    report: &ReconcileReport,
    verdict: &Verdict,
    view: &View,
    ui: &Ui,
) -> Result<Rendered> {
    if view.format == Format::Parquet {
        let tables = output::reconciliation_tables(report);
        return tables.map(Rendered::Files).map_err(|e| failed("reconciliation", e));
    }
    let bytes = output::render_reconciliation(report, verdict, view.format, &options(view, ui));
    one(bytes, view, "reconciliation", "machines")
}
