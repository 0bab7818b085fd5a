//! The journal of a run: what was about to be done, and what was done, line by line.
//!
//! Pure encoding and decoding; writing it to the disk is the command's. A line holds one entry as JSON: its number, its
//! time, what happened, and a hash over all of that and the line before, so that damage in the middle is found. A last
//! line that is torn was never relied upon, for a write is sent only after its entry is on the disk.

pub mod progress;
pub mod record;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::progress::{Attempt, Outcome, Progress};
pub use self::record::{Answered, Intent, Purpose, Record, RunHeader};
use super::plan::state::{canonical, sha256};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Number, from 0.
    pub seq: u64,
    /// When it was written, RFC 3339.
    pub at: String,
    /// What happened.
    pub record: Record,
    /// SHA-256 of the hash of the line before and of the rest of this one.
    pub sum: String,
}

/// Where a journal ends: what the next line goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct End {
    next: u64,
    sum: String,
}

/// A journal that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Journal {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// Where it ends.
    pub end: End,
    /// Bytes of its whole lines: what comes after them is torn.
    pub whole_bytes: usize,
}

/// Why a journal cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A line in the middle that is not what was written.
    #[error("line {line} is damaged: {reason}")]
    Damaged {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// It does not begin with a run.
    #[error("it has no run in it: no write was ever about to be sent")]
    Empty,
}

impl End {
    /// The next entry as a line, and where the journal ends then.
    ///
    /// # Errors
    /// An encoder that fails.
    pub fn line(&self, at: String, record: Record) -> Result<(String, Self), serde_json::Error> {
        let mut entry = Entry { seq: self.next, at, record, sum: String::new() };
        entry.sum = sum_of(&self.sum, &serde_json::to_value(&entry)?);
        let mut line = serde_json::to_string(&entry)?;
        line.push('\n');
        Ok((line, Self { next: self.next + 1, sum: entry.sum }))
    }

    /// Number of the next entry.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }
}

/// Reads a journal.
///
/// # Errors
/// [`JournalError::Damaged`] for a line that is wrong and not the last.
pub fn read(bytes: &[u8]) -> Result<Journal, JournalError> {
    let mut journal = Journal::default();
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let is_last = lines.peek().is_none();
        let entry = match entry(line, &journal.end) {
            Ok(entry) => entry,
            Err(_) if is_last => break,
            Err(reason) => return Err(JournalError::Damaged { line: number + 1, reason }),
        };
        journal.end = End { next: entry.seq + 1, sum: entry.sum.clone() };
        journal.entries.push(entry);
        journal.whole_bytes += line.len();
    }
    match journal.entries.first().map(|entry| &entry.record) {
        Some(Record::Run(_)) => Ok(journal),
        _ => Err(JournalError::Empty),
    }
}

fn entry(line: &[u8], end: &End) -> Result<Entry, String> {
    if line.last() != Some(&b'\n') {
        return Err("it does not end".to_owned());
    }
    let value: Value = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let said = value.get("sum").and_then(Value::as_str).unwrap_or_default();
    if sum_of(&end.sum, &value) != said {
        return Err("its checksum does not fit".to_owned());
    }
    let entry: Entry = serde_json::from_value(value).map_err(|e| e.to_string())?;
    if entry.seq != end.next {
        return Err(format!("it is entry {}, and {} was due", entry.seq, end.next));
    }
    Ok(entry)
}

fn sum_of(before: &str, entry: &Value) -> String {
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut() {
        fields.shift_remove("sum");
    }
    sha256(&format!("{before}\n{}", canonical(&entry)))
}
