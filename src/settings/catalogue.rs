//! Every setting there is: the one table that makes the flags, the environment variables, the
//! config keys, `config show` and the reference in the docs.
//!
//! A setting is text until [`crate::settings`] reads it; what the text may be is said here in words
//! and enforced by the readers in `settings::parse`.

/// Whether a setting is a switch, has one value, or may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `--strict`, `--strict=false`.
    Switch,
    /// `--window 7d`.
    One,
    /// `--namespace a --namespace b`; in the environment one value per line.
    Many,
}

/// Where a setting stands in the help, and which commands take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Section {
    /// How the metric server is reached.
    Prometheus = 1,
    /// How the cluster is reached, or what stands in for it.
    Kubernetes = 1 << 1,
    /// Doing without a cluster.
    WithoutCluster = 1 << 10,
    /// Reading a saved snapshot instead.
    Replay = 1 << 2,
    /// Where scrapes are kept.
    Store = 1 << 15,
    /// Scraping exporters now.
    Scrape = 1 << 16,
    /// Which exporters are scraped, and how.
    Targets = 1 << 17,
    /// Scraping again and again.
    Collect = 1 << 18,
    /// Which time.
    Window = 1 << 3,
    /// Which part is shown.
    Scope = 1 << 4,
    /// Which namespaces are shown.
    Namespaces = 1 << 11,
    /// Which claims are shown.
    Claims = 1 << 12,
    /// What a table lists.
    Listing = 1 << 13,
    /// How much of it.
    Top = 1 << 24,
    /// How it is shown.
    Output = 1 << 5,
    /// What counts as idle, and when data is too thin.
    Policy = 1 << 6,
    /// What counts as a GPU.
    Devices = 1 << 19,
    /// Which clusters.
    Clusters = 1 << 20,
    /// Rolling up days.
    RollUp = 1 << 21,
    /// How much must be known before anything is recommended, and how much risk is taken.
    Judging = 1 << 22,
    /// Which recommendations are shown.
    Recommendations = 1 << 23,
    /// Which changes are made, and how carefully.
    Cleanup = 1 << 26,
    /// Which budgets, and how they are judged.
    Budgets = 1 << 27,
    /// What a change of manifests is priced with, and what it must not do.
    Gate = 1 << 28,
    /// How much more a change may cost.
    Increase = 1 << 25,
    /// What a CI server is told.
    Ci = 1 << 29,
    /// Whether thin data is an error.
    Strictness = 1 << 14,
    /// Money.
    Prices = 1 << 7,
    /// Saving a snapshot.
    Save = 1 << 8,
    /// Exporting rows.
    Export = 1 << 30,
    /// The tool itself.
    General = 1 << 9,
}

impl Section {
    /// Its bit in a set of sections.
    #[must_use]
    pub const fn bit(self) -> u32 {
        self as u32
    }

    /// Heading in the help.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Kubernetes | Self::WithoutCluster => "Kubernetes",
            Self::Replay => "Replay",
            Self::Store | Self::Scrape | Self::Targets | Self::Collect => "Scraping",
            Self::Clusters => "Clusters",
            Self::RollUp => "Rolling up",
            Self::Judging => "Judging",
            Self::Recommendations => "Recommendations",
            Self::Cleanup => "Cleanup",
            Self::Gate | Self::Increase => "Gate",
            Self::Ci => "CI",
            Self::Window => "Window",
            Self::Scope | Self::Namespaces => "Scope",
            Self::Claims => "Claims",
            Self::Listing | Self::Top | Self::Output => "Output",
            Self::Policy | Self::Devices | Self::Strictness => "Policy",
            Self::Budgets => "Budgets",
            Self::Prices => "Prices",
            Self::Save => "Saving",
            Self::Export => "Export",
            Self::General => "General",
        }
    }
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Long flag without dashes; the environment variable is derived from it.
    pub id: &'static str,
    /// Short flag.
    pub short: Option<char>,
    /// Key in the config file, dotted; `None` for what a config file cannot decide.
    pub key: Option<&'static str>,
    /// Switch, one value or many.
    pub kind: Kind,
    /// Where it stands, and who takes it.
    pub section: Section,
    /// Placeholder in the help.
    pub value_name: &'static str,
    /// The only values allowed, when there is a closed list.
    pub choices: &'static [&'static str],
    /// Value when nobody says otherwise.
    pub default: Option<&'static str>,
    /// What the value is, when there is no default to print.
    pub when_unset: &'static str,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// Whether the help leaves it out.
    pub hidden: bool,
    /// What it does.
    pub help: &'static str,
}

