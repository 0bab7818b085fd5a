//! A live cluster, read through its API server: objects, the metric servers behind its services,
//! and exporters.
//!
//! Only `GET` is ever sent, but for [`reviews`], which store nothing, and [`mod@write`], which
//! `apply`, `cleanup` and `rollback` alone use. What an answer means is `source::objects` and
//! `source::prometheus`.

pub mod client;
pub mod discovery;
mod exchange;
pub mod exporters;
mod kubeconfig;
pub mod list;
pub mod options;
mod owners;
mod pages;
pub mod proxy;
pub mod reviews;
#[cfg(test)]
mod tests;
mod version;
pub mod write;

pub use client::{Cluster, ClusterError, connect};
pub use discovery::{Candidate, Discovery, MetricServerKind, choose, discover};
pub use exporters::{ExporterPod, ExportersError, exporters, exporters_looked_for};
pub use list::{ListError, autoscalers, further_workloads, list};
pub use options::ClusterOptions;
pub use proxy::{PodProxy, ServiceProxy};
pub use reviews::{Question, ReviewError, Verdict};
pub use version::version;
