//! Emptying nodes onto others: machines with cards, and items that must stay together.

use std::collections::BTreeMap;

use crate::attribution::holding::{EPSILON, Sharing};
use crate::attribution::mig::layout;
use crate::attribution::mig::profile::Profile;
use crate::model::objects::NodeFact;
use crate::model::placement::Placement;
use crate::units::HOURS_PER_MONTH;

/// What is needed of one card.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Need {
    /// All of it.
    Whole,
    /// A MIG instance, and the part of the card that it is.
    Slice(Profile, f64),
    /// A part that is shared in another way.
    Part(f64),
}

impl Need {
    pub(super) const fn share(&self) -> f64 {
        match self {
            Self::Whole => 1.0,
            Self::Slice(_, share) | Self::Part(share) => *share,
        }
    }
}

/// A card of a node.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) model: String,
    pub(super) sharing: Sharing,
    pub(super) per_gpu_hour: Option<f64>,
    /// It cannot be handed out.
    pub(super) is_broken: bool,
    pub(super) taken: Vec<Need>,
}

impl Card {
    fn share(&self) -> f64 {
        self.taken.iter().map(Need::share).sum::<f64>().min(1.0)
    }

    fn profiles(&self) -> Option<Vec<Profile>> {
        let profile = |need: &Need| match need {
            Need::Slice(profile, _) => Some(profile.clone()),
            Need::Whole | Need::Part(_) => None,
        };
        self.taken.iter().map(profile).collect()
    }

    /// Whether it takes that as well. A card that is handed out whole and is empty can be cut.
    fn takes(&self, need: &Need, item: &Item<'_>) -> bool {
        if self.is_broken || self.model != item.model {
            return false;
        }
        let is_alike = self.sharing == item.sharing;
        match need {
            Need::Whole => is_alike && self.taken.is_empty(),
            Need::Slice(profile, _) => {
                let can_be_cut =
                    is_alike || matches!(self.sharing, Sharing::Exclusive | Sharing::Dra);
                can_be_cut
                    && self.profiles().is_some_and(|p| layout::fits(&self.model, &p, profile))
            }
            Need::Part(share) => {
                let is_shared = self.taken.iter().all(|taken| matches!(taken, Need::Part(_)));
                is_alike && is_shared && self.share() + share <= 1.0 + EPSILON
            }
        }
    }
}

/// CPU (millicores), memory (bytes) and pods that are left; `None` where not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    pub(super) cpu: Option<i64>,
    pub(super) memory: Option<i64>,
    pub(super) pods: Option<i64>,
}

impl Room {
    fn takes(&self, (cpu, memory): (i64, i64)) -> bool {
        self.cpu.is_none_or(|left| left >= cpu)
            && self.memory.is_none_or(|left| left >= memory)
            && self.pods.is_none_or(|left| left >= 1)
    }

    /// Room after so many more pods of that size.
    pub(super) fn less(self, (cpu, memory): (i64, i64), pods: i64) -> Self {
        Self {
            cpu: self.cpu.map(|left| left - cpu * pods),
            memory: self.memory.map(|left| left - memory * pods),
            pods: self.pods.map(|left| left - pods),
        }
    }
}

/// A node with GPUs.
#[derive(Debug, Clone)]
pub(super) struct Machine<'a> {
    pub(super) name: String,
    pub(super) capacity_type: Option<&'static str>,
    pub(super) fact: Option<&'a NodeFact>,
    pub(super) cards: Vec<Card>,
    pub(super) room: Room,
    /// Pods may move onto it.
    pub(super) is_target: bool,
}

impl Machine<'_> {
    /// Price of its GPUs for a month.
    pub(super) fn monthly_cost(&self) -> Option<f64> {
        let prices: Option<f64> = self.cards.iter().map(|card| card.per_gpu_hour).sum();
        prices.map(|price| price * HOURS_PER_MONTH)
    }

    /// Money of what nobody holds; what has no price counts as if it cost 1.
    fn unused(&self) -> f64 {
        let unused = |card: &Card| (1.0 - card.share()) * card.per_gpu_hour.unwrap_or(1.0);
        self.cards.iter().map(unused).sum()
    }
}

/// A pod with GPUs.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) workload: String,
    pub(super) machine: usize,
    /// Its node now.
    pub(super) from: Option<&'a NodeFact>,
    pub(super) model: String,
    pub(super) sharing: Sharing,
    /// Position of the card on its machine, and what it needs of it.
    pub(super) needs: Vec<(usize, Need)>,
    /// CPU and memory that it asks for; `None` where not known.
    pub(super) requests: Option<(i64, i64)>,
    pub(super) placement: Option<&'a Placement>,
    /// Why it cannot be moved.
    pub(super) stuck: Option<String>,
}

impl Item<'_> {
    pub(super) fn gpus(&self) -> f64 {
        self.needs.iter().map(|(_, need)| need.share()).sum()
    }

    fn may_run_on(&self, machine: &Machine<'_>) -> bool {
        match (self.placement, machine.fact) {
            (Some(placement), Some(node)) => placement.allows(node, self.from),
            (Some(placement), None) => {
                placement.node_selector.is_empty() && placement.affinity.is_none()
            }
            (None, _) => true,
        }
    }
}

/// A node that was emptied, and which item went to which machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drained {
    pub(super) machine: usize,
    pub(super) moves: Vec<(usize, usize)>,
}

