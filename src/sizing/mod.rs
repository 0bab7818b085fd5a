//! How much of a card something needs, which sizes there are, and whether a size would have done.
//!
//! Pure arithmetic on [`crate::trace`]s. What is proposed to whom, and what it saves, is `findings`.

pub mod demand;
pub mod fit;
pub mod hardware;
pub mod histogram;
pub mod menu;
pub mod replay;
pub mod requests;
pub mod schedule;
#[cfg(test)]
pub(crate) mod testing;
