//! What `apply`, `cleanup` and `rollback` print: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Serde structs only. Every change of the plan has a row, whether anything was done about it or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::{ClusterIdentity, Target};

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// What a run did, and what it did not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// Version of this contract.
    pub schema_version: String,
    /// Version of the tool.
    pub tool_version: String,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// What was run.
    pub command: RunCommand,
    /// The cluster.
    pub cluster: ClusterIdentity,
    /// Hash of the plan.
    pub plan_hash: String,
    /// ISO 4217 code of every cost.
    pub currency: String,
    /// Whether it was only tried: nothing was written.
    pub dry_run: bool,
    /// The journal, where one was written.
    pub journal: Option<String>,
    /// Why it stopped before its end; null where it did not.
    pub stopped: Option<String>,
    /// The changes, in the order of the plan; for `rollback` in the order in which they are taken back.
    pub changes: Vec<ChangeRow>,
    /// Money a month that the changes that were made save; null where one has no price.
    pub monthly_savings: Option<f64>,
}

/// What was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunCommand {
    /// `apply`, `cleanup`.
    Apply,
    /// `apply --resume`.
    Resume,
    /// `rollback`.
    Rollback,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRow {
    /// Id of the change.
    pub id: String,
    /// `namespace/kind/name` of what it is about.
    pub subject: String,
    /// What it does, in a sentence.
    pub action: String,
    /// What became of it.
    pub status: Status,
    /// Why, or when; null where there is nothing to say.
    pub detail: Option<String>,
    /// Money a month; null without a price.
    pub monthly_savings: Option<f64>,
    /// Its steps, in order.
    pub steps: Vec<StepRow>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepRow {
    /// The object.
    pub target: Target,
    /// `create`, `patch`, `delete`.
    pub operation: String,
    /// Whether it is done.
    pub status: StepStatus,
}

/// What became of a change.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All of its steps are done.
    Applied,
    /// It would be made.
    WouldApply,
    /// It was marked, to be made in a later run.
    Marked,
    /// It would be marked.
    WouldMark,
    /// The mark on an object was taken away, for its finding is gone.
    Unmarked,
    /// It would be taken away.
    WouldUnmark,
    /// It was taken back.
    Undone,
    /// It would be taken back.
    WouldUndo,
    /// Some of its steps are done, and the next one has to wait.
    Postponed,
    /// Nothing of it was done: something is not as it should be.
    Refused,
    /// A step of it failed; those before it are done.
    Failed,
    /// It is not known whether a step of it was done.
    Unknown,
    /// The run stopped before it.
    NotStarted,
}

impl Status {
    /// The name, as in the JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::WouldApply => "would-apply",
            Self::Marked => "marked",
            Self::WouldMark => "would-mark",
            Self::Unmarked => "unmarked",
            Self::WouldUnmark => "would-unmark",
            Self::Undone => "undone",
            Self::WouldUndo => "would-undo",
            Self::Postponed => "postponed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotStarted => "not-started",
        }
    }

    /// Whether it is not what was asked for: the run ends with exit code 5.
    #[must_use]
    pub const fn is_short(self) -> bool {
        matches!(
            self,
            Self::Postponed | Self::Refused | Self::Failed | Self::Unknown | Self::NotStarted
        )
    }
}

/// Whether a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// It is done.
    Done,
    /// It is not.
    NotDone,
    /// That is not known.
    Unknown,
}

impl RunReport {
    /// Changes that did not come to what was asked for.
    #[must_use]
    pub fn short(&self) -> Vec<&ChangeRow> {
        self.changes.iter().filter(|row| row.status.is_short()).collect()
    }

    /// Number of changes of a status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.changes.iter().filter(|row| row.status == status).count()
    }
}
