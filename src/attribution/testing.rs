//! Devices, slots and holders for unit tests of this folder.

use std::collections::BTreeMap;

use super::holder::{Holder, HolderKind, HoldingSource, Spot};
use super::holding::{Holding, Sharing};
use super::inventory::Device;
use super::label_view::LabelView;
use super::mig::profile::{self, Profile};
use super::slots::{Serves, Slot};
use crate::model::{Interval, IntervalSet};
use crate::observe::kube_state::PodKey;

/// What all devices and slots here are there for.
pub(super) const ALWAYS: Interval = Interval { start: 0, end: 1_000 };

/// An A100 80 GB on node `n1`.
pub(super) fn device(id: &str) -> Device {
    Device {
        cluster: None,
        id: id.into(),
        node: "n1".into(),
        index: None,
        model: "NVIDIA A100-SXM4-80GB".into(),
        presence: IntervalSet::of(ALWAYS),
        sharing: Sharing::Exclusive,
        passthrough: false,
        observation: None,
        pooled: None,
        memory_bytes: None,
    }
}

pub(super) fn profile(text: &str) -> Profile {
    profile::read(text).expect("a profile").profile
}

pub(super) fn card(device: usize, units: u32) -> Slot {
    let presence = IntervalSet::of(ALWAYS);
    Slot { device, instance: None, serves: Serves::Card, share: 1.0, units, presence }
}

pub(super) fn instance(device: usize, number: usize, name: &str, share: f64) -> Slot {
    let serves = Serves::Instance(profile(name));
    Slot { instance: Some(number), serves, share, ..card(device, 1) }
}

/// A pod on `n1`, with the time for which series name it.
pub(super) fn pod(
    name: &str,
    wants: &[(&str, u32)],
    (start, end): (i64, i64),
    labelled: &[(Spot, i64)],
) -> Holder {
    Holder {
        kind: HolderKind::Pod,
        key: PodKey { namespace: "ns".into(), name: name.into(), uid: None },
        node: Some("n1".into()),
        wants: wants.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect(),
        claims: Vec::new(),
        time: Interval::new(start, end),
        since: start,
        source: HoldingSource::KubeStateMetrics,
        owner: None,
        labels: LabelView::default(),
        annotations: BTreeMap::new(),
        labelled: labelled.iter().copied().collect(),
    }
}

/// A part of the first device.
pub(super) fn holding(
    holder: usize,
    slot: Option<usize>,
    (start, end): (i64, i64),
    share: f64,
) -> Holding {
    Holding { slot, share, ..Holding::whole(0, Interval::new(start, end), holder) }
}
