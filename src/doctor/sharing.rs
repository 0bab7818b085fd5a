//! The ways of sharing GPUs that were found, on which nodes, and whether the data at hand is enough for each.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{SHARING, count, list};
use super::contract::{Check, Group, State};
use super::csv_lines::{DCGM_CSV, DCGM_DRA, DCGM_VIRTUAL, dcgm_line};
use super::signs::{DeviceSigns, Signs};
use crate::model::objects::is_passthrough;
use crate::model::{Inputs, QueryId};
use crate::observe::field::Field;
use crate::report::contract::{GpuRow, Report};

/// GPUs of one way of sharing.
#[derive(Default)]
struct Mode<'a> {
    gpus: Vec<&'a GpuRow>,
    nodes: BTreeSet<&'a str>,
}

/// Checks of every way of sharing that was found.
pub(super) fn checks(inputs: &Inputs, report: &Report, signs: &Signs) -> Vec<Check> {
    let mut modes: BTreeMap<&str, Mode<'_>> = BTreeMap::new();
    for gpu in &report.gpus {
        let mode = modes.entry(gpu.sharing.as_str()).or_default();
        mode.gpus.push(gpu);
        mode.nodes.insert(&gpu.node);
    }
    let has_metrics = signs.series > 0;
    let complete = report.coverage.complete;
    let mut out: Vec<Check> =
        modes.iter().map(|(name, mode)| mode.check(name, signs, has_metrics, complete)).collect();
    out.extend(passthrough(inputs));
    if out.is_empty() {
        let message = "no GPU was found: no series of one, no node that has any";
        out.push(Check::new(Group::Sharing, "sharing", State::Skipped, message, SHARING));
    }
    out
}

impl Mode<'_> {
    fn check(&self, name: &str, signs: &Signs, has_metrics: bool, complete: bool) -> Check {
        let (gpus, nodes) = (self.gpus.len(), self.nodes.len());
        let there = format!("{gpus} GPUs on {nodes} nodes");
        let make = |state, message| {
            Check::new(
                Group::Sharing,
                format!("sharing-{}", name.replace('+', "-")),
                state,
                message,
                SHARING,
            )
        };
        let lack = if has_metrics { self.lack(name, signs) } else { None };
        let check = match lack {
            None if !has_metrics => make(State::Ok, there),
            None => make(State::Ok, format!("{there}: {}", enough(name))),
            Some(Lack { message, action, text, blinds }) => {
                // Only what leaves time unobserved makes figures incomplete.
                let state = if blinds && !complete { State::Fail } else { State::Warn };
                make(state, format!("{there}: {message}")).fixed_by(action, text)
            }
        };
        check
            .about(name)
            .figure("gpus", count(gpus))
            .figure("nodes", count(nodes))
            .named(self.nodes.iter().copied())
    }

    /// What the data does not have that this way of sharing needs.
    fn lack(&self, name: &str, signs: &Signs) -> Option<Lack> {
        let seen: Vec<(&GpuRow, &DeviceSigns)> = self
            .gpus
            .iter()
            .filter_map(|gpu| Some((*gpu, signs.devices.get(&gpu.uuid)?)))
            .collect();
        match name {
            "mig" | "mig+replicas" => mig(&seen),
            "time-slicing" | "mps" => replicas(&seen, name),
            "dra" | "dra-partition" | "dra-capacity" => claims(&seen),
            _ => None,
        }
    }
}

struct Lack {
    message: String,
    action: String,
    text: String,
    /// Whether time is unobserved because of it.
    blinds: bool,
}

fn nodes_of(seen: &[(&GpuRow, &DeviceSigns)]) -> String {
    let nodes: BTreeSet<&str> = seen.iter().map(|(gpu, _)| gpu.node.as_str()).collect();
    list(nodes)
}

type Seen<'a> = (&'a GpuRow, &'a DeviceSigns);

