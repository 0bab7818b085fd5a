//! What the device plugin hands out: whole cards, MIG instances, and replicas of either.
//!
//! A slot is a part of a card that is handed out in units; a unit is what one count of an extended
//! resource stands for. Which pod has which unit is `placement`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::holding::{Sharing, Speaks};
use super::inventory::Device;
use super::mig::profile::{self, Profile};
use super::mig::{layout, table};
use super::nodes::Node;
use super::plugin::Plugin;
use crate::model::objects::is_passthrough;
use crate::model::{Interval, IntervalSet};
use crate::observe::devices::DeviceObservation;
use crate::units::Millis;

/// What a unit of a resource is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Serves {
    /// A card, or a replica of one.
    Card,
    /// A MIG instance of this profile, or a replica of one.
    Instance(Profile),
    /// A card for a virtual machine.
    Passthrough,
}

/// A part of a card.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Position among the devices.
    pub device: usize,
    /// Position among the MIG instances of the device's observation; `None` for a card, and for an
    /// instance that no exporter showed.
    pub instance: Option<usize>,
    /// What its units are.
    pub serves: Serves,
    /// Part of the physical card, by itself.
    pub share: f64,
    /// Units that it is handed out in.
    pub units: u32,
    /// When it was there.
    pub presence: IntervalSet,
}

impl Slot {
    /// Whose series speak for it.
    #[must_use]
    pub fn speaks(&self) -> Speaks {
        match self.serves {
            Serves::Card => Speaks::Card,
            Serves::Instance(_) => self.instance.map_or(Speaks::UnknownInstance, Speaks::Instance),
            Serves::Passthrough => Speaks::Nobody,
        }
    }

    /// Part of the physical card that one unit is.
    #[must_use]
    pub fn unit_share(&self) -> f64 {
        self.share / f64::from(self.units.max(1))
    }
}

/// What one unit of an extended resource is on a node.
#[must_use]
pub fn served_by(resource: &str, node: Option<&Node>) -> Serves {
    if is_passthrough(resource) {
        return Serves::Passthrough;
    }
    let named = profile::read(resource).ok().map(|spelled| spelled.profile);
    named.or_else(|| node?.plugin.single.clone()).map_or(Serves::Card, Serves::Instance)
}

/// The slots of all devices of the device plugin, in order of device. Devices of DRA pools have none:
/// their parts come with the claims.
#[must_use]
pub fn slots(
    devices: &[Device],
    nodes: &BTreeMap<String, Node>,
    observations: &[DeviceObservation],
) -> Vec<Slot> {
    let mut by_node: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (d, device) in devices.iter().enumerate().filter(|(_, d)| d.pooled.is_none()) {
        by_node.entry(&device.node).or_default().push(d);
    }
    let mut out = Vec::new();
    for (name, members) in by_node {
        let plugin = nodes.get(name).map(|n| n.plugin.clone()).unwrap_or_default();
        let (virtualised, members): (Vec<usize>, Vec<usize>) =
            members.iter().partition(|&&d| devices[d].passthrough);
        out.extend(virtualised.into_iter().map(|d| for_machine(d, &devices[d])));
        let (shown, hidden): (Vec<usize>, Vec<usize>) =
            members.iter().partition(|&&d| devices[d].observation.is_some());
        for d in shown {
            let seen = devices[d].observation.map(|o| &observations[o]);
            out.extend(seen.into_iter().flat_map(|o| of_observed(d, &devices[d], o, &plugin)));
        }
        out.extend(of_hidden(&hidden, &members, devices, &plugin, observations));
    }
    out.sort_by_key(|slot| slot.device);
    out
}

/// A card that an exporter shows: its instances while they are there, else the card.
fn of_observed(d: usize, device: &Device, seen: &DeviceObservation, plugin: &Plugin) -> Vec<Slot> {
    let mut cut = IntervalSet::default();
    let mut out = Vec::new();
    for (i, instance) in seen.instances.iter().enumerate() {
        let Some(profile) = instance
            .profile
            .as_deref()
            .and_then(|text| profile::read(text).ok())
            .map(|s| s.profile)
        else {
            continue;
        };
        // Reporting of the whole card failed: the instance is still there.
        let presence =
            bridged(&instance.reading.presence, &seen.presence).intersect(&device.presence);
        cut = cut.union(&presence);
        let replicas = plugin.instance_replicas.get(&profile).copied();
        let replicas = replicas.or(plugin.single.as_ref().map(|_| plugin.replicas));
        out.push(Slot {
            device: d,
            instance: Some(i),
            share: share(device, &profile),
            serves: Serves::Instance(profile),
            units: replicas.unwrap_or(1).max(1),
            presence,
        });
    }
    let whole = device.presence.minus(&cut);
    if !whole.is_empty() {
        out.push(card(d, whole, plugin));
    }
    out
}

