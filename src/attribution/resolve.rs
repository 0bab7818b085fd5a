//! One account per device: at every instant the parts held and the part that nobody holds add up to it.
//!
//! Holdings from different witnesses may contradict each other for a while; better evidence wins, then
//! the later arrival, and what is given up is counted. Nothing here knows how a holding came about.

use std::collections::{BTreeMap, BTreeSet};

use super::holder::{Holder, HolderKind, HoldingSource};
use super::holding::{EPSILON, Grant, Holding, Speaks};
use super::inventory::Device;
use super::mig::layout;
use super::mig::profile::Profile;
use super::pooled::{self, Cards};
use super::slots::{self, Serves, Slot};
use crate::model::dra::PoolFact;
use crate::model::{Interval, IntervalSet};
use crate::units::Millis;

/// A part of a device that one holder had for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Position among the devices.
    pub device: usize,
    /// Position among the holders.
    pub holder: usize,
    /// When.
    pub time: Interval,
    /// Since when the holder has been on this device without a break, as far as this piece tells.
    pub since: Millis,
    /// Part of the device.
    pub share: f64,
    /// Part of the device that its series speak for: 1 for a card's, the instance's part for an instance's.
    pub series_share: f64,
    /// Part of the device that is held at that time by all for whom the same series speak.
    pub held_beside: f64,
    /// Whether it is certain that this is the device.
    pub known: bool,
    /// Whose series speak for it.
    pub speaks: Speaks,
    /// Others hold parts of what the same series speak for.
    pub is_shared: bool,
    /// The claim's device that it is, where a claim that is known gave it.
    pub grant: Option<Grant>,
}

/// A part of a device that nobody held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Free {
    /// Position among the devices.
    pub device: usize,
    /// When.
    pub time: Interval,
    /// Part that could be handed out.
    pub usable: f64,
    /// Part that could not: too little is left for anything that the device can be cut into.
    pub stranded: f64,
}

/// The account of all devices.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// By device and time.
    pub pieces: Vec<Piece>,
    /// By device and time.
    pub free: Vec<Free>,
    /// Time in which more was claimed of a device than there is, milliseconds.
    pub contested_ms: BTreeMap<usize, i64>,
}

impl Account {
    /// What nobody held of one device.
    #[must_use]
    pub fn free_of(&self, device: usize) -> &[Free] {
        let first = self.free.partition_point(|f| f.device < device);
        let count = self.free[first..].partition_point(|f| f.device == device);
        &self.free[first..first + count]
    }
}

/// The pieces of one device, of pieces in order of device.
#[must_use]
pub fn pieces_of(pieces: &[Piece], device: usize) -> &[Piece] {
    let first = pieces.partition_point(|p| p.device < device);
    let count = pieces[first..].partition_point(|p| p.device == device);
    &pieces[first..first + count]
}

/// What accounts are made from.
pub struct Books<'a> {
    /// Devices.
    pub devices: &'a [Device],
    /// Slots, by device.
    pub slots: &'a [Slot],
    /// Holders.
    pub holders: &'a [Holder],
    /// Cards of pools.
    pub cards: &'a Cards,
    /// Pools.
    pub pools: &'a [PoolFact],
}

/// Makes the account of every device.
#[must_use]
pub fn resolve(holdings: &[Holding], books: &Books<'_>) -> Account {
    let mut by_device: BTreeMap<usize, Vec<&Holding>> = BTreeMap::new();
    for holding in holdings {
        by_device.entry(holding.device).or_default().push(holding);
    }
    let mut out = Account::default();
    for d in 0..books.devices.len() {
        let of_device = by_device.remove(&d).unwrap_or_default();
        books.of_device(d, &of_device, &mut out);
    }
    out
}

/// What one holding has at an instant.
#[derive(Clone, Copy)]
struct Taken<'a> {
    holding: &'a Holding,
    share: f64,
}

