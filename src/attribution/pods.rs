//! The holders: which pods held how many GPUs on which node, from when to when.
//!
//! Three witnesses: kube-state-metrics' history, API objects, DCGM's pod labels. The first tells
//! when a pod came and went; objects give exact times; labels say which device, confirm, and stand
//! in where the others are missing.

use std::collections::{BTreeMap, BTreeSet};

use super::holder::{Holder, HolderKind, HoldingSource};
use super::label_view::LabelView;
use super::pod_labels::{LabelIndex, bridged};
use super::{fraction, vgpu};
use crate::model::objects::{PodFact, is_part_of_card, is_passthrough};
use crate::model::{ClusterFacts, Interval, IntervalSet, Policy, Window};
use crate::observe::devices::DeviceObservation;
use crate::observe::kube_state::{KubePod, KubeState, PodKey};
use crate::units::Millis;

/// The holders and what was odd about them.
#[derive(Debug, Clone, Default)]
pub struct Holders {
    /// Pods, in the order in which they came.
    pub pods: Vec<Holder>,
    /// Pods that a file of objects shows running, but that neither metrics nor devices know.
    pub unconfirmed: Vec<PodKey>,
}

/// Every pod that held a GPU in the window. `is_present_only`: no metric tells of the past, so what is
/// listed now stands for the whole window.
#[must_use]
pub fn holders(
    window: Window,
    kube: &KubeState,
    facts: &ClusterFacts,
    observations: &[DeviceObservation],
    policy: &Policy,
    is_present_only: bool,
) -> Holders {
    let labels = LabelIndex::new(observations);
    let mut out = Holders::default();
    let mut claimed = BTreeSet::new();
    let objects = ObjectIndex::new(facts);
    let context = Context {
        window,
        kube,
        facts,
        objects: &objects,
        labels: &labels,
        max_gap_ms: policy.max_gap_ms,
        is_present_only,
    };
    for (key, pod) in &kube.pods {
        let object = objects.get(key);
        claimed.insert((
            key.namespace.as_str(),
            key.name.as_str(),
            object.and_then(|o| o.uid.as_deref()),
        ));
        out.pods.extend(context.of_metrics(key, pod, object));
    }
    for object in facts.pods.iter().filter(|p| p.node.is_some() && holds_gpus(p)) {
        let id = (object.namespace.as_str(), object.name.as_str(), object.uid.as_deref());
        if claimed.contains(&id) {
            continue;
        }
        match context.of_object(object) {
            FromObject::Held(holder) => out.pods.push(*holder),
            FromObject::Unconfirmed(key) => out.unconfirmed.push(key),
            FromObject::Outside => {}
        }
    }
    for (key, pod) in kube.claimants.iter().filter(|(key, _)| !kube.pods.contains_key(key)) {
        // Objects say it better; of a pod that is listed only they count.
        let is_bound = || pod.scheduled_ms.is_some() || pod.started_ms.is_some();
        if objects.get(key).is_none() && (is_bound() || labels.names(key)) {
            out.pods.extend(context.of_metrics(key, pod, None));
        }
    }
    let from_labels = context.of_labels(&out.pods, observations);
    out.pods.extend(from_labels);
    out.pods.sort_by(|a, b| a.order().cmp(&b.order()));
    out
}

struct Context<'a> {
    window: Window,
    kube: &'a KubeState,
    facts: &'a ClusterFacts,
    objects: &'a ObjectIndex<'a>,
    labels: &'a LabelIndex<'a>,
    max_gap_ms: i64,
    is_present_only: bool,
}

/// Units of extended resources that are GPUs or parts of them.
fn wants(pod: &PodFact) -> BTreeMap<String, u32> {
    let parts = pod
        .requests
        .other_gpu_requests
        .iter()
        .filter(|(name, _)| is_part_of_card(name) || is_passthrough(name));
    pod.requests
        .gpus
        .iter()
        .chain(parts)
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| (name.clone(), *n))
        .collect()
}

/// As the metrics say, but for a pod that holds devices through claims: an extended resource that a claim
/// answers is in its metrics too (trap 5), and only the object tells one from the other.
fn metric_wants(pod: &KubePod, object: Option<&PodFact>) -> BTreeMap<String, u32> {
    object.filter(|o| !o.claims.is_empty()).map_or_else(|| pod.gpus.clone(), wants)
}

