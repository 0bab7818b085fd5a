//! What the series of one thing say: of a card, or of one MIG instance of it.
//!
//! One exporter shows one value under several label sets: a copy for each pod that shares the card, a
//! second scrape, a new pod. All of these are one value here. What is not a copy is kept apart: since
//! dcgm-exporter 4.8.2 a shared card has a row of its own *and* a row for each pod with the pod's own
//! use (facts, section 4.4); adding them up would count twice.

use std::collections::BTreeMap;

use super::field::Field;
use super::hold::{Held, merged, presence};
use super::labels::{ClaimLabel, PodLabel};
use super::timeline::{Event, Run, Timeline};
use crate::model::{Interval, IntervalSet};

/// Holds by field, disjoint and in order.
pub type Signals = BTreeMap<Field, Vec<Held>>;

/// A pod (and claim) that a thing's series name, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTime {
    /// The pod.
    pub pod: PodLabel,
    /// The claim through which it holds the device, where the exporter says so.
    pub claim: Option<ClaimLabel>,
    /// When series with its labels were there.
    pub presence: IntervalSet,
}

/// All that the series of one thing say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The thing's own values.
    pub signals: Signals,
    /// Values of single pods on it, where the exporter gives them: parts of the whole card.
    pub processes: BTreeMap<PodLabel, Signals>,
    /// When any series of it was there.
    pub presence: IntervalSet,
    /// Pods that its series name, sorted.
    pub labelled: Vec<LabelledTime>,
    /// Claims that its series name, whether they name a pod or not, sorted, and when.
    pub claims: Vec<(ClaimLabel, IntervalSet)>,
    /// Size of the framebuffer (used + free), bytes, where both were seen.
    pub memory_bytes: Option<f64>,
    /// Series named two pods at one time: the card is shared, and one value stands under several names.
    pub fanned_out: bool,
}

/// A series of the thing: who it names, and what it says when.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) pod: Option<PodLabel>,
    pub(super) claim: Option<ClaimLabel>,
    pub(super) timeline: Timeline,
    /// Its median spacing.
    pub(super) spacing: Option<i64>,
}

/// What is common to all readings.
#[derive(Debug, Clone)]
pub(super) struct Merging {
    /// Spacing assumed for a series too short to have its own, by field.
    pub(super) steps: BTreeMap<Field, i64>,
    pub(super) max_gap_ms: i64,
    /// Where samples count.
    pub(super) counted: Interval,
}

impl Merging {
    /// One reading of all lines, and how many samples were duplicates.
    pub(super) fn reading(&self, lines: &BTreeMap<Field, Vec<Line>>) -> (Reading, u64) {
        let mut out = Reading::default();
        let mut duplicates = 0;
        let mut labelled: BTreeMap<(PodLabel, Option<ClaimLabel>), IntervalSet> = BTreeMap::new();
        let mut claims: BTreeMap<ClaimLabel, IntervalSet> = BTreeMap::new();
        for (&field, lines) in lines {
            let step = self.steps[&field];
            for line in lines {
                let own_step = self.step_of(line, step);
                let there = presence(&line.timeline, own_step, self.max_gap_ms);
                out.presence = out.presence.union(&there);
                if let Some(claim) = &line.claim {
                    let known = claims.entry(claim.clone()).or_default();
                    *known = known.union(&there);
                }
                if let Some(pod) = &line.pod {
                    let known = labelled.entry((pod.clone(), line.claim.clone())).or_default();
                    *known = known.union(&there);
                }
            }
            let (own, of_pods) = split(field, lines);
            out.fanned_out |= !of_pods.is_empty() || is_fanned_out(&own);
            let (holds, more) = self.merge(&own, step);
            duplicates += if field.is_size() { 0 } else { more };
            out.signals.insert(field, holds);
            for (pod, lines) in of_pods {
                let (holds, more) = self.merge(&lines, step);
                duplicates += more;
                out.processes.entry(pod.clone()).or_default().insert(field, holds);
            }
        }
        out.claims = claims.into_iter().collect();
        out.memory_bytes = memory_size(&out.signals);
        out.signals.retain(|field, _| !field.is_size());
        out.labelled = labelled
            .into_iter()
            .map(|((pod, claim), presence)| LabelledTime { pod, claim, presence })
            .collect();
        (out, duplicates)
    }

    fn step_of(&self, line: &Line, common_ms: i64) -> i64 {
        line.timeline.step_of(line.spacing, common_ms, self.max_gap_ms)
    }

    fn merge(&self, lines: &[&Line], step: i64) -> (Vec<Held>, u64) {
        let lines: Vec<_> = lines.iter().map(|l| (&l.timeline, self.step_of(l, step))).collect();
        merged(&lines, self.max_gap_ms, self.counted)
    }
}

type Split<'a> = (Vec<&'a Line>, BTreeMap<&'a PodLabel, Vec<&'a Line>>);

/// The thing's own lines, and those of single pods on it.
///
/// A labelled line is a pod's own only where the field has per-process values and a line without a
/// pod speaks at the same instants; otherwise it is the thing's value under the pod's name.
fn split(field: Field, lines: &[Line]) -> Split<'_> {
    let own_lines: Vec<&Timeline> = lines
        .iter()
        .filter(|l| l.pod.is_none() && field.has_process_values())
        .map(|l| &l.timeline)
        .collect();
    let beside = |line: &Line| {
        let both: usize =
            line.timeline.runs().iter().map(|run| samples_beside(*run, &own_lines)).sum();
        both > 0 && 2 * both >= line.timeline.sample_times().count()
    };
    let mut own = Vec::new();
    let mut of_pods: BTreeMap<&PodLabel, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        match &line.pod {
            Some(pod) if beside(line) => {
                of_pods.entry(pod).or_default().push(line);
            }
            _ => own.push(line),
        }
    }
    (own, of_pods)
}