impl Setting {
    const fn new(
        section: Section,
        kind: Kind,
        id: &'static str,
        value_name: &'static str,
        key: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            id,
            short: None,
            key: Some(key),
            kind,
            section,
            value_name,
            choices: &[],
            default: None,
            when_unset: "none",
            secret: false,
            hidden: false,
            help,
        }
    }

    const fn one(
        section: Section,
        id: &'static str,
        value_name: &'static str,
        key: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(section, Kind::One, id, value_name, key, help)
    }

    const fn many(
        section: Section,
        id: &'static str,
        value_name: &'static str,
        key: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(section, Kind::Many, id, value_name, key, help)
    }

    const fn switch(
        section: Section,
        id: &'static str,
        key: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(section, Kind::Switch, id, "BOOL", key, help).default("false")
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn unset(mut self, when_unset: &'static str) -> Self {
        self.when_unset = when_unset;
        self
    }

    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn without_key(mut self) -> Self {
        self.key = None;
        self
    }

    const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Environment variable: `GPU_FINOPS_` and the flag in capitals.
    #[must_use]
    pub fn env(&self) -> String {
        format!("GPU_FINOPS_{}", self.id.to_ascii_uppercase().replace('-', "_"))
    }

    /// Long flag with dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.id)
    }

    /// The value without anybody's word, for people.
    #[must_use]
    pub const fn default_text(&self) -> &'static str {
        match self.default {
            Some(default) => default,
            None => self.when_unset,
        }
    }
}

/// The setting with this id.
///
/// # Panics
///
/// Never for an id of the catalogue; ids are written in this crate only, and a test reads them all.
#[must_use]
pub fn setting(id: &str) -> &'static Setting {
    SETTINGS.iter().find(|s| s.id == id).expect("id is in the catalogue")
}

use Section::{
    Budgets, Ci, Claims, Cleanup, Clusters, Collect, Devices, Export, Gate, General, Increase,
    Judging, Kubernetes, Listing, Namespaces, Output, Policy, Prices, Prometheus, Recommendations,
    Replay, RollUp, Save, Scope, Scrape, Store, Strictness, Targets, Top, Window, WithoutCluster,
};

