//! A device as labels tell of it, with the series that its readings are made from, as often as they are needed.

use std::collections::BTreeMap;

use super::{DeviceObservation, InstanceObservation};
use crate::model::Series;
use crate::observe::exporter::ExporterIdentity;
use crate::observe::field::Field;
use crate::observe::labels::{self, ClaimLabel, PodLabel};
use crate::observe::outline::Outline;
use crate::observe::reading::{Line, Merging};

/// Number and profile of an instance; `None` for the card.
type Part = Option<(String, Option<String>)>;

/// A series of a part of a device, and what its labels say.
#[derive(Debug, Clone)]
struct Source<'a> {
    field: Field,
    series: &'a Series,
    /// Where its outline stands among all.
    outline: usize,
    pod: Option<PodLabel>,
    claim: Option<ClaimLabel>,
}

/// A device before its samples are read.
#[derive(Debug, Clone)]
pub(super) struct Sketch<'a> {
    /// All that labels say of it.
    device: DeviceObservation,
    parts: BTreeMap<Part, Vec<Source<'a>>>,
}

impl<'a> Sketch<'a> {
    pub(super) fn new(id: String) -> Self {
        let device = DeviceObservation { id, ..DeviceObservation::default() };
        Self { device, parts: BTreeMap::new() }
    }

    /// Adds the series whose outline will be the one at `outline`.
    pub(super) fn add(
        &mut self,
        field: Field,
        series: &'a Series,
        outline: usize,
        exporter: &ExporterIdentity,
    ) {
        let own = |v: Option<&str>| v.map(ToOwned::to_owned);
        let fill = |slot: &mut Option<String>, value: Option<&str>| {
            if slot.is_none() {
                *slot = own(value);
            }
        };
        let device = &mut self.device;
        fill(&mut device.index, labels::index(series));
        fill(&mut device.model, labels::model(series));
        fill(&mut device.whereabouts.node, series.label("node"));
        fill(&mut device.whereabouts.hostname, labels::hostname(series));
        fill(&mut device.whereabouts.instance_host, labels::instance_host(series));
        let pod = exporter.holder(series);
        if device.whereabouts.target_pod.is_none()
            && (series.label("exported_pod").is_some() || pod.is_none())
            && let (Some(namespace), Some(pod)) = (series.label("namespace"), series.label("pod"))
        {
            device.whereabouts.target_pod = Some((namespace.to_owned(), pod.to_owned()));
        }
        device.replicas |= series.label("vgpu").is_some() || labels::is_partition(series);
        let part = series
            .label("GPU_I_ID")
            .map(|id| (id.to_owned(), series.label("GPU_I_PROFILE").map(ToOwned::to_owned)));
        let source = Source { field, series, outline, pod, claim: labels::claim(series) };
        self.parts.entry(part).or_default().push(source);
    }

    /// The device with its readings, and how many samples were duplicates; `is_full` as of [`Merging::reading`].
    pub(super) fn observation(
        &self,
        merging: &Merging,
        outlines: &[Outline],
        is_full: bool,
    ) -> (DeviceObservation, u64) {
        let mut out = self.device.clone();
        let mut all_duplicates = 0;
        for (part, sources) in &self.parts {
            let mut lines: BTreeMap<Field, Vec<Line<'_>>> = BTreeMap::new();
            for Source { field, series, outline, pod, claim } in sources {
                let (pod, claim, outline) = (pod.as_ref(), claim.as_ref(), &outlines[*outline]);
                let line = Line { pod, claim, field: *field, series, outline };
                lines.entry(field.kept_as()).or_default().push(line);
            }
            let (reading, duplicates) = merging.reading(&lines, is_full);
            all_duplicates += duplicates;
            out.presence = out.presence.union(&reading.presence);
            match part.clone() {
                None => out.card = reading,
                Some((id, profile)) => {
                    out.instances.push(InstanceObservation { id, profile, reading });
                }
            }
        }
        (out, all_duplicates)
    }
}
