//! `snapshot.json`: what the other files are, and what must hold for them.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::error::SnapshotError;
use crate::model::window::rfc3339;
use crate::model::{ReadGap, SourceStatus};
use crate::units::Millis;

/// Name of the file.
pub(super) const MANIFEST: &str = "snapshot.json";
/// What the file says it is.
pub(super) const FORMAT: &str = "gpu-finops-snapshot";
/// Version of the layout; a change that an older tool would misread raises it.
pub(super) const FORMAT_VERSION: u64 = 1;

/// A file, with what proves that it is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    /// Path below the snapshot, with `/`.
    pub(super) path: String,
    /// Size in bytes.
    pub(super) bytes: u64,
    /// SHA-256 of the content, hexadecimal.
    pub(super) sha256: String,
}

/// The answer to one query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricEntry {
    /// Name of the query in the catalogue.
    pub(super) query: String,
    /// Number of series.
    pub(super) series: usize,
    /// Number of samples.
    pub(super) samples: u64,
    /// Labels of the series; none when there are no series.
    pub(super) labels_file: Option<FileEntry>,
    /// Samples of the series; none when there are no series.
    pub(super) samples_file: Option<FileEntry>,
    /// What could not be read.
    pub(super) gaps: Vec<ReadGap>,
}

/// Cluster objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectsEntry {
    /// The file.
    pub(super) file: FileEntry,
    /// Number of objects.
    pub(super) count: usize,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// [`FORMAT`].
    pub(super) format: String,
    /// [`FORMAT_VERSION`].
    pub(super) format_version: u64,
    /// Version of the tool that wrote it.
    pub(super) tool_version: String,
    /// Whether names are pseudonyms.
    pub(super) redacted: bool,
    /// What was asked.
    pub(super) server: Option<String>,
    /// First instant of the window, RFC 3339.
    pub(super) start: String,
    /// First instant after the window, RFC 3339.
    pub(super) end: String,
    /// When the inputs were read, RFC 3339.
    pub(super) now: String,
    /// How each source fared.
    pub(super) sources: Vec<SourceStatus>,
    /// Answers of the metric server.
    pub(super) metrics: Vec<MetricEntry>,
    /// Cluster objects.
    pub(super) objects: ObjectsEntry,
}

/// What can be read of any version, to tell a later one from a damaged one.
#[derive(Deserialize)]
struct Header {
    format: Option<String>,
    format_version: Option<u64>,
    tool_version: Option<String>,
}

impl Manifest {
    /// Reads the file.
    pub(super) fn parse(content: &[u8]) -> Result<Self, SnapshotError> {
        let damaged = |e: serde_json::Error| SnapshotError::damaged(MANIFEST, e);
        let header: Header = serde_json::from_slice(content).map_err(damaged)?;
        if header.format.as_deref() != Some(FORMAT) {
            let detail = format!("it does not say `\"format\": \"{FORMAT}\"`");
            return Err(SnapshotError::damaged(MANIFEST, detail));
        }
        match header.format_version {
            Some(FORMAT_VERSION) => serde_json::from_slice(content).map_err(damaged),
            Some(found) if found > FORMAT_VERSION => Err(SnapshotError::FutureVersion {
                found,
                supported: FORMAT_VERSION,
                tool_version: header.tool_version.unwrap_or_else(|| "?".to_owned()),
            }),
            Some(found) => {
                let detail = format!("there is no format version {found}");
                Err(SnapshotError::damaged(MANIFEST, detail))
            }
            None => Err(SnapshotError::damaged(MANIFEST, "it has no `format_version`")),
        }
    }
}

/// An instant as it is written in the file.
pub(super) fn instant(ms: Millis) -> Result<String, SnapshotError> {
    let text = rfc3339(ms);
    if parse_instant("", &text).is_ok_and(|parsed| parsed == ms) {
        Ok(text)
    } else {
        Err(SnapshotError::unwritable(MANIFEST, format!("{ms} ms is outside of the calendar")))
    }
}

/// An instant of the field `name`, read back.
pub(super) fn parse_instant(name: &str, text: &str) -> Result<Millis, SnapshotError> {
    DateTime::parse_from_rfc3339(text).map(|t| t.timestamp_millis()).map_err(|e| {
        SnapshotError::damaged(MANIFEST, format!("`{name}` is `{}`: {e}", text.escape_debug()))
    })
}