/// MIG: `GPU_UTIL` does not exist for instances, so a profiling signal of each is needed.
fn mig(seen: &[Seen<'_>]) -> Option<Lack> {
    let has_signal = |d: &DeviceSigns| {
        d.instances.contains(&Field::GrEngineActive) || d.instances.contains(&Field::SmActive)
    };
    let blind: Vec<Seen<'_>> = seen.iter().filter(|(_, d)| !has_signal(d)).copied().collect();
    if blind.is_empty() {
        return None;
    }
    let message = format!(
        "no use of MIG instances is told on {}: GPU_UTIL does not exist for them, GR_ENGINE_ACTIVE with the label GPU_I_ID is needed",
        nodes_of(&blind)
    );
    let text = dcgm_line(QueryId::GrEngineActive).unwrap_or_default().to_owned();
    Some(Lack { message, action: DCGM_CSV.to_owned(), text, blinds: true })
}

/// Replicas: only rows of single pods tell who of those on a card used it.
fn replicas(seen: &[Seen<'_>], name: &str) -> Option<Lack> {
    let without: Vec<Seen<'_>> = seen.iter().filter(|(_, d)| !d.has_processes).copied().collect();
    if without.is_empty() {
        return None;
    }
    let message = format!(
        "no use of single pods is told on {}: those on a card share its use in equal parts ({name} has no other witness)",
        nodes_of(&without)
    );
    let action = "let dcgm-exporter (4.5.3-4.8.2 or later) tell pods on one card apart: set in its environment, with `hostPID: true`";
    Some(Lack { message, action: action.to_owned(), text: DCGM_VIRTUAL.to_owned(), blinds: false })
}

/// Claims: the exporter's labels tell which device a claim had, also once it is gone.
fn claims(seen: &[Seen<'_>]) -> Option<Lack> {
    let is_held = |gpu: &GpuRow| gpu.ledger.allocated_gpu_hours > 0.0;
    let without: Vec<Seen<'_>> =
        seen.iter().filter(|(gpu, d)| is_held(gpu) && !d.names_claims).copied().collect();
    if without.is_empty() {
        return None;
    }
    let message = format!(
        "series do not name claims on {}: devices of claims that are gone, and of MIG instances made on demand, are not known",
        nodes_of(&without)
    );
    let action = "let dcgm-exporter name resource claims: set in its environment";
    Some(Lack { message, action: action.to_owned(), text: DCGM_DRA.to_owned(), blinds: false })
}

/// What is at hand where nothing lacks.
fn enough(name: &str) -> &'static str {
    match name {
        "exclusive" => "one holder at a time, the card's use is the holder's",
        "mig" => "instances have a signal of their own",
        "mig+replicas" => {
            "instances have a signal of their own; pods on one instance share it in equal parts"
        }
        "time-slicing" | "mps" => "the use of single pods is told",
        "dra" | "dra-partition" | "dra-capacity" => "series name the claims",
        "vgpu" => {
            "shares are read from HAMi's or Volcano's annotations; the card's use is split by share"
        }
        "fraction" => {
            "shares are read from KAI's or Run:ai's annotations; the card's use is split by share"
        }
        _ => "as in the report",
    }
}

/// Cards that go to virtual machines.
fn passthrough(inputs: &Inputs) -> Option<Check> {
    let has_some = |capacity: &BTreeMap<String, u32>| {
        capacity.iter().any(|(resource, n)| *n > 0 && is_passthrough(resource))
    };
    let nodes: Vec<&str> = inputs
        .facts
        .nodes
        .iter()
        .filter(|node| has_some(&node.gpu_capacity))
        .map(|node| node.name.as_str())
        .collect();
    if nodes.is_empty() {
        return None;
    }
    let message = format!(
        "GPUs of {} go to virtual machines: no exporter of the host can see them, and their time is unobserved. Only an exporter in the guest could tell",
        list(nodes.iter().copied())
    );
    let check = Check::new(Group::Sharing, "sharing-passthrough", State::Skipped, message, SHARING);
    Some(check.about("passthrough").figure("nodes", count(nodes.len())).named(nodes))
}
