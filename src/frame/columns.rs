//! Every column name, once, with its unit as suffix.

/// Row number of a device.
pub const DEVICE: &str = "device";
/// Row number of a holder; null for time that nobody holds.
pub const HOLDER: &str = "holder";
/// State of a segment (`attribution::states::State`).
pub const STATE: &str = "state";
/// Utilization 0..1; null where not observed.
pub const UTILIZATION: &str = "utilization_ratio";
/// Signal that the utilization rests on.
pub const SIGNAL: &str = "signal";
/// Why held time is unobserved.
pub const BLIND: &str = "unobserved_reason";

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
/// Whether a holder is in the report's scope.
pub const IN_SCOPE: &str = "in_scope";

/// Node.
pub const NODE: &str = "node";
/// How a device is shared.
pub const SHARING: &str = "sharing";
/// Model.
pub const MODEL: &str = "model";
/// Price of a physical GPU-hour in the report's currency; null without one.
pub const PRICE: &str = "price_per_gpu_hour";

/// Length of a segment, milliseconds of its device's time.
pub const HELD_MS: &str = "length_ms";
/// Part of the device that a segment is about.
pub const SHARE: &str = "share_ratio";
/// Length × share: milliseconds of a whole physical GPU.
pub const GPU_MS: &str = "gpu_ms";
/// Whether the utilization is a device's, split between its holders.
pub const ESTIMATED: &str = "estimated";
/// Longest idle stretch of a tenure, milliseconds.
pub const LONGEST_IDLE_MS: &str = "longest_idle_ms";
/// Largest framebuffer use of a tenure, bytes.
pub const MEMORY_PEAK: &str = "memory_used_max_bytes";

/// Constant key of the one group that is the whole.
pub const FLEET: &str = "fleet";

/// Sums of a group: time in milliseconds, integrals in ratio-milliseconds, money in currency.
pub mod sum {
    /// All time of the group.
    pub const TOTAL_MS: &str = "total_ms";
    /// Active: busy and slack together.
    pub const ACTIVE_MS: &str = "active_ms";
    /// ∫ utilization over active time.
    pub const BUSY_RATIO_MS: &str = "busy_ratio_ms";
    /// ∫ utilization over all observed time.
    pub const UTILIZATION_RATIO_MS: &str = "utilization_ratio_ms";
    /// Held time whose utilization is an estimate.
    pub const ESTIMATED_MS: &str = "estimated_ms";
    /// Time without a price.
    pub const UNPRICED_MS: &str = "unpriced_ms";
    /// Money of all time of the group.
    pub const TOTAL_COST: &str = "total_cost";
    /// Money of active time.
    pub const ACTIVE_COST: &str = "active_cost";
    /// Money of busy time.
    pub const BUSY_COST: &str = "busy_cost";
    /// Suffix of a state's time.
    pub const MS_SUFFIX: &str = "_ms";
    /// Suffix of a state's money.
    pub const COST_SUFFIX: &str = "_cost";
    /// Percentiles and maximum of utilization.
    pub const P50: &str = "utilization_p50_ratio";
    /// See [`P50`].
    pub const P95: &str = "utilization_p95_ratio";
    /// See [`P50`].
    pub const P99: &str = "utilization_p99_ratio";
    /// See [`P50`].
    pub const MAX: &str = "utilization_max_ratio";
}
