//! Integration tests, as one binary: linking polars once is what takes the time.

mod cli;
mod common;
mod demo;
mod demo_fixture;
mod gentd26;
mod laws;
mod settings_reference;
