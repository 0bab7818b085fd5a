//! The report as other programs read it: the JSON contract, version [`SCHEMA_VERSION`].
//!
//! Near the bottom of the house: serde structs only, no arithmetic beyond look-ups, no frames.
//! Hours are GPU-hours of physical GPUs, ratios are 0..1, money is in `currency`, unrounded.
//! `null` means not known; 0 means measured 0.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the contract. A field that changes meaning or goes away raises the first number.
pub const SCHEMA_VERSION: &str = "1.2";

/// GPU time by state, and its cost. The states add up to `capacity_gpu_hours`;
/// those that somebody holds add up to `allocated_gpu_hours`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// Physical GPUs × time. Only for rows that own hardware (fleet, GPU, node, model).
    pub capacity_gpu_hours: Option<f64>,
    /// Held by somebody: busy + slack + idle_warm + idle_empty + unobserved.
    pub allocated_gpu_hours: f64,
    /// Held and really used: integral of utilization over time that is not idle.
    pub busy_gpu_hours: f64,
    /// Held and not idle, but unused: integral of (1 − utilization) over time that is not idle.
    pub slack_gpu_hours: f64,
    /// Held, below the idle threshold, framebuffer in use.
    pub idle_warm_gpu_hours: f64,
    /// Held, below the idle threshold, framebuffer about empty.
    pub idle_empty_gpu_hours: f64,
    /// Held, without a sample to trust: neither idle nor busy.
    pub unobserved_gpu_hours: f64,
    /// Held by a claim that no live pod uses.
    pub stale_claim_gpu_hours: f64,
    /// Held by nobody, and could be scheduled.
    pub unallocated_gpu_hours: f64,
    /// Held by nobody, and nobody can: no CPU or memory left on the node, or too little left of a card that
    /// is cut into instances.
    pub stranded_gpu_hours: f64,
    /// Held by nobody, and broken: node not ready or cordoned, device missing or with a fatal XID.
    pub unhealthy_gpu_hours: f64,
    /// Held time with a trustworthy sample.
    pub observed_gpu_hours: f64,
    /// Integral of utilization over all observed held time, idle time included.
    pub utilization_gpu_hours: f64,
    /// Time-weighted mean utilization over observed held time, 0..1.
    pub utilization: Option<f64>,
    /// Observed share of the held time, 0..1.
    pub observed_ratio: Option<f64>,
    /// Held time whose utilization is an estimate: the value of a device that several share, split between
    /// them by share. Who held it, and so what it costs, is not part of the estimate.
    pub estimated_gpu_hours: f64,
    /// Estimated share of the held time, 0..1.
    pub estimated_ratio: Option<f64>,
    /// Time on GPUs without a price: the costs of this row leave it out.
    pub unpriced_gpu_hours: f64,
    /// Cost of `capacity_gpu_hours`.
    pub capacity_cost: Option<f64>,
    /// Cost of `allocated_gpu_hours`.
    pub allocated_cost: Option<f64>,
    /// Cost of `busy_gpu_hours`.
    pub busy_cost: Option<f64>,
    /// Cost of `slack_gpu_hours`.
    pub slack_cost: Option<f64>,
    /// Cost of `idle_warm_gpu_hours`.
    pub idle_warm_cost: Option<f64>,
    /// Cost of `idle_empty_gpu_hours`.
    pub idle_empty_cost: Option<f64>,
    /// Cost of `unobserved_gpu_hours`.
    pub unobserved_cost: Option<f64>,
    /// Cost of `stale_claim_gpu_hours`.
    pub stale_claim_cost: Option<f64>,
    /// Cost of `unallocated_gpu_hours`.
    pub unallocated_cost: Option<f64>,
    /// Cost of `stranded_gpu_hours`.
    pub stranded_cost: Option<f64>,
    /// Cost of `unhealthy_gpu_hours`.
    pub unhealthy_cost: Option<f64>,
    /// Cost of waste: idle + slack + stale_claim. Null also where time was held, none of it observed, and no
    /// claim stale: nothing tells then what was wasted.
    pub waste_cost: Option<f64>,
}

impl Ledger {
    /// Time below the idle threshold: idle_warm + idle_empty.
    #[must_use]
    pub const fn idle_gpu_hours(&self) -> f64 {
        self.idle_warm_gpu_hours + self.idle_empty_gpu_hours
    }

