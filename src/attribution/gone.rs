//! Who held what through claims that are gone.
//!
//! Two witnesses: kube-state-metrics (2.20 and later) tells which pod used which claim and when the pod was
//! there; the exporter's labels tell which device a claim, or a pod, had. Together they are a holding for all
//! of the pod's time; labels alone are one for as long as they were there. A pod whose device neither tells
//! is `unjoined`.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::{Claimed, Groups, Resolved, World, mode};
use super::holder::{Holder, HolderKind, HoldingSource, Spot};
use super::holding::{Holding, Sharing, Speaks};
use super::inventory::Device;
use super::mig;
use super::pooled::Part;
use super::unjoined::Unjoined;
use crate::model::IntervalSet;
use crate::observe::labels::ClaimLabel;

/// What claims that are gone are looked for in.
pub(super) struct Gone<'a> {
    world: &'a World<'a>,
    /// What is known from objects.
    resolved: &'a Resolved,
    /// Device of each card of the pools.
    device_of_card: &'a BTreeMap<usize, usize>,
    /// Device of each observation.
    of_observation: BTreeMap<usize, usize>,
    /// Nodes on which series name claims.
    labelling: BTreeSet<&'a str>,
}

/// Where series name a claim, and when, by namespace and name.
type Sightings<'a> = BTreeMap<(&'a str, &'a str), Vec<(Spot, &'a ClaimLabel, &'a IntervalSet)>>;

/// A claim on a spot: by its label, or unknown where only the pod is named there.
type Found<'a> = BTreeSet<(Spot, Option<&'a ClaimLabel>)>;

impl<'a> Gone<'a> {
    pub(super) fn new(
        world: &'a World<'a>,
        resolved: &'a Resolved,
        device_of_card: &'a BTreeMap<usize, usize>,
    ) -> Self {
        let names_claims = |device: &&Device| {
            let seen = device.observation.map(|o| &world.observations[o]);
            seen.is_some_and(|seen| seen.readings().any(|(_, r)| !r.claims.is_empty()))
        };
        let labelling = world.devices.iter().filter(names_claims).map(|d| d.node.as_str());
        let numbered = world.devices.iter().enumerate();
        let of_observation = numbered.filter_map(|(d, device)| Some((device.observation?, d)));
        Self {
            world,
            resolved,
            device_of_card,
            of_observation: of_observation.collect(),
            labelling: labelling.collect(),
        }
    }

    /// Adds what pods hold through claims that no object tells of.
    pub(super) fn hold(&self, holders: &[Holder], groups: &mut Groups, out: &mut Claimed) {
        let sightings = self.sightings();
        let pods = holders.iter().enumerate().filter(|(_, h)| h.kind == HolderKind::Pod);
        for (h, holder) in pods {
            let found = self.found(h, holder, &sightings);
            let mut joined: BTreeSet<&str> = BTreeSet::new();
            for (spot, claim) in found {
                let Some(d) = self.device_of(spot, claim) else { continue };
                joined.extend(claim.map(|claim| claim.name.as_str()));
                out.settled.insert(h);
                out.holdings.push(self.holding(h, holder, (d, spot, claim), groups));
            }
            self.miss(h, holder, &joined, out);
        }
    }

