//! Budgets as other programs read them: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Near the bottom of the house, as `report::contract`: serde structs, no arithmetic. Amounts are in the unit of
//! their budget, unrounded; null means not known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::judge::State;
use crate::explain::contract::Step;
use crate::report::contract::{Assumption, Coverage, Reconciliation, WindowRow};

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// How budgets stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BudgetReport {
    /// Version of this contract.
    pub schema_version: String,
    /// When the inputs were read, RFC 3339.
    pub generated_at: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every price, and of amounts that are money.
    pub currency: String,
    /// The instant as of which everything is judged, RFC 3339.
    pub as_of: String,
    /// What was read: the periods, and history for forecasts.
    pub window: WindowRow,
    /// The worst state of any budget.
    pub state: State,
    /// The exit code of the check.
    pub exit_code: u8,
    /// Each budget, worst first.
    pub budgets: Vec<BudgetRow>,
    /// What the figures rest on, and what is missing.
    pub coverage: Coverage,
    /// Whether the ledger balances that they rest on.
    pub reconciliation: Reconciliation,
    /// Settings and conventions that the figures depend on.
    pub assumptions: Vec<Assumption>,
}

/// How one budget stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BudgetRow {
    /// Its name.
    pub name: String,
    /// The budget that it is part of.
    pub parent: Option<String>,
    /// Budgets that are part of it.
    pub children: Vec<String>,
    /// What counts, in words.
    pub scope: String,
    /// `held` or `capacity`: which time of the scope counts.
    pub basis: String,
    /// Who is asked.
    pub owners: Vec<String>,
    /// The file that defines it.
    pub file: String,
    /// The line of its name in it, counted from 1; null where it is not known.
    pub line: Option<u32>,
    /// The worst state of its rules.
    pub state: State,
    /// Who, by how much, when, and what to do, in one line.
    pub summary: String,
    /// Unit of all amounts: a currency, or `GPU-h`.
    pub unit: String,
    /// The period that is judged.
    pub period: PeriodRow,
    /// What the period allows.
    pub amount: AmountRow,
    /// What was spent to date; of a budget that could not be evaluated, what is known of it.
    pub spent: SpentRow,
    /// How fast it is being spent.
    pub burn: BurnRow,
    /// What it is going to be; null where nothing is known to go by.
    pub forecast: Option<ForecastRow>,
    /// When the amount is used up, RFC 3339: in the past, or as forecast; null where not in this period.
    pub runs_out: Option<String>,
    /// The same as a day of the budget's time zone.
    pub runs_out_day: Option<String>,
    /// Each rule and how it stands.
    pub rules: Vec<RuleRow>,
    /// Workloads that drove it, most change first.
    pub drivers: Vec<DriverRow>,
    /// What to do, most money first.
    pub to_do: Vec<ToDoRow>,
    /// What is known of the scope.
    pub known: KnownRow,
    /// Exceptions, those that are over among them.
    pub exceptions: Vec<ExceptionRow>,
    /// What else should be known.
    pub notes: Vec<String>,
    /// How the figures come about, each from those before it.
    pub arithmetic: Vec<Step>,
}

/// A period of a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PeriodRow {
    /// `day`, `week`, `month` or `quarter`.
    pub kind: String,
    /// As people name it: `2026-11`, `2026-11-23 to 2026-11-29`.
    pub label: String,
    /// First instant that counts, RFC 3339.
    pub start: String,
    /// First instant after, RFC 3339.
    pub end: String,
    /// Time zone in which days begin.
    pub timezone: String,
    /// Length in hours; a day of a clock change has 23 or 25.
    pub hours: f64,
    /// Hours that have gone by.
    pub gone_hours: f64,
    /// The same as a share, 0..1.
    pub gone_ratio: f64,
}

/// What a period allows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AmountRow {
    /// Of a whole period.
    pub base: f64,
    /// Of the part of the period that counts.
    pub prorated: f64,
    /// Carried over from the period before.
    pub carried_over: f64,
    /// Added by exceptions.
    pub extra: f64,
    /// What may be spent: the last three together.
    pub effective: f64,
}

/// What was spent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SpentRow {
    /// In the budget's unit; null where time has no price.
    pub to_date: Option<f64>,
    /// What is known of it: with time that has no price, or no data, it is more.
    pub at_least: f64,
    /// `at_least` as a share of what may be spent.
    pub ratio: Option<f64>,
    /// GPU-hours that count.
    pub gpu_hours: f64,
    /// Idle GPU-hours.
    pub idle_gpu_hours: f64,
    /// Idle share of what was observed.
    pub idle_ratio: Option<f64>,
    /// Waste, in the budget's unit.
    pub waste: f64,
    /// Waste as a share of the spend.
    pub waste_ratio: Option<f64>,
    /// Mean utilization of what was observed.
    pub utilization: Option<f64>,
}

