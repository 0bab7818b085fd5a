//! Objects as they were listed or read, before anything is understood.

use serde_json::Value;

use crate::model::SourceStatus;
use crate::model::objects::ObjectProblem;
use crate::units::Millis;

/// One object, with the place it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct RawObject {
    /// `kubernetes/pods`, `pods.yaml: document 3`, …
    pub origin: String,
    /// The object: `apiVersion`, `kind`, `metadata`, …
    pub value: Value,
}

/// What a source of objects gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawObjects {
    /// Objects, in a stable order.
    pub items: Vec<RawObject>,
    /// Documents and objects that could not be read.
    pub problems: Vec<ObjectProblem>,
    /// Each kind or file and how it fared.
    pub sources: Vec<SourceStatus>,
    /// When a live server was asked; `None` for files.
    pub listed_at_ms: Option<Millis>,
}
