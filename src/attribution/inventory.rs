//! The physical GPUs: which there are, on which node, and when.
//!
//! A device is known by its UUID. A node whose capacity counts more GPUs than any exporter showed has
//! the rest as nameless devices: they are paid for, and what nobody sees is not free.

use std::collections::{BTreeMap, BTreeSet};

use super::holding::Sharing;
use super::mig::layout;
use super::nodes::Node;
use super::pooled::Cards;
use super::vgpu;
use crate::model::IntervalSet;
use crate::observe::devices::DeviceObservation;

/// No node has more: a count beyond is a mistake that must not become so many rows.
const MAX_GPUS: usize = 65_536;

/// One physical GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Cluster, where a report is of several or of roll-ups.
    pub cluster: Option<String>,
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
    /// Position among the cards of DRA pools; `None` for a device of the device plugin.
    pub pooled: Option<usize>,
    /// Framebuffer size in bytes, where known.
    pub memory_bytes: Option<f64>,
    /// It goes to virtual machines: no exporter of the host can see it.
    pub passthrough: bool,
}

impl Device {
    /// Whether it is a virtual GPU of a hypervisor, which may be a part of a card: `GRID A100-40C`, as a node
    /// label `GRID-A100-40C`.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        let name = self.model.replace('-', " ");
        name.strip_prefix("NVIDIA ").unwrap_or(&name).starts_with("GRID ")
    }
}

/// Every GPU of every node, by node and index.
#[must_use]
pub fn devices(
    nodes: &BTreeMap<String, Node>,
    observations: &[DeviceObservation],
    node_names: &[String],
    cards: &Cards,
) -> Vec<Device> {
    let pooled_by_observation = pooled(observations, cards);
    let mut on_node: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, name) in node_names.iter().enumerate() {
        on_node.entry(name).or_default().push(i);
    }
    let mut out = Vec::new();
    for (name, node) in nodes {
        let observed = on_node.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let (of_pools, of_plugin): (Vec<usize>, Vec<usize>) =
            observed.iter().partition(|&i| pooled_by_observation.contains_key(i));
        // Where a DRA driver offers the cards and the device plugin none, `gpu.count` counts the former.
        let is_pooled = cards.cards.iter().any(|card| card.node == *name);
        let of_host = match is_pooled && node.capacity.unwrap_or(0) == 0 {
            true => of_plugin.len(),
            false => physical_count(node, of_plugin.len()).min(MAX_GPUS),
        };
        let replaced = of_plugin.len() > of_host.max(1);
        let mut devices: Vec<_> = observed
            .iter()
            .map(|&i| {
                let o = &observations[i];
                // More UUIDs than slots: some were replaced, so each counts for its own time only.
                let presence = match o.presence.hull() {
                    Some(hull) if replaced && !of_pools.contains(&i) => {
                        IntervalSet::of(hull).intersect(&node.presence)
                    }
                    _ => node.presence.clone(),
                };
                Device {
                    cluster: None,
                    id: o.id.clone(),
                    node: name.clone(),
                    index: o.index.clone(),
                    model: model(o.model.as_deref(), node),
                    presence,
                    sharing: Sharing::Exclusive,
                    observation: Some(i),
                    pooled: pooled_by_observation.get(&i).copied(),
                    memory_bytes: o.card.memory_bytes.or_else(|| labelled_memory(node)),
                    passthrough: false,
                }
            })
            .collect();
        devices.extend(unseen(node, cards, &pooled_by_observation));
        let named = named_cards(node, observed, observations);
        let known = of_plugin.len() + named.len();
        devices.extend(named.into_iter().map(|card| Device {
            id: card.uuid.clone(),
            model: model(card.model.as_deref(), node),
            memory_bytes: labelled_memory(node).or_else(|| card.memory_bytes()),
            ..nameless(node, String::new())
        }));
        devices
            .sort_by_key(|d| (d.index.as_ref().and_then(|i| i.parse::<u32>().ok()), d.id.clone()));
        out.append(&mut devices);
        let of_host = of_host.max(known);
        out.extend((known..of_host).map(|n| nameless(node, format!("{name}/gpu-{n}"))));
        out.extend(for_machines(node).enumerate().map(|(n, model)| Device {
            passthrough: true,
            model,
            ..nameless(node, format!("{name}/gpu-{}", of_host + n))
        }));
    }
    out.retain(|d| !d.presence.is_empty());
    spell_alike(&mut out);
    out
}

