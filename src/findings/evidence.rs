//! What rules look at: workloads with the GPUs of their pods, and what is known of each.

use std::collections::{BTreeMap, HashMap};

use crate::attribution::agents::WARM_POOL;
use crate::attribution::holder::HolderKind;
use crate::attribution::resolve::Piece;
use crate::attribution::tenants::UNATTRIBUTED;
use crate::attribution::{Attributed, Attribution};
use crate::claims::classify::{Classified, Surroundings, Use};
use crate::claims::usage::Usages;
use crate::cost::price::Price;
use crate::model::dra::ClaimFact;
use crate::model::policy::PriceBook;
use crate::model::recommending::Recommending;
use crate::model::{ClusterFacts, Inputs, Window};
use crate::observe::pod_use::PodUses;
use crate::report::contract::WorkloadRow;
use crate::report::figures::{Figures, Key, pod_key};
use crate::trace::{Span, Trace, Traces};
use crate::units::{HOURS_PER_MONTH, MS_PER_DAY, MS_PER_MINUTE, Millis, gpu_hours};

/// A holder is there at the end of the window when it ended no earlier than this before it: what tells of it lags.
const THERE_WITHIN_MS: i64 = 10 * MS_PER_MINUTE;

/// Whether what ended at `end` counts as being there at the end of the window.
#[must_use]
pub fn is_there(end: Millis, window: Window) -> bool {
    end >= window.end() - THERE_WITHIN_MS
}

/// What a proposal can be replayed on; not there for a report, nor for roll-ups.
#[derive(Clone, Copy)]
pub struct History<'a> {
    /// Minutes of every holder on every device.
    pub traces: &'a Traces,
    /// Cluster objects.
    pub facts: &'a ClusterFacts,
    /// What keeps each resource claim, by namespace and name.
    pub claims: &'a Claims,
    /// CPU and memory that pods used.
    pub uses: &'a PodUses<'a>,
    /// Zone in which days begin.
    pub timezone: chrono_tz::Tz,
}

/// What keeps each resource claim, by namespace and name.
pub type Claims = BTreeMap<(String, String), Classified>;

/// Classes of the claims that are listed. A leftover younger than `min_age_ms` is not settled.
#[must_use]
pub fn claims(inputs: &Inputs, min_age_ms: i64) -> Claims {
    let (facts, sources) = (&inputs.facts, &inputs.sources);
    let unused = Usages::default();
    let of_claims = Use { of_claims: &unused, idle_after_ms: i64::MAX };
    let around = Surroundings::new(facts, sources, of_claims, inputs.now_ms, min_age_ms);
    let key = |claim: &ClaimFact| (claim.namespace.clone(), claim.name.clone());
    facts.dra.claims.iter().map(|claim| (key(claim), around.classify(claim))).collect()
}

/// A GPU of a pod.
#[derive(Debug, Clone)]
pub struct Lease<'a> {
    /// The pod's key.
    pub pod: &'a str,
    /// Position among the devices.
    pub device: usize,
    /// Positions among the holders: one pod may have several lives.
    pub holders: Vec<usize>,
    /// Time, money and usage.
    pub figures: &'a Figures,
    /// Whether the pod is there at the end of the window.
    pub is_there: bool,
    /// Idle stretch that ends with the window, milliseconds.
    pub trailing_idle_ms: i64,
    /// Largest part of the device that it had.
    pub share: f64,
}

/// A workload with the GPUs of its pods.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The row of the report.
    pub row: &'a WorkloadRow,
    /// GPUs of its pods, by pod and device.
    pub leases: Vec<Lease<'a>>,
    /// From the first instant at which it held anything in the window to the last, milliseconds.
    pub history_ms: i64,
    /// Its holders are claims that no pod uses.
    pub is_stale_claim: bool,
}

impl<'a> Subject<'a> {
    /// `namespace/kind/name`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.row.namespace, self.row.kind, self.row.name)
    }

    /// Whether it is there at the end of the window, or will be again: a CronJob stays when its pods end.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.row.kind == "CronJob" || self.there().next().is_some()
    }

    /// GPUs that it holds at the end of the window.
    pub fn there(&self) -> impl Iterator<Item = &Lease<'a>> {
        self.leases.iter().filter(|lease| lease.is_there)
    }

    /// Its leases by pod.
    #[must_use]
    pub fn pods(&self) -> BTreeMap<&'a str, Vec<&Lease<'a>>> {
        let mut out: BTreeMap<&str, Vec<&Lease<'a>>> = BTreeMap::new();
        for lease in &self.leases {
            out.entry(lease.pod).or_default().push(lease);
        }
        out
    }
}

