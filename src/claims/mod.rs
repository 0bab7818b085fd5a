//! Resource claims (DRA): what each is there for, who has it, what it costs, and why it stands as it does.
//!
//! Pure: cluster facts in, the [`contract::ClaimsReport`] out. It is about the present alone: how long a
//! claim held what is the ledger's affair, and nothing here changes a cluster.

pub mod build;
pub mod class;
pub mod classify;
pub mod contract;
pub mod devices;
mod holders;
mod rules;
mod sight;
#[cfg(test)]
mod tests;
mod words;

pub use class::{Class, UnknownClass};
