//! Explanations as other programs read them: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Near the bottom of the house, as `report::contract`: serde structs, no arithmetic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recommend::contract::ProofRow;
use crate::report::contract::{Assumption, WindowRow};

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// Where a number, or a recommendation, comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Explanation {
    /// Version of this contract.
    pub schema_version: String,
    /// When the inputs were read, RFC 3339.
    pub generated_at: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every cost and price.
    pub currency: String,
    /// What it is about.
    pub window: WindowRow,
    /// What was asked for.
    pub target: String,
    /// `recommendation`, `workload`, `tenant` or `fleet`.
    pub kind: String,
    /// In a sentence.
    pub summary: String,
    /// The rule of a recommendation, in its own words.
    pub rule: Vec<RuleSection>,
    /// Figures that a recommendation rests on, by name.
    pub evidence: std::collections::BTreeMap<String, serde_json::Value>,
    /// How a recommendation would have fared; null where nothing was fitted.
    pub proof: Option<ProofRow>,
    /// Why a recommendation is refused; null where it is not.
    pub refusal: Option<String>,
    /// How the numbers come about, each from those before it.
    pub arithmetic: Vec<Step>,
    /// Settings that it depends on.
    pub thresholds: Vec<Assumption>,
    /// Queries whose answers it rests on.
    pub queries: Vec<QueryRow>,
    /// Samples of the window, of all devices.
    pub samples: Samples,
    /// Who held what when.
    pub intervals: Vec<HeldRow>,
    /// Prices that count.
    pub prices: Vec<PriceRow>,
    /// Utilization over time, all together and one by one.
    pub strips: Vec<Strip>,
}

/// What a rule says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RuleSection {
    /// Heading.
    pub heading: String,
    /// Text.
    pub text: String,
}

/// One number with its arithmetic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// Its name in the reports' JSON.
    pub name: String,
    /// Value; null where it is not known.
    pub value: Option<f64>,
    /// `GPU-h`, `ratio`, `seconds`, `bytes`, a currency, …
    pub unit: String,
    /// How it comes about, in words.
    pub formula: String,
    /// The same with numbers.
    pub worked: String,
}

/// A query and how it fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct QueryRow {
    /// File in `queries/`, without its ending.
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// Its text, to be pasted into the metric server's own page.
    pub promql: Vec<String>,
    /// How it fared, with counts.
    pub status: String,
}

/// What became of the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Samples {
    /// Samples of utilization and memory of all devices.
    pub seen: u64,
    /// Those that were not used, by reason.
    pub dropped: std::collections::BTreeMap<String, u64>,
    /// Observed share of the time that this is about, 0..1.
    pub observed_ratio: Option<f64>,
}

/// A part of a GPU that was held for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HeldRow {
    /// `namespace/pod`.
    pub pod: String,
    /// UUID of the GPU.
    pub gpu: String,
    /// Its node.
    pub node: String,
    /// Its model.
    pub model: String,
    /// Part of it, 0..1.
    pub share: f64,
    /// First instant, RFC 3339.
    pub from: String,
    /// First instant after, RFC 3339.
    pub until: String,
    /// What that rests on.
    pub holding_source: String,
    /// Rule that named the tenant.
    pub tenant_rule: String,
}

/// A price, and what it counts for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PriceRow {
    /// Model.
    pub model: String,
    /// GPUs of it.
    pub gpus: u32,
    /// Price of a GPU-hour; null without one.
    pub per_gpu_hour: Option<f64>,
    /// Who says so, and when.
    pub source: Option<String>,
    /// GPU-hours held at this price.
    pub allocated_gpu_hours: f64,
    /// Their cost.
    pub allocated_cost: Option<f64>,
}

/// Utilization over the window, in equal parts of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Strip {
    /// `all`, or pod and GPU.
    pub name: String,
    /// Mean utilization of what was held in each part, 0..1; null where nothing was held or observed.
    pub cells: Vec<Option<f64>>,
}
