//! `patch`: what would be changed, and that it can be undone.

mod commands;
mod recorded;
