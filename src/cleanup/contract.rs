//! Patches and plans as other programs read them: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Serde structs and what can be read off them; no arithmetic, no cluster.

use std::collections::BTreeMap;

use json_patch::Patch as JsonPatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::recommend::contract::Risk;

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// What is to be changed, and what is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PatchSet {
    /// Version of this contract.
    pub schema_version: String,
    /// When the cluster was read, RFC 3339.
    pub generated_at: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every cost.
    pub currency: String,
    /// The cluster that the objects are of; null where they came from files.
    pub cluster: Option<ClusterIdentity>,
    /// Changes that can be made here, most money first.
    pub patches: Vec<Patch>,
    /// Changes that have to be made elsewhere: written for there, never applied from here.
    pub elsewhere: Vec<Elsewhere>,
    /// Leftovers and findings that nothing is changed for, each with what to check or why.
    pub reported: Vec<Reported>,
}

/// What tells one cluster from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClusterIdentity {
    /// UID of the namespace `kube-system`, which lives as long as the cluster.
    pub uid: String,
    /// URL of the API server, without credentials.
    pub server: String,
}

/// One change: everything that has to be done, in order, for one finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Patch {
    /// Id of the finding.
    pub id: String,
    /// Rule that found it.
    pub rule: String,
    /// `namespace/kind/name` of what the finding is about.
    pub subject: String,
    /// Tenant.
    pub tenant: String,
    /// What is done, in a sentence.
    pub action: String,
    /// The figures of the finding, by name.
    pub evidence: BTreeMap<String, Value>,
    /// How much can go wrong.
    pub risk: Risk,
    /// What that is.
    pub risk_note: String,
    /// Money per 730 hours at the window's rate; null without a price.
    pub monthly_savings: Option<f64>,
    /// GPU-hours per 730 hours that come free.
    pub monthly_gpu_hours: f64,
    /// Physical GPUs that are given up at once; null where that is not known.
    pub gpus: Option<f64>,
    /// What must still be true when it is applied.
    pub still: Still,
    /// What is done, in order. Undoing it is the inverse of each, last first.
    pub steps: Vec<Step>,
}

/// What must still be true of a finding when its change is applied, by a fresh look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Still {
    /// The claim is of the same class and settled.
    StaleClaim,
    /// The same rule finds the same subject by fresh metrics.
    Found,
}

/// One request to the API server, and the one that undoes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// The object.
    pub target: Target,
    /// What is done to it.
    pub operation: Operation,
}

/// An object of the cluster.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[schemars(deny_unknown_fields)]
pub struct Target {
    /// `apps/v1`, `v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for an object of the whole cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID; null for what is created, and for files.
    pub uid: Option<String>,
    /// Version that the change was made from; null for what is created, and for files.
    pub resource_version: Option<String>,
    /// File and document that it stands in, where it was read from one.
    pub origin: Option<String>,
}

/// What is done to an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Operation {
    /// It is created; undone by deleting what was created, by its UID.
    Create {
        /// The object, without what a server adds.
        object: Value,
    },
    /// It is patched (RFC 6902); undone by the inverse. Both begin with `test` operations on what they replace, so
    /// that a value that somebody else wrote in between is never overwritten.
    Patch {
        /// Forward.
        #[schemars(with = "Value")]
        forward: JsonPatch,
        /// Back.
        #[schemars(with = "Value")]
        inverse: JsonPatch,
    },
    /// It is deleted, with UID and resource version as preconditions; undone by creating it again. What comes back
    /// has another UID.
    Delete {
        /// The object, without what a server adds.
        object: Value,
    },
}

/// A change that does not stick if it is made here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Elsewhere {
    /// Where the change belongs.
    pub place: Place,
    /// Where that is, in a sentence: `in the virtual cluster agent-7 (namespace vc-host), Pod default/planner`.
    pub note: String,
    /// The change, for there.
    pub patch: Patch,
}

/// Who would undo a change that is made here.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A virtual cluster, whose syncer reverts what is edited on its host.
    Vcluster,
    /// A Git repository, from which Argo CD or Flux reconciles.
    Gitops,
    /// An object of an operator that is not known.
    Operator,
    /// The manifest from which something that cannot be changed is made again: a pod, a job that runs.
    Manifest,
    /// Configuration of nodes: sharing of cards, partitions, pools.
    Nodes,
}

/// Something that nothing is changed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reported {
    /// Id of the finding, or `class:namespace/name` of a claim.
    pub id: String,
    /// `namespace/kind/name`.
    pub subject: String,
    /// Why nothing is changed.
    pub why: String,
    /// What to check, or to do by hand; null where there is nothing.
    pub check: Option<String>,
}
