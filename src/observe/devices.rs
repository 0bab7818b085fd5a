//! What the exporters say of each physical GPU: its signals, who they name as its holder, when it was there.
//!
//! Copies of a value under several label sets become one value in `reading`.

mod sketch;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rayon::prelude::*;
use sketch::Sketch;

use super::exporter::{Bystanders, ExporterIdentity};
use super::field::{DropReason, Field};
use super::labels;
use super::outline::{Outline, Tally};
use super::reading::{Merging, Reading};
use super::timeline::common_step;
use crate::model::{Inputs, Interval, IntervalSet, Series};

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
#[derive(Debug, Clone, Default)]
pub struct DeviceObservations<'a> {
    /// Devices, by id. Their readings lack signals and processes where there are too many samples to keep
    /// them all: [`Self::full`] has them always.
    pub devices: Vec<DeviceObservation>,
    /// Samples read in the window.
    pub samples_seen: u64,
    /// Samples not used, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Samples clamped to a ratio's 1.
    pub clamped: u64,
    /// What the devices are made from, where it is needed again.
    anew: Option<Anew<'a>>,
}

#[derive(Debug, Clone)]
struct Anew<'a> {
    sketches: Vec<Sketch<'a>>,
    outlines: Vec<Outline>,
    merging: Merging,
}

/// Most samples of all devices for which signals are kept. Beyond, they are made anew for each device
/// when they are asked for, which costs decoding once more and no memory.
const KEPT_SAMPLES: u64 = 4_000_000;

impl DeviceObservations<'_> {
    /// A device with all that its series say.
    #[must_use]
    pub fn full(&self, position: usize) -> Cow<'_, DeviceObservation> {
        match &self.anew {
            None => Cow::Borrowed(&self.devices[position]),
            Some(Anew { sketches, outlines, merging }) => {
                Cow::Owned(sketches[position].observation(merging, outlines, true).0)
            }
        }
    }
}

/// Reads all device series.
#[must_use]
pub fn observe(inputs: &Inputs, max_gap_ms: i64, default_step_ms: i64) -> DeviceObservations<'_> {
    observe_keeping(inputs, max_gap_ms, default_step_ms, KEPT_SAMPLES)
}

fn observe_keeping(
    inputs: &Inputs,
    max_gap_ms: i64,
    default_step_ms: i64,
    kept_samples: u64,
) -> DeviceObservations<'_> {
    let all = || Field::ALL.iter().filter_map(|f| inputs.metric(f.query()).map(|m| (*f, m)));
    let exporter =
        ExporterIdentity::learn(all().flat_map(|(_, m)| &m.series), Bystanders::new(inputs));
    let mut sketches: BTreeMap<String, Sketch<'_>> = BTreeMap::new();
    let mut lines: Vec<(Field, &Series)> = Vec::new();
    for (field, data) in all() {
        for series in &data.series {
            let Some(id) = device_id(field, series) else { continue };
            let sketch = match sketches.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let sketch = Sketch::new(new.key().clone());
                    new.insert(sketch)
                }
            };
            sketch.add(field, series, lines.len(), &exporter);
            lines.push((field, series));
        }
    }
    let counted = Interval::new(inputs.window.start(), inputs.window.end());
    let outline =
        |(field, series): &(Field, &Series)| Outline::of(*field, series, counted, max_gap_ms);
    let outlines: Vec<Outline> = lines.par_iter().map(outline).collect();
    let merging =
        Merging { steps: common_steps(&lines, &outlines, default_step_ms), max_gap_ms, counted };
    let mut tally = Tally::default();
    outlines.iter().for_each(|outline| tally.add(outline));
    let Tally { seen: samples_seen, clamped, dropped } = tally;
    let mut out = DeviceObservations { samples_seen, clamped, dropped, ..Default::default() };
    let is_kept = samples_seen <= kept_samples;
    let sketches: Vec<Sketch<'_>> = sketches.into_values().collect();
    let observed: Vec<(DeviceObservation, u64)> =
        sketches.par_iter().map(|s| s.observation(&merging, &outlines, is_kept)).collect();
    for (device, duplicates) in observed {
        *out.dropped.entry(DropReason::Duplicate).or_default() += duplicates;
        out.devices.push(device);
    }
    out.dropped.retain(|_, n| *n > 0);
    out.anew = (!is_kept).then_some(Anew { sketches, outlines, merging });
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

/// By field, the median of the series' median spacings.
fn common_steps(
    lines: &[(Field, &Series)],
    outlines: &[Outline],
    default_ms: i64,
) -> BTreeMap<Field, i64> {
    let of_field = |field: Field| {
        let all = lines.iter().zip(outlines).filter(|((f, _), _)| f.kept_as() == field);
        common_step(all.filter_map(|(_, outline)| outline.spacing), default_ms)
    };
    Field::ALL.into_iter().map(|field| (field, of_field(field))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterFacts, MetricData, QueryId, Window};

    fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
        Series {
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            samples: samples.iter().copied().collect(),
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
            let data = inputs(QueryId::AmdGfxActivity, vec![series(labels, &[(0, 50.0)])]);
            observe(&data, 300, 100).devices
        };
        let new = [("gpu_uuid", "u-1"), ("serial_number", "s-1"), ("gpu_id", "3")];
        let device = &activity(&new)[0];
        assert_eq!((device.id.as_str(), device.index.as_deref()), ("u-1", Some("3")));
        assert_eq!(device.card.signals[&Field::GfxActivity][0].value, Some(0.5));
        for (labels, id) in
            [(&new[1..], "s-1"), (&[("GPU_UUID", "u-2"), ("SERIAL_NUMBER", "s-2")][..], "u-2")]
        {
            assert_eq!(activity(labels)[0].id, id);
        }
        // Somebody else's metric of that name.
        assert!(activity(&[("hostname", "n1"), ("gpu", "0")]).is_empty());
        let models = [("card_series", "AMD Instinct MI300X OAM"), ("card_model", "102-G30211-0C")];
        let named = activity(&[&new[..], &models].concat());
        assert_eq!(named[0].model.as_deref(), Some("AMD Instinct MI300X OAM"));
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
        let data = inputs(QueryId::AmdGfxActivity, both);
        let seen = observe(&data, 300, 100);
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

    #[test]
    fn signals_that_are_not_kept_are_made_anew() {
        let who = |pod| vec![("UUID", "GPU-a"), ("pod", pod), ("namespace", "ml")];
        let data = inputs(
            QueryId::GpuUtil,
            vec![
                series(&who("a"), &[(0, 50.0), (100, 50.0), (200, 20.0)]),
                series(&who("b"), &[(300, 10.0), (400, 10.0)]),
            ],
        );
        let (kept, anew) =
            (observe_keeping(&data, 300, 100, 5), observe_keeping(&data, 300, 100, 4));
        assert!(
            !kept.devices[0].card.signals.is_empty() && anew.devices[0].card.signals.is_empty()
        );
        assert_eq!(kept.full(0), anew.full(0));
        assert_eq!(kept.devices[0].card.labelled, anew.devices[0].card.labelled);
    }
}
