//! Fractions of cards by KAI and Run:ai.
//!
//! A pod with a fraction requests no GPU. The scheduler starts a reservation pod that takes the card from
//! the device plugin; a label with the name of a group ties the two. Here the card of the reservation pod
//! goes to the pods of its group, each with its fraction, and what they leave is held by nobody. How the
//! reservation pod came to its card is `placement`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::holder::{Holder, HolderKind};
use super::holding::{EPSILON, Holding, Sharing};
use super::inventory::Device;
use super::placement::Placed;
use super::vgpu;
use crate::model::{Interval, IntervalSet};
use crate::units::BYTES_PER_MIB;

/// Namespaces of reservation pods.
const RESERVATIONS: &[&str] = &["kai-resource-reservation", "runai-reservation"];
/// Label with the name of a group.
const GROUP: &str = "runai-gpu-group";
/// Labels with names of groups, where a pod is in several: the name is behind the prefix.
const GROUP_PREFIX: &str = "runai-gpu-group/";
/// Annotation of a reservation pod: UUID of its card, or its index on the node.
const RESERVED: &str = "run.ai/reserve_for_gpu_index";
const FRACTION: &str = "gpu-fraction";
const MEMORY: &str = "gpu-memory";
const CARDS: &str = "gpu-fraction-num-devices";

/// More cards than any node has.
const MAX_CARDS: u32 = 256;

/// Whether annotations ask for a fraction.
#[must_use]
pub fn is_asked(annotations: &BTreeMap<String, String>) -> bool {
    [FRACTION, MEMORY].iter().any(|key| annotations.contains_key(*key))
}

/// How much of each card.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// Of the card, above 0 and at most 1.
    Fraction(f64),
    /// Memory, bytes.
    Memory(f64),
}

impl Part {
    /// Part of a device; the whole where the size of its memory is not known, never nothing.
    fn of(self, device: &Device) -> f64 {
        let share = match self {
            Self::Fraction(share) => share,
            Self::Memory(bytes) => device.memory_bytes.map_or(1.0, |all| bytes / all),
        };
        if share > 0.0 { share.min(1.0) } else { 1.0 }
    }
}

/// A pod with fractions.
#[derive(Debug, Clone, PartialEq)]
struct Member {
    holder: usize,
    part: Part,
    /// Groups, one per card; `None` for a card of which no label tells.
    groups: Vec<Option<String>>,
}

/// Who shares which card, by annotations and labels.
#[derive(Debug, Clone, Default)]
pub struct Fractions {
    members: Vec<Member>,
    /// Reservation pods by group.
    reservations: BTreeMap<String, Vec<usize>>,
    /// Annotations that cannot be used, one sentence each.
    pub problems: Vec<String>,
}

/// Where fractions are.
struct Cards<'a> {
    pods: &'a [Holder],
    devices: &'a [Device],
    placed: &'a mut Placed,
}

impl Fractions {
    /// Reads labels and annotations of all pods.
    #[must_use]
    pub fn new(pods: &[Holder]) -> Self {
        let mut out = Self::default();
        for (h, pod) in pods.iter().enumerate().filter(|(_, p)| p.kind == HolderKind::Pod) {
            let group = pod.labels.get(GROUP);
            if RESERVATIONS.contains(&pod.key.namespace.as_str()) {
                if let Some(group) = group {
                    out.reservations.entry(group.to_owned()).or_default().push(h);
                }
                continue;
            }
            if !pod.wants.is_empty() || !is_asked(&pod.annotations) {
                continue;
            }
            match asked(pod) {
                Ok((part, groups)) => out.members.push(Member { holder: h, part, groups }),
                Err(why) => out.problems.push(format!(
                    "pod {}/{}: {why}; the pod is not billed for a fraction",
                    pod.key.namespace, pod.key.name
                )),
            }
        }
        out.problems.dedup();
        out
    }

    /// Pods that hold nothing of the device plugin themselves.
    #[must_use]
    pub fn settled(&self) -> BTreeSet<usize> {
        self.members.iter().map(|m| m.holder).collect()
    }

    /// Lets the annotation of a reservation pod name its card as a series' label would.
    pub fn point(&self, pods: &mut [Holder], devices: &[Device]) {
        for &h in self.reservations.values().flatten() {
            let pod = &mut pods[h];
            let Some(named) = pod.annotations.get(RESERVED) else { continue };
            let card = devices.iter().find(|d| {
                d.id == *named
                    || d.index.as_ref() == Some(named) && pod.node.as_ref() == Some(&d.node)
            });
            if let Some(observation) = card.and_then(|d| d.observation) {
                pod.labelled.insert((observation, None), pod.time.length_ms().max(1));
            }
        }
    }

    /// Gives the cards of reservation pods to the pods of their groups.
    pub fn share(&self, pods: &[Holder], devices: &[Device], placed: &mut Placed) {
        let mut followed: BTreeSet<usize> = BTreeSet::new();
        let mut unmatched: BTreeMap<(String, String), Vec<&Member>> = BTreeMap::new();
        let mut shares: Vec<Holding> = Vec::new();
        for member in &self.members {
            let pod = &pods[member.holder];
            for (n, group) in member.groups.iter().enumerate() {
                match group.as_ref().and_then(|g| self.reserved(g, pod, pods, placed)) {
                    Some(reserved) => {
                        followed.insert(reserved.holder);
                        let share = member.part.of(&devices[reserved.device]);
                        shares.push(holding(member.holder, pod, &reserved, share));
                    }
                    None => {
                        let own = format!("{}/{}/{n}", pod.key.namespace, pod.key.name);
                        let group = group.clone().unwrap_or(own);
                        let node = pod.node.clone().unwrap_or_default();
                        unmatched.entry((node, group)).or_default().push(member);
                    }
                }
            }
        }
        // A reservation of which no pod is known stays: its card is not free.
        placed.holdings.retain(|h| !followed.contains(&h.holder));
        placed.homeless_ms.retain(|h, _| !followed.contains(h));
        placed.holdings.extend(merged(shares));
        let mut cards = Cards { pods, devices, placed };
        for ((node, _), members) in &unmatched {
            cards.find(node, members);
        }
    }

