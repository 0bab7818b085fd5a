//! Making checks: the words that all of them share.

use std::collections::BTreeMap;

use super::contract::{Check, Fix, Group, State};
use crate::output::format;

/// Where the documentation of sources stands, by section.
pub(super) const METRICS: &str = "docs/sources.md#metrics";
pub(super) const SERVERS: &str = "docs/sources.md#metric-servers";
pub(super) const REACHING: &str = "docs/sources.md#reaching-one";
pub(super) const FINDING: &str = "docs/sources.md#finding-one-in-the-cluster";
pub(super) const KUBERNETES: &str = "docs/sources.md#kubernetes";
pub(super) const ROLE: &str = "README.md#what-it-reads";
pub(super) const WARNINGS: &str = "docs/sources.md#warnings";
pub(super) const SHARING: &str = "docs/sharing.md";
pub(super) const PRICES: &str = "docs/prices.md";

/// How many names a sentence lists.
const IN_A_SENTENCE: usize = 5;

impl Check {
    pub(super) fn new(
        group: Group,
        id: impl Into<String>,
        state: State,
        message: impl Into<String>,
        docs: &str,
    ) -> Self {
        Self {
            id: id.into(),
            group,
            state,
            subject: None,
            message: message.into(),
            figures: BTreeMap::new(),
            names: Vec::new(),
            fix: None,
            docs: docs.to_owned(),
        }
    }

    pub(super) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    pub(super) fn figure(mut self, name: &str, value: f64) -> Self {
        self.figures.insert(name.to_owned(), value);
        self
    }

    pub(super) fn named(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// What to do in words.
    pub(super) fn advised(mut self, action: impl Into<String>) -> Self {
        self.fix = Some(Fix { action: action.into(), text: None });
        self
    }

    /// What to do, with the exact text.
    pub(super) fn fixed_by(mut self, action: impl Into<String>, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { action: action.into(), text: Some(text.into()) });
        self
    }
}

/// A few names, and how many more there are.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.into_iter().collect();
    let shown = all[..all.len().min(IN_A_SENTENCE)].join(", ");
    match all.len().saturating_sub(IN_A_SENTENCE) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Text of the cluster as one word of a shell's command line: whoever copies it runs nothing else.
pub(super) fn shell_word(text: &str) -> String {
    let harmless: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("'{}'", harmless.replace('\'', r"'\''"))
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts of series and samples are far below 2^53")]
pub(super) fn count(items: usize) -> f64 {
    items as f64
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "lengths of windows in milliseconds are below 2^53")]
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// A length of time in words: `6h 12m`.
pub(super) fn length(ms: i64) -> String {
    format::duration(Some(seconds(ms.abs())))
}
