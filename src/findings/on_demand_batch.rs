//! # What it finds
//! Jobs on nodes at the on-demand price, of which the price book has a spot price.
//! # Why it matters
//! What starts again by itself can run on capacity that can be taken away, at a third to a half of the price.
//! # How it is judged
//! By the kind of the workload (Job, CronJob, and the training jobs of Kubeflow), by the label of the node that says
//! `on-demand`, and by the price book: a row with `capacity_type: spot` for the same instance type or model. No pod of
//! it may have run for more than a day at a stretch, because whatever was not saved begins again. Savings are the
//! difference in price, counted up to the waste; the full difference is in the evidence.
//! # What it changes
//! Node selector and tolerations of the pod template, so that it runs on spot nodes.
//! # Limits
//! Whether the program saves its work, and whether spot capacity is to be had, is not known. Reserved capacity is paid
//! for anyway: moving away from it saves nothing, and it is left alone.

use super::evidence::{Evidence, Lease, Subject};
use super::proposal::{Draft, Freed, Verdict, not_judged};
use crate::attribution::label_view::LabelView;
use crate::cost::price::{PricedThing, capacity_type, price_of};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::units::{MS_PER_DAY, gpu_hours};

pub(super) const NAME: &str = "on-demand-batch";

/// Kinds that start again what failed.
const RESTARTED: [&str; 9] = [
    "CronJob",
    "JAXJob",
    "Job",
    "MPIJob",
    "PaddleJob",
    "PyTorchJob",
    "TFJob",
    "TrainJob",
    "XGBoostJob",
];
/// Longest life of a pod that may begin again.
const LONGEST_LIFE_MS: i64 = MS_PER_DAY;

/// Prices of a GPU-hour where it is and on spot.
#[derive(Debug, Clone, Copy)]
struct Prices {
    now: f64,
    spot: f64,
}

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    evidence.history?;
    if !RESTARTED.contains(&subject.row.kind.as_str()) || !subject.is_alive() {
        return None;
    }
    let mut found: Vec<(&Lease<'_>, Prices)> = Vec::new();
    let mut is_unknown = false;
    for lease in &subject.leases {
        let labels = labels(evidence, lease);
        let Some(prices) = spot(evidence, lease, &labels) else { continue };
        match capacity_type(&labels) {
            Some("on-demand") => found.push((lease, prices)),
            Some(_) => {}
            None => is_unknown = true,
        }
    }
    if found.is_empty() {
        let reason = "whether its nodes are on-demand is not known: no label of theirs says so";
        return is_unknown.then(|| not_judged(subject, Some(NAME), reason.to_owned()));
    }
    let longest = longest_life(evidence, subject);
    if longest > LONGEST_LIFE_MS {
        let reason = format!(
            "a pod of it ran for {:.0} hours, and whether it saves its work is not known",
            gpu_hours(longest)
        );
        return Some(not_judged(subject, Some(NAME), reason));
    }
    Some(proposal(evidence, subject, &found, longest))
}

fn labels(evidence: &Evidence<'_>, lease: &Lease<'_>) -> LabelView {
    let node = &evidence.attribution.devices[lease.device].node;
    evidence.attribution.nodes.get(node).map(|node| node.labels.clone()).unwrap_or_default()
}

/// Both prices, where spot is cheaper.
fn spot(evidence: &Evidence<'_>, lease: &Lease<'_>, labels: &LabelView) -> Option<Prices> {
    let now = evidence.prices[lease.device].as_ref()?.per_gpu_hour;
    let model = &evidence.attribution.devices[lease.device].model;
    let mut there = labels.clone();
    there.object.insert("karpenter.sh/capacity-type".to_owned(), "spot".to_owned());
    let thing = PricedThing { model, node: &there, node_name: None };
    let spot = price_of(evidence.book, thing)?.per_gpu_hour;
    (spot < now).then_some(Prices { now, spot })
}

/// Longest time for which a pod of it was there without a break, milliseconds.
fn longest_life(evidence: &Evidence<'_>, subject: &Subject<'_>) -> i64 {
    let holders = subject.leases.iter().flat_map(|lease| &lease.holders);
    let life = |h: &usize| {
        let holder = &evidence.attribution.holders[*h].holder;
        holder.time.end - holder.since.min(holder.time.start)
    };
    holders.map(life).max().unwrap_or(0)
}

fn proposal(
    evidence: &Evidence<'_>,
    subject: &Subject<'_>,
    found: &[(&Lease<'_>, Prices)],
    longest_ms: i64,
) -> Verdict {
    let part = |prices: &Prices| 1.0 - prices.spot / prices.now;
    let full = |(lease, prices): &(&Lease<'_>, Prices)| {
        lease.figures.ledger.allocated_cost.map(|cost| cost * part(prices))
    };
    let difference: Option<f64> = found.iter().map(full).sum();
    let prices = found[0].1;
    let of = |lease: &Lease<'_>| {
        let same = |(l, _): &&(&Lease<'_>, Prices)| (l.pod, l.device) == (lease.pod, lease.device);
        found.iter().find(same).map_or(0.0, |(_, prices)| part(prices))
    };
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::Low,
        evidence: [
            (
                "price_difference_per_month".to_owned(),
                difference.map(|money| evidence.per_month(money)).into(),
            ),
            ("longest_run_hours".to_owned(), gpu_hours(longest_ms).into()),
        ]
        .into(),
        action: format!(
            "Run it on spot nodes, at {:.2} instead of {:.2} per GPU-hour: it starts again when it is interrupted, and no pod of it ran for more than {:.0} hours.",
            prices.spot,
            prices.now,
            gpu_hours(longest_ms).ceil()
        ),
        leases: found.iter().map(|(lease, _)| *lease).collect(),
        // The hours stay; what they cost does not.
        freed: &|lease| Freed { gpu_hours: 0.0, ..Freed::part(lease.figures, of(lease)) },
        gives_up: false,
        change: Change::Spot { from_per_hour: prices.now, to_per_hour: prices.spot },
        risk: (Risk::Medium, "an interruption loses what was not saved, and spot may not be had"),
        neighbours: "none",
        proof: None,
        refusal: None,
        basis: Basis::Assumed,
    };
    draft.done(subject, evidence)
}

#[cfg(test)]
mod tests;
