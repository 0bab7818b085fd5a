//! A local store of scrapes, for clusters that have no Prometheus: appended to, compacted, read.
//!
//! ```text
//! scraped ──► writer ──► segment (record)      log of the hour, frame by frame
//!                └─────► hour ──► partition    hours that are over, as Parquet
//! read ──► hour, partition ──► replies         MetricData, as a metric server would give it
//! ```
//!
//! How things are scraped is `source::scrape`; the schema is in `docs/store.md`.

mod error;
mod gaps;
mod hour;
mod layout;
mod lock;
mod partition;
mod read;
mod record;
mod replies;
mod scraped;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

pub use error::StoreError;
pub use read::{StoreQuery, Stored, objects, read};
pub(in crate::source) use replies::Replies;
pub use scraped::{Scraped, TargetName};
pub use writer::{StoreWriter, Upkeep};
