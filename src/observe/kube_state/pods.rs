//! Pods: what each requests and claims, and when it came and went.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::owner_ref;
use super::{KubePod, KubeState, PodKey, Reader, largest, pod_key};
use crate::model::{QueryId, Series};
use crate::observe::labels::{kube, kube_labels};
use crate::observe::timeline::{Timeline, common_step};
use crate::units::{Millis, millis_from_seconds};

impl Reader<'_> {
    pub(super) fn pods(&self, state: &mut KubeState) {
        let sidecars = self.sidecars();
        let mut containers: BTreeMap<PodKey, BTreeMap<String, Counts>> = BTreeMap::new();
        for (query, init) in [(QueryId::PodGpuRequests, false), (QueryId::PodInitGpuRequests, true)]
        {
            let all = self.series(query);
            // A pod seen once has no spacing of its own; its exporter has.
            let lines: Vec<_> = all.iter().map(|s| Self::timeline(s)).collect();
            let step_ms = common_step(
                lines.iter().filter_map(Timeline::median_spacing),
                self.default_step_ms,
            );
            for (series, line) in all.into_iter().zip(&lines) {
                let (Some(key), Some(resource)) = (pod_key(series), self.gpu_resource(series))
                else {
                    continue;
                };
                if let Some(node) = kube(series, "node") {
                    let step = line.step(step_ms, self.max_gap_ms);
                    let pod = state.pods.entry(key.clone()).or_default();
                    if seen(pod, series, step) {
                        pod.node = Some(node.to_owned());
                    }
                    state.pods_up = state.pods_up.union(&self.presence(line));
                }
                let container = kube(series, "container").unwrap_or_default().to_owned();
                let count = largest(line);
                let kind = match init {
                    false => ContainerKind::Main,
                    true if sidecars.contains(&(key.clone(), container.clone())) => {
                        ContainerKind::Sidecar
                    }
                    true => ContainerKind::Init,
                };
                let counts =
                    containers.entry(key).or_default().entry(resource.into_name()).or_default();
                let known = counts.entry((kind, container)).or_default();
                *known = count.max(*known);
            }
        }
        for (key, by_resource) in containers {
            if let Some(pod) = state.pods.get_mut(&key) {
                pod.gpus = by_resource
                    .into_iter()
                    .map(|(resource, counts)| (resource, effective(&counts)))
                    .filter(|(_, n)| *n > 0)
                    .collect();
            }
        }
        state.pods.retain(|_, p| p.seen.is_some() && !p.gpus.is_empty());
    }

    /// The metric tells neither whether a pod was bound nor where: both come with its other facts.
    pub(super) fn claimants(&self, state: &mut KubeState) {
        let all = self.series(QueryId::PodResourceClaims);
        let lines: Vec<_> = all.iter().map(|s| Self::timeline(s)).collect();
        let step_ms =
            common_step(lines.iter().filter_map(Timeline::median_spacing), self.default_step_ms);
        for (series, line) in all.into_iter().zip(&lines) {
            // Empty until there is a claim of that name, and where none was needed.
            let (Some(key), Some(claim)) = (pod_key(series), series.label("resourceclaim_name"))
            else {
                continue;
            };
            let step = line.step(step_ms, self.max_gap_ms);
            let pod = state.claimants.entry(key).or_default();
            if seen(pod, series, step) {
                pod.claims.insert(claim.to_owned());
                state.claims_up = state.claims_up.union(&self.presence(line));
            }
        }
        state.claimants.retain(|_, pod| pod.seen.is_some());
    }

    /// Init containers that go on running beside the main ones.
    fn sidecars(&self) -> BTreeSet<(PodKey, String)> {
        self.series(QueryId::InitContainerInfo)
            .into_iter()
            .filter(|s| s.label("restart_policy") == Some("Always"))
            .filter_map(|s| Some((pod_key(s)?, kube(s, "container")?.to_owned())))
            .collect()
    }

    pub(super) fn pod_facts(&self, state: &mut KubeState) {
        let mut on_pods = |query, change: &mut dyn FnMut(&mut KubePod, &Series)| {
            for series in self.series(query) {
                let Some(key) = pod_key(series) else { continue };
                let known = [state.pods.get_mut(&key), state.claimants.get_mut(&key)];
                for pod in known.into_iter().flatten() {
                    change(pod, series);
                }
            }
        };
        on_pods(QueryId::PodTerminal, &mut |pod, s| {
            pod.terminal_ms = min_some(pod.terminal_ms, s.samples.first());
        });
        on_pods(QueryId::PodCompletionTime, &mut |pod, s| {
            pod.completed_ms = last_instant(s).or(pod.completed_ms);
        });
        on_pods(QueryId::PodScheduledTime, &mut |pod, s| {
            pod.scheduled_ms = last_instant(s).or(pod.scheduled_ms);
        });
        on_pods(QueryId::PodStartTime, &mut |pod, s| {
            pod.started_ms = last_instant(s).or(pod.started_ms);
        });
        on_pods(QueryId::PodLabels, &mut |pod, s| pod.labels.extend_from(&kube_labels(s)));
        on_pods(QueryId::PodOwner, &mut |pod, s| {
            if s.label("owner_is_controller") != Some("false") {
                pod.owner = owner_ref(s).or_else(|| pod.owner.take());
            }
        });
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ContainerKind {
    Main,
    Sidecar,
    Init,
}

type Counts = BTreeMap<(ContainerKind, String), u32>;

/// The scheduler's sum: containers and sidecars together, or the largest init container beside the
/// sidecars. The order of init containers is not in the metrics, so all sidecars count as earlier.
fn effective(counts: &Counts) -> u32 {
    let sum = |kind| counts.iter().filter(|((k, _), _)| *k == kind).map(|(_, n)| n).sum::<u32>();
    let init = counts.iter().filter(|((k, _), _)| *k == ContainerKind::Init).map(|(_, n)| *n).max();
    let sidecars = sum(ContainerKind::Sidecar);
    (sum(ContainerKind::Main) + sidecars).max(init.unwrap_or(0) + sidecars)
}

/// Notes when a pod was seen; `false` for a series without samples.
fn seen(pod: &mut KubePod, series: &Series, step: i64) -> bool {
    let (Some(first), Some(last)) = (series.samples.first(), series.samples.last()) else {
        return false;
    };
    let (first, last) = pod.seen.map_or((first, last), |(f, l)| (f.min(first), l.max(last)));
    pod.seen = Some((first, last));
    pod.step_ms = if pod.step_ms == 0 { step } else { pod.step_ms.min(step) };
    true
}

/// A pod that uses claims is told of while it waits, too: what counts is the time from its binding.
pub(super) fn seen_while_bound(pod: &mut KubePod) {
    if let (Some((first, last)), Some(bound)) = (pod.seen, pod.scheduled_ms.or(pod.started_ms)) {
        pod.seen = Some((first.max(bound).min(last), last));
    }
}

/// The last value of a series of Unix seconds.
fn last_instant(series: &Series) -> Option<Millis> {
    let values = series.samples().map(|(_, value)| value).filter(|v| *v > 0.0);
    values.filter_map(millis_from_seconds).last()
}

fn min_some(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