/// One model has one name: feature discovery writes dashes where the driver writes blanks
/// (`NVIDIA-A100-SXM4-80GB`), and resources of virtual machines are in capitals. The driver's spelling
/// stands, where any device has it.
fn spell_alike(devices: &mut [Device]) {
    let key = |model: &str| model.replace(' ', "-").to_ascii_lowercase();
    let like_driver = |model: &str| {
        let lower = model.bytes().filter(u8::is_ascii_lowercase).count();
        (model.contains(' '), lower, std::cmp::Reverse(model.to_owned()))
    };
    let mut spelled: BTreeMap<String, String> = BTreeMap::new();
    for device in &*devices {
        let known = spelled.entry(key(&device.model)).or_insert_with(|| device.model.clone());
        if like_driver(&device.model) > like_driver(known) {
            known.clone_from(&device.model);
        }
    }
    for device in devices {
        device.model.clone_from(&spelled[&key(&device.model)]);
    }
}

/// A GPU of which nothing but its node is known.
fn nameless(node: &Node, id: String) -> Device {
    Device {
        cluster: None,
        id,
        node: node.name.clone(),
        index: None,
        model: model(None, node),
        presence: node.presence.clone(),
        sharing: Sharing::Exclusive,
        observation: None,
        pooled: None,
        memory_bytes: labelled_memory(node),
        passthrough: false,
    }
}

/// Models of the cards that go to virtual machines, as far as their resources tell:
/// `nvidia.com/GH100_H100_PCIE` is an `NVIDIA H100 PCIE` with the chip GH100.
fn for_machines(node: &Node) -> impl Iterator<Item = String> {
    node.passthrough.iter().flat_map(|(resource, &count)| {
        let named = resource.rsplit('/').next().and_then(|name| name.split_once('_'));
        let name = named.map(|(_, product)| format!("NVIDIA {}", product.replace('_', " ")));
        std::iter::repeat_n(model(name.as_deref(), node), (count as usize).min(MAX_GPUS))
    })
}

/// Cards that annotations name and no exporter shows.
fn named_cards<'a>(
    node: &'a Node,
    observed: &[usize],
    observations: &[DeviceObservation],
) -> Vec<&'a vgpu::Card> {
    let is_seen = |card: &&vgpu::Card| observed.iter().any(|&i| observations[i].id == card.uuid);
    let cards = node.plugin.vgpu.iter().flat_map(|v| &v.cards);
    cards.filter(|card| !is_seen(card)).collect()
}

/// Cards of pools on a node that no exporter shows.
fn unseen(node: &Node, cards: &Cards, seen: &BTreeMap<usize, usize>) -> Vec<Device> {
    let shown: BTreeSet<usize> = seen.values().copied().collect();
    let here = cards.cards.iter().enumerate();
    here.filter(|(c, card)| card.node == node.name && !shown.contains(c))
        .map(|(c, card)| Device {
            cluster: None,
            id: card.id.clone(),
            node: node.name.clone(),
            index: card.index.clone(),
            model: model(card.model.as_deref(), node),
            presence: node.presence.clone(),
            sharing: Sharing::Exclusive,
            observation: None,
            pooled: Some(c),
            memory_bytes: card.memory_bytes,
            passthrough: card.passthrough,
        })
        .collect()
}

/// The card of each observed device that a pool offers: by UUID, else by the `dra_*` labels of its series.
fn pooled(observations: &[DeviceObservation], cards: &Cards) -> BTreeMap<usize, usize> {
    let by_uuid: BTreeMap<&str, usize> = cards
        .cards
        .iter()
        .enumerate()
        .filter(|(_, c)| c.has_uuid)
        .map(|(i, c)| (c.id.as_str(), i))
        .collect();
    let by_label = |o: &DeviceObservation| {
        let mut keys = o
            .readings()
            .flat_map(|(_, r)| &r.labelled)
            .filter_map(|l| l.claim.as_ref()?.device.as_ref());
        keys.find_map(|key| Some(cards.part(key)?.card))
    };
    observations
        .iter()
        .enumerate()
        .filter_map(|(i, o)| {
            Some((i, by_uuid.get(o.id.as_str()).copied().or_else(|| by_label(o))?))
        })
        .collect()
}

