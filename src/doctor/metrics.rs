//! The queries of the catalogue: what came, how often, with which holes, and what is lost without it.

use std::collections::BTreeMap;

use super::catalogue::{Exporter, exporter_of, lost, metric};
use super::check::{METRICS, WARNINGS, count, length, list, seconds};
use super::contract::{Check, Group, State};
use super::csv_lines::{AMD_FIELDS, DCGM_CSV, dcgm_line};
use super::signs::{DeviceSigns, Signs};
use super::stats::{self, Stats};
use crate::model::query::QueryKind;
use crate::model::{Inputs, Policy, QueryId, SourceState, SourceStatus};
use crate::units::MS_PER_MINUTE;

/// Gauges that are read more seldom miss short bursts.
const OFTEN_ENOUGH_MS: i64 = MS_PER_MINUTE;

/// What is told of all answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_query: BTreeMap<QueryId, Stats>,
    /// Every card shows its MIG instances and nothing of the whole.
    pub(super) is_all_mig: bool,
}

impl Answers {
    pub(super) fn of(inputs: &Inputs, policy: &Policy, signs: &Signs) -> Self {
        let stats = |m| stats::of(m, inputs, policy.max_gap_ms);
        let is_mig = |d: &DeviceSigns| d.card.is_empty() && !d.instances.is_empty();
        Self {
            by_query: inputs.metrics.iter().map(|m| (m.query, stats(m))).collect(),
            is_all_mig: !signs.devices.is_empty() && signs.devices.values().all(is_mig),
        }
    }

    /// Whether an answer has series.
    pub(super) fn has(&self, query: QueryId) -> bool {
        self.by_query.get(&query).is_some_and(|s| s.series > 0)
    }

    /// Whether any answer of an exporter has.
    pub(super) fn has_any_of(&self, exporter: Exporter) -> bool {
        self.by_query.keys().any(|q| exporter_of(*q) == exporter && self.has(*q))
    }

    /// Answers about devices.
    pub(super) fn of_devices(&self) -> Vec<&Stats> {
        let is_of_device =
            |q: &QueryId| exporter_of(*q).is_of_devices() && q.kind() == QueryKind::Raw;
        self.by_query.iter().filter(|(q, _)| is_of_device(q)).map(|(_, s)| s).collect()
    }
}

/// Checks of every query.
pub(super) fn checks(inputs: &Inputs, policy: &Policy, answers: &Answers) -> Vec<Check> {
    if inputs.metrics.is_empty() {
        return Vec::new();
    }
    let is_of_this_cluster = |query: &&QueryId| match exporter_of(**query) {
        Exporter::KubeState => true,
        // Asked only where recommendations are made.
        Exporter::Kubelet | Exporter::ModelServer => inputs.metric(**query).is_some(),
        exporter => answers.has_any_of(exporter) || is_expected(exporter, inputs, answers),
    };
    let queries = QueryId::ALL.iter().chain(QueryId::OPTIONAL).filter(is_of_this_cluster);
    queries.map(|query| one(*query, inputs, policy, answers)).collect()
}

/// Whether an exporter that shows nothing should: nodes have GPUs of its vendor, or it failed, or nobody
/// else shows any.
fn is_expected(exporter: Exporter, inputs: &Inputs, answers: &Answers) -> bool {
    let (vendor, other) = match exporter {
        Exporter::Amd => ("amd.com/", Exporter::Dcgm),
        _ => ("nvidia.com/", Exporter::Amd),
    };
    let has_gpus = inputs.facts.nodes.iter().any(|node| {
        node.gpu_capacity.iter().any(|(resource, n)| *n > 0 && resource.starts_with(vendor))
    });
    let of_exporter = |query: &&QueryId| exporter_of(**query) == exporter;
    let has_failed = QueryId::ALL.iter().filter(of_exporter).any(|query| {
        let name = format!("prometheus/{}", query.name());
        let failed =
            |s: &SourceStatus| matches!(s.state, SourceState::Failed | SourceState::Partial);
        inputs.sources.iter().any(|s| s.name == name && failed(s))
            || inputs.metric(*query).is_some_and(|m| !m.gaps.is_empty())
    });
    has_gpus || has_failed || (exporter == Exporter::Dcgm && !answers.has_any_of(other))
}

