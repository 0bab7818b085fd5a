//! Saving everything that a report needs into a folder, and replaying it as a source.
//!
//! A snapshot is what the sources answered, before anything is understood: samples with their
//! exact bits, objects as JSON. Replaying one gives the same bytes of report as the run that saved it.
//! Not here: decoding objects or samples, and choosing what to ask.
//!
//! ```text
//! snapshot.json             format version, window, sources, and size + SHA-256 of each file below
//! labels/<query>.parquet    series, label, value
//! samples/<query>.parquet   series, elapsed_ms since the sample before, value
//! objects/objects.json      cluster objects, one per line
//! ```

mod decode;
mod embedded;
mod encode;
mod error;
mod files;
mod manifest;
mod redact;
mod samples;
mod target;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::model::{MetricData, SourceStatus, Window};
use crate::source::objects::RawObjects;
use crate::units::Millis;

pub use embedded::demo;
pub use error::SnapshotError;
pub use redact::Salt;
pub use target::check_target;

/// Everything that one report was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The window that the inputs cover.
    pub window: Window,
    /// The instant at which they were read.
    pub now_ms: Millis,
    /// Answers of the metric server, one per query asked.
    pub metrics: Vec<MetricData>,
    /// Cluster objects.
    pub objects: RawObjects,
    /// How each source fared.
    pub sources: Vec<SourceStatus>,
    /// Version of the tool that read them.
    pub tool_version: String,
    /// What was asked, for people; never with credentials.
    pub server: Option<String>,
    /// Whether names are pseudonyms.
    pub redacted: bool,
}

/// How to save.
pub struct SaveOptions<'a> {
    /// Replace names by pseudonyms, the same one for the same name everywhere.
    pub redact: bool,
    /// What makes the pseudonyms unguessable; random when `None`, and never stored.
    pub salt: Option<Salt>,
    /// Replace a snapshot that is already there.
    pub force: bool,
    /// What may be kept of an object; `None` for one that must not be saved (a Secret).
    pub sanitise: &'a dyn Fn(&Value) -> Option<Value>,
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The folder.
    pub dir: PathBuf,
    /// Files in it.
    pub files: usize,
    /// Their size together, in bytes.
    pub bytes: u64,
    /// Samples in it.
    pub samples: u64,
    /// Objects in it.
    pub objects: usize,
    /// Objects left out, because they may hold secrets.
    pub objects_dropped: usize,
}

/// Saves `snapshot` as the folder `dir`: all of it, or nothing.
///
/// The folder is written beside its place and renamed into it.
///
/// # Errors
///
/// When the place is taken (see [`check_target`]) or cannot be written.
pub fn save(
    dir: &Path,
    snapshot: &Snapshot,
    options: &SaveOptions<'_>,
) -> Result<Saved, SnapshotError> {
    let target = target::Target::open(dir, options.force)?;
    let pseudonyms =
        options.redact.then(|| redact::Pseudonyms::new(options.salt.unwrap_or_else(Salt::random)));
    let counts =
        encode::encode(snapshot, options.sanitise, pseudonyms.as_ref(), &mut |path, bytes| {
            target.write(path, bytes)
        })?;
    let dir = target.commit()?;
    Ok(Saved {
        dir,
        files: counts.files,
        bytes: counts.bytes,
        samples: counts.samples,
        objects: counts.objects,
        objects_dropped: counts.objects_dropped,
    })
}

/// Loads the snapshot in the folder `dir`.
///
/// # Errors
///
/// When `dir` is no snapshot, is of a later format, or is damaged: the message names the file.
pub fn load(dir: &Path) -> Result<Snapshot, SnapshotError> {
    decode::decode(&files::Files::open(dir)?)
}

/// Loads a snapshot from files in memory, given as path and content.
///
/// # Errors
///
/// As for [`load`].
pub fn load_embedded(files: &[(&str, &[u8])]) -> Result<Snapshot, SnapshotError> {
    decode::decode(&files::Files::Embedded(files))
}
