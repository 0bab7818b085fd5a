//! A comparison of two reports as other programs read it: the JSON contract, version [`SCHEMA_VERSION`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ci::Item;
use crate::report::contract::WindowRow;

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// Two reports side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CompareReport {
    /// Version of this contract.
    pub schema_version: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every cost.
    pub currency: String,
    /// The earlier report.
    pub before: SavedRow,
    /// The later report.
    pub after: SavedRow,
    /// Whether both windows are equally long. Where they are not, only figures of a month can be compared.
    pub equally_long: bool,
    /// All tenants together.
    pub total: Compared,
    /// Tenants, the largest difference first.
    pub tenants: Vec<Compared>,
    /// Workloads, the largest difference first.
    pub workloads: Vec<Compared>,
    /// What drove the difference most, in sentences.
    pub drivers: Vec<String>,
    /// What was found.
    pub items: Vec<Item>,
    /// Whether both reports are complete.
    pub complete: bool,
}

/// A report that was saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SavedRow {
    /// File.
    pub source: String,
    /// Version of its contract.
    pub schema_version: String,
    /// When its inputs were read, RFC 3339.
    pub generated_at: String,
    /// Its window.
    pub window: WindowRow,
    /// Whether its data was complete.
    pub complete: bool,
}

/// A tenant or a workload before and after.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Compared {
    /// Cluster; null where the reports are of one that has no name.
    pub cluster: Option<String>,
    /// Tenant; empty for all together.
    pub tenant: String,
    /// Namespace; null for a tenant.
    pub namespace: Option<String>,
    /// Kind; null for a tenant.
    pub kind: Option<String>,
    /// Name; null for a tenant.
    pub name: Option<String>,
    /// `added`, `removed`, `changed` or `same`.
    pub change: String,
    /// GPU-hours held before.
    pub gpu_hours_before: f64,
    /// GPU-hours held after.
    pub gpu_hours_after: f64,
    /// Their difference.
    pub gpu_hours_change: f64,
    /// GPU-hours idle before.
    pub idle_gpu_hours_before: f64,
    /// GPU-hours idle after.
    pub idle_gpu_hours_after: f64,
    /// Cost before; null where nothing of it had a price.
    pub cost_before: Option<f64>,
    /// Cost after.
    pub cost_after: Option<f64>,
    /// Their difference; null where one of them is not known.
    pub cost_change: Option<f64>,
    /// The same of 730 hours each, whatever the lengths of the windows.
    pub cost_per_month_change: Option<f64>,
    /// Waste before, in money.
    pub waste_cost_before: Option<f64>,
    /// Waste after, in money.
    pub waste_cost_after: Option<f64>,
    /// Mean utilization before, 0..1.
    pub utilization_before: Option<f64>,
    /// Mean utilization after, 0..1.
    pub utilization_after: Option<f64>,
}
