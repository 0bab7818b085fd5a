//! Changes that free what is wasted, as values: what is changed, on what evidence, how, and how it is undone.
//!
//! Pure: recommendations, claims and objects in, the [`contract::PatchSet`] out. Nothing here talks to a cluster. Reading
//! and writing objects is `source::kubernetes`, the order of steps and what is refused is `commands`.

mod build;
mod change;
pub mod command;
pub mod contract;
pub mod diff;
pub mod edits;
pub mod manifests;
pub mod objects;
pub mod place;
mod scaling;
mod schedule;
mod stale;
#[cfg(test)]
mod tests;
pub mod turns;
mod virtual_cluster;

pub use build::{Material, patches};
pub mod journal;
pub mod plan;
pub mod result;
pub mod run;
