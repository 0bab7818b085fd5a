//! Prometheus-compatible HTTP API: what is asked, how it is sent, how answers are decoded.
//!
//! ```text
//! collect ──► render (queries/*.promql)          what is asked, in which order
//!    └──────► ways ──► remote_read, victoriametrics, reader, gridded   which way
//!                 │       └──► parts ──► chunks, shards   how much at a time
//!                 └──► cache                 what was answered about closed time
//!                                └─────► api ──► transport   one request: retries, errors in words
//!                                          └───► decode, scan  bytes to series
//! examine                                        what a server says of itself, for `doctor`
//! ```
//!
//! What the series mean is not known here.

mod address;
pub(in crate::source) mod answer;
pub mod api;
mod api_error;
mod auth;
mod backoff;
mod cache;
pub(in crate::source) mod chunks;
pub mod client;
pub mod collect;
mod decode;
pub mod examine;
mod gridded;
mod merge;
mod notes;
pub mod options;
mod parts;
mod probes;
pub mod reader;
pub mod remote_read;
pub mod render;
mod requests;
pub mod scan;
pub(in crate::source) mod scope;
pub(in crate::source) mod selector;
mod shards;
pub(in crate::source) mod status;
mod stream;
mod tls;
pub mod transport;
pub mod victoriametrics;
mod ways;

#[cfg(test)]
mod testing;

pub use api::Api;
pub use api_error::ApiError;
pub use client::DirectTransport;
pub use collect::{CollectError, Collected, collect};
pub use examine::examine;
pub use gridded::GridReader;
pub use reader::RangeReader;
pub use remote_read::RemoteReader;
pub use tls::install_crypto_provider;
pub use victoriametrics::ExportReader;
