//! # What it finds
//! Pods with a GPU whose work a cheaper model would do.
//! # Why it matters
//! An H100 that is a tenth used costs eight times an L4 that is well used.
//! # How it is judged
//! Of the models of this cluster that have a price, or of all with a price where it has one model only, the cheapest
//! that holds the demand: memory as for a MIG instance, a hard limit, and the `recommend.compute_percentile` of the
//! load of active time times the ratio of the two models. That ratio is the worse of dense FP16 throughput and memory
//! bandwidth by the makers' data sheets, and an assumption. A model without a number format of the present one (BF16,
//! FP8, FP4) is no choice. The choice is fitted on the first `recommend.fit_share` of the window and replayed on the
//! rest, with the bounds of a MIG instance. Savings are the difference in price, counted up to the waste.
//! # What it changes
//! The node selector of the pod template; the cluster must have, or get, nodes with the other model.
//! # Limits
//! Peaks on data sheets say little of one program: measure it there first. Servers that reserve the memory of the card
//! are not judged, nor are pods with several GPUs, whose links differ. Prices of a book leave discounts out.

use std::collections::BTreeMap;

use super::evidence::{Evidence, Lease, Subject};
use super::never_used::is_never_used;
use super::oversized_gpu::unfit;
use super::proposal::{Draft, Freed, Verdict, not_judged};
use super::sizes::{Memory, proof_row};
use crate::attribution::holding::{EPSILON, Sharing};
use crate::attribution::label_view::LabelView;
use crate::cost::price::{PricedThing, price_of};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::sizing::fit::{Outcome, settle};
use crate::sizing::hardware::{self, Hardware};
use crate::sizing::menu::Size;
use crate::trace::Span;

pub(super) const NAME: &str = "dear-gpu";

/// A model that could be had.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) model: String,
    pub(super) per_gpu_hour: f64,
    memory_bytes: f64,
    compute: f64,
}

impl Choice {
    /// It as a size of the model that costs `price`.
    pub(super) fn size(&self, price: f64) -> Size {
        Size {
            name: self.model.clone(),
            compute: self.compute,
            memory_bytes: self.memory_bytes,
            share: self.per_gpu_hour / price,
        }
    }
}

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    evidence.history?;
    let leases: Vec<&Lease<'_>> = subject.there().collect();
    let device = |lease: &Lease<'_>| &evidence.attribution.devices[lease.device];
    let first = device(leases.first()?);
    let is_alike = |lease: &&Lease<'_>| {
        device(lease).model == first.model
            && lease.share >= 1.0 - EPSILON
            && device(lease).sharing == Sharing::Exclusive
    };
    let has_one = subject.pods().values().all(|of_pod| of_pod.len() == 1);
    // What does nothing is released, not moved.
    let is_idle = is_never_used(subject, evidence.idle_below);
    if is_idle || !leases.iter().all(is_alike) || !has_one {
        return None;
    }
    let price = evidence.prices[leases[0].device].as_ref()?.per_gpu_hour;
    let now = hardware::of(&first.model)?;
    let choices = choices(evidence, &first.model, now, price, true);
    if choices.is_empty() {
        return None;
    }
    let card_bytes = leases.iter().filter_map(|l| device(l).memory_bytes).reduce(f64::min)?;
    let whole = Size { name: first.model.clone(), ..Size::whole(card_bytes) };
    let traces = evidence.traces(&leases);
    if let Some(reason) = unfit(&leases, evidence, &whole, false) {
        return Some(not_judged(subject, Some(NAME), reason));
    }
    let menu: Vec<Size> = choices.iter().map(|choice| choice.size(price)).chain([whole]).collect();
    let outcome = settle(&traces, Span::of(evidence.window), &menu, &evidence.rules)?;
    let choice = choices.iter().find(|choice| choice.model == outcome.size.name)?;
    Some(proposal(evidence, subject, leases, (price, choice), &outcome))
}

