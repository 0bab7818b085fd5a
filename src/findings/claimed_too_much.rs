//! # What it finds
//! Resource claims for a whole card, by pods that need less than a card, or less than this model.
//! # Why it matters
//! A claim names what it wants once, in a template that is copied; the scheduler gives a whole card even where the
//! driver offers partitions of it, and the dear model where the selector excludes the cheap one.
//! # How it is judged
//! As an oversized GPU, among what resource slices really offer: partitions of the card, and whole cards of cheaper
//! models, whose throughput is taken from data sheets as for a dear GPU. Selectors that demand memory or a compute
//! capability are read where they are plain comparisons, joined by `&&`; what else they may demand is not guessed.
//! Counts of devices are `unused-gpus`.
//! # What it changes
//! A new ResourceClaimTemplate, or ResourceClaim, and the workload pointed at it, for the specs of both cannot be
//! changed: another device class and profile, or a `firstAvailable` list that begins with the cheaper model.
//! # Limits
//! Claims with several requests or devices, or with shares of a device, are not judged. A partition that is offered may
//! be blocked by its neighbours for a while.

mod selector;

use std::collections::BTreeSet;

use selector::{Demands, demands};

use super::dear_gpu::{Choice, choices};
use super::evidence::{Evidence, Lease, Subject};
use super::never_used::is_never_used;
use super::oversized_gpu::unfit;
use super::proposal::{Draft, Freed, Verdict, not_judged};
use super::sizes::{Memory, proof_row};
use crate::attribution::holding::{EPSILON, Sharing};
use crate::cost::book::model_name;
use crate::model::dra::{ClaimRequest, DraDevice, is_gpu_driver};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::sizing::fit::{Outcome, settle};
use crate::sizing::hardware;
use crate::sizing::menu::{Size, mig_sizes};
use crate::trace::Span;
use crate::units::BYTES_PER_GIB;

pub(super) const NAME: &str = "claimed-too-much";

/// What a size is: a partition of the card, or another model.
enum Kind<'c> {
    Partition,
    Model(&'c Choice),
}

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    evidence.history?;
    let leases: Vec<&Lease<'_>> = subject.there().collect();
    let device = |lease: &Lease<'_>| &evidence.attribution.devices[lease.device];
    let first = device(leases.first()?);
    let is_alike = |lease: &&Lease<'_>| {
        device(lease).model == first.model
            && device(lease).sharing == Sharing::Dra
            && lease.share >= 1.0 - EPSILON
    };
    let has_one = subject.pods().values().all(|of_pod| of_pod.len() == 1);
    // What does nothing is released, not made smaller.
    let is_idle = is_never_used(subject, evidence.idle_below);
    if is_idle || !leases.iter().all(is_alike) || !has_one {
        return None;
    }
    let card_bytes = leases.iter().filter_map(|l| device(l).memory_bytes).reduce(f64::min)?;
    let price = evidence.prices[leases[0].device].as_ref().map(|price| price.per_gpu_hour);
    let others = price
        .zip(hardware::of(&first.model))
        .map(|(price, now)| choices(evidence, &first.model, now, price, false))
        .unwrap_or_default();
    let mut menu = partitions(evidence, &first.model, card_bytes);
    menu.extend(price.iter().flat_map(|price| others.iter().map(|other| other.size(*price))));
    if menu.is_empty() {
        return None;
    }
    menu.sort_by(|a, b| a.share.total_cmp(&b.share).then_with(|| a.name.cmp(&b.name)));
    let whole = Size::whole(card_bytes);
    let Some(requests) = requests(evidence, &leases) else {
        let reason =
            "its claims have several requests, and which of them is too large is not known";
        return Some(not_judged(subject, Some(NAME), reason.to_owned()));
    };
    let traces = evidence.traces(&leases);
    if let Some(reason) = unfit(&leases, evidence, &whole, false) {
        return Some(not_judged(subject, Some(NAME), reason));
    }
    menu.push(whole);
    let outcome = settle(&traces, Span::of(evidence.window), &menu, &evidence.rules)?;
    let kind = match others.iter().find(|other| other.model == outcome.size.name) {
        Some(choice) => Kind::Model(choice),
        None => Kind::Partition,
    };
    Some(proposal(evidence, subject, leases, &outcome, &kind, &demands(&requests)))
}

/// Whether slices offer partitions of a card of this model.
pub(super) fn offers_partitions(evidence: &Evidence<'_>, model: &str) -> bool {
    offered(evidence, model).next().is_some()
}

/// Partitions of cards of a model that slices list.
fn offered<'a>(evidence: &Evidence<'a>, model: &str) -> impl Iterator<Item = &'a DraDevice> {
    let pools = evidence.history.map(|history| history.facts.dra.pools.as_slice());
    let pools = pools.unwrap_or_default().iter().filter(|pool| is_gpu_driver(&pool.driver));
    let model = model_name(model);
    pools.flat_map(|pool| &pool.devices).filter(move |device| {
        let product = device.attributes.get("productName").map(|name| model_name(name));
        product.as_ref() == Some(&model) && device.attributes.contains_key("profile")
    })
}

/// The MIG instances of a card that slices offer, with the memory that they publish.
fn partitions(evidence: &Evidence<'_>, model: &str, card_bytes: f64) -> Vec<Size> {
    let mut menu = mig_sizes(model, card_bytes);
    menu.retain(|size| !size.is_whole());
    let of = |size: &Size| {
        offered(evidence, model)
            .filter(|device| device.attributes.get("profile") == Some(&size.name))
            .map(|device| device.capacity.get("memory").copied().unwrap_or(size.memory_bytes))
            .reduce(f64::min)
    };
    menu.into_iter()
        .filter_map(|size| Some(Size { memory_bytes: of(&size)?.min(size.memory_bytes), ..size }))
        .collect()
}

