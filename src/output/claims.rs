//! Claims as bytes, in every format of the report's.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Serialize;

use super::flat::{FlatTable, flat};
use super::{Format, OutputError, RenderOptions, csv, document, json, markdown, parquet, table};
use crate::claims::contract::{ClaimRow, ClaimsReport, DeviceRow, HolderRow};

/// The report on claims in one format. CSV and Parquet hold one row for each claim.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_claims(
    report: &ClaimsReport,
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
            let blocks = document::build_claims(report, &options);
            Ok(markdown::layout(&blocks, &options).into_bytes())
        }
        Format::Parquet => parquet::encode(&rows(report)?),
        other => Err(OutputError::Unsuited(other)),
    }
}

fn in_table(report: &ClaimsReport, options: &RenderOptions) -> Vec<u8> {
    table::layout(&document::build_claims(report, options), options).into_bytes()
}

/// A claim in one row: devices and holders as text, the other fields as in the JSON.
#[derive(Serialize, JsonSchema)]
struct Row<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: Option<&'a str>,
    class: &'static str,
    settled: bool,
    tenant: Option<&'a str>,
    share_total: Option<f64>,
    cost_per_day: Option<f64>,
    age_seconds: Option<f64>,
    created_at: Option<&'a str>,
    allocated_at: Option<&'a str>,
    deleted_at: Option<&'a str>,
    held_gpu_hours: Option<f64>,
    observed_gpu_hours: Option<f64>,
    idle_gpu_hours: Option<f64>,
    idle_since: Option<&'a str>,
    idle_seconds: Option<f64>,
    signals: Vec<&'a str>,
    /// Without repetition, in order.
    nodes: Vec<&'a str>,
    /// Without repetition, in order.
    models: Vec<&'a str>,
    /// `driver/pool/device`.
    devices: Vec<String>,
    /// `Kind name (state)`.
    holders: Vec<String>,
    /// `Kind name`.
    owner: Option<String>,
    why: &'a str,
    action: &'a str,
}

fn rows(report: &ClaimsReport) -> Result<FlatTable, OutputError> {
    flat("claims", &report.claims.iter().map(row).collect::<Vec<_>>())
}

fn row(claim: &ClaimRow) -> Row<'_> {
    let path = |d: &DeviceRow| format!("{}/{}/{}", d.driver, d.pool, d.device);
    let holder = |h: &HolderRow| format!("{} {} ({})", h.kind, h.name, h.state.name());
    let usage = claim.usage.as_ref();
    Row {
        namespace: &claim.namespace,
        name: &claim.name,
        uid: claim.uid.as_deref(),
        class: claim.class.name(),
        settled: claim.settled,
        tenant: claim.tenant.as_deref(),
        share_total: claim.share_total,
        cost_per_day: claim.cost_per_day,
        age_seconds: claim.age_seconds,
        created_at: claim.created_at.as_deref(),
        allocated_at: claim.allocated_at.as_deref(),
        deleted_at: claim.deleted_at.as_deref(),
        held_gpu_hours: usage.map(|usage| usage.held_gpu_hours),
        observed_gpu_hours: usage.map(|usage| usage.observed_gpu_hours),
        idle_gpu_hours: usage.map(|usage| usage.idle_gpu_hours),
        idle_since: usage.and_then(|usage| usage.idle_since.as_deref()),
        idle_seconds: usage.map(|usage| usage.idle_seconds),
        signals: usage
            .map_or_else(Vec::new, |usage| usage.signals.iter().map(String::as_str).collect()),
        nodes: document::distinct(claim, |device| device.node.as_deref()),
        models: document::distinct(claim, |device| device.model.as_deref()),
        devices: claim.devices.iter().map(path).collect(),
        holders: claim.holders.iter().map(holder).collect(),
        owner: claim.owner.as_ref().map(|owner| format!("{} {}", owner.kind, owner.name)),
        why: &claim.why,
        action: &claim.action,
    }
}
