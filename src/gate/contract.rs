//! A change of manifests as other programs read it: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Serde structs, no arithmetic. Money is per 730 hours; what has no price is null.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ci::Item;
use crate::report::contract::Assumption;

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// A change of manifests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DiffReport {
    /// Version of this contract.
    pub schema_version: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every cost and price.
    pub currency: String,
    /// What it was before.
    pub base: SideRow,
    /// What it is then.
    pub head: SideRow,
    /// Sums over all workloads.
    pub totals: Totals,
    /// Every workload that asks for accelerators before or after, the largest difference first.
    pub workloads: Vec<WorkloadDiff>,
    /// What was found: broken rules, what could not be read or told.
    pub items: Vec<Item>,
    /// Rules that were applied, by name.
    pub rules: Vec<String>,
    /// Rules that could not be applied for want of a price, a model or a document; the check does not pass then.
    pub not_evaluated: Vec<String>,
    /// Whether everything could be read, told and priced.
    pub complete: bool,
    /// What the figures rest on.
    pub assumptions: Vec<Assumption>,
}

/// One side of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SideRow {
    /// Where it is from, as typed.
    pub source: String,
    /// Objects that were read.
    pub objects: u32,
    /// Documents and files that could not be read.
    pub unreadable: u32,
    /// Workloads that ask for accelerators.
    pub workloads: u32,
}

/// What happens to a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It goes away.
    Removed,
    /// Its manifest differs.
    Changed,
    /// It stays as it is.
    Same,
}

/// A workload before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WorkloadDiff {
    /// Namespace; empty where the manifest has none.
    pub namespace: String,
    /// Kind.
    pub kind: String,
    /// Name; ends in `*` where the cluster makes up the rest.
    pub name: String,
    /// What happens to it.
    pub change: Change,
    /// File of its manifest, after the change if it is still there.
    pub file: String,
    /// Line of its first request for an accelerator, counted from 1.
    pub line: u32,
    /// What it asked for; null where it was not there.
    pub before: Option<Figures>,
    /// What it asks for; null where it is not there any more.
    pub after: Option<Figures>,
    /// Difference of the most GPUs at one time.
    pub gpus_change: f64,
    /// Difference of the most money a month; null where one of the two has no price.
    pub cost_per_month_change: Option<f64>,
    /// What it held and used of late; null where no metrics were read, or it was not seen in them.
    pub history: Option<HistoryRow>,
}

/// What a workload asks for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Figures {
    /// What one pod of each role asks for: `worker: 8 × nvidia.com/gpu`.
    pub asks: Vec<String>,
    /// GPU models, sorted; empty where nothing tells them.
    pub models: Vec<String>,
    /// Physical GPUs at one time, with as many pods as written; parts of cards count as such.
    pub gpus: f64,
    /// The same with the fewest pods that an autoscaler may leave.
    pub gpus_low: f64,
    /// The same with the most pods.
    pub gpus_high: f64,
    /// Hours of a month in which it runs; null where that is not known.
    pub hours_per_month: Option<f64>,
    /// GPU-hours a month, as written; null where its hours are not known.
    pub gpu_hours_per_month: Option<f64>,
    /// Money a month, as written; null where any of it has no price.
    pub cost_per_month: Option<f64>,
    /// The same with the fewest pods.
    pub cost_per_month_low: Option<f64>,
    /// The same with the most pods: what rules go by.
    pub cost_per_month_high: Option<f64>,
    /// Prices of a GPU-hour that it rests on, with their sources.
    pub prices: Vec<String>,
    /// How hours, models and parts of cards are known.
    pub basis: Vec<String>,
}

/// Sums of one side.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Sum {
    /// Physical GPUs, with as many pods as written.
    pub gpus: f64,
    /// Physical GPUs, with the most pods.
    pub gpus_high: f64,
    /// GPU-hours a month of what has known hours.
    pub gpu_hours_per_month: f64,
    /// Money a month of what has a price, as written; null where nothing of it has one.
    pub cost_per_month: Option<f64>,
    /// The same with the most pods.
    pub cost_per_month_high: Option<f64>,
    /// Workloads without a price: the costs leave them out.
    pub unpriced_workloads: u32,
}

/// Sums of both sides.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Totals {
    /// Before.
    pub before: Sum,
    /// After.
    pub after: Sum,
    /// Difference of the most GPUs.
    pub gpus_change: f64,
    /// Difference of the most money a month; null where a workload that changes has no price.
    pub cost_per_month_change: Option<f64>,
    /// That as a share of what it was; null where it was nothing or is not known.
    pub cost_ratio: Option<f64>,
}

/// What a workload held and used of late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HistoryRow {
    /// Length of the window, hours.
    pub window_hours: f64,
    /// GPUs held, in the mean over the window.
    pub gpus_held: f64,
    /// Most GPUs in use at one time; null where no samples tell.
    pub gpus_peak: Option<f64>,
    /// Mean utilization of what it held, 0..1.
    pub utilization: Option<f64>,
}
