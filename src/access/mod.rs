//! What the program may have to do in a cluster: one table of permissions, from which the roles that it prints, the checks
//! of `doctor rbac` and the documentation are made.
//!
//! Pure: nothing here asks a cluster.

pub mod contract;
pub mod judge;
pub mod roles;
mod table;
#[cfg(test)]
mod tests;

pub use table::{LEASE, LISTED, Part, Permission, allows, permissions};
