//! Who owns what, what is where, and how much CPU and memory is asked for.

use std::collections::BTreeMap;

use super::{Demand, KubeState, PodKey, Reader, grid_step, integer, pod_key};
use crate::model::objects::{OwnerRef, PodRequests};
use crate::model::{Interval, IntervalSet, QueryId, Series};
use crate::observe::labels::kube;
use crate::units::Millis;

impl Reader<'_> {
    pub(super) fn owners(&self, state: &mut KubeState) {
        for (query, kind, label) in [
            (QueryId::ReplicaSetOwner, "ReplicaSet", "replicaset"),
            (QueryId::JobOwner, "Job", "job_name"),
        ] {
            for series in self.series(query) {
                let (Some(namespace), Some(name)) =
                    (kube(series, "namespace"), kube(series, label))
                else {
                    continue;
                };
                let this = OwnerRef { kind: kind.to_owned(), name: name.to_owned() };
                state.owners.insert((namespace.to_owned(), this), owner_ref(series));
            }
        }
    }

    pub(super) fn addresses(&self, state: &mut KubeState) {
        for series in self.series(QueryId::PodInfo) {
            let (Some(key), Some(node)) = (pod_key(series), kube(series, "node")) else { continue };
            for label in ["host_ip", "pod_ip"] {
                if let Some(ip) = series.label(label) {
                    state.node_of_ip.insert(ip.to_owned(), node.to_owned());
                }
            }
            if let Some(pod) = state.claimants.get_mut(&key) {
                pod.node = Some(node.to_owned());
            }
            state.node_of_pod.insert((key.namespace, key.name), node.to_owned());
        }
    }

    pub(super) fn demands(&self, state: &mut KubeState) {
        let step = grid_step(QueryId::PodCpuMemoryRequests);
        let mut by_pod: BTreeMap<(String, PodKey), Demand> = BTreeMap::new();
        for series in self.series(QueryId::PodCpuMemoryRequests) {
            let (Some(key), Some(node)) = (pod_key(series), kube(series, "node")) else { continue };
            let pod = (key.namespace.clone(), key.name.clone());
            let demand = by_pod.entry((node.to_owned(), key)).or_insert_with(|| Demand {
                pod,
                is_of_gpus: false,
                time: IntervalSet::default(),
                requests: PodRequests::default(),
            });
            demand.time = demand.time.union(&Self::grid(series, step));
            let amount = series
                .samples()
                .map(|(_, value)| value)
                .filter(|v| v.is_finite())
                .fold(0.0, f64::max);
            match series.label("resource") {
                Some("cpu") => demand.requests.cpu_millicores = integer(amount * 1_000.0),
                Some("memory") => demand.requests.memory_bytes = integer(amount),
                _ => {}
            }
        }
        for ((node, key), mut demand) in by_pod {
            demand.is_of_gpus = state.pods.contains_key(&key) || state.claimants.contains_key(&key);
            if let Some(pod) = state.pods.get(&key) {
                demand.requests.gpus = pod.gpus.clone();
                if let Some(terminal) = pod.terminal_ms {
                    let alive = IntervalSet::of(Interval::new(Millis::MIN, terminal));
                    demand.time = demand.time.intersect(&alive);
                }
            }
            if let Some(node) = state.nodes.get_mut(&node) {
                node.demands.push(demand);
            }
        }
    }
}

pub(super) fn owner_ref(series: &Series) -> Option<OwnerRef> {
    let (kind, name) = (series.label("owner_kind")?, series.label("owner_name")?);
    (kind != "<none>").then(|| OwnerRef { kind: kind.to_owned(), name: name.to_owned() })
}
