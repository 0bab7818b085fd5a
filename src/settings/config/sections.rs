//! The sections of the config file, as serde reads them and as the JSON Schema describes them.
//!
//! Everything is optional, nothing has a default here, and values are checked where the flags' are:
//! a scalar is turned into the text that the flag would have had.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::budget_sections::{BudgetSection, BudgetingSection};

/// Settings of gpu-finops. Flags and environment variables overrule them, value by value.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// How the metric server is reached.
    pub prometheus: Option<PrometheusSection>,
    /// What was read before.
    pub cache: Option<CacheSection>,
    /// How the cluster is reached.
    pub kubernetes: Option<KubernetesSection>,
    /// What is reported, and how.
    pub report: Option<ReportSection>,
    /// What is said of resource claims.
    pub claims: Option<ClaimsSection>,
    /// What is recommended.
    pub recommend: Option<RecommendSection>,
    /// Which changes are made, and how carefully.
    pub cleanup: Option<CleanupSection>,
    /// What a change of manifests is priced with, and what it must not do.
    pub gate: Option<GateSection>,
    /// What a CI server is told.
    pub ci: Option<CiSection>,
    /// What counts as idle, and when data is too thin.
    pub policy: Option<PolicySection>,
    /// Whose a pod is: rules in order, the first that matches wins. Replaces the built-in rules.
    pub tenants: Option<Vec<TenantSection>>,
    /// Money.
    pub prices: Option<PricesSection>,
    /// How budgets are judged.
    pub budget: Option<BudgetingSection>,
    /// What may be spent. More of them may stand in files of their own.
    pub budgets: Option<Vec<BudgetSection>>,
    /// Rows for finance tools.
    pub focus: Option<FocusSection>,
    /// Saving snapshots.
    pub snapshot: Option<SnapshotSection>,
    /// Rolling up days.
    pub rollup: Option<RollupSection>,
    /// Scraping exporters, without a metric server.
    pub collect: Option<CollectSection>,
    /// How the tool talks.
    pub ui: Option<UiSection>,
}

/// How the metric server is reached.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrometheusSection {
    /// Base URL of a Prometheus-compatible server; discovered in the cluster when absent.
    pub url: Option<String>,
    /// Headers for every request; their values are secrets.
    pub headers: Option<BTreeMap<String, String>>,
    /// Sent as `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// File with a bearer token.
    pub bearer_token_file: Option<String>,
    /// User for basic authentication.
    pub basic_user: Option<String>,
    /// File with the password for basic authentication.
    pub basic_password_file: Option<String>,
    /// PEM file with a client certificate.
    pub client_cert: Option<String>,
    /// PEM file with the key of the client certificate.
    pub client_key: Option<String>,
    /// PEM file with certificate authorities to trust besides those of the system.
    pub ca: Option<String>,
    /// Accept any certificate.
    pub insecure_skip_tls_verify: Option<bool>,
    /// Label matchers for every selector (`cluster="prod"`).
    pub matchers: Option<Vec<String>>,
    /// Longest wait for one response (`60s`).
    pub timeout: Option<String>,
    /// Requests in flight at once.
    pub concurrency: Option<Scalar>,
    /// How raw samples are read (`auto`, `remote-read`, `victoriametrics`, `query`, `query-range`).
    pub transport: Option<String>,
    /// Step of the grid where raw samples are read by `query-range` (`30s`).
    pub step: Option<String>,
    /// Read no metrics at all.
    pub skip: Option<bool>,
}

/// What was read before.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheSection {
    /// Folder with answers about UTC days that are over.
    pub dir: Option<String>,
    /// Neither read nor fill it.
    pub skip: Option<bool>,
    /// Ask no metric server.
    pub offline: Option<bool>,
}

/// How the cluster is reached.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSection {
    /// Kubeconfig file.
    pub kubeconfig: Option<String>,
    /// Context of the kubeconfig.
    pub context: Option<String>,
    /// File or folder with printed objects, in place of a live cluster.
    pub objects: Option<String>,
    /// Do not read cluster objects at all.
    pub skip: Option<bool>,
}

