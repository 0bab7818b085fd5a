//! What the series of one thing say: of a card, or of one MIG instance of it.
//!
//! One exporter shows one value under several label sets: a copy for each pod that shares the card, a
//! second scrape, a new pod. All of these are one value here. What is not a copy is kept apart: since
//! dcgm-exporter 4.8.2 a shared card has a row of its own *and* a row for each pod with the pod's own
//! use (facts, section 4.4); adding them up would count twice.

use std::collections::BTreeMap;

use super::field::Field;
use super::hold::{Held, merged};
use super::labels::{ClaimLabel, PodLabel};
use super::outline::{self, Outline, may_overlap};
use super::timeline::{Event, Run, Timeline};
use crate::model::{Interval, IntervalSet, Series};

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

/// A series of the thing: who it names, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    pub(super) pod: Option<&'a PodLabel>,
    pub(super) claim: Option<&'a ClaimLabel>,
    pub(super) field: Field,
    pub(super) series: &'a Series,
    pub(super) outline: &'a Outline,
}

/// A series with all that it says.
struct Read<'a> {
    line: &'a Line<'a>,
    timeline: Timeline,
    step: i64,
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
    /// One reading of all lines, and how many samples were duplicates. Signals and processes are left out of it
    /// unless it `is_full`: then lines are looked at again only where several speak at one time.
    pub(super) fn reading(
        &self,
        lines: &BTreeMap<Field, Vec<Line<'_>>>,
        is_full: bool,
    ) -> (Reading, u64) {
        let mut out = Reading::default();
        let mut duplicates = 0;
        self.see_presence(lines, &mut out);
        for (&field, lines) in lines {
            let outlines = lines.iter().map(|line| (line.outline, self.step_of(line, field)));
            if !is_full && !field.is_size() && !may_overlap(outlines) {
                continue;
            }
            let lines: Vec<Read<'_>> = lines.iter().map(|line| self.read(line, field)).collect();
            let (own, of_pods) = split(field, &lines);
            out.fanned_out |= !of_pods.is_empty() || is_fanned_out(&own);
            let (holds, more) = self.merge(&own);
            duplicates += if field.is_size() { 0 } else { more };
            out.signals.insert(field, holds);
            for (pod, lines) in of_pods {
                let (holds, more) = self.merge(&lines);
                duplicates += more;
                out.processes.entry(pod.clone()).or_default().insert(field, holds);
            }
        }
        self.complete_memory(lines, &mut out.signals);
        out.memory_bytes = memory_size(&out.signals);
        out.signals.retain(|field, _| is_full && !field.is_size());
        if !is_full {
            out.processes.clear();
        }
        (out, duplicates)
    }

    /// When the series were there, and whom they named.
    fn see_presence(&self, lines: &BTreeMap<Field, Vec<Line<'_>>>, out: &mut Reading) {
        let mut all: Vec<Interval> = Vec::new();
        let mut labelled: BTreeMap<_, Vec<Interval>> = BTreeMap::new();
        let mut claims: BTreeMap<&ClaimLabel, Vec<Interval>> = BTreeMap::new();
        for (&field, lines) in lines {
            for line in lines {
                let there = || line.outline.presence(self.step_of(line, field));
                all.extend(there());
                if let Some(claim) = line.claim {
                    claims.entry(claim).or_default().extend(there());
                }
                if let Some(pod) = line.pod {
                    labelled.entry((pod, line.claim)).or_default().extend(there());
                }
            }
        }
        out.presence = IntervalSet::union_of(all);
        let claim_time =
            |(claim, there): (&ClaimLabel, _)| (claim.clone(), IntervalSet::union_of(there));
        out.claims = claims.into_iter().map(claim_time).collect();
        let named = |((pod, claim), there): ((&PodLabel, Option<&ClaimLabel>), _)| LabelledTime {
            pod: pod.clone(),
            claim: claim.cloned(),
            presence: IntervalSet::union_of(there),
        };
        out.labelled = labelled.into_iter().map(named).collect();
    }

    /// Adds what memory was in use when the free part is known, if that was not looked at yet.
    fn complete_memory(&self, lines: &BTreeMap<Field, Vec<Line<'_>>>, signals: &mut Signals) {
        let free = signals
            .get(&Field::FbFree)
            .and_then(|free| Some(Interval::new(free.first()?.time.start, free.last()?.time.end)));
        let (Some(free), Some(used), false) =
            (free, lines.get(&Field::FbUsed), signals.contains_key(&Field::FbUsed))
        else {
            return;
        };
        let is_near = |line: &&Line<'_>| {
            let step = self.step_of(line, Field::FbUsed);
            line.outline.presence(step).any(|time| time.overlap(free).is_some())
        };
        let near: Vec<Read<'_>> =
            used.iter().filter(is_near).map(|line| self.read(line, Field::FbUsed)).collect();
        let (holds, _) = self.merge(&near.iter().collect::<Vec<_>>());
        signals.insert(Field::FbUsed, holds);
    }

    fn step_of(&self, line: &Line<'_>, field: Field) -> i64 {
        line.outline.step(self.steps[&field], self.max_gap_ms)
    }

    fn read<'a>(&self, line: &'a Line<'a>, field: Field) -> Read<'a> {
        let timeline = outline::timeline(line.field, line.series);
        Read { line, timeline, step: self.step_of(line, field) }
    }

    fn merge(&self, lines: &[&Read<'_>]) -> (Vec<Held>, u64) {
        let lines: Vec<_> = lines.iter().map(|l| (&l.timeline, l.step)).collect();
        merged(&lines, self.max_gap_ms, self.counted)
    }
}

