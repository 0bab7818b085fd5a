//! Manifests as they stand in files: objects that are to be, each with its place.

use std::sync::Arc;

use serde_json::Value;

/// An object of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// File, as a person would name it from where the program runs; `<stdin>` for standard input.
    pub file: String,
    /// First line of its document, counted from 1.
    pub line: u32,
    /// Text of its document.
    pub text: Arc<str>,
    /// Pointer of the object within its document: empty, or `/items/3` of a list.
    pub at: String,
    /// The object.
    pub object: Value,
}

/// A document or file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestProblem {
    /// File.
    pub file: String,
    /// Document, counted from 1; `None` for a whole file.
    pub document: Option<usize>,
    /// Line, counted from 1, where known.
    pub line: Option<u32>,
    /// What is wrong with it.
    pub detail: String,
}

/// One side of a change: all manifests of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifests {
    /// Where they are from, as typed.
    pub source: String,
    /// Objects, in the order of their files.
    pub items: Vec<Manifest>,
    /// What could not be read.
    pub problems: Vec<ManifestProblem>,
    /// Whether nothing is there: no folder or file of that name in a revision.
    pub is_absent: bool,
}
