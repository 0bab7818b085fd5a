//! What a user may decide: thresholds, tenant rules, prices, scope.
//!
//! Values only. Where each came from (flag, environment, file, default) is `settings`.

use std::collections::BTreeMap;

use regex::Regex;

use super::recommending::Recommending;
use crate::units::{MS_PER_MINUTE, MS_PER_SECOND};

/// Extended resources that are whole GPUs of the device plugin unless the node says otherwise.
pub const WHOLE_GPU_RESOURCES: &[&str] = &["nvidia.com/gpu", "amd.com/gpu"];

/// All that the core needs to know besides the inputs.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Utilization (0..1) below which a device is idle, strictly.
    pub idle_below: f64,
    /// Longest distance between two samples that still count as neighbours, milliseconds.
    pub max_gap_ms: i64,
    /// Step assumed for a series too short to have a median spacing, milliseconds.
    pub default_step_ms: i64,
    /// Framebuffer use up to this many bytes is "about empty"…
    pub empty_memory_bytes: f64,
    /// …or up to this share of the memory, whichever is larger.
    pub empty_memory_ratio: f64,
    /// Extended resource names that stand for whole GPUs.
    pub gpu_resources: Vec<String>,
    /// Tenant rules in order; the first that matches wins.
    pub tenant_rules: Vec<TenantRule>,
    /// Prices.
    pub prices: PriceBook,
    /// Thresholds and bounds of recommendations.
    pub recommending: Recommending,
    /// What to show.
    pub scope: Scope,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            idle_below: 0.01,
            max_gap_ms: 5 * MS_PER_MINUTE,
            default_step_ms: 30 * MS_PER_SECOND,
            empty_memory_bytes: 1_073_741_824.0,
            empty_memory_ratio: 0.02,
            gpu_resources: WHOLE_GPU_RESOURCES.iter().map(ToString::to_string).collect(),
            tenant_rules: TenantRule::defaults(),
            prices: PriceBook::default(),
            recommending: Recommending::default(),
            scope: Scope::default(),
        }
    }
}

/// One way to say whose a pod is.
#[derive(Debug, Clone)]
pub enum TenantRule {
    /// Named tenants by namespace and, when given, workload name.
    Explicit(Vec<ExplicitTenant>),
    /// Pods synced from a virtual cluster: tenant = host namespace / control plane.
    Vcluster,
    /// First of these pod labels (a queue's name); Volcano's is an annotation of the pod or namespace, and
    /// Run:ai's may be a label of the namespace.
    QueueLabel(Vec<String>),
    /// First of these pod labels.
    PodLabel(Vec<String>),
    /// First of these namespace labels.
    NamespaceLabel(Vec<String>),
    /// The namespace itself.
    Namespace,
}

/// An entry of the explicit map. Patterns match the whole string.
#[derive(Debug, Clone)]
pub struct ExplicitTenant {
    /// Tenant's name.
    pub tenant: String,
    /// Namespaces.
    pub namespace: Regex,
    /// Workload names; any when `None`.
    pub workload: Option<Regex>,
}

impl TenantRule {
    /// The rules that apply when the config has none.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
        vec![
            Self::Vcluster,
            Self::QueueLabel(keys(&[
                "kueue.x-k8s.io/local-queue-name",
                "kueue.x-k8s.io/queue-name",
                "kai.scheduler/queue",
                "runai/queue",
                "scheduling.volcano.sh/queue-name",
            ])),
            Self::PodLabel(keys(&["gpu-finops.dev/tenant", "tenant", "team"])),
            Self::NamespaceLabel(keys(&["gpu-finops.dev/tenant", "tenant", "team"])),
            Self::Namespace,
        ]
    }
}

/// Where a price comes from, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceOrigin {
    /// `--price`.
    Flag,
    /// A file of prices that was named, such as `--price-book`.
    File,
    /// The config file's price book.
    Config,
    /// The built-in list.
    BuiltIn,
}

/// One row of a price book. A row applies where every condition that it has holds.
#[derive(Debug, Clone)]
pub struct PriceRule {
    /// GPU model, matched on the normalised name (see `cost::model_name`), whole and case-blind.
    pub model: Option<Regex>,
    /// Node's `node.kubernetes.io/instance-type`, exact.
    pub instance_type: Option<String>,
    /// Capacity type (`on-demand`, `spot`, `reserved`), exact.
    pub capacity_type: Option<String>,
    /// Node's `topology.kubernetes.io/region`, exact.
    pub region: Option<String>,
    /// Name of the node, exact.
    pub node: Option<String>,
    /// Node labels that must have these values.
    pub node_labels: BTreeMap<String, String>,
    /// Price of one physical GPU for one hour, in the report's currency; above 0.
    pub per_gpu_hour: f64,
    /// Who says so, for the report.
    pub source: String,
    /// When the price was read, `YYYY-MM-DD`.
    pub date: Option<String>,
    /// Which book.
    pub origin: PriceOrigin,
}

/// Rules in order of precedence; the first that applies gives the price.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    /// Currency code of every price in the book.
    pub currency: String,
    /// Rules, first match wins.
    pub rules: Vec<PriceRule>,
}

/// What part of the ledger is shown. Shares, prices and the balance are always of the whole.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Tenants to show; all when empty. Patterns match the whole name.
    pub tenants: Vec<Regex>,
    /// Namespaces to show; all when empty. Patterns match the whole name.
    pub namespaces: Vec<Regex>,
    /// Pod labels to show.
    pub selector: Vec<LabelRequirement>,
}

impl Scope {
    /// Whether everything is shown.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.tenants.is_empty() && self.namespaces.is_empty() && self.selector.is_empty()
    }
}

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelRequirement {
    /// `key in (a, b)`, `key = a`.
    In(String, Vec<String>),
    /// `key notin (a, b)`, `key != a`; holds where the key is absent.
    NotIn(String, Vec<String>),
    /// `key`.
    Exists(String),
    /// `!key`.
    DoesNotExist(String),
}

impl LabelRequirement {
    /// Whether `labels` meet the requirement (Kubernetes' rules).
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|v| !values.contains(v)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
        }
    }
}
