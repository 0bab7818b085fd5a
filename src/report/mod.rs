//! The report: its contract, and how it is built from frames.
//!
//! The one exit from frame-land: collected frames become rows of the contract here, and nowhere else.

pub mod accounts;
pub mod balance;
pub mod build;
pub mod contract;
pub mod coverage;
pub mod figures;
pub(crate) mod fold;
pub mod rows;
