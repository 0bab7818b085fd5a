//! Budgets as they stand in the config file, or in files of their own.
//!
//! As `sections`: everything that may be wrong is text until `settings::budgets` reads it, so that an error can name
//! file, budget and field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::sections::Scalar;

/// How `budget` works; the budgets themselves are `budgets`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetingSection {
    /// Files with budgets of their own.
    pub files: Option<Vec<String>>,
    /// Time before now that is read for forecasts (`28d`).
    pub history: Option<String>,
    /// Share of time, and of its observation, that has to be known: 0..1 or `90%`.
    pub min_known: Option<Scalar>,
}

/// A file of budgets.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetFile {
    /// Budgets.
    pub budgets: Vec<BudgetSection>,
}

/// One budget. Give `amount`, or `gpu_hours`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetSection {
    /// Its name, once among all files.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Name of the budget that it is part of: what is not of that one's scope does not count here either.
    pub parent: Option<String>,
    /// What counts.
    pub scope: Option<BudgetScopeSection>,
    /// `held` (what somebody held, the default) or `capacity` (held or not).
    pub of: Option<String>,
    /// Money that a whole period allows.
    pub amount: Option<Scalar>,
    /// Currency code of `amount`; that of the report when absent.
    pub currency: Option<String>,
    /// GPU-hours that a whole period allows, in place of `amount`.
    pub gpu_hours: Option<Scalar>,
    /// `day`, `week`, `month` or `quarter`.
    pub period: Option<String>,
    /// IANA time zone in which days begin; that of the report when absent.
    pub timezone: Option<String>,
    /// Fiscal year, where it is not the calendar's.
    pub calendar: Option<BudgetCalendarSection>,
    /// What is judged; absent: forecast at 100 % warns, actual at 100 % fails.
    pub rules: Option<Vec<BudgetRuleSection>>,
    /// First day that counts (`2026-11-15`), or an instant; the first period allows less then.
    pub start: Option<String>,
    /// What is left of a period is carried over into the next one.
    pub carry_over: Option<BudgetCarryOverSection>,
    /// Who is asked.
    pub owners: Option<Vec<String>>,
    /// What is different until a day.
    pub exceptions: Option<Vec<BudgetExceptionSection>>,
    /// A scope that matches nobody is no mistake.
    pub may_be_empty: Option<bool>,
}

/// What counts. Every condition given must hold; of the patterns of one, one must match.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetScopeSection {
    /// `true`: everything.
    pub fleet: Option<bool>,
    /// `true`: whatever the budgets below it are about.
    pub children: Option<bool>,
    /// Tenants, as patterns of the whole name.
    pub tenants: Option<Vec<String>>,
    /// Namespaces, as patterns of the whole name.
    pub namespaces: Option<Vec<String>>,
    /// Workloads, as patterns of the whole name or of `namespace/Kind/name`.
    pub workloads: Option<Vec<String>>,
    /// Queues, as patterns of the whole name.
    pub queues: Option<Vec<String>>,
    /// Clusters, as patterns of the whole name.
    pub clusters: Option<Vec<String>>,
    /// GPU models, as in prices: whole words, case-blind, `*` for anything.
    pub models: Option<Vec<String>>,
    /// `on-demand`, `spot`, `reserved`.
    pub capacity_types: Option<Vec<String>>,
    /// Label selector of pods.
    pub selector: Option<String>,
}

/// A fiscal year. Give `year_start_month`, or `weeks` with `first_day`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetCalendarSection {
    /// Month with which a year, and so its quarters, begins, 1 to 12.
    pub year_start_month: Option<u32>,
    /// Weeks of the months of a quarter: `4-4-5`, `4-5-4` or `5-4-4`.
    pub weeks: Option<String>,
    /// A day on which a fiscal year of weeks began, `YYYY-MM-DD`: within 3 days of the first of a month.
    pub first_day: Option<String>,
}

/// One thing that is judged.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetRuleSection {
    /// `actual`, `forecast`, `idle_percent`, `waste`, `burn_rate` or `utilization`.
    pub on: String,
    /// Where it fires: `80%` or 0.8 of the amount; of `waste` a percentage of the spend or an amount; of
    /// `burn_rate` a factor.
    pub threshold: Scalar,
    /// `warn` or `fail`.
    pub action: String,
    /// Of `burn_rate`: the long window (`3d`); the short one is a twelfth of it.
    pub window: Option<String>,
}

/// What is carried over.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetCarryOverSection {
    /// Most of it: a percentage of the amount, or an amount.
    pub max: Option<Scalar>,
}

/// What is different until a day.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetExceptionSection {
    /// Added to the amount.
    pub extra: Option<Scalar>,
    /// No rule fires.
    pub mute: Option<bool>,
    /// First day on which it is over, `YYYY-MM-DD`, or an instant.
    pub expires: Option<String>,
    /// Why.
    pub reason: Option<String>,
}
