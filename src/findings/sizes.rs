//! What rules that fit sizes have in common: the proof as the contract has it.

use crate::recommend::contract::ProofRow;
use crate::sizing::fit::Proof;
use crate::sizing::requests::{Replayed, STEP_MS};
use crate::units::{HOURS_PER_MONTH, MS_PER_MINUTE, MS_PER_SECOND, gpu_hours};

const SECONDS_PER_MINUTE: i64 = 60_000 / MS_PER_SECOND;

/// Whether a replay said anything of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// It did.
    Judged,
    /// Memory was left aside.
    NotJudged,
}

/// A proof of a choice for so many cards of this price.
#[expect(clippy::cast_precision_loss, reason = "counts of GPUs and minutes")]
pub(super) fn proof_row(
    proof: &Proof,
    cards: usize,
    per_gpu_hour: Option<f64>,
    memory: Memory,
) -> ProofRow {
    let is_judged = memory == Memory::Judged;
    let went = &proof.replay;
    let regret = proof.regret() * cards as f64 * HOURS_PER_MONTH;
    ProofRow {
        folds: u32::try_from(proof.folds).unwrap_or(u32::MAX),
        replayed_hours: gpu_hours(went.observed_ms),
        active_hours: gpu_hours(went.active_ms),
        over_capacity_ratio: went.over_share(),
        worst_overload: went.worst_overload,
        longest_overload_seconds: (went.longest_over_minutes * SECONDS_PER_MINUTE) as f64,
        memory_overflow_minutes: is_judged
            .then(|| u32::try_from(went.overflow_minutes).unwrap_or(u32::MAX)),
        worst_memory_overflow_bytes: is_judged.then_some(went.worst_overflow_bytes),
        regret_per_month: per_gpu_hour.map(|price| regret * price),
    }
}

/// How CPU and memory requests would have fared.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
pub(super) fn requests_row(went: &Replayed, is_memory_cut: bool) -> ProofRow {
    let hours = gpu_hours(went.samples * STEP_MS);
    let minutes = went.overflows * STEP_MS / MS_PER_MINUTE;
    ProofRow {
        folds: u32::try_from(went.folds).unwrap_or(u32::MAX),
        replayed_hours: hours,
        active_hours: hours,
        over_capacity_ratio: went.over as f64 / went.samples.max(1) as f64,
        worst_overload: went.worst,
        longest_overload_seconds: (went.longest * STEP_MS / MS_PER_SECOND) as f64,
        memory_overflow_minutes: is_memory_cut.then(|| u32::try_from(minutes).unwrap_or(u32::MAX)),
        worst_memory_overflow_bytes: is_memory_cut.then_some(went.worst_overflow),
        regret_per_month: None,
    }
}
