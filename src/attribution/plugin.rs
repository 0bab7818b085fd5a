//! How a node's device plugin shares GPUs: by GFD's labels, by its resources, by its series.
//!
//! Only what one unit of a resource stands for; the parts of each card are `slots`.

use std::collections::BTreeMap;

use super::label_view::LabelView;
use super::mig::profile::{self, Profile};
use super::vgpu::Vgpu;
use crate::model::interval::most_at_once;
use crate::model::objects::{NodeFact, is_part_of_card};
use crate::observe::devices::DeviceObservation;
use crate::observe::kube_state::KubeNode;

/// More replicas of one card than anybody configures: a label beyond is a mistake, not a share.
const MAX_REPLICAS: u32 = 1_024;

/// How a node's device plugin shares GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plugin {
    /// Replicas that each card is handed out in; 1 where cards are handed out whole.
    pub replicas: u32,
    /// Whether replicas run side by side (MPS) rather than in turns.
    pub mps: bool,
    /// With MIG's `single` strategy: the profile that the plain resource stands for.
    pub single: Option<Profile>,
    /// With the `mixed` strategy: most instances seen, by profile.
    pub mixed: BTreeMap<Profile, u32>,
    /// Replicas of each instance, by profile, where there are several.
    pub instance_replicas: BTreeMap<Profile, u32>,
    /// Units of renamed replicas (`nvidia.com/gpu.shared`).
    pub renamed: u32,
    /// With the `mixed` strategy: no card is handed out whole, so that MIG is on for all of them, those without
    /// an instance included.
    pub mig_only: bool,
    /// Cards that HAMi or Volcano divides.
    pub vgpu: Option<Vgpu>,
}

impl Plugin {
    /// Whether each card goes to one holder at a time.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.replicas <= 1
            && self.single.is_none()
            && self.mixed.is_empty()
            && self.renamed == 0
            && self.vgpu.is_none()
    }
}

/// What tells how a node's GPUs are shared.
#[derive(Clone, Copy)]
pub struct Signs<'a> {
    /// Labels.
    pub labels: &'a LabelView,
    /// The node in kube-state-metrics.
    pub kube: Option<&'a KubeNode>,
    /// The node's object.
    pub object: Option<&'a NodeFact>,
    /// Devices that an exporter showed on it.
    pub devices: &'a [&'a DeviceObservation],
    /// Units of whole-GPU resources.
    pub capacity: Option<u32>,
}

impl Signs<'_> {
    /// What GFD's labels and the resources say; where no label tells, what the series show.
    #[must_use]
    pub fn plugin(&self) -> Plugin {
        let labels = self.labels;
        let product = labels.get("nvidia.com/gpu.product").unwrap_or_default();
        let number = |key: &str| labels.get(key).and_then(|text| text.parse::<u32>().ok());
        let strategy = labels.get("nvidia.com/gpu.sharing-strategy");
        let mut out = Plugin {
            replicas: number("nvidia.com/gpu.replicas").unwrap_or(1).clamp(1, MAX_REPLICAS),
            mps: strategy == Some("mps"),
            ..Plugin::default()
        };
        if labels.get("nvidia.com/mig.strategy") == Some("single") {
            out.single = product.rsplit_once("-MIG-").and_then(|_| profile(product));
        }
        let from_object = self.object.iter().flat_map(|o| &o.gpu_capacity);
        let from_metrics = self.kube.iter().flat_map(|k| &k.parts);
        for (resource, &count) in from_object.chain(from_metrics).filter(|(_, n)| **n > 0) {
            if let Some(profile) = profile(resource) {
                let replicas = number(&format!("nvidia.com/mig-{}.replicas", label_name(&profile)));
                let replicas = replicas.unwrap_or(1).clamp(1, MAX_REPLICAS);
                if replicas > 1 {
                    out.instance_replicas.insert(profile.clone(), replicas);
                }
                let known = out.mixed.entry(profile).or_default();
                *known = (count / replicas).max(1).max(*known);
            } else if is_part_of_card(resource) || resource == "nvidia_com_gpu_shared" {
                out.renamed = out.renamed.max(count);
            }
        }
        let is_mixed = labels.get("nvidia.com/mig.strategy") == Some("mixed")
            && labels.get("nvidia.com/mig.capable") == Some("true");
        out.mig_only = self.capacity == Some(0) && (is_mixed || !out.mixed.is_empty());
        if out.is_exclusive() {
            out.replicas = self.replicas_of_series();
        }
        out
    }

    /// Replicas that only the series tell of, where no label does: virtual GPUs, or one value under the
    /// names of several pods at once. As many as capacity has for each card, or as pods were seen on one.
    fn replicas_of_series(&self) -> u32 {
        let is_shared = |d: &&&DeviceObservation| {
            d.replicas || d.card.fanned_out && d.card.labelled.iter().all(|l| l.claim.is_none())
        };
        let Some(most) = self.devices.iter().filter(is_shared).map(|d| pods_at_once(d)).max()
        else {
            return 1;
        };
        let cards = u32::try_from(self.devices.len()).unwrap_or(u32::MAX).max(1);
        let by_capacity = self.capacity.filter(|c| c % cards == 0).map_or(1, |c| c / cards);
        by_capacity.max(most).clamp(1, MAX_REPLICAS)
    }
}

