//! Plans as other programs read them: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Serde structs only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cleanup::contract::{ClusterIdentity, PatchSet, Target};

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// Changes to one cluster, with what has to be so when they are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Plan {
    /// Version of this contract.
    pub schema_version: String,
    /// SHA-256 of everything else, in canonical JSON: members sorted by name, no blanks.
    pub hash: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// From when on it is refused, RFC 3339.
    pub expires_at: String,
    /// The only cluster that it is for.
    pub cluster: ClusterIdentity,
    /// What percentages are of.
    pub fleet: Fleet,
    /// How much it may change at most; `apply` keeps to its own limits besides.
    pub limits: Limits,
    /// Whether it has all findings of the cluster, so that marks of others are taken away.
    pub whole: bool,
    /// Objects that it changes, as they were.
    pub states: Vec<TargetState>,
    /// The changes.
    pub changes: PatchSet,
}

/// What percentages are of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Fleet {
    /// Physical GPUs of the cluster; null where that is not known.
    pub gpus: Option<f64>,
    /// Workloads and claims of the cluster.
    pub objects: u64,
}

/// How much may be changed in one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// Changes.
    pub max_changes: u64,
    /// Share of the cluster's GPUs that is given up, and of its workloads and claims that are changed, 0..1.
    pub max_share: f64,
    /// Money a month at the window's rate; null for no limit.
    pub max_savings: Option<f64>,
}

/// An object as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TargetState {
    /// The object.
    pub target: Target,
    /// SHA-256 of it without what changes by itself: version, generation, managed fields, status, our own mark.
    pub state: String,
}
