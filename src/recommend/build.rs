//! From verdicts to the contract: filtered, the best set counted, sorted by money.

use std::collections::BTreeMap;

use super::Filters;
use super::contract::{LeaseRow, RecommendReport, Recommendation, SCHEMA_VERSION, Totals};
use super::packing;
use super::realised::Realised;
use crate::findings::evidence::{Evidence, History, subjects};
use crate::findings::proposal::{Proposal, Verdict};
use crate::findings::select::select;
use crate::findings::{most_money, verdicts};
use crate::model::Policy;
use crate::observe::kube_state::PodKey;
use crate::report::accounts::Accounts;
use crate::report::build::{Leases, Stamp, with_leases};
use crate::report::contract::{Report, SavingsKind, WindowRow};
use crate::report::figures::pod_key;
use crate::units::HOURS_PER_MONTH;

/// What recommendations are made from, besides the report on the same accounts.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// The ledger.
    pub accounts: &'a Accounts,
    /// The past, minute by minute.
    pub history: History<'a>,
    /// Thresholds and bounds.
    pub policy: &'a Policy,
}

/// What to change, of everything in scope.
#[must_use]
pub fn recommend(material: Material<'_>, filters: &Filters, stamp: Stamp) -> RecommendReport {
    let (report, leases) = with_leases(material.accounts, material.policy, stamp);
    beside(&report, &leases, material, filters)
}

/// The same, beside a report that is there already.
#[must_use]
pub fn beside(
    report: &Report,
    leases: &Leases,
    material: Material<'_>,
    filters: &Filters,
) -> RecommendReport {
    let Material { accounts, history, policy } = material;
    let attribution = &accounts.attribution;
    let evidence = Evidence {
        subjects: subjects(&report.workloads, leases, attribution, accounts.window),
        attribution,
        prices: &accounts.prices,
        book: &policy.prices,
        window: accounts.window,
        idle_below: accounts.idle_below,
        rules: policy.recommending,
        history: Some(history),
    };
    let (mut proposals, mut not_judged) = (Vec::new(), Vec::new());
    for verdict in verdicts(&evidence) {
        match verdict {
            Verdict::Change(proposal) => proposals.push(*proposal),
            Verdict::NotJudged(row) => not_judged.push(row),
        }
    }
    not_judged.sort();
    let all = proposals.len();
    proposals.retain(|proposal| passes(proposal, filters));
    let filtered = all - proposals.len();
    proposals.sort_by(|a, b| most_money(&a.finding, &b.finding));
    let (refused, proposed): (Vec<_>, Vec<_>) =
        proposals.into_iter().partition(|proposal| proposal.refusal.is_some());
    let rows = Rows::new(&evidence, &report.window);
    let recommendations = rows.counted(&proposed);
    let done: Vec<&Proposal> =
        proposed.iter().zip(&recommendations).filter(|(_, r)| r.counted).map(|(p, _)| p).collect();
    let packing = packing::pack(&evidence, &done);
    let refused = refused.iter().map(|p| rows.row(p)).collect();
    RecommendReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        totals: totals(&recommendations, report),
        generated_at: report.generated_at.clone(),
        tool_version: report.tool_version.clone(),
        currency: report.currency.clone(),
        window: report.window.clone(),
        scope: report.scope.clone(),
        recommendations,
        refused,
        not_judged,
        packing,
        filtered: u32::try_from(filtered).unwrap_or(u32::MAX),
        coverage: report.coverage.clone(),
        reconciliation: report.reconciliation.clone(),
        assumptions: report.assumptions.clone(),
    }
}

fn passes(proposal: &Proposal, filters: &Filters) -> bool {
    let finding = &proposal.finding;
    let is_worth = |least: f64| finding.monthly_savings.is_some_and(|money| money >= least);
    (filters.rules.is_empty() || filters.rules.contains(&finding.rule.as_str()))
        && filters.min_savings.is_none_or(is_worth)
        && finding.confidence >= filters.min_confidence
}

/// What rows of the contract are made with.
struct Rows<'a, 'b> {
    evidence: &'b Evidence<'a>,
    window: &'b WindowRow,
    /// Who each pod is, by its key: a proposal may have thousands of them.
    pods: BTreeMap<String, &'a PodKey>,
}