/// Every setting, in the order of the help.
pub static SETTINGS: &[Setting] = &[
    // Prometheus
    Setting::one(Prometheus, "prometheus", "URL", "prometheus.url",
        "Base URL of a Prometheus-compatible server (Prometheus, Thanos, Mimir, VictoriaMetrics), with its path prefix if it has one")
        .unset("discovered in the cluster by the usual service labels, and reached through the API server"),
    Setting::many(Prometheus, "prometheus-header", "NAME:VALUE", "prometheus.headers",
        "Header for every request to the metric server; repeatable. The value counts as a secret: prefer the environment or the config file to the command line").secret(),
    Setting::one(Prometheus, "prometheus-tenant", "TENANT", "prometheus.tenant",
        "Tenant of a multi-tenant server, sent as X-Scope-OrgID"),
    Setting::one(Prometheus, "prometheus-bearer-token-file", "FILE", "prometheus.bearer_token_file",
        "File with a bearer token; read again when it changes"),
    Setting::one(Prometheus, "prometheus-basic-user", "USER", "prometheus.basic_user",
        "User for basic authentication; needs --prometheus-basic-password-file"),
    Setting::one(Prometheus, "prometheus-basic-password-file", "FILE", "prometheus.basic_password_file",
        "File with the password for basic authentication"),
    Setting::one(Prometheus, "prometheus-client-cert", "FILE", "prometheus.client_cert",
        "PEM file with a client certificate; needs --prometheus-client-key"),
    Setting::one(Prometheus, "prometheus-client-key", "FILE", "prometheus.client_key",
        "PEM file with the key of the client certificate"),
    Setting::one(Prometheus, "prometheus-ca", "FILE", "prometheus.ca",
        "PEM file with certificate authorities to trust besides those of the system"),
    Setting::switch(Prometheus, "insecure-skip-tls-verify", "prometheus.insecure_skip_tls_verify",
        "Accept any certificate of the metric server. Everything sent, tokens included, can then be read by others"),
    Setting::many(Prometheus, "prometheus-matcher", "MATCHER", "prometheus.matchers",
        "Label matcher for every selector, such as 'cluster=\"prod\"'; repeatable"),
    Setting::one(Prometheus, "prometheus-timeout", "DURATION", "prometheus.timeout",
        "Longest wait for one response").default("60s"),
    Setting::one(Prometheus, "prometheus-concurrency", "N", "prometheus.concurrency",
        "Requests in flight at once, 1 to 64").default("4"),
    Setting::one(Prometheus, "transport", "WAY", "prometheus.transport",
        "How raw samples are read: auto takes the first that the server offers of remote-read (compressed chunks, a fraction of the server's work), victoriametrics (its export), query (range selectors, JSON) and query-range (on a grid). The report names the choice").choices(TRANSPORTS).default("auto"),
    Setting::one(Prometheus, "prometheus-step", "DURATION", "prometheus.step",
        "Step of the grid where raw samples are read by query-range, 1s to 5m; of samples closer to each other the last counts").unset("just below the time between samples, as the server counts them"),
    Setting::one(Prometheus, "cache-dir", "DIR", "cache.dir",
        "Folder in which answers of remote read about UTC days that are over are kept, so that the next report does not ask for them; made when it is not there"),
    Setting::switch(Prometheus, "no-cache", "cache.skip",
        "Neither read nor fill the cache"),
    Setting::switch(Prometheus, "offline", "cache.offline",
        "Ask no metric server: what is in the cache of --prometheus has to do, and what is not there is a gap. Needs --cache-dir, and --objects or --no-kubernetes"),
    Setting::switch(Prometheus, "no-metrics", "prometheus.skip",
        "Read no metrics: what the objects show now stands for the whole window, and held time is unobserved. Not together with --prometheus"),
    // Kubernetes
    Setting::one(Kubernetes, "kubeconfig", "FILE", "kubernetes.kubeconfig",
        "Kubeconfig file").unset("KUBECONFIG, ~/.kube/config, then the pod's own account"),
    Setting::one(Kubernetes, "context", "NAME", "kubernetes.context",
        "Context of the kubeconfig").unset("its current context"),
    Setting::one(Kubernetes, "objects", "PATH", "kubernetes.objects",
        "File or folder with what `kubectl get -o json|yaml` printed, in place of a live cluster"),
    Setting::switch(WithoutCluster, "no-kubernetes", "kubernetes.skip",
        "Do not read cluster objects: the metric server alone (needs --prometheus)"),
    // Clusters
    Setting::many(Clusters, "cluster", "NAME[=WHERE]", "report.clusters",
        "Cluster by a name for the report; repeatable. WHERE is a context of the kubeconfig, a URL of a metric server, or CONTEXT,URL for both, in place of --context and --prometheus; of roll-ups in --store, and of the one cluster that other settings lead to, the name alone")
        .unset("one cluster without a name; of roll-ups, all"),
    // Replay
    Setting::one(Replay, "snapshot", "DIR", "report.snapshot",
        "Replay a folder that `snapshot save` wrote, with no network. Not together with --store, --scrape, --prometheus, --no-metrics, --objects, --kubeconfig, --context, --no-kubernetes"),
    // Scraping
    Setting::one(Store, "store", "DIR", "collect.store",
        "Folder with the scrapes that `collect` keeps, or with the roll-ups of `roll-up`; `report` reads either in place of a metric server. Not together with --snapshot, --scrape, --prometheus, --no-metrics"),
    Setting::switch(Scrape, "scrape", "report.scrape",
        "Scrape the exporters once, now: what they show stands for the whole window, by default the last hour. Not together with --snapshot, --store, --prometheus, --no-metrics"),
    Setting::many(Targets, "target", "[JOB=]URL", "collect.targets",
        "Exporter to scrape: an http or https URL (/metrics where it has no path) or file:PATH, with the value of the label `job` in front if it matters; repeatable")
        .unset("dcgm-exporter, AMD's exporter and kube-state-metrics by the usual pod labels, through the API server"),
    Setting::one(Targets, "scrape-timeout", "DURATION", "collect.scrape_timeout",
        "Longest wait for the text of one exporter; never longer than --interval").default("10s"),
    Setting::one(Targets, "scrape-concurrency", "N", "collect.scrape_concurrency",
        "Exporters that are scraped at once, 1 to 256").default("16"),
    Setting::switch(Targets, "honor-labels", "collect.honor_labels",
        "Let an exporter's own labels `job` and `instance` stand, as honorLabels of a ServiceMonitor does; else they become exported_job and exported_instance"),
    Setting::one(Collect, "interval", "DURATION", "collect.interval",
        "Time from one scrape of an exporter to the next, 1s to 5m").default("30s"),
    Setting::switch(Collect, "once", "collect.once",
        "Scrape every exporter once and end"),
    Setting::one(Collect, "retain", "DURATION", "collect.retain",
        "How long scrapes are kept, an hour or more").default("30d"),
    Setting::one(Collect, "listen", "ADDRESS", "collect.listen",
        "Serve /healthz and /metrics there, such as 0.0.0.0:9409"),
    // Rolling up
    Setting::many(RollUp, "day", "YYYY-MM-DD", "",
        "UTC day to roll up, in place of --window; repeatable").without_key().unset("yesterday, or --window"),
    Setting::one(RollUp, "day-index", "N", "",
        "Roll up one part alone, counted from 0: all days of the first cluster come first. For Kubernetes' Indexed Jobs").without_key(),
    Setting::one(RollUp, "scrapes", "DIR", "rollup.scrapes",
        "Folder with the scrapes that `collect` keeps, to be rolled up in place of a metric server's samples. Not together with --snapshot, --prometheus, --no-metrics"),
    Setting::switch(RollUp, "emit-job", "rollup.emit_job",
        "Print a Kubernetes Job that rolls up each cluster and day in a pod of its own, and do nothing else"),
    Setting::one(RollUp, "job-image", "IMAGE", "rollup.job_image",
        "Image of that Job, with gpu-finops as its entry point"),
    Setting::one(RollUp, "job-volume", "NAME", "rollup.job_volume",
        "PersistentVolumeClaim of that Job, mounted at --store").default("gpu-finops-store"),
    Setting::one(RollUp, "job-account", "NAME", "rollup.job_account",
        "ServiceAccount of that Job").default("gpu-finops"),
    // Window
    Setting::one(Window, "window", "WINDOW", "report.window",
        "Time to report on: 30m, 12h, 7d, 2w back from now; today, yesterday, week, lastweek, month, lastmonth in --timezone; or START,END (RFC 3339, YYYY-MM-DD or Unix seconds). At most 400 days").default("7d"),
    Setting::one(Window, "start", "TIME", "report.start",
        "First instant, in place of --window"),
    Setting::one(Window, "end", "TIME", "report.end",
        "First instant after, with --start").unset("now"),
    Setting::one(Window, "timezone", "ZONE", "report.timezone",
        "IANA time zone in which days, weeks and months begin; reports print UTC").default("UTC"),
    // Scope
    Setting::many(Scope, "tenant", "REGEX", "report.tenants",
        "Show these tenants only; the whole name must match; repeatable").unset("all"),
    Setting::many(Namespaces, "namespace", "REGEX", "report.namespaces",
        "Show these namespaces only; the whole name must match; repeatable").short('n').unset("all"),
    Setting::one(Scope, "selector", "SELECTOR", "report.selector",
        "Show pods with these labels only, as in kubectl: 'app=web,tier in (a,b),!debug'").short('l').unset("all"),
    // Claims
    Setting::many(Claims, "class", "CLASS", "claims.classes",
        "Show claims of this class only: active, idle-but-reserved, orphan-allocated, ghost-reserved, zombie-deleting, unused-unallocated, owner-gone, pending or admin; repeatable").unset("all"),
    Setting::one(Claims, "min-age", "DURATION", "claims.min_age",
        "Age below which a claim that looks left over is not settled: allocation comes before reservation").default("10m"),
    Setting::one(Claims, "idle-after", "DURATION", "claims.idle_after",
        "Idle time from which on a claim that is reserved counts as idle but reserved; every one of its GPUs must have been observed and idle for all of the time that it was held in the window").default("24h"),
    // Output
    Setting::one(Listing, "by", "DIMENSION", "report.by",
        "What the rows are").choices(BY).default("tenant"),
    Setting::one(Output, "output", "FORMAT", "report.output",
        "Format. Parquet writes one file per table into the folder --output-file; openmetrics and html are of reports alone, github-comment and those after it of diff, compare, budget check and reconcile").short('o').choices(FORMATS).default("table"),
    Setting::one(Output, "output-file", "PATH", "report.output_file",
        "Write there rather than to standard output; it is replaced only once the report is complete").unset("standard output"),
    Setting::one(Top, "top", "N", "report.top",
        "Rows in each section of a table; 0 shows all").default("20"),
    // Policy
    Setting::one(Policy, "idle-below", "RATIO", "policy.idle_below",
        "Utilization below which a device is idle: 0 to 1, or a percentage such as 5%").default("0.01"),
    Setting::one(Policy, "max-gap", "DURATION", "policy.max_gap",
        "Longest distance of two samples that still count as neighbours; beyond it the time is unobserved").default("5m"),
    Setting::one(Policy, "empty-memory", "BYTES", "policy.empty_memory_bytes",
        "Framebuffer use up to which an idle device counts as empty, in bytes").default("1073741824"),
    Setting::one(Policy, "empty-memory-ratio", "RATIO", "policy.empty_memory_ratio",
        "The same as a share of the device's memory; the larger of the two counts").default("0.02"),
    Setting::many(Devices, "gpu-resource", "NAME", "policy.gpu_resources",
        "Extended resource that stands for whole GPUs; repeatable").default("nvidia.com/gpu\namd.com/gpu"),
    Setting::switch(Strictness, "strict", "policy.strict",
        "Exit with 4 when anything that the figures need is missing"),
    // Judging
    Setting::one(Judging, "min-history", "DURATION", "recommend.min_history",
        "Time from the first to the last instant at which a workload held GPUs, below which nothing is said of it").default("12h"),
    Setting::one(Judging, "min-observed", "RATIO", "recommend.min_observed",
        "Observed share of its held time, below which nothing is said of a workload").default("0.8"),
    Setting::one(Judging, "min-held", "HOURS", "recommend.min_held",
        "GPU-hours held, below which nothing is said of a workload").default("12"),
    Setting::one(Judging, "idle-limit", "DURATION", "recommend.idle_limit",
        "Idle time up to the end of the window from which on GPUs that were used before count as left behind").default("12h"),
    Setting::one(Judging, "fit-share", "RATIO", "recommend.fit_share",
        "Share of the window on which sizes are fitted, to be replayed on the rest").default("0.7"),
    Setting::one(Judging, "half-life", "DURATION", "recommend.half_life",
        "Age at which a minute counts half in the demand for compute").default("7d"),
    Setting::one(Judging, "compute-percentile", "RATIO", "recommend.compute_percentile",
        "Percentile of the load of active time that a size has to carry").default("0.99"),
    Setting::one(Judging, "memory-margin", "RATIO", "recommend.memory_margin",
        "Added to the peak of memory, as a share of it").default("0.1"),
    Setting::one(Judging, "memory-spread", "FACTOR", "recommend.memory_spread",
        "Added to that, as a multiple of the distance from the median of memory use to its peak").default("1"),
    Setting::one(Judging, "max-over", "RATIO", "recommend.max_over",
        "Share of active time over the compute of a size, from which on a replay refuses it").default("0.01"),
    Setting::one(Judging, "target-load", "RATIO", "recommend.target_load",
        "Load that is planned with for replicas and for cards that are shared").default("0.8"),
    Setting::one(Judging, "cpu-percentile", "RATIO", "recommend.cpu_percentile",
        "Percentile of the CPU use of a pod that its CPU request has to cover").default("0.95"),
    Setting::one(Judging, "request-margin", "RATIO", "recommend.request_margin",
        "Added to the use that a CPU or memory request has to cover, as a share of it").default("0.15"),
    Setting::one(Judging, "request-excess", "RATIO", "recommend.request_excess",
        "Share of a CPU or memory request that must be of no use before a smaller one is proposed").default("0.5"),
    // Recommendations
    Setting::many(Recommendations, "rule", "RULE", "recommend.rules",
        "Show recommendations of this rule only; repeatable").unset("all"),
    Setting::one(Recommendations, "min-savings", "AMOUNT", "recommend.min_savings",
        "Show recommendations that save this much money a month at least; what has no price is left out then"),
    Setting::one(Recommendations, "min-confidence", "RATIO", "recommend.min_confidence",
        "Show recommendations of this confidence at least").default("0"),
    Setting::switch(Recommendations, "include-refused", "recommend.include_refused",
        "Show, too, what was considered and refused, and what there was too little evidence of"),
    // Cleanup
    Setting::one(Cleanup, "max-changes", "N", "cleanup.max_changes",
        "Most changes of one run; with more, none is made").default("50"),
    Setting::one(Cleanup, "max-percent", "RATIO", "cleanup.max_percent",
        "Largest share of the cluster's GPUs that one run gives up, and of its workloads and claims that it changes: 0 to 1, or a percentage such as 5%; with more, no change is made").default("10%"),
    Setting::one(Cleanup, "max-savings", "AMOUNT", "cleanup.max_savings",
        "Most money a month that one run saves; with more, or with changes that have no price, none is made").unset("no limit"),
    Setting::one(Cleanup, "plan-lifetime", "DURATION", "cleanup.plan_lifetime",
        "How long a plan may be applied").default("24h"),
    Setting::many(Cleanup, "protect", "REGEX", "cleanup.protect",
        "Namespace in which nothing is changed; the whole name must match; repeatable. Replaces the defaults")
        .default("kube-.*\nopenshift-.*\ngpu-operator(-.*)?\nnvidia-.*\n(.*-)?monitoring(-.*)?\nprometheus\ngpu-finops"),
    Setting::one(Cleanup, "keep-selector", "SELECTOR", "cleanup.keep_selector",
        "Leave objects with these labels alone, as in kubectl: 'tier=prod'"),
    Setting::many(Cleanup, "keep-kind", "KIND", "cleanup.keep_kinds",
        "Leave objects of this kind, and what they own, alone; repeatable"),
    Setting::one(Cleanup, "grace", "DURATION", "cleanup.grace",
        "Time from the mark on an object to the change of it, where the change is of medium or high risk").default("24h"),
    Setting::one(Cleanup, "runs", "N", "cleanup.runs",
        "Runs that must have found the same before such a change is made, this one included").default("2"),
    Setting::switch(Cleanup, "mark-all", "cleanup.mark_all",
        "Mark what is of low risk, too, before it is changed"),
    Setting::one(Cleanup, "lease-namespace", "NAMESPACE", "cleanup.lease_namespace",
        "Namespace of the Lease that keeps two runs apart").unset("gpu-finops where there is one, else default"),
    Setting::one(Cleanup, "lease-duration", "DURATION", "cleanup.lease_duration",
        "How long a run that stopped to renew its Lease keeps others out, 1s to 1h").default("60s"),
    // Budgets
    Setting::many(Budgets, "budgets", "FILE", "budget.files",
        "File with budgets, besides those of the config file; repeatable. A name that is there twice is an error"),
    Setting::one(Budgets, "history", "DURATION", "budget.history",
        "Time before now that is read for forecasts and for what changed since the period before. Weekdays are told apart from two weeks on").default("28d"),
    Setting::one(Budgets, "min-known", "RATIO", "budget.min_known",
        "Share of the time gone by of which there must be data, and share of the held time that must be observed where a rule is about its use, for a budget to be judged").default("0.9"),
    Setting::one(Budgets, "at", "TIME", "",
        "Judge budgets as of then (RFC 3339, YYYY-MM-DD or Unix seconds): as of the first instant of a month, the month before").without_key().unset("now; of roll-ups the last midnight, of a snapshot its end"),
    // Gate
    Setting::one(Gate, "default-model", "MODEL", "gate.default_model",
        "GPU model of requests that no node selector, resource or CEL selector decides, such as 'H100'")
        .unset("their price is not known"),
    Setting::one(Gate, "job-duration", "DURATION", "gate.job_duration",
        "How long one run of a job takes; activeDeadlineSeconds bounds it").default("1h"),
    Setting::one(Gate, "shared-replicas", "N", "gate.shared_replicas",
        "Pods that share a card where a shared resource such as nvidia.com/gpu.shared is asked for, 1 to 1000")
        .unset("each counts as a whole card at most"),
    Setting::one(Increase, "max-increase", "AMOUNT|PERCENT", "gate.max_increase",
        "Most that a change may add to the cost of a month, in money (500) or as a share of what it was (10%)"),
    Setting::many(Gate, "forbid-model", "MODEL", "gate.forbid_models",
        "GPU model that nothing added or changed may ask for: whole words of its name, case-blind, * stands for anything; repeatable"),
    Setting::many(Gate, "require-label", "KEY", "gate.require_labels",
        "Label that whatever asks for GPUs must have, on itself or its pods; of several one will do; repeatable"),
    Setting::switch(Gate, "deny-over-history", "gate.deny_over_history",
        "Refuse a request for more GPUs than the workload had in use at one time. Needs a source of metrics, such as --prometheus or --snapshot"),
    Setting::switch(Gate, "deny-cron-overlap", "gate.deny_cron_overlap",
        "Refuse CronJobs whose runs may pile up: concurrencyPolicy Allow and no activeDeadlineSeconds"),
    // CI
    Setting::switch(Ci, "warn-only", "ci.warn_only",
        "Exit with 0 although a rule is broken; what could not be evaluated still fails"),
    Setting::one(Ci, "comment-threshold", "AMOUNT", "ci.comment_threshold",
        "Money a month below which a comment is left empty, where nothing else is to be said").default("0"),
    // Prices
    Setting::many(Prices, "price", "MODEL=PRICE", "prices.rules",
        "Price of one GPU-hour by model, such as A100=2.50 or 'H100*NVL=4'. MODEL matches whole words of the model name, case-blind, * stands for anything; repeatable. Comes before the config file's rules").unset("the built-in list prices"),
    Setting::many(Prices, "price-book", "FILE", "prices.books",
        "YAML file of price rules, `rules:` in the form of prices.rules of the config file; repeatable, the first rule that applies wins. Comes after --price and before the config file's rules"),
    Setting::many(Prices, "price-csv", "FILE", "prices.csv",
        "CSV file of prices: our own columns (such as instance_type, region, price_per_hour, gpus), OpenCost's custom pricing, or the price list that AWS publishes; repeatable. Comes after --price-book"),
    Setting::one(Prices, "opencost", "URL|FILE", "prices.opencost",
        "OpenCost or Kubecost, or a file with an answer of its /assets or /allocation: the cost of a GPU-hour by node. Comes after --price-csv"),
    Setting::one(Prices, "opencost-bearer-token-file", "FILE", "prices.opencost_bearer_token_file",
        "File with a bearer token for --opencost"),
    Setting::one(Prices, "currency", "CODE", "prices.currency",
        "Currency of the prices given, and of the report. The built-in list is in USD and left out for another currency, unless --usd-rate is given").default("USD"),
    Setting::one(Prices, "usd-rate", "RATE", "prices.usd_rate",
        "Units of the currency for one USD: converts the built-in list"),
    // Export
    Setting::one(Export, "focus-version", "VERSION", "focus.version",
        "Version of FOCUS; 1.3 has columns for split costs").choices(FOCUS_VERSIONS).default("1.2"),
    Setting::one(Export, "billing-account", "ID", "focus.billing_account",
        "BillingAccountId of the rows").default("gpu-finops"),
    Setting::one(Export, "provider", "NAME", "focus.provider",
        "Who provides the GPUs and issues the invoice: ProviderName, PublisherName and InvoiceIssuerName of the rows").default("Kubernetes"),
    // Saving
    Setting::switch(Save, "redact", "snapshot.redact",
        "Replace names of namespaces, pods, workloads, nodes and labels by pseudonyms, consistently"),
    Setting::switch(Save, "force", "snapshot.force",
        "Replace a snapshot that is already there; a folder with anything else in it is never touched"),
    // General
    Setting::one(General, "now", "TIME", "",
        "Clock to go by, for reproducible runs").without_key().hidden().unset("the system clock"),
    Setting::one(General, "config", "FILE", "",
        "Config file (YAML)").without_key().unset("$XDG_CONFIG_HOME/gpu-finops/config.yaml if there is one"),
    Setting::switch(General, "quiet", "ui.quiet",
        "Say nothing on standard error but errors").short('q'),
    Setting::switch(General, "verbose", "ui.verbose",
        "Say more on standard error").short('v'),
    Setting::switch(General, "no-progress", "ui.no_progress",
        "No progress bar; there is none anyway when standard error is not a terminal"),
    Setting::one(General, "color", "WHEN", "ui.color",
        "Colours; auto goes by the terminal, NO_COLOR, CLICOLOR_FORCE and TERM").choices(COLOR).default("auto"),
];

/// Values of `--by`.
pub const BY: &[&str] =
    &["cluster", "tenant", "namespace", "workload", "pod", "gpu", "node", "model", "mode"];
/// Values of `--transport`.
pub const TRANSPORTS: &[&str] = &["auto", "remote-read", "victoriametrics", "query", "query-range"];
/// Values of `--output`.
pub const FORMATS: &[&str] = &[
    "table",
    "wide",
    "json",
    "csv",
    "markdown",
    "parquet",
    "openmetrics",
    "html",
    "github-comment",
    "gitlab-comment",
    "github-annotations",
    "github-summary",
    "junit",
    "sarif",
    "slack",
];
/// Values of `--focus-version`.
pub const FOCUS_VERSIONS: &[&str] = &["1.2", "1.3"];
/// Values of `--color`.
pub const COLOR: &[&str] = &["auto", "always", "never"];
