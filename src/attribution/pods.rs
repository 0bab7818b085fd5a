//! The holders: which pods held how many GPUs on which node, from when to when.
//!
//! Three witnesses: kube-state-metrics' history, API objects, DCGM's pod labels. The first tells
//! when a pod came and went; objects give exact times; labels say which device, confirm, and stand
//! in where the others are missing.

use std::collections::{BTreeMap, BTreeSet};

use super::label_view::LabelView;
use super::{fraction, vgpu};
use crate::model::objects::{OwnerRef, PodFact, is_part_of_card, is_passthrough};
use crate::model::{ClusterFacts, Interval, IntervalSet, Policy, Window};
use crate::observe::devices::DeviceObservation;
use crate::observe::kube_state::{KubePod, KubeState, PodKey};
use crate::observe::labels::PodLabel;
use crate::units::Millis;

/// What a holding interval rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldingSource {
    /// kube-state-metrics' history.
    KubeStateMetrics,
    /// API objects alone.
    Objects,
    /// DCGM's pod labels alone.
    DcgmLabels,
    /// A claim's own allocation.
    Claims,
    /// Nothing: the holder is unknown.
    None,
}

impl HoldingSource {
    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KubeStateMetrics => "kube-state-metrics",
            Self::Objects => "objects",
            Self::DcgmLabels => "dcgm-labels",
            Self::Claims => "claims",
            Self::None => "none",
        }
    }
}

/// Where a series is from: a card, or an instance of it (positions among the observations).
pub type Spot = (usize, Option<usize>);

/// What a holder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HolderKind {
    /// A pod.
    #[default]
    Pod,
    /// A resource claim that no live pod uses.
    StaleClaim,
    /// A resource claim that is reserved for something that is not a pod.
    ReservedClaim,
}

/// Whoever held GPUs: a pod, or a claim by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Who.
    pub key: PodKey,
    /// Node; `None` when only a device's label names the pod.
    pub node: Option<String>,
    /// Units of extended resources that it requests, by resource.
    pub wants: BTreeMap<String, u32>,
    /// Claims of its namespace that it uses.
    pub claims: Vec<String>,
    /// When, within the window.
    pub time: Interval,
    /// When it came, which may be before the window.
    pub since: Millis,
    /// What that rests on.
    pub source: HoldingSource,
    /// Controller.
    pub owner: Option<OwnerRef>,
    /// Labels.
    pub labels: LabelView,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// What names it in its series, with the time it does.
    pub labelled: BTreeMap<Spot, i64>,
}

/// The holders and what was odd about them.
#[derive(Debug, Clone, Default)]
pub struct Holders {
    /// Pods, by key and start.
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
    let from_labels = context.of_labels(&out.pods, observations);
    out.pods.extend(from_labels);
    out.pods.sort_by(|a, b| (&a.key, a.time).cmp(&(&b.key, b.time)));
    out
}

struct Context<'a> {
    window: Window,
    kube: &'a KubeState,
    facts: &'a ClusterFacts,
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
            claims: object.map(|o| o.claims.clone()).unwrap_or_default(),
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
        // witness. Metrics list pods that request GPUs; one that has them by claims is in no metric, and one
        // that has them by annotations is known by name at best.
        let wants = wants(object);
        let known_elsewhere = !wants.is_empty()
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
                let object = self
                    .facts
                    .pods
                    .iter()
                    .find(|p| p.namespace == pod.namespace && p.name == pod.name);
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

/// A label's presence with those holes closed in which the whole device was silent: an exporter's
/// outage takes no GPU from anybody. A hole in which the device spoke without the label stays one.
fn bridged(presence: &IntervalSet, of_reading: &IntervalSet) -> IntervalSet {
    let holes =
        presence.as_slice().windows(2).map(|pair| Interval::new(pair[0].end, pair[1].start));
    let silent = holes.filter(|hole| of_reading.intersect(&IntervalSet::of(*hole)).is_empty());
    presence.union(&IntervalSet::union_of(silent))
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

    fn get(&self, key: &PodKey) -> Option<&'a PodFact> {
        let candidates = self.0.get(&(key.namespace.as_str(), key.name.as_str()))?;
        match &key.uid {
            Some(uid) => candidates.iter().find(|p| p.uid.as_ref() == Some(uid)),
            None => candidates.first(),
        }
        .copied()
    }
}

/// A spot, the label with which it names a pod, when, and when it says anything at all.
type NamedBy<'a> = (Spot, &'a PodLabel, &'a IntervalSet, &'a IntervalSet);

/// What names which pod, and when, by namespace and name.
struct LabelIndex<'a>(BTreeMap<(&'a str, &'a str), Vec<NamedBy<'a>>>);

impl<'a> LabelIndex<'a> {
    fn new(observations: &'a [DeviceObservation]) -> Self {
        let mut index: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (device, observation) in observations.iter().enumerate() {
            for (instance, reading) in observation.readings() {
                for l in &reading.labelled {
                    let key = (l.pod.namespace.as_str(), l.pod.name.as_str());
                    let named = ((device, instance), &l.pod, &l.presence, &reading.presence);
                    index.entry(key).or_default().push(named);
                }
            }
        }
        Self(index)
    }

    /// Labels of a pod that overlap `time`; a UID must agree where both sides have one.
    fn of(&self, key: &PodKey, time: Interval) -> LabelsOfPod<'a> {
        let all =
            self.0.get(&(key.namespace.as_str(), key.name.as_str())).map_or(&[][..], Vec::as_slice);
        let same =
            |label: &PodLabel| label.uid.is_none() || key.uid.is_none() || label.uid == key.uid;
        let labels = all
            .iter()
            .filter(|(_, label, presence, _)| {
                same(label) && presence.as_slice().iter().any(|p| p.overlap(time).is_some())
            })
            .copied()
            .collect();
        LabelsOfPod(labels)
    }
}

struct LabelsOfPod<'a>(Vec<NamedBy<'a>>);

impl LabelsOfPod<'_> {
    /// When the pod's name went from its devices: end of the last stretch in `time`. Where the device
    /// fell silent with it, the label tells of the exporter and not of the pod.
    fn last_end_in(&self, time: Interval) -> Option<Millis> {
        let ends = self.0.iter().filter_map(|(_, _, presence, of_reading)| {
            let last = presence.as_slice().iter().rev().find(|s| s.overlap(time).is_some())?;
            Some((last.end, of_reading.contains(last.end)))
        });
        let (end, spoke_on) = ends.max()?;
        spoke_on.then_some(end)
    }

    fn time_by_spot(&self, time: Interval) -> BTreeMap<Spot, i64> {
        let within = IntervalSet::of(time);
        let mut out = BTreeMap::new();
        for (spot, _, presence, _) in &self.0 {
            *out.entry(*spot).or_default() += presence.intersect(&within).length_ms();
        }
        out
    }
}
