//! What each workload of a set of manifests asks for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Assumed;
use super::hours::{Hours, hours};
use super::scale::Range;
use super::world::World;
use crate::attribution::label_view::LabelView;
use crate::model::manifests::{Manifest, Manifests};

/// What an object is known by on both sides of a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: String,
    pub(super) kind: String,
    pub(super) name: String,
}

/// A workload with what it asks for.
#[derive(Debug)]
pub(super) struct Workload<'a> {
    pub(super) key: Key,
    pub(super) manifest: &'a Manifest,
    pub(super) pools: Vec<Pool>,
    pub(super) hours: Hours,
    /// What could not be told.
    pub(super) unknown: Vec<Unknown>,
}

/// Pods that are alike.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) role: &'static str,
    pub(super) pods: Range,
    /// What one of them asks for.
    pub(super) pieces: Vec<Piece>,
    /// Labels that their node must have.
    pub(super) node: LabelView,
    /// Metadata of the template.
    pub(super) metadata: Value,
}

/// Devices of one kind that one pod asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Piece {
    pub(super) devices: f64,
    pub(super) part: Part,
    /// Model, where the request itself decides it.
    pub(super) model: Option<String>,
    /// Models that the request leaves, where there are several.
    pub(super) among: Vec<String>,
    /// Resource or device class.
    pub(super) name: String,
    /// Whether all devices of the claim are of one card.
    pub(super) is_of_one_card: bool,
    /// Pointer within the object.
    pub(super) at: String,
}

/// What part of a card a device is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Part {
    #[default]
    Whole,
    /// An instance by its profile.
    Mig(String),
    /// A share, 0..1.
    Share(f64),
    /// So much of its memory, and at least this share.
    Memory { bytes: f64, floor: f64 },
    /// One of as many as the assumptions say share a card.
    Shared,
    /// A part of which nothing is known.
    AtMost,
}

/// Something that the manifests do not tell, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) message: String,
    pub(super) at: String,
}

/// Text at a pointer; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Every workload of the set that asks for an accelerator, or of which that cannot be told, by its key.
pub(super) fn workloads<'a>(
    set: &'a Manifests,
    assumed: &'a Assumed,
) -> BTreeMap<Key, Workload<'a>> {
    let world = World::new(&set.items, assumed);
    let mut found = BTreeMap::new();
    for manifest in &set.items {
        let object = &manifest.object;
        let mut unknown = Vec::new();
        let pools = world.pools(object, &mut unknown);
        if unknown.is_empty() && pools.iter().all(|pool| pool.pieces.is_empty()) {
            continue;
        }
        let hours = hours(object, assumed);
        let key = key(object);
        // The last of two with one name is what a cluster would keep.
        found.insert(key.clone(), Workload { key, manifest, pools, hours, unknown });
    }
    found
}

/// What an object is known by.
pub(super) fn key(object: &Value) -> Key {
    let name = match (text(object, "/metadata/name"), text(object, "/metadata/generateName")) {
        ("", prefix) => format!("{prefix}*"),
        (name, _) => name.to_owned(),
    };
    let (namespace, kind) = (text(object, "/metadata/namespace"), text(object, "/kind"));
    Key { namespace: namespace.to_owned(), kind: kind.to_owned(), name }
}

impl Workload<'_> {
    /// `namespace/kind/name`; without the namespace where the manifest has none.
    pub(super) fn subject(&self) -> String {
        self.key.subject()
    }

    /// Labels of the workload and of every one of its pods.
    pub(super) fn labels(&self) -> BTreeSet<&str> {
        let own = self.manifest.object.pointer("/metadata/labels");
        let of_pods = self.pools.iter().map(|pool| pool.metadata.get("labels"));
        let all = std::iter::once(own).chain(of_pods).flatten().filter_map(Value::as_object);
        let is_set = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        all.flatten().filter(|(_, value)| is_set(value)).map(|(name, _)| name.as_str()).collect()
    }

    /// Pointer of the first request for an accelerator.
    pub(super) fn first_request(&self) -> &str {
        let mut pieces = self.pools.iter().flat_map(|pool| &pool.pieces);
        let first = pieces.next().map(|piece| piece.at.as_str());
        first
            .or_else(|| self.unknown.first().map(|unknown| unknown.at.as_str()))
            .unwrap_or_default()
    }
}

impl Key {
    pub(super) fn subject(&self) -> String {
        match self.namespace.as_str() {
            "" => format!("{}/{}", self.kind, self.name),
            namespace => format!("{namespace}/{}/{}", self.kind, self.name),
        }
    }
}
