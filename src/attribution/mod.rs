//! Who held what: devices, holders, and the state of every GPU-second.
//!
//! Pure: inputs and policy in, plain rows out. Money comes later (`cost`), sums later still (`frame`).

pub mod health;
pub mod inventory;
pub mod label_view;
pub mod nodes;
pub mod owners;
pub mod placement;
pub mod pods;
pub mod room;
pub mod states;
pub mod tenants;

use std::collections::BTreeMap;

use inventory::{Device, Sharing};
use nodes::Node;
use owners::{Owners, Workload};
use placement::{Placement, Placements};
use pods::{Holder, Holders, HoldingSource};
use states::{Blind, Judgement, Segment, Signals};
use tenants::Named;

use crate::model::{Inputs, Interval, IntervalSet, Policy, Window};
use crate::observe::devices::{self, DeviceObservation, DeviceObservations};
use crate::observe::kube_state::{self, KubeState, PodKey};

/// A holder with its workload and tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed {
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
    /// When.
    pub time: Interval,
    /// Largest framebuffer use, bytes.
    pub memory_peak: Option<f64>,
    /// Longest unbroken idle stretch, milliseconds.
    pub longest_idle_ms: i64,
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
    /// Who was on which device.
    pub tenures: Vec<Tenure>,
    /// Every stretch of every device.
    pub segments: Vec<Segment>,
    /// What was odd.
    pub oddities: Oddities,
}

/// Facts about the data that a reader of the figures must know.
#[derive(Debug, Clone, Default)]
pub struct Oddities {
    /// Device samples in the window.
    pub samples_seen: u64,
    /// Device samples not used, by reason.
    pub samples_dropped: BTreeMap<&'static str, u64>,
    /// Samples clamped to a ratio's 1.
    pub samples_clamped: u64,
    /// No exporter showed any device.
    pub no_device_series: bool,
    /// Neither pods nor labels name any holder.
    pub no_holders: bool,
    /// kube-state-metrics showed no GPU pod.
    pub no_pod_history: bool,
    /// Devices that no exporter showed, by id.
    pub silent_devices: Vec<String>,
    /// Devices that are shared, by id.
    pub shared_devices: Vec<(String, Sharing)>,
    /// Devices claimed by two holders at once, with the milliseconds.
    pub contested: Vec<(String, i64)>,
    /// Pods that requested more than their node had, with GPU-milliseconds.
    pub homeless: Vec<(PodKey, i64)>,
    /// Pods of a file that nothing else confirms.
    pub unconfirmed: Vec<PodKey>,
    /// GPU-milliseconds that nobody held but somebody used.
    pub busy_unheld_ms: i64,
    /// Nodes whose CPU and memory are unknown: nothing there can be called stranded.
    pub nodes_without_room: Vec<String>,
}

/// Attributes every GPU-second of the window.
#[must_use]
pub fn attribute(inputs: &Inputs, policy: &Policy) -> Attribution {
    let kube = kube_state::observe(
        inputs,
        &policy.gpu_resources,
        policy.max_gap_ms,
        policy.default_step_ms,
    );
    let seen = devices::observe(inputs, policy.max_gap_ms, policy.default_step_ms);
    let node_names = inventory::node_names(&seen.devices, &kube, &inputs.facts);
    let nodes =
        nodes::nodes(inputs.window, &kube, &inputs.facts, &by_node(&seen.devices, &node_names));
    let devices = inventory::devices(&nodes, &seen.devices, &node_names);
    let Holders { mut pods, unconfirmed } =
        pods::holders(inputs.window, &kube, &inputs.facts, &seen.devices, policy);
    // Nobody seen is nobody there only where somebody was looking.
    let looked = !kube.up().is_empty()
        || !inputs.facts.pods.is_empty()
        || inputs.facts.listed_at_ms.is_some();
    let no_holders = pods.is_empty() && !looked;
    if no_holders {
        pods.push(unknown_holder(inputs.window));
    }
    pods.retain(|p| !is_on_shared_node(p, &nodes));
    let mut placements = placement::place(&pods, &devices, policy.max_gap_ms);
    occupy_without_names(&mut pods, &mut placements, &devices, no_holders, inputs.window);
    let holders = attributed(pods, &kube, inputs, policy);
    let rows =
        Rows { devices: &devices, nodes: &nodes, seen: &seen.devices, holders: &holders, policy };
    let (segments, tenures) = rows.all(&placements, inputs);
    let mut oddities = oddities(&seen, &kube, &devices, &nodes, &holders, &placements);
    oddities.no_holders = no_holders;
    oddities.unconfirmed = unconfirmed;
    oddities.busy_unheld_ms = rows.busy_unheld_ms(&segments);
    Attribution { nodes, devices, holders, tenures, segments, oddities }
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
        key: PodKey { namespace: String::new(), name: tenants::UNATTRIBUTED.into(), uid: None },
        node: None,
        gpus: 0,
        time: Interval::new(window.start(), window.end()),
        since: window.start() - window.length_ms(),
        source: HoldingSource::None,
        owner: None,
        labels: label_view::LabelView::default(),
        annotations: BTreeMap::new(),
        labelled: BTreeMap::new(),
    }
}

