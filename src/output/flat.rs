//! The tables of the report as columns of JSON values: what CSV and Parquet write.
//!
//! Names, order and types of the columns come from the contract's own schema, so that a new
//! field is in every output without a second list of names.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::json::unsigned_zeros;
use super::schema::schema_of;
use super::{GroupBy, OutputError};
use crate::report::contract::Report;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text; also lists (joined by [`LIST_SEPARATOR`]) and maps (as JSON).
    Text,
    /// A number with a fraction.
    Number,
    /// A whole number, not negative.
    Count,
    /// Yes or no.
    Flag,
}

/// Between the elements of a list in one cell.
const LIST_SEPARATOR: &str = ";";

/// A table: `rows[i]` has one value for each column; `Null` is not known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FlatTable {
    /// Name, plural: a file's stem.
    pub(super) name: &'static str,
    pub(super) columns: Vec<(String, Kind)>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// The table that `by` names.
pub(super) fn listed(report: &Report, by: GroupBy) -> Result<FlatTable, OutputError> {
    match by {
        GroupBy::Cluster => flat("clusters", &report.clusters),
        GroupBy::Tenant => flat("tenants", &report.tenants),
        GroupBy::Namespace => flat("namespaces", &report.namespaces),
        GroupBy::Workload => flat("workloads", &report.workloads),
        GroupBy::Pod => flat("pods", &report.pods),
        GroupBy::Gpu => flat("gpus", &report.gpus),
        GroupBy::Node => flat("nodes", &report.nodes),
        GroupBy::Model => flat("models", &report.models),
        GroupBy::Mode => flat("modes", &report.modes),
    }
}

/// One row about the report itself.
#[derive(Serialize, JsonSchema)]
struct Header<'a> {
    schema_version: &'a str,
    generated_at: &'a str,
    tool_version: &'a str,
    currency: &'a str,
    window_start: &'a str,
    window_end: &'a str,
    window_hours: f64,
    scope_tenants: &'a [String],
    scope_namespaces: &'a [String],
    scope_selector: Option<&'a str>,
    samples_seen: u64,
    observed_ratio: Option<f64>,
    pods_without_owner: u32,
    complete: bool,
    capacity_gpu_hours: f64,
    accounted_gpu_hours: f64,
    residue_gpu_hours: f64,
    residue_cost: f64,
    balanced: bool,
}

/// Samples that were not used.
#[derive(Serialize, JsonSchema)]
struct Dropped<'a> {
    reason: &'a str,
    samples: u64,
}

/// Held time without a sample to trust.
#[derive(Serialize, JsonSchema)]
struct Unobserved<'a> {
    reason: &'a str,
    unobserved_gpu_hours: f64,
}

/// Every table of the report.
pub(super) fn all(report: &Report) -> Result<Vec<FlatTable>, OutputError> {
    let coverage = &report.coverage;
    let dropped: Vec<Dropped<'_>> = coverage
        .samples_dropped
        .iter()
        .map(|(reason, samples)| Dropped { reason, samples: *samples })
        .collect();
    let unobserved: Vec<Unobserved<'_>> = coverage
        .unobserved_gpu_hours
        .iter()
        .map(|(reason, hours)| Unobserved { reason, unobserved_gpu_hours: *hours })
        .collect();
    let mut tables = vec![
        flat("report", &[header(report)])?,
        flat("fleet", std::slice::from_ref(&report.fleet))?,
        flat("in_scope", std::slice::from_ref(&report.in_scope))?,
    ];
    for by in GroupBy::ALL {
        tables.push(listed(report, *by)?);
    }
    tables.push(flat("findings", &report.findings)?);
    tables.push(flat("warnings", &coverage.warnings)?);
    tables.push(flat("sources", &coverage.sources)?);
    tables.push(flat("samples_dropped", &dropped)?);
    tables.push(flat("unobserved", &unobserved)?);
    tables.push(flat("balance_checks", &report.reconciliation.checks)?);
    tables.push(flat("assumptions", &report.assumptions)?);
    Ok(tables)
}

fn header(report: &Report) -> Header<'_> {
    let (window, scope) = (&report.window, &report.scope);
    let (coverage, balance) = (&report.coverage, &report.reconciliation);
    Header {
        schema_version: &report.schema_version,
        generated_at: &report.generated_at,
        tool_version: &report.tool_version,
        currency: &report.currency,
        window_start: &window.start,
        window_end: &window.end,
        window_hours: window.hours,
        scope_tenants: &scope.tenants,
        scope_namespaces: &scope.namespaces,
        scope_selector: scope.selector.as_deref(),
        samples_seen: coverage.samples_seen,
        observed_ratio: coverage.observed_ratio,
        pods_without_owner: coverage.pods_without_owner,
        complete: coverage.complete,
        capacity_gpu_hours: balance.capacity_gpu_hours,
        accounted_gpu_hours: balance.accounted_gpu_hours,
        residue_gpu_hours: balance.residue_gpu_hours,
        residue_cost: balance.residue_cost,
        balanced: balance.balanced,
    }
}

/// Rows of a type as a table of its fields.
pub(super) fn flat<T: Serialize + JsonSchema>(
    name: &'static str,
    rows: &[T],
) -> Result<FlatTable, OutputError> {
    let columns = columns::<T>();
    let rows = rows
        .iter()
        .map(|row| {
            let mut row = serde_json::to_value(row)?;
            unsigned_zeros(&mut row);
            Ok(columns.iter().map(|(name, kind)| cell(row.get_mut(name), *kind)).collect())
        })
        .collect::<Result<_, serde_json::Error>>()?;
    Ok(FlatTable { name, columns, rows })
}

/// Column names and kinds of a row type, in the order of its fields.
fn columns<T: JsonSchema>() -> Vec<(String, Kind)> {
    let schema = schema_of::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    let describe = |(name, property): (&String, &Value)| (name.clone(), kind(property));
    properties.map(|fields| fields.iter().map(describe).collect()).unwrap_or_default()
}

fn kind(property: &Value) -> Kind {
    let declared = property.get("type");
    let is = |wanted: &str| match declared {
        Some(Value::String(name)) => name == wanted,
        Some(Value::Array(names)) => names.iter().any(|name| name == wanted),
        _ => false,
    };
    if is("number") {
        Kind::Number
    } else if is("integer") {
        Kind::Count
    } else if is("boolean") {
        Kind::Flag
    } else {
        Kind::Text
    }
}

/// A value as it stands in a cell of a column of that kind.
fn cell(value: Option<&mut Value>, kind: Kind) -> Value {
    let value = value.map_or(Value::Null, Value::take);
    match (kind, value) {
        (Kind::Text, Value::Array(items)) => {
            Value::from(items.iter().map(plain).collect::<Vec<_>>().join(LIST_SEPARATOR))
        }
        (Kind::Text, Value::Object(fields)) => Value::from(json_text(fields)),
        (_, value) => value,
    }
}

fn plain(item: &Value) -> String {
    item.as_str().map_or_else(|| item.to_string(), str::to_owned)
}

fn json_text(fields: Map<String, Value>) -> String {
    Value::Object(fields).to_string()
}
