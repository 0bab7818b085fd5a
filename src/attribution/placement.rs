//! Which slot of the device plugin each pod held.
//!
//! A device's pod label decides. What a pod requests beyond its labels goes to free units of its node:
//! known when only one choice is possible, otherwise marked unknown, so that nobody is billed for
//! another's utilization. What is held through claims or annotations is not here.

use std::collections::{BTreeMap, BTreeSet};

use super::holder::{Holder, Spot};
use super::holding::Holding;
use super::nodes::Node;
use super::slots::{self, Serves, Slot, served_by};
use crate::model::{Interval, IntervalSet};
use crate::units::Millis;

/// Claims of pods on slots; they may contradict each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Placed {
    /// In no order.
    pub holdings: Vec<Holding>,
    /// Time requested for which the node had no unit left, unit-milliseconds by holder.
    pub homeless_ms: BTreeMap<usize, i64>,
}

/// What placement looks at.
pub struct Places<'a> {
    /// All slots.
    pub slots: &'a [Slot],
    /// Node of each device, by position.
    pub node_of_device: &'a [String],
    /// Device of each observation.
    pub of_observation: &'a BTreeMap<usize, usize>,
    /// Nodes by name.
    pub nodes: &'a BTreeMap<String, Node>,
    /// What others hold of the same cards by annotations.
    pub beside: &'a [Holding],
    /// Longest distance between two samples that are neighbours.
    pub max_gap_ms: i64,
}

/// A pod, what it wants of one kind, and what is missing of it after labels.
struct Wanted {
    holder: usize,
    node: String,
    serves: Serves,
    time: Interval,
    missing: u32,
}

/// Puts pods on slots. `skip`: holders whose devices are known in another way.
#[must_use]
pub fn place(holders: &[Holder], skip: &BTreeSet<usize>, places: &Places<'_>) -> Placed {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut out = Placed::default();
    for (h, holder) in holders.iter().enumerate().filter(|(h, _)| !skip.contains(h)) {
        let named = places.named_slots(holder);
        let node = holder.node.clone().or_else(|| {
            named.first().map(|&s| places.node_of_device[places.slots[s].device].clone())
        });
        let wants = wants(holder, node.as_deref().and_then(|n| places.nodes.get(n)));
        if wants.is_empty() {
            // Only a label tells of the pod: it holds a unit of what it is named on.
            for &slot in &named {
                out.holdings.push(places.holding(h, holder.time, slot, 1, true));
            }
            continue;
        }
        for (serves, count) in wants {
            let fitting: Vec<usize> =
                named.iter().copied().filter(|&s| places.slots[s].serves == serves).collect();
            let units = spread(count, &fitting, places.slots);
            let given: u32 = units.values().sum();
            for (slot, n) in units {
                out.holdings.push(places.holding(h, holder.time, slot, n, true));
            }
            if given < count
                && let Some(node) = node.clone()
            {
                let missing = count - given;
                wanted.push(Wanted { holder: h, node, serves, time: holder.time, missing });
            }
        }
    }
    places.eliminate(&wanted, &mut out);
    out
}

/// What a pod wants, in units by kind.
fn wants(holder: &Holder, node: Option<&Node>) -> BTreeMap<Serves, u32> {
    let mut out = BTreeMap::new();
    for (resource, count) in &holder.wants {
        *out.entry(served_by(resource, node)).or_default() += count;
    }
    out
}

/// Spreads units over the slots that name a pod: one each, then, on replicas, as many as each has.
fn spread(count: u32, named: &[usize], slots: &[Slot]) -> BTreeMap<usize, u32> {
    let mut out: BTreeMap<usize, u32> = BTreeMap::new();
    let mut left = count;
    loop {
        let mut moved = false;
        for &slot in named {
            let taken = out.get(&slot).copied().unwrap_or(0);
            if left > 0 && taken < slots[slot].units {
                out.insert(slot, taken + 1);
                left -= 1;
                moved = true;
            }
        }
        if !moved || left == 0 {
            return out;
        }
    }
}