/// Requests on a node with shared GPUs count replicas or slices, not cards.
fn is_on_shared_node(pod: &Holder, nodes: &BTreeMap<String, Node>) -> bool {
    let node = pod.node.as_ref().and_then(|n| nodes.get(n));
    node.is_some_and(|n| n.sharing != nodes::NodeSharing::Exclusive)
}

/// Gives the unknown holder every device that is shared in a way not split yet, and, when nothing
/// names any holder at all, every device.
fn occupy_without_names(
    pods: &mut Vec<Holder>,
    placements: &mut Placements,
    devices: &[Device],
    no_holders: bool,
    window: Window,
) {
    let wanted: Vec<usize> = (0..devices.len())
        .filter(|&d| no_holders || devices[d].sharing != Sharing::Exclusive)
        .collect();
    if wanted.is_empty() {
        return;
    }
    let holder = pods.iter().position(|p| p.source == HoldingSource::None).unwrap_or_else(|| {
        pods.push(unknown_holder(window));
        pods.len() - 1
    });
    placements.all.retain(|p| !wanted.contains(&p.device));
    for device in wanted {
        let times = devices[device].presence.as_slice();
        placements.all.extend(times.iter().map(|&time| Placement {
            device,
            time,
            holder,
            known: true,
        }));
    }
    placements.all.sort_unstable();
}

fn attributed(
    pods: Vec<Holder>,
    kube: &KubeState,
    inputs: &Inputs,
    policy: &Policy,
) -> Vec<Attributed> {
    let owners = Owners::new(kube, &inputs.facts);
    let namespaces = tenants::namespace_labels(&kube.namespaces, &inputs.facts.namespaces);
    pods.into_iter()
        .map(|holder| {
            if holder.source == HoldingSource::None {
                let workload = Workload {
                    kind: "Unknown".into(),
                    name: tenants::UNATTRIBUTED.into(),
                    owned: true,
                };
                let tenant = Named { tenant: tenants::UNATTRIBUTED.into(), rule: "none".into() };
                return Attributed { holder, workload, tenant };
            }
            let PodKey { namespace, name, .. } = &holder.key;
            let workload = owners.workload(
                namespace,
                name,
                holder.owner.as_ref(),
                &holder.labels,
                &holder.annotations,
            );
            let subject = tenants::Subject {
                namespace,
                workload: &workload.name,
                pod: &holder.labels,
                namespace_labels: namespaces.get(namespace),
            };
            let tenant = tenants::tenant(&policy.tenant_rules, subject);
            Attributed { holder, workload, tenant }
        })
        .collect()
}

struct Rows<'a> {
    devices: &'a [Device],
    nodes: &'a BTreeMap<String, Node>,
    seen: &'a [DeviceObservation],
    holders: &'a [Attributed],
    policy: &'a Policy,
}

