//! What is held at the end of the window as items, and the nodes as machines, with proposals done.

use std::collections::{BTreeMap, BTreeSet};

use super::solve::{Card, Item, Machine, Need, Room};
use crate::attribution::holder::HolderKind;
use crate::attribution::holding::Sharing;
use crate::attribution::inventory::Device;
use crate::attribution::mig::{profile, table};
use crate::attribution::tenants::UNATTRIBUTED;
use crate::attribution::{Attributed, Attribution};
use crate::cost::price::capacity_type;
use crate::findings::evidence::{Evidence, is_there};
use crate::findings::proposal::Proposal;
use crate::model::ClusterFacts;
use crate::model::objects::{NodeFact, PodFact};
use crate::recommend::contract::Change;
use crate::report::figures::pod_key;
use crate::units::Millis;

/// Shares this close are of one profile.
const SAME_SHARE: f64 = 1e-3;

/// A pod on a device.
type Lease = (String, usize);
/// A holder, and its parts of devices.
type Held = (usize, Vec<(usize, f64)>);

/// Everything that is packed.
pub(super) struct Scene<'a> {
    pub(super) machines: Vec<Machine<'a>>,
    pub(super) items: Vec<Item<'a>>,
    /// CPU and memory of the pods with GPUs, each once.
    pub(super) shapes: Vec<(i64, i64)>,
    /// Most GPUs of a model held at one time.
    pub(super) peaks: BTreeMap<String, f64>,
    pub(super) not_considered: Vec<String>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(evidence: &Evidence<'a>, done: &[&Proposal]) -> Self {
        let done = Done::new(evidence, done);
        let facts = evidence.history.map(|history| history.facts);
        let (mut machines, place_of) = machines(evidence, facts);
        let items = items(evidence, facts, &done, &machines, &place_of);
        for item in &items {
            for (card, need) in &item.needs {
                machines[item.machine].cards[*card].taken.push(need.clone());
            }
        }
        break_cards(evidence, &mut machines);
        give_room(&mut machines, facts, &done);
        let shapes: BTreeSet<(i64, i64)> = items.iter().filter_map(|item| item.requests).collect();
        let not_considered = not_considered(&items, &machines, facts);
        let peaks = peaks(evidence, &done);
        Self { machines, items, shapes: shapes.into_iter().collect(), peaks, not_considered }
    }

    /// Cards that can be handed out, by model.
    pub(super) fn cards_by_model(&self) -> BTreeMap<String, u32> {
        let mut out = BTreeMap::new();
        let cards = self.machines.iter().flat_map(|machine| &machine.cards);
        for card in cards.filter(|card| !card.is_broken) {
            *out.entry(card.model.clone()).or_default() += 1;
        }
        out
    }
}

/// What proposals change of what is held.
struct Done {
    given_up: BTreeSet<Lease>,
    needs: BTreeMap<Lease, Need>,
}

impl Done {
    fn new(evidence: &Evidence<'_>, proposals: &[&Proposal]) -> Self {
        let mut out = Self { given_up: BTreeSet::new(), needs: BTreeMap::new() };
        for proposal in proposals {
            let leases = || proposal.leases.iter().cloned();
            match &proposal.change {
                _ if proposal.gives_up => out.given_up.extend(leases()),
                Change::FewerReplicas { from, to } => {
                    out.given_up.extend(spare(evidence, proposal, from.saturating_sub(*to)));
                }
                Change::Slice { to, share, .. } => {
                    if let Ok(spelled) = profile::read(to) {
                        let need = Need::Slice(spelled.profile, *share);
                        out.needs.extend(leases().map(|lease| (lease, need.clone())));
                    }
                }
                Change::Share { pods_per_gpu } => {
                    let need = Need::Part(1.0 / f64::from((*pods_per_gpu).max(1)));
                    out.needs.extend(leases().map(|lease| (lease, need.clone())));
                }
                _ => {}
            }
        }
        out
    }
}

