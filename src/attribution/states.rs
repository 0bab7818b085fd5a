//! In which state each GPU-second is: the ledger's rows before they have a price.
//!
//! Design, section 1. Every instant of a device's presence gets exactly one state; the pieces are
//! cut at changes of holder, signal, memory and health, and joined where nothing changes.

use std::collections::BTreeMap;

use super::holding::Grant;
use crate::model::{Interval, IntervalSet, Policy};
use crate::observe::field::Field;
use crate::observe::hold::Held;
use crate::units::Millis;

/// State of a stretch of device time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Held and not idle: splits into `busy` (∫ u) and `slack` (∫ 1 − u).
    Active,
    /// Held, idle, framebuffer in use.
    IdleWarm,
    /// Held, idle, framebuffer about empty.
    IdleEmpty,
    /// Held, nothing to trust.
    Unobserved,
    /// Held by a claim that no live pod uses.
    StaleClaim,
    /// Held by nobody.
    Unallocated,
    /// Held by nobody, and no GPU pod fits on the node.
    Stranded,
    /// Held by nobody, and broken.
    Unhealthy,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Active,
        Self::IdleWarm,
        Self::IdleEmpty,
        Self::Unobserved,
        Self::StaleClaim,
        Self::Unallocated,
        Self::Stranded,
        Self::Unhealthy,
    ];

    /// Name in frames.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::IdleWarm => "idle_warm",
            Self::IdleEmpty => "idle_empty",
            Self::Unobserved => "unobserved",
            Self::StaleClaim => "stale_claim",
            Self::Unallocated => "unallocated",
            Self::Stranded => "stranded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// Why held time is unobserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blind {
    /// No sample, or one that was dropped.
    NoSample,
    /// Signals that cannot both be true.
    Contradiction,
    /// It is not known which of the node's devices it is.
    DeviceUnknown,
    /// It is not known which of the device's MIG instances it is, or no series speak for it.
    InstanceUnknown,
    /// A virtual machine has the card: nothing on the host can look at it.
    Passthrough,
}

impl Blind {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::NoSample,
        Self::Contradiction,
        Self::DeviceUnknown,
        Self::InstanceUnknown,
        Self::Passthrough,
    ];

    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSample => "no-sample",
            Self::Contradiction => "contradiction",
            Self::DeviceUnknown => "device-unknown",
            Self::InstanceUnknown => "instance-unknown",
            Self::Passthrough => "passthrough",
        }
    }
}

/// A stretch of one device's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Position among the devices.
    pub device: usize,
    /// Position among the holders; `None` for time that nobody holds.
    pub holder: Option<usize>,
    /// When.
    pub time: Interval,
    /// Part of the device, above 0 and at most 1.
    pub share: f64,
    /// State.
    pub state: State,
    /// Utilization of the part, 0..1, where observed.
    pub utilization: Option<f64>,
    /// Signal that the utilization rests on.
    pub signal: Option<Field>,
    /// Why it is unobserved.
    pub blind: Option<Blind>,
    /// The utilization is the device's, split between those who hold it.
    pub estimated: bool,
    /// The claim's device that it is, where a claim that is known gave it.
    pub grant: Option<Grant>,
}

/// `GPU_UTIL` at or above this while a profiling signal reads exactly 0 is a contradiction: the
/// profiling field is stuck (dcgm-exporter issue 662), the time is neither idle nor busy.
const CONTRADICTION_GPU_UTIL: f64 = 0.05;

/// What a device's signals say, and how to judge it.
pub struct Signals<'a> {
    by_field: &'a BTreeMap<Field, Vec<Held>>,
    /// Framebuffer use above which a device is not empty.
    empty_bytes: f64,
    idle_below: f64,
}

impl<'a> Signals<'a> {
    /// Signals of a device whose framebuffer has `memory_bytes`, where known.
    #[must_use]
    pub fn new(
        by_field: &'a BTreeMap<Field, Vec<Held>>,
        memory_bytes: Option<f64>,
        policy: &Policy,
    ) -> Self {
        let share = memory_bytes.map_or(0.0, |b| b * policy.empty_memory_ratio);
        Self {
            by_field,
            empty_bytes: policy.empty_memory_bytes.max(share),
            idle_below: policy.idle_below,
        }
    }

