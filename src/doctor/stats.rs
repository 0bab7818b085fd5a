//! What the answer to a query looks like: how much came, how often, with which holes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::query::QueryKind;
use crate::model::{Inputs, Interval, IntervalSet, MetricData, Series};
use crate::observe::labels;
use crate::observe::timeline::{Event, Timeline};
use crate::units::Millis;

/// Figures about one answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stats {
    /// Series.
    pub(super) series: usize,
    /// Samples, also those shortly before and after the window.
    pub(super) samples: usize,
    /// Median over the series of the median spacing of their samples, milliseconds; of raw samples only.
    pub(super) interval_ms: Option<i64>,
    /// Stretches in the window, between samples of one thing, longer than the longest gap.
    pub(super) holes: usize,
    /// Their length in all, milliseconds.
    pub(super) holes_ms: i64,
    /// Hosts of the devices that have them.
    pub(super) holes_on: BTreeSet<String>,
    /// First sample.
    pub(super) oldest_ms: Option<Millis>,
    /// Last sample.
    pub(super) newest_ms: Option<Millis>,
}

/// Figures about an answer. Holes are those of a device, or of all of an exporter's objects together: a pod
/// that ends leaves none.
pub(super) fn of(data: &MetricData, inputs: &Inputs, max_gap_ms: i64) -> Stats {
    let times = |s: &Series| s.samples.first().zip(s.samples.last());
    let mut out = Stats {
        series: data.series.len(),
        samples: data.series.iter().map(|s| s.samples.len()).sum(),
        oldest_ms: data.series.iter().filter_map(times).map(|(first, _)| first).min(),
        newest_ms: data.series.iter().filter_map(times).map(|(_, last)| last).max(),
        ..Stats::default()
    };
    if data.query.kind() != QueryKind::Raw {
        return out;
    }
    let lines: Vec<(&Series, Timeline)> = data.series.iter().map(|s| (s, timeline(s))).collect();
    out.interval_ms = median(lines.iter().filter_map(|(_, t)| t.median_spacing()).collect());
    let window = IntervalSet::of(Interval::new(inputs.window.start(), inputs.window.end()));
    let mut things: BTreeMap<Thing<'_>, (Vec<Interval>, Option<&str>)> = BTreeMap::new();
    for (series, line) in &lines {
        let (there, host) = things.entry(thing(series)).or_default();
        there.extend(stretches(line, max_gap_ms));
        *host = host.or_else(|| host_of(series));
    }
    for (stretches, host) in things.into_values() {
        let there = IntervalSet::union_of(stretches);
        let Some(hull) = there.hull() else { continue };
        // Between two series of one thing lies a step, which is none.
        let between = IntervalSet::of(hull).minus(&there);
        let long = between.as_slice().iter().filter(|hole| hole.length_ms() >= max_gap_ms);
        let holes = IntervalSet::union_of(long.copied()).intersect(&window);
        out.holes += holes.as_slice().len();
        out.holes_ms += holes.length_ms();
        if !holes.is_empty() {
            out.holes_on.extend(host.map(ToOwned::to_owned));
        }
    }
    out
}

/// What a series is of: a device or an instance of it; nothing for other metrics.
type Thing<'a> = Option<(&'a str, Option<&'a str>, Option<&'a str>)>;

fn thing(series: &Series) -> Thing<'_> {
    let id = labels::uuid(series).or_else(|| labels::serial(series))?;
    Some((id, series.label("GPU_I_ID"), series.label("GPU_I_PROFILE")))
}

/// Where a device is; nothing for other metrics.
fn host_of(series: &Series) -> Option<&str> {
    thing(series)?;
    labels::hostname(series)
        .or_else(|| series.label("node"))
        .or_else(|| labels::instance_host(series))
}

fn timeline(series: &Series) -> Timeline {
    let event = |value: f64| match crate::model::series::is_stale_marker(value) {
        true => Event::Stale,
        false => Event::Value(0.0),
    };
    Timeline::of(&series.samples, event)
}

/// Stretches in which samples follow each other closely, each up to just after its last.
fn stretches(line: &Timeline, max_gap_ms: i64) -> Vec<Interval> {
    let mut out: Vec<Interval> = Vec::new();
    for run in line.runs().iter().filter(|run| run.event != Event::Stale) {
        // Within a run samples are equally spaced: all of them are close, or none is.
        let is_close = run.count == 1 || run.step_ms <= max_gap_ms;
        let parts: Vec<Interval> = match is_close {
            true => vec![Interval::new(run.first, run.last() + 1)],
            false => run.times().map(|at| Interval::new(at, at + 1)).collect(),
        };
        for part in parts {
            match out.last_mut() {
                Some(last) if part.start - last.end < max_gap_ms => last.end = part.end,
                _ => out.push(part),
            }
        }
    }
    out
}

/// The lower median.
fn median(mut values: Vec<i64>) -> Option<i64> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable(middle).1)
}