/// The leases of so many pods: those on the nodes on which the workload has fewest.
fn spare(evidence: &Evidence<'_>, proposal: &Proposal, pods: u32) -> Vec<Lease> {
    let node = |device: usize| evidence.attribution.devices[device].node.as_str();
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (pod, device) in &proposal.leases {
        *on_node.entry(node(*device)).or_default() += 1;
        first.entry(pod).or_insert(*device);
    }
    let mut order: Vec<(&str, usize)> = first.into_iter().collect();
    order.sort_by_key(|(pod, device)| (on_node[node(*device)], node(*device), *pod));
    let gone: BTreeSet<&str> = order.iter().take(pods as usize).map(|(pod, _)| *pod).collect();
    proposal.leases.iter().filter(|(pod, _)| gone.contains(pod.as_str())).cloned().collect()
}

/// Machines, and where each device is: machine and card.
fn machines<'a>(
    evidence: &Evidence<'a>,
    facts: Option<&'a ClusterFacts>,
) -> (Vec<Machine<'a>>, BTreeMap<usize, (usize, usize)>) {
    let known: BTreeMap<&str, &'a NodeFact> =
        facts.iter().flat_map(|f| &f.nodes).map(|n| (n.name.as_str(), n)).collect();
    let last = evidence.window.end() - 1;
    let is_there = |device: &Device| device.presence.hull().is_some_and(|hull| hull.end > last);
    let mut by_node: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (d, device) in evidence.attribution.devices.iter().enumerate() {
        if is_there(device) {
            by_node.entry(&device.node).or_default().push(d);
        }
    }
    let (mut machines, mut places) = (Vec::new(), BTreeMap::new());
    for (name, devices) in by_node {
        let node = evidence.attribution.nodes.get(name);
        if node.is_some_and(|node| node.is_pool) {
            continue;
        }
        let fact = known.get(name).copied();
        let card = |&d: &usize| Card {
            model: evidence.attribution.devices[d].model.clone(),
            sharing: evidence.attribution.devices[d].sharing,
            per_gpu_hour: evidence.prices[d].as_ref().map(|price| price.per_gpu_hour),
            is_broken: false,
            taken: Vec::new(),
        };
        places.extend(devices.iter().enumerate().map(|(c, &d)| (d, (machines.len(), c))));
        let is_ready = fact.is_none_or(|f| !f.unschedulable && f.not_ready_since_ms.is_none());
        let was_broken = node.is_some_and(|node| is_at(node.broken.as_slice(), last));
        machines.push(Machine {
            name: name.to_owned(),
            capacity_type: node.and_then(|node| capacity_type(&node.labels)),
            fact,
            cards: devices.iter().map(card).collect(),
            room: Room::default(),
            is_target: is_ready && !was_broken,
        });
    }
    (machines, places)
}

fn is_at(times: &[crate::model::Interval], at: Millis) -> bool {
    times.iter().any(|time| time.start <= at && at < time.end)
}

/// As many empty cards as are missing from what a node can allocate cannot be handed out.
fn break_cards(evidence: &Evidence<'_>, machines: &mut [Machine<'_>]) {
    let last = evidence.window.end() - 1;
    for machine in machines {
        let missing = evidence.attribution.nodes.get(&machine.name).map_or(&[][..], |n| &n.missing);
        let now = missing.iter().filter(|(time, _)| time.start <= last && last < time.end);
        let count = now.map(|(_, count)| *count).max().unwrap_or(0) as usize;
        let empty = machine.cards.iter_mut().rev().filter(|card| card.taken.is_empty());
        empty.take(count).for_each(|card| card.is_broken = true);
    }
}

