//! Whoever holds devices: a pod, or a claim by itself; from when to when, and how that is known.
//!
//! Plain values. `pods` and `claims` make them, everything after reads them.

use std::collections::BTreeMap;

use super::label_view::LabelView;
use crate::model::Interval;
use crate::model::objects::OwnerRef;
use crate::observe::kube_state::PodKey;
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
    /// Every witness.
    pub const ALL: [Self; 5] =
        [Self::KubeStateMetrics, Self::Objects, Self::DcgmLabels, Self::Claims, Self::None];

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

impl HolderKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Pod, Self::StaleClaim, Self::ReservedClaim];

    /// Name in roll-ups.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::StaleClaim => "stale-claim",
            Self::ReservedClaim => "reserved-claim",
        }
    }
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

impl Holder {
    /// Who came first was given a device first. Names come last: they say nothing about who has what.
    pub(super) fn order(&self) -> impl Ord + '_ {
        let PodKey { namespace, name, uid } = &self.key;
        (self.since, self.time, namespace, uid, name, &self.labelled)
    }
}
