//! Which devices are broken while nobody holds them.

use std::collections::BTreeMap;

use super::inventory::Device;
use super::nodes::Node;
use super::pooled::Cards;
use super::resolve::{Account, pieces_of};
use crate::model::{Inputs, Interval, IntervalSet, QueryId};
use crate::observe::kube_state::grid_step;
use crate::observe::labels;
use crate::units::Millis;

/// XID codes after which a GPU needs a reset, a reboot or a repair. Source: NVIDIA's XID catalogue
/// (48 double-bit ECC, 62 and 119/120 firmware halt, 64 row-remap failure, 74 NVLink, 79 fallen off
/// the bus, 95 uncontained ECC, 140 unrecovered ECC). Application errors (13, 31, 43, 45, …) are not here.
const FATAL_XIDS: &[u32] = &[48, 62, 64, 74, 79, 95, 119, 120, 140];

/// When each device is broken: its node not ready or cordoned, the device missing from allocatable or
/// tainted by its driver, or a fatal XID.
#[must_use]
pub fn broken_devices(
    devices: &[Device],
    nodes: &BTreeMap<String, Node>,
    account: &Account,
    cards: &Cards,
    inputs: &Inputs,
) -> Vec<IntervalSet> {
    let xids = fatal_xids(inputs);
    let mut broken: Vec<IntervalSet> = devices
        .iter()
        .map(|d| {
            let by_node = nodes.get(&d.node).map(|n| n.broken.clone()).unwrap_or_default();
            let broken = xids.get(&d.id).map_or(by_node.clone(), |x| by_node.union(x));
            // A taint that does not say since when it keeps pods away stands for the whole window.
            match d.pooled.and_then(|c| cards.cards[c].tainted_since) {
                Some(since) => broken.union(&from(&d.presence, since)),
                None => broken,
            }
        })
        .collect();
    let mut on_node: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (d, device) in devices.iter().enumerate() {
        on_node.entry(&device.node).or_default().push(d);
    }
    for (name, members) in on_node {
        let Some(node) = nodes.get(name).filter(|n| !n.missing.is_empty()) else { continue };
        mark_missing(node, &members, devices, account, &mut broken);
    }
    broken
}

/// The part of `times` that is not before `since`.
fn from(times: &IntervalSet, since: Millis) -> IntervalSet {
    let later = times.as_slice().iter().filter(|time| since < time.end);
    IntervalSet::union_of(later.map(|time| Interval::new(time.start.max(since), time.end)))
}

fn fatal_xids(inputs: &Inputs) -> BTreeMap<String, IntervalSet> {
    let mut out: BTreeMap<String, Vec<Interval>> = BTreeMap::new();
    for series in inputs.metric(QueryId::XidErrors).map_or(&[][..], |m| &m.series) {
        let Some(id) = labels::uuid(series) else { continue };
        let fatal = |code: f64| FATAL_XIDS.iter().any(|&x| f64::from(x) == code);
        let step = grid_step(QueryId::XidErrors);
        let times =
            series.samples().filter(|(_, v)| fatal(*v)).map(|(at, _)| Interval::new(at, at + step));
        out.entry(id.to_owned()).or_default().extend(times);
    }
    out.into_iter().map(|(id, times)| (id, IntervalSet::union_of(times))).collect()
}

/// A node with `n` GPUs less in allocatable than in capacity has `n` broken ones. Metrics do not say
/// which: of those that nobody holds, the ones that no exporter shows come first, then those that are
/// broken anyway, then the highest numbers.
fn mark_missing(
    node: &Node,
    members: &[usize],
    devices: &[Device],
    account: &Account,
    broken: &mut [IntervalSet],
) {
    let held: BTreeMap<usize, IntervalSet> = members
        .iter()
        .map(|&d| (d, IntervalSet::union_of(pieces_of(&account.pieces, d).iter().map(|p| p.time))))
        .collect();
    let mut marks: BTreeMap<usize, Vec<Interval>> = BTreeMap::new();
    for &(time, count) in &node.missing {
        let mut edges: Vec<Millis> = held
            .values()
            .flat_map(|h| h.as_slice().iter().flat_map(|i| [i.start, i.end]))
            .filter(|&t| time.start < t && t < time.end)
            .chain([time.start, time.end])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        for edge in edges.windows(2) {
            let mut free: Vec<usize> =
                members.iter().copied().filter(|d| !held[d].contains(edge[0])).collect();
            free.sort_by_key(|&d| {
                (
                    devices[d].observation.is_some(),
                    !broken[d].contains(edge[0]),
                    std::cmp::Reverse(d),
                )
            });
            for d in free.into_iter().take(count as usize) {
                marks.entry(d).or_default().push(Interval::new(edge[0], edge[1]));
            }
        }
    }
    for (d, times) in marks {
        broken[d] = broken[d].union(&IntervalSet::union_of(times));
    }
}
