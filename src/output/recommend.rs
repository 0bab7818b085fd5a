//! Recommendations as bytes, in every format of the report's.

use schemars::JsonSchema;
use serde::Serialize;

use super::flat::{FlatTable, flat};
use super::{Format, OutputError, RenderOptions, csv, document, json, markdown, parquet, table};
use crate::recommend::contract::{RecommendReport, Recommendation};

/// Recommendations in one format. CSV and Parquet hold one row for each, those that were refused among them.
///
/// `with_refused` decides whether people are shown what was refused and not judged; programs always are.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_recommendations(
    report: &RecommendReport,
    format: Format,
    with_refused: bool,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    let blocks =
        |options: &RenderOptions| document::build_recommendations(report, with_refused, options);
    let in_table = |options: &RenderOptions| table::layout(&blocks(options), options).into_bytes();
    match format {
        Format::Table => Ok(in_table(options)),
        Format::Wide => Ok(in_table(&RenderOptions { wide: true, top: 0, ..*options })),
        Format::Json => json::render(report),
        Format::Csv => csv::encode(&rows(report)?),
        Format::Markdown => {
            // A ticket is as wide as it is, whatever the terminal.
            let options = RenderOptions { width: usize::MAX, ..*options };
            Ok(markdown::layout(&blocks(&options), &options).into_bytes())
        }
        Format::Parquet => parquet::encode(&rows(report)?),
        other => Err(OutputError::Unsuited(other)),
    }
}

/// A recommendation in one row: lists as text, the other fields as in the JSON.
#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    id: &'a str,
    rule: &'a str,
    cluster: Option<&'a str>,
    tenant: &'a str,
    subject: &'a str,
    action: &'a str,
    monthly_savings: Option<f64>,
    monthly_gpu_hours: f64,
    counted: bool,
    savings_kind: String,
    realised_by: Option<&'a str>,
    severity: String,
    confidence: f64,
    basis: String,
    risk: String,
    risk_note: &'a str,
    refusal: Option<&'a str>,
    folds: Option<u32>,
    over_capacity_ratio: Option<f64>,
    memory_overflow_minutes: Option<u32>,
    regret_per_month: Option<f64>,
    /// The change as JSON.
    change: String,
    excludes: Vec<&'a str>,
    /// `namespace/pod on GPU`.
    rests_on: Vec<String>,
}

fn rows(report: &RecommendReport) -> Result<FlatTable, OutputError> {
    let all = report.recommendations.iter().chain(&report.refused);
    flat("recommendations", &all.map(row).collect::<Result<Vec<_>, _>>()?)
}

/// The name that an enumeration has in the JSON.
fn named(value: impl Serialize) -> Result<String, OutputError> {
    let value = serde_json::to_value(value)?;
    Ok(value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
}

fn row(r: &Recommendation) -> Result<Row<'_>, OutputError> {
    let (finding, proof) = (&r.finding, r.proof.as_ref());
    Ok(Row {
        id: &finding.id,
        rule: &finding.rule,
        cluster: finding.cluster.as_deref(),
        tenant: &r.tenant,
        subject: &finding.subject,
        action: &finding.action,
        monthly_savings: finding.monthly_savings,
        monthly_gpu_hours: r.monthly_gpu_hours,
        counted: r.counted,
        savings_kind: named(finding.savings_kind)?,
        realised_by: r.realised_by.as_deref(),
        severity: named(finding.severity)?,
        confidence: finding.confidence,
        basis: named(finding.basis)?,
        risk: named(r.risk)?,
        risk_note: &r.risk_note,
        refusal: r.refusal.as_deref(),
        folds: proof.map(|proof| proof.folds),
        over_capacity_ratio: proof.map(|proof| proof.over_capacity_ratio),
        memory_overflow_minutes: proof.and_then(|proof| proof.memory_overflow_minutes),
        regret_per_month: proof.and_then(|proof| proof.regret_per_month),
        change: named(&r.change)?,
        excludes: r.excludes.iter().map(String::as_str).collect(),
        rests_on: r
            .rests_on
            .iter()
            .map(|lease| format!("{}/{} on {}", lease.namespace, lease.pod, lease.gpu))
            .collect(),
    })
}
