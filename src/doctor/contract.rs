//! What `doctor -o json` prints: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Serde structs only. `null` means not known, or not there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::contract::WindowRow;

/// Version of the contract. A field that changes meaning or goes away raises the first number. A check may
/// come or go without one: read checks by `id`, and take one that is not there for not made.
pub const SCHEMA_VERSION: &str = "1.0";

/// All that `doctor` has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DoctorReport {
    /// Version of this contract.
    pub schema_version: String,
    /// When the sources were read, RFC 3339.
    pub generated_at: String,
    /// Version of the tool.
    pub tool_version: String,
    /// The window that was looked at.
    pub window: WindowRow,
    /// Whether anything could be read at all.
    pub readable: bool,
    /// Whether a report on the same sources would be complete: no check failed.
    pub complete: bool,
    /// How many checks came to what.
    pub totals: CheckTotals,
    /// The checks: by group, and in each what failed first.
    pub checks: Vec<Check>,
}

/// How many checks came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckTotals {
    /// Failed.
    pub fail: u32,
    /// Could be better.
    pub warn: u32,
    /// As it should be.
    pub ok: u32,
    /// Could not be made, or does not apply.
    pub skipped: u32,
}

/// What a check is about, in the order in which they are shown.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// The metric server: whether it answers, its version, clock and history.
    Server,
    /// How samples come from it.
    Transport,
    /// Objects of the cluster, and what may be read of them.
    Access,
    /// Metrics: which are there, how often, with which holes.
    Metrics,
    /// Labels: whether they tell devices, nodes, pods and tenants.
    Labels,
    /// Ways of sharing GPUs, and whether the data is enough for each.
    Sharing,
    /// Prices.
    Prices,
    /// What the report would say besides.
    Figures,
}

impl Group {
    /// Name as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Transport => "transport",
            Self::Access => "access",
            Self::Metrics => "metrics",
            Self::Labels => "labels",
            Self::Sharing => "sharing",
            Self::Prices => "prices",
            Self::Figures => "figures",
        }
    }
}

/// What a check came to, the worst first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Figures are missing something: a report is incomplete.
    Fail,
    /// Figures stand, and could be better.
    Warn,
    /// As it should be.
    Ok,
    /// Could not be made, or does not apply here.
    Skipped,
}

impl State {
    /// Name as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Ok => "ok",
            Self::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Which check: stable, and not unique where one is made of several subjects.
    pub id: String,
    /// What it is about.
    pub group: Group,
    /// What it came to.
    pub state: State,
    /// What was looked at: a server, a metric, a kind of object, a node; `null` for all there is.
    pub subject: Option<String>,
    /// What was found, and what it means for the figures.
    pub message: String,
    /// The figures behind it, each named with its unit.
    pub figures: BTreeMap<String, f64>,
    /// Names behind it: nodes, labels, pods.
    pub names: Vec<String>,
    /// What to change; `null` where nothing needs to, or nothing here can tell.
    pub fix: Option<Fix>,
    /// Where the documentation says more.
    pub docs: String,
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// What to do, and where.
    pub action: String,
    /// The exact text: a line of CSV, an argument, YAML; `null` where there is none.
    pub text: Option<String>,
}