/// Empties machines as far as others take what is on them. Of those with free cards that stay, why.
pub(super) fn consolidate(
    machines: &mut [Machine<'_>],
    items: &[Item<'_>],
) -> (Vec<Drained>, BTreeMap<usize, String>) {
    let mut on: Vec<Vec<usize>> = vec![Vec::new(); machines.len()];
    for (i, item) in items.iter().enumerate() {
        on[item.machine].push(i);
    }
    for of_machine in &mut on {
        of_machine.sort_by(|&a, &b| items[b].gpus().total_cmp(&items[a].gpus()).then(a.cmp(&b)));
    }
    let mut order: Vec<usize> = (0..machines.len()).collect();
    order.sort_by(|&a, &b| {
        let unused = machines[b].unused().total_cmp(&machines[a].unused());
        unused.then_with(|| machines[a].name.cmp(&machines[b].name))
    });
    let (mut drained, mut reasons) = (Vec::new(), BTreeMap::new());
    let mut is_closed = vec![false; machines.len()];
    let mut is_gone = vec![false; machines.len()];
    for machine in order {
        // What was moved once is not moved again.
        if is_closed[machine] || machines[machine].unused() <= 0.0 {
            continue;
        }
        if let Some(why) = on[machine].iter().find_map(|&item| items[item].stuck.clone()) {
            reasons.insert(machine, why);
            continue;
        }
        // Fullest first.
        let mut targets: Vec<(f64, usize)> = (0..machines.len())
            .filter(|&m| m != machine && machines[m].is_target && !is_gone[m])
            .map(|m| (machines[m].unused(), m))
            .collect();
        targets.sort_by(|(a, m), (b, n)| {
            a.total_cmp(b).then_with(|| machines[*m].name.cmp(&machines[*n].name))
        });
        let targets: Vec<usize> = targets.into_iter().map(|(_, m)| m).collect();
        match emptied(machines, items, &on[machine], &targets) {
            Ok(moves) => {
                moves.iter().for_each(|&(_, to)| is_closed[to] = true);
                machines[machine].cards.iter_mut().for_each(|card| card.taken.clear());
                is_gone[machine] = true;
                drained.push(Drained { machine, moves });
            }
            Err(item) => {
                let item = &items[item];
                let why = format!("no other node takes pod {}/{}", item.namespace, item.pod);
                reasons.insert(machine, why);
            }
        }
    }
    (drained, reasons)
}

/// Places items on the first of `targets` that takes each; the item that none takes, with nothing placed.
fn emptied(
    machines: &mut [Machine<'_>],
    items: &[Item<'_>],
    moving: &[usize],
    targets: &[usize],
) -> Result<Vec<(usize, usize)>, usize> {
    let mut undo: Vec<(usize, Vec<Card>, Room)> = Vec::new();
    let mut moves = Vec::new();
    for &i in moving {
        let item = &items[i];
        let placed = targets.iter().find_map(|&t| {
            let placed = with(&machines[t], item)?;
            Some((t, placed))
        });
        let Some((target, placed)) = placed else {
            for (target, cards, room) in undo.into_iter().rev() {
                machines[target].cards = cards;
                machines[target].room = room;
            }
            return Err(i);
        };
        let cards = std::mem::replace(&mut machines[target].cards, placed);
        let room = machines[target].room;
        machines[target].room = room.less(item.requests.unwrap_or_default(), 1);
        undo.push((target, cards, room));
        moves.push((i, target));
    }
    Ok(moves)
}

/// The cards of a machine with an item on them; `None` where it does not fit.
fn with(machine: &Machine<'_>, item: &Item<'_>) -> Option<Vec<Card>> {
    let free = |card: &Card| if card.model == item.model { 1.0 - card.share() } else { 0.0 };
    // Shares of instances may add up to more than a card that holds them.
    let is_cut = item.needs.iter().any(|(_, need)| matches!(need, Need::Slice(..)));
    let has_free = is_cut || machine.cards.iter().map(free).sum::<f64>() + EPSILON >= item.gpus();
    if !has_free
        || !machine.room.takes(item.requests.unwrap_or_default())
        || !item.may_run_on(machine)
    {
        return None;
    }
    let mut cards = machine.cards.clone();
    for (_, need) in &item.needs {
        // The fullest card that takes it; of equal ones the first.
        let taking = (0..cards.len()).filter(|&c| cards[c].takes(need, item));
        let best = taking.min_by(|&a, &b| cards[b].share().total_cmp(&cards[a].share()))?;
        cards[best].taken.push(need.clone());
    }
    Some(cards)
}

/// Price for a month of what is free on a machine and cannot be used: all that is free where no pod of `shapes` (CPU
/// and memory of the pods with GPUs) has room, else what is left of cards that are cut and take no further instance.
pub(super) fn stranded(machine: &Machine<'_>, shapes: &[(i64, i64)]) -> Option<f64> {
    let has_room = shapes.is_empty() || shapes.iter().any(|shape| machine.room.takes(*shape));
    let of_card = |card: &Card| {
        let free = 1.0 - card.share();
        let cut = card.profiles().filter(|profiles| !profiles.is_empty());
        let is_spent = cut.is_some_and(|profiles| !layout::any_fits(&card.model, &profiles));
        let stranded = if !has_room || is_spent { free } else { 0.0 };
        match card.per_gpu_hour {
            Some(price) => Some(stranded * price * HOURS_PER_MONTH),
            None => (stranded <= 0.0).then_some(0.0),
        }
    };
    machine.cards.iter().filter(|card| !card.is_broken).map(of_card).sum()
}

#[cfg(test)]
mod tests;
