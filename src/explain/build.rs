//! From reports to an explanation.

use std::collections::{BTreeMap, BTreeSet};

use super::arithmetic::{of_ledger, of_savings, of_usage};
use super::contract::{
    Explanation, HeldRow, PriceRow, QueryRow, RuleSection, SCHEMA_VERSION, Samples, Step, Strip,
};
use super::strips::strip;
use super::target::{Target, workload_name};
use crate::attribution::Attributed;
use crate::attribution::resolve::Piece;
use crate::findings::{RULES, Rule};
use crate::model::QueryId;
use crate::model::window::rfc3339;
use crate::recommend::contract::Recommendation;
use crate::report::accounts::Accounts;
use crate::report::build::Leases;
use crate::report::contract::{Assumption, Report};
use crate::report::figures::pod_key;
use crate::trace::{Span, Trace, Traces};

/// Everything that an explanation is taken from.
pub struct Material<'a> {
    /// Where the figures come from.
    pub accounts: &'a Accounts,
    /// The figures.
    pub report: &'a Report,
    /// Figures by pod and device.
    pub leases: &'a Leases,
    /// Minutes.
    pub traces: &'a Traces,
    /// What is asked of the metric server, as it is sent.
    pub queries: &'a BTreeMap<QueryId, Vec<String>>,
}

/// A pod on a device.
type Lease = (String, usize);

/// Queries that say who held what.
const HOLDERS: [QueryId; 3] =
    [QueryId::PodGpuRequests, QueryId::PodResourceClaims, QueryId::NodeCapacity];

/// Explains a target, or one number of it.
#[must_use]
pub fn explain(
    name: &str,
    (target, field): (Target<'_>, Option<&str>),
    material: &Material<'_>,
) -> Explanation {
    let report = material.report;
    let leases = material.leases_of(target);
    let pieces = material.pieces(&leases);
    let mut arithmetic = material.arithmetic(target);
    if let Some(field) = field {
        arithmetic.retain(|step| step.name == field);
    }
    Explanation {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: report.generated_at.clone(),
        tool_version: report.tool_version.clone(),
        currency: report.currency.clone(),
        window: report.window.clone(),
        target: name.to_owned(),
        kind: target.kind().to_owned(),
        summary: summary(target, field, &arithmetic),
        rule: rule(target),
        evidence: of_recommendation(target).map(|r| r.finding.evidence.clone()).unwrap_or_default(),
        proof: of_recommendation(target).and_then(|r| r.proof.clone()),
        refusal: of_recommendation(target).and_then(|r| r.refusal.clone()),
        thresholds: thresholds(target, &report.assumptions),
        queries: material.queries_of(&leases),
        samples: Samples {
            seen: report.coverage.samples_seen,
            dropped: report.coverage.samples_dropped.clone(),
            observed_ratio: material.observed(&leases),
        },
        intervals: pieces.iter().map(|piece| material.held(piece)).collect(),
        prices: material.prices(&leases),
        strips: material.strips(&leases),
        arithmetic,
    }
}

fn summary(target: Target<'_>, field: Option<&str>, arithmetic: &[Step]) -> String {
    if let (Some(field), Some(step)) = (field, arithmetic.first()) {
        return format!("{field} is {}.", step.formula);
    }
    match target {
        Target::Recommendation(r) => r.finding.action.clone(),
        Target::Workload(row) => format!(
            "Workload {} of tenant {} (named by the rule {}), {} pods.",
            workload_name(row),
            row.tenant,
            row.rule,
            row.pods
        ),
        Target::Tenant(row) => format!(
            "Tenant {} (named by the rule {}), of namespaces {}.",
            row.tenant,
            row.rule,
            row.namespaces.join(", ")
        ),
        Target::All(_) => "Everything in scope that somebody held.".to_owned(),
    }
}

const fn of_recommendation<'a>(target: Target<'a>) -> Option<&'a Recommendation> {
    match target {
        Target::Recommendation(r) => Some(r),
        _ => None,
    }
}

fn rule(target: Target<'_>) -> Vec<RuleSection> {
    let Some(r) = of_recommendation(target) else { return Vec::new() };
    let rule = RULES.iter().find(|rule| rule.name == r.finding.rule);
    let section =
        |s: crate::findings::Section| RuleSection { heading: s.heading.to_owned(), text: s.text };
    rule.into_iter().flat_map(Rule::sections).map(section).collect()
}

