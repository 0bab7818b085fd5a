//! The physical GPUs: which there are, on which node, and when.
//!
//! A device is known by its UUID. A node whose capacity counts more GPUs than any exporter showed has
//! the rest as nameless devices: they are paid for, and what nobody sees is not free.

use std::collections::BTreeMap;

use super::nodes::{Node, NodeSharing};
use crate::model::{ClusterFacts, IntervalSet};
use crate::observe::devices::{DeviceObservation, SeriesSharing, Whereabouts};
use crate::observe::kube_state::KubeState;

/// How a device is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharing {
    /// One holder at a time.
    Exclusive,
    /// Cut into MIG instances.
    Mig,
    /// Time-slicing.
    TimeSlicing,
    /// MPS.
    Mps,
}

impl Sharing {
    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Mig => "mig",
            Self::TimeSlicing => "time-slicing",
            Self::Mps => "mps",
        }
    }
}

/// One physical GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// UUID, or `<node>/gpu-<n>` for one that no exporter showed.
    pub id: String,
    /// Name of its node.
    pub node: String,
    /// Index on the node, as the exporter numbers it.
    pub index: Option<String>,
    /// Model; `unknown` when neither the exporter nor the node says.
    pub model: String,
    /// When it was there.
    pub presence: IntervalSet,
    /// How it is shared.
    pub sharing: Sharing,
    /// Position among the observations; `None` for a device that no exporter showed.
    pub observation: Option<usize>,
    /// Framebuffer size in bytes, where known.
    pub memory_bytes: Option<f64>,
}

/// The node of each observed device: what its series say, checked against the nodes that exist.
#[must_use]
pub fn node_names(
    observations: &[DeviceObservation],
    kube: &KubeState,
    facts: &ClusterFacts,
) -> Vec<String> {
    let known = KnownNodes::new(kube, facts);
    observations.iter().map(|o| known.node_of(o)).collect()
}

struct KnownNodes<'a> {
    kube: &'a KubeState,
    names: std::collections::BTreeSet<&'a str>,
    by_address: BTreeMap<&'a str, &'a str>,
    node_of_pod: BTreeMap<(&'a str, &'a str), &'a str>,
}

impl<'a> KnownNodes<'a> {
    fn new(kube: &'a KubeState, facts: &'a ClusterFacts) -> Self {
        let names = kube
            .nodes
            .keys()
            .map(String::as_str)
            .chain(facts.nodes.iter().map(|n| n.name.as_str()))
            .collect();
        let addresses = facts
            .nodes
            .iter()
            .flat_map(|n| n.addresses.iter().map(|a| (a.as_str(), n.name.as_str())));
        let by_address = kube
            .node_of_ip
            .iter()
            .map(|(ip, node)| (ip.as_str(), node.as_str()))
            .chain(addresses)
            .collect();
        let from_metrics = kube
            .node_of_pod
            .iter()
            .map(|((ns, pod), node)| ((ns.as_str(), pod.as_str()), node.as_str()));
        let from_objects = facts
            .pods
            .iter()
            .filter_map(|p| Some(((p.namespace.as_str(), p.name.as_str()), p.node.as_deref()?)));
        Self { kube, names, by_address, node_of_pod: from_metrics.chain(from_objects).collect() }
    }

    fn node_of(&self, device: &DeviceObservation) -> String {
        let Whereabouts { node, hostname, target_pod, instance_host } = &device.whereabouts;
        let exists = |name: &&str| self.names.contains(*name);
        let of_pod = |(ns, pod): &(String, String)| {
            self.node_of_pod.get(&(ns.as_str(), pod.as_str())).copied()
        };
        let of_holder = || {
            device.labelled.iter().find_map(|l| {
                let key = (l.pod.namespace.as_str(), l.pod.name.as_str());
                let requested = self
                    .kube
                    .pods
                    .iter()
                    .find(|(k, _)| (k.namespace.as_str(), k.name.as_str()) == key);
                requested
                    .and_then(|(_, p)| p.node.as_deref())
                    .or_else(|| self.node_of_pod.get(&key).copied())
            })
        };
        let address = |a: &String| self.by_address.get(a.as_str()).copied();
        node.as_deref()
            .filter(exists)
            .or_else(|| hostname.as_deref().filter(exists))
            .or_else(|| target_pod.as_ref().and_then(of_pod))
            .or_else(|| instance_host.as_ref().and_then(address))
            .or_else(of_holder)
            .or(node.as_deref())
            .or(hostname.as_deref())
            .or(instance_host.as_deref())
            .unwrap_or("unknown")
            .to_owned()
    }
}

