//! What is decided while a plan is applied or taken back: pure, from objects as they are just now.
//!
//! Sending is the command's.

pub mod drift;
pub mod exempt;
pub mod mark;
pub mod outcome;
#[cfg(test)]
mod tests;
pub mod undo;
