//! Asking exporters themselves: who, when, how, and what becomes of their text.
//!
//! ```text
//! target (URL, file, pod) ──► intake (exposition) ──► staleness ──► store::Scraped
//!                                                        └────────► instant: one scrape as a source
//! ```

pub mod health;
pub mod instant;
pub mod intake;
pub mod round;
pub mod schedule;
pub mod staleness;
pub mod target;

pub use intake::{Intake, Text};
pub use target::{Place, Target};
