//! Prometheus-compatible HTTP API: what is asked, how it is sent, how answers are decoded.

pub mod options;
pub mod transport;
