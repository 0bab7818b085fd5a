//! Frames: time of holders on devices as columns, and what is grouped, summed and ranked over them.
//!
//! What the sums mean to a reader is `report::build`.

pub mod columns;
pub mod groups;
pub mod keys;
pub mod names;
pub mod pairs;
pub mod rows;
pub mod spread;
pub mod sums;
