//! Who held what through resource claims (DRA).
//!
//! Money goes to the claim: one device of an allocation is held once, however many pods share the claim,
//! and split between those that are there. While none is, the claim holds it by itself, and the time is
//! stale. Claims that are gone are `gone`.

use std::collections::{BTreeMap, BTreeSet};

use super::counters::{self, Consumed};
use super::gone::Gone;
use super::holder::{Holder, HolderKind, HoldingSource, Spot};
use super::holding::{Grant, Holding, Sharing, Speaks};
use super::inventory::Device;
use super::pooled::{Cards, Part};
use super::unjoined::Unjoined;
use crate::model::dra::{AllocatedDevice, ClaimFact, DeviceKey, DraDevice};
use crate::model::{ClusterFacts, Interval, Window};
use crate::observe::devices::DeviceObservation;
use crate::observe::kube_state::PodKey;
use crate::units::Millis;

/// What claims are read against.
pub struct World<'a> {
    /// The window.
    pub window: Window,
    /// Objects.
    pub facts: &'a ClusterFacts,
    /// Cards of the pools.
    pub cards: &'a Cards,
    /// Devices.
    pub devices: &'a [Device],
    /// What exporters show.
    pub observations: &'a [DeviceObservation],
    /// What is listed stands for the whole window.
    pub is_present_only: bool,
    /// Longest time for which labels may lag behind what they tell of.
    pub max_gap_ms: i64,
}

/// What claims hold.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// In no order.
    pub holdings: Vec<Holding>,
    /// Holders that have nothing of the device plugin.
    pub settled: BTreeSet<usize>,
    /// Devices in allocations that no pool lists: not billed. `namespace/claim: driver/pool/device`.
    pub unlisted: Vec<String>,
    /// Pods that are gone and used claims of which no device is known.
    pub unjoined: Vec<Unjoined>,
}

/// Reads every allocated claim. Claims that hold by themselves are added to `holders`.
#[must_use]
pub fn claimed(world: &World<'_>, holders: &mut Vec<Holder>) -> Claimed {
    let mut out = Claimed::default();
    let mut groups = Groups::default();
    let device_of_card: BTreeMap<usize, usize> = world
        .devices
        .iter()
        .enumerate()
        .filter_map(|(d, device)| Some((device.pooled?, d)))
        .collect();
    let by_claim = members(holders);
    let unnamed = world.unnamed();
    let arrivals = arrivals(world.facts);
    let mut resolved = Resolved::default();
    for (c, claim) in world.facts.dra.claims.iter().enumerate() {
        let Some(allocation) = &claim.allocation else { continue };
        let key = (claim.namespace.clone(), claim.name.clone());
        let mut members = by_claim.get(&key).cloned().unwrap_or_default();
        world.keep_users(claim, holders, &mut members);
        members.extend(reserved(claim, holders, &members));
        resolved.extend(members.iter().map(|&m| (m, claim.name.clone())));
        let held = allocation.devices.iter().enumerate().filter(|(_, d)| d.holds_gpu());
        let arrived = arrivals.get(&(claim.namespace.as_str(), claim.name.as_str())).copied();
        let time = world.time_of(claim, arrived, &members, holders);
        let own = world.own_holder(claim, time);
        let mut own_position = None;
        for (n, device) in held {
            let k = &device.key;
            let found =
                world.cards.part(k).and_then(|part| Some((part, *device_of_card.get(&part.card)?)));
            let Some((part, d)) = found else {
                let name = format!(
                    "{}/{}: {}/{}/{}",
                    claim.namespace, claim.name, k.driver, k.pool, k.device
                );
                out.unlisted.push(name);
                continue;
            };
            let listed = &world.facts.dra.pools[part.pool].devices[part.device];
            let (group, share) = match counters::consumed(device, listed) {
                Consumed::Whole => (groups.fresh(), part.share),
                Consumed::Part(share) => (groups.fresh(), part.share * share),
                // Nothing is reserved: whoever is on the device has it together.
                Consumed::Nothing => (groups.of_device(d), part.share),
            };
            let holding = |holder: usize, time: Interval| Holding {
                share,
                speaks: world.speaks(d, part, claim, device, &unnamed),
                group: Some(group),
                part: Some((part.pool, part.device)),
                grant: Some(Grant { claim: c, device: n }),
                mode: Some(mode(part, listed)),
                scales: part.is_partition,
                ..Holding::whole(d, time, holder)
            };
            out.holdings.extend(members.iter().map(|&m| holding(m, holders[m].time)));
            if let Some(own) = &own {
                let position = *own_position.get_or_insert_with(|| {
                    holders.push(own.clone());
                    holders.len() - 1
                });
                out.holdings.push(holding(position, own.time));
            }
        }
    }
    Gone::new(world, &resolved, &device_of_card).hold(holders, &mut groups, &mut out);
    let settled = |h: &Holder| h.wants.is_empty() && !h.claims.is_empty();
    out.settled.extend(holders.iter().enumerate().filter(|(_, h)| settled(h)).map(|(i, _)| i));
    out
}

