//! CPU and memory requests that would have been enough, and how they would have fared.
//!
//! As with GPUs, CPU is soft and memory hard: what has less CPU than it wants is slower, what has less memory may be
//! evicted. So a CPU request goes by a percentile, a memory request by the peak.

use super::fit::{Refusal, folds};
use super::histogram::{Buckets, Histogram};
use crate::model::recommending::Recommending;
use crate::trace::{Span, minute_of};
use crate::units::{MS_PER_MINUTE, Millis};

/// CPU in cores, to a twentieth of its value.
const CORES: Buckets = Buckets { first: 0.01, ratio: 1.05, largest: 65_536.0 };
/// Time that a sample stands for.
pub const STEP_MS: i64 = 5 * MS_PER_MINUTE;
/// Requests are whole multiples of these: what is finer nobody writes.
const MILLICORES: i64 = 50;
const BYTES: i64 = 64 * 1_048_576;

/// CPU and memory of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requests {
    /// Millicores.
    pub cpu_millicores: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

/// What a pod used: instants with cores and bytes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PodUse {
    /// Cores.
    pub cores: Vec<(Millis, f64)>,
    /// Bytes.
    pub memory_bytes: Vec<(Millis, f64)>,
}

impl PodUse {
    /// Time of which both are known, or the one that is known at all, milliseconds.
    #[must_use]
    pub fn seen_ms(&self) -> i64 {
        let counts = [self.cores.len(), self.memory_bytes.len()];
        let known = counts.into_iter().filter(|count| *count > 0).min().unwrap_or(0);
        i64::try_from(known).unwrap_or(0) * STEP_MS
    }
}

/// Smaller requests, and what speaks for or against them.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The requests; what stays as it is, is as it was.
    pub to: Requests,
    /// What was needed, margins included; what is not known is as requested.
    pub need: Requests,
    /// How it would have fared.
    pub proof: Replayed,
    /// Why it is not proposed all the same.
    pub refusal: Option<Refusal>,
}

/// Chooses requests for pods of one template that ask for `asked`, and proves the choice. `None` where none of the two
/// is far off.
#[must_use]
pub fn settle(
    uses: &[PodUse],
    asked: Requests,
    span: Span,
    rules: &Recommending,
) -> Option<Outcome> {
    let folds = folds(span, rules.fit_share);
    let fitted: Vec<Requests> =
        folds.iter().map(|fold| needed(uses, asked, fold.fit, rules)).collect();
    let all = needed(uses, asked, span, rules);
    // What was never tried is not proposed.
    let need = fitted.iter().fold(all, |most, one| Requests {
        cpu_millicores: most.cpu_millicores.max(one.cpu_millicores),
        memory_bytes: most.memory_bytes.max(one.memory_bytes),
    });
    let to = cut(asked, need, rules);
    if to == asked {
        return None;
    }
    let mut went = Replayed { folds: folds.len(), ..Replayed::default() };
    for (fold, fit) in folds.iter().zip(&fitted) {
        // Of what stays as it is, nothing is tried.
        let tried = Requests {
            cpu_millicores: if to.cpu_millicores < asked.cpu_millicores {
                fit.cpu_millicores
            } else {
                i64::MAX
            },
            memory_bytes: if to.memory_bytes < asked.memory_bytes {
                fit.memory_bytes
            } else {
                i64::MAX
            },
        };
        uses.iter().for_each(|pod| went.replay(pod, fold.rest, tried));
    }
    Some(Outcome { to, need, refusal: went.refusal(), proof: went })
}

/// The requests where at least the excess that is set is of no use, else what was asked for.
fn cut(asked: Requests, need: Requests, rules: &Recommending) -> Requests {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a node")]
    let one = |asked: i64, need: i64| {
        let is_far_off = (need as f64) <= (asked as f64) * (1.0 - rules.request_excess);
        if is_far_off { need } else { asked }
    };
    Requests {
        cpu_millicores: one(asked.cpu_millicores, need.cpu_millicores),
        memory_bytes: one(asked.memory_bytes, need.memory_bytes),
    }
}

/// What the neediest pod needed within a span, with the margin; of what is not known, what was asked for.
fn needed(uses: &[PodUse], asked: Requests, span: Span, rules: &Recommending) -> Requests {
    let with_margin = |used: f64| used * (1.0 + rules.request_margin);
    let cores = uses.iter().filter_map(|pod| percentile(pod, span, rules)).reduce(f64::max);
    let bytes = uses
        .iter()
        .flat_map(|pod| within(&pod.memory_bytes, span))
        .map(|(_, bytes)| bytes)
        .reduce(f64::max);
    Requests {
        cpu_millicores: cores.map_or(asked.cpu_millicores, |cores| {
            rounded(with_margin(cores) * 1_000.0, MILLICORES)
        }),
        memory_bytes: bytes.map_or(asked.memory_bytes, |bytes| rounded(with_margin(bytes), BYTES)),
    }
}

fn percentile(pod: &PodUse, span: Span, rules: &Recommending) -> Option<f64> {
    let mut histogram = Histogram::new(CORES, rules.half_life_ms);
    within(&pod.cores, span).for_each(|(at, cores)| histogram.add(cores, 1.0, at));
    histogram.percentile(rules.cpu_percentile)
}

