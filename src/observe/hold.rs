//! The hold rule: for how long a sample speaks.
//!
//! Design, section 2: a sample holds until the next sample of the same series if that comes within
//! `max_gap`; otherwise, and for the last sample, for one step, the series' median sample spacing. A
//! staleness marker ends a hold at its instant. Nothing is interpolated, nothing is filled with 0.

use super::timeline::{Event, Run, Timeline};
use crate::model::{Interval, IntervalSet};
use crate::units::Millis;

/// A value and the time it speaks for; `None` for samples that are not to be trusted. Several samples in a
/// row that say the same, at equal distances, each holding to the next, are one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// The time, from the first sample on.
    pub time: Interval,
    /// The value.
    pub value: Option<f64>,
    /// Instant of the last sample.
    pub last: Millis,
    /// From one sample to the next; 0 for a single one.
    pub every_ms: i64,
}

impl Held {
    /// A single sample at the start of `time`.
    #[must_use]
    pub const fn once(time: Interval, value: Option<f64>) -> Self {
        Self { time, value, last: time.start, every_ms: 0 }
    }

    /// Instant of its first sample that is not before `since`.
    #[must_use]
    pub fn first_from(&self, since: Millis) -> Option<Millis> {
        if since <= self.time.start {
            return Some(self.time.start);
        }
        let whole = |every| (since - self.time.start + every - 1) / every;
        (since <= self.last).then(|| self.time.start + whole(self.every_ms) * self.every_ms)
    }

    /// Its samples one by one.
    fn singles(self) -> impl Iterator<Item = Self> {
        let count =
            if self.every_ms > 0 { (self.last - self.time.start) / self.every_ms } else { 0 };
        (0..=count).map(move |i| {
            let at = self.time.start + i * self.every_ms;
            let end = if i == count { self.time.end } else { at + self.every_ms };
            Self::once(Interval::new(at, end), self.value)
        })
    }

    /// Takes in the next one, if it goes on in the same way.
    fn absorbs(&mut self, next: &Self) -> bool {
        let bits = |held: &Self| held.value.map(f64::to_bits);
        let distance = next.time.start - self.last;
        let is_next = self.time.end == next.time.start
            && bits(self) == bits(next)
            && next.every_ms == 0
            && (self.every_ms == 0 || self.every_ms == distance);
        if is_next {
            (self.time.end, self.last, self.every_ms) = (next.time.end, next.last, distance);
        }
        is_next
    }
}

/// Each sample with its hold in order of time, runs of equal ones together.
fn each_hold(line: &Timeline, step_ms: i64, max_gap_ms: i64, mut take: impl FnMut(Held)) {
    for (i, run) in line.runs().iter().enumerate() {
        let value = match run.event {
            Event::Value(value) => Some(value),
            Event::Invalid => None,
            Event::Stale => continue,
        };
        let last = run.last();
        let end = match line.runs().get(i + 1) {
            Some(Run { first, event: Event::Stale, .. }) if first - last > max_gap_ms => {
                last + step_ms
            }
            Some(Run { first, event: Event::Stale, .. }) => *first,
            Some(Run { first, .. }) if first - last <= max_gap_ms => *first,
            _ => last + step_ms,
        };
        if run.step_ms <= max_gap_ms {
            let time = Interval::new(run.first, end);
            take(Held { time, value, last, every_ms: run.step_ms });
            continue;
        }
        run.times().for_each(|at| {
            let end = if at == last { end } else { at + step_ms };
            take(Held::once(Interval::new(at, end), value));
        });
    }
}

/// Each sample with its hold, runs of equal ones together.
#[must_use]
pub fn holds(line: &Timeline, step_ms: i64, max_gap_ms: i64) -> Vec<Held> {
    let mut out = Vec::with_capacity(line.runs().len());
    each_hold(line, step_ms, max_gap_ms, |held| out.push(held));
    out
}

/// When a series was there at all.
#[must_use]
pub fn presence(line: &Timeline, step_ms: i64, max_gap_ms: i64) -> IntervalSet {
    let mut out: Vec<Interval> = Vec::new();
    each_hold(line, step_ms, max_gap_ms, |held| match out.last_mut() {
        Some(before) if held.time.start <= before.end => before.end = before.end.max(held.time.end),
        _ => out.push(held.time),
    });
    IntervalSet::union_of(out)
}

/// Several series of one device and field, each with its step, as one list of disjoint holds in order of time, and how
/// many samples within `counted` were duplicates.
///
/// Series of one device differ in labels when another pod takes it, when the exporter restarts, or
/// when two Prometheus replicas scrape it. The series with the most samples goes first; a sample of
/// another is a duplicate where the first has samples on both sides, one scrape interval apart.
/// What is left is cut at the next sample of any series, so that no instant speaks twice.
#[must_use]
pub fn merged(lines: &[(&Timeline, i64)], max_gap_ms: i64, counted: Interval) -> (Vec<Held>, u64) {
    let mut order: Vec<(&Timeline, i64)> =
        lines.iter().filter(|(line, _)| !line.is_empty()).copied().collect();
    let (mut out, duplicates) = if do_overlap(&order) {
        order.sort_by_key(|(line, _)| std::cmp::Reverse(line.len()));
        one_by_one(&order, max_gap_ms, counted)
    } else {
        (order.iter().flat_map(|(line, step)| in_stretches(line, *step, max_gap_ms)).collect(), 0)
    };
    out.sort_by_key(|h| h.time.start);
    for i in 1..out.len() {
        let next = out[i].time.start;
        out[i - 1].time.end = out[i - 1].time.end.min(next);
    }
    out.retain(|h| h.time.start < h.time.end);
    out.dedup_by(|next, before| before.absorbs(next));
    (out, duplicates)
}

