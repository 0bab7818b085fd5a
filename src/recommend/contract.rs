//! Recommendations as other programs read them: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Near the bottom of the house, as `report::contract`: serde structs, no arithmetic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::packing::contract::Packing;
use crate::report::contract::{Assumption, Coverage, Finding, Reconciliation, ScopeRow, WindowRow};

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// All recommendations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RecommendReport {
    /// Version of this contract.
    pub schema_version: String,
    /// When the inputs were read, RFC 3339.
    pub generated_at: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every cost and price.
    pub currency: String,
    /// What the evidence is from.
    pub window: WindowRow,
    /// What part of the cluster is looked at.
    pub scope: ScopeRow,
    /// Sums over the recommendations that are counted.
    pub totals: Totals,
    /// What to change, most money first; those that are not counted are alternatives to others that are.
    pub recommendations: Vec<Recommendation>,
    /// What was considered and is not recommended, because the past speaks against it.
    pub refused: Vec<Recommendation>,
    /// What there is too little evidence of to say anything.
    pub not_judged: Vec<NotJudged>,
    /// Which nodes come free with the counted recommendations done.
    pub packing: Packing,
    /// How many recommendations the filters left out.
    pub filtered: u32,
    /// What the figures rest on, and what is missing.
    pub coverage: Coverage,
    /// Whether the ledger balances that they rest on.
    pub reconciliation: Reconciliation,
    /// Settings and conventions that the figures depend on.
    pub assumptions: Vec<Assumption>,
}

/// Money and time of the recommendations that are counted: a set of which no two concern the same GPU of the
/// same pod.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Totals {
    /// Recommendations counted.
    pub counted: u32,
    /// Money per 730 hours; null where none of it has a price.
    pub monthly_savings: Option<f64>,
    /// Part of it that comes back as money: a node or a slot that somebody waits for comes free.
    pub monthly_savings_realisable: Option<f64>,
    /// GPU-hours per 730 hours that come free.
    pub monthly_gpu_hours: f64,
    /// GPU-hours per 730 hours that were stranded for want of CPU or memory and would be usable. They stand beside the
    /// savings: what nobody holds is no waste.
    pub monthly_stranded_gpu_hours_freed: f64,
    /// The same in money; null where it has no price.
    pub monthly_stranded_cost_freed: Option<f64>,
    /// Waste of everything in scope per 730 hours, in money: the savings are part of it.
    pub monthly_waste: Option<f64>,
    /// The same in GPU-hours.
    pub monthly_waste_gpu_hours: f64,
}

/// How much can go wrong.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nothing runs on what is given up.
    Low,
    /// It was replayed, or something has to start again.
    Medium,
    /// Somebody else may feel it.
    High,
}

impl Risk {
    /// Name as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A change, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Recommendation {
    /// What was found: id, rule, subject, evidence, savings, in a sentence what to do.
    #[serde(flatten)]
    pub finding: Finding,
    /// Tenant.
    pub tenant: String,
    /// Whether it is part of the totals. One that is not is an alternative to one that is.
    pub counted: bool,
    /// Ids of recommendations for the same GPUs of the same pods: doing one of them excludes this.
    pub excludes: Vec<String>,
    /// GPU-hours per 730 hours that come free.
    pub monthly_gpu_hours: f64,
    /// What frees money, where any comes back: `node gpu-7 comes free`.
    pub realised_by: Option<String>,
    /// How much can go wrong.
    pub risk: Risk,
    /// What that is.
    pub risk_note: String,
    /// What would be felt by those who share the device or the node.
    pub neighbours: String,
    /// The change, for programs.
    pub change: Change,
    /// How the change would have fared in the past; null where nothing was fitted.
    pub proof: Option<ProofRow>,
    /// Why it is not recommended; null for what is.
    pub refusal: Option<String>,
    /// Commands that show the evidence again.
    pub see_again: Vec<String>,
    /// The GPUs of the pods that it rests on.
    pub rests_on: Vec<LeaseRow>,
}