/// What is reported, and how.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSection {
    /// Time to report on (`7d`, `yesterday`, `START,END`).
    pub window: Option<String>,
    /// First instant, in place of `window`.
    pub start: Option<String>,
    /// First instant after.
    pub end: Option<String>,
    /// IANA time zone in which days begin.
    pub timezone: Option<String>,
    /// Tenants to show, as patterns of the whole name.
    pub tenants: Option<Vec<String>>,
    /// Namespaces to show, as patterns of the whole name.
    pub namespaces: Option<Vec<String>>,
    /// Label selector of the pods to show.
    pub selector: Option<String>,
    /// `tenant`, `namespace`, `workload`, `pod`, `gpu`, `node` or `model`.
    pub by: Option<String>,
    /// `table`, `wide`, `json`, `csv`, `markdown` or `parquet`.
    pub output: Option<String>,
    /// Where the report is written.
    pub output_file: Option<String>,
    /// Rows in each section of a table; 0 shows all.
    pub top: Option<Scalar>,
    /// Folder with a snapshot to replay.
    pub snapshot: Option<String>,
    /// Scrape the exporters once, now.
    pub scrape: Option<bool>,
    /// Clusters, `NAME[=WHERE]`.
    pub clusters: Option<Vec<String>>,
}

/// What is said of resource claims.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimsSection {
    /// Classes to show.
    pub classes: Option<Vec<String>>,
    /// Age below which a claim that looks left over is not settled (`10m`).
    pub min_age: Option<String>,
    /// Idle time from which on a claim that is reserved counts as idle (`24h`).
    pub idle_after: Option<String>,
}

/// What is recommended: how much must be known, how much risk is taken, what is shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendSection {
    /// Least time from the first to the last instant held (`12h`).
    pub min_history: Option<String>,
    /// Least observed share of held time: 0..1 or `80%`.
    pub min_observed: Option<Scalar>,
    /// Least GPU-hours held.
    pub min_held: Option<Scalar>,
    /// Idle time up to the end of the window from which on GPUs count as left behind (`12h`).
    pub idle_limit: Option<String>,
    /// Share of the window on which sizes are fitted.
    pub fit_share: Option<Scalar>,
    /// Age at which a minute counts half in the demand for compute (`7d`).
    pub half_life: Option<String>,
    /// Percentile of the load of active time that a size has to carry.
    pub compute_percentile: Option<Scalar>,
    /// Added to the peak of memory, as a share of it.
    pub memory_margin: Option<Scalar>,
    /// Added to that, as a multiple of the distance from median to peak.
    pub memory_spread: Option<Scalar>,
    /// Share of active time over the compute of a size from which on it is refused.
    pub max_over: Option<Scalar>,
    /// Load that is planned with for replicas and shared cards.
    pub target_load: Option<Scalar>,
    /// Percentile of the CPU use of a pod that its CPU request has to cover.
    pub cpu_percentile: Option<Scalar>,
    /// Added to the use that a CPU or memory request has to cover, as a share of it.
    pub request_margin: Option<Scalar>,
    /// Share of a CPU or memory request that must be of no use before a smaller one is proposed.
    pub request_excess: Option<Scalar>,
    /// Rules to show.
    pub rules: Option<Vec<String>>,
    /// Least money a month.
    pub min_savings: Option<Scalar>,
    /// Least confidence.
    pub min_confidence: Option<Scalar>,
    /// Show what was refused and not judged.
    pub include_refused: Option<bool>,
}