fn within(samples: &[(Millis, f64)], span: Span) -> impl Iterator<Item = (Millis, f64)> {
    let is_within = move |(at, _): &(Millis, f64)| (span.start..span.end).contains(&minute_of(*at));
    samples.iter().copied().filter(is_within)
}

/// Up to the next multiple, one at least.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "of a node")]
fn rounded(amount: f64, step: i64) -> i64 {
    ((amount / step as f64).ceil() as i64).max(1) * step
}

/// How requests fared. Each sample stands for [`STEP_MS`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Replayed {
    /// How often the past was cut.
    pub folds: usize,
    /// Samples that were replayed.
    pub samples: i64,
    /// Those with more CPU in use than the request.
    pub over: i64,
    /// Largest CPU use as a multiple of the request.
    pub worst: f64,
    /// Most samples over it in a row.
    pub longest: i64,
    /// Samples with more memory in use than the request.
    pub overflows: i64,
    /// By how much at most, bytes.
    pub worst_overflow: f64,
}

impl Replayed {
    #[expect(clippy::cast_precision_loss, reason = "of a node")]
    fn replay(&mut self, pod: &PodUse, span: Span, to: Requests) {
        let mut run = 0;
        for (_, cores) in within(&pod.cores, span) {
            self.samples += 1;
            let load = cores * 1_000.0 / to.cpu_millicores as f64;
            self.worst = self.worst.max(load);
            run = if load > 1.0 { run + 1 } else { 0 };
            self.over += i64::from(load > 1.0);
            self.longest = self.longest.max(run);
        }
        let mut seen = 0;
        for (_, bytes) in within(&pod.memory_bytes, span) {
            seen += 1;
            let short = bytes - to.memory_bytes as f64;
            if short > 0.0 {
                self.overflows += 1;
                self.worst_overflow = self.worst_overflow.max(short);
            }
        }
        if pod.cores.is_empty() {
            self.samples += seen;
        }
    }

    fn refusal(&self) -> Option<Refusal> {
        if self.samples == 0 {
            return Some(Refusal::NothingToReplay);
        }
        let minutes = self.overflows * STEP_MS / MS_PER_MINUTE;
        let bytes = self.worst_overflow;
        (self.overflows > 0).then_some(Refusal::MemoryOverflow { minutes, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: i64 = 48;
    const GIB: f64 = 1_073_741_824.0;

    fn pod(of: impl Fn(i64) -> (f64, f64)) -> PodUse {
        let steps = || (0..HOURS * 12).map(|step| (step * STEP_MS, of(step)));
        PodUse {
            cores: steps().map(|(at, (cores, _))| (at, cores)).collect(),
            memory_bytes: steps().map(|(at, (_, gib))| (at, gib * GIB)).collect(),
        }
    }

    const ASKED: Requests = Requests { cpu_millicores: 16_000, memory_bytes: 64 << 30 };

    fn settled(pods: &[PodUse]) -> Option<Outcome> {
        settle(pods, ASKED, Span { start: 0, end: HOURS * 60 }, &Recommending::default())
    }

    #[test]
    fn cpu_goes_by_a_percentile_and_memory_by_the_peak_of_the_neediest_pod() {
        // 2 cores, and 8 in one step of fifty; 10 GiB, and 12 once, early; another pod uses less.
        let busy = pod(|step| {
            (if step % 50 == 0 { 8.0 } else { 2.0 }, if step == 9 { 12.0 } else { 10.0 })
        });
        let found = settled(&[pod(|_| (0.1, 1.0)), busy]).expect("far off");
        // 2 × 1.15, to a bucket of 5 % and a step of 50; 12 × 1.15.
        assert!((2_300..=2_500).contains(&found.to.cpu_millicores), "{:?}", found.to);
        assert_eq!(found.to.memory_bytes, rounded(12.0 * 1.15 * GIB, BYTES));
        assert_eq!(found.refusal, None);
        // 8 cores in 1 of 50 steps, of the last 172.
        assert_eq!((found.proof.over, found.proof.overflows), (3, 0), "{:?}", found.proof);
        assert_eq!((found.proof.folds, found.proof.longest), (1, 1));
    }

    #[test]
    fn a_later_peak_of_memory_refuses_it() {
        let found = settled(&[pod(|step| (2.0, if step == 500 { 14.0 } else { 10.0 }))]);
        let refusal = found.and_then(|found| found.refusal);
        assert!(matches!(refusal, Some(Refusal::MemoryOverflow { minutes: 5, .. })), "{refusal:?}");
    }

    #[test]
    fn what_is_nearly_used_stays() {
        assert_eq!(settled(&[pod(|_| (8.0, 30.0))]), None);
        // Of the two only the one that is far off changes, and the other is not replayed.
        let found = settled(&[pod(|step| (1.0, if step > 400 { 63.0 } else { 30.0 }))]);
        let found = found.expect("CPU is far off");
        assert_eq!(found.to.memory_bytes, ASKED.memory_bytes);
        assert_eq!((found.refusal, found.proof.overflows), (None, 0));
    }

    #[test]
    fn what_is_not_known_stays() {
        let cpu_only = PodUse { memory_bytes: Vec::new(), ..pod(|_| (1.0, 1.0)) };
        let found = settled(&[cpu_only]).expect("CPU is far off");
        assert_eq!(found.to.memory_bytes, ASKED.memory_bytes);
        assert_eq!(settled(&[PodUse::default()]), None);
    }
}