/// Holders by the claims that they use.
fn members(holders: &[Holder]) -> BTreeMap<(String, String), Vec<usize>> {
    let mut out: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (h, holder) in holders.iter().enumerate() {
        for claim in &holder.claims {
            out.entry((holder.key.namespace.clone(), claim.clone())).or_default().push(h);
        }
    }
    out
}

/// When the first pod of each claim that objects tell of was bound, by namespace and name of the claim.
fn arrivals(facts: &ClusterFacts) -> BTreeMap<(&str, &str), Millis> {
    let mut out = BTreeMap::new();
    for pod in &facts.pods {
        let Some(at) = pod.scheduled_ms.or(pod.started_ms) else { continue };
        for claim in &pod.claims {
            let first = out.entry((pod.namespace.as_str(), claim.as_str())).or_insert(at);
            *first = at.min(*first);
        }
    }
    out
}

/// Pods that the claim is reserved for and that do not name it themselves.
fn reserved(claim: &ClaimFact, holders: &[Holder], known: &[usize]) -> Vec<usize> {
    let uids: BTreeSet<&str> =
        claim.reserved_for.iter().filter(|c| c.is_pod()).map(|c| c.uid.as_str()).collect();
    let named = |holder: &Holder| {
        holder.kind == HolderKind::Pod
            && holder.key.namespace == claim.namespace
            && holder.key.uid.as_deref().is_some_and(|uid| uids.contains(uid))
    };
    let all = holders.iter().enumerate();
    all.filter(|(h, holder)| !known.contains(h) && named(holder)).map(|(h, _)| h).collect()
}

/// Holders with the claims that they use and that are known as objects.
pub(super) type Resolved = BTreeSet<(usize, String)>;

/// Numbers of partitions, by card and profile.
type Unnamed = BTreeMap<(usize, String), usize>;

/// Numbers of groups.
#[derive(Default)]
pub(super) struct Groups {
    count: usize,
    by_device: BTreeMap<usize, usize>,
    by_label: BTreeMap<(String, String, Spot), usize>,
}

impl Groups {
    pub(super) fn fresh(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    pub(super) fn of_device(&mut self, device: usize) -> usize {
        if let Some(&group) = self.by_device.get(&device) {
            return group;
        }
        let group = self.fresh();
        self.by_device.insert(device, group);
        group
    }

    pub(super) fn of_label(&mut self, namespace: &str, claim: &str, spot: Spot) -> usize {
        let key = (namespace.to_owned(), claim.to_owned(), spot);
        if let Some(&group) = self.by_label.get(&key) {
            return group;
        }
        let group = self.fresh();
        self.by_label.insert(key, group);
        group
    }
}

/// How a claim shares its device's card.
pub(super) const fn mode(part: Part, listed: &DraDevice) -> Sharing {
    match (listed.multi_allocation, part.is_partition) {
        (true, _) => Sharing::DraCapacity,
        (false, true) => Sharing::DraPartition,
        (false, false) => Sharing::Dra,
    }
}

impl World<'_> {
    /// From its allocation on. Where the server does not say when that was, from its first pod, be that in
    /// the window or not, and without one from its creation.
    fn time_of(
        &self,
        claim: &ClaimFact,
        arrived: Option<Millis>,
        members: &[usize],
        holders: &[Holder],
    ) -> Interval {
        let start = claim.allocation.as_ref().and_then(|a| a.at_ms);
        let first = || members.iter().map(|&m| holders[m].since).chain(arrived).min();
        let start = start.or_else(first).or(claim.created_ms).filter(|_| !self.is_present_only);
        let start = start.unwrap_or(self.window.start()).max(self.window.start());
        Interval::new(start, self.window.end())
    }