/// A GPU of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LeaseRow {
    /// Namespace.
    pub namespace: String,
    /// Pod, or claim where no pod is there.
    pub pod: String,
    /// UID, where known.
    pub uid: Option<String>,
    /// UUID of the GPU.
    pub gpu: String,
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// Give all GPUs back.
    Release,
    /// Delete a resource claim.
    DeleteClaim,
    /// Ask for fewer GPUs per pod.
    FewerGpus {
        /// GPUs per pod now.
        from: u32,
        /// GPUs per pod then.
        to: u32,
    },
    /// Run fewer replicas.
    FewerReplicas {
        /// Most replicas at one time now.
        from: u32,
        /// Replicas then.
        to: u32,
    },
    /// Scale to zero at times.
    Schedule {
        /// Time zone of the hours.
        timezone: String,
        /// When nothing is needed.
        off: Vec<OffHours>,
    },
    /// Ask for a part of a card.
    Slice {
        /// Model of the card.
        model: String,
        /// Profile now, or `whole`.
        from: String,
        /// Profile then.
        to: String,
        /// Part of the card that it costs, 0..1.
        share: f64,
        /// Framebuffer of the instance, bytes.
        memory_bytes: f64,
    },
    /// Let pods take turns on a card.
    Share {
        /// Pods on a card.
        pods_per_gpu: u32,
    },
    /// Move to another GPU model.
    Model {
        /// Model now.
        from: String,
        /// Model then.
        to: String,
        /// Price of a GPU-hour now.
        from_per_hour: f64,
        /// Price of a GPU-hour then.
        to_per_hour: f64,
    },
    /// Move to capacity that can be taken away.
    Spot {
        /// Price of a GPU-hour now.
        from_per_hour: f64,
        /// Price of a GPU-hour then.
        to_per_hour: f64,
    },
    /// Request less CPU or memory per pod, all of its containers together. Of what stays as it is, both are null.
    Requests {
        /// CPU now, millicores.
        cpu_millicores_from: Option<u64>,
        /// CPU then, millicores.
        cpu_millicores_to: Option<u64>,
        /// Memory now, bytes.
        memory_bytes_from: Option<u64>,
        /// Memory then, bytes.
        memory_bytes_to: Option<u64>,
    },
}

/// Hours of some days in which nothing is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OffHours {
    /// `weekdays` or `weekends`.
    pub days: String,
    /// First hour, 0 to 23.
    pub from_hour: u32,
    /// First hour after, 1 to 24.
    pub to_hour: u32,
}

/// How a proposal would have fared: fitted on one part of the window, replayed on the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProofRow {
    /// How often the window was cut into what was fitted and what was replayed.
    pub folds: u32,
    /// Observed hours that were replayed, of all cards, or of all groups that share one, added up.
    pub replayed_hours: f64,
    /// Active part of them.
    pub active_hours: f64,
    /// Part of the active time with more load than there would have been compute, 0..1.
    pub over_capacity_ratio: f64,
    /// Largest load as a multiple of the compute.
    pub worst_overload: f64,
    /// Longest unbroken time over it, seconds.
    pub longest_overload_seconds: f64,
    /// Minutes in which more memory was wanted than there would have been; null where memory is not judged.
    pub memory_overflow_minutes: Option<u32>,
    /// By how much at most, bytes; null where memory is not judged.
    pub worst_memory_overflow_bytes: Option<f64>,
    /// What the choices cost more than those of somebody who knew what came, money per 730 hours.
    pub regret_per_month: Option<f64>,
}

/// Something of which nothing is said, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NotJudged {
    /// Cluster; null where the report is of one that has no name.
    pub cluster: Option<String>,
    /// Tenant.
    pub tenant: String,
    /// `namespace/kind/name`.
    pub subject: String,
    /// Rule; null where it is every rule.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
}

impl Change {
    /// Whether it changes what GPUs are held, or when, or at what price: such changes of the same GPU are alternatives.
    #[must_use]
    pub const fn is_of_gpus(&self) -> bool {
        !matches!(self, Self::Requests { .. })
    }
}
