//! # What it finds
//! Pods of one workload that fit on a card together: they take turns, or run side by side (time-slicing, MPS).
//! # Why it matters
//! Where a card cannot be cut, or no instance is large enough, sharing it by turns is the way to use it.
//! # How it is judged
//! The scheduler decides which pods meet on a card, so every pair (of many pods, a fixed choice of several hundred) has to
//! fit: loads and framebuffers of the pods are added up minute by minute, and the sum is fitted on the first
//! `recommend.fit_share` of the window and replayed on the rest, with the same margins as for a MIG instance. One
//! minute in which any pair runs out of memory refuses it, and so does a pair over capacity for more than
//! `recommend.max_over` of its active time. Four, three and two pods to a card are tried.
//! # What it changes
//! Replicas of the device plugin's sharing on the nodes for these pods; the pods go on asking for one.
//! # Limits
//! Only pods of one workload are put together: sharing by turns isolates neither memory nor time, so neighbours must
//! trust each other. Switching between programs costs time that utilization does not show.

use super::evidence::{Evidence, Lease, Subject};
use super::proposal::{Draft, Freed, Verdict};
use super::sizes::{Memory, proof_row};
use crate::attribution::holding::EPSILON;
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::sizing::demand::demand;
use crate::sizing::fit::{Fold, Proof, folds, judged};
use crate::sizing::menu::Size;
use crate::sizing::replay::{self, Replay};
use crate::trace::{self, Span, Trace};

pub(super) const NAME: &str = "could-share";

/// Pods to a card that are tried, most first.
const TRIED: [usize; 3] = [4, 3, 2];
/// Most groups of pods that are replayed for each.
const MOST_GROUPS: usize = 256;

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    evidence.history?;
    let leases: Vec<&Lease<'_>> = subject.there().collect();
    let first = &evidence.attribution.devices[leases.first()?.device];
    let device = |lease: &&Lease<'_>| &evidence.attribution.devices[lease.device];
    let is_whole =
        |lease: &&Lease<'_>| lease.share >= 1.0 - EPSILON && device(lease).model == first.model;
    let has_one = subject.pods().values().all(|leases| leases.len() == 1);
    if leases.len() < 2 || !leases.iter().all(is_whole) || !has_one {
        return None;
    }
    let card = Size::whole(leases.iter().filter_map(|l| device(l).memory_bytes).reduce(f64::min)?);
    let traces: Vec<Trace> =
        leases.iter().filter_map(|lease| trace::sum(&evidence.traces(&[lease]))).collect();
    if traces.len() < leases.len() {
        return None;
    }
    let table = Table { card, traces: &traces, evidence };
    let span = Span::of(evidence.window);
    let cuts = folds(span, evidence.rules.fit_share);
    // What is proposed is never more than what was replayed.
    let chosen: Option<Vec<usize>> = cuts.iter().map(|fold| table.pods(fold.fit)).collect();
    let chosen = chosen?;
    let pods = chosen.iter().copied().chain([table.pods(span)?]).min()?;
    let (proof, refusal) = table.prove(&cuts, &chosen);
    let price = evidence.prices[leases[0].device].as_ref().map(|price| price.per_gpu_hour);
    let cards = leases.len().div_ceil(pods);
    let freed_part = 1.0 - count(cards) / count(leases.len());
    let draft = Draft {
        rule: NAME,
        subject: subject.name(),
        severity: Severity::Medium,
        evidence: [
            ("pods".to_owned(), leases.len().into()),
            ("pods_per_gpu".to_owned(), pods.into()),
            ("groups_replayed".to_owned(), groups(leases.len(), pods).len().into()),
        ]
        .into(),
        action: format!(
            "Let {pods} of its pods share a card by time-slicing or MPS: {} for its {} pods, whichever meet.",
            if cards == 1 {
                "one card is enough".to_owned()
            } else {
                format!("{cards} cards are enough")
            },
            leases.len()
        ),
        proof: Some(proof_row(&proof, leases.len(), price, Memory::Judged)),
        freed: &|lease| Freed::part(lease.figures, freed_part),
        leases,
        gives_up: false,
        change: Change::Share { pods_per_gpu: u32::try_from(pods).unwrap_or(u32::MAX) },
        risk: (
            Risk::High,
            "a pod that takes more memory than it ever did makes its neighbour fail",
        ),
        neighbours: "pods on one card wait for each other's kernels, and share its memory",
        refusal,
        basis: Basis::Estimate,
    };
    Some(draft.done(subject, evidence))
}