    fn holds(&self, field: Field) -> &'a [Held] {
        self.by_field.get(&field).map_or(&[], Vec::as_slice)
    }

    /// States over `time`, held by one holder who came at `since`. A sample counts only from its own
    /// instant on: one taken before the holder came speaks of somebody else.
    #[must_use]
    pub fn states(&self, time: Interval, since: Millis) -> Vec<(Interval, Judgement)> {
        let mut cursors: Vec<Cursor<'a>> = Field::UTILIZATION
            .iter()
            .chain(&[Field::FbUsed])
            .map(|&field| Cursor::new(self.holds(field), since))
            .collect();
        let mut out: Vec<(Interval, Judgement)> = Vec::new();
        let mut at = time.start;
        let (mut values, mut stay_until) = ([None; 5], [Millis::MIN; 5]);
        while at < time.end {
            let mut end = time.end;
            for (i, cursor) in cursors.iter_mut().enumerate() {
                if stay_until[i] <= at {
                    (values[i], stay_until[i]) = cursor.at(at);
                }
                end = end.min(stay_until[i]);
            }
            let judgement = self.judge(values);
            match out.last_mut() {
                Some((last, same)) if *same == judgement && last.end == at => last.end = end,
                _ => out.push((Interval::new(at, end), judgement)),
            }
            at = end;
        }
        out
    }

    fn judge(&self, [sm, gr, util, gfx, memory]: [Option<f64>; 5]) -> Judgement {
        let signals = [
            (Field::SmActive, sm),
            (Field::GrEngineActive, gr),
            (Field::GpuUtil, util),
            (Field::GfxActivity, gfx),
        ];
        let Some((signal, utilization)) = signals.into_iter().find_map(|(f, v)| Some((f, v?)))
        else {
            return Judgement::blind(Blind::NoSample);
        };
        let stuck = |profiling: Option<f64>| {
            profiling == Some(0.0) && util.is_some_and(|u| u >= CONTRADICTION_GPU_UTIL)
        };
        if stuck(sm) || stuck(gr) {
            return Judgement::blind(Blind::Contradiction);
        }
        let idle = signals.into_iter().filter_map(|(_, v)| v).all(|v| v < self.idle_below);
        let state = match (idle, memory) {
            (false, _) => State::Active,
            (true, Some(used)) if used <= self.empty_bytes => State::IdleEmpty,
            // Memory unknown: a model may be loaded, so the time is not called empty.
            (true, _) => State::IdleWarm,
        };
        Judgement {
            state,
            utilization: Some(utilization),
            signal: Some(signal),
            blind: None,
            is_memory_known: memory.is_some(),
        }
    }

    /// Largest framebuffer use that speaks for any of `time`, bytes.
    #[must_use]
    pub fn memory_peak(&self, time: Interval, since: Millis) -> Option<f64> {
        let holds = self.holds(Field::FbUsed);
        let from = holds.partition_point(|h| h.last < since || h.time.end <= time.start);
        holds[from..]
            .iter()
            .take_while(|h| h.first_from(since).is_some_and(|first| first < time.end))
            .filter_map(|h| h.value)
            .reduce(f64::max)
    }
}

/// What a moment of held time is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// State.
    pub state: State,
    /// Utilization 0..1.
    pub utilization: Option<f64>,
    /// Signal it rests on.
    pub signal: Option<Field>,
    /// Why unobserved.
    pub blind: Option<Blind>,
    /// Whether the state takes the framebuffer into account.
    pub is_memory_known: bool,
}

impl Judgement {
    /// Held and unobserved.
    #[must_use]
    pub const fn blind(why: Blind) -> Self {
        Self {
            state: State::Unobserved,
            utilization: None,
            signal: None,
            blind: Some(why),
            is_memory_known: false,
        }
    }

    /// Held by a claim alone.
    #[must_use]
    pub const fn stale() -> Self {
        Self {
            state: State::StaleClaim,
            utilization: None,
            signal: None,
            blind: None,
            is_memory_known: false,
        }
    }
}

/// Walks the holds of one signal in step with the others.
struct Cursor<'a> {
    holds: &'a [Held],
    next: usize,
    /// Samples count from then on.
    since: Millis,
}

impl<'a> Cursor<'a> {
    fn new(holds: &'a [Held], since: Millis) -> Self {
        Self { holds, next: holds.partition_point(|h| h.last < since), since }
    }

    /// Value at an instant (never earlier than the one before) and until when that stays so.
    fn at(&mut self, at: Millis) -> (Option<f64>, Millis) {
        while self.holds.get(self.next).is_some_and(|h| h.time.end <= at) {
            self.next += 1;
        }
        let Some(held) = self.holds.get(self.next) else { return (None, Millis::MAX) };
        match held.first_from(self.since) {
            Some(first) if first <= at => (held.value, held.time.end),
            Some(first) => (None, first),
            None => (None, held.time.end),
        }
    }
}