    /// What the reservation pod of a group has while a pod is there: the longest where there are several.
    fn reserved(
        &self,
        group: &str,
        pod: &Holder,
        pods: &[Holder],
        placed: &Placed,
    ) -> Option<Holding> {
        let of_group = self.reservations.get(group)?;
        let beside = |h: &&Holding| {
            let node = &pods[h.holder].node;
            of_group.contains(&h.holder)
                && (node.is_none() || pod.node.is_none() || *node == pod.node)
        };
        let overlap = |h: &Holding| h.time.overlap(pod.time).map_or(0, Interval::length_ms);
        let candidates = placed.holdings.iter().filter(beside).filter(|h| overlap(h) > 0);
        candidates.max_by_key(|h| (overlap(h), h.known, std::cmp::Reverse(h.device))).copied()
    }
}

/// What a pod asks for, and of which groups' cards.
fn asked(pod: &Holder) -> Result<(Part, Vec<Option<String>>), String> {
    let text = |key: &str| pod.annotations.get(key).map(|t| t.trim());
    let bad =
        |key: &str, text: &str, what: &str| format!("{key}: {} is not {what}", vgpu::shown(text));
    let part = match (text(FRACTION), text(MEMORY)) {
        (Some(text), _) => text
            .parse()
            .ok()
            .filter(|f: &f64| *f > 0.0 && *f <= 1.0)
            .map(Part::Fraction)
            .ok_or_else(|| bad(FRACTION, text, "a fraction above 0 and at most 1"))?,
        (None, text) => {
            let text = text.unwrap_or_default();
            let mib = text.parse::<u32>().ok().filter(|m| *m > 0);
            let mib = mib.ok_or_else(|| bad(MEMORY, text, "a number of MiB"))?;
            Part::Memory(f64::from(mib) * BYTES_PER_MIB)
        }
    };
    let count = match text(CARDS) {
        None => 1,
        Some(text) => text
            .parse::<u32>()
            .ok()
            .filter(|n| (1..=MAX_CARDS).contains(n))
            .ok_or_else(|| bad(CARDS, text, "a number of GPUs"))?,
    };
    let several = pod.labels.object.keys().filter_map(|k| k.strip_prefix(GROUP_PREFIX));
    let mut groups: Vec<Option<String>> = several.map(|g| Some(g.to_owned())).collect();
    if groups.is_empty() {
        groups.extend(pod.labels.get(GROUP).map(|g| Some(g.to_owned())));
    }
    groups.resize(count as usize, None);
    Ok((part, groups))
}

/// The fraction is held as long as the pod is there: a reservation comes seconds after its pod.
fn holding(h: usize, pod: &Holder, reserved: &Holding, share: f64) -> Holding {
    Holding {
        holder: h,
        time: pod.time,
        share: share * reserved.share,
        slot: None,
        group: None,
        mode: Some(Sharing::Fraction),
        scales: true,
        ..*reserved
    }
}

/// One holding per holder and card: a pod of two groups that have one card has both fractions of it.
fn merged(shares: Vec<Holding>) -> Vec<Holding> {
    let mut out: BTreeMap<(usize, usize), Holding> = BTreeMap::new();
    for h in shares {
        let share = out.get(&(h.holder, h.device)).map_or(0.0, |same| same.share);
        out.insert((h.holder, h.device), Holding { share: (h.share + share).min(1.0), ..h });
    }
    out.into_values().collect()
}

impl Cards<'_> {
    /// Puts a group of which the card is not known on the card of the node with the most room.
    fn find(&mut self, node: &str, members: &[&Member]) {
        let times = members.iter().map(|m| self.pods[m.holder].time);
        let times = IntervalSet::union_of(times);
        let fits = |d: &Device| d.node == node && d.pooled.is_none() && !d.passthrough;
        let used = |d: usize| -> f64 {
            let there = |h: &&Holding| {
                h.device == d && !times.intersect(&IntervalSet::of(h.time)).is_empty()
            };
            self.placed.holdings.iter().filter(there).map(|h| h.share).sum()
        };
        let cards = self.devices.iter().enumerate().filter(|(_, d)| fits(d));
        let roomiest = cards
            .map(|(d, device)| (used(d), d, device))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for member in members {
            let pod = &self.pods[member.holder];
            match roomiest {
                Some((used, d, device)) if used < 1.0 - EPSILON => {
                    let reserved = Holding { known: false, ..Holding::whole(d, pod.time, 0) };
                    let share = member.part.of(device);
                    let new = holding(member.holder, pod, &reserved, share);
                    self.placed.holdings.push(new);
                }
                _ => {
                    *self.placed.homeless_ms.entry(member.holder).or_default() +=
                        part_of(pod.time, member.part);
                }
            }
        }
    }
}

/// GPU-milliseconds of a part; of a whole GPU where only memory is given.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "at most the length of the window"
)]
fn part_of(time: Interval, part: Part) -> i64 {
    match part {
        Part::Fraction(share) => (time.length_ms() as f64 * share).round() as i64,
        Part::Memory(_) => time.length_ms(),
    }
}
