//! Whether a node has CPU and memory left for one more GPU pod: a free GPU that no GPU pod of the
//! window could use is stranded, not unallocated.
//!
//! "Fits" is judged against the shapes of the GPU pods seen: if none of them fits, nobody can use it.

use std::collections::BTreeMap;

use crate::model::objects::{NodeFact, PodFact};
use crate::model::{ClusterFacts, Interval, IntervalSet};
use crate::observe::kube_state::{Demand, KubeNode, KubeState};
use crate::units::Millis;

/// When a node has no room for any GPU pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// Whether CPU and memory were known at all.
    pub known: bool,
    /// When no GPU pod seen would fit.
    pub full: IntervalSet,
    /// CPU (millicores) and memory (bytes) that pods may ask for.
    supply: (i64, i64),
    /// What pods ask for, and when; of a node that was never full, only those with GPUs.
    pub demands: Vec<Demand>,
    /// CPU and memory of the GPU pods that could come.
    shapes: Vec<(i64, i64)>,
}

impl Room {
    /// Of something that is never full: its holders bring their CPU and memory from elsewhere.
    #[must_use]
    pub fn boundless() -> Self {
        Self { known: true, ..Self::default() }
    }

    /// When no GPU pod seen would fit, had its pods asked for this instead: CPU (millicores) and memory (bytes) of each.
    #[must_use]
    pub fn full_with(&self, requests: impl Fn(&Demand) -> (i64, i64)) -> IntervalSet {
        full_times(self.supply, &self.demands, &self.shapes, requests)
    }
}

fn as_asked(demand: &Demand) -> (i64, i64) {
    (demand.requests.cpu_millicores, demand.requests.memory_bytes)
}

/// CPU (millicores) and memory (bytes) of the GPU pods seen, without those that ask for more than another in both.
#[must_use]
pub fn gpu_pod_shapes(kube: &KubeState, facts: &ClusterFacts) -> Vec<(i64, i64)> {
    let from_metrics = kube.nodes.values().flat_map(|n| &n.demands).map(|d| &d.requests);
    let from_objects = facts.pods.iter().map(|p| &p.requests);
    let mut shapes: Vec<_> = from_metrics
        .chain(from_objects)
        .filter(|r| !r.gpus.is_empty())
        .map(|r| (r.cpu_millicores, r.memory_bytes))
        .collect();
    shapes.sort_unstable();
    let mut smallest: Vec<(i64, i64)> = Vec::new();
    for shape in shapes {
        if smallest.last().is_none_or(|s| shape.1 < s.1) {
            smallest.push(shape);
        }
    }
    smallest
}

/// The room of one node over time.
#[must_use]
pub fn of_node(
    name: &str,
    kube: Option<&KubeNode>,
    object: Option<&NodeFact>,
    facts: &ClusterFacts,
    shapes: &[(i64, i64)],
) -> Room {
    let cpu = kube.and_then(|k| k.cpu_millicores).or_else(|| object.and_then(|o| o.cpu_millicores));
    let memory = kube.and_then(|k| k.memory_bytes).or_else(|| object.and_then(|o| o.memory_bytes));
    let measured = kube.filter(|k| !k.demands.is_empty());
    let Some(supply) = cpu.zip(memory) else {
        let mut demands = measured.map(|k| k.demands.clone()).unwrap_or_default();
        demands.retain(|demand| demand.is_of_gpus);
        return Room { demands, ..Room::default() };
    };
    let mut demands = measured.map_or_else(|| object_demands(name, facts), |k| k.demands.clone());
    let full = full_times(supply, &demands, shapes, as_asked);
    if full.is_empty() {
        demands.retain(|demand| demand.is_of_gpus);
    }
    Room { known: true, full, supply, demands, shapes: shapes.to_vec() }
}

/// What the pods listed on a node take, from their own times.
fn object_demands(node: &str, facts: &ClusterFacts) -> Vec<Demand> {
    facts
        .pods
        .iter()
        .filter(|p| p.node.as_deref() == Some(node))
        .filter_map(|p| {
            let pod = (p.namespace.clone(), p.name.clone());
            let is_of_gpus = !p.requests.gpus.is_empty() || !p.claims.is_empty();
            let time = IntervalSet::of(lifetime(p)?);
            Some(Demand { pod, is_of_gpus, time, requests: p.requests.clone() })
        })
        .collect()
}