fn items<'a>(
    evidence: &Evidence<'a>,
    facts: Option<&'a ClusterFacts>,
    done: &Done,
    machines: &[Machine<'a>],
    place_of: &BTreeMap<usize, (usize, usize)>,
) -> Vec<Item<'a>> {
    let Attribution { holders, devices, pieces, .. } = evidence.attribution;
    let pods: BTreeMap<(&str, &str), &'a PodFact> = facts
        .iter()
        .flat_map(|f| &f.pods)
        .map(|pod| ((pod.namespace.as_str(), pod.name.as_str()), pod))
        .collect();
    let end = |d: usize, h: usize| pieces_end(evidence, d, h);
    let mut leases: BTreeMap<(usize, String), Held> = BTreeMap::new();
    for piece in pieces.iter().filter(|p| is_there(p.time.end, evidence.window)) {
        let Some((machine, _)) = place_of.get(&piece.device) else { continue };
        if piece.time.end < end(piece.device, piece.holder) || piece.share <= 0.0 {
            continue;
        }
        let key = (*machine, pod_key(&holders[piece.holder]));
        let item = leases.entry(key).or_insert_with(|| (piece.holder, Vec::new()));
        item.1.push((piece.device, piece.share));
    }
    let mut out = Vec::new();
    for ((machine, pod), (holder, held)) in leases {
        let kept = held.iter().filter(|(d, _)| !done.given_up.contains(&(pod.clone(), *d)));
        let needs: Vec<(usize, Need)> = kept
            .map(|(d, share)| {
                let new = done.needs.get(&(pod.clone(), *d)).cloned();
                (place_of[d].1, new.unwrap_or_else(|| need(&devices[*d], *share)))
            })
            .collect();
        if needs.is_empty() {
            continue;
        }
        let attributed = &holders[holder];
        let Attributed { holder, workload, .. } = attributed;
        let fact = pods.get(&(holder.key.namespace.as_str(), holder.key.name.as_str())).copied();
        let device = &devices[held[0].0];
        let is_cut = needs.iter().any(|(_, need)| matches!(need, Need::Slice(..)));
        out.push(Item {
            namespace: holder.key.namespace.clone(),
            pod: holder.key.name.clone(),
            workload: format!("{}/{}", workload.kind, workload.name),
            machine,
            from: machines[machine].fact,
            model: device.model.clone(),
            sharing: if is_cut { Sharing::Mig } else { device.sharing },
            needs,
            requests: fact.map(|f| (f.requests.cpu_millicores, f.requests.memory_bytes)),
            placement: fact.map(|f| &f.placement),
            stuck: stuck(attributed, fact),
        });
    }
    out
}

/// Last instant at which a holder has any part of a device.
fn pieces_end(evidence: &Evidence<'_>, device: usize, holder: usize) -> Millis {
    let of_device = crate::attribution::resolve::pieces_of(&evidence.attribution.pieces, device);
    of_device.iter().filter(|p| p.holder == holder).map(|p| p.time.end).max().unwrap_or(0)
}

/// A part of a card as what it is: by its profile, where the card is cut.
fn need(device: &Device, share: f64) -> Need {
    if share >= 1.0 - SAME_SHARE {
        return Need::Whole;
    }
    let profile = || {
        let gpu = table::gpu(&device.model).filter(|_| device.sharing == Sharing::Mig)?;
        let part = |slices: u32, of: u32| f64::from(slices) / f64::from(of);
        let row = gpu.rows.iter().find(|row| {
            let is = part(row.compute, gpu.compute).max(part(row.memory, gpu.memory));
            (is - share).abs() < SAME_SHARE
        })?;
        Some(Need::Slice(row.profile.clone(), share))
    };
    profile().unwrap_or(Need::Part(share))
}

/// Why a pod cannot be moved.
fn stuck(of: &Attributed, fact: Option<&PodFact>) -> Option<String> {
    let Attributed { holder, workload, tenant, .. } = of;
    let pod = format!("{}/{}", holder.key.namespace, holder.key.name);
    let asks = |key: &str, value: &str| {
        fact.is_some_and(|f| f.annotations.get(key).is_some_and(|v| v == value))
    };
    match holder.kind {
        HolderKind::StaleClaim => {
            return Some(format!("claim {pod} holds GPUs, and no pod uses it"));
        }
        HolderKind::ReservedClaim => {
            return Some(format!("claim {pod} is reserved for something that is no pod"));
        }
        HolderKind::Pod => {}
    }
    if tenant.tenant == UNATTRIBUTED {
        Some("nobody is known to hold its GPUs".to_owned())
    } else if workload.kind == "Pod" {
        Some(format!("pod {pod} has no controller: nobody would start it again elsewhere"))
    } else if workload.kind == "DaemonSet" {
        Some(format!("pod {pod} is of a DaemonSet, which runs on every node"))
    } else if asks("karpenter.sh/do-not-disrupt", "true")
        || asks("cluster-autoscaler.kubernetes.io/safe-to-evict", "false")
    {
        Some(format!("pod {pod} asks not to be moved"))
    } else if fact.is_some_and(|f| f.placement.minds_others) {
        Some(format!("where pod {pod} may run depends on where others do, which is not looked at"))
    } else {
        None
    }
}

