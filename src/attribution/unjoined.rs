//! Pods that are gone and had devices of pools through claims, of which nothing tells the device.
//!
//! Somebody held something, and it is not known what. Such a device is not free, and whose it was is not
//! known of it either: its time goes to the unknown holder, unobserved.

use std::collections::BTreeMap;

use super::holding::{EPSILON, Holding};
use super::inventory::Device;
use super::resolve::Free;
use crate::model::{Interval, IntervalSet};

/// Claims of a pod whose devices are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjoined {
    /// Position among the holders.
    pub holder: usize,
    /// Node of the pod, where known.
    pub node: Option<String>,
    /// When the pod was there.
    pub time: Interval,
    /// How many of its claims have no device.
    pub claims: usize,
}

/// One free device of the pools for each claim, while its pod was there: of the pod's node, where that is
/// known; the one that was in use for longest (`used`), then the one that was free for longest. More devices
/// than claims are never taken. The holder is filled in by the caller.
#[must_use]
pub fn taken(
    unjoined: &[Unjoined],
    devices: &[Device],
    free: &[Free],
    used: &[Holding],
) -> Vec<Holding> {
    let mut left: BTreeMap<usize, IntervalSet> = BTreeMap::new();
    for free in free.iter().filter(|f| f.usable >= 1.0 - EPSILON) {
        if devices[free.device].pooled.is_some() {
            let known = left.entry(free.device).or_default();
            *known = known.union(&IntervalSet::of(free.time));
        }
    }
    let in_use = |device: usize| {
        IntervalSet::union_of(used.iter().filter(|h| h.device == device).map(|h| h.time))
    };
    let used: BTreeMap<usize, IntervalSet> = left.keys().map(|&d| (d, in_use(d))).collect();
    let mut out = Vec::new();
    for pod in unjoined {
        let time = IntervalSet::of(pod.time);
        for _ in 0..pod.claims {
            let here = |d: usize| pod.node.as_ref().is_none_or(|node| *node == devices[d].node);
            let best = left
                .iter()
                .filter(|(d, set)| here(**d) && !set.intersect(&time).is_empty())
                .max_by_key(|(d, set)| {
                    let length = |set: &IntervalSet| set.intersect(&time).length_ms();
                    (length(&used[*d]), length(set), std::cmp::Reverse(**d))
                })
                .map(|(d, set)| (*d, set.intersect(&time)));
            let Some((device, time)) = best else { break };
            // What was in use is held by the unknown holder as it is.
            let idle = time.minus(&used[&device]);
            out.extend(
                idle.as_slice()
                    .iter()
                    .map(|&time| Holding { known: false, ..Holding::whole(device, time, 0) }),
            );
            let rest = left[&device].minus(&time);
            left.insert(device, rest);
        }
    }
    out
}

#[cfg(test)]
mod tests;