impl Rows<'_> {
    fn all(&self, placements: &Placements, inputs: &Inputs) -> (Vec<Segment>, Vec<Tenure>) {
        let mut segments = Vec::new();
        let mut tenures = Vec::new();
        for placement in &placements.all {
            self.held(*placement, &mut segments, &mut tenures);
        }
        let broken = health::broken_devices(self.devices, self.nodes, placements, inputs);
        for (d, device) in self.devices.iter().enumerate() {
            let held = IntervalSet::union_of(
                placements.all.iter().filter(|p| p.device == d).map(|p| p.time),
            );
            let free = device.presence.minus(&held);
            let full = self.nodes.get(&device.node).map(|n| &n.room.full);
            let states =
                states::unheld_states(&free, &broken[d], full.unwrap_or(&IntervalSet::default()));
            segments.extend(states.into_iter().map(|(time, state)| Segment {
                device: d,
                holder: None,
                time,
                state,
                utilization: None,
                signal: None,
                blind: None,
            }));
        }
        segments.sort_by_key(|s| (s.device, s.time));
        (segments, tenures)
    }

    fn signals(&self, device: &Device) -> Option<Signals<'_>> {
        let observation = &self.seen[device.observation?];
        Some(Signals::new(&observation.signals, device.memory_bytes, self.policy))
    }

    fn held(&self, placement: Placement, segments: &mut Vec<Segment>, tenures: &mut Vec<Tenure>) {
        let Placement { device: d, time, holder, known } = placement;
        let device = &self.devices[d];
        let pod = &self.holders[holder].holder;
        // Where the placement begins with the pod, samples since the pod came count; where another
        // had the device before, only those since.
        let since = if time.start == pod.time.start { pod.since } else { time.start };
        let signals =
            self.signals(device).filter(|_| known && device.sharing == Sharing::Exclusive);
        let states = match &signals {
            Some(signals) => signals.states(time, since),
            None => vec![(time, Judgement::blind(blindness(device, known)))],
        };
        tenures.push(Tenure {
            holder,
            device: d,
            time,
            memory_peak: signals.as_ref().and_then(|s| s.memory_peak(time, since)),
            longest_idle_ms: longest_idle(&states),
        });
        segments.extend(states.into_iter().map(|(time, j)| Segment {
            device: d,
            holder: Some(holder),
            time,
            state: j.state,
            utilization: j.utilization,
            signal: j.signal,
            blind: j.blind,
        }));
    }

    /// Time that nobody holds in which a device was used all the same: work outside Kubernetes, or a
    /// holder that no source names.
    fn busy_unheld_ms(&self, segments: &[Segment]) -> i64 {
        let unheld = segments.iter().filter(|s| s.holder.is_none());
        unheld
            .filter_map(|s| Some((self.signals(&self.devices[s.device])?, s.time)))
            .flat_map(|(signals, time)| signals.states(time, time.start))
            .filter(|(_, j)| j.state == states::State::Active)
            .map(|(time, _)| time.length_ms())
            .sum()
    }
}

const fn blindness(device: &Device, known: bool) -> Blind {
    match (device.sharing, known) {
        (Sharing::Exclusive, true) => Blind::NoSample,
        (Sharing::Exclusive, false) => Blind::DeviceUnknown,
        _ => Blind::SharedDevice,
    }
}

/// Longest run of adjacent idle stretches; a gap or any use ends a run.
fn longest_idle(states: &[(Interval, Judgement)]) -> i64 {
    let idle = states
        .iter()
        .filter(|(_, j)| matches!(j.state, states::State::IdleWarm | states::State::IdleEmpty));
    IntervalSet::union_of(idle.map(|(time, _)| *time))
        .as_slice()
        .iter()
        .map(|i| i.length_ms())
        .max()
        .unwrap_or(0)
}

fn oddities(
    seen: &DeviceObservations,
    kube: &KubeState,
    devices: &[Device],
    nodes: &BTreeMap<String, Node>,
    holders: &[Attributed],
    placements: &Placements,
) -> Oddities {
    let named = |test: &dyn Fn(&Device) -> bool| {
        devices.iter().filter(|d| test(d)).map(|d| d.id.clone()).collect()
    };
    let homeless = placements.homeless_ms.iter();
    Oddities {
        samples_seen: seen.samples_seen,
        samples_dropped: seen.dropped.iter().map(|(reason, n)| (reason.name(), *n)).collect(),
        samples_clamped: seen.clamped,
        no_device_series: seen.devices.is_empty(),
        no_pod_history: kube.pods.is_empty() && (kube.nodes_up.is_empty() || !holders.is_empty()),
        silent_devices: named(&|d| d.observation.is_none()),
        shared_devices: devices
            .iter()
            .filter(|d| d.sharing != Sharing::Exclusive)
            .map(|d| (d.id.clone(), d.sharing))
            .collect(),
        contested: placements
            .contested_ms
            .iter()
            .map(|(d, ms)| (devices[*d].id.clone(), *ms))
            .collect(),
        homeless: homeless.map(|(h, ms)| (holders[*h].holder.key.clone(), *ms)).collect(),
        nodes_without_room: nodes
            .values()
            .filter(|n| !n.room.known)
            .map(|n| n.name.clone())
            .collect(),
        ..Oddities::default()
    }
}