/// Whether any has samples while another has them. Where none does, there are no duplicates.
fn do_overlap(lines: &[(&Timeline, i64)]) -> bool {
    let mut all: Vec<Interval> =
        lines.iter().flat_map(|(line, step)| stretches(line, *step)).collect();
    all.sort_unstable();
    all.windows(2).any(|pair| pair[0].overlap(pair[1]).is_some())
}

/// Whether no sample of a series is missing between two of them: they are at most one and a half steps apart.
pub(super) const fn are_neighbours(previous: Millis, next: Millis, step_ms: i64) -> bool {
    2 * (next - previous) <= 3 * step_ms
}

/// The times in which no sample is missing.
fn stretches(line: &Timeline, step_ms: i64) -> Vec<Interval> {
    let mut out: Vec<Interval> = Vec::new();
    for run in line.runs().iter().filter(|run| run.event != Event::Stale) {
        if !are_neighbours(run.first, run.first + run.step_ms, step_ms) {
            out.extend(run.times().map(|at| Interval::new(at, at + 1)));
            continue;
        }
        let end = run.last() + 1;
        match out.last_mut() {
            Some(before) if are_neighbours(before.end - 1, run.first, step_ms) => before.end = end,
            _ => out.push(Interval::new(run.first, end)),
        }
    }
    out
}

/// Holds of which none goes over a missing sample: another series may have one there.
fn in_stretches(line: &Timeline, step_ms: i64, max_gap_ms: i64) -> Vec<Held> {
    let mut out = Vec::with_capacity(line.runs().len());
    each_hold(line, step_ms, max_gap_ms, |held| {
        if !are_neighbours(0, held.every_ms, step_ms) {
            out.extend(held.singles());
        } else {
            out.push(held);
        }
    });
    out
}

/// The samples that no series before them in the list has already.
fn one_by_one(lines: &[(&Timeline, i64)], max_gap_ms: i64, counted: Interval) -> (Vec<Held>, u64) {
    let mut out = Vec::new();
    let mut duplicates = 0;
    for (i, (line, step)) in lines.iter().enumerate() {
        let before = &lines[..i];
        for hold in holds(line, *step, max_gap_ms).into_iter().flat_map(Held::singles) {
            let at = hold.time.start;
            if before.iter().any(|(line, step)| covers(line, *step, at)) {
                duplicates += u64::from(counted.start <= at && at < counted.end);
            } else {
                out.push(hold);
            }
        }
    }
    (out, duplicates)
}