impl Books<'_> {
    fn of_device(&self, d: usize, holdings: &[&Holding], out: &mut Account) {
        let presence = &self.devices[d].presence;
        let slots = slots::of_device(self.slots, d);
        let mut edges: Vec<Millis> = holdings
            .iter()
            .flat_map(|h| [h.time.start, h.time.end])
            .chain(slots.clone().flat_map(|s| ends(&self.slots[s].presence)))
            .chain(ends(presence))
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let mut contested = 0;
        let begin = out.pieces.len();
        for edge in edges.windows(2) {
            let time = Interval::new(edge[0], edge[1]);
            if !presence.contains(time.start) {
                continue;
            }
            let here: Vec<&Holding> =
                holdings.iter().copied().filter(|h| h.time.overlap(time).is_some()).collect();
            let there: Vec<usize> =
                slots.clone().filter(|&s| self.slots[s].presence.contains(time.start)).collect();
            let (taken, refused) = self.share_out(&here, &there);
            if refused {
                contested += time.length_ms();
            }
            self.write(d, (time, self.scale(&there)), &taken, begin, &mut out.pieces);
            self.rest(d, time, &taken, &there, &mut out.free);
        }
        if contested > 0 {
            out.contested_ms.insert(d, contested);
        }
    }

    /// Who gets how much; whether anybody was refused.
    fn share_out<'a>(&self, here: &[&'a Holding], there: &[usize]) -> (Vec<Taken<'a>>, bool) {
        let scale = self.scale(there);
        let mut candidates = self.members(here);
        candidates.sort_by_key(|t| std::cmp::Reverse(self.rank(t.holding)));
        let mut of_slot: BTreeMap<usize, f64> = BTreeMap::new();
        let mut seen: BTreeSet<(usize, Option<usize>, Option<usize>)> = BTreeSet::new();
        let (mut whole, mut refused) = (0.0, false);
        let mut taken: Vec<Taken<'a>> = Vec::new();
        for candidate in candidates {
            let h = candidate.holding;
            // One holder named twice on one part (two lives of a pod, two witnesses) has it once.
            if !seen.insert((h.holder, h.slot, h.group)) {
                continue;
            }
            let share = candidate.share * if h.slot.is_some() { scale } else { 1.0 };
            let limit = h.slot.map_or(1.0, |s| self.slots[s].share * scale);
            let used = h.slot.map_or(whole, |s| of_slot.get(&s).copied().unwrap_or(0.0));
            let fits = used + share <= limit + EPSILON && whole + share <= 1.0 + EPSILON;
            let is_slot_there = h.slot.is_none_or(|s| there.contains(&s));
            let scales = h.scales && taken.iter().all(|t| t.holding.scales);
            if !(fits && is_slot_there || scales) {
                refused |= is_slot_there;
                continue;
            }
            if let Some(s) = h.slot {
                *of_slot.entry(s).or_default() += share;
            }
            whole += share;
            taken.push(Taken { holding: h, share });
        }
        if whole > 1.0 + EPSILON {
            taken.iter_mut().for_each(|t| t.share /= whole);
        }
        (taken, refused)
    }

    /// Instances of one card may add up to more than the card; all are scaled then.
    fn scale(&self, there: &[usize]) -> f64 {
        let sum: f64 = there.iter().map(|&s| self.slots[s].share).sum();
        if sum > 1.0 { 1.0 / sum } else { 1.0 }
    }

    /// Holdings with groups split: pods equally; the claim itself only while no pod is there.
    fn members<'a>(&self, here: &[&'a Holding]) -> Vec<Taken<'a>> {
        let is_pod = |h: &Holding| self.holders[h.holder].kind == HolderKind::Pod;
        let mut pods: BTreeMap<usize, usize> = BTreeMap::new();
        let mut claims: BTreeMap<usize, usize> = BTreeMap::new();
        for h in here {
            if let Some(group) = h.group {
                let count = if is_pod(h) { &mut pods } else { &mut claims };
                *count.entry(group).or_default() += 1;
            }
        }
        let mut out = Vec::with_capacity(here.len());
        for &holding in here {
            let among = match holding.group {
                None => 1,
                Some(group) if is_pod(holding) => pods[&group],
                Some(group) if pods.contains_key(&group) => continue,
                Some(group) => claims[&group],
            };
            #[expect(clippy::cast_precision_loss, reason = "a handful of pods")]
            let share = holding.share / among as f64;
            out.push(Taken { holding, share });
        }
        out
    }

    fn rank(&self, h: &Holding) -> (bool, bool, Millis, std::cmp::Reverse<usize>) {
        let holder = &self.holders[h.holder];
        let weak = matches!(holder.source, HoldingSource::DcgmLabels | HoldingSource::None);
        (!weak, h.known, since(h, holder), std::cmp::Reverse(h.holder))
    }

    fn write(
        &self,
        d: usize,
        (time, scale): (Interval, f64),
        taken: &[Taken<'_>],
        begin: usize,
        out: &mut Vec<Piece>,
    ) {
        for t in taken {
            let h = t.holding;
            let same_series = |o: &&Taken<'_>| o.holding.speaks == h.speaks;
            let beside: f64 = taken.iter().filter(same_series).map(|o| o.share).sum();
            let holder = &self.holders[h.holder];
            let mut piece = Piece {
                device: d,
                holder: h.holder,
                time,
                since: since(h, holder),
                share: t.share,
                series_share: match (h.speaks, h.slot) {
                    (Speaks::Instance(_), Some(s)) => self.slots[s].share * scale,
                    (Speaks::Instance(_), None) => beside,
                    _ => 1.0,
                },
                held_beside: beside,
                known: h.known,
                speaks: h.speaks,
                is_shared: taken.iter().filter(same_series).count() > 1,
                grant: h.grant,
            };
            let before = out[begin..].iter_mut().rev().find(|p| {
                p.holder == piece.holder
                    && p.speaks == piece.speaks
                    && p.grant == piece.grant
                    && p.time.end == time.start
            });
            match before {
                Some(p) if (Piece { time: p.time, since: p.since, ..piece }) == *p => {
                    p.time.end = time.end;
                }
                Some(p) => {
                    piece.since = p.since;
                    out.push(piece);
                }
                None => {
                    if time.start != h.time.start {
                        piece.since = time.start;
                    }
                    out.push(piece);
                }
            }
        }
    }

    /// What nobody has of the device: free instances and what could still be cut are usable.
    fn rest(
        &self,
        d: usize,
        time: Interval,
        taken: &[Taken<'_>],
        there: &[usize],
        out: &mut Vec<Free>,
    ) {
        let held: f64 = taken.iter().map(|t| t.share).sum();
        let left = (1.0 - held).max(0.0);
        if left <= EPSILON {
            return;
        }
        let scale = self.scale(there);
        let is_cut = there.iter().any(|&s| matches!(self.slots[s].serves, Serves::Instance(_)));
        let (usable, stranded) = if is_cut {
            let on_slots: f64 =
                taken.iter().filter(|t| t.holding.slot.is_some()).map(|t| t.share).sum();
            let instances: f64 = there.iter().map(|&s| self.slots[s].share * scale).sum();
            let free_instances = (instances - on_slots).clamp(0.0, left);
            let remainder = left - free_instances;
            match layout::any_fits(&self.devices[d].model, &self.profiles(there)) {
                true => (left, 0.0),
                false => (free_instances, remainder),
            }
        } else if self.any_partition_fits(d, taken) {
            (left, 0.0)
        } else {
            (0.0, left)
        };
        let free = Free { device: d, time, usable, stranded };
        match out.last_mut() {
            Some(last)
                if (Free { time: last.time, ..free }) == *last && last.time.end == time.start =>
            {
                last.time.end = time.end;
            }
            _ => out.push(free),
        }
    }

    fn profiles(&self, there: &[usize]) -> Vec<Profile> {
        let profile = |&s: &usize| match &self.slots[s].serves {
            Serves::Instance(profile) => Some(profile.clone()),
            Serves::Card | Serves::Passthrough => None,
        };
        there.iter().filter_map(profile).collect()
    }

    /// Whether a partition of the card's counters still fits beside those that are taken. A device that is
    /// not cut, or not by counters, can be handed out as it is.
    fn any_partition_fits(&self, d: usize, taken: &[Taken<'_>]) -> bool {
        let parts: Vec<_> = taken.iter().filter_map(|t| t.holding.part).collect();
        let card = self.devices[d].pooled.map(|c| &self.cards.cards[c]);
        let Some((card, set)) = card.and_then(|c| Some((c, c.counter_set.as_ref()?))) else {
            return true;
        };
        let pool = &self.pools[card.pool];
        let devices: Vec<_> = parts.iter().map(|&(_, device)| &pool.devices[device]).collect();
        parts.is_empty() || pooled::any_fits(pool, set, &devices)
    }
}

/// Since when the holder has what it holds, which may be before the window.
const fn since(h: &Holding, holder: &Holder) -> Millis {
    if h.time.start == holder.time.start { holder.since } else { h.time.start }
}

fn ends(set: &IntervalSet) -> impl Iterator<Item = Millis> {
    set.as_slice().iter().flat_map(|i| [i.start, i.end])
}

#[cfg(test)]
mod tests;