type Split<'a> = (Vec<&'a Read<'a>>, BTreeMap<&'a PodLabel, Vec<&'a Read<'a>>>);

/// The thing's own lines, and those of single pods on it.
///
/// A labelled line is a pod's own only where the field has per-process values and a line without a
/// pod speaks at the same instants; otherwise it is the thing's value under the pod's name.
fn split<'a>(field: Field, lines: &'a [Read<'a>]) -> Split<'a> {
    let own_lines: Vec<&Timeline> = lines
        .iter()
        .filter(|l| l.line.pod.is_none() && field.has_process_values())
        .map(|l| &l.timeline)
        .collect();
    let beside = |read: &Read<'_>| {
        let both: usize =
            read.timeline.runs().iter().map(|run| samples_beside(*run, &own_lines)).sum();
        both > 0 && 2 * both >= read.timeline.sample_times().count()
    };
    let mut own = Vec::new();
    let mut of_pods: BTreeMap<&PodLabel, Vec<&Read<'_>>> = BTreeMap::new();
    for read in lines {
        match read.line.pod {
            Some(pod) if beside(read) => {
                of_pods.entry(pod).or_default().push(read);
            }
            _ => own.push(read),
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
fn is_fanned_out(lines: &[&Read<'_>]) -> bool {
    let spans: Vec<_> =
        lines.iter().filter_map(|l| Some((l, l.line.pod?, l.timeline.hull()?))).collect();
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

    type Named = (Option<PodLabel>, Series);

    /// Of values in percent.
    fn line(pod: Option<&str>, samples: &[(i64, f64)]) -> Named {
        let pod = pod.map(|name| PodLabel { namespace: "ns".into(), name: name.into(), uid: None });
        (pod, Series { samples: samples.iter().copied().collect(), ..Series::default() })
    }

    /// The reading with its signals; without them it is the same.
    fn read(field: Field, lines: &[Named]) -> (Reading, u64) {
        let (counted, max_gap_ms) = (Interval::new(0, 1_000), 50);
        let merging = Merging { steps: BTreeMap::from([(field, 10)]), max_gap_ms, counted };
        let outline = |series| Outline::of(field, series, counted, max_gap_ms);
        let outlines: Vec<Outline> = lines.iter().map(|(_, series)| outline(series)).collect();
        let line = |((pod, series), outline)| {
            let (pod, claim): (&Option<PodLabel>, _) = (pod, None);
            Line { pod: pod.as_ref(), claim, field, series, outline }
        };
        let by_field = BTreeMap::from([(
            field,
            lines.iter().map(|(p, s)| (p, s)).zip(&outlines).map(line).collect(),
        )]);
        let (full, duplicates) = merging.reading(&by_field, true);
        let less = Reading { signals: Signals::new(), processes: BTreeMap::new(), ..full.clone() };
        assert_eq!(merging.reading(&by_field, false), (less, duplicates));
        (full, duplicates)
    }

    /// In percent.
    fn values(holds: &[Held]) -> Vec<Option<f64>> {
        holds.iter().map(|h| h.value.map(|value| (100.0 * value).round())).collect()
    }

    #[test]
    fn trap_2_copies_for_each_pod_are_one_value() {
        let same = [(0, 90.0), (10, 40.0), (20, 70.0)];
        let (reading, duplicates) =
            read(Field::GpuUtil, &[line(Some("a"), &same), line(Some("b"), &same)]);
        assert_eq!(values(&reading.signals[&Field::GpuUtil]), [Some(90.0), Some(40.0), Some(70.0)]);
        assert_eq!((duplicates, reading.fanned_out), (3, true));
        assert!(reading.processes.is_empty());
        assert_eq!(reading.labelled.len(), 2);
    }

    #[test]
    fn trap_3_the_cards_row_and_the_pods_rows_are_not_added() {
        let lines = vec![
            line(None, &[(0, 90.0), (10, 80.0)]),
            line(Some("a"), &[(0, 60.0), (10, 80.0)]),
            line(Some("b"), &[(0, 30.0), (10, 0.0)]),
        ];
        let (reading, duplicates) = read(Field::GpuUtil, &lines);
        assert_eq!(values(&reading.signals[&Field::GpuUtil]), [Some(90.0), Some(80.0)]);
        let of: Vec<_> = reading.processes.values().map(|s| values(&s[&Field::GpuUtil])).collect();
        assert_eq!(of, [vec![Some(60.0), Some(80.0)], vec![Some(30.0), Some(0.0)]]);
        assert_eq!((duplicates, reading.fanned_out), (0, true));
        // Profiling fields have no values of single pods: the same lines would be one signal.
        assert!(read(Field::SmActive, &lines).0.processes.is_empty());
    }

    #[test]
    fn one_pod_after_another_is_no_sharing() {
        let lines = vec![
            line(None, &[(0, 0.0), (10, 0.0)]),
            line(Some("a"), &[(20, 50.0), (30, 50.0)]),
            line(Some("b"), &[(40, 50.0), (50, 50.0)]),
        ];
        let (reading, _) = read(Field::GpuUtil, &lines);
        assert!(!reading.fanned_out && reading.processes.is_empty());
        assert_eq!(values(&reading.signals[&Field::GpuUtil]), [Some(0.0), Some(50.0), Some(50.0)]);
    }
}