    fn sightings(&self) -> Sightings<'a> {
        let mut out = Sightings::new();
        for (o, observation) in self.world.observations.iter().enumerate() {
            for (instance, reading) in observation.readings() {
                for (claim, presence) in &reading.claims {
                    let key = (claim.namespace.as_str(), claim.name.as_str());
                    out.entry(key).or_default().push(((o, instance), claim, presence));
                }
            }
        }
        out
    }

    /// The device that the series of a spot are of. A claim has it whether its pool was listed or not; what
    /// only names a pod on a device of no pool may be the device plugin's, and is not said here.
    fn device_of(&self, (observation, _): Spot, claim: Option<&ClaimLabel>) -> Option<usize> {
        let device = *self.of_observation.get(&observation)?;
        (claim.is_some() || self.world.devices[device].pooled.is_some()).then_some(device)
    }

    /// Where a pod's claims were, but for those that are known from objects.
    fn found(&self, h: usize, holder: &Holder, sightings: &Sightings<'a>) -> Found<'a> {
        let is_resolved = |claim: &str| self.resolved.contains(&(h, claim.to_owned()));
        let namespace = holder.key.namespace.as_str();
        let within = IntervalSet::of(holder.time);
        let mut named: Found<'a> = BTreeSet::new();
        let mut told: BTreeSet<Spot> = BTreeSet::new();
        for claim in &holder.claims {
            let of_claim =
                sightings.get(&(namespace, claim.as_str())).map_or(&[][..], Vec::as_slice);
            let time = |presence: &IntervalSet| presence.intersect(&within).length_ms();
            let longest = of_claim.iter().map(|(_, _, presence)| time(presence)).max().unwrap_or(0);
            // A label that lingers where the claim was before is not a second device of it.
            let lag = self.world.max_gap_ms.min(longest / 2);
            let is_its = |presence| time(presence) > lag;
            for &(spot, label, presence) in of_claim.iter().filter(|(_, _, p)| time(p) > 0) {
                let is_named = holder.labelled.get(&spot).is_some_and(|ms| *ms > 0);
                // A holder made from labels has a part for each spot; others know of all of them.
                if is_named || holder.source != HoldingSource::DcgmLabels {
                    told.insert(spot);
                    if is_its(presence) && !is_resolved(claim) {
                        named.insert((spot, Some(label)));
                    }
                }
            }
        }
        // What such a pod requested was a claim's extended resource, or it requested nothing.
        let mut from_here = self.resolved.range((h, String::new())..);
        if from_here.next().is_none_or(|(resolved, _)| *resolved != h) {
            let spots = holder.labelled.iter().filter(|(_, ms)| **ms > 0).map(|(spot, _)| *spot);
            named.extend(spots.filter(|spot| !told.contains(spot)).map(|spot| (spot, None)));
        }
        named
    }

    fn holding(
        &self,
        h: usize,
        holder: &Holder,
        (d, spot, claim): (usize, Spot, Option<&ClaimLabel>),
        groups: &mut Groups,
    ) -> Holding {
        let name = claim.map(|claim| &claim.name).or(holder.claims.first());
        let name = name.unwrap_or(&holder.key.name);
        let plain = Holding {
            share: self.spot_share(d, spot),
            speaks: spot.1.map_or(Speaks::Card, Speaks::Instance),
            ..Holding::whole(d, holder.time, h)
        };
        let group = groups.of_label(&holder.key.namespace, name, spot);
        let Some(part) = claim.and_then(|claim| self.part(d, claim)) else {
            // What a claim that is gone had of a device that it shared is not known: as if nothing was reserved.
            let card = self.world.devices[d].pooled.map(|c| &self.world.cards.cards[c]);
            let (group, mode) = match spot.1.is_none() && card.is_some_and(|c| c.multi_allocation) {
                true => (groups.of_device(d), Some(Sharing::DraCapacity)),
                false => (group, None),
            };
            return Holding { group: Some(group), mode, ..plain };
        };
        let listed = &self.world.facts.dra.pools[part.pool].devices[part.device];
        // How much of its capacity the claim had went with it: all on the device have it together.
        let group = if listed.multi_allocation { groups.of_device(d) } else { group };
        Holding {
            share: part.share,
            part: Some((part.pool, part.device)),
            mode: Some(mode(part, listed)),
            scales: part.is_partition,
            group: Some(group),
            ..plain
        }
    }

    /// The listed device that a label names, where it is of the card that its series are of.
    fn part(&self, d: usize, claim: &ClaimLabel) -> Option<Part> {
        let part = self.world.cards.part(claim.device.as_ref()?)?;
        (self.device_of_card.get(&part.card) == Some(&d)).then_some(part)
    }

    fn spot_share(&self, d: usize, (observation, instance): Spot) -> f64 {
        let observations = self.world.observations;
        let named = instance.and_then(|i| observations[observation].instances[i].profile.as_ref());
        let device = &self.world.devices[d];
        named.and_then(|p| mig::share(&device.model, p, device.memory_bytes)).unwrap_or(1.0)
    }

    /// Notes claims of a pod that have no device. Only where kube-state-metrics tells of them: an object
    /// without its claim is a claim that was not listed, and says so there. Where the exporter names claims,
    /// one that it never named was not one of a GPU.
    fn miss(&self, h: usize, holder: &Holder, joined: &BTreeSet<&str>, out: &mut Claimed) {
        let is_known = |claim: &&String| {
            joined.contains(claim.as_str()) || self.resolved.contains(&(h, (*claim).clone()))
        };
        let is_gone = holder.source == HoldingSource::KubeStateMetrics && holder.wants.is_empty();
        let is_named = !joined.is_empty() || holder.labelled.values().any(|ms| *ms > 0);
        let claims = holder.claims.iter().filter(|claim| !is_known(claim)).count();
        let is_labelling = match &holder.node {
            Some(node) => self.labelling.contains(node.as_str()),
            None => !self.labelling.is_empty(),
        };
        if is_gone && !is_named && !is_labelling && claims > 0 {
            let (node, time) = (holder.node.clone(), holder.time);
            out.unjoined.push(Unjoined { holder: h, node, time, claims });
        }
    }
}