/// Cheaper models that can stand in for `model`, cheapest first: those of the cluster, or where it has one model only
/// and `or_of_book`, those that the price book knows.
pub(super) fn choices(
    evidence: &Evidence<'_>,
    model: &str,
    now: &Hardware,
    price: f64,
    or_of_book: bool,
) -> Vec<Choice> {
    let mut own: BTreeMap<&str, Choice> = BTreeMap::new();
    let devices = evidence.attribution.devices.iter().zip(evidence.prices);
    for (device, of_device) in devices.filter(|(device, _)| device.model != model) {
        let Some((hardware, known)) = hardware::of(&device.model).zip(of_device.as_ref()) else {
            continue;
        };
        let choice = own.entry(&device.model).or_insert_with(|| Choice {
            model: device.model.clone(),
            per_gpu_hour: 0.0,
            memory_bytes: device.memory_bytes.unwrap_or(hardware.memory_bytes),
            compute: hardware.ratio_to(now),
        });
        // Of one model at several prices, the dearest is promised.
        choice.per_gpu_hour = choice.per_gpu_hour.max(known.per_gpu_hour);
    }
    let has_others = evidence.attribution.devices.iter().any(|device| device.model != model);
    let mut out: Vec<Choice> = match has_others || !or_of_book {
        true => own.into_values().collect(),
        false => hardware::all().iter().filter_map(|other| of_book(evidence, other, now)).collect(),
    };
    out.retain(|choice| {
        let is_other = !now.is(&choice.model);
        let formats = hardware::of(&choice.model).is_some_and(|other| other.has_formats_of(now));
        is_other && formats && choice.per_gpu_hour < price
    });
    out.sort_by(|a, b| {
        a.per_gpu_hour.total_cmp(&b.per_gpu_hour).then_with(|| a.model.cmp(&b.model))
    });
    out
}

/// A model at the price that the book has for it anywhere.
fn of_book(evidence: &Evidence<'_>, other: &Hardware, now: &Hardware) -> Option<Choice> {
    let model = other.name.clone();
    let anywhere = LabelView::default();
    let thing = PricedThing { model: &model, node: &anywhere, node_name: None };
    let price = price_of(evidence.book, thing)?;
    Some(Choice {
        per_gpu_hour: price.per_gpu_hour,
        memory_bytes: other.memory_bytes,
        compute: other.ratio_to(now),
        model,
    })
}

fn proposal(
    evidence: &Evidence<'_>,
    subject: &Subject<'_>,
    leases: Vec<&Lease<'_>>,
    (price, choice): (f64, &Choice),
    outcome: &Outcome,
) -> Verdict {
    let Outcome { size, need, proof, refusal } = outcome;
    let from = evidence.attribution.devices[leases[0].device].model.clone();
    let part = 1.0 - choice.per_gpu_hour / price;
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::Low,
        evidence: [
            ("compute_needed".to_owned(), need.compute.into()),
            ("memory_needed_bytes".to_owned(), need.memory_bytes.into()),
            ("memory_peak_bytes".to_owned(), need.memory_peak_bytes.into()),
            ("throughput_ratio".to_owned(), size.compute.into()),
            ("size_memory_bytes".to_owned(), size.memory_bytes.into()),
        ]
        .into(),
        action: format!(
            "Run it on {} in place of {from}, at {:.2} instead of {price:.2} per GPU-hour: by the data sheets it does {:.0} % of the work, and {:.0} % is used.",
            choice.model,
            choice.per_gpu_hour,
            size.compute * 100.0,
            need.compute * 100.0
        ),
        proof: Some(proof_row(proof, leases.len(), Some(price), Memory::Judged)),
        // The hours stay; what they cost does not.
        freed: &|lease| Freed { gpu_hours: 0.0, ..Freed::part(lease.figures, part) },
        leases,
        gives_up: false,
        change: Change::Model {
            from,
            to: choice.model.clone(),
            from_per_hour: price,
            to_per_hour: choice.per_gpu_hour,
        },
        risk: (
            Risk::High,
            "it takes longer for each request, and software may not be built for the other model",
        ),
        neighbours: "none",
        refusal: refusal.map(|refusal| refusal.words()),
        basis: Basis::Assumed,
    };
    draft.done(subject, evidence)
}

#[cfg(test)]
mod tests;
