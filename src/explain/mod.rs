//! Where a number or a recommendation comes from: queries, samples, intervals, prices, arithmetic, and a picture of
//! the utilization behind it.
//!
//! Pure: reports and traces in, the [`contract::Explanation`] out. It computes nothing that a report does not have; it
//! shows how it came about.

mod arithmetic;
pub mod build;
pub mod contract;
mod strips;
mod target;

pub use build::{Material, explain};
pub use target::{NoTarget, Target};
