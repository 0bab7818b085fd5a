//! A reconciliation as other programs read it: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Amounts are rounded to a millionth of the currency row by row, and sums are sums of what is printed: as decimals,
//! parts add up to the difference, and rows to the total, exactly.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ci::Item;
use crate::report::contract::WindowRow;

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// The ledger beside a bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReconcileReport {
    /// Version of this contract.
    pub schema_version: String,
    /// Version of the tool.
    pub tool_version: String,
    /// When the ledger's inputs were read, RFC 3339.
    pub generated_at: String,
    /// ISO 4217 code of every cost.
    pub currency: String,
    /// Column of the bill that was taken for the cost: `EffectiveCost`, `BilledCost`, `ContractedCost`, `ListCost`.
    pub cost_column: String,
    /// Window of the ledger.
    pub window: WindowRow,
    /// The part of it that the bill has as well; everything below is about this.
    pub compared: WindowRow,
    /// Files of the bill.
    pub bills: Vec<BillFileRow>,
    /// Everything together.
    pub total: TotalRow,
    /// Machines, the largest difference first.
    pub rows: Vec<ReconcileRow>,
    /// The same by UTC day, in the order of days.
    pub days: Vec<DayRow>,
    /// What is on the bill and not compared, by reason.
    pub set_aside: Vec<AsideRow>,
    /// What was found.
    pub items: Vec<Item>,
    /// Whether the ledger's data is complete and priced, and the bill covers the window.
    pub complete: bool,
}

/// A file of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BillFileRow {
    /// File.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// First instant that a charge for use is for, RFC 3339; null without any.
    pub first: Option<String>,
    /// First instant after the last of them.
    pub last: Option<String>,
}

/// Sums. `difference` is the bill less the ledger, and the sum of the six that follow it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TotalRow {
    /// On the bill for GPU machines.
    pub bill_cost: f64,
    /// In the ledger; null where a node has no price.
    pub ledger_cost: Option<f64>,
    /// Bill less ledger; null where a node has no price.
    pub difference: Option<f64>,
    /// Part of it: matched machines that the bill has for longer, or shorter, at the ledger's price.
    pub time_cost: Option<f64>,
    /// Part of it: the price of an hour of matched machines.
    pub rate_cost: Option<f64>,
    /// Part of it: charges of matched machines that are not for their time.
    pub other_cost: f64,
    /// Part of it: matched machines of which the bill does not say the hours.
    pub unsplit_cost: Option<f64>,
    /// Part of it: GPU machines on the bill that the cluster does not know.
    pub only_on_bill_cost: f64,
    /// Part of it, taken off: nodes that are not on the bill; null where one has no price.
    pub only_in_ledger_cost: Option<f64>,
    /// Share of the bill that the difference is.
    pub difference_ratio: Option<f64>,
    /// What `--max-difference` goes by: the difference of matched machines, and what either side has alone, none of
    /// them set off against another.
    pub unexplained_cost: Option<f64>,
    /// Machines on both sides.
    pub matched: u32,
    /// Machines on the bill alone.
    pub only_on_bill: u32,
    /// Nodes in the ledger alone.
    pub only_in_ledger: u32,
    /// Cost of the ledger's time outside of `compared`; null where a node has no price.
    pub ledger_cost_outside: Option<f64>,
}

/// A machine: a resource of the bill and its node, or one of them alone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReconcileRow {
    /// `matched`, `only_on_bill` or `only_in_ledger`.
    pub status: String,
    /// Cluster, where it has a name.
    pub cluster: Option<String>,
    /// Nodes: one, but of a scale set that is billed as one resource all of them; none of a machine on the bill alone.
    pub nodes: Vec<String>,
    /// Resource on the bill, by its first spelling.
    pub resource_id: Option<String>,
    /// What they were matched by: `provider-id`, `scale-set` or `name`.
    pub matched_by: Option<String>,
    /// The cloud's name for the machine.
    pub instance_type: Option<String>,
    /// `on-demand`, `spot` or `reserved`, where the node says.
    pub capacity_type: Option<String>,
    /// GPUs of a node; null where the cluster does not know it.
    pub gpus: Option<f64>,
    /// Rows of the bill.
    pub bill_rows: u64,
    /// Hours of the machine in the ledger.
    pub ledger_hours: Option<f64>,
    /// Hours of the machine on the bill; null where it does not say.
    pub bill_hours: Option<f64>,
    /// Price of an hour of the machine's GPUs in the ledger.
    pub ledger_rate: Option<f64>,
    /// Price of an hour of the machine on the bill.
    pub bill_rate: Option<f64>,
    /// Cost in the ledger; null without a price.
    pub ledger_cost: Option<f64>,
    /// Cost on the bill.
    pub bill_cost: Option<f64>,
    /// Bill less ledger, what one of them does not have counting as 0; null without a price.
    pub difference: Option<f64>,
    /// Part of it: more hours, or fewer, at the ledger's price.
    pub time_cost: Option<f64>,
    /// Part of it: another price of an hour.
    pub rate_cost: Option<f64>,
    /// Part of it: charges that are not for the machine's time.
    pub other_cost: Option<f64>,
    /// All of the rest, where the bill does not say the hours.
    pub unsplit_cost: Option<f64>,
}

/// A machine on a UTC day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DayRow {
    /// Day, UTC.
    pub day: String,
    /// As in the machine's row.
    pub status: String,
    /// As in the machine's row.
    pub cluster: Option<String>,
    /// Nodes, or the resource of what the cluster does not know.
    pub machine: String,
    /// Cost in the ledger; null without a price.
    pub ledger_cost: Option<f64>,
    /// Cost on the bill. What is charged for more than a day is spread over its days.
    pub bill_cost: f64,
    /// Bill less ledger.
    pub difference: Option<f64>,
}

/// Rows of the bill that were not compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AsideRow {
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: u64,
    /// Their sum.
    pub cost: f64,
    /// Currency of it.
    pub currency: String,
}
