//! From samples to observations: what the series say, in units, per device and per object.
//!
//! Pure decoding of answers: labels to identities, values to units, instants to holds. Who pays for
//! what is `attribution`; nothing here knows a price or a tenant.

pub mod devices;
pub mod exporter;
pub mod field;
pub mod hold;
pub mod kube_state;
pub mod labels;
mod outline;
pub mod pod_use;
pub mod reading;
pub mod timeline;
