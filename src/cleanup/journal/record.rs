//! What an entry of a journal says.

use serde::{Deserialize, Serialize};

use crate::cleanup::contract::Step;
use crate::cleanup::plan::contract::Plan;

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// A run began. The first entry holds the plan, so that a journal can be gone on with by itself.
    Run(Box<RunHeader>),
    /// A write is about to be sent.
    Intent(Box<Intent>),
    /// A write was done.
    Done(Answered),
    /// A write was not done.
    Failed {
        /// Number of its intent.
        of: u64,
        /// Why.
        why: String,
    },
    /// A change was not made.
    Refused {
        /// Id of the change.
        patch: String,
        /// Why.
        why: String,
    },
    /// The run ended by itself.
    Ended,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Who runs it: host, process and a random number.
    pub run: String,
    /// Version of the tool.
    pub tool_version: String,
    /// Hash of the plan.
    pub plan_hash: String,
    /// Whether it takes back what earlier runs did.
    pub rollback: bool,
    /// The plan; of the first run only.
    pub plan: Option<Plan>,
}

/// A write that is about to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// What for.
    pub purpose: Purpose,
    /// Id of the change.
    pub patch: String,
    /// Number of the step in the change, from 0.
    pub index: usize,
    /// The step. Its patches are in full: forward and inverse.
    pub step: Step,
    /// State of the object before; null where there is none.
    pub before: Option<String>,
}

/// What a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what", content = "of")]
pub enum Purpose {
    /// A step of a change.
    Apply,
    /// A mark on an object, or taking it away.
    Mark,
    /// Taking back the write with this number.
    Undo(u64),
}

/// A write that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Number of its intent.
    pub of: u64,
    /// UID of the object.
    pub uid: Option<String>,
    /// Its version.
    pub resource_version: Option<String>,
    /// Its state; null where it is gone.
    pub state: Option<String>,
    /// Whether this was found out afterwards, by looking at the object.
    pub found_out: bool,
}
