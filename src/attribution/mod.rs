//! Who held what: devices, holders, and the state of every GPU-second.
//!
//! Pure: inputs and policy in, plain rows out. Money comes later (`cost`), sums later still (`frame`).

pub mod agents;
pub mod claims;
pub mod counters;
pub mod fraction;
mod gone;
pub mod health;
pub mod holder;
pub mod holding;
pub mod inventory;
pub mod judge;
pub mod label_view;
pub mod mig;
pub mod node_names;
pub mod nodes;
pub mod oddities;
pub mod owners;
pub mod placement;
pub mod plugin;
mod pod_labels;
pub mod pods;
pub mod pooled;
pub mod resolve;
pub mod room;
pub mod slots;
pub mod states;
pub mod tenants;
pub mod unjoined;
pub mod vgpu;

#[cfg(test)]
mod testing;

use std::collections::{BTreeMap, BTreeSet};

use fraction::Fractions;
use holder::{Holder, HolderKind, HoldingSource};
use holding::{EPSILON, Holding, Sharing};
use inventory::Device;
use judge::DeviceTime;
use nodes::Node;
use oddities::Oddities;
use owners::{Owners, Workload};
use placement::Places;
use pods::Holders;
use pooled::Cards;
use resolve::{Account, Books, Piece};
use states::State;
use tenants::Named;
use unjoined::Unjoined;

use crate::model::{Inputs, Interval, IntervalSet, Policy, Window};
use crate::observe::devices::{self, DeviceObservation, DeviceObservations};
use crate::observe::kube_state::{self, KubeState, PodKey};

/// A holder with its workload and tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed {
    /// Cluster, where a report is of several or of roll-ups.
    pub cluster: Option<String>,
    /// The pod and its time.
    pub holder: Holder,
    /// Its workload.
    pub workload: Workload,
    /// Its tenant.
    pub tenant: Named,
}

/// One holder on one device: what segments do not carry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tenure {
    /// Position among the holders.
    pub holder: usize,
    /// Position among the devices.
    pub device: usize,
    /// Largest framebuffer use, bytes.
    pub memory_peak: Option<f64>,
    /// Longest unbroken idle stretch, milliseconds.
    pub longest_idle_ms: i64,
    /// The idle stretch that begins with the window, milliseconds; 0 without one.
    pub leading_idle_ms: i64,
    /// The idle stretch that ends with the window, milliseconds; 0 without one.
    pub trailing_idle_ms: i64,
}

/// The ledger's rows before prices.
#[derive(Debug, Clone, Default)]
pub struct Attribution {
    /// Nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// Devices by node and index.
    pub devices: Vec<Device>,
    /// Holders.
    pub holders: Vec<Attributed>,
    /// Who had which part of which device.
    pub pieces: Vec<Piece>,
    /// What is known of each holder on each device as a whole, by holder and device.
    pub tenures: Vec<Tenure>,
    /// What was odd.
    pub oddities: Oddities,
}

