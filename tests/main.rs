//! Integration tests, as one binary: linking polars once is what takes the time.

#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

mod bad_input;
mod cli;
mod cluster;
mod common;
mod demo;
mod demo_fixture;
mod gentd26;
mod laws;
mod live;
mod replay;
mod scope;
mod settings_reference;
