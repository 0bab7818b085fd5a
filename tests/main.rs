<<<<<<< HEAD
//! Integration tests, one binary: linking is what takes the time.

mod cli;
mod settings_reference;
=======
//! Integration tests, as one binary: linking polars once is what takes the time.

mod demo_fixture;
>>>>>>> snap
