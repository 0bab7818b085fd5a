//! What can be wrong with a folder of roll-ups.

use std::path::{Path, PathBuf};

/// Why roll-ups could not be read or written. Every message names the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RollupStoreError {
    /// The path does not lead to a folder with roll-ups.
    #[error(
        "`{}` has neither roll-ups nor scrapes: give the folder that `gpu-finops roll-up --store` or `gpu-finops collect --store` writes",
        .0.display()
    )]
    NoRollups(PathBuf),
    /// The folder is something else of ours, or of others.
    #[error(
        "`{}` is of the format `{format}`, not of roll-ups: choose a new or empty folder for them",
        .dir.display()
    )]
    OtherFormat {
        /// The folder.
        dir: PathBuf,
        /// What its manifest says.
        format: String,
    },
    /// The folder to be written holds something else.
    #[error(
        "`{}` is not empty and has no roll-ups (it holds `{entry}`), so nothing is written there: choose a new or empty folder",
        .dir.display()
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// Something in it.
        entry: String,
    },
    /// A later version wrote it.
    #[error(
        "`{}` has format version {found}, this version of gpu-finops reads up to {supported}: update gpu-finops",
        .dir.display()
    )]
    FutureVersion {
        /// The folder.
        dir: PathBuf,
        /// Format version of the folder.
        found: u64,
        /// Latest format version that can be read.
        supported: u64,
    },
    /// A file cannot be understood.
    #[error("`{}` cannot be read: {detail}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
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
}

impl RollupStoreError {
    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