/// What the pods on each node leave of its CPU, memory and pods.
fn give_room(machines: &mut [Machine<'_>], facts: Option<&ClusterFacts>, done: &Done) {
    let Some(facts) = facts.filter(|facts| !facts.pods.is_empty()) else { return };
    let gone: BTreeSet<&str> = done.given_up.iter().map(|(pod, _)| pod.as_str()).collect();
    let mut by_node: BTreeMap<&str, Vec<&PodFact>> = BTreeMap::new();
    for pod in facts.pods.iter().filter(|pod| !pod.phase.is_terminal()) {
        let uid = pod.uid.as_deref().unwrap_or_default();
        let key = format!("{}/{}/{uid}", pod.namespace, pod.name);
        if let Some(node) = pod.node.as_deref().filter(|_| !gone.contains(key.as_str())) {
            by_node.entry(node).or_default().push(pod);
        }
    }
    for machine in machines {
        let Some(fact) = machine.fact else { continue };
        let all = Room {
            cpu: fact.cpu_millicores,
            memory: fact.memory_bytes,
            pods: fact.pods.map(i64::from),
        };
        let pods = by_node.get(machine.name.as_str()).map_or(&[][..], Vec::as_slice);
        machine.room = pods.iter().fold(all, |room, pod| {
            room.less((pod.requests.cpu_millicores, pod.requests.memory_bytes), 1)
        });
    }
}

/// Most GPUs of each model held at one time in the window, without what is given up.
fn peaks(evidence: &Evidence<'_>, done: &Done) -> BTreeMap<String, f64> {
    let Attribution { holders, devices, pieces, .. } = evidence.attribution;
    let mut changes: BTreeMap<&str, BTreeMap<Millis, f64>> = BTreeMap::new();
    for piece in pieces {
        let lease = (pod_key(&holders[piece.holder]), piece.device);
        if done.given_up.contains(&lease) {
            continue;
        }
        let share = done.needs.get(&lease).map_or(piece.share, Need::share);
        let of_model = changes.entry(devices[piece.device].model.as_str()).or_default();
        *of_model.entry(piece.time.start).or_default() += share;
        *of_model.entry(piece.time.end).or_default() -= share;
    }
    let peak = |changes: &BTreeMap<Millis, f64>| {
        let mut held = 0.0;
        changes.values().fold(0.0_f64, |peak, change| {
            held += change;
            peak.max(held)
        })
    };
    changes.iter().map(|(model, changes)| ((*model).to_owned(), peak(changes))).collect()
}

fn not_considered(
    items: &[Item<'_>],
    machines: &[Machine<'_>],
    facts: Option<&ClusterFacts>,
) -> Vec<String> {
    let mut out = Vec::new();
    let unknown = items.iter().filter(|item| item.requests.is_none()).count();
    if unknown > 0 {
        out.push(format!(
            "CPU, memory and selectors of {unknown} of {} pods, which are not among the objects",
            items.len()
        ));
    }
    let unlisted = machines.iter().filter(|machine| machine.fact.is_none()).count();
    if unlisted > 0 {
        out.push(format!(
            "labels, taints and room of {unlisted} of {} nodes, which are not among the objects",
            machines.len()
        ));
    }
    let nodes: BTreeSet<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
    let others = facts.iter().flat_map(|facts| &facts.pods).filter(|pod| {
        let is_daemon = pod.owner.as_ref().is_some_and(|owner| owner.kind == "DaemonSet");
        let r = &pod.requests;
        let has_gpu = !r.gpus.is_empty() || !r.other_gpu_requests.is_empty();
        let is_here = pod.node.as_deref().is_some_and(|node| nodes.contains(node));
        is_here && !is_daemon && !has_gpu && pod.claims.is_empty() && !pod.phase.is_terminal()
    });
    match others.count() {
        0 => {}
        count => out.push(format!("{count} pods without GPUs on these nodes, which go elsewhere")),
    }
    out.extend(
        [
            "disruption budgets, volumes that belong to a node or zone, preferences, and host ports",
            "what starts after the end of the window, and pods that wait",
        ]
        .map(ToOwned::to_owned),
    );
    out
}
