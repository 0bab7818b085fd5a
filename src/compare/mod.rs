//! Two saved reports side by side: what came, what went, what changed, and what drove the difference.
//!
//! Pure. Reading the files is `commands`.

mod build;
pub mod contract;
#[cfg(test)]
mod tests;
mod verdict;

pub use build::{Saved, Unlike, compare};
pub use verdict::verdict;
