//! The ledger held against a provider's bill: which node is which resource, what each of them says, and why they differ.
//!
//! Pure. Reading bills is `source::bill`; the rows come one by one (`Desk::take`), because a bill may be large, and
//! only those of GPU machines are kept.

mod build;
pub mod contract;
mod desk;
mod identity;
mod ledger;
mod meter;
mod prices;
mod span;
#[cfg(test)]
mod tests;
mod verdict;

pub use build::{Context, Unmatched, build};
pub use desk::{Desk, WrongCurrency};
pub use ledger::{Ledger, LedgerNode};
pub use prices::price_book;
pub use verdict::verdict;
