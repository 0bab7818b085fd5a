//! The nodes: when each was there, when it was broken, what it has room for.

use std::collections::{BTreeMap, BTreeSet};

use super::label_view::LabelView;
use super::plugin::{Plugin, Signs};
use super::pooled::Cards;
use super::room::{self, Room};
use super::vgpu;
use crate::model::objects::{NodeFact, is_part_of_card, is_passthrough};
use crate::model::{ClusterFacts, Interval, IntervalSet, Window};
use crate::observe::devices::DeviceObservation;
use crate::observe::hold::Held;
use crate::observe::kube_state::{KubeNode, KubeState};

/// A node with GPUs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// Name.
    pub name: String,
    /// When it was in the cluster, within the window.
    pub presence: IntervalSet,
    /// It is no node: a pool whose devices are attached to none stands here under its own name.
    pub is_pool: bool,
    /// Labels.
    pub labels: LabelView,
    /// The provider's name for the machine, where an object says it.
    pub provider_id: Option<String>,
    /// Most GPUs that its capacity showed, all whole-GPU resources added; `None` when never seen.
    pub capacity: Option<u32>,
    /// GPUs of that capacity that go to virtual machines, by resource.
    pub passthrough: BTreeMap<String, u32>,
    /// Not ready or cordoned.
    pub broken: IntervalSet,
    /// How many of its GPUs were missing from allocatable, and when.
    pub missing: Vec<(Interval, u32)>,
    /// Whether what is left of CPU and memory is enough for a GPU pod.
    pub room: Room,
    /// How its device plugin shares GPUs, by its labels and resources.
    pub plugin: Plugin,
}

/// All nodes, by name.
#[must_use]
pub fn nodes(
    window: Window,
    kube: &KubeState,
    facts: &ClusterFacts,
    devices_by_node: &BTreeMap<String, Vec<&DeviceObservation>>,
) -> BTreeMap<String, Node> {
    let objects: BTreeMap<&str, &NodeFact> = facts
        .nodes
        .iter()
        .filter(|n| {
            n.gpu_capacity.values().any(|&c| c > 0)
                || facts.dra.has_devices_on(&n.name)
                || vgpu::register(&n.annotations).is_some()
        })
        .map(|n| (n.name.as_str(), n))
        .collect();
    let names: BTreeSet<&str> = kube
        .nodes
        .keys()
        .chain(devices_by_node.keys())
        .map(String::as_str)
        .chain(objects.keys().copied())
        .collect();
    let shapes = room::gpu_pod_shapes(kube, facts);
    names
        .into_iter()
        .filter_map(|name| {
            let inputs = NodeInputs {
                window,
                kube: kube.nodes.get(name),
                kube_up: &kube.nodes_up,
                object: objects.get(name).copied(),
                listed_live: facts.listed_at_ms.is_some(),
                devices: devices_by_node.get(name).map_or(&[], Vec::as_slice),
            };
            let mut node = inputs.node(name)?;
            node.room = room::of_node(name, inputs.kube, inputs.object, facts, &shapes);
            Some((name.to_owned(), node))
        })
        .collect()
}

/// Adds a home for cards of pools on no node that is known: a network-attached pool stands under its own
/// name (trap 27), there for the whole window, for nothing says since when.
pub fn add_homes(
    nodes: &mut BTreeMap<String, Node>,
    window: Window,
    kube: &KubeState,
    facts: &ClusterFacts,
    cards: &Cards,
) {
    // A node that is listed and not in `nodes` was not there in the window.
    let is_listed =
        |name: &str| kube.nodes.contains_key(name) || facts.nodes.iter().any(|n| n.name == name);
    for card in cards.cards.iter().filter(|c| !is_listed(&c.node)) {
        nodes.entry(card.node.clone()).or_insert_with(|| Node {
            name: card.node.clone(),
            is_pool: !card.has_node,
            presence: IntervalSet::of(Interval::new(window.start(), window.end())),
            room: Room::boundless(),
            ..Node::default()
        });
    }
}

struct NodeInputs<'a> {
    window: Window,
    kube: Option<&'a KubeNode>,
    kube_up: &'a IntervalSet,
    object: Option<&'a NodeFact>,
    listed_live: bool,
    devices: &'a [&'a DeviceObservation],
}

