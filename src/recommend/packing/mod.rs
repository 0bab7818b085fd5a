//! Which nodes come free: what is held at the end of the window, packed onto fewer nodes.
//!
//! Nodes are emptied one after the other, the one with most unused money first, and what is on it goes to the
//! fullest nodes that take it, largest first (first-fit decreasing). That is how a cluster autoscaler gets there,
//! pod by pod, and it moves no more than it must; the fewest nodes of all is a hard problem, and is not claimed. Same
//! inputs, same result.
//!
//! `input` makes machines and items of the evidence, `solve` packs, `contract` is what is said.

pub mod contract;
mod input;
mod solve;
#[cfg(test)]
mod tests;

use contract::{FreeNode, MovedPod, Packing, StayingNode};
use input::Scene;
use solve::{Drained, consolidate, stranded};

use crate::findings::evidence::Evidence;
use crate::findings::proposal::Proposal;

/// Packs what is held at the end of the window with these proposals done.
#[must_use]
pub fn pack(evidence: &Evidence<'_>, done: &[&Proposal]) -> Packing {
    let mut scene = Scene::new(evidence, done);
    let all: Vec<bool> = vec![true; scene.machines.len()];
    let before = Money::of(&scene, &all);
    let (drained, reasons) = consolidate(&mut scene.machines, &scene.items);
    let mut stays = all;
    drained.iter().for_each(|d| stays[d.machine] = false);
    let after = Money::of(&scene, &stays);
    let mut left = scene.cards_by_model();
    let free = drained.iter().map(|d| free_node(&scene, d, &mut left)).collect();
    let staying = |(machine, reason): (usize, String)| StayingNode {
        node: scene.machines[machine].name.clone(),
        reason,
    };
    Packing {
        nodes_before: number(stays.len()),
        nodes_after: number(stays.iter().filter(|s| **s).count()),
        monthly_cost_before: before.cost,
        monthly_cost_after: after.cost,
        monthly_stranded_before: before.stranded,
        monthly_stranded_after: after.stranded,
        free,
        stays: reasons.into_iter().map(staying).collect(),
        not_considered: scene.not_considered,
    }
}

/// Money of nodes for a month.
struct Money {
    cost: Option<f64>,
    stranded: Option<f64>,
}

impl Money {
    fn of(scene: &Scene<'_>, counts: &[bool]) -> Self {
        let machines = || scene.machines.iter().zip(counts).filter(|(_, c)| **c).map(|(m, _)| m);
        Self {
            cost: machines().map(solve::Machine::monthly_cost).sum(),
            stranded: machines().map(|machine| stranded(machine, &scene.shapes)).sum(),
        }
    }
}

fn free_node(
    scene: &Scene<'_>,
    drained: &Drained,
    left: &mut std::collections::BTreeMap<String, u32>,
) -> FreeNode {
    let machine = &scene.machines[drained.machine];
    let model = machine.cards.first().map(|card| card.model.clone()).unwrap_or_default();
    let gpus = number(machine.cards.len());
    for card in machine.cards.iter().filter(|card| !card.is_broken) {
        if let Some(count) = left.get_mut(&card.model) {
            *count = count.saturating_sub(1);
        }
    }
    let moved = |(item, to): &(usize, usize)| {
        let item = &scene.items[*item];
        MovedPod {
            namespace: item.namespace.clone(),
            pod: item.pod.clone(),
            workload: item.workload.clone(),
            gpus: item.gpus(),
            to: scene.machines[*to].name.clone(),
        }
    };
    FreeNode {
        node: machine.name.clone(),
        gpus,
        capacity_type: machine.capacity_type.map(ToOwned::to_owned),
        monthly_cost: machine.monthly_cost(),
        peak_gpus: scene.peaks.get(&model).copied().unwrap_or(0.0),
        gpus_left: left.get(&model).copied().unwrap_or(0),
        moves: drained.moves.iter().map(moved).collect(),
        model,
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
