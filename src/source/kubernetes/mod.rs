//! A live cluster, read through its API server: objects, and the metric servers behind its services.

pub mod options;
