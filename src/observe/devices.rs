//! What the exporters say of each physical GPU: its signals, who they name as its holder, when it was there.
//!
//! Copies of a device's value under several label sets become one value here.

use std::collections::BTreeMap;

use super::field::{Decoded, DropReason, Field};
use super::hold::{Event, Held, Timeline, common_step, merged};
use super::labels::{self, ExporterIdentity, PodLabel};
use crate::model::{Inputs, Interval, IntervalSet, Series, Window};

/// How a device is shared, as far as its series tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeriesSharing {
    /// No sign of sharing.
    Exclusive,
    /// Series of MIG instances.
    Mig,
    /// Series of virtual GPUs (time-slicing or MPS replicas).
    Replicas,
}

/// What series tell about where a device is, from best to worst.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Whereabouts {
    /// `node` label put on by the scrape configuration.
    pub node: Option<String>,
    /// The exporter's host name: a node, or the exporter's pod.
    pub hostname: Option<String>,
    /// (namespace, pod) of the scrape target.
    pub target_pod: Option<(String, String)>,
    /// Host part of the scrape target's address.
    pub instance_host: Option<String>,
}

/// A pod that a device's series name, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTime {
    /// The pod.
    pub pod: PodLabel,
    /// When series with its labels were there.
    pub presence: IntervalSet,
}

/// One physical GPU as its series show it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceObservation {
    /// UUID; `<host>/gpu-<index>` for exporters that print none.
    pub id: String,
    /// Index on the node, as the exporter numbers it.
    pub index: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// Holds by field, disjoint and in order.
    pub signals: BTreeMap<Field, Vec<Held>>,
    /// When any series of it was there.
    pub presence: IntervalSet,
    /// Pods that its series name, sorted.
    pub labelled: Vec<LabelledTime>,
    /// Signs of sharing.
    pub sharing: SeriesSharing,
    /// Size of the framebuffer (used + free), bytes, where both were seen.
    pub memory_bytes: Option<f64>,
}

/// All devices, and what became of their samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceObservations {
    /// Devices, by id.
    pub devices: Vec<DeviceObservation>,
    /// Samples read in the window.
    pub samples_seen: u64,
    /// Samples not used, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Samples clamped to a ratio's 1.
    pub clamped: u64,
}

/// Reads all device series.
#[must_use]
pub fn observe(inputs: &Inputs, max_gap_ms: i64, default_step_ms: i64) -> DeviceObservations {
    let all = || Field::ALL.iter().filter_map(|f| inputs.metric(f.query()).map(|m| (*f, m)));
    let exporter = ExporterIdentity::learn(all().flat_map(|(_, m)| &m.series));
    let mut out = DeviceObservations::default();
    let mut devices: BTreeMap<String, Building> = BTreeMap::new();
    for (field, data) in all() {
        for series in &data.series {
            let Some(id) = device_id(series) else { continue };
            let timeline = decode(field, series, inputs.window, &mut out);
            devices.entry(id).or_default().add(field, series, timeline, &exporter);
        }
    }
    let steps = common_steps(&devices, default_step_ms);
    let counted = Interval::new(inputs.window.start(), inputs.window.end());
    out.devices = devices
        .into_iter()
        .map(|(id, building)| building.finish(id, &steps, max_gap_ms, counted, &mut out.dropped))
        .collect();
    out.dropped.retain(|_, n| *n > 0);
    out
}

/// UUID, or host and index for exporters that print none; `None` when a series has neither.
fn device_id(series: &Series) -> Option<String> {
    if let Some(uuid) = labels::uuid(series) {
        return Some(uuid.to_owned());
    }
    let host = labels::hostname(series)
        .or_else(|| series.label("node"))
        .or_else(|| labels::instance_host(series))?;
    Some(format!("{host}/gpu-{}", series.label("gpu")?))
}

fn decode(field: Field, series: &Series, window: Window, out: &mut DeviceObservations) -> Timeline {
    let mut events = Vec::with_capacity(series.values.len());
    for (at, raw) in series.samples() {
        let counts = window.start() <= at && at < window.end();
        let decoded = field.decode(raw);
        // Free memory only tells the size of the card: it is no evidence of use.
        let evidence = counts && field != Field::FbFree;
        out.samples_seen += u64::from(evidence && decoded != Decoded::Stale);
        events.push((
            at,
            match decoded {
                Decoded::Value(value) => Event::Value(value),
                Decoded::Clamped(value) => {
                    out.clamped += u64::from(evidence);
                    Event::Value(value)
                }
                Decoded::Dropped(reason) => {
                    *out.dropped.entry(reason).or_default() += u64::from(evidence);
                    Event::Invalid
                }
                Decoded::Stale => Event::Stale,
            },
        ));
    }
    Timeline(events)
}

fn common_steps(devices: &BTreeMap<String, Building>, default_ms: i64) -> BTreeMap<Field, i64> {
    Field::ALL
        .into_iter()
        .map(|field| {
            let lines: Vec<_> =
                devices.values().filter_map(|d| d.timelines.get(&field)).flatten().collect();
            (field, common_step(&lines.iter().map(|(_, t)| t).collect::<Vec<_>>(), default_ms))
        })
        .collect()
}

#[derive(Default)]
struct Building {
    index: Option<String>,
    model: Option<String>,
    whereabouts: Whereabouts,
    timelines: BTreeMap<Field, Vec<(Option<PodLabel>, Timeline)>>,
    mig: bool,
    replicas: bool,
}