    /// Waste in time: idle + slack + stale_claim.
    #[must_use]
    pub const fn waste_gpu_hours(&self) -> f64 {
        self.idle_gpu_hours() + self.slack_gpu_hours + self.stale_claim_gpu_hours
    }
}

/// How utilization was spread over observed held time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Smallest utilization whose cumulative held time reaches 50 %.
    pub utilization_p50: Option<f64>,
    /// The same for 95 %.
    pub utilization_p95: Option<f64>,
    /// The same for 99 %.
    pub utilization_p99: Option<f64>,
    /// Largest sample.
    pub utilization_max: Option<f64>,
    /// Largest framebuffer use of one device, bytes.
    pub memory_used_max_bytes: Option<f64>,
    /// Longest unbroken idle stretch of one device, seconds.
    pub longest_idle_seconds: f64,
    /// Most GPUs held at one time, parts of GPUs as parts.
    pub gpus_peak: f64,
    /// Utilization signals that the row rests on, most used first, joined by ` + `
    /// (`gpu_util`, `sm_active`, …).
    pub signal: Option<String>,
    /// What the holding intervals rest on, most used first, joined by ` + `
    /// (`kube-state-metrics`, `objects`, `dcgm-labels`, `none`).
    pub holding_source: Option<String>,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Report {
    /// Version of this contract.
    pub schema_version: String,
    /// When the inputs were read, RFC 3339.
    pub generated_at: String,
    /// Version of the tool.
    pub tool_version: String,
    /// ISO 4217 code of every cost and price.
    pub currency: String,
    /// What the report is about.
    pub window: WindowRow,
    /// What part of it is shown in the rows below `fleet`.
    pub scope: ScopeRow,
    /// Everything, always of the whole cluster.
    pub fleet: FleetRow,
    /// Sum over the tenants in scope.
    pub in_scope: ScopeTotals,
    /// By cluster, by name; empty where the report is of one that has no name.
    pub clusters: Vec<ClusterRow>,
    /// By tenant, most waste first. Tenants of the same name in several clusters are one.
    pub tenants: Vec<TenantRow>,
    /// By namespace, most waste first.
    pub namespaces: Vec<NamespaceRow>,
    /// By workload, most waste first.
    pub workloads: Vec<WorkloadRow>,
    /// By pod, most waste first.
    pub pods: Vec<PodRow>,
    /// By physical GPU, by node and index.
    pub gpus: Vec<GpuRow>,
    /// By node, by name.
    pub nodes: Vec<NodeRow>,
    /// By GPU model, by name.
    pub models: Vec<ModelRow>,
    /// By way of sharing, by name.
    pub modes: Vec<ModeRow>,
    /// What deserves attention, most money first.
    pub findings: Vec<Finding>,
    /// What the figures rest on, and what is missing.
    pub coverage: Coverage,
    /// Whether the ledger balances.
    pub reconciliation: Reconciliation,
    /// Settings and conventions that the figures depend on.
    pub assumptions: Vec<Assumption>,
}

/// Half-open window `[start, end)`, RFC 3339, UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WindowRow {
    /// First instant.
    pub start: String,
    /// First instant after.
    pub end: String,
    /// Length in hours.
    pub hours: f64,
}

/// What was asked to be shown; empty lists show everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ScopeRow {
    /// Tenant patterns.
    pub tenants: Vec<String>,
    /// Namespace patterns.
    pub namespaces: Vec<String>,
    /// Label selector, as typed.
    pub selector: Option<String>,
}

/// Sum over everything in scope that a tenant held.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ScopeTotals {
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
}

/// The whole cluster, or all of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FleetRow {
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization over everything held.
    #[serde(flatten)]
    pub usage: Usage,
    /// Physical GPUs seen in the window.
    pub gpus: u32,
    /// Nodes with GPUs seen in the window. Pools of network-attached GPUs are none.
    pub nodes: u32,
    /// Physical GPUs by model.
    pub physical_gpus_by_model: BTreeMap<String, u32>,
    /// Allocated share of the capacity, 0..1.
    pub allocation_rate: Option<f64>,
    /// Busy share of the capacity ("of what you pay for"), 0..1. Null where none of the held time was observed.
    pub busy_of_capacity: Option<f64>,
    /// Waste (idle + slack + stale_claim) at this window's rate over 730 hours.
    pub waste_cost_per_month: Option<f64>,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClusterRow {
    /// Name.
    pub cluster: String,
    /// Physical GPUs.
    pub gpus: u32,
    /// Nodes with GPUs. Pools of network-attached GPUs are none.
    pub nodes: u32,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization over held time.
    #[serde(flatten)]
    pub usage: Usage,
}