/// The one request, or the alternatives of one, of the claims of all of its pods; `None` where there are several.
fn requests(evidence: &Evidence<'_>, leases: &[&Lease<'_>]) -> Option<Vec<ClaimRequest>> {
    let claims = evidence.history.map(|history| history.facts.dra.claims.as_slice())?;
    let mut out: Vec<ClaimRequest> = Vec::new();
    for &h in leases.iter().flat_map(|lease| &lease.holders) {
        let holder = &evidence.attribution.holders[h].holder;
        let is_of = |namespace: &str, name: &String| {
            namespace == holder.key.namespace && holder.claims.contains(name)
        };
        for claim in claims.iter().filter(|claim| is_of(&claim.namespace, &claim.name)) {
            let held: Vec<&ClaimRequest> =
                claim.requests.iter().filter(|request| !request.admin_access).collect();
            let names: BTreeSet<&str> =
                held.iter().filter_map(|request| request.name.split('/').next()).collect();
            let is_plain = |r: &&ClaimRequest| r.count == Some(1) && r.capacity.is_empty();
            if names.len() != 1 || !held.iter().all(is_plain) {
                return None;
            }
            out.extend(held.into_iter().filter(|r| !out.contains(r)).cloned().collect::<Vec<_>>());
        }
    }
    (!out.is_empty()).then_some(out)
}

fn proposal(
    evidence: &Evidence<'_>,
    subject: &Subject<'_>,
    leases: Vec<&Lease<'_>>,
    outcome: &Outcome,
    kind: &Kind<'_>,
    demands: &Demands,
) -> Verdict {
    let Outcome { size, need, proof, refusal } = outcome;
    let model = evidence.attribution.devices[leases[0].device].model.clone();
    let price = evidence.prices[leases[0].device].as_ref().map(|price| price.per_gpu_hour);
    let part = 1.0 - size.share;
    let is_model = matches!(kind, Kind::Model(_));
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::Medium,
        evidence: [
            ("compute_needed".to_owned(), need.compute.into()),
            ("memory_needed_bytes".to_owned(), need.memory_bytes.into()),
            ("memory_peak_bytes".to_owned(), need.memory_peak_bytes.into()),
            ("memory_demanded_bytes".to_owned(), demands.memory_bytes.into()),
            ("selectors_not_read".to_owned(), demands.unread.into()),
            ("size_compute".to_owned(), size.compute.into()),
            ("size_memory_bytes".to_owned(), size.memory_bytes.into()),
        ]
        .into(),
        action: action(&model, outcome, kind, demands),
        proof: Some(proof_row(proof, leases.len(), price, Memory::Judged)),
        freed: &|lease| match is_model {
            // The hours stay; what they cost does not.
            true => Freed { gpu_hours: 0.0, ..Freed::part(lease.figures, part) },
            false => Freed::part(lease.figures, part),
        },
        leases,
        gives_up: false,
        change: match kind {
            Kind::Partition => Change::Slice {
                model,
                from: "whole".to_owned(),
                to: size.name.clone(),
                share: size.share,
                memory_bytes: size.memory_bytes,
            },
            Kind::Model(choice) => Change::Model {
                from: model,
                to: choice.model.clone(),
                from_per_hour: price.unwrap_or_default(),
                to_per_hour: choice.per_gpu_hour,
            },
        },
        risk: (
            if is_model { Risk::High } else { Risk::Medium },
            "a peak larger than any in the window fails for want of memory",
        ),
        neighbours: "none: partitions do not share compute or memory",
        refusal: refusal.map(|refusal| refusal.words()),
        basis: if is_model { Basis::Assumed } else { Basis::Estimate },
    };
    draft.done(subject, evidence)
}

fn action(model: &str, outcome: &Outcome, kind: &Kind<'_>, demands: &Demands) -> String {
    let size = &outcome.size;
    let what = match kind {
        Kind::Partition => format!(
            "Claim a {} partition of a {model}, which its slices offer, in place of the whole card: {:.0} % of it is \
             enough.",
            size.name,
            size.share * 100.0
        ),
        Kind::Model(choice) => format!(
            "Let its claim take a {} before a {model}, as the first of a `firstAvailable` list: {:.2} per GPU-hour is \
             enough.",
            choice.model, choice.per_gpu_hour
        ),
    };
    let gib = |bytes: f64| bytes / BYTES_PER_GIB;
    let demanded = demands.memory_bytes.filter(|bytes| *bytes > size.memory_bytes).map(|bytes| {
        let need = outcome.need.memory_bytes.unwrap_or_default();
        format!(" Its selector demands {:.0} GiB; {:.0} GiB will do.", gib(bytes), gib(need).ceil())
    });
    let capability = demands.compute_capability.as_ref().filter(|_| matches!(kind, Kind::Model(_)));
    let capability = capability.map(|least| {
        format!(" Its selector demands compute capability {least}: ask whether it needs that.")
    });
    let unread = (demands.unread > 0)
        .then(|| " Its selectors say more than could be read: see that they allow it.".to_owned());
    let how = " Neither claims nor templates can be changed: make a new ResourceClaimTemplate and point the workload at it.";
    [Some(what), demanded, capability, unread, Some(how.to_owned())].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