impl NodeInputs<'_> {
    fn node(&self, name: &str) -> Option<Node> {
        let presence = self.presence();
        if presence.is_empty() {
            return None;
        }
        let labels = LabelView {
            object: self.object.map(|o| o.labels.clone()).unwrap_or_default(),
            metric: self.kube.map(|k| k.labels.clone()).unwrap_or_default(),
        };
        Some(Node {
            name: name.to_owned(),
            is_pool: false,
            capacity: self.capacity(),
            passthrough: self.passthrough(),
            broken: self.broken(),
            missing: self.missing(),
            plugin: self.signs(&labels).plugin(),
            room: Room::default(),
            presence,
            labels,
            provider_id: self.object.and_then(|o| o.provider_id.clone()),
        })
    }

    /// When the node was there. Metrics that show it are evidence; a gap in them is absence only
    /// while other nodes were reported, otherwise the reporting failed and the node is still paid for.
    fn presence(&self) -> IntervalSet {
        let whole = Interval::new(self.window.start(), self.window.end());
        let mut seen = self.kube.map(|k| k.presence.clone()).unwrap_or_default();
        for device in self.devices {
            seen = seen.union(&device.presence);
        }
        let from_object = self.object.map(|o| {
            IntervalSet::of(Interval::new(
                o.created_ms.unwrap_or(whole.start).max(whole.start),
                whole.end,
            ))
        });
        let Some(hull) = seen.union(&from_object.unwrap_or_default()).hull() else {
            return IntervalSet::default();
        };
        let absent =
            if self.kube.is_some() { self.kube_up.minus(&seen) } else { IntervalSet::default() };
        IntervalSet::of(hull).minus(&absent).intersect(&IntervalSet::of(whole))
    }

    fn capacity(&self) -> Option<u32> {
        let metric =
            self.kube.and_then(|k| k.capacity.iter().filter_map(|h| h.value).map(count).max());
        metric.max(self.object.map(|o| whole(&o.gpu_capacity)))
    }

    fn passthrough(&self) -> BTreeMap<String, u32> {
        let resources = self.object.iter().flat_map(|o| &o.gpu_capacity);
        let passthrough = resources.filter(|(name, _)| is_passthrough(name));
        passthrough.map(|(name, n)| (name.clone(), *n)).collect()
    }

    fn signs<'b>(&'b self, labels: &'b LabelView) -> Signs<'b> {
        Signs {
            labels,
            kube: self.kube,
            object: self.object,
            devices: self.devices,
            capacity: self.capacity(),
        }
    }

    fn broken(&self) -> IntervalSet {
        let mut broken = self.kube.map(|k| k.not_ready.union(&k.cordoned)).unwrap_or_default();
        let Some(object) = self.object.filter(|_| self.listed_live || self.kube.is_none()) else {
            return broken;
        };
        if let Some(since) = object.not_ready_since_ms {
            let since = since.unwrap_or(self.window.start());
            broken = broken.union(&IntervalSet::of(Interval::new(since, self.window.end())));
        }
        // An object says that it is cordoned, not since when: only where no metric knows better.
        if object.unschedulable && self.kube.is_none() {
            let whole = Interval::new(self.window.start(), self.window.end());
            broken = broken.union(&IntervalSet::of(whole));
        }
        broken
    }

    fn missing(&self) -> Vec<(Interval, u32)> {
        if let Some(kube) =
            self.kube.filter(|k| !k.allocatable.is_empty() && !k.capacity.is_empty())
        {
            return deficits(&kube.capacity, &kube.allocatable);
        }
        let Some(object) = self.object else { return Vec::new() };
        let missing = whole(&object.gpu_capacity).saturating_sub(whole(&object.gpu_allocatable));
        let whole = Interval::new(self.window.start(), self.window.end());
        (missing > 0).then_some((whole, missing)).into_iter().collect()
    }
}

/// Capacity less allocatable wherever both are known.
fn deficits(capacity: &[Held], allocatable: &[Held]) -> Vec<(Interval, u32)> {
    let mut out: Vec<(Interval, u32)> = Vec::new();
    let (mut a, mut b) = (0, 0);
    while let (Some(c), Some(f)) = (capacity.get(a), allocatable.get(b)) {
        if let (Some(time), Some(have), Some(free)) = (c.time.overlap(f.time), c.value, f.value)
            && have > free
        {
            let missing = count(have) - count(free).min(count(have));
            match out.last_mut() {
                Some((last, n)) if last.end == time.start && *n == missing => last.end = time.end,
                _ => out.push((time, missing)),
            }
        }
        if c.time.end < f.time.end { a += 1 } else { b += 1 }
    }
    out
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded on both sides"
)]
fn count(value: f64) -> u32 {
    value.round().clamp(0.0, 65_536.0) as u32
}

/// Whole GPUs (or what stands for them) among resources.
fn whole(resources: &BTreeMap<String, u32>) -> u32 {
    resources.iter().filter(|(name, _)| !is_part_of_card(name)).map(|(_, n)| n).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(s: i64, e: i64, v: f64) -> Held {
        Held::once(Interval::new(s, e), Some(v))
    }

    fn set(s: i64, e: i64) -> IntervalSet {
        IntervalSet::of(Interval::new(s, e))
    }

    fn inputs<'a>(
        kube: Option<&'a KubeNode>,
        up: &'a IntervalSet,
        object: Option<&'a NodeFact>,
    ) -> NodeInputs<'a> {
        let window = Window::new(0, 1_000).expect("not reversed");
        NodeInputs { window, kube, kube_up: up, object, listed_live: true, devices: &[] }
    }

    #[test]
    fn a_node_that_vanishes_stops_costing_when_the_others_go_on() {
        let gone = KubeNode { presence: set(0, 400), ..KubeNode::default() };
        let up = set(0, 1_000);
        assert_eq!(inputs(Some(&gone), &up, None).presence(), set(0, 400));
    }

    #[test]
    fn a_hole_in_all_reporting_is_no_absence() {
        let presence = set(0, 300).union(&set(600, 1_000));
        let kube = KubeNode { presence: presence.clone(), ..KubeNode::default() };
        // Nobody was reported from 300 to 600: the node is still there. Had others been, it is not.
        assert_eq!(inputs(Some(&kube), &presence, None).presence(), set(0, 1_000));
        assert_eq!(inputs(Some(&kube), &set(0, 1_000), None).presence(), presence);
    }

    #[test]
    fn an_object_alone_counts_from_its_creation() {
        let object = NodeFact { created_ms: Some(250), ..NodeFact::default() };
        let none = IntervalSet::default();
        assert_eq!(inputs(None, &none, Some(&object)).presence(), set(250, 1_000));
    }

    #[test]
    fn deficits_are_capacity_less_allocatable() {
        let capacity = [held(0, 100, 8.0)];
        let allocatable = [held(0, 40, 8.0), held(40, 70, 7.0), held(70, 100, 7.0)];
        assert_eq!(deficits(&capacity, &allocatable), [(Interval::new(40, 100), 1)]);
    }
}
