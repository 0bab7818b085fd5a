//! What `claims -o json` prints: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Serde structs only. Shares are parts of one physical GPU, money is in `currency`, unrounded.
//! `null` means not known, or not there; 0 means none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class::Class;
use crate::report::contract::{SourceRow, WindowRow};

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.1";

/// All that `claims` has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimsReport {
    /// Version of this contract.
    pub schema_version: String,
    /// When the cluster was read, RFC 3339: ages count up to here.
    pub generated_at: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every cost.
    pub currency: String,
    /// Which claims are listed.
    pub scope: ClaimScope,
    /// Claims: leftovers first, the dearest first; likewise those that are idle; then the others by
    /// namespace and name.
    pub claims: Vec<ClaimRow>,
    /// Sums over `claims`, one row for each class there is.
    pub totals: Vec<ClassTotal>,
    /// What this rests on, and what is missing.
    pub coverage: ClaimCoverage,
}

/// Which claims are listed; an empty list stands for all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimScope {
    /// Namespaces, as patterns of the whole name.
    pub namespaces: Vec<String>,
    /// Classes.
    pub classes: Vec<Class>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID; `null` for a manifest that was never applied.
    pub uid: Option<String>,
    /// Class of its life.
    pub class: Class,
    /// Whether the class may be relied upon. Not so for a leftover that is younger than the minimum
    /// age, that something alive still uses, or that could not be looked at from all sides: see `why`.
    pub settled: bool,
    /// Why it is of this class.
    pub why: String,
    /// What a cleanup would do, or why nothing may be done.
    pub action: String,
    /// Whose it is, by the tenant rules.
    pub tenant: Option<String>,
    /// Devices it was given, in order.
    pub devices: Vec<DeviceRow>,
    /// Physical GPUs that it holds: the sum of the shares of its GPUs. `null` when one is not known.
    pub share_total: Option<f64>,
    /// Who it is reserved for.
    pub holders: Vec<HolderRow>,
    /// When it was made, RFC 3339.
    pub created_at: Option<String>,
    /// When it was allocated, RFC 3339, where the cluster says so.
    pub allocated_at: Option<String>,
    /// When its deletion was asked for, RFC 3339.
    pub deleted_at: Option<String>,
    /// Seconds since it was made.
    pub age_seconds: Option<f64>,
    /// What its GPUs cost in 24 hours. `null` when a share or a price is not known.
    pub cost_per_day: Option<f64>,
    /// How its GPUs were used. `null` when no metrics were read, and for a claim that nobody used.
    pub usage: Option<UsageRow>,
    /// What owns it.
    pub owner: Option<OwnerRow>,
}

/// How the GPUs of a claim were used in the window, as the ledger of a report says. Time in which only
/// the claim itself had them is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageRow {
    /// GPU-hours held by those it is reserved for.
    pub held_gpu_hours: f64,
    /// GPU-hours of these with a trustworthy sample.
    pub observed_gpu_hours: f64,
    /// GPU-hours of these below the idle threshold.
    pub idle_gpu_hours: f64,
    /// Since when all of its GPUs have been idle, up to the window's end, RFC 3339; `null` when one is
    /// not idle, or not observed, then.
    pub idle_since: Option<String>,
    /// How long each of them has been idle since then, seconds of held time.
    pub idle_seconds: f64,
    /// Signals that this rests on.
    pub signals: Vec<String>,
}

/// One device of a claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRow {
    /// Driver that hands it out.
    pub driver: String,
    /// Pool, the node's name for many drivers.
    pub pool: String,
    /// Name within the pool.
    pub device: String,
    /// Node; `null` for a device on a network, or one that no slice lists.
    pub node: Option<String>,
    /// Model of the physical GPU.
    pub model: Option<String>,
    /// UUID, where the driver says.
    pub uuid: Option<String>,
    /// MIG profile, for a partition.
    pub profile: Option<String>,
    /// Part of the physical GPU, 0..1; 0 for administration, `null` when not known or no GPU.
    pub share: Option<f64>,
    /// Request that it answers.
    pub request: String,
    /// Given for administration: looks, holds nothing.
    pub admin_access: bool,
}

/// How one holder of a reservation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HolderState {
    /// A pod that runs.
    Running,
    /// A pod that has not started yet.
    Pending,
    /// A pod that has ended, or is being deleted before it was ever scheduled.
    Ended,
    /// A pod that is not in the cluster.
    Gone,
    /// A pod of this name is there, with another UID.
    Replaced,
    /// Not a pod, or pods could not be listed: taken for alive.
    Unknown,
}

impl HolderState {
    /// The name, as in the JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Pending => "pending",
            Self::Ended => "ended",
            Self::Gone => "gone",
            Self::Replaced => "replaced",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the reservation counts.
    #[must_use]
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Pending | Self::Unknown)
    }
}

/// Somebody a claim is reserved for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HolderRow {
    /// `Pod`, `PodGroup`, or the resource with its group.
    pub kind: String,
    /// Namespace, the claim's own.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// How it is.
    pub state: HolderState,
}

/// What owns a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerRow {
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
}

/// Sums over the listed claims of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassTotal {
    /// Class.
    pub class: Class,
    /// Claims.
    pub count: u32,
    /// Of these, claims that are settled.
    pub settled: u32,
    /// Physical GPUs held; claims without a known share are left out.
    pub gpus: f64,
    /// Claims left out of `gpus`.
    pub without_share: u32,
    /// Cost of 24 hours, of the claims that have one; `null` when none has.
    pub cost_per_day: Option<f64>,
    /// Claims left out of `cost_per_day`.
    pub without_cost: u32,
}

/// What the listing rests on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimCoverage {
    /// Each source and how it fared.
    pub sources: Vec<SourceRow>,
    /// What could not be used, or is missing.
    pub problems: Vec<ProblemRow>,
    /// Whether nothing is missing that a class, a share or a cost needs.
    pub complete: bool,
    /// Whether use was judged.
    pub usage: UseCoverage,
}

/// Whether use was judged: without that, `idle-but-reserved` is never found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UseCoverage {
    /// Whether metrics were read.
    pub judged: bool,
    /// Window of the metrics.
    pub window: Option<WindowRow>,
    /// Idle time from which on a claim that is reserved counts as idle, seconds.
    pub idle_after_seconds: f64,
    /// The same in words.
    pub detail: String,
}

impl ClaimCoverage {
    /// Everything that is missing, in sentences: sources that failed come first.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let failed = |source: &&SourceRow| matches!(source.status.as_str(), "failed" | "partial");
        let sources =
            self.sources.iter().filter(failed).map(|s| format!("{}: {}", s.name, s.detail));
        let problems = self.problems.iter().map(|p| format!("{}: {}", p.subject, p.detail));
        sources.chain(problems).collect()
    }
}

/// Something that could not be used, or is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProblemRow {
    /// What it is about.
    pub subject: String,
    /// What is wrong, and what it means here.
    pub detail: String,
}