/// States of time that nobody holds.
#[must_use]
pub fn unheld_states(
    free: &IntervalSet,
    broken: &IntervalSet,
    full: &IntervalSet,
) -> Vec<(Interval, State)> {
    let unhealthy = free.intersect(broken);
    let rest = free.minus(broken);
    let stranded = rest.intersect(full);
    let unallocated = rest.minus(full);
    let tag =
        |set: IntervalSet, state| set.as_slice().iter().map(|&i| (i, state)).collect::<Vec<_>>();
    let mut out = tag(unhealthy, State::Unhealthy);
    out.extend(tag(stranded, State::Stranded));
    out.extend(tag(unallocated, State::Unallocated));
    out.sort_unstable_by_key(|(i, _)| *i);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(s: i64, e: i64, v: f64) -> Held {
        Held::once(Interval::new(s, e), Some(v))
    }

    fn run(fields: &[(Field, Vec<Held>)], time: (i64, i64)) -> Vec<(i64, i64, State, Option<f64>)> {
        let by_field = fields.iter().cloned().collect();
        let policy = Policy { empty_memory_bytes: 100.0, ..Policy::default() };
        Signals::new(&by_field, Some(1_000.0), &policy)
            .states(Interval::new(time.0, time.1), time.0)
            .into_iter()
            .map(|(i, j)| (i.start, i.end, j.state, j.utilization))
            .collect()
    }

    #[test]
    fn idle_is_warm_or_empty_by_memory() {
        use State::{Active, IdleEmpty, IdleWarm, Unobserved};
        // Threshold of "empty": max(100, 2 % of 1,000) = 100.
        let util = vec![held(0, 10, 0.5), held(10, 40, 0.0)];
        let memory = vec![held(0, 20, 500.0), held(20, 30, 100.0)];
        assert_eq!(
            run(&[(Field::GpuUtil, util), (Field::FbUsed, memory)], (0, 50)),
            [
                (0, 10, Active, Some(0.5)),
                (10, 20, IdleWarm, Some(0.0)),
                (20, 30, IdleEmpty, Some(0.0)),
                (30, 40, IdleWarm, Some(0.0)),
                (40, 50, Unobserved, None),
            ]
        );
    }

    #[test]
    fn a_sample_from_before_the_hold_does_not_count() {
        let util = vec![held(0, 10, 0.9), held(10, 20, 0.4)];
        assert_eq!(
            run(&[(Field::GpuUtil, util)], (5, 20)),
            [(5, 10, State::Unobserved, None), (10, 20, State::Active, Some(0.4))]
        );
    }

    #[test]
    fn a_sample_of_the_same_holder_counts_across_the_windows_edge() {
        let by_field = [(Field::GpuUtil, vec![held(0, 10, 0.9)])].into();
        let policy = Policy::default();
        let signals = Signals::new(&by_field, None, &policy);
        assert_eq!(signals.states(Interval::new(5, 10), 0)[0].1.utilization, Some(0.9));
        assert_eq!(signals.states(Interval::new(5, 10), 5)[0].1.utilization, None);
    }

    #[test]
    fn every_signal_must_be_idle_and_the_best_one_speaks() {
        let sm = vec![held(0, 10, 0.005), held(10, 20, 0.005)];
        let util = vec![held(0, 10, 0.30), held(10, 20, 0.0)];
        assert_eq!(
            run(&[(Field::SmActive, sm), (Field::GpuUtil, util)], (0, 20)),
            [(0, 10, State::Active, Some(0.005)), (10, 20, State::IdleWarm, Some(0.005))]
        );
    }

    #[test]
    fn a_stuck_profiling_signal_is_unobserved_not_idle() {
        let gr = vec![held(0, 20, 0.0)];
        let util = vec![held(0, 10, 0.9), held(10, 20, 0.04)];
        let states: Vec<_> = run(&[(Field::GrEngineActive, gr), (Field::GpuUtil, util)], (0, 20));
        assert_eq!(states[0].2, State::Unobserved);
        assert_eq!(states[1], (10, 20, State::Active, Some(0.0)));
    }

    #[test]
    fn the_next_signal_stands_in_for_a_missing_one() {
        let sm = vec![held(0, 10, 0.2)];
        let util = vec![held(0, 20, 0.7)];
        assert_eq!(
            run(&[(Field::SmActive, sm), (Field::GpuUtil, util)], (0, 20)),
            [(0, 10, State::Active, Some(0.2)), (10, 20, State::Active, Some(0.7))]
        );
    }

    #[test]
    fn idle_is_strictly_below_the_threshold() {
        assert_eq!(run(&[(Field::GpuUtil, vec![held(0, 10, 0.01)])], (0, 10))[0].2, State::Active);
    }

    #[test]
    fn broken_wins_over_full() {
        let set = |s, e| IntervalSet::of(Interval::new(s, e));
        let states = unheld_states(&set(0, 30), &set(0, 10), &set(5, 20));
        let kinds: Vec<_> = states.iter().map(|(i, s)| (i.start, i.end, *s)).collect();
        assert_eq!(
            kinds,
            [(0, 10, State::Unhealthy), (10, 20, State::Stranded), (20, 30, State::Unallocated)]
        );
    }
}