impl<'a, 'b> Rows<'a, 'b> {
    fn new(evidence: &'b Evidence<'a>, window: &'b WindowRow) -> Self {
        let holders = evidence.attribution.holders.iter();
        Self { evidence, window, pods: holders.map(|h| (pod_key(h), &h.holder.key)).collect() }
    }

    /// Rows with what counts, what excludes what, and what comes back as money.
    fn counted(&self, proposed: &[Proposal]) -> Vec<Recommendation> {
        let (counted, conflicts) = select(&proposed.iter().collect::<Vec<_>>());
        let mut realised = Realised::new(self.evidence);
        let mut out: Vec<Recommendation> = proposed.iter().map(|p| self.row(p)).collect();
        for (i, proposal) in proposed.iter().enumerate() {
            let excluded = conflicts[i].iter().map(|&other| proposed[other].finding.id.clone());
            out[i].excludes = excluded.collect();
            out[i].counted = counted[i];
            out[i].realised_by =
                if counted[i] { realised.by(proposal) } else { realised.node(proposal) };
            if out[i].realised_by.is_some() {
                out[i].finding.savings_kind = SavingsKind::Realisable;
            }
        }
        out
    }

    fn row(&self, proposal: &Proposal) -> Recommendation {
        let (evidence, window) = (self.evidence, self.window);
        let lease = |(pod, device): &(String, usize)| {
            let key = self.pods.get(pod);
            LeaseRow {
                namespace: key.map(|key| key.namespace.clone()).unwrap_or_default(),
                pod: key.map(|key| key.name.clone()).unwrap_or_default(),
                uid: key.and_then(|key| key.uid.clone()),
                gpu: evidence.attribution.devices[*device].id.clone(),
            }
        };
        let mut rests_on: Vec<LeaseRow> = proposal.leases.iter().map(lease).collect();
        rests_on.sort();
        let namespace = rests_on.first().map(|lease| lease.namespace.clone()).unwrap_or_default();
        Recommendation {
            finding: proposal.finding.clone(),
            tenant: proposal.tenant.clone(),
            counted: false,
            excludes: Vec::new(),
            monthly_gpu_hours: proposal.monthly_gpu_hours,
            realised_by: None,
            risk: proposal.risk,
            risk_note: proposal.risk_note.clone(),
            neighbours: proposal.neighbours.clone(),
            change: proposal.change.clone(),
            proof: proposal.proof.clone(),
            refusal: proposal.refusal.clone(),
            see_again: vec![
                format!("gpu-finops explain '{}'", proposal.finding.id),
                format!(
                    "gpu-finops report --window {},{} --namespace '{namespace}' --by pod",
                    window.start, window.end
                ),
            ],
            rests_on,
        }
    }
}

fn totals(recommendations: &[Recommendation], report: &Report) -> Totals {
    let counted = || recommendations.iter().filter(|r| r.counted);
    // What nobody holds is no waste: what comes of it stands beside the savings.
    let is_waste = |r: &&Recommendation| r.change.is_of_gpus();
    let hours = |of: &dyn Fn(&&Recommendation) -> bool| {
        counted().filter(of).map(|r| r.monthly_gpu_hours).sum()
    };
    let money = |of: &dyn Fn(&&Recommendation) -> bool| {
        let mut known = counted().filter(of).filter_map(|r| r.finding.monthly_savings).peekable();
        // Of nothing the sum is 0; of what has no price it is not known.
        (known.peek().is_some() || !counted().any(|r| of(&r))).then(|| known.sum())
    };
    let month = HOURS_PER_MONTH / report.window.hours;
    let waste = &report.in_scope.ledger;
    Totals {
        counted: u32::try_from(counted().count()).unwrap_or(u32::MAX),
        monthly_savings: money(&is_waste),
        monthly_savings_realisable: money(&|r| is_waste(r) && r.realised_by.is_some()),
        monthly_gpu_hours: hours(&is_waste),
        monthly_stranded_gpu_hours_freed: hours(&|r| !is_waste(r)),
        monthly_stranded_cost_freed: money(&|r| !is_waste(r)),
        monthly_waste: waste.waste_cost.map(|cost| cost * month),
        monthly_waste_gpu_hours: waste.waste_gpu_hours() * month,
    }
}
