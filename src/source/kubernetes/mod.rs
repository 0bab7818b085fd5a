//! A live cluster, read through its API server: objects, and the metric servers behind its services.
//!
//! Only `GET` is ever sent. What an answer means is `source::objects` and `source::prometheus`.

pub mod client;
pub mod discovery;
mod exchange;
mod kubeconfig;
pub mod list;
pub mod options;
mod owners;
mod pages;
pub mod proxy;
#[cfg(test)]
mod tests;
mod version;

pub use client::{Cluster, ClusterError, connect};
pub use discovery::{Candidate, Discovery, MetricServerKind, choose, discover};
pub use list::{ListError, list};
pub use options::ClusterOptions;
pub use proxy::ServiceProxy;
pub use version::version;