/// Settings that figures depend on, and of a recommendation those of what is recommended.
fn thresholds(target: Target<'_>, assumptions: &[Assumption]) -> Vec<Assumption> {
    let is_recommendation = matches!(target, Target::Recommendation(_));
    let counts = |a: &&Assumption| {
        a.key.starts_with("policy.") || is_recommendation && a.key.starts_with("recommend.")
    };
    assumptions.iter().filter(counts).cloned().collect()
}

impl Material<'_> {
    fn holder_is(&self, target: Target<'_>, holder: &Attributed) -> bool {
        let workload = &holder.workload;
        match target {
            Target::Recommendation(_) => false,
            Target::Workload(row) => {
                row.namespace == holder.holder.key.namespace
                    && (&row.kind, &row.name) == (&workload.kind, &workload.name)
                    && row.tenant == holder.tenant.tenant
                    && row.cluster == holder.cluster
            }
            Target::Tenant(row) => row.tenant == holder.tenant.tenant,
            Target::All(_) => true,
        }
    }

    /// GPUs of pods that a target is about.
    fn leases_of(&self, target: Target<'_>) -> Vec<Lease> {
        let attribution = &self.accounts.attribution;
        let wanted: BTreeSet<Lease> = match target {
            Target::Recommendation(r) => self.rests_on(r),
            _ => {
                let holders = attribution.holders.iter().filter(|h| self.holder_is(target, h));
                let pods: BTreeSet<String> = holders.map(pod_key).collect();
                let device = |key: &str| key.parse::<usize>().ok();
                let leases = self.leases.keys().filter(|key| pods.contains(&key[0]));
                leases.filter_map(|key| Some((key[0].clone(), device(&key[1])?))).collect()
            }
        };
        wanted.into_iter().collect()
    }

    fn rests_on(&self, r: &Recommendation) -> BTreeSet<Lease> {
        let attribution = &self.accounts.attribution;
        let is_meant = |holder: &&Attributed, lease: &crate::recommend::contract::LeaseRow| {
            let key = &holder.holder.key;
            (&key.namespace, &key.name, &key.uid) == (&lease.namespace, &lease.pod, &lease.uid)
        };
        let of = |lease: &crate::recommend::contract::LeaseRow| {
            let holder = attribution.holders.iter().find(|h| is_meant(h, lease))?;
            let device = attribution.devices.iter().position(|d| d.id == lease.gpu)?;
            Some((pod_key(holder), device))
        };
        r.rests_on.iter().filter_map(of).collect()
    }

    fn pieces(&self, leases: &[Lease]) -> Vec<Piece> {
        let attribution = &self.accounts.attribution;
        let is_meant = |piece: &&Piece| {
            let pod = pod_key(&attribution.holders[piece.holder]);
            leases.binary_search(&(pod, piece.device)).is_ok()
        };
        attribution.pieces.iter().filter(is_meant).copied().collect()
    }

    fn held(&self, piece: &Piece) -> HeldRow {
        let attribution = &self.accounts.attribution;
        let (holder, device) =
            (&attribution.holders[piece.holder], &attribution.devices[piece.device]);
        HeldRow {
            pod: format!("{}/{}", holder.holder.key.namespace, holder.holder.key.name),
            gpu: device.id.clone(),
            node: device.node.clone(),
            model: device.model.clone(),
            share: piece.share,
            from: rfc3339(piece.time.start),
            until: rfc3339(piece.time.end),
            holding_source: holder.holder.source.name().to_owned(),
            tenant_rule: holder.tenant.rule.clone(),
        }
    }

    fn arithmetic(&self, target: Target<'_>) -> Vec<Step> {
        let currency = &self.report.currency;
        if let Target::Recommendation(r) = target {
            return of_savings(r, self.report.window.hours, currency);
        }
        let Some((ledger, usage)) = target.row() else { return Vec::new() };
        let mut steps = of_ledger(ledger, currency);
        steps.extend(usage.into_iter().flat_map(of_usage));
        steps
    }

    fn figures(&self, lease: &Lease) -> Option<&crate::report::figures::Figures> {
        self.leases.get(&vec![lease.0.clone(), lease.1.to_string()])
    }

    fn observed(&self, leases: &[Lease]) -> Option<f64> {
        let figures = || leases.iter().filter_map(|lease| self.figures(lease));
        let held: f64 = figures().map(|f| f.ledger.allocated_gpu_hours).sum();
        let seen: f64 = figures().map(|f| f.ledger.observed_gpu_hours).sum();
        (held > 0.0).then(|| seen / held)
    }

    fn prices(&self, leases: &[Lease]) -> Vec<PriceRow> {
        let attribution = &self.accounts.attribution;
        let mut out: BTreeMap<(String, String), (PriceRow, BTreeSet<usize>)> = BTreeMap::new();
        for lease in leases {
            let (device, price) =
                (&attribution.devices[lease.1], self.accounts.prices[lease.1].as_ref());
            let Some(figures) = self.figures(lease) else { continue };
            let source = price.map(|p| p.source.clone());
            let key =
                (device.model.clone(), format!("{source:?} {:?}", price.map(|p| p.per_gpu_hour)));
            let (row, gpus) = out.entry(key).or_insert_with(|| {
                let row = PriceRow {
                    model: device.model.clone(),
                    gpus: 0,
                    per_gpu_hour: price.map(|p| p.per_gpu_hour),
                    source,
                    allocated_gpu_hours: 0.0,
                    allocated_cost: price.map(|_| 0.0),
                };
                (row, BTreeSet::new())
            });
            gpus.insert(lease.1);
            row.gpus = u32::try_from(gpus.len()).unwrap_or(u32::MAX);
            row.allocated_gpu_hours += figures.ledger.allocated_gpu_hours;
            row.allocated_cost =
                row.allocated_cost.zip(figures.ledger.allocated_cost).map(|(a, b)| a + b);
        }
        out.into_values().map(|(row, _)| row).collect()
    }

    fn queries_of(&self, leases: &[Lease]) -> Vec<QueryRow> {
        let signals =
            leases.iter().filter_map(|lease| self.figures(lease)?.usage.signal.as_deref());
        let signals: BTreeSet<&str> = signals.flat_map(|signal| signal.split(" + ")).collect();
        let is_signal = |query: &&QueryId| signals.contains(query.name());
        let is_memory = |query: &&QueryId| matches!(query, QueryId::FbUsed | QueryId::AmdVramUsed);
        let is_holder = |query: &&QueryId| HOLDERS.contains(query);
        let wanted = QueryId::ALL.iter().filter(|q| is_signal(q) || is_memory(q) || is_holder(q));
        let status = |query: QueryId| {
            let ends = |name: &str| name.rsplit('/').next() == Some(query.name());
            self.report.coverage.sources.iter().find(|s| ends(&s.name))
        };
        let row = |query: &QueryId| {
            let source = status(*query)?;
            Some(QueryRow {
                name: query.name().to_owned(),
                meaning: meaning(*query),
                promql: self.queries.get(query).cloned().unwrap_or_default(),
                status: format!("{}: {}", source.status, source.detail),
            })
        };
        wanted.filter_map(row).collect()
    }

    fn strips(&self, leases: &[Lease]) -> Vec<Strip> {
        let attribution = &self.accounts.attribution;
        let span = Span::of(self.accounts.window);
        let mut by_lease: BTreeMap<Lease, Vec<&Trace>> = BTreeMap::new();
        for trace in self.traces.all() {
            let lease = (pod_key(&attribution.holders[trace.holder]), trace.device);
            if leases.binary_search(&lease).is_ok() {
                by_lease.entry(lease).or_default().push(trace);
            }
        }
        let all: Vec<&Trace> = by_lease.values().flatten().copied().collect();
        let mut out = vec![strip("all", &all, span)];
        if by_lease.len() > 1 {
            out.extend(by_lease.iter().map(|((_, device), traces)| {
                let key = &attribution.holders[traces[0].holder].holder.key;
                let name =
                    format!("{}/{} {}", key.namespace, key.name, attribution.devices[*device].id);
                strip(&name, traces, span)
            }));
        }
        out
    }
}

/// What a query's header says that it means.
fn meaning(query: QueryId) -> String {
    let lines = query.text().lines().map_while(|line| line.strip_prefix('#'));
    let mut words = Vec::new();
    for line in lines.map(str::trim) {
        match line.strip_prefix("Meaning:") {
            Some(first) => words.push(first.trim()),
            None if line.starts_with("Unit:") => break,
            None => words.push(line),
        }
    }
    words.join(" ")
}
