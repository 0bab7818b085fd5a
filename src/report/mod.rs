//! The report: its contract, and how it is built from frames.

pub mod contract;