/// A card, and those who could share it.
struct Table<'a, 'b> {
    card: Size,
    traces: &'b [Trace],
    evidence: &'b Evidence<'a>,
}

impl Table<'_, '_> {
    /// What each group of so many needs together.
    fn sums(&self, pods: usize) -> impl Iterator<Item = Trace> {
        let groups = groups(self.traces.len(), pods).into_iter();
        groups.filter_map(|group| {
            trace::sum(&group.iter().map(|&i| &self.traces[i]).collect::<Vec<_>>())
        })
    }

    /// Most pods of which every group fits on the card, by what lies in `span`.
    fn pods(&self, span: Span) -> Option<usize> {
        let rules = &self.evidence.rules;
        let fits = |sum: Trace| {
            let need = demand(&[&sum], span, rules);
            need.compute <= rules.target_load
                && need.memory_bytes.is_some_and(|bytes| bytes <= self.card.memory_bytes)
        };
        let tried = TRIED.into_iter().filter(|pods| *pods <= self.traces.len());
        tried.into_iter().find(|pods| self.sums(*pods).all(fits))
    }

    /// Replays on the rest of each cut every group of as many as were chosen before it; all of them together, and
    /// why one of them speaks against it.
    fn prove(&self, cuts: &[Fold], chosen: &[usize]) -> (Proof, Option<String>) {
        let (mut all, mut refusal, mut share) = (Replay::default(), None, 0.0);
        for (cut, pods) in cuts.iter().zip(chosen) {
            for sum in self.sums(*pods) {
                let went = replay::alone(&[&sum], cut.rest, &self.card);
                let why = judged(&went, &self.evidence.rules);
                // What is not there any more speaks neither for it nor against it.
                let why = why.filter(|_| went.observed_ms > 0);
                refusal = refusal.or_else(|| why.map(|why| why.words()));
                all = all.and(went);
            }
            share += 1.0 / count(*pods) / count(cuts.len());
        }
        let refusal = refusal.or_else(|| judged(&all, &self.evidence.rules).map(|why| why.words()));
        // Which of the sizes an oracle would have taken is not looked for: the choice is of a handful.
        (Proof { folds: cuts.len(), replay: all, share, oracle_share: share }, refusal)
    }
}

/// Groups of `size` out of `count`: all of them where they are few, else so many at even distances in the order in
/// which they are counted.
fn groups(count: usize, size: usize) -> Vec<Vec<usize>> {
    let total = combinations(count, size);
    let step = total.div_ceil(MOST_GROUPS).max(1);
    (0..total).step_by(step).map(|rank| group(count, size, rank)).collect()
}

/// How many groups there are.
fn combinations(count: usize, size: usize) -> usize {
    if size > count {
        return 0;
    }
    (0..size).fold(1_usize, |n, i| n.saturating_mul(count - i) / (i + 1))
}

/// The group of that number in lexicographic order.
fn group(count: usize, size: usize, mut rank: usize) -> Vec<usize> {
    let mut out = Vec::with_capacity(size);
    let mut next = 0;
    while out.len() < size {
        let with_next = combinations(count - next - 1, size - out.len() - 1);
        if rank < with_next {
            out.push(next);
        } else {
            rank -= with_next;
        }
        next += 1;
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "counts of pods")]
const fn count(of: usize) -> f64 {
    of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_all_of_few_and_some_of_many() {
        assert_eq!(groups(3, 2), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(groups(4, 4), [[0, 1, 2, 3]]);
        assert_eq!(groups(2, 3), Vec::<Vec<usize>>::new());
        let many = groups(100, 3);
        assert!(many.len() <= MOST_GROUPS && many.len() > MOST_GROUPS / 2, "{}", many.len());
        assert!(many.iter().all(|g| g.windows(2).all(|w| w[0] < w[1]) && g[2] < 100));
    }
}
