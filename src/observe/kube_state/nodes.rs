//! Nodes: how many GPUs each has to give, when it was there, and when it was broken.

use std::collections::BTreeMap;

use super::{GpuResource, KubeNode, KubeState, Reader, grid_step, integer, largest};
use crate::model::{Interval, IntervalSet, QueryId, Series};
use crate::observe::hold::{Held, merged};
use crate::observe::labels::{kube, kube_labels};
use crate::observe::timeline::Timeline;
use crate::units::Millis;

impl Reader<'_> {
    /// Instants of a grid query as intervals: what holds at one point is taken to hold for a step.
    pub(super) fn grid(series: &Series, step_ms: i64) -> IntervalSet {
        let mut held = Vec::new();
        series.samples.each_run(|run| match run.step_ms <= step_ms {
            true => held.push(Interval::new(run.first, run.last() + step_ms)),
            false => held.extend(run.samples().map(|(at, _)| Interval::new(at, at + step_ms))),
        });
        IntervalSet::union_of(held)
    }

    pub(super) fn nodes(&self, state: &mut KubeState) {
        for (query, allocatable) in
            [(QueryId::NodeCapacity, false), (QueryId::NodeAllocatable, true)]
        {
            let mut gpus: BTreeMap<&str, BTreeMap<String, Vec<Timeline>>> = BTreeMap::new();
            for series in self.series(query) {
                let Some(name) = kube(series, "node") else { continue };
                if let Some(resource) = self.gpu_resource(series) {
                    let node = state.nodes.entry(name.to_owned()).or_default();
                    let line = Self::timeline(series);
                    node.presence = node.presence.union(&self.presence(&line));
                    match resource {
                        GpuResource::Whole(whole) => {
                            let known = gpus.entry(name).or_default().entry(whole).or_default();
                            known.push(line);
                        }
                        GpuResource::Part(part) => {
                            let most = node.parts.entry(part).or_default();
                            *most = largest(&line).max(*most);
                        }
                    }
                } else if allocatable {
                    let node = state.nodes.entry(name.to_owned()).or_default();
                    read_allocatable(node, series);
                }
            }
            for (name, by_resource) in gpus {
                // How many samples were duplicates is told of device samples only.
                let nothing = Interval::new(0, 0);
                let counts =
                    by_resource.values().map(|l| l.iter().collect::<Vec<_>>()).map(|lines| {
                        let step = |l: &Timeline| l.step(self.default_step_ms, self.max_gap_ms);
                        let lines: Vec<_> = lines.into_iter().map(|l| (l, step(l))).collect();
                        merged(&lines, self.max_gap_ms, nothing).0
                    });
                let total = sum_over_time(counts);
                let node = state.nodes.entry(name.to_owned()).or_default();
                if allocatable { node.allocatable = total } else { node.capacity = total }
            }
        }
        // A node that only lists CPU and memory has no GPU.
        state.nodes.retain(|_, n| {
            n.parts.values().any(|&count| count > 0)
                || n.capacity.iter().chain(&n.allocatable).any(|h| h.value > Some(0.0))
        });
        for series in self.series(QueryId::NodeNotReady) {
            Self::with_node(state, series, |n| {
                n.not_ready =
                    n.not_ready.union(&Self::grid(series, grid_step(QueryId::NodeNotReady)));
            });
        }
        for series in self.series(QueryId::NodeUnschedulable) {
            Self::with_node(state, series, |n| {
                n.cordoned =
                    n.cordoned.union(&Self::grid(series, grid_step(QueryId::NodeUnschedulable)));
            });
        }
        for series in self.series(QueryId::NodeLabels) {
            Self::with_node(state, series, |n| n.labels.extend_from(&kube_labels(series)));
        }
        state.nodes_up =
            state.nodes.values().fold(IntervalSet::default(), |up, n| up.union(&n.presence));
    }

    fn with_node(state: &mut KubeState, series: &Series, change: impl FnOnce(&mut KubeNode)) {
        if let Some(node) = kube(series, "node").and_then(|n| state.nodes.get_mut(n)) {
            change(node);
        }
    }
}

fn read_allocatable(node: &mut KubeNode, series: &Series) {
    let values = series.samples().map(|(_, value)| value);
    let Some(value) = values.filter(|value| value.is_finite()).last() else { return };
    match series.label("resource") {
        Some("cpu") => node.cpu_millicores = Some(integer(value * 1_000.0)),
        Some("memory") => node.memory_bytes = Some(integer(value)),
        _ => {}
    }
}

/// Several counts over time added up, instant by instant.
pub(super) fn sum_over_time(counts: impl Iterator<Item = Vec<Held>>) -> Vec<Held> {
    let mut changes: BTreeMap<Millis, (f64, i32)> = BTreeMap::new();
    for held in counts.flatten() {
        let value = held.value.unwrap_or(0.0);
        let start = changes.entry(held.time.start).or_default();
        (start.0, start.1) = (start.0 + value, start.1 + 1);
        let end = changes.entry(held.time.end).or_default();
        (end.0, end.1) = (end.0 - value, end.1 - 1);
    }
    let (mut total, mut open, mut out) = (0.0, 0, Vec::<Held>::new());
    let points: Vec<_> = changes.into_iter().collect();
    for pair in points.windows(2) {
        let (at, (value, count)) = pair[0];
        total += value;
        open += count;
        if open == 0 {
            continue;
        }
        let time = Interval::new(at, pair[1].0);
        match out.last_mut() {
            Some(last) if last.value == Some(total) && last.time.end == at => {
                last.time.end = time.end;
            }
            _ => out.push(Held::once(time, Some(total))),
        }
    }
    out
}