fn holds_gpus(pod: &PodFact) -> bool {
    !pod.claims.is_empty() || !wants(pod).is_empty() || is_annotated(&pod.annotations)
}

/// Whether annotations tell what a pod has, whatever it requests.
fn is_annotated(annotations: &BTreeMap<String, String>) -> bool {
    vgpu::allocation(annotations).is_some() || fraction::is_asked(annotations)
}

enum FromObject {
    Held(Box<Holder>),
    Unconfirmed(PodKey),
    Outside,
}

impl Context<'_> {
    fn of_metrics(&self, key: &PodKey, pod: &KubePod, object: Option<&PodFact>) -> Option<Holder> {
        let (first, last) = pod.seen?;
        let start = self.metric_start(first, pod, object);
        let near = Interval::new(start, last + pod.step_ms.max(self.max_gap_ms));
        let labelled = self.labels.of(key, near);
        let end = self.metric_end(last, pod, object, labelled.last_end_in(near));
        // A label from just before or after the window names the device as well as one within.
        let labelled = self.labels.of(key, near).time_by_spot(Interval::new(start, end));
        let since = start;
        let (start, end) = self.window.clip(start, end)?;
        let time = Interval::new(start, end);
        Some(Holder {
            kind: HolderKind::Pod,
            key: key.clone(),
            node: pod.node.clone(),
            wants: metric_wants(pod, object),
            claims: object.map_or_else(|| self.kube.claims_of(key), |o| o.claims.clone()),
            time,
            since,
            source: HoldingSource::KubeStateMetrics,
            owner: object.and_then(|o| o.owner.clone()).or_else(|| pod.owner.clone()),
            labels: LabelView {
                object: object.map(|o| o.labels.clone()).unwrap_or_default(),
                metric: pod.labels.clone(),
            },
            annotations: object.map(|o| o.annotations.clone()).unwrap_or_default(),
            labelled,
        })
    }

    /// A pod holds its GPU from the moment it is bound. Exact times count when they fit the samples.
    fn metric_start(&self, first: Millis, pod: &KubePod, object: Option<&PodFact>) -> Millis {
        let exact = [
            object.and_then(|o| o.scheduled_ms),
            pod.scheduled_ms,
            object.and_then(|o| o.started_ms),
            pod.started_ms,
        ];
        exact.into_iter().flatten().find(|&t| t <= first + self.max_gap_ms).unwrap_or(first)
    }

    fn metric_end(
        &self,
        last: Millis,
        pod: &KubePod,
        object: Option<&PodFact>,
        labelled: Option<Millis>,
    ) -> Millis {
        if let Some(terminal) = pod.terminal_ms {
            let exact = object.and_then(|o| o.finished_ms).or(pod.completed_ms);
            return exact.filter(|&t| t <= terminal).unwrap_or(terminal);
        }
        if let Some(finished) = object.filter(|o| o.phase.is_terminal()).and_then(|o| o.finished_ms)
        {
            return finished;
        }
        let one_step = last + pod.step_ms;
        let up = self.kube.up();
        if up.contains(one_step) {
            // It left between its last sample and the one that never came; the device's label says when.
            return labelled.map_or(one_step, |at| at.clamp(last, one_step));
        }
        let listed_alive = object.is_some() && self.facts.listed_at_ms.is_some();
        let next_report = up.as_slice().iter().map(|i| i.start).find(|&start| start > one_step);
        match next_report {
            Some(next) => labelled.map_or(one_step, |at| at.clamp(one_step, next)),
            None if listed_alive || one_step + self.max_gap_ms >= self.window.end() => {
                self.window.end()
            }
            None => labelled.map_or(one_step, |at| at.max(one_step)),
        }
    }

    fn of_object(&self, object: &PodFact) -> FromObject {
        let key = PodKey {
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            uid: object.uid.clone(),
        };
        let start = object
            .scheduled_ms
            .or(object.started_ms)
            .or(object.created_ms)
            .filter(|_| !self.is_present_only)
            .unwrap_or(self.window.start());
        let end = match object.phase.is_terminal() {
            true => object.finished_ms.or(object.deletion_ms).unwrap_or(start),
            false => self.window.end(),
        };
        let since = start;
        let Some((start, end)) = self.window.clip(start, end) else { return FromObject::Outside };
        let time = Interval::new(start, end);
        let labelled = self.labels.of(&key, time).time_by_spot(time);
        // A file may be old: where metrics know the pods of the time and not this one, it needs a second
        // witness. Metrics list pods that request GPUs; one that has them by claims or for a virtual machine
        // is in no metric, and one that has them by annotations is known by name at best.
        let wants = wants(object);
        let known_elsewhere = wants.keys().any(|resource| !is_passthrough(resource))
            && self.kube.pods_up.intersect(&IntervalSet::of(time)).length_ms() > self.max_gap_ms;
        let is_named = || {
            let name = (object.namespace.clone(), object.name.clone());
            is_annotated(&object.annotations) && self.kube.node_of_pod.contains_key(&name)
        };
        let is_file = self.facts.listed_at_ms.is_none();
        if is_file && known_elsewhere && labelled.is_empty() && !is_named() {
            return FromObject::Unconfirmed(key);
        }
        FromObject::Held(Box::new(Holder {
            kind: HolderKind::Pod,
            key,
            node: object.node.clone(),
            wants,
            claims: object.claims.clone(),
            time,
            since,
            source: HoldingSource::Objects,
            owner: object.owner.clone(),
            labels: LabelView { object: object.labels.clone(), ..LabelView::default() },
            annotations: object.annotations.clone(),
            labelled,
        }))
    }

    /// Pods that only devices name, one holder per unbroken stretch and device.
    fn of_labels(&self, known: &[Holder], observations: &[DeviceObservation]) -> Vec<Holder> {
        let mut covered: BTreeMap<(&str, &str), IntervalSet> = BTreeMap::new();
        for holder in known {
            let times = covered.entry((&holder.key.namespace, &holder.key.name)).or_default();
            // A label may lag behind the pod on either side.
            let slack = Interval::new(
                holder.time.start - self.max_gap_ms,
                holder.time.end + self.max_gap_ms,
            );
            *times = times.union(&IntervalSet::of(slack));
        }
        let whole = Interval::new(self.window.start(), self.window.end());
        let mut out = Vec::new();
        for (device, observation) in observations.iter().enumerate() {
            let named = observation
                .readings()
                .flat_map(|(instance, r)| r.labelled.iter().map(move |l| (instance, r, l)));
            for (instance, reading, labelled) in named {
                let pod = &labelled.pod;
                let presence = bridged(&labelled.presence, &reading.presence);
                let known = covered.get(&(pod.namespace.as_str(), pod.name.as_str()));
                let rest = known.map_or_else(|| presence.clone(), |k| presence.minus(k));
                let object = self.objects.any(&pod.namespace, &pod.name);
                for stretch in rest.as_slice() {
                    let Some(time) = stretch.overlap(whole) else { continue };
                    out.push(Holder {
                        key: PodKey {
                            namespace: pod.namespace.clone(),
                            name: pod.name.clone(),
                            uid: pod.uid.clone(),
                        },
                        kind: HolderKind::Pod,
                        node: None,
                        wants: BTreeMap::new(),
                        claims: labelled.claim.iter().map(|c| c.name.clone()).collect(),
                        time,
                        since: stretch.start,
                        source: HoldingSource::DcgmLabels,
                        owner: object.and_then(|o| o.owner.clone()),
                        labels: LabelView {
                            object: object.map(|o| o.labels.clone()).unwrap_or_default(),
                            ..LabelView::default()
                        },
                        annotations: object.map(|o| o.annotations.clone()).unwrap_or_default(),
                        labelled: BTreeMap::from([((device, instance), time.length_ms())]),
                    });
                }
            }
        }
        out
    }
}

/// Objects by namespace and name; several when a name was used twice in a set of files.
struct ObjectIndex<'a>(BTreeMap<(&'a str, &'a str), Vec<&'a PodFact>>);

impl<'a> ObjectIndex<'a> {
    fn new(facts: &'a ClusterFacts) -> Self {
        let mut index: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for pod in &facts.pods {
            index.entry((pod.namespace.as_str(), pod.name.as_str())).or_default().push(pod);
        }
        Self(index)
    }

    fn any(&self, namespace: &str, name: &str) -> Option<&'a PodFact> {
        self.0.get(&(namespace, name))?.first().copied()
    }

    fn get(&self, key: &PodKey) -> Option<&'a PodFact> {
        let candidates = self.0.get(&(key.namespace.as_str(), key.name.as_str()))?;
        match &key.uid {
            Some(uid) => candidates.iter().find(|p| p.uid.as_ref() == Some(uid)),
            None => candidates.first(),
        }
        .copied()
    }
}

#[cfg(test)]
mod tests;
