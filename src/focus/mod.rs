//! The ledger as rows of FOCUS, the FinOps Open Cost and Usage Specification: one charge for each GPU and UTC
//! day, split between those who held it and the states that its time was in.
//!
//! Amounts are whole numbers of small units (cents, billionths of an hour) that are shared out by the largest
//! remainder, so that parts add up to their charge, and charges to the ledger, exactly. Not here: bytes
//! (`output::focus`).

mod apportion;
mod cell;
mod charge;
mod column;
mod row;
mod tags;
#[cfg(test)]
mod tests;

pub use apportion::apportion;
pub use cell::{Cell, Kind};
pub use charge::{Charge, Origin, Part, Who, charges};
pub use column::{Billing, Table, Version, table};