/// Cards of a node that the device plugin hands out. Capacity counts replicas and instances on shared
/// nodes (trap 10), so there GFD's `gpu.count` counts, and without it what the exporter shows.
fn physical_count(node: &Node, observed: usize) -> usize {
    let labelled = node.labels.get("nvidia.com/gpu.count").and_then(|c| c.parse::<u32>().ok());
    let plugin = &node.plugin;
    if let Some(vgpu) = &plugin.vgpu {
        return match labelled {
            _ if vgpu.is_listed => vgpu.cards.len(),
            Some(n) => n as usize,
            None => observed,
        };
    }
    let model = model(None, node);
    let capacity = node.capacity.map(|c| c.saturating_sub(node.passthrough.values().sum()));
    if let Some(profile) = &plugin.single {
        // Here the label counts instances.
        let instances = labelled.or(capacity.map(|c| c / plugin.replicas.max(1)));
        let cards = instances.and_then(|n| layout::cards_of(&model, profile, n));
        return cards.map_or(observed, |c| c as usize).max(observed);
    }
    if plugin.is_exclusive() {
        return capacity.map_or(observed, |c| c as usize);
    }
    let instances: u32 =
        plugin.mixed.iter().filter_map(|(profile, n)| layout::cards_of(&model, profile, *n)).sum();
    let by_resources =
        capacity.unwrap_or(0).max(plugin.renamed) / plugin.replicas.max(1) + instances;
    let seen = if observed == 0 { by_resources as usize } else { observed };
    labelled.map_or(seen, |n| n as usize)
}

/// The exporter's name; else what the node's labels say, without what GFD puts behind the product
/// (`-SHARED`, `-MIG-1g.10gb`).
fn model(observed: Option<&str>, node: &Node) -> String {
    let product = node.labels.get("nvidia.com/gpu.product").map(|text| {
        let text = text.strip_suffix("-SHARED").unwrap_or(text);
        text.split_once("-MIG-").map_or(text, |(product, _)| product)
    });
    observed
        .or(product)
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
    use crate::observe::devices::Whereabouts;
    use crate::observe::reading::Reading;

    fn observation(id: &str, index: &str, start: i64, end: i64) -> DeviceObservation {
        DeviceObservation {
            id: id.into(),
            index: Some(index.into()),
            model: Some("NVIDIA H100".into()),
            whereabouts: Whereabouts { hostname: Some("n1".into()), ..Whereabouts::default() },
            card: Reading::default(),
            instances: Vec::new(),
            presence: IntervalSet::of(Interval::new(start, end)),
            replicas: false,
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
        let all = devices(&one_node(Some(3)), &seen, &["n1".into()], &Cards::default());
        let ids: Vec<_> = all.iter().map(|d| d.id.as_str()).collect();
        assert_eq!(ids, ["GPU-a", "n1/gpu-1", "n1/gpu-2"]);
    }

    #[test]
    fn a_replaced_gpu_counts_for_its_own_time() {
        let seen = [observation("GPU-a", "0", 0, 40), observation("GPU-b", "0", 50, 100)];
        let all =
            devices(&one_node(Some(1)), &seen, &["n1".into(), "n1".into()], &Cards::default());
        let hours: Vec<_> = all.iter().map(|d| d.presence.length_ms()).collect();
        assert_eq!(hours, [40, 50]);
    }

    #[test]
    fn one_model_has_one_name() {
        let seen = [observation("GPU-a", "0", 0, 100)];
        let mut nodes = one_node(Some(2));
        let node = nodes.get_mut("n1").expect("it is there");
        node.labels.object.insert("nvidia.com/gpu.product".into(), "NVIDIA-H100".into());
        let all = devices(&nodes, &seen, &["n1".into()], &Cards::default());
        let models: Vec<_> = all.iter().map(|d| d.model.as_str()).collect();
        assert_eq!(models, ["NVIDIA H100", "NVIDIA H100"]);
    }

    #[test]
    fn guests_of_a_hypervisor_are_told_by_their_model() {
        for (model, expected) in [
            ("GRID A100-40C", true),
            ("NVIDIA GRID T4-4Q", true),
            ("GRID-A100-40C", true),
            ("NVIDIA-GRID-T4-4Q", true),
            ("NVIDIA A100-SXM4-40GB", false),
            ("NVIDIA GRIDIRON", false),
        ] {
            let seen = DeviceObservation {
                model: Some(model.into()),
                ..observation("GPU-a", "0", 0, 100)
            };
            let all = devices(&one_node(Some(1)), &[seen], &["n1".into()], &Cards::default());
            assert_eq!(all[0].is_virtual(), expected, "{model}");
        }
    }
}
