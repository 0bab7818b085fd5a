//! Devices that DRA drivers offer, as physical GPUs and parts of them.
//!
//! A pool lists a card and every partition that could be cut from it, side by side: adding up what is
//! listed gives many times the hardware (trap 9). Here each card is found once, and each listed device
//! is a part of one card. Who has it is `claims`.

use std::collections::BTreeMap;

use super::counters;
use super::mig;
use crate::model::dra::{DeviceKey, DraDevice, DraFacts, PoolFact, is_gpu_driver};
use crate::units::Millis;

/// A card behind one or more devices of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Position of the pool.
    pub pool: usize,
    /// UUID of the card, or driver, pool and device where there is none.
    pub id: String,
    /// Whether `id` is a UUID.
    pub has_uuid: bool,
    /// Node; the pool's name where the card is attached to none.
    pub node: String,
    /// Whether it is attached to a node.
    pub has_node: bool,
    /// Product name.
    pub model: Option<String>,
    /// Memory, bytes.
    pub memory_bytes: Option<f64>,
    /// Counter set that its partitions share.
    pub counter_set: Option<String>,
    /// Index on its node, from the device's name.
    pub index: Option<String>,
    /// Handed to a virtual machine: no exporter of the host sees it.
    pub passthrough: bool,
    /// Since when a taint keeps pods away; the earliest instant there is where it does not say.
    pub tainted_since: Option<Millis>,
    /// Several claims may have parts of it at once.
    pub multi_allocation: bool,
}

/// A listed device as a part of a card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Position of the card.
    pub card: usize,
    /// Position of the pool.
    pub pool: usize,
    /// Position of the device in the pool.
    pub device: usize,
    /// Part of the card, above 0 and at most 1.
    pub share: f64,
    /// It is less than the card by its nature: a partition.
    pub is_partition: bool,
}

/// All cards of GPU drivers, and what each listed device is of them.
#[derive(Debug, Clone, Default)]
pub struct Cards {
    /// Cards, by pool and name.
    pub cards: Vec<Card>,
    parts: BTreeMap<DeviceKey, Part>,
}

impl Cards {
    /// Reads the pools.
    #[must_use]
    pub fn new(dra: &DraFacts) -> Self {
        let mut out = Self::default();
        for (p, pool) in dra.pools.iter().enumerate().filter(|(_, p)| is_gpu_driver(&p.driver)) {
            let wholes = || pool.devices.iter().enumerate().filter(|(_, d)| is_whole(pool, d));
            for (d, device) in wholes() {
                let card = out.add(card(p, pool, device));
                out.insert(
                    pool,
                    d,
                    Part { card, pool: p, device: d, share: 1.0, is_partition: false },
                );
            }
            for (d, device) in pool.devices.iter().enumerate().filter(|(_, d)| !is_whole(pool, d)) {
                let card = out.parent(p, pool, device);
                let share = out.partition_share(pool, device, card);
                out.insert(pool, d, Part { card, pool: p, device: d, share, is_partition: true });
            }
        }
        out
    }

    /// What a device is a part of; `None` for one that no pool lists (any more).
    #[must_use]
    pub fn part(&self, key: &DeviceKey) -> Option<Part> {
        self.parts.get(key).copied()
    }

    fn insert(&mut self, pool: &PoolFact, device: usize, part: Part) {
        let key = DeviceKey {
            driver: pool.driver.clone(),
            pool: pool.name.clone(),
            device: pool.devices[device].name.clone(),
        };
        self.parts.insert(key, part);
    }

    fn add(&mut self, card: Card) -> usize {
        match self.cards.iter().position(|c| c.id == card.id && c.pool == card.pool) {
            Some(known) => known,
            None => {
                self.cards.push(card);
                self.cards.len() - 1
            }
        }
    }

