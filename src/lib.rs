//! `gpu-finops`: who held which GPU, how well it was used, what it cost, what to do about it.
//!
//! ```text
//! sources ──► observations ──► frames ──► attribution ──► cost ──► findings ──► report ──► outputs
//! ```
//!
//! Left of *frames*: effects, async, failure. From there on: pure, synchronous, deterministic.
//! Only [`commands`] know both sides.

pub mod access;
pub mod attribution;
pub mod budget;
pub mod calendar;
pub mod ci;
pub mod claims;
pub mod cleanup;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod cost;
pub mod doctor;
pub mod error;
pub mod explain;
pub mod findings;
pub mod focus;
pub mod frame;
pub mod gate;
pub mod kinds;
pub mod model;
#[cfg(test)]
mod mutation;
pub mod observe;
pub mod output;
pub mod recommend;
pub mod reconcile;
pub mod report;
pub mod rollup;
pub mod settings;
pub mod sizing;
pub mod source;
pub mod trace;
pub mod ui;
pub mod units;
