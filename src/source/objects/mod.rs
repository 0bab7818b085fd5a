//! Cluster objects as JSON: from files, and decoded into facts.
//!
//! Listing them from a live API server is `source::kubernetes`; both give [`RawObjects`], and both
//! are decoded by the same pure function, so a dump of a cluster reads like the cluster.

pub mod raw;

pub use raw::{RawObject, RawObjects};