/// Every GPU of every node, by node and index.
#[must_use]
pub fn devices(
    nodes: &BTreeMap<String, Node>,
    observations: &[DeviceObservation],
    node_names: &[String],
) -> Vec<Device> {
    let mut on_node: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, name) in node_names.iter().enumerate() {
        on_node.entry(name).or_default().push(i);
    }
    let mut out = Vec::new();
    for (name, node) in nodes {
        let observed = on_node.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let physical = physical_count(node, observed.len());
        let replaced = observed.len() > physical.max(1);
        let mut devices: Vec<_> = observed
            .iter()
            .map(|&i| {
                let o = &observations[i];
                // More UUIDs than slots: some were replaced, so each counts for its own time only.
                let presence = match o.presence.hull() {
                    Some(hull) if replaced => IntervalSet::of(hull).intersect(&node.presence),
                    _ => node.presence.clone(),
                };
                Device {
                    id: o.id.clone(),
                    node: name.clone(),
                    index: o.index.clone(),
                    model: model(o.model.as_deref(), node),
                    presence,
                    sharing: sharing(o.sharing, node.sharing),
                    observation: Some(i),
                    memory_bytes: o.memory_bytes.or_else(|| labelled_memory(node)),
                }
            })
            .collect();
        devices
            .sort_by_key(|d| (d.index.as_ref().and_then(|i| i.parse::<u32>().ok()), d.id.clone()));
        out.append(&mut devices);
        out.extend((observed.len()..physical).map(|n| Device {
            id: format!("{name}/gpu-{n}"),
            node: name.clone(),
            index: None,
            model: model(None, node),
            presence: node.presence.clone(),
            sharing: sharing(SeriesSharing::Exclusive, node.sharing),
            observation: None,
            memory_bytes: labelled_memory(node),
        }));
    }
    out.retain(|d| !d.presence.is_empty());
    out
}

/// Cards of a node. Capacity counts replicas and slices on shared nodes, so there the exporter's
/// UUIDs count, and without them GFD's `gpu.count`.
fn physical_count(node: &Node, observed: usize) -> usize {
    let labelled = node.labels.get("nvidia.com/gpu.count").and_then(|c| c.parse::<usize>().ok());
    match node.sharing {
        NodeSharing::Exclusive => node.capacity.map_or(observed, |c| c as usize),
        NodeSharing::TimeSlicing | NodeSharing::Mps => labelled.unwrap_or(observed),
        NodeSharing::Mig => observed,
    }
}

fn sharing(series: SeriesSharing, node: NodeSharing) -> Sharing {
    match (series, node) {
        (SeriesSharing::Mig, _) | (_, NodeSharing::Mig) => Sharing::Mig,
        (_, NodeSharing::Mps) => Sharing::Mps,
        (SeriesSharing::Replicas, _) | (_, NodeSharing::TimeSlicing) => Sharing::TimeSlicing,
        (SeriesSharing::Exclusive, NodeSharing::Exclusive) => Sharing::Exclusive,
    }
}

fn model(observed: Option<&str>, node: &Node) -> String {
    observed
        .or_else(|| node.labels.get("nvidia.com/gpu.product"))
        .or_else(|| node.labels.get("amd.com/gpu.product-name"))
        .or_else(|| node.labels.get("cloud.google.com/gke-accelerator"))
        .unwrap_or("unknown")
        .to_owned()
}

/// GFD's `nvidia.com/gpu.memory`, MiB per GPU.
fn labelled_memory(node: &Node) -> Option<f64> {
    let mib: f64 = node.labels.get("nvidia.com/gpu.memory")?.parse().ok()?;
    (mib > 0.0).then_some(mib * crate::units::BYTES_PER_MIB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Interval;

    fn observation(id: &str, index: &str, start: i64, end: i64) -> DeviceObservation {
        DeviceObservation {
            id: id.into(),
            index: Some(index.into()),
            model: Some("NVIDIA H100".into()),
            whereabouts: Whereabouts { hostname: Some("n1".into()), ..Whereabouts::default() },
            signals: BTreeMap::new(),
            presence: IntervalSet::of(Interval::new(start, end)),
            labelled: Vec::new(),
            sharing: SeriesSharing::Exclusive,
            memory_bytes: None,
        }
    }

    fn one_node(capacity: Option<u32>) -> BTreeMap<String, Node> {
        let node = Node {
            name: "n1".into(),
            presence: IntervalSet::of(Interval::new(0, 100)),
            capacity,
            ..Node::default()
        };
        BTreeMap::from([("n1".into(), node)])
    }

    #[test]
    fn gpus_that_no_exporter_shows_are_there_all_the_same() {
        let seen = [observation("GPU-a", "0", 0, 100)];
        let all = devices(&one_node(Some(3)), &seen, &["n1".into()]);
        let ids: Vec<_> = all.iter().map(|d| d.id.as_str()).collect();
        assert_eq!(ids, ["GPU-a", "n1/gpu-1", "n1/gpu-2"]);
    }

    #[test]
    fn a_replaced_gpu_counts_for_its_own_time() {
        let seen = [observation("GPU-a", "0", 0, 40), observation("GPU-b", "0", 50, 100)];
        let all = devices(&one_node(Some(1)), &seen, &["n1".into(), "n1".into()]);
        let hours: Vec<_> = all.iter().map(|d| d.presence.length_ms()).collect();
        assert_eq!(hours, [40, 50]);
    }

    #[test]
    fn the_node_is_found_by_whatever_names_it() {
        let mut by_address = observation("GPU-a", "0", 0, 1);
        by_address.whereabouts = Whereabouts {
            hostname: Some("exporter-7x".into()),
            instance_host: Some("10.0.0.7".into()),
            ..Whereabouts::default()
        };
        let mut kube = KubeState::default();
        kube.nodes.insert("n7".into(), crate::observe::kube_state::KubeNode::default());
        kube.node_of_ip.insert("10.0.0.7".into(), "n7".into());
        let names = node_names(&[by_address.clone()], &kube, &ClusterFacts::default());
        assert_eq!(names, ["n7"]);
        // With nothing known, the exporter's own word stands.
        assert_eq!(
            node_names(&[by_address], &KubeState::default(), &ClusterFacts::default()),
            ["exporter-7x"]
        );
    }
}