/// What one tenant held.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TenantRow {
    /// Name; `__unattributed__` for what nobody owns.
    pub tenant: String,
    /// Rule that named it (`namespace-label:tenant`, …); several are joined by ` + `, most GPU time first.
    pub rule: String,
    /// Namespaces, sorted.
    pub namespaces: Vec<String>,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization.
    #[serde(flatten)]
    pub usage: Usage,
    /// Cost of what was held (`allocated_cost`).
    pub cost: Option<f64>,
}

/// What one namespace held.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NamespaceRow {
    /// Cluster; null where the report is of one that has no name.
    pub cluster: Option<String>,
    /// Name.
    pub namespace: String,
    /// Tenants, sorted.
    pub tenants: Vec<String>,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization.
    #[serde(flatten)]
    pub usage: Usage,
    /// Cost of what was held.
    pub cost: Option<f64>,
}

/// What one workload (the topmost controller of its pods) held.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WorkloadRow {
    /// Cluster; null where the report is of one that has no name.
    pub cluster: Option<String>,
    /// Tenant.
    pub tenant: String,
    /// Rule that named the tenant.
    pub rule: String,
    /// Namespace.
    pub namespace: String,
    /// `Deployment`, `CronJob`, … or `Pod` for one without a controller.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Pods seen in the window.
    pub pods: u32,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization.
    #[serde(flatten)]
    pub usage: Usage,
    /// Cost of what was held.
    pub cost: Option<f64>,
}

/// What one pod held.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PodRow {
    /// Cluster; null where the report is of one that has no name.
    pub cluster: Option<String>,
    /// Tenant.
    pub tenant: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub pod: String,
    /// UID, where known.
    pub uid: Option<String>,
    /// Kind of its workload.
    pub workload_kind: String,
    /// Name of its workload.
    pub workload: String,
    /// Node.
    pub node: String,
    /// UUIDs (or `node/gpu-index` where DCGM shows none) of its devices, sorted.
    pub gpu_uuids: Vec<String>,
    /// First instant held within the window, RFC 3339.
    pub held_from: String,
    /// First instant not held any more, RFC 3339.
    pub held_until: String,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization.
    #[serde(flatten)]
    pub usage: Usage,
    /// Cost of what was held.
    pub cost: Option<f64>,
}

/// One holder of a part of a GPU.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GpuHolder {
    /// Namespace; empty for `__unattributed__`.
    pub namespace: String,
    /// Pod, or claim where no pod is there.
    pub name: String,
    /// Tenant.
    pub tenant: String,
    /// Part of the GPU, 0..1.
    pub share: f64,
    /// First instant, RFC 3339.
    pub from: String,
    /// First instant after, RFC 3339.
    pub until: String,
}

/// One physical GPU.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GpuRow {
    /// Cluster; null where the report is of one that has no name.
    pub cluster: Option<String>,
    /// UUID; `<node>/gpu-<n>` for one that DCGM never showed.
    pub uuid: String,
    /// Node.
    pub node: String,
    /// Index on the node, as the exporter numbers it.
    pub index: Option<String>,
    /// Model, as reported.
    pub model: String,
    /// How it was shared: `exclusive`, `mig`, `time-slicing`, `mps`, `mig+replicas`, `dra`, `dra-partition`,
    /// `dra-capacity`, `vgpu`, `fraction`.
    pub sharing: String,
    /// Who held which part of it, by time.
    pub holders: Vec<GpuHolder>,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization over held time.
    #[serde(flatten)]
    pub usage: Usage,
    /// Price of an hour.
    pub price_per_hour: Option<f64>,
    /// Where the price is from.
    pub price_source: Option<String>,
}

/// One node with GPUs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NodeRow {
    /// Cluster; null where the report is of one that has no name.
    pub cluster: Option<String>,
    /// Name.
    pub node: String,
    /// It is no node, but a pool of GPUs that are attached to none, by the pool's name.
    pub is_pool: bool,
    /// Physical GPUs.
    pub gpus: u32,
    /// `node.kubernetes.io/instance-type`.
    pub instance_type: Option<String>,
    /// `on-demand`, `spot`, `reserved`, where the node says.
    pub capacity_type: Option<String>,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization over held time.
    #[serde(flatten)]
    pub usage: Usage,
}