/// Attributes every GPU-second of the window, and makes something of the time of each device: there are as many
/// rows as samples that differ, so they are not kept.
pub fn attribute<T: Send>(
    inputs: &Inputs,
    policy: &Policy,
    make: impl Fn(DeviceTime<'_>) -> T + Sync,
) -> (Attribution, Vec<T>) {
    let (max_gap_ms, step_ms) = (policy.max_gap_ms, policy.default_step_ms);
    let kube = kube_state::observe(inputs, &policy.gpu_resources, max_gap_ms, step_ms);
    let seen = devices::observe(inputs, max_gap_ms, step_ms);
    let cards = Cards::new(&inputs.facts.dra);
    let node_names = node_names::node_names(&seen.devices, &kube, &inputs.facts);
    let mut nodes =
        nodes::nodes(inputs.window, &kube, &inputs.facts, &by_node(&seen.devices, &node_names));
    nodes::add_homes(&mut nodes, inputs.window, &kube, &inputs.facts, &cards);
    let mut bad_annotations = vgpu::read_nodes(&mut nodes, &inputs.facts);
    let mut devices = inventory::devices(&nodes, &seen.devices, &node_names, &cards);
    let slots = slots::slots(&devices, &nodes, &seen.devices);
    let is_present_only = inputs.metrics.is_empty();
    let Holders { mut pods, unconfirmed } =
        pods::holders(inputs.window, &kube, &inputs.facts, &seen.devices, policy, is_present_only);
    // Nobody seen is nobody there only where somebody was looking.
    let looked = !kube.up().is_empty()
        || !inputs.facts.pods.is_empty()
        || inputs.facts.listed_at_ms.is_some();
    let no_holders = pods.is_empty() && !looked;
    let world = claims::World {
        window: inputs.window,
        facts: &inputs.facts,
        cards: &cards,
        devices: &devices,
        observations: &seen.devices,
        is_present_only,
        max_gap_ms,
    };
    let told = hold(&world, &mut pods, &slots, &nodes, policy);
    let mut holdings = told.holdings;
    bad_annotations.extend(told.problems);
    if no_holders {
        pods.push(unknown_holder(inputs.window));
        holdings.extend(everything(&devices, pods.len() - 1));
    }
    let mut account = account(&holdings, &devices, &slots, &pods, &cards, inputs);
    let used = unclaimed_use(&account, &devices, &seen, policy);
    let unclaimed_use_ms = used.iter().map(|h| h.time.length_ms()).sum();
    let missing = unjoined::taken(&told.unjoined, &devices, &account.free, &used);
    if !used.is_empty() || !missing.is_empty() {
        pods.push(unknown_holder(inputs.window));
        let holder = pods.len() - 1;
        holdings.extend(used.into_iter().chain(missing).map(|h| Holding { holder, ..h }));
        account = self::account(&holdings, &devices, &slots, &pods, &cards, inputs);
    }
    // Metrics and labels lag by up to a gap at each handover; only more than that is a contradiction.
    account.contested_ms.retain(|_, ms| *ms > max_gap_ms);
    name_sharing(&mut devices, &slots, &nodes, &holdings);
    let holders = attributed(pods, &kube, inputs, policy);
    let rows = judge::Rows {
        devices: &devices,
        nodes: &nodes,
        seen: &seen,
        holders: &holders,
        cards: &cards,
        policy,
        window: inputs.window,
    };
    let (judged, made) = rows.all(&account, inputs, &make);
    let mut oddities = oddities::of(&seen, &kube, &devices, &nodes, &holders, &account);
    oddities.homeless =
        told.homeless_ms.iter().map(|(h, ms)| (holders[*h].holder.key.clone(), *ms)).collect();
    oddities.no_holders = no_holders;
    oddities.unconfirmed = unconfirmed;
    oddities.busy_unheld_ms = judged.busy_unheld_ms;
    oddities.of_claims(told.unlisted, &told.unjoined, &holders, &inputs.facts.dra, &kube);
    oddities.bad_annotations = bad_annotations;
    oddities.unclaimed_use_ms = unclaimed_use_ms;
    let pieces = account.pieces;
    let tenures = judged.tenures;
    (Attribution { nodes, devices, holders, pieces, tenures, oddities }, made)
}

/// What every mode tells together.
struct Told {
    holdings: Vec<Holding>,
    homeless_ms: BTreeMap<usize, i64>,
    unlisted: Vec<String>,
    unjoined: Vec<Unjoined>,
    problems: Vec<String>,
}

/// Asks every mode: claims, annotations, fractions, and for the rest the device plugin's slots. A mode
/// takes the holders that it knows more of than a request; they are settled for those after it.
fn hold(
    world: &claims::World<'_>,
    pods: &mut Vec<Holder>,
    slots: &[slots::Slot],
    nodes: &BTreeMap<String, Node>,
    policy: &Policy,
) -> Told {
    let devices = world.devices;
    let claimed = claims::claimed(world, pods);
    let divided = vgpu::told(pods, devices, nodes);
    let fractions = Fractions::new(pods);
    fractions.point(pods, devices);
    let settled: BTreeSet<usize> =
        [claimed.settled, divided.settled, fractions.settled()].into_iter().flatten().collect();
    let mut placed = place(pods, &settled, slots, devices, nodes, &divided.holdings, policy);
    fractions.share(pods, devices, &mut placed);
    Told {
        holdings: [claimed.holdings, divided.holdings, placed.holdings].concat(),
        homeless_ms: placed.homeless_ms,
        unlisted: claimed.unlisted,
        unjoined: claimed.unjoined,
        problems: divided.problems.into_iter().chain(fractions.problems).collect(),
    }
}

fn place(
    pods: &[Holder],
    settled: &BTreeSet<usize>,
    slots: &[slots::Slot],
    devices: &[Device],
    nodes: &BTreeMap<String, Node>,
    beside: &[Holding],
    policy: &Policy,
) -> placement::Placed {
    let of_observation = devices
        .iter()
        .enumerate()
        .filter_map(|(d, device)| Some((device.observation?, d)))
        .collect();
    let node_of_device: Vec<String> = devices.iter().map(|d| d.node.clone()).collect();
    let places = Places {
        slots,
        node_of_device: &node_of_device,
        of_observation: &of_observation,
        nodes,
        beside,
        max_gap_ms: policy.max_gap_ms,
    };
    placement::place(pods, settled, &places)
}

fn account(
    holdings: &[Holding],
    devices: &[Device],
    slots: &[slots::Slot],
    holders: &[Holder],
    cards: &Cards,
    inputs: &Inputs,
) -> Account {
    let pools = &inputs.facts.dra.pools;
    resolve::resolve(holdings, &Books { devices, slots, holders, cards, pools })
}

/// One holder of every device for all of its time.
fn everything(devices: &[Device], holder: usize) -> Vec<Holding> {
    let mut out = Vec::new();
    for (d, device) in devices.iter().enumerate() {
        out.extend(device.presence.as_slice().iter().map(|&time| Holding::whole(d, time, holder)));
    }
    out
}

/// Time in which a pooled device was used while no claim of that time is known: the claim is gone, and no
/// series named it. It was held by somebody, so it is not free. The holder is filled in by the caller.
fn unclaimed_use(
    account: &Account,
    devices: &[Device],
    seen: &DeviceObservations<'_>,
    policy: &Policy,
) -> Vec<Holding> {
    let mut out = Vec::new();
    for free in &account.free {
        let device = &devices[free.device];
        let (Some(o), true) =
            (device.observation.filter(|_| device.pooled.is_some()), free.usable >= 1.0 - EPSILON)
        else {
            continue;
        };
        let seen = seen.full(o);
        let signals = states::Signals::new(&seen.card.signals, device.memory_bytes, policy);
        let used = signals.states(free.time, free.time.start).into_iter().filter(|(_, j)| {
            j.state == State::Active || j.state == State::IdleWarm && j.is_memory_known
        });
        let used = IntervalSet::union_of(used.map(|(time, _)| time));
        out.extend(used.as_slice().iter().map(|&time| Holding::whole(free.device, time, 0)));
    }
    out
}

fn claims_are_labelled(seen: &[DeviceObservation]) -> bool {
    seen.iter().flat_map(DeviceObservation::readings).any(|(_, r)| !r.claims.is_empty())
}

/// How each device was shared, by what was handed out of it.
fn name_sharing(
    devices: &mut [Device],
    slots: &[slots::Slot],
    nodes: &BTreeMap<String, Node>,
    holdings: &[Holding],
) {
    let mut handed_out: BTreeMap<usize, Sharing> = BTreeMap::new();
    for (device, mode) in holdings.iter().filter_map(|h| Some((h.device, h.mode?))) {
        let known = handed_out.entry(device).or_insert(mode);
        *known = mode.max(*known);
    }
    for (d, device) in devices.iter_mut().enumerate() {
        device.sharing = match (handed_out.get(&d), device.pooled) {
            (Some(sharing), _) => *sharing,
            (None, Some(_)) => Sharing::Dra,
            (None, None) => {
                let plugin = nodes.get(&device.node).map(|n| &n.plugin);
                slots::sharing(&slots[slots::of_device(slots, d)], plugin)
            }
        };
    }
}

fn by_node<'a>(
    devices: &'a [DeviceObservation],
    names: &[String],
) -> BTreeMap<String, Vec<&'a DeviceObservation>> {
    let mut out: BTreeMap<String, Vec<&DeviceObservation>> = BTreeMap::new();
    for (device, name) in devices.iter().zip(names) {
        out.entry(name.clone()).or_default().push(device);
    }
    out
}