fn one(query: QueryId, inputs: &Inputs, policy: &Policy, answers: &Answers) -> Check {
    let name = format!("prometheus/{}", query.name());
    let status = inputs.sources.iter().find(|source| source.name == name);
    let check = match (failure(query, inputs, status), answers.by_query.get(&query)) {
        (Some(failed), _) => failed,
        (None, Some(stats)) if stats.series > 0 => found(query, stats, inputs, policy),
        (None, _) => absent(query, status, answers),
    };
    let mut check = check.about(metric(query));
    // Remarks of the server, which lose nothing.
    let remark = status
        .filter(|s| matches!(s.state, SourceState::Ok | SourceState::Gridded))
        .and_then(|s| s.detail.split_once("; "));
    if let Some((_, remark)) = remark {
        check.message = format!("{}; {remark}", check.message);
    }
    match answers.by_query.get(&query) {
        Some(stats) => with_figures(check, stats, inputs),
        None => check,
    }
}

fn make(query: QueryId, state: State, message: impl Into<String>) -> Check {
    Check::new(
        Group::Metrics,
        format!("metric-{}", query.name().replace('_', "-")),
        state,
        message,
        METRICS,
    )
}

/// A query that has no answer, or not for all of the window: as in the report, figures are incomplete.
fn failure(query: QueryId, inputs: &Inputs, status: Option<&SourceStatus>) -> Option<Check> {
    let gaps = inputs.metric(query).map_or(0, |m| m.gaps.len());
    let failed = status.filter(|s| matches!(s.state, SourceState::Failed | SourceState::Partial));
    let detail = match (failed, gaps) {
        (Some(status), _) => status.detail.clone(),
        (None, 0) => return None,
        (None, _) => inputs.metric(query)?.gaps.first()?.reason.clone(),
    };
    let state = if query.is_optional() { State::Warn } else { State::Fail };
    let check = make(query, state, format!("not answered in full: {detail}"));
    let check = Check { docs: WARNINGS.to_owned(), ..check };
    Some(
        check
            .figure("unanswered_parts", count(gaps))
            .advised("look at the metric server; ask for less (`--window`), or wait longer (`--prometheus-timeout 5m`)"),
    )
}

fn with_figures(check: Check, stats: &Stats, inputs: &Inputs) -> Check {
    let check = check.figure("series", count(stats.series)).figure("samples", count(stats.samples));
    let Some(interval) = stats.interval_ms else { return check };
    let check = check
        .figure("interval_seconds", seconds(interval))
        .figure("holes", count(stats.holes))
        .figure("holes_seconds", seconds(stats.holes_ms))
        .named(stats.holes_on.iter().cloned());
    match age_ms(stats, inputs) {
        Some(age) => check.figure("newest_age_seconds", seconds(age)),
        None => check,
    }
}

/// How long before the end of the window, or before now, the last sample was.
fn age_ms(stats: &Stats, inputs: &Inputs) -> Option<i64> {
    let end = inputs.window.end().min(inputs.now_ms);
    stats.newest_ms.map(|newest| (end - newest).max(0))
}

fn found(query: QueryId, stats: &Stats, inputs: &Inputs, policy: &Policy) -> Check {
    let Some(interval) = stats.interval_ms else {
        return make(query, State::Ok, format!("{} series", stats.series));
    };
    let every = format!("{} series, a sample every {}", stats.series, length(interval));
    let mut flaws = flaws(query, interval, stats, inputs, policy).into_iter();
    let Some(first) = flaws.next() else { return make(query, State::Ok, every) };
    let more: String = flaws.map(|flaw| format!("; {}", flaw.message)).collect();
    let check = make(query, State::Warn, format!("{every}; {}{more}", first.message));
    match first.text {
        Some(text) => check.fixed_by(first.action, text),
        None => check.advised(first.action),
    }
}

