//! Integration tests, as one binary: linking polars once is what takes the time.

mod demo_fixture;
