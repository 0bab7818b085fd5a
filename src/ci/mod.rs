//! What a check says to a CI server: a verdict with its items and a table, as a neutral value.
//!
//! `output::ci` makes comments, annotations, JUnit, SARIF and Slack messages of it. Serde structs, no arithmetic, and
//! nothing of ours above them: whatever judges something (`gate`, `compare`, budgets) fills one.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad an item is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Not as it should be; nothing fails by it.
    Warning,
    /// The check fails by it.
    Error,
}

impl Severity {
    /// Its name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Item {
    /// How bad it is.
    pub severity: Severity,
    /// Rule that found it, by a name that does not change.
    pub rule: String,
    /// What it is about: `namespace/kind/name`, a file, a budget; empty for the change as a whole.
    pub subject: String,
    /// What was found, in a sentence.
    pub message: String,
    /// What to do about it, in a sentence.
    pub advice: String,
    /// File that it is in, relative to where the program ran.
    pub file: Option<String>,
    /// Line in it, counted from 1.
    pub line: Option<u32>,
}

/// Whether the check passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing speaks against it.
    Pass,
    /// It passes, and something is not as it should be.
    Warn,
    /// It fails.
    Fail,
}

impl Outcome {
    /// That of items: the worst of them decides.
    #[must_use]
    pub fn of(items: &[Item]) -> Self {
        match items.iter().map(|item| item.severity).max() {
            Some(Severity::Error) => Self::Fail,
            Some(Severity::Warning) => Self::Warn,
            Some(Severity::Notice) | None => Self::Pass,
        }
    }
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub header: &'static str,
    /// Whether it has numbers, which stand right.
    pub is_number: bool,
}

/// The table of a verdict: text, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows, with one cell for each column.
    pub rows: Vec<Vec<String>>,
    /// The last row, of sums; none where there is nothing to add up.
    pub total: Option<Vec<String>>,
}

/// A rule that was applied, whether or not it found anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Name, as in [`Item::rule`].
    pub name: Cow<'static, str>,
    /// What it looks for, in a sentence.
    pub about: Cow<'static, str>,
}

impl Rule {
    /// A rule of this program.
    #[must_use]
    pub const fn fixed(name: &'static str, about: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), about: Cow::Borrowed(about) }
    }
}

/// What a check says.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Name of the check: `gpu-finops diff`. It makes the hidden marker of comments, so it never changes.
    pub check: &'static str,
    /// Heading: `GPU cost of this change`.
    pub title: String,
    /// The sentence to read if only one is read.
    pub headline: String,
    /// Whether it passes.
    pub outcome: Outcome,
    /// What was found, the worst first.
    pub items: Vec<Item>,
    /// Rules that were applied.
    pub rules: Vec<Rule>,
    /// The figures.
    pub table: Table,
    /// What the figures rest on, in sentences; folded away where that is possible.
    pub notes: Vec<String>,
    /// Size of the change in money a month, for thresholds; `None` where it is not known.
    pub weight: Option<f64>,
}

impl Verdict {
    /// Whether a comment of it would tell nobody anything: nothing worse than a notice, and known to weigh less
    /// than the threshold, in money a month.
    #[must_use]
    pub fn is_silent(&self, threshold: f64) -> bool {
        let is_light = self.weight.is_some_and(|weight| weight.abs() < threshold);
        self.outcome == Outcome::Pass && is_light
    }
}
