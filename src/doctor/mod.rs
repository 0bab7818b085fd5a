//! What works and what is missing between a cluster and its ledger: checks of what the sources gave, each with
//! the setting that would make it better.
//!
//! Pure: inputs, the report on them and how sources were reached in, the [`contract::DoctorReport`] out. It
//! judges data, not GPUs: who wastes what is the report's affair. Whether figures are complete is decided by
//! the report's coverage alone, so that `doctor` and `report --strict` agree.

mod access;
pub mod build;
mod catalogue;
mod check;
pub mod contract;
mod csv_lines;
mod duplicates;
mod figures;
mod labels;
mod metrics;
mod prices;
mod server;
mod sharing;
mod signs;
mod stats;
#[cfg(test)]
mod tests;
