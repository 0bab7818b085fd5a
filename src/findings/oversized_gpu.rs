//! # What it finds
//! Pods that need less of a card than they have, where the card can be cut into MIG instances.
//! # Why it matters
//! A model of 6 GB on a card of 80 GB pays for ten times what it needs, however busy the rest of the cluster is.
//! # How it is judged
//! By compute and memory together, minute by minute. Memory is a hard limit: what must fit is the peak, with
//! `recommend.memory_margin` of it and `recommend.memory_spread` times its distance from the median added. Compute is a soft one: the
//! `recommend.compute_percentile` of the load of *active* time must fit. The cheapest profile that holds both is
//! proposed, and the way of choosing is proven: fitted on the first `recommend.fit_share` of the window and replayed on
//! the rest, day by day where the window has several. Any minute short of memory refuses it, and so does more than
//! `recommend.max_over` of the active time over the compute.
//! # What it changes
//! The pod template asks for a MIG profile in place of a card, or for a smaller profile. Nodes have to offer it.
//! # Limits
//! What was never used is left to `never-used`. Servers that reserve the memory of the whole card (vLLM and others) are
//! not judged: how much of it they need is not known. Where they tell how much of their key-value cache was in use, that is
//! said. Pods with several GPUs are not judged, because MIG instances cannot
//! talk to each other over NVLink. On an instance, the utilization of a saturated one may read as a third: what reads so
//! is not judged.

use super::evidence::{Evidence, Lease, Subject};
use super::never_used::is_never_used;
use super::proposal::{Draft, Freed, Verdict, not_judged};
use super::sizes::{Memory, proof_row};
use crate::attribution::holding::{EPSILON, Sharing};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::sizing::fit::{Outcome, settle};
use crate::sizing::menu::{Size, card_bytes, mig_sizes};
use crate::trace::Span;

pub(super) const NAME: &str = "oversized-gpu";

/// Part of a card's memory from which on steady use is taken for a reservation: vLLM's default is 0.9.
const RESERVED: f64 = 0.80;
/// Largest distance of the median from the peak, as a share of the peak, at which use is steady.
const STEADY: f64 = 0.05;
/// What a saturated MIG instance may show (DCGM issue 138: 33 to 50 %), less a margin.
const SATURATED_INSTANCE: f64 = 0.30;

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    // What was never used is to be released, not cut.
    if is_never_used(subject, evidence.idle_below) {
        return None;
    }
    evidence.history?;
    let leases: Vec<&Lease<'_>> = subject.there().collect();
    let first = leases.first()?;
    let device = &evidence.attribution.devices[first.device];
    let of = |lease: &&Lease<'_>| &evidence.attribution.devices[lease.device];
    let is_alike = |lease: &&Lease<'_>| {
        of(lease).model == device.model && (lease.share - first.share).abs() < EPSILON
    };
    let is_part = first.share < 1.0 - EPSILON;
    if !leases.iter().all(is_alike) || is_part && device.sharing != Sharing::Mig {
        return None;
    }
    if !is_part
        && device.sharing == Sharing::Dra
        && super::claimed_too_much::offers_partitions(evidence, &device.model)
    {
        return None;
    }
    let known = leases.iter().filter_map(|l| of(l).memory_bytes).reduce(f64::min);
    let card_bytes = known.or_else(|| card_bytes(&device.model))?;
    let mut menu = mig_sizes(&device.model, card_bytes);
    menu.retain(|size| size.share <= first.share + EPSILON);
    if menu.len() < 2 {
        return None;
    }
    if subject.pods().values().any(|leases| leases.len() > 1) {
        let reason = "uses several GPUs together, which MIG instances cannot do".to_owned();
        return Some(not_judged(subject, Some(NAME), reason));
    }
    let traces = evidence.traces(&leases);
    let outcome = settle(&traces, Span::of(evidence.window), &menu, &evidence.rules);
    let largest = menu.last()?;
    if let Some(reason) = unfit(&leases, evidence, largest, is_part) {
        return Some(not_judged(subject, Some(NAME), reason));
    }
    Some(proposal(evidence, subject, leases, largest, &outcome?))
}

