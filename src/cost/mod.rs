//! Prices.

pub mod book;
