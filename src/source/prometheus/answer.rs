//! Raw samples as a metric server would answer with them: as they are, the last of a day, or at steps.
//!
//! One tap for each series and query; samples come in order of time.

use super::chunks;
use super::selector::Evaluation;
use crate::model::query::QueryKind;
use crate::model::samples::{Builder, Run};
use crate::model::series::is_stale_marker;
use crate::model::{Samples, Window};
use crate::units::{MS_PER_DAY, MS_PER_MINUTE, Millis};

/// For how long a sample stands at a step of an evaluation: what Prometheus does by default.
pub(in crate::source) const LOOKBACK_MS: i64 = 5 * MS_PER_MINUTE;

/// What a query makes of each of its series, before it aggregates.
#[derive(Debug, Clone)]
pub(super) struct Answering {
    pub(super) kind: QueryKind,
    pub(super) window: Window,
    pub(super) evaluation: Evaluation,
}

impl Answering {
    /// The answer from the samples of one series.
    pub(super) fn from(&self, samples: &Samples) -> Samples {
        let keeps = |value| self.evaluation.keeps(value);
        let mut tap = Tap::new(self.kind, self.window);
        samples.runs().for_each(|run| tap.push_run(run, keeps));
        tap.finish(keeps)
    }

    /// Before when no sample bears on the answer.
    pub(super) const fn needs_from(&self) -> Millis {
        match self.kind {
            QueryKind::Grid { .. } => self.window.start() - LOOKBACK_MS,
            _ => self.window.start(),
        }
    }
}

/// What becomes of the samples of one series for one query.
#[derive(Debug)]
pub(in crate::source) struct Tap {
    kind: QueryKind,
    start: Millis,
    end: Millis,
    last: Option<(Millis, f64)>,
    /// Given only when the next one is known: the last of a day is not known before.
    next: Option<(Millis, f64)>,
    out: Builder,
}

impl Tap {
    /// For a query of this kind over `window`.
    pub(in crate::source) fn new(kind: QueryKind, window: Window) -> Self {
        let start = match kind {
            QueryKind::Tail => chunks::tail(window)[0].start,
            _ => window.start(),
        };
        Self { kind, start, end: window.end(), last: None, next: None, out: Builder::default() }
    }

    /// The next sample. `keeps` says which values the query gives at steps.
    pub(in crate::source) fn push(&mut self, at: Millis, value: f64, keeps: impl Fn(f64) -> bool) {
        // Hours that were written while a clock was set back overlap.
        if self.last.is_some_and(|(last, _)| at <= last) {
            return;
        }
        let inside = self.start <= at && at < self.end;
        match self.kind {
            QueryKind::Raw | QueryKind::Tail if inside => self.out.push(at, value),
            QueryKind::Info if inside && !is_stale_marker(value) => {
                let day_end = (at.div_euclid(MS_PER_DAY) + 1) * MS_PER_DAY;
                let stamp = day_end.min(self.end) - 1;
                let before = self.next.replace((stamp, value));
                if let Some((at, value)) = before.filter(|(known, _)| *known != stamp) {
                    self.out.push(at, value);
                }
            }
            QueryKind::Grid { step_ms } => self.evaluate(at, step_ms, keeps),
            _ => {}
        }
        self.last = Some((at, value));
    }

    /// The next samples, which say all the same.
    fn push_run(&mut self, run: Run, keeps: impl Fn(f64) -> bool + Copy) {
        let is_next = self.last.is_none_or(|(last, _)| last < run.first);
        match self.kind {
            // Each stands until the next one.
            QueryKind::Grid { step_ms }
                if is_next && run.count > 1 && run.step_ms <= LOOKBACK_MS =>
            {
                self.push(run.first, run.value, keeps);
                if keeps(run.value) && !is_stale_marker(run.value) {
                    self.give_steps(run.first, run.last(), step_ms, run.value);
                }
                self.last = Some((run.last(), run.value));
            }
            _ => run.samples().for_each(|(at, value)| self.push(at, value, keeps)),
        }
    }

    /// Evaluates at the steps that the sample before stands for, up to `until`.
    fn evaluate(&mut self, until: Millis, step_ms: i64, keeps: impl Fn(f64) -> bool) {
        if let Some((at, value)) = self.last.filter(|(_, v)| !is_stale_marker(*v) && keeps(*v)) {
            self.give_steps(at, until.min(at + LOOKBACK_MS), step_ms, value);
        }
    }

    /// Gives `value` at the steps in `[from, to)`.
    fn give_steps(&mut self, from: Millis, to: Millis, step_ms: i64, value: f64) {
        let (from, to) = (from.max(self.start), to.min(self.end));
        if from >= to {
            return;
        }
        if let Some((first, last)) = chunks::grid_points(from, to, step_ms) {
            let mut point = first;
            while point <= last {
                self.out.push(point, value);
                point += step_ms;
            }
        }
    }

    /// Everything that the query gives of the series.
    pub(in crate::source) fn finish(mut self, keeps: impl Fn(f64) -> bool) -> Samples {
        if let QueryKind::Grid { step_ms } = self.kind {
            self.evaluate(self.end, step_ms, keeps);
        }
        if let Some((at, value)) = self.next {
            self.out.push(at, value);
        }
        self.out.finish()
    }
}
