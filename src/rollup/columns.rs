//! Every table of a partition and every column of theirs, once. What they mean is in `docs/rollups.md`.

/// File with what is not a table.
pub const HEADER: &str = "partition.json";
/// Time of one device by holder, state and value: what every sum is taken over.
pub const LEDGER: &str = "ledger";
/// One row for each holder on each device.
pub const TENURES: &str = "tenures";
/// Who had which part of which device, when.
pub const HOLDINGS: &str = "holdings";
/// Whoever held devices.
pub const HOLDERS: &str = "holders";
/// Devices, one row for each stretch of their presence.
pub const DEVICES: &str = "devices";
/// Every table.
pub const TABLES: [&str; 5] = [LEDGER, TENURES, HOLDINGS, HOLDERS, DEVICES];

/// The file of a table within a partition: in a folder of its own, as engines want it that take a folder for
/// a table.
#[must_use]
pub fn file(table: &str) -> String {
    format!("{table}/0.parquet")
}

pub(super) const CLUSTER: &str = "cluster";
pub(super) const DATE: &str = "date";
pub(super) const DAY: &str = "day";
pub(super) const DEVICE: &str = "device";
pub(super) const HOLDER: &str = "holder";
pub(super) const TENANT: &str = "tenant";
pub(super) const RULE: &str = "rule";
pub(super) const NAMESPACE: &str = "namespace";
pub(super) const WORKLOAD_KIND: &str = "workload_kind";
pub(super) const WORKLOAD: &str = "workload";
pub(super) const HOLDER_KIND: &str = "holder_kind";
pub(super) const NAME: &str = "pod";
pub(super) const UID: &str = "pod_uid";
pub(super) const HOLDING_SOURCE: &str = "holding_source";
pub(super) const NODE: &str = "node";
pub(super) const UUID: &str = "gpu_uuid";
pub(super) const MODEL: &str = "model";
pub(super) const SHARING: &str = "sharing";
pub(super) const STATE: &str = "state";
pub(super) const SIGNAL: &str = "signal";
pub(super) const REASON: &str = "unobserved_reason";
pub(super) const UTILIZATION: &str = "utilization";
pub(super) const ESTIMATED: &str = "estimated";
pub(super) const SHARE: &str = "share";
pub(super) const LENGTH_MS: &str = "length_ms";
pub(super) const GPU_MS: &str = "gpu_ms";
pub(super) const UTILIZATION_GPU_MS: &str = "utilization_gpu_ms";
pub(super) const PRICE: &str = "price_per_gpu_hour";
pub(super) const COST: &str = "cost";
pub(super) const CURRENCY: &str = "currency";
pub(super) const MEMORY_PEAK: &str = "memory_used_max_bytes";
pub(super) const LONGEST_IDLE_MS: &str = "longest_idle_ms";
pub(super) const LEADING_IDLE_MS: &str = "leading_idle_ms";
pub(super) const TRAILING_IDLE_MS: &str = "trailing_idle_ms";
pub(super) const FROM_MS: &str = "from_ms";
pub(super) const UNTIL_MS: &str = "until_ms";
pub(super) const OWNED: &str = "has_owner";
pub(super) const CLAIMS: &str = "uses_claims";
pub(super) const OBJECT_LABELS: &str = "labels";
pub(super) const METRIC_LABELS: &str = "metric_labels";
pub(super) const INDEX: &str = "gpu_index";
pub(super) const PRICE_SOURCE: &str = "price_source";
pub(super) const PRICE_BUILT_IN: &str = "price_is_built_in";
pub(super) const IS_POOL: &str = "is_pool";
pub(super) const INSTANCE_TYPE: &str = "instance_type";
pub(super) const CAPACITY_TYPE: &str = "capacity_type";
pub(super) const PROVIDER_ID: &str = "provider_id";
