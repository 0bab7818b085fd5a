//! Autoscalers: between how many pods a workload may be scaled.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ask::text;
use crate::model::manifests::Manifest;

/// A number of pods that may vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// Fewest.
    pub(super) low: u32,
    /// As written; where nothing is written, the fewest.
    pub(super) now: u32,
    /// Most.
    pub(super) high: u32,
}

impl Range {
    pub(super) const fn fixed(pods: u32) -> Self {
        Self { low: pods, now: pods, high: pods }
    }

    pub(super) fn bounded(now: u32, low: u32, high: u32) -> Self {
        let high = high.max(low);
        Self { low, now: now.clamp(low, high), high }
    }

    pub(super) const fn times(self, n: u32) -> Self {
        Self {
            low: self.low.saturating_mul(n),
            now: self.now.saturating_mul(n),
            high: self.high.saturating_mul(n),
        }
    }
}

/// Bounds by what is scaled: namespace, kind, name.
#[derive(Debug, Default)]
pub(super) struct Scalers(BTreeMap<(String, String, String), (u32, u32)>);

impl Scalers {
    pub(super) fn of(items: &[Manifest]) -> Self {
        Self(items.iter().filter_map(|manifest| bounds(&manifest.object)).collect())
    }

    /// The bounds of a workload: fewest and most.
    pub(super) fn get(&self, namespace: &str, kind: &str, name: &str) -> Option<(u32, u32)> {
        self.0.get(&(namespace.to_owned(), kind.to_owned(), name.to_owned())).copied()
    }
}

type Bound = ((String, String, String), (u32, u32));

fn bounds(object: &Value) -> Option<Bound> {
    let spec = &object["spec"];
    // What each of the two takes where nothing is written.
    let (low, high) = match text(object, "/kind") {
        "HorizontalPodAutoscaler" => {
            (number(&spec["minReplicas"]).unwrap_or(1), number(&spec["maxReplicas"])?)
        }
        "ScaledObject" => {
            let high = number(&spec["maxReplicaCount"]).unwrap_or(100);
            (number(&spec["minReplicaCount"]).unwrap_or(0), high)
        }
        _ => return None,
    };
    let target = &spec["scaleTargetRef"];
    let kind = target["kind"].as_str().unwrap_or("Deployment").to_owned();
    let namespace = text(object, "/metadata/namespace").to_owned();
    Some(((namespace, kind, target["name"].as_str()?.to_owned()), (low, high)))
}

/// A number of pods.
pub(super) fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}