/// While its card is silent an instance stays, also where nothing was shown of the card before it or after.
fn bridged(presence: &IntervalSet, card: &IntervalSet) -> IntervalSet {
    let (Some(seen), Some(all)) = (presence.hull(), card.hull()) else {
        return IntervalSet::default();
    };
    let start = if seen.start == all.start { Millis::MIN } else { seen.start };
    let end = if seen.end == all.end { Millis::MAX } else { seen.end };
    IntervalSet::of(Interval::new(start, end)).minus(&card.minus(presence))
}

/// Cards that no exporter shows: as the node's resources say that they are cut.
fn of_hidden(
    hidden: &[usize],
    members: &[usize],
    devices: &[Device],
    plugin: &Plugin,
    observations: &[DeviceObservation],
) -> Vec<Slot> {
    let is_cut = |d: &&usize| {
        devices[**d].observation.is_some_and(|o| !observations[o].instances.is_empty())
    };
    // Where an exporter shows any instance of the node, it shows all: what it does not show is not cut.
    let counts =
        if members.iter().any(|d| is_cut(&d)) { BTreeMap::new() } else { plugin.mixed.clone() };
    let Some(&first) = hidden.first() else { return Vec::new() };
    let model = devices[first].model.as_str();
    let cards: u32 = counts.iter().filter_map(|(p, n)| layout::cards_of(model, p, *n)).sum();
    let cut = (cards as usize).min(hidden.len());
    let layout = layout::pack(model, &counts, cut).unwrap_or_default();
    let mut out = Vec::new();
    for (n, &d) in hidden.iter().rev().enumerate() {
        let presence = || devices[d].presence.clone();
        match (&plugin.single, layout.get(n)) {
            (Some(profile), _) => {
                out.extend(instances(d, &devices[d], &single(devices, d, profile), plugin));
            }
            (None, Some(profiles)) if !profiles.is_empty() => {
                out.extend(instances(d, &devices[d], profiles, plugin));
            }
            _ => out.push(card(d, presence(), plugin)),
        }
    }
    out
}

/// As many instances of one profile as a card takes.
fn single(devices: &[Device], d: usize, profile: &Profile) -> Vec<Profile> {
    let model = &devices[d].model;
    let mut out = vec![profile.clone()];
    while out.len() < MAX_INSTANCES && layout::fits(model, &out, profile) {
        out.push(profile.clone());
    }
    out
}

/// No card has more instances.
const MAX_INSTANCES: usize = 8;

fn instances(d: usize, device: &Device, profiles: &[Profile], plugin: &Plugin) -> Vec<Slot> {
    let slot = |profile: &Profile| Slot {
        device: d,
        instance: None,
        share: share(device, profile),
        serves: Serves::Instance(profile.clone()),
        units: plugin.instance_replicas.get(profile).copied().unwrap_or(1).max(1),
        presence: device.presence.clone(),
    };
    profiles.iter().map(slot).collect()
}

fn card(d: usize, presence: IntervalSet, plugin: &Plugin) -> Slot {
    Slot {
        device: d,
        instance: None,
        serves: Serves::Card,
        share: 1.0,
        units: plugin.replicas.max(1),
        presence,
    }
}

fn for_machine(d: usize, device: &Device) -> Slot {
    let presence = device.presence.clone();
    Slot { device: d, instance: None, serves: Serves::Passthrough, share: 1.0, units: 1, presence }
}

fn share(device: &Device, profile: &Profile) -> f64 {
    table::share(&device.model, profile, device.memory_bytes).map_or(1.0, |share| share.ratio)
}

/// Positions of the slots of one device, of slots in order of device.
#[must_use]
pub fn of_device(slots: &[Slot], device: usize) -> Range<usize> {
    let first = slots.partition_point(|s| s.device < device);
    first..first + slots[first..].partition_point(|s| s.device == device)
}

/// How a device of the device plugin is shared, by its slots.
#[must_use]
pub fn sharing(slots: &[Slot], plugin: Option<&Plugin>) -> Sharing {
    if plugin.is_some_and(|p| p.vgpu.is_some()) {
        return Sharing::Vgpu;
    }
    let mps = plugin.is_some_and(|p| p.mps);
    let is_instance = |s: &Slot| matches!(s.serves, Serves::Instance(_));
    let is_card = |s: &Slot| s.serves == Serves::Card;
    let mig_only = plugin.is_some_and(|p| p.mig_only);
    let cut = slots.iter().any(|s| is_instance(s) || mig_only && is_card(s));
    let replicas = slots.iter().any(|s| s.units > 1);
    match (cut, replicas) {
        (true, true) => Sharing::MigReplicas,
        (true, false) => Sharing::Mig,
        (false, true) if mps => Sharing::Mps,
        (false, true) => Sharing::TimeSlicing,
        (false, false) => Sharing::Exclusive,
    }
}

#[cfg(test)]
mod tests;