impl Places<'_> {
    fn holding(&self, holder: usize, time: Interval, s: usize, units: u32, known: bool) -> Holding {
        let slot = &self.slots[s];
        Holding {
            slot: Some(s),
            share: slot.unit_share() * f64::from(units.min(slot.units)),
            known,
            speaks: slot.speaks(),
            ..Holding::whole(slot.device, time, holder)
        }
    }

    /// Slots of what names the holder, longest named first.
    fn named_slots(&self, holder: &Holder) -> Vec<usize> {
        let mut named: Vec<_> = holder
            .labelled
            .iter()
            .filter(|(_, ms)| **ms > 0)
            .filter_map(|(spot, ms)| Some((std::cmp::Reverse(*ms), self.slot_of(*spot)?)))
            .collect();
        named.sort_unstable();
        named.into_iter().map(|(_, slot)| slot).collect()
    }

    fn slot_of(&self, (observation, instance): Spot) -> Option<usize> {
        let device = *self.of_observation.get(&observation)?;
        slots::of_device(self.slots, device).find(|&s| self.slots[s].instance == instance)
    }

    /// Gives holders without (enough) labels the units that are left on their node.
    fn eliminate(&self, wanted: &[Wanted], out: &mut Placed) {
        for (i, want) in wanted.iter().enumerate() {
            let others = wanted.iter().enumerate().any(|(j, w)| {
                i != j
                    && w.node == want.node
                    && w.serves == want.serves
                    && w.time.overlap(want.time).is_some_and(|o| o.length_ms() > self.max_gap_ms)
            });
            let fitting: Vec<usize> = self.fitting(want).collect();
            let mut free: Vec<(i64, usize, u32)> = fitting
                .iter()
                .filter_map(|&s| {
                    let (taken_ms, units) = self.taken(s, want, out);
                    let left = self.slots[s].units.checked_sub(units).filter(|n| *n > 0)?;
                    Some((taken_ms, s, left))
                })
                .collect();
            free.sort_unstable();
            let units_free: u32 = free.iter().map(|(_, _, n)| n).sum();
            let known = fitting.len() == 1 || !others && units_free == want.missing;
            let mut left = want.missing;
            for (_, slot, n) in free {
                let given = n.min(left);
                if given > 0 {
                    out.holdings.push(self.holding(want.holder, want.time, slot, given, known));
                    left -= given;
                }
            }
            if left > 0 {
                *out.homeless_ms.entry(want.holder).or_default() +=
                    want.time.length_ms() * i64::from(left);
            }
        }
    }

    /// Slots of the node whose units are of the kind wanted.
    fn fitting<'a>(&'a self, want: &'a Wanted) -> impl Iterator<Item = usize> + 'a {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, s)| {
                s.serves == want.serves
                    && self.node_of_device[s.device] == want.node
                    && s.presence.as_slice().iter().any(|p| p.overlap(want.time).is_some())
            })
            .map(|(s, _)| s)
    }

    /// For how long and with how many units a slot is taken by others in the time wanted. What overlaps
    /// for less than reporting may lag is a handover; a slot that the holder has already is taken whole.
    fn taken(&self, s: usize, want: &Wanted, out: &Placed) -> (i64, u32) {
        let slot = &self.slots[s];
        let on_slot = || {
            let beside = self.beside.iter().filter(move |c| c.device == slot.device);
            out.holdings.iter().filter(move |c| c.slot == Some(s)).chain(beside)
        };
        if slot.units == 1 && on_slot().any(|c| c.holder == want.holder) {
            return (i64::MAX, slot.units);
        }
        let lag = self.max_gap_ms.min(want.time.length_ms() / 2);
        let overlaps = || on_slot().filter_map(|c| Some((c, c.time.overlap(want.time)?)));
        let taken_ms = IntervalSet::union_of(overlaps().map(|(_, time)| time)).length_ms();
        if slot.units == 1 {
            return (taken_ms, u32::from(taken_ms > lag));
        }
        let long = overlaps().filter(|(_, time)| time.length_ms() > lag);
        let share = most_at_once(long.map(|(c, time)| (time, c.share)));
        (taken_ms, units(share / slot.unit_share()).min(slot.units))
    }
}

/// Largest sum of the shares that are held at one instant: who follows another takes no more than one of them.
fn most_at_once(held: impl Iterator<Item = (Interval, f64)>) -> f64 {
    let mut changes: Vec<(Millis, f64)> =
        held.flat_map(|(time, share)| [(time.start, share), (time.end, -share)]).collect();
    // At one instant leaving comes before arriving.
    changes.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
    let (mut level, mut most) = (0.0, 0.0_f64);
    for (_, change) in changes {
        level += change;
        most = most.max(level);
    }
    most
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few units, rounded")]
fn units(n: f64) -> u32 {
    n.round().clamp(0.0, 65_536.0) as u32
}

#[cfg(test)]
mod tests;
