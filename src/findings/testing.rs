//! Small clusters for the tests of rules: pods with what they do by the minute, made into objects and samples as a
//! cluster and its exporters give them, and judged the whole way.

use std::collections::BTreeMap;

use crate::cost::book::built_in;
use crate::findings::evidence::{History, claims};
use crate::model::objects::{NodeFact, OwnerRef, PodFact, PodPhase, PodRequests};
use crate::model::policy::PriceBook;
use crate::model::{ClusterFacts, Inputs, MetricData, Policy, QueryId, Series, Window};
use crate::observe::pod_use::PodUses;
use crate::recommend::contract::{NotJudged, RecommendReport, Recommendation};
use crate::recommend::{Filters, Material, recommend};
use crate::report::accounts::Accounts;
use crate::report::build::Stamp;
use crate::trace::{Traces, of_device};
use crate::units::{MS_PER_HOUR, MS_PER_MINUTE, Millis};

/// Monday 2026-11-09, midnight UTC.
pub(crate) const MONDAY: Millis = 1_794_182_400_000;
/// Minutes from sample to sample.
const STEP: i64 = 2;

/// What a GPU of a pod does in a minute since [`MONDAY`]: utilization 0..1 and framebuffer in MiB. NaN is no sample.
pub(crate) type Load = fn(i64) -> (f64, f64);

/// A cluster with a window of whole days from [`MONDAY`] on.
pub(crate) struct World {
    /// Days of the window.
    pub(crate) days: i64,
    /// Policy; built-in prices.
    pub(crate) policy: Policy,
    /// Time zone.
    pub(crate) timezone: chrono_tz::Tz,
    /// Objects besides the pods that hold GPUs.
    pub(crate) facts: ClusterFacts,
    metrics: BTreeMap<QueryId, Vec<Series>>,
    /// Number of GPUs by node and model.
    models: BTreeMap<String, (String, f64)>,
    used: BTreeMap<String, usize>,
}

impl World {
    pub(crate) fn new(days: i64) -> Self {
        let prices = PriceBook { currency: "USD".into(), rules: built_in() };
        Self {
            days,
            policy: Policy { prices, ..Policy::default() },
            timezone: chrono_tz::Tz::UTC,
            facts: ClusterFacts { listed_at_ms: Some(MONDAY), ..ClusterFacts::default() },
            metrics: BTreeMap::new(),
            models: BTreeMap::new(),
            used: BTreeMap::new(),
        }
    }

    /// A node with so many cards of a model with so many MiB, and labels.
    pub(crate) fn node(
        mut self,
        name: &str,
        gpus: u32,
        (model, mib): (&str, f64),
        labels: &[(&str, &str)],
    ) -> Self {
        let resource = BTreeMap::from([("nvidia.com/gpu".to_owned(), gpus)]);
        self.models.insert(name.to_owned(), (model.to_owned(), mib));
        self.facts.nodes.push(NodeFact {
            name: name.into(),
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            gpu_capacity: resource.clone(),
            gpu_allocatable: resource,
            cpu_millicores: Some(96_000),
            memory_bytes: Some(1 << 40),
            ..NodeFact::default()
        });
        for gpu in 0..gpus {
            self.sample(name, gpu as usize, None, |_| (0.0, 4.0));
        }
        self
    }

    /// A pod of `kind/name` that is there all the time, with one GPU for each load.
    pub(crate) fn pod(self, node: &str, kind: &str, name: &str, loads: &[Load]) -> Self {
        self.pod_since(node, kind, name, loads, MONDAY)
    }

    /// The same since some instant.
    pub(crate) fn pod_since(
        mut self,
        node: &str,
        kind: &str,
        name: &str,
        loads: &[Load],
        since: Millis,
    ) -> Self {
        let number = self.facts.pods.len();
        let pod = format!("{name}-{number}");
        let first = self.used.get(node).copied().unwrap_or_default();
        self.used.insert(node.to_owned(), first + loads.len());
        for (gpu, load) in (first..).zip(loads) {
            self.sample(node, gpu, Some((&pod, since)), load);
        }
        let gpus = u32::try_from(loads.len()).expect("few");
        self.facts.pods.push(PodFact {
            namespace: "ns".into(),
            name: pod,
            uid: Some(format!("uid-{number}")),
            node: Some(node.into()),
            owner: Some(OwnerRef { kind: kind.into(), name: name.into() }),
            requests: PodRequests {
                gpus: [("nvidia.com/gpu".to_owned(), gpus)].into(),
                cpu_millicores: 4_000,
                memory_bytes: 1 << 34,
                ..PodRequests::default()
            },
            phase: PodPhase::Running,
            created_ms: Some(since),
            scheduled_ms: Some(since),
            started_ms: Some(since),
            ..PodFact::default()
        });
        self
    }

