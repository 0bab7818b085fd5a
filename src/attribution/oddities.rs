//! What was odd about the data: facts that a reader of the figures must know, counted.
//!
//! Which of them become warnings, and in which words, is `report`.

use std::collections::{BTreeMap, BTreeSet};

use super::holding::Speaks;
use super::inventory::Device;
use super::nodes::Node;
use super::resolve::Account;
use super::unjoined::Unjoined;
use super::{Attributed, claims_are_labelled};
use crate::model::dra::DraFacts;
use crate::observe::devices::DeviceObservations;
use crate::observe::kube_state::{KubeState, PodKey};

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
    /// Devices in allocations that no pool lists.
    pub unlisted: Vec<String>,
    /// Pools of which slices are missing.
    pub incomplete_pools: Vec<String>,
    /// Pods that are gone and used claims of which no device is known.
    pub unjoined: Vec<PodKey>,
    /// Devices are handed out by claims, and no series tells which pod used which claim.
    pub no_claim_history: bool,
    /// Series name claims.
    pub claims_are_labelled: bool,
    /// GPU-milliseconds on devices of pools that were in use while no claim is known.
    pub unclaimed_use_ms: i64,
    /// Devices claimed by two holders at once, with the milliseconds.
    pub contested: Vec<(String, i64)>,
    /// Pods that requested more than their node had, with GPU-milliseconds.
    pub homeless: Vec<(PodKey, i64)>,
    /// Pods of a file that nothing else confirms.
    pub unconfirmed: Vec<PodKey>,
    /// GPU-milliseconds that nobody held but somebody used.
    pub busy_unheld_ms: i64,
    /// Annotations that should tell who holds what and cannot be used, one sentence each.
    pub bad_annotations: Vec<String>,
    /// Nodes whose CPU and memory are unknown: nothing there can be called stranded.
    pub nodes_without_room: Vec<String>,
}

impl Oddities {
    /// What was odd about claims, and how much of their past is told.
    pub(super) fn of_claims(
        &mut self,
        unlisted: Vec<String>,
        unjoined: &[Unjoined],
        holders: &[Attributed],
        dra: &DraFacts,
        kube: &KubeState,
    ) {
        let key = |u: &Unjoined| holders[u.holder].holder.key.clone();
        let incomplete = dra.pools.iter().filter(|pool| !pool.is_complete());
        self.unlisted = unlisted;
        self.unjoined = unjoined.iter().map(key).collect();
        self.incomplete_pools =
            incomplete.map(|pool| format!("{}/{}", pool.driver, pool.name)).collect();
        let has_claims = self.claims_are_labelled || dra.has_gpus();
        self.no_claim_history = has_claims && kube.claimants.is_empty();
    }
}

/// What shows in observations and the account. What only the making of holdings tells is added by the caller.
#[must_use]
pub fn of(
    seen: &DeviceObservations<'_>,
    kube: &KubeState,
    devices: &[Device],
    nodes: &BTreeMap<String, Node>,
    holders: &[Attributed],
    account: &Account,
) -> Oddities {
    let passed_on: BTreeSet<usize> =
        account.pieces.iter().filter(|p| p.speaks == Speaks::Nobody).map(|p| p.device).collect();
    let on_host = || {
        let on_host =
            |(d, device): &(usize, &Device)| !device.passthrough && !passed_on.contains(d);
        devices.iter().enumerate().filter(on_host).map(|(_, device)| device)
    };
    let silent = on_host().filter(|d| d.observation.is_none());
    Oddities {
        samples_seen: seen.samples_seen,
        samples_dropped: seen.dropped.iter().map(|(reason, n)| (reason.name(), *n)).collect(),
        samples_clamped: seen.clamped,
        no_device_series: seen.devices.is_empty()
            && (devices.is_empty() || on_host().next().is_some()),
        no_pod_history: kube.pods.is_empty()
            && kube.claimants.is_empty()
            && (kube.nodes_up.is_empty() || !holders.is_empty()),
        silent_devices: silent.map(|d| d.id.clone()).collect(),
        claims_are_labelled: claims_are_labelled(&seen.devices),
        contested: account
            .contested_ms
            .iter()
            .map(|(d, ms)| (devices[*d].id.clone(), *ms))
            .collect(),
        nodes_without_room: nodes
            .values()
            .filter(|n| !n.room.known)
            .map(|n| n.name.clone())
            .collect(),
        ..Oddities::default()
    }
}
