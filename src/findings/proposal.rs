//! What a rule says: a change with its evidence, or why it says nothing.

use std::collections::BTreeMap;

use super::evidence::{Evidence, Lease, Subject};
use crate::recommend::contract::{Change, NotJudged, ProofRow, Risk};
use crate::report::contract::{Basis, Finding, SavingsKind, Severity};
use crate::report::figures::Figures;

/// What a rule says of one subject.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// A change; refused, where it says so.
    Change(Box<Proposal>),
    /// Nothing, and why.
    NotJudged(NotJudged),
}

/// A change that a rule found.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What goes into a report.
    pub finding: Finding,
    /// Tenant.
    pub tenant: String,
    /// The GPUs of pods that it rests on: pod's key and position of the device.
    pub leases: Vec<(String, usize)>,
    /// Whether these are given up as a whole.
    pub gives_up: bool,
    /// GPUs that nobody could use and somebody could then, by position.
    pub unstranded: Vec<usize>,
    /// GPU-hours that come free per 730 hours.
    pub monthly_gpu_hours: f64,
    /// What to change.
    pub change: Change,
    /// How much can go wrong.
    pub risk: Risk,
    /// What that is.
    pub risk_note: String,
    /// What neighbours would feel.
    pub neighbours: String,
    /// How it would have fared.
    pub proof: Option<ProofRow>,
    /// Why it is not recommended.
    pub refusal: Option<String>,
}

/// What a rule adds to what all proposals have in common.
pub struct Draft<'a, 'b> {
    /// Name of the rule.
    pub rule: &'static str,
    /// `namespace/kind/name` of what is to be changed.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// GPUs of pods that it rests on.
    pub leases: Vec<&'b Lease<'a>>,
    /// What comes free of the time of one lease, as GPU-hours and money of the window. Never more than its waste.
    pub freed: &'b dyn Fn(&Lease<'a>) -> Freed,
    /// Whether the leases are given up as a whole.
    pub gives_up: bool,
    /// Figures beside those that all proposals have.
    pub evidence: BTreeMap<String, serde_json::Value>,
    /// What to do, in a sentence.
    pub action: String,
    /// What to change.
    pub change: Change,
    /// How much can go wrong, and what that is.
    pub risk: (Risk, &'static str),
    /// What neighbours would feel.
    pub neighbours: &'static str,
    /// How it would have fared.
    pub proof: Option<ProofRow>,
    /// Why it is not recommended.
    pub refusal: Option<String>,
    /// What it rests on besides what was measured.
    pub basis: Basis,
}

/// Time and money of a window that would come free.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Freed {
    /// GPU-hours.
    pub gpu_hours: f64,
    /// Money; `None` without a price.
    pub cost: Option<f64>,
}

impl Freed {
    /// Everything that was wasted.
    #[must_use]
    pub fn waste(figures: &Figures) -> Self {
        let ledger = &figures.ledger;
        Self { gpu_hours: ledger.waste_gpu_hours(), cost: ledger.waste_cost }
    }

    /// A part of what was held and observed.
    #[must_use]
    pub fn part(figures: &Figures, part: f64) -> Self {
        let ledger = &figures.ledger;
        let costs =
            [ledger.busy_cost, ledger.slack_cost, ledger.idle_warm_cost, ledger.idle_empty_cost];
        let cost: Option<f64> = costs.into_iter().sum();
        Self { gpu_hours: ledger.observed_gpu_hours * part, cost: cost.map(|cost| cost * part) }
    }

    /// Its idle time.
    #[must_use]
    pub fn idle(figures: &Figures) -> Self {
        let ledger = &figures.ledger;
        let cost = ledger.idle_warm_cost.zip(ledger.idle_empty_cost).map(|(a, b)| a + b);
        Self { gpu_hours: ledger.idle_gpu_hours(), cost }
    }

    /// No more than the other.
    #[must_use]
    fn at_most(self, other: Self) -> Self {
        Self {
            gpu_hours: self.gpu_hours.min(other.gpu_hours).max(0.0),
            cost: self.cost.zip(other.cost).map(|(a, b)| a.min(b).max(0.0)),
        }
    }
}