/// One GPU model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ModelRow {
    /// Model, as reported.
    pub model: String,
    /// Physical GPUs.
    pub gpus: u32,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization over held time.
    #[serde(flatten)]
    pub usage: Usage,
}

/// One way of sharing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ModeRow {
    /// As `sharing` of a GPU.
    pub mode: String,
    /// Physical GPUs.
    pub gpus: u32,
    /// Time and money.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Spread of utilization over held time.
    #[serde(flatten)]
    pub usage: Usage,
}

/// How sure a finding is of what it says, surest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Read from samples.
    Measured,
    /// Derived from samples by a rule of thumb.
    Estimate,
    /// Taken for granted.
    Assumed,
}

/// How much a finding matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Low,
    /// Worth a ticket.
    Medium,
    /// Worth a call.
    High,
}

/// Whether a saving comes back as money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SavingsKind {
    /// A whole node, or a slot that a pending pod wants, comes free.
    Realisable,
    /// Freed, but nothing can be given back yet.
    Capacity,
}

/// Something that deserves attention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Finding {
    /// Stable id: rule, cluster if there is a name of it, and subject.
    pub id: String,
    /// Rule.
    pub rule: String,
    /// Cluster; null where the report is of one that has no name.
    pub cluster: Option<String>,
    /// `namespace/kind/name`.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// 0..1: the observed share of the time that the finding is about.
    pub confidence: f64,
    /// What it rests on.
    pub basis: Basis,
    /// The figures, by name.
    pub evidence: BTreeMap<String, serde_json::Value>,
    /// Money per 730 hours at this window's rate.
    pub monthly_savings: Option<f64>,
    /// Whether that comes back as money.
    pub savings_kind: SavingsKind,
    /// What to do, in a sentence.
    pub action: String,
}

/// What the figures rest on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Coverage {
    /// Device samples read (utilization and memory), the dropped ones included.
    pub samples_seen: u64,
    /// Device samples not used, by reason.
    pub samples_dropped: BTreeMap<String, u64>,
    /// Observed share of the held time, 0..1.
    pub observed_ratio: Option<f64>,
    /// Unobserved GPU-hours by reason (`no-sample`, `contradiction`, `device-unknown`, `instance-unknown`).
    pub unobserved_gpu_hours: BTreeMap<String, f64>,
    /// UUIDs of GPUs without a price.
    pub gpus_without_price: Vec<String>,
    /// Pods that held GPUs and have no controller.
    pub pods_without_owner: u32,
    /// What went wrong or is missing, in sentences a user can act on.
    pub warnings: Vec<Warning>,
    /// Whether anything that the figures need is missing (what `--strict` fails on).
    pub complete: bool,
    /// Each source and how it fared.
    pub sources: Vec<SourceRow>,
}

/// One thing to know about the data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Warning {
    /// Stable code (`no-dcgm-series`, `query-gap`, …).
    pub code: String,
    /// What it is about, why it matters, what to do.
    pub message: String,
    /// Whether figures are missing something because of it. Not written: `complete` sums it up.
    #[serde(skip)]
    pub incomplete: bool,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SourceRow {
    /// Name.
    pub name: String,
    /// `ok`, `gridded`, `empty`, `partial`, `failed`, `skipped`.
    pub status: String,
    /// In words.
    pub detail: String,
}

/// Whether the ledger balances: worked out anew on every run from independent sums.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reconciliation {
    /// Physical GPUs × time.
    pub capacity_gpu_hours: f64,
    /// Sum of all states.
    pub accounted_gpu_hours: f64,
    /// Largest absolute difference over fleet, nodes, GPUs and tenants.
    pub residue_gpu_hours: f64,
    /// The same in money.
    pub residue_cost: f64,
    /// Each check with its two sides.
    pub checks: Vec<BalanceCheck>,
    /// Whether every residue is below tolerance (1 GPU-second; 1 millionth of the money).
    pub balanced: bool,
}

/// Two sums that must be one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BalanceCheck {
    /// What is compared.
    pub name: String,
    /// One side.
    pub left: f64,
    /// The other.
    pub right: f64,
    /// Whether they agree within tolerance.
    pub balanced: bool,
}

/// A setting or convention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Assumption {
    /// What.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `default`, `flag`, `environment`, `config`; of a price `built-in` or `user`.
    pub origin: String,
}