    /// The card that a partition is cut from: the one with its counters, or the one that it names. With
    /// static MIG a card is listed as its instances only, and found through them.
    fn parent(&mut self, p: usize, pool: &PoolFact, device: &DraDevice) -> usize {
        let set = device.consumes.keys().next();
        let uuid = device.attributes.get("parentUUID");
        let of_set = |c: &Card| set.is_some() && c.counter_set.as_ref() == set;
        let known = self
            .cards
            .iter()
            .position(|c| c.pool == p && (of_set(c) || uuid.is_some_and(|u| *u == c.id)));
        known.unwrap_or_else(|| {
            let mut parent = card(p, pool, device);
            parent.has_uuid = uuid.is_some();
            parent.id = uuid.cloned().unwrap_or_else(|| {
                let name = set.map_or(device.name.as_str(), String::as_str);
                format!("{}/{}/{name}", pool.driver, pool.name)
            });
            // The partition's own memory, health and claims, not the card's.
            parent.memory_bytes = None;
            parent.tainted_since = None;
            parent.multi_allocation = false;
            self.add(parent)
        })
    }

    /// By counters, else by the MIG table; what neither knows counts as the whole card, never as free.
    fn partition_share(&self, pool: &PoolFact, device: &DraDevice, card: usize) -> f64 {
        if let Some(ratio) = counters::part_of_card(pool, device) {
            return ratio;
        }
        let named = device.attributes.get("profile").unwrap_or(&device.name);
        let card = &self.cards[card];
        let model = card.model.as_deref().unwrap_or_default();
        mig::share(model, named, card.memory_bytes).unwrap_or(1.0)
    }
}

fn is_whole(pool: &PoolFact, device: &DraDevice) -> bool {
    match device.attributes.get("type").map(String::as_str) {
        Some("gpu" | "vfio") => true,
        Some("mig") => false,
        _ if device.attributes.contains_key("parentUUID") => false,
        // A driver that says no type: a device that takes all of its counters is the card.
        _ => device.consumes.is_empty() || takes_all(pool, device),
    }
}

fn takes_all(pool: &PoolFact, device: &DraDevice) -> bool {
    device.consumes.iter().all(|(set, counters)| {
        let totals = pool.counter_sets.get(set);
        totals.is_some_and(|totals| {
            totals.iter().all(|(name, total)| counters.get(name).is_some_and(|n| n >= total))
        })
    })
}

fn card(p: usize, pool: &PoolFact, device: &DraDevice) -> Card {
    let text = |names: &[&str]| names.iter().find_map(|n| device.attributes.get(*n)).cloned();
    let uuid = text(&["uuid"]);
    let node = device.node.as_ref().or(pool.node.as_ref());
    Card {
        pool: p,
        has_uuid: uuid.is_some(),
        id: uuid.unwrap_or_else(|| format!("{}/{}/{}", pool.driver, pool.name, device.name)),
        node: node.unwrap_or(&pool.name).clone(),
        has_node: node.is_some(),
        model: text(&["productName", "model"]),
        memory_bytes: device.capacity.get("memory").copied().filter(|b| *b > 0.0),
        counter_set: device.consumes.keys().next().cloned(),
        index: device.name.strip_prefix("gpu-").and_then(|rest| {
            let number = rest.split('-').next()?;
            number.parse::<u32>().ok().map(|_| number.to_owned())
        }),
        passthrough: is_vfio(device),
        multi_allocation: device.multi_allocation,
        tainted_since: device
            .taints
            .iter()
            .filter(|taint| taint.keeps_pods_away())
            .map(|taint| taint.since_ms.unwrap_or(Millis::MIN))
            .min(),
    }
}

/// Whether a device is a card for a virtual machine.
#[must_use]
pub fn is_vfio(device: &DraDevice) -> bool {
    device.attributes.get("type").is_some_and(|t| t == "vfio")
}

/// Whether any device of the card's counter set still fits beside those that are taken.
#[must_use]
pub fn any_fits(pool: &PoolFact, counter_set: &str, taken: &[&DraDevice]) -> bool {
    let Some(totals) = pool.counter_sets.get(counter_set) else { return false };
    let used = |name: &str| -> f64 {
        let of = |d: &&DraDevice| d.consumes.get(counter_set)?.get(name).copied();
        taken.iter().filter_map(of).sum()
    };
    let left: BTreeMap<&str, f64> =
        totals.iter().map(|(name, total)| (name.as_str(), total - used(name))).collect();
    pool.devices.iter().filter_map(|d| d.consumes.get(counter_set)).any(|counters| {
        counters.iter().all(|(name, n)| left.get(name.as_str()).is_some_and(|l| l >= n))
    })
}

#[cfg(test)]
mod tests;
