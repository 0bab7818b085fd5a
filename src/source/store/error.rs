//! What can be wrong with a store.

use std::path::{Path, PathBuf};

use crate::source::tables::TableError;

/// Why a store could not be opened, written or read. Every message names the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The path does not lead to a folder with a store in it.
    #[error("`{}` is no store: give the folder that `gpu-finops collect --store` writes", .0.display())]
    NotAStore(PathBuf),
    /// The folder has roll-ups.
    #[error("`{}` has roll-ups, not scrapes: only `report` reads those", .0.display())]
    RollUps(PathBuf),
    /// The folder to be written holds something else.
    #[error(
        "`{}` is not empty and no store (it holds `{entry}`), so nothing is written there: choose a new or empty folder",
        .dir.display()
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// Something in it that no store has.
        entry: String,
    },
    /// Another process writes to it.
    #[error(
        "`{}` is written by another `gpu-finops collect`{holder}: stop that one first, or give this one a store of its own",
        .dir.display()
    )]
    Locked {
        /// The folder.
        dir: PathBuf,
        /// ` (process 4711)`, where it is known.
        holder: String,
    },
    /// The store was written by a later version.
    #[error(
        "`{}` has format version {found}, this version of gpu-finops reads up to {supported}: update gpu-finops",
        .dir.display()
    )]
    FutureVersion {
        /// The folder.
        dir: PathBuf,
        /// Format version of the store.
        found: u64,
        /// Latest format version that can be read.
        supported: u64,
    },
    /// There is nothing of the time that was asked for.
    #[error("the store `{}` has no scrape that succeeded from {start} to {end}; {holds}", .dir.display())]
    NothingThere {
        /// The folder.
        dir: PathBuf,
        /// First instant asked for.
        start: String,
        /// First instant after.
        end: String,
        /// What it has.
        holds: String,
    },
    /// Reading or writing failed.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be understood, or a table not be written.
    #[error("{0}")]
    Content(String),
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, detail: impl std::fmt::Display) -> Self {
        Self::Content(format!(
            "`{}` cannot be read: {detail}; move it away to go on without it",
            path.display()
        ))
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        Self::Content(error.to_string())
    }
}
