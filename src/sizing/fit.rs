//! Fitting a size on one part of the past and replaying it on the rest.
//!
//! What is proven is the way of choosing: at each cut the size is chosen from what came before the cut alone and
//! replayed on what came after. The size that is proposed is chosen in the same way from everything, and is never
//! smaller than one that was replayed.

use super::demand::{Demand, demand};
use super::menu::Size;
use super::replay::{self, Replay};
use crate::model::recommending::Recommending;
use crate::trace::{Span, Trace};
use crate::units::BYTES_PER_GIB;

/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// Days from which on the past is cut at every day of its later part, not once.
const WALK_DAYS: i64 = 4;

/// Why a proposal is not made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Refusal {
    /// More framebuffer would have been wanted than the size has, for so many minutes, by so many bytes at most.
    MemoryOverflow {
        /// Minutes.
        minutes: i64,
        /// Bytes.
        bytes: f64,
    },
    /// Over the compute of the size for more of the active time than the bound.
    OverCapacity {
        /// Share of active time.
        share: f64,
        /// Largest share allowed.
        bound: f64,
    },
    /// After the cut there was next to nothing to replay.
    NothingToReplay,
}

/// The past cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    /// What a size is chosen from.
    pub fit: Span,
    /// What it is replayed on.
    pub rest: Span,
}

/// Cuts a span: once, or of several days at each day of the later part (walk-forward).
#[must_use]
pub fn folds(span: Span, fit_share: f64) -> Vec<Fold> {
    let whole = |fit: Span, end| Fold { fit, rest: Span { start: fit.end, end } };
    if span.minutes() < WALK_DAYS * DAY {
        return vec![whole(span.part(0.0, fit_share), span.end)];
    }
    let mut out = Vec::new();
    let mut cut = span.part(0.0, fit_share / 2.0).end;
    while cut < span.end {
        let next = if span.end - cut < 2 * DAY { span.end } else { cut + DAY };
        out.push(whole(Span { start: span.start, end: cut }, next));
        cut = next;
    }
    out
}

/// The cheapest of `menu` (cheapest first) that has what is needed; `None` where not even the last has, or it is
/// not known how much memory is needed.
#[must_use]
pub fn cheapest<'a>(need: &Demand, menu: &'a [Size]) -> Option<&'a Size> {
    let memory = need.memory_bytes?;
    menu.iter().find(|size| size.compute >= need.compute && size.memory_bytes >= memory)
}

/// What was replayed, and how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// How often the past was cut.
    pub folds: usize,
    /// All replays together.
    pub replay: Replay,
    /// Share of a card that the chosen sizes cost on average over the folds.
    pub share: f64,
    /// The same of an oracle that knows what comes: the cheapest that keeps the bounds.
    pub oracle_share: f64,
}

impl Proof {
    /// What the choice costs more than the oracle's, as a share of a card. Below 0 where the oracle would have
    /// needed more: the choice was too small then.
    #[must_use]
    pub fn regret(&self) -> f64 {
        self.share - self.oracle_share
    }
}

/// A size, and what speaks for or against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The size, from everything.
    pub size: Size,
    /// What it was chosen from.
    pub need: Demand,
    /// How the choice would have fared.
    pub proof: Proof,
    /// Why it is not proposed all the same.
    pub refusal: Option<Refusal>,
}

/// Chooses a size for `traces` from `menu`, cheapest first and the size that they have last, and proves the choice.
/// `None` where nothing smaller holds what is needed.
#[must_use]
pub fn settle(
    traces: &[&Trace],
    span: Span,
    menu: &[Size],
    rules: &Recommending,
) -> Option<Outcome> {
    let largest = menu.last()?;
    let choose = |fit| cheapest(&demand(traces, fit, rules), menu).unwrap_or(largest);
    let need = demand(traces, span, rules);
    let mut size = cheapest(&need, menu)?;
    let mut proof = Proof { folds: 0, replay: Replay::default(), share: 0.0, oracle_share: 0.0 };
    for fold in folds(span, rules.fit_share) {
        let chosen = choose(fold.fit);
        let went = replay::alone(traces, fold.rest, chosen);
        if went.observed_ms == 0 {
            continue;
        }
        // What was never tried is not proposed.
        if chosen.share > size.share {
            size = chosen;
        }
        proof.folds += 1;
        proof.replay = proof.replay.and(went);
        proof.share += chosen.share;
        proof.oracle_share += oracle(traces, fold.rest, menu, rules).map_or(1.0, |s| s.share);
    }
    if size.share >= largest.share {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let folds = proof.folds.max(1) as f64;
    proof.share /= folds;
    proof.oracle_share /= folds;
    let refusal = judged(&proof.replay, rules);
    Some(Outcome { size: size.clone(), need, proof, refusal })
}

/// The cheapest size that keeps the bounds on `span`: what somebody would choose who knows what comes.
fn oracle<'a>(
    traces: &[&Trace],
    span: Span,
    menu: &'a [Size],
    rules: &Recommending,
) -> Option<&'a Size> {
    menu.iter().find(|size| judged(&replay::alone(traces, span, size), rules).is_none())
}

/// Whether a replay keeps the bounds.
#[must_use]
pub fn judged(went: &Replay, rules: &Recommending) -> Option<Refusal> {
    if went.observed_ms == 0 || went.memory_minutes == 0 {
        return Some(Refusal::NothingToReplay);
    }
    if went.overflow_minutes > 0 {
        let (minutes, bytes) = (went.overflow_minutes, went.worst_overflow_bytes);
        return Some(Refusal::MemoryOverflow { minutes, bytes });
    }
    let (share, bound) = (went.over_share(), rules.max_over_share);
    (share >= bound && share > 0.0).then_some(Refusal::OverCapacity { share, bound })
}

impl Refusal {
    /// In words, for people.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::MemoryOverflow { minutes, bytes } => format!(
                "replayed, it would have run out of memory: for {minutes} {}, short of up to {:.1} GiB",
                if *minutes == 1 { "minute" } else { "minutes" },
                bytes / BYTES_PER_GIB
            ),
            Self::OverCapacity { share, bound } => format!(
                "replayed, it would have been over capacity for {:.1} % of its active time; {:.1} % is allowed",
                share * 100.0,
                bound * 100.0
            ),
            Self::NothingToReplay => {
                "after the part of the window that it was fitted on there is nothing to replay"
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests;
