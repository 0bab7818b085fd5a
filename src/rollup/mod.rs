//! Roll-ups: the accounts of one cluster and day as Parquet, and many of them as accounts again.
//!
//! ```text
//! report::accounts ──► encode ──► files of a partition
//! files ──► decode ──► merge ──► report::accounts ──► the report, as of live inputs
//! ```
//!
//! Rows merge by sums, maxima and the edges of idle stretches, so that days and clusters can be worked out
//! apart. The schema is in `docs/rollups.md`. Pure: folders are `source::rollups`.

pub mod columns;
mod decode;
mod encode;
mod header;
mod merge;
mod runs;
#[cfg(test)]
mod tests;
mod told;

pub use decode::decode;
pub use encode::encode;
pub use header::FORMAT_VERSION;
pub use merge::{Merge, Merged};

use crate::report::accounts::Accounts;
use crate::report::contract::Assumption;

/// The accounts of one cluster and time, and how they came about.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Name of the cluster.
    pub cluster: String,
    /// Its accounts.
    pub accounts: Accounts,
    /// Settings that they depend on.
    pub assumptions: Vec<Assumption>,
    /// Version of the tool that made them.
    pub tool_version: String,
}

/// Files of a partition: path within it, content.
pub type Files = Vec<(String, Vec<u8>)>;

/// Why a partition cannot be read or written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollupError {
    /// A file is not what it should be.
    #[error("{0}")]
    Damaged(String),
    /// A file is not there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A later version wrote it.
    #[error(
        "it has format version {found}, this version of gpu-finops reads up to {supported}: update gpu-finops"
    )]
    FutureVersion {
        /// Version of the partition.
        found: u64,
        /// Latest version that can be read.
        supported: u64,
    },
    /// Money of several currencies does not add up.
    #[error("roll-ups are in {0} and in {1}, which do not add up")]
    Currencies(String, String),
}

impl From<crate::source::tables::TableError> for RollupError {
    fn from(error: crate::source::tables::TableError) -> Self {
        Self::Damaged(error.to_string())
    }
}