impl Building {
    fn add(
        &mut self,
        field: Field,
        series: &Series,
        timeline: Timeline,
        exporter: &ExporterIdentity,
    ) {
        let own = |v: Option<&str>| v.map(ToOwned::to_owned);
        let fill = |slot: &mut Option<String>, value: Option<&str>| {
            if slot.is_none() {
                *slot = own(value);
            }
        };
        fill(&mut self.index, series.label("gpu"));
        fill(&mut self.model, labels::model(series));
        fill(&mut self.whereabouts.node, series.label("node"));
        fill(&mut self.whereabouts.hostname, labels::hostname(series));
        fill(&mut self.whereabouts.instance_host, labels::instance_host(series));
        let holder = exporter.holder(series);
        if self.whereabouts.target_pod.is_none()
            && (series.label("exported_pod").is_some() || holder.is_none())
            && let (Some(namespace), Some(pod)) = (series.label("namespace"), series.label("pod"))
        {
            self.whereabouts.target_pod = Some((namespace.to_owned(), pod.to_owned()));
        }
        self.mig |= series.label("GPU_I_ID").is_some();
        self.replicas |= series.label("vgpu").is_some();
        self.timelines.entry(field).or_default().push((holder, timeline));
    }

    fn finish(
        self,
        id: String,
        steps: &BTreeMap<Field, i64>,
        max_gap_ms: i64,
        counted: Interval,
        dropped: &mut BTreeMap<DropReason, u64>,
    ) -> DeviceObservation {
        let mut signals = BTreeMap::new();
        let mut presence = IntervalSet::default();
        let mut labelled: BTreeMap<PodLabel, IntervalSet> = BTreeMap::new();
        for (field, lines) in &self.timelines {
            let step = steps[field];
            for (holder, line) in lines {
                let there = line.presence(line.step(step, max_gap_ms), max_gap_ms);
                presence = presence.union(&there);
                if let Some(holder) = holder {
                    let known = labelled.entry(holder.clone()).or_default();
                    *known = known.union(&there);
                }
            }
            let lines: Vec<_> = lines.iter().map(|(_, l)| l.clone()).collect();
            let (holds, duplicates) = merged(&lines, step, max_gap_ms, counted);
            if *field != Field::FbFree {
                *dropped.entry(DropReason::Duplicate).or_default() += duplicates;
            }
            signals.insert(*field, holds);
        }
        let memory_bytes = memory_size(&signals);
        signals.remove(&Field::FbFree);
        DeviceObservation {
            id,
            index: self.index,
            model: self.model,
            whereabouts: self.whereabouts,
            signals,
            presence,
            labelled: labelled
                .into_iter()
                .map(|(pod, presence)| LabelledTime { pod, presence })
                .collect(),
            sharing: match (self.mig, self.replicas) {
                (true, _) => SeriesSharing::Mig,
                (false, true) => SeriesSharing::Replicas,
                (false, false) => SeriesSharing::Exclusive,
            },
            memory_bytes,
        }
    }
}

/// Used + free at the last instant at which both are known.
fn memory_size(signals: &BTreeMap<Field, Vec<Held>>) -> Option<f64> {
    let free = signals.get(&Field::FbFree)?;
    let used = signals.get(&Field::FbUsed)?;
    free.iter().rev().find_map(|f| {
        let at = used.partition_point(|u| u.time.start <= f.time.start).checked_sub(1)?;
        let u = used[at];
        (u.time.end > f.time.start).then_some(())?;
        Some(f.value? + u.value?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterFacts, MetricData, QueryId};

    fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
        Series {
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            timestamps_ms: samples.iter().map(|s| s.0).collect(),
            values: samples.iter().map(|s| s.1).collect(),
        }
    }

    fn inputs(query: QueryId, series: Vec<Series>) -> Inputs {
        Inputs {
            window: Window::new(0, 1_000).expect("not reversed"),
            now_ms: 1_000,
            metrics: vec![MetricData { query, series, gaps: Vec::new() }],
            facts: ClusterFacts::default(),
            sources: Vec::new(),
        }
    }

    #[test]
    fn one_device_under_two_label_sets_is_one_device() {
        let who =
            |pod| vec![("UUID", "GPU-a"), ("pod", pod), ("namespace", "ml"), ("Hostname", "n1")];
        let data = inputs(
            QueryId::GpuUtil,
            vec![
                series(&who("a"), &[(0, 50.0), (100, 50.0)]),
                series(&who("b"), &[(200, 10.0), (300, 2_147_483_632.0), (400, 10.0)]),
            ],
        );
        let seen = observe(&data, 300, 100);
        assert_eq!(seen.devices.len(), 1);
        assert_eq!(seen.samples_seen, 5);
        assert_eq!(seen.dropped, BTreeMap::from([(DropReason::Sentinel, 1)]));
        let device = &seen.devices[0];
        assert_eq!(device.signals[&Field::GpuUtil].len(), 5);
        assert_eq!(device.labelled.len(), 2);
        assert_eq!(device.labelled[0].presence.as_slice(), [Interval::new(0, 200)]);
        assert_eq!(device.labelled[1].presence.as_slice(), [Interval::new(200, 500)]);
    }

    #[test]
    fn a_device_without_uuid_is_host_and_index() {
        let data = inputs(
            QueryId::GpuUtil,
            vec![series(&[("gpu", "3"), ("hostname", "n1")], &[(0, 1.0)])],
        );
        assert_eq!(observe(&data, 300, 100).devices[0].id, "n1/gpu-3");
    }
}