/// Everything that rules look at.
pub struct Evidence<'a> {
    /// Workloads in scope.
    pub subjects: Vec<Subject<'a>>,
    /// The rows behind them.
    pub attribution: &'a Attribution,
    /// Price of each device.
    pub prices: &'a [Option<Price>],
    /// What other devices would cost.
    pub book: &'a PriceBook,
    /// The window.
    pub window: Window,
    /// Idle threshold.
    pub idle_below: f64,
    /// Thresholds and bounds.
    pub rules: Recommending,
    /// The past, minute by minute.
    pub history: Option<History<'a>>,
}

/// What a workload is told apart by.
type WorkloadKey<'a> = (Option<&'a str>, &'a str, &'a str, &'a str, &'a str, &'a str);

fn key_of_row(row: &WorkloadRow) -> WorkloadKey<'_> {
    let cluster = row.cluster.as_deref();
    (cluster, &row.tenant, &row.rule, &row.namespace, &row.kind, &row.name)
}

fn key_of_holder(holder: &Attributed) -> WorkloadKey<'_> {
    let (tenant, workload) = (&holder.tenant, &holder.workload);
    let namespace = &holder.holder.key.namespace;
    let cluster = holder.cluster.as_deref();
    (cluster, &tenant.tenant, &tenant.rule, namespace, &workload.kind, &workload.name)
}

/// Workloads with the GPUs of their pods, in the order of `workloads`.
#[must_use]
pub fn subjects<'a>(
    workloads: &'a [WorkloadRow],
    devices_of_pods: &'a BTreeMap<Key, Figures>,
    attribution: &'a Attribution,
    window: Window,
) -> Vec<Subject<'a>> {
    let mut holders: HashMap<WorkloadKey<'a>, Vec<usize>> = HashMap::new();
    let mut pods: HashMap<String, Vec<usize>> = HashMap::new();
    for (h, holder) in attribution.holders.iter().enumerate() {
        holders.entry(key_of_holder(holder)).or_default().push(h);
        pods.entry(pod_key(holder)).or_default().push(h);
    }
    let mut of_pod: HashMap<&'a str, Vec<Lease<'a>>> = HashMap::new();
    let shares = shares(&attribution.pieces);
    for (key, figures) in devices_of_pods {
        let (pod, Ok(device)) = (key[0].as_str(), key[1].parse()) else { continue };
        let of_lease = pods.get(pod).cloned().unwrap_or_default();
        let lease = lease(pod, device, of_lease, figures, attribution, &shares, window);
        of_pod.entry(pod).or_default().push(lease);
    }
    let subject = |row: &'a WorkloadRow| {
        let of_row = holders.get(&key_of_row(row)).map_or(&[][..], Vec::as_slice);
        let mut names: Vec<String> =
            of_row.iter().map(|&h| pod_key(&attribution.holders[h])).collect();
        names.sort_unstable();
        names.dedup();
        let leases = names.iter().filter_map(|pod| of_pod.get(pod.as_str())).flatten().cloned();
        let times = || of_row.iter().map(|&h| attribution.holders[h].holder.time);
        let from = times().map(|time| time.start).min().unwrap_or(window.start());
        let until = times().map(|time| time.end).max().unwrap_or(from);
        let is_stale = |h: &usize| attribution.holders[*h].holder.kind == HolderKind::StaleClaim;
        Subject {
            row,
            leases: leases.collect(),
            history_ms: until - from,
            is_stale_claim: !of_row.is_empty() && of_row.iter().all(is_stale),
        }
    };
    workloads.iter().map(subject).collect()
}

/// Largest share by holder and device.
fn shares(pieces: &[Piece]) -> BTreeMap<(usize, usize), f64> {
    let mut out: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for piece in pieces {
        let known = out.entry((piece.holder, piece.device)).or_default();
        *known = known.max(piece.share);
    }
    out
}

fn lease<'a>(
    pod: &'a str,
    device: usize,
    holders: Vec<usize>,
    figures: &'a Figures,
    attribution: &Attribution,
    shares: &BTreeMap<(usize, usize), f64>,
    window: Window,
) -> Lease<'a> {
    let end = |h: &usize| attribution.holders[*h].holder.time.end;
    let tenure = |h: &usize| {
        let at = attribution.tenures.binary_search_by_key(&(*h, device), |t| (t.holder, t.device));
        at.ok().map(|at| attribution.tenures[at].trailing_idle_ms)
    };
    let share = |h: &usize| shares.get(&(*h, device)).copied();
    Lease {
        pod,
        device,
        is_there: holders.iter().map(end).any(|end| is_there(end, window)),
        trailing_idle_ms: holders.iter().filter_map(tenure).max().unwrap_or(0),
        share: holders.iter().filter_map(share).fold(0.0, f64::max),
        figures,
        holders,
    }
}