impl Draft<'_, '_> {
    /// The proposal with what all have in common: evidence of its leases, savings, confidence.
    #[must_use]
    pub fn done(self, about: &Subject<'_>, evidence: &Evidence<'_>) -> Verdict {
        let mut gpu_hours = 0.0;
        let mut cost = Some(0.0);
        for lease in &self.leases {
            let freed = (self.freed)(lease).at_most(Freed::waste(lease.figures));
            gpu_hours += freed.gpu_hours;
            cost = cost.zip(freed.cost).map(|(a, b)| a + b);
        }
        let mut figures = common(&self.leases);
        figures.extend(self.evidence);
        let is_estimate = self.leases.iter().any(|l| l.figures.ledger.estimated_gpu_hours > 0.0);
        let measured = if is_estimate { Basis::Estimate } else { Basis::Measured };
        let (risk, risk_note) = self.risk;
        let finding = Finding {
            id: id(self.rule, about.row.cluster.as_deref(), &self.subject),
            rule: self.rule.to_owned(),
            cluster: about.row.cluster.clone(),
            subject: self.subject,
            severity: self.severity,
            confidence: evidence.confidence(&self.leases, about.history_ms),
            basis: self.basis.max(measured),
            evidence: figures,
            monthly_savings: cost.map(|cost| evidence.per_month(cost)),
            savings_kind: SavingsKind::Capacity,
            action: self.action,
        };
        Verdict::Change(Box::new(Proposal {
            finding,
            tenant: about.row.tenant.clone(),
            leases: self.leases.iter().map(|l| (l.pod.to_owned(), l.device)).collect(),
            gives_up: self.gives_up,
            unstranded: Vec::new(),
            monthly_gpu_hours: evidence.per_month(gpu_hours),
            change: self.change,
            risk,
            risk_note: risk_note.to_owned(),
            neighbours: self.neighbours.to_owned(),
            proof: self.proof,
            refusal: self.refusal,
        }))
    }
}

/// Says why a rule says nothing of a subject.
#[must_use]
pub fn not_judged(about: &Subject<'_>, rule: Option<&str>, reason: String) -> Verdict {
    Verdict::NotJudged(NotJudged {
        cluster: about.row.cluster.clone(),
        tenant: about.row.tenant.clone(),
        subject: about.name(),
        rule: rule.map(ToOwned::to_owned),
        reason,
    })
}

/// Stable from run to run.
#[must_use]
pub fn id(rule: &str, cluster: Option<&str>, subject: &str) -> String {
    match cluster {
        None => format!("{rule}:{subject}"),
        Some(cluster) => format!("{rule}:{cluster}:{subject}"),
    }
}

/// Sums over the leases that a proposal rests on: what a report says of the same GPUs of the same pods.
#[must_use]
pub fn common(leases: &[&Lease<'_>]) -> BTreeMap<String, serde_json::Value> {
    let sum = |read: fn(&Figures) -> f64| leases.iter().map(|l| read(l.figures)).sum::<f64>();
    let largest = |read: fn(&Figures) -> Option<f64>| {
        leases.iter().filter_map(|l| read(l.figures)).reduce(f64::max)
    };
    let (held, seen) =
        (sum(|f| f.ledger.allocated_gpu_hours), sum(|f| f.ledger.observed_gpu_hours));
    let used = sum(|f| f.ledger.utilization_gpu_hours);
    let signals = leases.iter().filter_map(|l| l.figures.usage.signal.as_deref());
    let mut signals: Vec<&str> = signals.collect();
    signals.sort_unstable();
    signals.dedup();
    let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
    BTreeMap::from([
        ("allocated_gpu_hours".to_owned(), held.into()),
        ("observed_ratio".to_owned(), ratio(seen, held).into()),
        ("idle_gpu_hours".to_owned(), sum(|f| f.ledger.idle_gpu_hours()).into()),
        ("waste_gpu_hours".to_owned(), sum(|f| f.ledger.waste_gpu_hours()).into()),
        ("utilization".to_owned(), ratio(used, seen).into()),
        ("utilization_max".to_owned(), largest(|f| f.usage.utilization_max).into()),
        ("memory_used_max_bytes".to_owned(), largest(|f| f.usage.memory_used_max_bytes).into()),
        ("longest_idle_seconds".to_owned(), largest(|f| Some(f.usage.longest_idle_seconds)).into()),
        ("signal".to_owned(), signals.join(" + ").into()),
    ])
}
