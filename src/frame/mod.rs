//! Typed polars tables.