    /// Leaves those who used the claim as it is now. One that was mostly there before used an earlier
    /// allocation, or an earlier claim of the name: it is known from labels, if at all.
    fn keep_users(&self, claim: &ClaimFact, holders: &[Holder], members: &mut Vec<usize>) {
        let start = claim.allocation.as_ref().and_then(|a| a.at_ms).or(claim.created_ms);
        let Some(start) = start.filter(|_| !self.is_present_only) else { return };
        let reserved = |uid: &String| claim.reserved_for.iter().any(|c| c.uid == *uid);
        members.retain(|&m| {
            let Holder { key, time, .. } = &holders[m];
            let since = time.end - start.max(time.start);
            key.uid.as_ref().is_some_and(reserved) || 2 * since >= time.length_ms()
        });
    }

    /// The claim as a holder of its own, for the time in which no pod is there.
    fn own_holder(&self, claim: &ClaimFact, time: Interval) -> Option<Holder> {
        if time.length_ms() == 0 {
            return None;
        }
        // A pod group names no pod, and an unknown consumer is believed (trap 31).
        let reserved_otherwise = claim.reserved_for.iter().any(|c| !c.is_pod());
        let kind = match reserved_otherwise {
            true => HolderKind::ReservedClaim,
            false => HolderKind::StaleClaim,
        };
        Some(Holder {
            kind,
            key: PodKey {
                namespace: claim.namespace.clone(),
                name: claim.name.clone(),
                uid: claim.uid.clone(),
            },
            node: None,
            wants: BTreeMap::new(),
            claims: vec![claim.name.clone()],
            time,
            since: time.start,
            source: HoldingSource::Claims,
            owner: None,
            labels: super::label_view::LabelView {
                object: claim.labels.clone(),
                ..super::label_view::LabelView::default()
            },
            annotations: BTreeMap::new(),
            labelled: BTreeMap::new(),
        })
    }

    /// Whose series speak for a device: the card's, or for a partition those of its MIG instance.
    fn speaks(
        &self,
        d: usize,
        part: Part,
        claim: &ClaimFact,
        given: &AllocatedDevice,
        unnamed: &Unnamed,
    ) -> Speaks {
        match part.is_partition {
            _ if self.cards.cards[part.card].passthrough => Speaks::Nobody,
            false => Speaks::Card,
            true => self
                .instance_of(d, part, claim, given, unnamed)
                .map_or(Speaks::UnknownInstance, Speaks::Instance),
        }
    }

    /// The MIG instance of a partition: by the claim or the device that its series name, else by profile
    /// where that is unambiguous.
    fn instance_of(
        &self,
        d: usize,
        part: Part,
        claim: &ClaimFact,
        given: &AllocatedDevice,
        unnamed: &Unnamed,
    ) -> Option<usize> {
        let seen = &self.observations[self.devices[d].observation?];
        let names = |i: &usize| {
            seen.instances[*i].reading.claims.iter().any(|(c, _)| {
                (c.namespace == claim.namespace && c.name == claim.name)
                    || c.device.as_ref() == Some(&given.key)
            })
        };
        let listed = &self.facts.dra.pools[part.pool].devices[part.device];
        let wanted = listed.attributes.get("profile");
        // An instance that names any claim speaks of that claim alone.
        let is_open = |i: &usize| {
            wanted.is_some()
                && seen.instances[*i].profile.as_ref() == wanted
                && seen.instances[*i].reading.claims.is_empty()
        };
        let all = || 0..seen.instances.len();
        all().find(names).or_else(|| {
            let mut open = all().filter(is_open);
            let only = open.next()?;
            let is_single =
                open.next().is_none() && unnamed.get(&(part.card, wanted?.clone())) == Some(&1);
            is_single.then_some(only)
        })
    }

    /// Allocated partitions that no series names, counted by card and profile.
    fn unnamed(&self) -> Unnamed {
        let named: BTreeSet<&DeviceKey> = self
            .observations
            .iter()
            .flat_map(DeviceObservation::readings)
            .flat_map(|(_, reading)| &reading.claims)
            .filter_map(|(claim, _)| claim.device.as_ref())
            .collect();
        let allocations = self.facts.dra.claims.iter().filter_map(|c| c.allocation.as_ref());
        let unnamed: BTreeSet<&DeviceKey> = allocations
            .flat_map(|a| &a.devices)
            .filter(|d| !d.admin_access && !named.contains(&d.key))
            .map(|d| &d.key)
            .collect();
        let mut out = Unnamed::new();
        for part in unnamed.into_iter().filter_map(|key| self.cards.part(key)) {
            let listed = &self.facts.dra.pools[part.pool].devices[part.device];
            if let Some(profile) = listed.attributes.get("profile") {
                *out.entry((part.card, profile.clone())).or_default() += 1;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