/// Whether a series has the sample at `at` already: one just there, or one on each side no further
/// apart than one and a half steps.
fn covers(line: &Timeline, step_ms: i64, at: Millis) -> bool {
    let (Some(previous), next) = line.samples_around(at) else { return false };
    previous == at || next.is_some_and(|next| are_neighbours(previous, next, step_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Interval = Interval::new(0, 1_000);

    fn timeline(samples: &[(i64, f64)]) -> Timeline {
        samples.iter().map(|&(t, v)| (t, Event::Value(v))).collect()
    }

    /// `merged` of lines whose steps are 10.
    fn merged_by_step(lines: &[&Timeline], max_gap_ms: i64, counted: Interval) -> (Vec<Held>, u64) {
        let lines: Vec<_> = lines.iter().map(|line| (*line, line.step(10, max_gap_ms))).collect();
        merged(&lines, max_gap_ms, counted)
    }

    /// Sample by sample.
    fn spans(holds: &[Held]) -> Vec<(i64, i64, Option<f64>)> {
        let singles = holds.iter().flat_map(|h| h.singles());
        singles.map(|h| (h.time.start, h.time.end, h.value)).collect()
    }

    #[test]
    fn holds_to_the_next_sample_or_one_step() {
        // Spacings 10, 10, 100: median 10. The gap of 100 exceeds 50, so 20 holds for one step.
        let line = timeline(&[(0, 0.1), (10, 0.2), (20, 0.3), (120, 0.4)]);
        assert_eq!(line.median_spacing(), Some(10));
        assert_eq!(
            spans(&holds(&line, 10, 50)),
            [(0, 10, Some(0.1)), (10, 20, Some(0.2)), (20, 30, Some(0.3)), (120, 130, Some(0.4))]
        );
        // A gap of exactly max_gap still counts as neighbours.
        assert_eq!(holds(&line, 10, 100)[2].time.end, 120);
    }

    #[test]
    fn a_stale_marker_ends_a_hold() {
        let line = Timeline::from_iter([
            (0, Event::Value(1.0)),
            (4, Event::Stale),
            (20, Event::Value(2.0)),
        ]);
        assert_eq!(spans(&holds(&line, 10, 50)), [(0, 4, Some(1.0)), (20, 30, Some(2.0))]);
        // One that comes after the gap has nothing left to end.
        let late = Timeline::from_iter([(0, Event::Value(1.0)), (90, Event::Stale)]);
        assert_eq!(spans(&holds(&late, 10, 50)), [(0, 10, Some(1.0))]);
    }

    #[test]
    fn an_invalid_sample_speaks_for_its_time_and_says_nothing() {
        let line = Timeline::from_iter([
            (0, Event::Value(1.0)),
            (10, Event::Invalid),
            (20, Event::Value(2.0)),
        ]);
        assert_eq!(
            spans(&holds(&line, 10, 50)),
            [(0, 10, Some(1.0)), (10, 20, None), (20, 30, Some(2.0))]
        );
    }

    #[test]
    fn replicas_are_one_series() {
        // B is A scraped 3 later by a second replica: all inside A but the last, which goes on.
        let a = timeline(&[(0, 0.1), (10, 0.1), (20, 0.1), (30, 0.1)]);
        let b = timeline(&[(3, 0.9), (13, 0.9), (33, 0.9)]);
        let (holds, duplicates) = merged_by_step(&[&b, &a], 50, ALL);
        assert_eq!(duplicates, 2);
        assert_eq!(
            spans(&holds),
            [
                (0, 10, Some(0.1)),
                (10, 20, Some(0.1)),
                (20, 30, Some(0.1)),
                (30, 33, Some(0.1)),
                (33, 43, Some(0.9)),
            ]
        );
    }

    #[test]
    fn a_new_label_set_goes_on_where_the_old_one_ends() {
        let a = timeline(&[(0, 0.1), (10, 0.1), (20, 0.1)]);
        let b = timeline(&[(29, 0.5), (39, 0.5)]);
        let (holds, duplicates) = merged_by_step(&[&a, &b], 50, ALL);
        assert_eq!(duplicates, 0);
        assert_eq!(
            spans(&holds)[2..],
            [(20, 29, Some(0.1)), (29, 39, Some(0.5)), (39, 49, Some(0.5))]
        );
    }

    #[test]
    fn same_instants_twice_count_once() {
        let a = timeline(&[(0, 0.1), (10, 0.2)]);
        let (holds, duplicates) = merged_by_step(&[&a, &a], 50, ALL);
        assert_eq!((holds.len(), duplicates), (2, 2));
        // Samples beyond the window are read for their holds and counted nowhere.
        assert_eq!(merged_by_step(&[&a, &a], 50, Interval::new(0, 10)).1, 1);
    }

    #[test]
    fn equal_samples_are_one_hold_that_knows_them_all() {
        let line = timeline(&[(0, 0.1), (10, 0.1), (20, 0.1), (30, 0.7)]);
        let all = holds(&line, 10, 50);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].time, all[0].last), (Interval::new(0, 30), 20));
        let first = |since| all[0].first_from(since);
        assert_eq!(
            [first(-5), first(0), first(1), first(20)],
            [Some(0), Some(0), Some(10), Some(20)]
        );
        // The last sample goes on speaking, but it is from before.
        assert_eq!(first(21), None);
    }

    #[test]
    fn equal_samples_further_apart_than_a_gap_are_not_joined() {
        let line = timeline(&[(0, 0.1), (100, 0.1), (200, 0.1)]);
        assert_eq!(
            spans(&holds(&line, 10, 50)),
            [(0, 10, Some(0.1)), (100, 110, Some(0.1)), (200, 210, Some(0.1))]
        );
    }

    #[test]
    fn a_missing_sample_of_one_series_may_be_in_another() {
        let own = timeline(&[(0, 0.2), (10, 0.1), (20, 0.1), (40, 0.1), (60, 0.1)]);
        let of_pod = timeline(&[(30, 0.9)]);
        let starts: Vec<_> = spans(&merged_by_step(&[&own, &of_pod], 50, ALL).0);
        let times: Vec<_> = starts.iter().map(|s| (s.0, s.1)).collect();
        assert_eq!(times, [(0, 10), (10, 20), (20, 30), (30, 40), (40, 60), (60, 70)]);
    }

    #[test]
    fn a_series_that_fills_the_holes_of_another_has_no_duplicates() {
        // The card's own series, and a pod's between its two stretches.
        let own = timeline(&[(0, 0.0), (10, 0.0), (50, 0.0), (60, 0.0)]);
        let of_pod = timeline(&[(20, 0.9), (30, 0.8), (40, 0.9)]);
        let (held, duplicates) = merged_by_step(&[&own, &of_pod], 50, ALL);
        assert_eq!(duplicates, 0);
        let starts: Vec<_> = spans(&held).iter().map(|s| (s.0, s.1)).collect();
        assert_eq!(starts, [(0, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 60), (60, 70)]);
    }
}
