//! What device series say of pods: which names which, and when.

use std::collections::BTreeMap;

use super::holder::Spot;
use crate::model::{Interval, IntervalSet};
use crate::observe::devices::DeviceObservation;
use crate::observe::kube_state::PodKey;
use crate::observe::labels::PodLabel;
use crate::units::Millis;

/// A label's presence with those holes closed in which the whole device was silent: an exporter's
/// outage takes no GPU from anybody. A hole in which the device spoke without the label stays one.
pub(super) fn bridged(presence: &IntervalSet, of_reading: &IntervalSet) -> IntervalSet {
    let holes =
        presence.as_slice().windows(2).map(|pair| Interval::new(pair[0].end, pair[1].start));
    let silent = holes.filter(|hole| of_reading.intersect(&IntervalSet::of(*hole)).is_empty());
    presence.union(&IntervalSet::union_of(silent))
}

/// A spot, the label with which it names a pod, when, and when it says anything at all.
type NamedBy<'a> = (Spot, &'a PodLabel, &'a IntervalSet, &'a IntervalSet);

/// What names which pod, and when, by namespace and name.
pub(super) struct LabelIndex<'a>(BTreeMap<(&'a str, &'a str), Vec<NamedBy<'a>>>);

impl<'a> LabelIndex<'a> {
    pub(super) fn new(observations: &'a [DeviceObservation]) -> Self {
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

    /// Whether anything names a pod of this name.
    pub(super) fn names(&self, key: &PodKey) -> bool {
        self.0.contains_key(&(key.namespace.as_str(), key.name.as_str()))
    }

    /// Labels of a pod that overlap `time`; a UID must agree where both sides have one.
    pub(super) fn of(&self, key: &PodKey, time: Interval) -> LabelsOfPod<'a> {
        let all =
            self.0.get(&(key.namespace.as_str(), key.name.as_str())).map_or(&[][..], Vec::as_slice);
        let labels = all
            .iter()
            .filter(|(_, label, presence, _)| {
                label.names(key) && presence.as_slice().iter().any(|p| p.overlap(time).is_some())
            })
            .copied()
            .collect();
        LabelsOfPod(labels)
    }
}

pub(super) struct LabelsOfPod<'a>(Vec<NamedBy<'a>>);

impl LabelsOfPod<'_> {
    /// When the pod's name went from its devices: end of the last stretch in `time`. Where the device
    /// fell silent with it, the label tells of the exporter and not of the pod.
    pub(super) fn last_end_in(&self, time: Interval) -> Option<Millis> {
        let ends = self.0.iter().filter_map(|(_, _, presence, of_reading)| {
            let last = presence.as_slice().iter().rev().find(|s| s.overlap(time).is_some())?;
            Some((last.end, of_reading.contains(last.end)))
        });
        let (end, spoke_on) = ends.max()?;
        spoke_on.then_some(end)
    }

    pub(super) fn time_by_spot(&self, time: Interval) -> BTreeMap<Spot, i64> {
        let within = IntervalSet::of(time);
        let mut out = BTreeMap::new();
        for (spot, _, presence, _) in &self.0 {
            *out.entry(*spot).or_default() += presence.intersect(&within).length_ms();
        }
        out
    }
}
