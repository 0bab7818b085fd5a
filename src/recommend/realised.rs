//! Whether what comes free comes back as money: a whole node, or a slot that a pod waits for.
//!
//! Freeing one of eight GPUs saves nothing until the node can go, or somebody takes the slot (trap 38).

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::evidence::{Evidence, is_there};
use crate::findings::proposal::Proposal;
use crate::model::objects::{PodFact, PodPhase};
use crate::report::figures::pod_key;

/// A pod on a device.
type Lease = (String, usize);

/// Who is where, and who waits.
pub(super) struct Realised<'a> {
    /// What is held on each node at the end of the window, in scope or not.
    nodes: BTreeMap<&'a str, BTreeSet<Lease>>,
    /// Pods that wait for whole GPUs, with how many; those that want fewest come last.
    waiting: Vec<(String, u32)>,
}

impl<'a> Realised<'a> {
    pub(super) fn new(evidence: &Evidence<'a>) -> Self {
        let attribution = evidence.attribution;
        let mut nodes: BTreeMap<&str, BTreeSet<Lease>> = BTreeMap::new();
        for piece in &attribution.pieces {
            if is_there(piece.time.end, evidence.window) {
                let node = attribution.devices[piece.device].node.as_str();
                let pod = pod_key(&attribution.holders[piece.holder]);
                nodes.entry(node).or_default().insert((pod, piece.device));
            }
        }
        let pods = evidence.history.map_or(&[][..], |history| history.facts.pods.as_slice());
        let mut waiting: Vec<(String, u32)> = pods.iter().filter_map(waits).collect();
        waiting.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
        Self { nodes, waiting }
    }

    /// The node that a proposal empties, if it does.
    pub(super) fn node(&self, proposal: &Proposal) -> Option<String> {
        if !proposal.gives_up {
            return None;
        }
        let freed: BTreeSet<&Lease> = proposal.leases.iter().collect();
        let comes_free = |held: &BTreeSet<Lease>| held.iter().all(|lease| freed.contains(lease));
        let free: Vec<&str> =
            self.nodes.iter().filter(|(_, held)| comes_free(held)).map(|(n, _)| *n).collect();
        match free.as_slice() {
            [] => None,
            [node] => Some(format!("node {node} comes free")),
            nodes => Some(format!("nodes {} come free", nodes.join(", "))),
        }
    }

    /// The same, or the pod that waits for what comes free; it takes it, and waits no more.
    pub(super) fn by(&mut self, proposal: &Proposal) -> Option<String> {
        if let Some(node) = self.node(proposal) {
            return Some(node);
        }
        let there = self.nodes.values().flatten().collect::<BTreeSet<_>>();
        let freed = proposal.leases.iter().filter(|lease| there.contains(lease)).count();
        let freed = if proposal.gives_up { u32::try_from(freed).unwrap_or(u32::MAX) } else { 0 };
        let position = self.waiting.iter().rposition(|(_, wanted)| *wanted <= freed)?;
        let (pod, wanted) = self.waiting.remove(position);
        let gpus = if wanted == 1 { "GPU" } else { "GPUs" };
        Some(format!("pod {pod} waits for {wanted} {gpus}"))
    }
}

/// A pod that waits for whole GPUs.
fn waits(pod: &PodFact) -> Option<(String, u32)> {
    let wanted: u32 = pod.requests.gpus.values().sum();
    let is_waiting = pod.phase == PodPhase::Pending
        && pod.node.is_none()
        && pod.deletion_ms.is_none()
        && wanted > 0;
    is_waiting.then(|| (format!("{}/{}", pod.namespace, pod.name), wanted))
}
