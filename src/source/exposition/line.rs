//! One line of samples: checked against the grammar, and written anew so that prometheus-parse
//! keeps all of it.
//!
//! That crate (0.2.5) leaves out, or reads wrongly, without a word: lines whose metric name has a
//! `:`, lines with a `}` in a label value or with `{}`, labels whose value has a `,` or a `=`, names of
//! labels after a blank, escapes, timestamps that are not whole milliseconds, and whatever follows
//! the timestamp. So names and label values are rewritten as words ([`super::escape`]), timestamps
//! as milliseconds, and the rest of the line is dealt with here.
//!
//! The grammar is that of Prometheus' own parser: names in quotes (UTF-8 names) are known, an
//! unknown escape stands for itself, a comma may follow the last label.

use chrono::DateTime;
use prometheus_parse::{Scrape, Value};

use super::escape::{push_word, text_of};
use crate::model::Labels;
use crate::units::{Millis, millis_from_seconds};

/// Most labels of one sample.
pub const MAX_LABELS: usize = 256;

/// 9999-12-31: a later instant is one in a wrong unit.
const MAX_INSTANT_MS: Millis = 253_402_300_799_999;

/// What a timestamp counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimestampUnit {
    /// Whole milliseconds: the Prometheus text format.
    Milliseconds,
    /// Seconds with a fraction: OpenMetrics.
    Seconds,
}

/// What a line holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ParsedLine {
    pub(super) labels: Labels,
    pub(super) at_ms: Option<Millis>,
    pub(super) value: f64,
    /// An exemplar stood behind the sample.
    pub(super) exemplar: bool,
}

/// Why a line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not of the grammar.
    Malformed(String),
    /// Of the grammar, and not a sample with one value.
    Unsupported(&'static str),
    /// More than [`MAX_LABELS`].
    TooManyLabels,
}

fn malformed<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Malformed(why.into()))
}

/// Reads one line that is neither blank nor a comment.
pub(super) fn parse(line: &str, unit: TimestampUnit) -> Result<ParsedLine, Refusal> {
    let safe = rewritten(line, unit)?;
    let lines = std::iter::once(Ok(safe.text));
    let sample = Scrape::parse_at(lines, DateTime::UNIX_EPOCH)
        .ok()
        .and_then(|scrape| scrape.samples.into_iter().next());
    // The line is of the grammar; all that is left to be wrong is the number.
    let Some(sample) = sample else { return malformed(format!("`{}` is no number", safe.value)) };
    let (Value::Untyped(value) | Value::Gauge(value) | Value::Counter(value)) = sample.value else {
        return malformed("a histogram where a number was expected");
    };
    let mut labels = Labels::new();
    for (name, value) in sample.labels.iter() {
        let (Some(name), Some(value)) = (text_of(name), text_of(value)) else {
            return malformed(format!("the label `{name}` cannot be read"));
        };
        labels.insert(name, value);
    }
    if labels.len() < safe.labels {
        return malformed("two labels have one name");
    }
    let Some(name) = text_of(&sample.metric) else {
        return malformed(format!("the name `{}` cannot be read", sample.metric));
    };
    if labels.insert("__name__".to_owned(), name).is_some() {
        return malformed("`__name__` is the name of a label");
    }
    let at_ms = safe.timestamp.then(|| sample.timestamp.timestamp_millis());
    Ok(ParsedLine { labels, at_ms, value, exemplar: safe.exemplar })
}

/// A line as prometheus-parse is to see it, and what was in it.
struct Rewritten<'a> {
    text: String,
    labels: usize,
    value: &'a str,
    timestamp: bool,
    exemplar: bool,
}

fn rewritten(line: &str, unit: TimestampUnit) -> Result<Rewritten<'_>, Refusal> {
    let mut rest = Cursor(line);
    let mut name = rest.word(|c| c == ':').map(str::to_owned);
    rest.skip_blanks();
    let braces = rest.take('{');
    let mut pairs = Pairs { text: String::with_capacity(line.len() * 2), count: 0 };
    if braces {
        pairs.read(&mut rest, &mut name)?;
    }
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return malformed("it does not begin with the name of a metric");
    };
    let read = &line[..line.len() - rest.0.len()];
    if !braces && !rest.0.is_empty() && !read.ends_with([' ', '\t']) {
        return malformed("a blank is missing after the name");
    }
    let tail = Tail::parse(rest, unit)?;
    let mut text = String::with_capacity(pairs.text.len() + name.len() + 64);
    push_word(&mut text, &name);
    if pairs.count > 0 {
        text.extend(["{", &pairs.text, "}"]);
    }
    text.extend([" ", tail.value]);
    if let Some(at) = tail.at_ms {
        text.extend([" ", &at.to_string()]);
    }
    Ok(Rewritten {
        text,
        labels: pairs.count,
        value: tail.value,
        timestamp: tail.at_ms.is_some(),
        exemplar: tail.exemplar,
    })
}

/// Labels with their values, as words: `a="x",b="y",`.
struct Pairs {
    text: String,
    count: usize,
}