impl<'a> Evidence<'a> {
    /// Money of the window at its rate over 730 hours.
    #[must_use]
    pub fn per_month(&self, of_window: f64) -> f64 {
        of_window / gpu_hours(self.window.length_ms()) * HOURS_PER_MONTH
    }

    /// Why nothing is said about a workload; `None` for one that is judged.
    #[must_use]
    pub fn unjudged(&self, subject: &Subject<'_>) -> Option<String> {
        let (row, rules) = (subject.row, &self.rules);
        let (held, observed) = (row.ledger.allocated_gpu_hours, row.ledger.observed_ratio);
        if row.tenant == UNATTRIBUTED {
            return Some("nobody is known to have held it".to_owned());
        }
        if row.kind == WARM_POOL {
            return Some("a warm pool waits idle by design".to_owned());
        }
        if subject.is_stale_claim {
            return None;
        }
        if held < rules.min_held_gpu_hours {
            let least = rules.min_held_gpu_hours;
            return Some(format!("held for {held:.1} GPU-hours, less than {least:.1}"));
        }
        if subject.history_ms < rules.min_history_ms {
            let (there, least) = (gpu_hours(subject.history_ms), gpu_hours(rules.min_history_ms));
            return Some(format!("there for {there:.1} h of the window, less than {least:.1} h"));
        }
        let observed = observed.unwrap_or(0.0);
        (observed < rules.min_observed).then(|| {
            let (seen, least) = (observed * 100.0, rules.min_observed * 100.0);
            format!("observed for {seen:.0} % of the time that it held, less than {least:.0} %")
        })
    }

    /// How sure something is that rests on these leases, 0..1: the observed share of their time, times what their
    /// history is worth (half after a day, three quarters after two), and less the more their load varied.
    #[must_use]
    pub fn confidence(&self, leases: &[&Lease<'_>], history_ms: i64) -> f64 {
        let sum = |read: fn(&Figures) -> f64| leases.iter().map(|l| read(l.figures)).sum::<f64>();
        let held = sum(|f| f.ledger.allocated_gpu_hours + f.ledger.stale_claim_gpu_hours);
        let seen = sum(|f| f.ledger.observed_gpu_hours + f.ledger.stale_claim_gpu_hours);
        let observed = if held > 0.0 { seen / held } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "years are far below 2^53 ms")]
        let days = history_ms as f64 / MS_PER_DAY as f64;
        let variation = variation(&self.traces(leases), Span::of(self.window));
        observed * (1.0 - (-days).exp2()) / (1.0 + variation)
    }

    /// The traces of leases; none where there is no history.
    #[must_use]
    pub fn traces(&self, leases: &[&Lease<'_>]) -> Vec<&'a Trace> {
        let Some(history) = self.history else { return Vec::new() };
        let of_holder = |device: usize, h: usize| {
            history.traces.of_holder(h).iter().filter(move |trace| trace.device == device)
        };
        let of_lease = |lease: &&Lease<'_>| {
            let device = lease.device;
            lease.holders.iter().flat_map(|&h| of_holder(device, h)).collect::<Vec<_>>()
        };
        leases.iter().flat_map(of_lease).collect()
    }
}

/// Parts of a window whose mean loads are compared.
const PARTS: u32 = 4;
/// Loads below which a difference is none.
const LEAST_LOAD: f64 = 0.05;

/// How much the mean load varied between the quarters of a span: their standard deviation by their mean.
fn variation(traces: &[&Trace], span: Span) -> f64 {
    let part = |n: u32| {
        let (from, to) = (f64::from(n) / f64::from(PARTS), f64::from(n + 1) / f64::from(PARTS));
        let span = span.part(from, to);
        let loads = traces.iter().flat_map(|trace| trace.observed(span));
        let (sum, count) = loads.fold((0.0, 0_u32), |(sum, count), (_, minute)| {
            (sum + f64::from(minute.load), count + 1)
        });
        (count > 0).then(|| sum / f64::from(count))
    };
    let means: Vec<f64> = (0..PARTS).filter_map(part).collect();
    #[expect(clippy::cast_precision_loss, reason = "four of them")]
    let count = means.len().max(1) as f64;
    let mean = means.iter().sum::<f64>() / count;
    let variance = means.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / count;
    variance.sqrt() / mean.max(LEAST_LOAD)
}
