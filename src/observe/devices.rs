//! What the exporters say of each physical GPU: its signals, who they name as its holder, when it was there.
//!
//! Copies of a value under several label sets become one value in `reading`.

use std::collections::BTreeMap;

use super::exporter::{Bystanders, ExporterIdentity};
use super::field::{Decoded, DropReason, Field};
use super::labels;
use super::reading::{Line, Merging, Reading};
use super::timeline::{Event, Timeline, common_step};
use crate::model::{Inputs, Interval, IntervalSet, Series, Window};

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

/// A MIG instance: a part of a card with a signal of its own, as long as it exists.
///
/// Known by its number and profile; number and profile may come back after the card was cut anew, so what
/// counts is the presence of its reading, whose unbroken stretches are the epochs of facts, "Join rules".
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceObservation {
    /// `GPU_I_ID`.
    pub id: String,
    /// `GPU_I_PROFILE`, as printed.
    pub profile: Option<String>,
    /// What its series say; utilization is relative to the instance.
    pub reading: Reading,
}

/// One physical GPU as its series show it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceObservation {
    /// UUID; `<host>/gpu-<index>` for exporters that print none.
    pub id: String,
    /// Index on the node, as the exporter numbers it.
    pub index: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// What the series of the whole card say.
    pub card: Reading,
    /// Its MIG instances, by number and profile.
    pub instances: Vec<InstanceObservation>,
    /// When any series of it was there.
    pub presence: IntervalSet,
    /// Series of virtual GPUs (replicas) were seen.
    pub replicas: bool,
}

impl DeviceObservation {
    /// The card's reading and those of its instances, each with the position of the instance.
    pub fn readings(&self) -> impl Iterator<Item = (Option<usize>, &Reading)> {
        let instances = self.instances.iter().enumerate().map(|(i, x)| (Some(i), &x.reading));
        std::iter::once((None, &self.card)).chain(instances)
    }
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
    let exporter =
        ExporterIdentity::learn(all().flat_map(|(_, m)| &m.series), Bystanders::new(inputs));
    let mut out = DeviceObservations::default();
    let mut devices: BTreeMap<String, Building> = BTreeMap::new();
    for (field, data) in all() {
        for series in &data.series {
            let Some(id) = device_id(field, series) else { continue };
            let timeline = decode(field, series, inputs.window, &mut out);
            devices.entry(id).or_default().add(field.kept_as(), series, timeline, &exporter);
        }
    }
    let merging = Merging {
        steps: &common_steps(&devices, default_step_ms),
        max_gap_ms,
        counted: Interval::new(inputs.window.start(), inputs.window.end()),
    };
    out.devices = devices
        .into_iter()
        .map(|(id, building)| building.finish(id, &merging, &mut out.dropped))
        .collect();
    out.dropped.retain(|_, n| *n > 0);
    out
}

/// UUID, serial number, or host and index for exporters that print neither; `None` when a series has none of
/// them. Partitions of an AMD card have UUIDs of their own, and the card's serial number.
fn device_id(field: Field, series: &Series) -> Option<String> {
    let (uuid, serial) = (labels::uuid(series), labels::serial(series));
    let known = if labels::is_partition(series) { serial.or(uuid) } else { uuid.or(serial) };
    if let Some(known) = known {
        return Some(known.to_owned());
    }
    // Names of AMD's metrics are so plain that others have them, too.
    if field.is_of_amd() {
        return None;
    }
    let host = labels::hostname(series)
        .or_else(|| series.label("node"))
        .or_else(|| labels::instance_host(series))?;
    Some(format!("{host}/gpu-{}", labels::index(series)?))
}

fn decode(field: Field, series: &Series, window: Window, out: &mut DeviceObservations) -> Timeline {
    let mut timeline = Timeline::default();
    let is_partition = labels::is_partition(series);
    for (at, raw) in series.samples() {
        let counts = window.start() <= at && at < window.end();
        let decoded = match field.decode(raw) {
            Decoded::Stale => Decoded::Stale,
            _ if is_partition => Decoded::Dropped(DropReason::Partition),
            decoded => decoded,
        };
        let evidence = counts && !field.is_size();
        out.samples_seen += u64::from(evidence && decoded != Decoded::Stale);
        timeline.push(
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
        );
    }
    timeline
}

fn common_steps(devices: &BTreeMap<String, Building>, default_ms: i64) -> BTreeMap<Field, i64> {
    Field::ALL
        .into_iter()
        .map(|field| {
            let all = devices.values().flat_map(|d| d.parts.values());
            let lines = all.filter_map(|part| part.get(&field)).flatten();
            (field, common_step(lines.map(|line| &line.timeline), default_ms))
        })
        .collect()
}

/// Number and profile of an instance; `None` for the card.
type Part = Option<(String, Option<String>)>;

