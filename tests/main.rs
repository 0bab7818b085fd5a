//! Integration tests, one binary: linking is what takes the time.

mod cli;
mod settings_reference;
