//! What holders and devices are grouped by, as columns.

/// Holders with everything a row can be grouped by.
#[derive(Debug, Clone, Default)]
pub struct HolderRows {
    /// Tenant.
    pub tenant: Vec<String>,
    /// Rule.
    pub rule: Vec<String>,
    /// Namespace.
    pub namespace: Vec<String>,
    /// Workload kind.
    pub workload_kind: Vec<String>,
    /// Workload.
    pub workload: Vec<String>,
    /// Pod key.
    pub pod: Vec<String>,
    /// Holding source.
    pub holding_source: Vec<&'static str>,
    /// In scope.
    pub in_scope: Vec<bool>,
}

/// Devices with what their rows are grouped by.
#[derive(Debug, Clone, Default)]
pub struct DeviceRows {
    /// Cluster; empty without a name.
    pub cluster: Vec<String>,
    /// Node.
    pub node: Vec<String>,
    /// Model.
    pub model: Vec<String>,
    /// How it is shared.
    pub sharing: Vec<&'static str>,
}