/// Whoever holds what nothing names: its own row, never spread, never dropped.
fn unknown_holder(window: Window) -> Holder {
    Holder {
        kind: HolderKind::Pod,
        key: PodKey { namespace: String::new(), name: tenants::UNATTRIBUTED.into(), uid: None },
        node: None,
        wants: BTreeMap::new(),
        claims: Vec::new(),
        time: Interval::new(window.start(), window.end()),
        since: window.start() - window.length_ms(),
        source: HoldingSource::None,
        owner: None,
        labels: label_view::LabelView::default(),
        annotations: BTreeMap::new(),
        labelled: BTreeMap::new(),
    }
}

fn attributed(
    pods: Vec<Holder>,
    kube: &KubeState,
    inputs: &Inputs,
    policy: &Policy,
) -> Vec<Attributed> {
    let owners = Owners::new(kube, &inputs.facts);
    let namespaces = tenants::namespaces(&kube.namespaces, &inputs.facts.namespaces);
    pods.into_iter()
        .map(|holder| {
            if holder.source == HoldingSource::None {
                let workload = Workload {
                    kind: "Unknown".into(),
                    name: tenants::UNATTRIBUTED.into(),
                    owned: true,
                };
                let tenant = Named { tenant: tenants::UNATTRIBUTED.into(), rule: "none".into() };
                return Attributed { cluster: None, holder, workload, tenant };
            }
            let PodKey { namespace, name, .. } = &holder.key;
            let mut workload = owners.workload(
                namespace,
                name,
                holder.owner.as_ref(),
                &holder.labels,
                &holder.annotations,
            );
            if holder.kind != HolderKind::Pod {
                workload =
                    Workload { kind: "ResourceClaim".into(), name: name.clone(), owned: false };
            }
            let subject = tenants::Subject {
                namespace,
                kind: &workload.kind,
                workload: &workload.name,
                pod: &holder.labels,
                annotations: &holder.annotations,
                of_namespace: namespaces.get(namespace),
            };
            let tenant = tenants::tenant(&policy.tenant_rules, subject);
            Attributed { cluster: None, holder, workload, tenant }
        })
        .collect()
}
