//! One scrape, as it is handed to the store.

use crate::units::Millis;

/// Who was scraped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TargetName {
    /// What kind of exporter: the label `job`.
    pub job: String,
    /// Which one: the label `instance`.
    pub instance: String,
}

impl std::fmt::Display for TargetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.instance, self.job)
    }
}

/// A scrape and what it brought. `S` says which series: its labels, or a number for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Scraped<S> {
    /// Who was scraped.
    pub target: TargetName,
    /// The instant that its samples are of.
    pub at_ms: Millis,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// Size of the text, decompressed.
    pub bytes: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// Series, instant and value; staleness markers for series that ended.
    pub samples: Vec<(S, Millis, f64)>,
}
