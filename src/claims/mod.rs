//! Resource claims (DRA): what each is there for, who has it, what it costs, and why it stands as it does.
//!
//! Pure: cluster facts in, and where metrics were read the ledger's rows; the [`contract::ClaimsReport`]
//! out. It is about the present: who held what when is the ledger's affair, and nothing here changes a
//! cluster.

pub mod build;
pub mod class;
pub mod classify;
pub mod contract;
mod coverage;
pub mod devices;
mod holders;
mod rules;
mod sight;
#[cfg(test)]
mod tests;
pub mod usage;
mod words;

pub use class::{Class, UnknownClass};