    /// Samples of a card; those of a pod take the place of those of nobody.
    fn sample(
        &mut self,
        node: &str,
        gpu: usize,
        pod: Option<(&str, Millis)>,
        load: impl Fn(i64) -> (f64, f64),
    ) {
        let (model, mib) = self.models[node].clone();
        let id = format!("GPU-{node}-{gpu}");
        let labels: BTreeMap<String, String> = [
            ("UUID", id.as_str()),
            ("gpu", &gpu.to_string()),
            ("Hostname", node),
            ("modelName", &model),
            ("namespace", if pod.is_some() { "ns" } else { "" }),
            ("pod", pod.map_or("", |(name, _)| name)),
            ("container", if pod.is_some() { "main" } else { "" }),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
        let since = pod.map_or(MONDAY, |(_, since)| since);
        let until = MONDAY + self.days * 24 * MS_PER_HOUR;
        let minutes = (0..self.days * 24 * 60).step_by(usize::try_from(STEP).expect("small"));
        let times: Vec<(Millis, (f64, f64))> = minutes
            .map(|minute| (MONDAY + minute * MS_PER_MINUTE, load(minute)))
            .filter(|(at, _)| (since..until).contains(at))
            .collect();
        type Read = fn((f64, f64), f64) -> f64;
        let fields: [(QueryId, Read); 3] = [
            (QueryId::GpuUtil, |(load, _), _| load * 100.0),
            (QueryId::FbUsed, |(_, used), _| used),
            (QueryId::FbFree, |(_, used), mib| mib - used),
        ];
        for (query, read) in fields {
            let series = self.metrics.entry(query).or_default();
            if pod.is_some() {
                let same = |s: &Series| s.label("UUID") == Some(&id) && s.label("pod").is_none();
                series.retain(|s| !same(s));
            }
            let value = |&(at, of): &(Millis, (f64, f64))| (at, read(of, mib));
            let samples = times.iter().map(value).filter(|(_, v)| v.is_finite()).collect();
            series.push(Series { labels: labels.clone().into(), samples });
        }
    }

    /// What is recommended.
    pub(crate) fn recommend(&self) -> RecommendReport {
        let end = MONDAY + self.days * 24 * MS_PER_HOUR;
        let metric = |(query, series): (&QueryId, &Vec<Series>)| MetricData {
            query: *query,
            series: series.clone(),
            gaps: Vec::new(),
        };
        let inputs = Inputs {
            window: Window::new(MONDAY, end).expect("days"),
            now_ms: end,
            metrics: self.metrics.iter().map(metric).collect(),
            facts: self.facts.clone(),
            sources: Vec::new(),
        };
        let (accounts, traces) = Accounts::with(&inputs, &self.policy, of_device);
        let traces = Traces::new(traces);
        let claims = claims(&inputs, 0);
        let (facts, timezone) = (&inputs.facts, self.timezone);
        let uses = PodUses::new(&inputs);
        let history = History { traces: &traces, facts, claims: &claims, uses: &uses, timezone };
        let material = Material { accounts: &accounts, history, policy: &self.policy };
        recommend(material, &Filters::default(), Stamp::default())
    }

    /// What one rule recommends.
    pub(crate) fn by(&self, rule: &str) -> Vec<Recommendation> {
        let report = self.recommend();
        report.recommendations.into_iter().filter(|r| r.finding.rule == rule).collect()
    }

    /// What one rule refuses.
    pub(crate) fn refused(&self, rule: &str) -> Vec<Recommendation> {
        self.recommend().refused.into_iter().filter(|r| r.finding.rule == rule).collect()
    }

    /// What one rule, or all of them, do not judge.
    pub(crate) fn unjudged(&self, rule: &str) -> Vec<NotJudged> {
        let of = |row: &NotJudged| row.rule.as_deref().is_none_or(|name| name == rule);
        self.recommend().not_judged.into_iter().filter(of).collect()
    }
}
