//! What rows can be grouped by: every name, once.

/// Row number of a device.
pub const DEVICE: &str = "device";
/// Tenant.
pub const TENANT: &str = "tenant";
/// Rule that named the tenant.
pub const RULE: &str = "rule";
/// Namespace.
pub const NAMESPACE: &str = "namespace";
/// Kind of the workload.
pub const WORKLOAD_KIND: &str = "workload_kind";
/// Name of the workload.
pub const WORKLOAD: &str = "workload";
/// Pod: one value per pod and life (namespace, name and UID together).
pub const POD: &str = "pod";
/// What the holding interval rests on.
pub const HOLDING_SOURCE: &str = "holding_source";
/// Cluster; empty where a report is of one that has no name.
pub const CLUSTER: &str = "cluster";
/// Node.
pub const NODE: &str = "node";
/// How a device is shared.
pub const SHARING: &str = "sharing";
/// Model.
pub const MODEL: &str = "model";