/// Why use says nothing about need.
pub(super) fn unfit(
    leases: &[&Lease<'_>],
    evidence: &Evidence<'_>,
    now: &Size,
    is_part: bool,
) -> Option<String> {
    let traces = &evidence.traces(leases);
    let need = crate::sizing::demand::demand(traces, Span::of(evidence.window), &evidence.rules);
    let Some((peak, median)) = need.memory_peak_bytes.zip(need.memory_median_bytes) else {
        return Some("how much memory it uses is not known".to_owned());
    };
    if peak >= RESERVED * now.memory_bytes && peak - median <= STEADY * peak {
        let reserved = peak / now.memory_bytes * 100.0;
        return Some(match cache_peak(evidence, leases) {
            Some(cache) => format!(
                "it has {reserved:.0} % of the memory all the time, as servers do that reserve it, and had at most {:.0} % of its \
                 key-value cache in use: whether less memory would do depends on the size of the model, which is not known; \
                 give it a smaller part of the memory (vLLM: --gpu-memory-utilization) to see",
                cache * 100.0
            ),
            None => format!(
                "it has {reserved:.0} % of the memory all the time, as servers do that reserve it: how much they need is not known"
            ),
        });
    }
    let is_saturated = is_part && need.load_max >= SATURATED_INSTANCE * now.compute;
    is_saturated.then(|| {
        "a MIG instance that shows a third of its compute in use may be saturated".to_owned()
    })
}

/// Largest part of their key-value caches that pods of model servers had in use; `None` where one's is not known.
fn cache_peak(evidence: &Evidence<'_>, leases: &[&Lease<'_>]) -> Option<f64> {
    let uses = evidence.history?.uses;
    let of_holder = |h: &usize| {
        let key = &evidence.attribution.holders[*h].holder.key;
        let ratios =
            uses.cache_ratio(&key.namespace, &key.name).into_iter().map(|(_, ratio)| ratio);
        ratios.reduce(f64::max)
    };
    let peaks: Option<Vec<f64>> = leases.iter().flat_map(|l| &l.holders).map(of_holder).collect();
    peaks?.into_iter().reduce(f64::max)
}

fn proposal(
    evidence: &Evidence<'_>,
    subject: &Subject<'_>,
    leases: Vec<&Lease<'_>>,
    now: &Size,
    outcome: &Outcome,
) -> Verdict {
    let Outcome { size, need, proof, refusal } = outcome;
    let device = &evidence.attribution.devices[leases[0].device];
    let freed_part = 1.0 - size.share / now.share;
    let price = evidence.prices[leases[0].device].as_ref().map(|price| price.per_gpu_hour);
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::Medium,
        evidence: [
            ("compute_needed".to_owned(), need.compute.into()),
            ("memory_needed_bytes".to_owned(), need.memory_bytes.into()),
            ("memory_peak_bytes".to_owned(), need.memory_peak_bytes.into()),
            ("memory_median_bytes".to_owned(), need.memory_median_bytes.into()),
            ("size_compute".to_owned(), size.compute.into()),
            ("size_memory_bytes".to_owned(), size.memory_bytes.into()),
        ]
        .into(),
        action: format!(
            "Request a {} instance of a {} in place of {}: {} of the card is enough.",
            size.name,
            device.model,
            if now.is_whole() { "the whole card".to_owned() } else { now.name.clone() },
            percent(size.share)
        ),
        proof: Some(proof_row(proof, leases.len(), price, Memory::Judged)),
        freed: &|lease| Freed::part(lease.figures, freed_part),
        leases,
        gives_up: false,
        change: Change::Slice {
            model: device.model.clone(),
            from: now.name.clone(),
            to: size.name.clone(),
            share: size.share,
            memory_bytes: size.memory_bytes,
        },
        risk: (Risk::Medium, "a peak larger than any in the window fails for want of memory"),
        neighbours: "none: instances do not share compute or memory",
        refusal: refusal.map(|refusal| refusal.words()),
        basis: Basis::Estimate,
    };
    draft.done(subject, evidence)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