#[derive(Default)]
struct Building {
    index: Option<String>,
    model: Option<String>,
    whereabouts: Whereabouts,
    parts: BTreeMap<Part, BTreeMap<Field, Vec<Line>>>,
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
        fill(&mut self.index, labels::index(series));
        fill(&mut self.model, labels::model(series));
        fill(&mut self.whereabouts.node, series.label("node"));
        fill(&mut self.whereabouts.hostname, labels::hostname(series));
        fill(&mut self.whereabouts.instance_host, labels::instance_host(series));
        let pod = exporter.holder(series);
        if self.whereabouts.target_pod.is_none()
            && (series.label("exported_pod").is_some() || pod.is_none())
            && let (Some(namespace), Some(pod)) = (series.label("namespace"), series.label("pod"))
        {
            self.whereabouts.target_pod = Some((namespace.to_owned(), pod.to_owned()));
        }
        self.replicas |= series.label("vgpu").is_some() || labels::is_partition(series);
        let part = series
            .label("GPU_I_ID")
            .map(|id| (id.to_owned(), series.label("GPU_I_PROFILE").map(ToOwned::to_owned)));
        let line = Line { pod, claim: labels::claim(series), timeline };
        self.parts.entry(part).or_default().entry(field).or_default().push(line);
    }

    fn finish(
        self,
        id: String,
        merging: &Merging<'_>,
        dropped: &mut BTreeMap<DropReason, u64>,
    ) -> DeviceObservation {
        let mut card = Reading::default();
        let mut instances = Vec::new();
        let mut presence = IntervalSet::default();
        for (part, lines) in &self.parts {
            let (reading, duplicates) = merging.reading(lines);
            *dropped.entry(DropReason::Duplicate).or_default() += duplicates;
            presence = presence.union(&reading.presence);
            match part.clone() {
                None => card = reading,
                Some((id, profile)) => instances.push(InstanceObservation { id, profile, reading }),
            }
        }
        DeviceObservation {
            id,
            index: self.index,
            model: self.model,
            whereabouts: self.whereabouts,
            card,
            instances,
            presence,
            replicas: self.replicas,
        }
    }
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
        assert_eq!(device.card.signals[&Field::GpuUtil].len(), 4);
        assert_eq!(device.card.labelled.len(), 2);
        assert_eq!(device.card.labelled[0].presence.as_slice(), [Interval::new(0, 200)]);
        assert_eq!(device.card.labelled[1].presence.as_slice(), [Interval::new(200, 500)]);
    }

    #[test]
    fn an_amd_card_is_known_by_uuid_or_serial_number() {
        let activity = |labels: &[(&str, &str)]| {
            observe(&inputs(QueryId::AmdGfxActivity, vec![series(labels, &[(0, 50.0)])]), 300, 100)
        };
        let new = [("gpu_uuid", "u-1"), ("serial_number", "s-1"), ("gpu_id", "3")];
        let device = &activity(&new).devices[0];
        assert_eq!((device.id.as_str(), device.index.as_deref()), ("u-1", Some("3")));
        assert_eq!(device.card.signals[&Field::GfxActivity][0].value, Some(0.5));
        for (labels, id) in
            [(&new[1..], "s-1"), (&[("GPU_UUID", "u-2"), ("SERIAL_NUMBER", "s-2")][..], "u-2")]
        {
            assert_eq!(activity(labels).devices[0].id, id);
        }
        // Somebody else's metric of that name.
        assert!(activity(&[("hostname", "n1"), ("gpu", "0")]).devices.is_empty());
        let models = [("card_series", "AMD Instinct MI300X OAM"), ("card_model", "102-G30211-0C")];
        let named = activity(&[&new[..], &models].concat());
        assert_eq!(named.devices[0].model.as_deref(), Some("AMD Instinct MI300X OAM"));
    }

    #[test]
    fn partitions_of_an_amd_card_are_one_card_and_say_nothing_of_it() {
        let partition = |uuid, pod| {
            let labels = [
                ("gpu_uuid", uuid),
                ("serial_number", "s-1"),
                ("gpu_compute_partition_type", "CPX"),
                ("namespace", "ml"),
                ("pod", pod),
            ];
            series(&labels, &[(0, 50.0), (100, 50.0)])
        };
        let both = vec![partition("u-1", "a"), partition("u-2", "b")];
        let seen = observe(&inputs(QueryId::AmdGfxActivity, both), 300, 100);
        assert_eq!(seen.devices.len(), 1);
        let card = &seen.devices[0];
        assert_eq!((card.id.as_str(), card.replicas, card.card.labelled.len()), ("s-1", true, 2));
        assert!(card.card.signals[&Field::GfxActivity].iter().all(|held| held.value.is_none()));
        assert_eq!(seen.dropped[&DropReason::Partition], 4);
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