/// Most pods that the series of a card name at one time.
fn pods_at_once(device: &DeviceObservation) -> u32 {
    let times = device.card.labelled.iter().flat_map(|l| l.presence.as_slice());
    let most = most_at_once(times.map(|&time| (time, 1.0)));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of pods, never negative"
    )]
    let most = most as u32;
    most
}

fn profile(text: &str) -> Option<Profile> {
    profile::read(text).ok().map(|spelled| spelled.profile)
}

/// A profile as GFD's labels and the resources write it: `1g.10gb.me`.
fn label_name(profile: &Profile) -> String {
    profile.to_string().replace('+', ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Interval, IntervalSet};
    use crate::observe::labels::PodLabel;
    use crate::observe::reading::{LabelledTime, Reading};

    fn signs<'a>(labels: &'a LabelView, object: &'a NodeFact) -> Signs<'a> {
        let capacity = object.gpu_capacity.get("nvidia.com/gpu").copied();
        Signs { labels, kube: None, object: Some(object), devices: &[], capacity }
    }

    fn plugin(pairs: &[(&str, &str)], resources: &[(&str, u32)]) -> Plugin {
        let labels = LabelView {
            object: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..LabelView::default()
        };
        let object = NodeFact {
            gpu_capacity: resources.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect(),
            ..NodeFact::default()
        };
        signs(&labels, &object).plugin()
    }

    #[test]
    fn trap_10_what_a_unit_is_comes_from_feature_discovery() {
        let slicing = plugin(&[("nvidia.com/gpu.replicas", "4")], &[("nvidia.com/gpu", 16)]);
        assert_eq!((slicing.replicas, slicing.mps, slicing.is_exclusive()), (4, false, false));
        assert!(plugin(&[("nvidia.com/gpu.replicas", "1")], &[]).is_exclusive());
        assert!(plugin(&[("nvidia.com/gpu.sharing-strategy", "mps")], &[]).mps);
        let single = plugin(
            &[
                ("nvidia.com/mig.strategy", "single"),
                ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"),
            ],
            &[("nvidia.com/gpu", 14)],
        );
        assert_eq!(single.single.map(|p| p.to_string()).as_deref(), Some("1g.10gb"));
        let mixed = plugin(
            &[("nvidia.com/mig-1g.10gb.replicas", "2")],
            &[("nvidia.com/gpu", 2), ("nvidia.com/mig-1g.10gb", 14), ("nvidia.com/mig-3g.40gb", 2)],
        );
        let counts: Vec<_> = mixed.mixed.iter().map(|(p, n)| (p.to_string(), *n)).collect();
        assert_eq!(counts, [("1g.10gb".to_owned(), 7), ("3g.40gb".to_owned(), 2)]);
        assert!(!mixed.mig_only, "two cards are handed out whole");
        assert_eq!(mixed.instance_replicas.len(), 1);
        assert_eq!(plugin(&[], &[("nvidia.com/gpu.shared", 8)]).renamed, 8);
    }

    #[test]
    fn mig_is_on_where_the_mixed_strategy_hands_out_no_whole_card() {
        let strategy =
            |name| [("nvidia.com/mig.strategy", name), ("nvidia.com/mig.capable", "true")];
        let cut: &[_] = &[("nvidia.com/gpu", 0), ("nvidia.com/mig-1g.10gb", 3)];
        let whole: &[_] = &[("nvidia.com/gpu", 1), ("nvidia.com/mig-1g.10gb", 3)];
        let nothing: &[_] = &[("nvidia.com/gpu", 0)];
        for (labels, resources, expected) in [
            (&strategy("mixed")[..], cut, true),
            (&[], cut, true),
            (&strategy("mixed"), nothing, true),
            (&strategy("mixed")[..1], nothing, false),
            (&strategy("single"), nothing, false),
            (&strategy("none"), nothing, false),
            (&strategy("mixed"), whole, false),
        ] {
            assert_eq!(plugin(labels, resources).mig_only, expected, "{labels:?} {resources:?}");
        }
    }

    #[test]
    fn sharing_is_found_in_the_series_where_no_label_tells() {
        let named = |pod: &str| LabelledTime {
            pod: PodLabel { namespace: "ns".into(), name: pod.into(), uid: None },
            claim: None,
            presence: IntervalSet::of(Interval::new(0, 1_000)),
        };
        let card = |pods: &[&str], fanned_out| DeviceObservation {
            card: Reading {
                labelled: pods.iter().map(|p| named(p)).collect(),
                fanned_out,
                ..Reading::default()
            },
            ..DeviceObservation::default()
        };
        let object = NodeFact {
            gpu_capacity: BTreeMap::from([("nvidia.com/gpu".to_owned(), 8)]),
            ..NodeFact::default()
        };
        let labels = LabelView::default();
        let replicas = |a: &DeviceObservation, b: &DeviceObservation| {
            let devices = [a, b];
            Signs { devices: &devices, ..signs(&labels, &object) }.plugin().replicas
        };
        // Two cards, eight units: four each. Without copies, eight cards of which six are not shown.
        assert_eq!(replicas(&card(&["a", "b"], true), &card(&[], false)), 4);
        assert_eq!(replicas(&card(&["a"], false), &card(&["b"], false)), 1);
    }
}
