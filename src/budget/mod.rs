//! Budgets: what a scope spends over time, held against what it may spend.
//!
//! ```text
//! ledger's rows ──► grid (cut at days and hours) ──► spend by budget ──► burn, forecast ──► judge ──► contract
//! ```
//!
//! Pure: definitions, accounts and "now" go in, verdicts come out. Which files define budgets is
//! `settings::budgets`; where the data comes from is `commands::budget`; no money is computed here that the
//! report would not have: the sum over all buckets is the report's.

mod arithmetic;
pub mod build;
pub mod burn;
pub mod calendar;
pub mod contract;
pub mod define;
pub mod drivers;
pub mod evaluate;
pub mod forecast;
pub mod grid;
pub mod judge;
pub mod propose;
pub mod scope;
pub mod spend;
pub mod verdict;
mod words;