/// How many samples of a run have another at the same instant in one of `lines`.
fn samples_beside(run: Run, lines: &[&Timeline]) -> usize {
    let time = Interval::new(run.first, run.last() + 1);
    let near: Vec<_> = lines.iter().filter(|l| l.has_samples_in(time)).collect();
    if run.event == Event::Stale || near.is_empty() {
        return 0;
    }
    run.times().filter(|&at| near.iter().any(|l| l.has_sample_at(at))).count()
}

/// Whether lines of different pods say the very same at the same instants.
fn is_fanned_out(lines: &[&Line]) -> bool {
    let spans: Vec<_> =
        lines.iter().filter_map(|l| Some((l, l.pod.as_ref()?, l.timeline.hull()?))).collect();
    spans.iter().enumerate().any(|(i, (a, pod, hull))| {
        spans[..i].iter().any(|(b, other, other_hull)| {
            pod != other && hull.overlap(*other_hull).is_some() && agree(&a.timeline, &b.timeline)
        })
    })
}

/// Bit-equal wherever both have a sample, and that at two instants at least.
fn agree(a: &Timeline, b: &Timeline) -> bool {
    let mut theirs = b.values().peekable();
    let mut both = 0;
    for (at, value) in a.values() {
        while theirs.next_if(|(t, _)| *t < at).is_some() {}
        match theirs.next_if(|(t, _)| *t == at) {
            Some((_, other)) if other.to_bits() == value.to_bits() => both += 1,
            Some(_) => return false,
            None => {}
        }
    }
    both >= 2
}

/// The size where the exporter tells it; else used + free at the last instant at which both are known.
fn memory_size(signals: &Signals) -> Option<f64> {
    let told =
        signals.get(&Field::VramTotal).and_then(|holds| holds.iter().rev().find_map(|h| h.value));
    if let Some(size) = told.filter(|size| *size > 0.0) {
        return Some(size);
    }
    let free = signals.get(&Field::FbFree)?;
    let used = signals.get(&Field::FbUsed)?;
    free.iter().rev().find_map(|f| {
        let at = used.partition_point(|u| u.time.start <= f.last).checked_sub(1)?;
        let u = used[at];
        (u.time.end > f.last).then_some(())?;
        Some(f.value? + u.value?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pod: Option<&str>, samples: &[(i64, f64)]) -> Line {
        let pod = pod.map(|name| PodLabel { namespace: "ns".into(), name: name.into(), uid: None });
        let timeline: Timeline = samples.iter().map(|&(t, v)| (t, Event::Value(v))).collect();
        Line { pod, claim: None, spacing: timeline.median_spacing(), timeline }
    }

    fn read(field: Field, lines: Vec<Line>) -> (Reading, u64) {
        let steps = BTreeMap::from([(field, 10)]);
        let counted = Interval::new(0, 1_000);
        Merging { steps, max_gap_ms: 50, counted }.reading(&BTreeMap::from([(field, lines)]))
    }

    fn values(holds: &[Held]) -> Vec<Option<f64>> {
        holds.iter().map(|h| h.value).collect()
    }

    #[test]
    fn trap_2_copies_for_each_pod_are_one_value() {
        let same = [(0, 0.9), (10, 0.4), (20, 0.7)];
        let (reading, duplicates) =
            read(Field::GpuUtil, vec![line(Some("a"), &same), line(Some("b"), &same)]);
        assert_eq!(values(&reading.signals[&Field::GpuUtil]), [Some(0.9), Some(0.4), Some(0.7)]);
        assert_eq!((duplicates, reading.fanned_out), (3, true));
        assert!(reading.processes.is_empty());
        assert_eq!(reading.labelled.len(), 2);
    }

    #[test]
    fn trap_3_the_cards_row_and_the_pods_rows_are_not_added() {
        let lines = vec![
            line(None, &[(0, 0.9), (10, 0.8)]),
            line(Some("a"), &[(0, 0.6), (10, 0.8)]),
            line(Some("b"), &[(0, 0.3), (10, 0.0)]),
        ];
        let (reading, duplicates) = read(Field::GpuUtil, lines.clone());
        assert_eq!(values(&reading.signals[&Field::GpuUtil]), [Some(0.9), Some(0.8)]);
        let of: Vec<_> = reading.processes.values().map(|s| values(&s[&Field::GpuUtil])).collect();
        assert_eq!(of, [vec![Some(0.6), Some(0.8)], vec![Some(0.3), Some(0.0)]]);
        assert_eq!((duplicates, reading.fanned_out), (0, true));
        // Profiling fields have no values of single pods: the same lines would be one signal.
        assert!(read(Field::SmActive, lines).0.processes.is_empty());
    }

    #[test]
    fn one_pod_after_another_is_no_sharing() {
        let lines = vec![
            line(None, &[(0, 0.0), (10, 0.0)]),
            line(Some("a"), &[(20, 0.5), (30, 0.5)]),
            line(Some("b"), &[(40, 0.5), (50, 0.5)]),
        ];
        let (reading, _) = read(Field::GpuUtil, lines);
        assert!(!reading.fanned_out && reading.processes.is_empty());
        assert_eq!(values(&reading.signals[&Field::GpuUtil]), [Some(0.0), Some(0.5), Some(0.5)]);
    }
}