/// How fast the amount is being spent: 1 uses it up exactly at the period's end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BurnRow {
    /// Length of the long window.
    pub long_hours: f64,
    /// Burn rate in it; null where there is no data for all of it.
    pub long: Option<f64>,
    /// Length of the short window.
    pub short_hours: f64,
    /// Burn rate in it.
    pub short: Option<f64>,
}

/// What is going to be spent by the end of the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ForecastRow {
    /// Spend at the period's end.
    pub total: f64,
    /// Four of five forecasts of the past were not further off: the lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// `total` as a share of what may be spent.
    pub ratio: Option<f64>,
    /// Of it, still to be spent.
    pub remaining: f64,
    /// `hours`, `run-rate` or `weekly-run-rate`.
    pub method: String,
    /// Whole days of history that it rests on.
    pub history_days: u32,
    /// How the method did on that history; null where there is too little of it.
    pub backtest: Option<BacktestRow>,
}

/// How a method did on the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BacktestRow {
    /// Forecasts made.
    pub forecasts: u32,
    /// Most days that one was about.
    pub days_ahead: u32,
    /// Absolute errors as a share of what was spent.
    pub error_ratio: f64,
    /// Errors as a share of what was spent; above 0 the method forecasts too much.
    pub bias_ratio: f64,
}

/// How a rule stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RuleRow {
    /// `actual`, `forecast`, `idle_percent`, `waste`, `burn_rate` or `utilization`.
    pub on: String,
    /// `warn` or `fail`.
    pub action: String,
    /// Where it fires.
    pub threshold: f64,
    /// What was measured; null where not known.
    pub value: Option<f64>,
    /// Unit of both: `ratio`, `factor`, a currency or `GPU-h`.
    pub unit: String,
    /// How it stands.
    pub state: State,
    /// In words.
    pub message: String,
}

/// What one workload spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DriverRow {
    /// Cluster, if it has a name.
    pub cluster: Option<String>,
    /// `namespace/kind/name`.
    pub subject: String,
    /// Its tenant.
    pub tenant: String,
    /// Spent in this period to date.
    pub spent: f64,
    /// As a share of the budget's spend.
    pub share: Option<f64>,
    /// The same per day of 24 hours.
    pub per_day: f64,
    /// Per day in the period before, as far as it was read; null where it was not.
    pub per_day_before: Option<f64>,
    /// How much more per day than before.
    pub change_per_day: Option<f64>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ToDoRow {
    /// Id of the finding; `explain` tells about it.
    pub finding: String,
    /// `namespace/kind/name`.
    pub subject: String,
    /// What to do, in a sentence.
    pub action: String,
    /// Money per 730 hours; null where it has no price.
    pub monthly_savings: Option<f64>,
}

/// What is known of a scope.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KnownRow {
    /// Share of the time gone by of which there is data, 0..1.
    pub time_ratio: f64,
    /// Share of the held time that was observed, 0..1.
    pub observed_ratio: Option<f64>,
    /// GPU-hours without a price.
    pub unpriced_gpu_hours: f64,
    /// First instant of which there is data, RFC 3339.
    pub data_from: Option<String>,
}

/// An exception of a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ExceptionRow {
    /// Whether it is in force.
    pub is_active: bool,
    /// Added to the amount.
    pub extra: f64,
    /// No rule fires.
    pub mute: bool,
    /// Until when, as written.
    pub expires: String,
    /// Why.
    pub reason: String,
}

/// Which budgets there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BudgetList {
    /// Version of this contract.
    pub schema_version: String,
    /// ISO 4217 code of amounts that are money.
    pub currency: String,
    /// Each budget, in the order of the files.
    pub budgets: Vec<ListedBudget>,
    /// What should be known of them together.
    pub notes: Vec<String>,
}

/// A budget as it is defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ListedBudget {
    /// Its name.
    pub name: String,
    /// The budget that it is part of.
    pub parent: Option<String>,
    /// What counts, in words.
    pub scope: String,
    /// `held` or `capacity`.
    pub basis: String,
    /// How much a whole period allows.
    pub amount: f64,
    /// A currency, or `GPU-h`.
    pub unit: String,
    /// The period of now.
    pub period: PeriodRow,
    /// Its rules, each as `forecast >= 100% fail`.
    pub rules: Vec<String>,
    /// Who is asked.
    pub owners: Vec<String>,
    /// Exceptions, those that are over among them.
    pub exceptions: Vec<ExceptionRow>,
    /// The file that defines it.
    pub file: String,
    /// The line of its name in it, counted from 1; null where it is not known.
    pub line: Option<u32>,
}
