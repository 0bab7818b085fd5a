//! What `doctor rbac -o json` prints: the JSON contract, version [`SCHEMA_VERSION`]. Serde structs only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::table::Part;

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.0";

/// What the API server says is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessReport {
    /// Version of this contract.
    pub schema_version: String,
    /// Version of the tool.
    pub tool_version: String,
    /// URL of the API server, without credentials.
    pub server: String,
    /// Namespace of the program, where its Lease is.
    pub namespace: String,
    /// Whether all that is needed is allowed.
    pub allowed: bool,
    /// How many are denied.
    pub denied: u32,
    /// The permissions, those that are denied first.
    pub permissions: Vec<AccessRow>,
}

/// One permission, and whether whoever asked has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessRow {
    /// Whether the API server allows it.
    pub allowed: bool,
    /// Role that it is of.
    pub part: Part,
    /// API group; empty for the core.
    pub group: String,
    /// Kind of object, with a subresource behind a `/`.
    pub resource: String,
    /// Verb.
    pub verb: String,
    /// The one object that it is for; null for all.
    pub name: Option<String>,
    /// Namespace; null for all.
    pub namespace: Option<String>,
    /// What it is for.
    pub why: String,
    /// Why the API server says so; null where it does not tell.
    pub reason: Option<String>,
    /// The rule to add to a role; null for what is allowed.
    pub rule: Option<String>,
}
