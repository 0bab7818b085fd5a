//! Who held which part of which card through HAMi or Volcano: a pod's annotation says what it was given.
//!
//! Both let the device plugin count each card several times and put the truth into annotations: what a
//! pod has, and which cards a node has. How these are spelled is `notation`. Pods without such an
//! annotation are `placement`'s.

mod notation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use notation::{Card, Grant, allocation, register, shown};

use super::holder::Holder;
use super::holding::{Holding, Sharing};
use super::inventory::Device;
use super::nodes::Node;
use crate::model::ClusterFacts;
use crate::units::BYTES_PER_MIB;

/// More parts of one card than anybody configures.
const MAX_SPLIT: u32 = 1_024;

/// The cards of a node that are divided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vgpu {
    /// Cards by UUID.
    pub cards: Vec<Card>,
    /// Whether the node lists them: then there are no others. Else they are those that its pods name.
    pub is_listed: bool,
}

/// What annotations say that pods hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Told {
    /// In no order.
    pub holdings: Vec<Holding>,
    /// Holders that hold nothing else.
    pub settled: BTreeSet<usize>,
    /// Annotations that cannot be used, one sentence each.
    pub problems: Vec<String>,
}

/// Notes on each node which cards are divided there, by its annotation, else by what its pods name.
/// Returns the annotations of nodes that cannot be used, one sentence each.
pub fn read_nodes(nodes: &mut BTreeMap<String, Node>, facts: &ClusterFacts) -> Vec<String> {
    let mut problems = Vec::new();
    for fact in &facts.nodes {
        let (Some(node), Some((key, text))) =
            (nodes.get_mut(&fact.name), register(&fact.annotations))
        else {
            continue;
        };
        match notation::cards(key, text) {
            Ok(cards) => list(node, cards),
            Err(why) => problems
                .push(format!("node {}: {key}: {why}; its GPUs are counted without it", fact.name)),
        }
    }
    for pod in facts.pods.iter().filter(|p| !p.phase.is_terminal()) {
        let (Some(node), Some((_, text))) =
            (pod.node.as_ref().and_then(|name| nodes.get_mut(name)), allocation(&pod.annotations))
        else {
            continue;
        };
        let vgpu = node.plugin.vgpu.get_or_insert_default();
        for grant in notation::grants(text).unwrap_or_default() {
            if !vgpu.is_listed && vgpu.cards.iter().all(|c| c.uuid != grant.uuid) {
                vgpu.cards.push(Card { uuid: grant.uuid, ..Card::default() });
                vgpu.cards.sort();
            }
        }
    }
    problems
}

/// A node with its list. What the device plugin counts are parts of cards there.
fn list(node: &mut Node, cards: Vec<Card>) {
    let split = cards.iter().map(|c| c.split).max().unwrap_or(1).clamp(1, MAX_SPLIT);
    node.plugin.replicas = split;
    node.plugin.vgpu = Some(Vgpu { cards, is_listed: true });
    node.missing.iter_mut().for_each(|(_, parts)| *parts /= split);
    node.missing.retain(|(_, cards)| *cards > 0);
}

/// Reads the annotations of all pods.
#[must_use]
pub fn told(pods: &[Holder], devices: &[Device], nodes: &BTreeMap<String, Node>) -> Told {
    let by_id: BTreeMap<&str, usize> = devices
        .iter()
        .enumerate()
        .filter(|(_, d)| d.pooled.is_none() && !d.passthrough)
        .map(|(d, device)| (device.id.as_str(), d))
        .collect();
    let mut out = Told::default();
    for (h, pod) in pods.iter().enumerate() {
        let Some((key, text)) = allocation(&pod.annotations) else { continue };
        match parts(text, &by_id, devices, nodes) {
            Ok(parts) => {
                out.settled.insert(h);
                out.holdings.extend(parts.into_iter().map(|(d, share)| holding(h, pod, d, share)));
            }
            Err(why) => {
                let consequence = match pod.wants.is_empty() {
                    true => "it requests no GPU otherwise, and is not billed",
                    false => "it is placed by its request",
                };
                let pod = format!("pod {}/{}", pod.key.namespace, pod.key.name);
                out.problems.push(format!("{pod}: {key}: {why}; {consequence}"));
            }
        }
    }
    out.problems.dedup();
    out
}

/// The devices of a grant with the part of each; two grants on one card are one part.
fn parts(
    text: &str,
    by_id: &BTreeMap<&str, usize>,
    devices: &[Device],
    nodes: &BTreeMap<String, Node>,
) -> Result<BTreeMap<usize, f64>, String> {
    let mut out: BTreeMap<usize, f64> = BTreeMap::new();
    for grant in notation::grants(text)? {
        let Some(&d) = by_id.get(grant.uuid.as_str()) else {
            return Err(format!("no node has a GPU {}", shown(&grant.uuid)));
        };
        let device = &devices[d];
        let vgpu = nodes.get(&device.node).and_then(|n| n.plugin.vgpu.as_ref());
        let card = vgpu.and_then(|v| v.cards.iter().find(|c| c.uuid == grant.uuid));
        let part = out.entry(d).or_default();
        *part = (*part + share(&grant, card, device.memory_bytes)).min(1.0);
    }
    Ok(out)
}

/// Part of a card: the larger of memory and cores, of what the scheduler has to give of either. A grant
/// that limits neither is one of the parts that the card is split into, or the card.
fn share(grant: &Grant, card: Option<&Card>, memory_bytes: Option<f64>) -> f64 {
    let listed = card.map(|c| f64::from(c.memory_mib)).filter(|m| *m > 0.0);
    let memory = listed.or(memory_bytes.map(|b| b / BYTES_PER_MIB)).filter(|m| *m > 0.0);
    let cores = card.map(|c| c.cores).filter(|c| *c > 0).unwrap_or(100);
    let of_memory = memory.map_or(0.0, |total| f64::from(grant.memory_mib) / total);
    let of_cores = f64::from(grant.cores) / f64::from(cores);
    let share = of_memory.max(of_cores);
    if share > 0.0 {
        return share.min(1.0);
    }
    1.0 / f64::from(card.map_or(1, |c| c.split.max(1)))
}

fn holding(h: usize, pod: &Holder, device: usize, share: f64) -> Holding {
    let mode = Some(Sharing::Vgpu);
    Holding { share, mode, scales: true, ..Holding::whole(device, pod.time, h) }
}
