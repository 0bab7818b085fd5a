//! Frames: the ledger's rows as typed polars tables, and the sums over them.
//!
//! Every formula of the report that is a sum is a named expression here; every join states its
//! cardinality. What the sums mean to a reader is `report::build`.

pub mod columns;
pub mod names;
pub mod sums;
pub mod tables;
pub mod usage;