/// What is wrong with samples that are there.
struct Flaw {
    message: String,
    action: &'static str,
    text: Option<&'static str>,
}

/// Flaws of an answer, the worst first.
fn flaws(
    query: QueryId,
    interval: i64,
    stats: &Stats,
    inputs: &Inputs,
    policy: &Policy,
) -> Vec<Flaw> {
    let of_device = exporter_of(query).is_of_devices();
    let is_too_seldom = interval > policy.max_gap_ms;
    let mut out = Vec::new();
    if is_too_seldom {
        out.push(Flaw {
            message: format!(
                "that is longer than a sample may hold for ({}), so most of the time is unobserved",
                length(policy.max_gap_ms)
            ),
            action: "scrape more often (ServiceMonitor), or raise `--max-gap`",
            text: Some("interval: 30s"),
        });
    }
    let age = age_ms(stats, inputs).unwrap_or(0);
    if age > policy.max_gap_ms.max(interval) && of_device {
        out.push(Flaw {
            message: format!("the newest is {} before the end of the window", length(age)),
            action: "look whether the exporter is still there and scraped: `up` of its job",
            text: None,
        });
    }
    if stats.holes > 0 && !is_too_seldom {
        let holes =
            if stats.holes == 1 { "1 hole".to_owned() } else { format!("{} holes", stats.holes) };
        let hosts = match stats.holes_on.is_empty() {
            true => String::new(),
            false => format!(" on {}", list(stats.holes_on.iter().map(String::as_str))),
        };
        out.push(Flaw {
            message: format!("{holes} of {} in all{hosts}", length(stats.holes_ms)),
            action: "look for restarts of the exporter and failed scrapes: `up` of its job",
            text: None,
        });
    }
    if interval > OFTEN_ENOUGH_MS && of_device && !is_too_seldom {
        out.push(Flaw {
            message: "short bursts of use fall between samples".to_owned(),
            action: "scrape more often (ServiceMonitor)",
            text: Some("interval: 30s"),
        });
    }
    out
}

/// A query without series: whether it should have some, and what is lost.
fn absent(query: QueryId, status: Option<&SourceStatus>, answers: &Answers) -> Check {
    if let Some(status) = status.filter(|s| s.state == SourceState::Skipped) {
        return make(query, State::Skipped, status.detail.clone());
    }
    let exporter = exporter_of(query);
    if !answers.has_any_of(exporter) {
        let message = match exporter {
            Exporter::Dcgm => "no series of dcgm-exporter at all",
            Exporter::Amd => {
                "no series of AMD's device-metrics-exporter: no AMD GPU, or it is not scraped"
            }
            Exporter::KubeState => "no series of kube-state-metrics at all",
            Exporter::Kubelet => {
                "no series of the kubelet's cAdvisor: CPU and memory requests of GPU pods are not judged by `recommend`"
            }
            Exporter::ModelServer => {
                "no series of model servers: of those that reserve the memory of their card it is not known how much they use"
            }
        };
        return make(query, State::Skipped, message);
    }
    let Some(lost) = lost(query, answers) else {
        return make(query, State::Ok, "no series: there was none to report, or it is not printed");
    };
    let check = make(query, State::Warn, format!("no series: {lost}"));
    match (exporter, dcgm_line(query)) {
        (Exporter::Dcgm, Some(line)) => check.fixed_by(DCGM_CSV, line),
        (Exporter::Amd, _) => check
            .fixed_by("let the device-metrics-exporter print it: its config.json (ConfigMap of DeviceConfig)", AMD_FIELDS),
        (Exporter::Kubelet, _) => check.fixed_by(
            "let the kubelet's cAdvisor be scraped (`/metrics/cadvisor`), and no metricRelabelings drop its rows of containers",
            metric(query),
        ),
        _ => check.fixed_by(
            "let kube-state-metrics print it (`--resources`, `--metric-allowlist`) and no metricRelabelings drop it",
            metric(query).split(' ').next().unwrap_or_default(),
        ),
    }
}