/// Which changes are made, and how carefully.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanupSection {
    /// Most changes of one run.
    pub max_changes: Option<Scalar>,
    /// Largest share of GPUs, and of workloads and claims, of one run (`0.05` or `5%`).
    pub max_percent: Option<Scalar>,
    /// Most money a month that one run saves.
    pub max_savings: Option<Scalar>,
    /// How long a plan may be applied (`24h`).
    pub plan_lifetime: Option<String>,
    /// Namespaces in which nothing is changed: patterns of the whole name.
    pub protect: Option<Vec<String>>,
    /// Labels of objects that are left alone (`tier=prod`).
    pub keep_selector: Option<String>,
    /// Kinds that are left alone.
    pub keep_kinds: Option<Vec<String>>,
    /// Time from mark to change (`24h`).
    pub grace: Option<String>,
    /// Runs that must have found the same.
    pub runs: Option<Scalar>,
    /// Mark what is of low risk, too.
    pub mark_all: Option<bool>,
    /// Namespace of the Lease.
    pub lease_namespace: Option<String>,
    /// How long a run that stopped keeps others out (`60s`).
    pub lease_duration: Option<String>,
}

/// What a change of manifests is priced with, and what it must not do.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateSection {
    /// GPU model of requests that nothing decides (`H100`).
    pub default_model: Option<String>,
    /// How long one run of a job takes (`1h`).
    pub job_duration: Option<String>,
    /// Pods that share a card.
    pub shared_replicas: Option<Scalar>,
    /// Most that a change may add to a month: money, or `10%`.
    pub max_increase: Option<Scalar>,
    /// GPU models that nothing may ask for.
    pub forbid_models: Option<Vec<String>>,
    /// Labels of which whatever asks for GPUs must have one.
    pub require_labels: Option<Vec<String>>,
    /// Refuse requests above what was ever in use.
    pub deny_over_history: Option<bool>,
    /// Refuse CronJobs whose runs may pile up.
    pub deny_cron_overlap: Option<bool>,
}

/// What a CI server is told.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CiSection {
    /// Exit with 0 although a rule is broken.
    pub warn_only: Option<bool>,
    /// Money a month below which a comment is left empty.
    pub comment_threshold: Option<Scalar>,
}

/// What counts as idle, and when data is too thin.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySection {
    /// Utilization below which a device is idle: 0..1 or `5%`.
    pub idle_below: Option<Scalar>,
    /// Longest distance of neighbouring samples (`5m`).
    pub max_gap: Option<String>,
    /// Framebuffer use up to which an idle device counts as empty, bytes.
    pub empty_memory_bytes: Option<Scalar>,
    /// The same as a share of the memory: 0..1 or `2%`.
    pub empty_memory_ratio: Option<Scalar>,
    /// Extended resources that stand for whole GPUs.
    pub gpu_resources: Option<Vec<String>>,
    /// Exit with 4 when anything that the figures need is missing.
    pub strict: Option<bool>,
}

/// A kind of tenant rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TenantKind {
    /// A named tenant, by namespace and workload.
    Explicit,
    /// Pods synced from a virtual cluster.
    Vcluster,
    /// A queue's name in a pod label.
    QueueLabel,
    /// A pod label.
    PodLabel,
    /// A label of the namespace.
    NamespaceLabel,
    /// The namespace itself.
    Namespace,
}

/// One tenant rule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantSection {
    /// What the rule goes by.
    #[serde(rename = "type")]
    pub kind: TenantKind,
    /// `explicit`: the tenant's name.
    pub tenant: Option<String>,
    /// `explicit`: namespaces, as patterns of the whole name.
    pub namespaces: Option<Vec<String>>,
    /// `explicit`: workload names, as patterns of the whole name; any when absent.
    pub workloads: Option<Vec<String>>,
    /// Label rules: the labels to look at, the first present one names the tenant.
    pub labels: Option<Vec<String>>,
}

/// Money.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricesSection {
    /// Currency code of the prices given here and of the report.
    pub currency: Option<String>,
    /// Units of the currency for one USD; converts the built-in list.
    pub usd_rate: Option<Scalar>,
    /// Files of price rules; they come before `rules`.
    pub books: Option<Vec<String>>,
    /// CSV files of prices; they come after `books`.
    pub csv: Option<Vec<String>>,
    /// URL of OpenCost, or a file with its answer; comes after `csv`.
    pub opencost: Option<String>,
    /// File with a bearer token for it.
    pub opencost_bearer_token_file: Option<String>,
    /// Prices in order of precedence; they come before the built-in list.
    pub rules: Option<Vec<PriceSection>>,
}

