//! A whole text: lines to samples, and a count of everything that was not used.

use std::collections::BTreeMap;

use super::line::{self, Refusal, TimestampUnit};
use crate::model::Labels;
use crate::source::objects::one_line;
use crate::units::Millis;

/// Longest line that is read.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Most samples of one text: about what kube-state-metrics prints of 20,000 pods.
pub const MAX_SAMPLES: usize = 2_000_000;
/// Most problems that are told one by one; the rest is counted.
const MAX_PROBLEMS: usize = 20;
/// What a problem shows of its line.
const EXCERPT_CHARS: usize = 80;

/// One sample as it was printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Labels with `__name__`.
    pub labels: Labels,
    /// Its own timestamp; `None` for one that holds as of the scrape.
    pub at_ms: Option<Millis>,
    /// Value in the exporter's unit.
    pub value: f64,
}

/// Why a line, or a part of one, was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// Nothing in it.
    Blank,
    /// A comment.
    Comment,
    /// `# TYPE`, `# HELP` or `# UNIT`: what a value means is decided by the metric's name.
    Metadata,
    /// `# EOF`, with which OpenMetrics ends.
    EndMarker,
    /// An exemplar behind a sample that was used.
    Exemplar,
    /// Not of the grammar.
    Malformed,
    /// Not UTF-8.
    NotUtf8,
    /// Of the grammar, and nothing that is understood here.
    Unsupported,
    /// Longer than [`MAX_LINE_BYTES`].
    LongLine,
    /// More labels than [`super::MAX_LABELS`].
    ManyLabels,
    /// After the first [`MAX_SAMPLES`].
    OverLimit,
    /// Of a metric that was not asked for: not looked at any further.
    NotAsked,
}

impl Ignored {
    /// Name in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Comment => "comment",
            Self::Metadata => "metadata",
            Self::EndMarker => "end-marker",
            Self::Exemplar => "exemplar",
            Self::Malformed => "malformed",
            Self::NotUtf8 => "not-utf8",
            Self::Unsupported => "unsupported",
            Self::LongLine => "long-line",
            Self::ManyLabels => "many-labels",
            Self::OverLimit => "over-limit",
            Self::NotAsked => "not-asked",
        }
    }
}

/// What a scraped text holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposition {
    /// Samples in the order of their lines, duplicates included.
    pub samples: Vec<Sample>,
    /// What was not used. But for [`Ignored::Exemplar`] each is one line, so that these and the
    /// samples add up to the lines of the text.
    pub ignored: BTreeMap<Ignored, u64>,
    /// The first lines that should have been samples and are not: number, reason, excerpt.
    pub problems: Vec<String>,
}

impl Exposition {
    fn ignore(&mut self, why: Ignored) {
        *self.ignored.entry(why).or_default() += 1;
    }

    fn problem(&mut self, why: Ignored, number: usize, detail: &str, line: &str) {
        self.ignore(why);
        if self.problems.len() < MAX_PROBLEMS {
            let mut excerpt = String::new();
            let shown = line.trim().char_indices().nth(EXCERPT_CHARS);
            match shown {
                Some((end, _)) => excerpt.extend([&line.trim()[..end], "…"]),
                None => excerpt.push_str(line.trim()),
            }
            self.problems.push(one_line(&format!("line {number}: {detail}: {excerpt}")));
        }
    }

    fn read(&mut self, number: usize, line: &[u8], how: &Reading<'_>) {
        let Reading { unit, limit, wanted } = *how;
        if line.len() > MAX_LINE_BYTES {
            let head = String::from_utf8_lossy(&line[..EXCERPT_CHARS]);
            let detail = format!("longer than {MAX_LINE_BYTES} bytes");
            return self.problem(Ignored::LongLine, number, &detail, &head);
        }
        let Ok(text) = std::str::from_utf8(line) else {
            let line = String::from_utf8_lossy(line);
            return self.problem(Ignored::NotUtf8, number, "not UTF-8", &line);
        };
        let text = text.trim_matches([' ', '\t', '\r']);
        if text.is_empty() {
            return self.ignore(Ignored::Blank);
        }
        if let Some(comment) = text.strip_prefix('#') {
            return self.ignore(kind_of_comment(comment));
        }
        if plain_name(text).is_some_and(|name| !wanted(name)) {
            return self.ignore(Ignored::NotAsked);
        }
        if self.samples.len() >= limit {
            let first = !self.ignored.contains_key(&Ignored::OverLimit);
            return if first {
                let detail = format!("after the first {limit} samples");
                self.problem(Ignored::OverLimit, number, &detail, text);
            } else {
                self.ignore(Ignored::OverLimit);
            };
        }
        match line::parse(text, unit) {
            Ok(parsed) => {
                if parsed.exemplar {
                    self.ignore(Ignored::Exemplar);
                }
                let line::ParsedLine { labels, at_ms, value, .. } = parsed;
                self.samples.push(Sample { labels, at_ms, value });
            }
            Err(Refusal::Malformed(why)) => self.problem(Ignored::Malformed, number, &why, text),
            Err(Refusal::Unsupported(why)) => {
                self.problem(Ignored::Unsupported, number, why, text);
            }
            Err(Refusal::TooManyLabels) => {
                let detail = format!("more than {} labels", line::MAX_LABELS);
                self.problem(Ignored::ManyLabels, number, &detail, text);
            }
        }
    }
}

/// Reads a scraped text. Nothing in it is an error: a line that cannot be used is counted, by reason.
///
/// A text that ends with `# EOF` is OpenMetrics, whose timestamps count seconds; any other is the
/// Prometheus text format, where they count milliseconds.
#[must_use]
pub fn decode(text: &[u8]) -> Exposition {
    decode_within(text, MAX_SAMPLES, &|_| true)
}

/// The same of metrics with a `wanted` name only: the lines of others are counted and cost next to nothing.
/// A name in quotes is looked at in any case.
#[must_use]
pub fn decode_metrics(text: &[u8], wanted: &dyn Fn(&str) -> bool) -> Exposition {
    decode_within(text, MAX_SAMPLES, wanted)
}

/// How lines are read.
struct Reading<'a> {
    unit: TimestampUnit,
    limit: usize,
    wanted: &'a dyn Fn(&str) -> bool,
}

fn decode_within(text: &[u8], limit: usize, wanted: &dyn Fn(&str) -> bool) -> Exposition {
    let unit = match text.trim_ascii_end().rsplit(|b| *b == b'\n').next() {
        Some(b"# EOF") => TimestampUnit::Seconds,
        _ => TimestampUnit::Milliseconds,
    };
    let how = Reading { unit, limit, wanted };
    let mut found = Exposition::default();
    // A line feed ends a line and starts none.
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    if !text.is_empty() {
        for (index, line) in lines.split(|b| *b == b'\n').enumerate() {
            found.read(index + 1, line, &how);
        }
    }
    found
}

/// The metric's name, where it stands in front and not in quotes.
fn plain_name(line: &str) -> Option<&str> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    (end > 0).then(|| &line[..end])
}

fn kind_of_comment(comment: &str) -> Ignored {
    let mut words = comment.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some("TYPE" | "HELP" | "UNIT"), Some(_)) => Ignored::Metadata,
        (Some("EOF"), None) => Ignored::EndMarker,
        _ => Ignored::Comment,
    }
}

#[cfg(test)]
mod tests;