fn lifetime(pod: &PodFact) -> Option<Interval> {
    let start = pod.scheduled_ms.or(pod.started_ms).or(pod.created_ms).unwrap_or(Millis::MIN);
    let end = if pod.phase.is_terminal() { pod.finished_ms? } else { Millis::MAX };
    Some(Interval::new(start, end))
}

/// When none of `shapes` fits into what `demands` leave of the node.
fn full_times(
    (cpu, memory): (i64, i64),
    demands: &[Demand],
    shapes: &[(i64, i64)],
    requests: impl Fn(&Demand) -> (i64, i64),
) -> IntervalSet {
    if shapes.is_empty() {
        return IntervalSet::default();
    }
    let mut changes: BTreeMap<Millis, (i64, i64)> = BTreeMap::new();
    for demand in demands {
        let (cpu, memory) = requests(demand);
        for time in demand.time.as_slice() {
            let start = changes.entry(time.start).or_default();
            start.0 += cpu;
            start.1 += memory;
            let end = changes.entry(time.end).or_default();
            end.0 -= cpu;
            end.1 -= memory;
        }
    }
    let (mut used_cpu, mut used_memory, mut full) = (0, 0, Vec::new());
    let mut points = changes.into_iter().peekable();
    while let Some((at, (more_cpu, more_memory))) = points.next() {
        used_cpu += more_cpu;
        used_memory += more_memory;
        let fits = |&(c, m): &(i64, i64)| c <= cpu - used_cpu && m <= memory - used_memory;
        if let Some(&(next, _)) = points.peek()
            && !shapes.iter().any(fits)
        {
            full.push(Interval::new(at, next));
        }
    }
    IntervalSet::union_of(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::objects::PodRequests;

    fn demand(start: i64, end: i64, cpu: i64, memory: i64) -> Demand {
        Demand {
            pod: ("ns".to_owned(), "a".to_owned()),
            is_of_gpus: true,
            time: IntervalSet::of(Interval::new(start, end)),
            requests: PodRequests {
                cpu_millicores: cpu,
                memory_bytes: memory,
                ..PodRequests::default()
            },
        }
    }

    #[test]
    fn a_node_is_full_when_no_shape_fits() {
        // 10 CPU, 100 memory. Shapes: (4, 10) or (2, 50).
        // 0..10: 5/50 left: both fit. 10..20: 1 CPU left: none. 20..30: 5/50 again.
        let demands = [demand(0, 30, 5, 50), demand(10, 20, 4, 0)];
        assert_eq!(
            full_times((10, 100), &demands, &[(2, 50), (4, 10)], as_asked),
            IntervalSet::of(Interval::new(10, 20))
        );
        // Memory alone can strand a GPU too: 45 left, the (2, 50) shape does not fit, (4, 10) does.
        let both = [(2, 50), (4, 10)];
        assert!(full_times((10, 95), &demands[..1], &both, as_asked).is_empty());
        assert_eq!(full_times((10, 95), &demands[..1], &both[..1], as_asked).length_ms(), 30);
        // With less memory asked for, it would have been room again.
        let room = Room {
            supply: (10, 95),
            demands: demands[..1].to_vec(),
            shapes: both[..1].to_vec(),
            ..Room::default()
        };
        assert_eq!(room.full_with(as_asked).length_ms(), 30);
        assert!(room.full_with(|demand| (demand.requests.cpu_millicores, 45)).is_empty());
    }

    #[test]
    fn larger_shapes_do_not_matter() {
        let pod = |cpu, memory| PodFact {
            requests: PodRequests {
                gpus: [("nvidia.com/gpu".to_owned(), 1)].into(),
                cpu_millicores: cpu,
                memory_bytes: memory,
                ..PodRequests::default()
            },
            ..PodFact::default()
        };
        let facts = ClusterFacts {
            pods: vec![pod(8, 64), pod(4, 90), pod(9, 70), pod(4, 95)],
            ..ClusterFacts::default()
        };
        assert_eq!(gpu_pod_shapes(&KubeState::default(), &facts), [(4, 90), (8, 64)]);
    }
}