/// A price book in a file of its own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceBookFile {
    /// Currency code of its prices; the report has to be in it.
    pub currency: Option<String>,
    /// Prices in order of precedence.
    pub rules: Vec<PriceSection>,
}

/// One price. Give `per_gpu_hour`, or `per_node_hour` with `gpus`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceSection {
    /// Where the price applies; everywhere when absent.
    #[serde(rename = "match")]
    pub applies_to: Option<PriceMatch>,
    /// Price of one physical GPU for one hour.
    pub per_gpu_hour: Option<f64>,
    /// Price of a whole node for one hour.
    pub per_node_hour: Option<f64>,
    /// Physical GPUs of that node.
    pub gpus: Option<u32>,
    /// How a node's price is split: `gpu-only` (all of it is the GPUs', the default) or `95-3-2`
    /// (95 % GPUs, 3 % CPU, 2 % memory).
    pub split: Option<String>,
    /// The GPUs' share of the node's price, 0..1, in place of `split`.
    pub gpu_share: Option<f64>,
    /// Who says so, for the report.
    pub source: Option<String>,
    /// When the price was read, `YYYY-MM-DD`.
    pub date: Option<String>,
}

/// Where a price applies: every condition given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceMatch {
    /// Whole words of the GPU's model name, case-blind; `*` stands for anything.
    pub model: Option<String>,
    /// The node's instance type.
    pub instance_type: Option<String>,
    /// `on-demand`, `spot`, `reserved`.
    pub capacity_type: Option<String>,
    /// The node's region.
    pub region: Option<String>,
    /// The node's name.
    pub node: Option<String>,
    /// Labels of the node.
    pub node_labels: Option<BTreeMap<String, String>>,
}

/// Rows for finance tools.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FocusSection {
    /// Version of FOCUS: `1.2` or `1.3`.
    pub version: Option<Scalar>,
    /// `BillingAccountId` of the rows.
    pub billing_account: Option<String>,
    /// Who provides the GPUs and issues the invoice.
    pub provider: Option<String>,
}

/// Saving snapshots.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotSection {
    /// Replace names by pseudonyms.
    pub redact: Option<bool>,
    /// Replace a snapshot that is already there.
    pub force: Option<bool>,
}

/// Rolling up days.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollupSection {
    /// Folder with scrapes to be rolled up.
    pub scrapes: Option<String>,
    /// Print a Kubernetes Job, and do nothing else.
    pub emit_job: Option<bool>,
    /// Image of that Job.
    pub job_image: Option<String>,
    /// PersistentVolumeClaim of that Job.
    pub job_volume: Option<String>,
    /// ServiceAccount of that Job.
    pub job_account: Option<String>,
}

/// Scraping exporters, without a metric server.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectSection {
    /// Folder with the scrapes.
    pub store: Option<String>,
    /// Exporters, `[JOB=]URL`; found in the cluster when absent.
    pub targets: Option<Vec<String>>,
    /// Longest wait for the text of one exporter (`10s`).
    pub scrape_timeout: Option<String>,
    /// Exporters that are scraped at once.
    pub scrape_concurrency: Option<Scalar>,
    /// Let an exporter's own labels `job` and `instance` stand.
    pub honor_labels: Option<bool>,
    /// Time from one scrape of an exporter to the next (`30s`).
    pub interval: Option<String>,
    /// Scrape every exporter once and end.
    pub once: Option<bool>,
    /// How long scrapes are kept (`30d`).
    pub retain: Option<String>,
    /// Where `/healthz` and `/metrics` are served (`0.0.0.0:9409`).
    pub listen: Option<String>,
}

/// How the tool talks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UiSection {
    /// Errors only.
    pub quiet: Option<bool>,
    /// Say more.
    pub verbose: Option<bool>,
    /// No progress bar.
    pub no_progress: Option<bool>,
    /// `auto`, `always` or `never`.
    pub color: Option<String>,
}

/// A number, or text that stands for one (`5%`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or text")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(value.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number, or text that stands for one (`5%`).",
            "type": ["number", "string"],
        })
    }
}
