//! What can be wrong with a snapshot, or with the place where one is to be saved.

use std::path::PathBuf;

use crate::source::tables::TableError;

/// Why a snapshot could not be saved or loaded. Every message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The path does not lead to a folder.
    #[error(
        "`{}` is not a folder: give the folder that `gpu-finops snapshot save` wrote",
        .0.display()
    )]
    NotAFolder(PathBuf),
    /// The folder has no `snapshot.json`.
    #[error(
        "`{}` has no snapshot.json: give the folder that `gpu-finops snapshot save` wrote, not the one around it",
        .0.display()
    )]
    NotASnapshot(PathBuf),
    /// A file that the snapshot lists is not there.
    #[error("`{0}` is missing: the snapshot is incomplete, copy or save it again")]
    Missing(String),
    /// Reading or writing failed.
    #[error("cannot {action} `{path}`")]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file or folder.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The snapshot was written by a later version.
    #[error(
        "`snapshot.json` has format version {found}, this version of gpu-finops reads up to {supported}: \
         update gpu-finops (it was written by version {tool_version})"
    )]
    FutureVersion {
        /// Format version of the snapshot.
        found: u64,
        /// Latest format version that can be read.
        supported: u64,
        /// Version of the tool that wrote it, or `?`.
        tool_version: String,
    },
    /// A file's content is not what was saved.
    #[error(
        "`{file}` was changed or damaged since it was saved (SHA-256 {found}, expected {expected}): \
         copy or save the snapshot again"
    )]
    Checksum {
        /// The file.
        file: String,
        /// Checksum in `snapshot.json`, hexadecimal.
        expected: String,
        /// Checksum of the content, hexadecimal.
        found: String,
    },
    /// A file is larger than can be right.
    #[error(
        "`{file}` has more than {limit} bytes: it is not the file that was saved, copy or save the snapshot again"
    )]
    TooLarge {
        /// The file.
        file: String,
        /// Most bytes that were expected or are allowed.
        limit: u64,
    },
    /// A file cannot be understood.
    #[error("`{file}` cannot be read: {detail}; copy or save the snapshot again")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong, with the value.
        detail: String,
    },
    /// Something in the snapshot cannot be written.
    #[error("cannot write `{file}`: {detail}")]
    Unwritable {
        /// The file.
        file: String,
        /// Why.
        detail: String,
    },
    /// The place holds a snapshot already.
    #[error("`{}` holds a snapshot already: choose another folder, or replace it with --force", .0.display())]
    TargetExists(PathBuf),
    /// The place holds something else.
    #[error(
        "`{}` is not empty and not a snapshot (it holds `{entry}`), so it is not replaced, not even with --force: \
         choose a new or empty folder",
        .dir.display()
    )]
    TargetForeign {
        /// The folder.
        dir: PathBuf,
        /// Something in it that no snapshot has.
        entry: String,
    },
}

impl From<TableError> for SnapshotError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Damaged { file, detail } => Self::Damaged { file, detail },
            TableError::Unwritable { file, detail } => Self::Unwritable { file, detail },
        }
    }
}

impl SnapshotError {
    pub(super) fn damaged(file: &str, detail: impl std::fmt::Display) -> Self {
        Self::Damaged { file: file.to_owned(), detail: detail.to_string() }
    }

    pub(super) fn unwritable(file: &str, detail: impl std::fmt::Display) -> Self {
        Self::Unwritable { file: file.to_owned(), detail: detail.to_string() }
    }

    pub(super) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.display().to_string(), source }
    }
}