impl Pairs {
    /// Reads up to the closing brace. A name in quotes before the first label is the metric's.
    fn read(&mut self, rest: &mut Cursor<'_>, metric: &mut Option<String>) -> Result<(), Refusal> {
        loop {
            rest.skip_blanks();
            if rest.take('}') {
                return Ok(());
            }
            let quoted = rest.quoted()?;
            let in_quotes = quoted.is_some();
            let Some(name) = quoted.or_else(|| rest.word(|_| false).map(str::to_owned)) else {
                return malformed("the name of a label is missing");
            };
            rest.skip_blanks();
            if rest.take('=') {
                self.push(&name, rest)?;
            } else if in_quotes && metric.is_none() && self.count == 0 {
                *metric = Some(name);
            } else if rest.0.starts_with(':') {
                return Err(Refusal::Unsupported("a native histogram"));
            } else {
                return malformed(format!("the label `{name}` has no value"));
            }
            rest.skip_blanks();
            if !rest.take(',') && !rest.0.starts_with('}') {
                return malformed("a `,` or `}` is missing after a label");
            }
        }
    }

    fn push(&mut self, name: &str, rest: &mut Cursor<'_>) -> Result<(), Refusal> {
        rest.skip_blanks();
        let Some(value) = rest.quoted()? else {
            return malformed(format!("the value of label `{name}` is not in quotes"));
        };
        if name.is_empty() {
            return malformed("the name of a label is empty");
        }
        self.count += 1;
        if self.count > MAX_LABELS {
            return Err(Refusal::TooManyLabels);
        }
        push_word(&mut self.text, name);
        self.text.push_str("=\"");
        push_word(&mut self.text, &value);
        self.text.push_str("\",");
        Ok(())
    }
}

/// What stands behind name and labels.
struct Tail<'a> {
    value: &'a str,
    at_ms: Option<Millis>,
    exemplar: bool,
}

impl<'a> Tail<'a> {
    fn parse(mut rest: Cursor<'a>, unit: TimestampUnit) -> Result<Self, Refusal> {
        let value = rest.token();
        if value.is_empty() || value.starts_with('#') {
            return malformed("there is no value");
        }
        if value.starts_with('{') {
            return Err(Refusal::Unsupported("a native histogram"));
        }
        // Nothing that the crate's regular expression would take for a blank.
        if !value.bytes().all(|b| b.is_ascii_graphic()) {
            return malformed("the value is no number");
        }
        rest.skip_blanks();
        let mut at_ms = None;
        if !rest.0.is_empty() && !rest.0.starts_with('#') {
            let token = rest.token();
            if token.starts_with("st@") {
                return Err(Refusal::Unsupported("a start timestamp"));
            }
            at_ms = Some(instant(token, unit)?);
            rest.skip_blanks();
        }
        if rest.0.starts_with("st@") {
            return Err(Refusal::Unsupported("a start timestamp"));
        }
        let exemplar = rest.take('#');
        rest.skip_blanks();
        match (exemplar, rest.0.is_empty(), rest.0.starts_with('{')) {
            (false, true, _) | (true, _, true) => Ok(Self { value, at_ms, exemplar }),
            _ => malformed("there is more than a value and a timestamp"),
        }
    }
}

fn instant(token: &str, unit: TimestampUnit) -> Result<Millis, Refusal> {
    let Ok(number) = token.parse::<f64>() else {
        return malformed(format!("`{token}` is no timestamp"));
    };
    let ms = match unit {
        TimestampUnit::Seconds => millis_from_seconds(number),
        TimestampUnit::Milliseconds if token.contains(['.', 'e', 'E']) => {
            return malformed(format!(
                "the timestamp {token} is not in whole milliseconds (OpenMetrics ends with `# EOF`)"
            ));
        }
        TimestampUnit::Milliseconds => token.parse().ok(),
    };
    match ms {
        Some(ms) if (-MAX_INSTANT_MS..=MAX_INSTANT_MS).contains(&ms) => Ok(ms),
        _ => malformed(format!("the timestamp {token} is out of range")),
    }
}

/// What is left of a line.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, c: char) -> bool {
        let rest = self.0.strip_prefix(c);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A name of ASCII letters, digits, `_` and what `also` allows; `None` if none is here.
    fn word(&mut self, also: impl Fn(char) -> bool) -> Option<&'a str> {
        let of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
        let end = self.0.find(|c| !of_word(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        Some(word)
    }

    /// What stands up to the next blank.
    fn token(&mut self) -> &'a str {
        self.skip_blanks();
        let end = self.0.find([' ', '\t']).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token
    }

    /// A text in double quotes, with its escapes undone; `None` if none is here.
    fn quoted(&mut self) -> Result<Option<String>, Refusal> {
        if !self.take('"') {
            return Ok(None);
        }
        let mut text = String::new();
        let mut chars = self.0.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Ok(Some(text));
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, c)) => text.extend(['\\', c]),
                    None => break,
                },
                c => text.push(c),
            }
        }
        malformed("a quote is not closed")
    }
}

#[cfg(test)]
mod tests;
