//! Pseudonyms for names, so that a snapshot can be shown to others and still gives the same figures.
//!
//! Everything that is text is replaced, except for what is known to be no name (`clear`):
//! kinds, units, phases, GPU models, versions, instants, quantities, and the values of well-known
//! node labels. One name has one pseudonym in the whole snapshot, in series as in objects, so every
//! join that held before holds after. Keys of labels stay, because tenant rules speak of them.
//! Words of people and servers (details, reasons, messages) are left out.

mod annotation;
mod clear;
mod objects;
mod pseudonym;
mod series;

#[cfg(test)]
mod tests;

pub(super) use objects::objects;
pub(super) use pseudonym::Pseudonyms;
pub use pseudonym::Salt;
pub(super) use series::metric;

use crate::model::{MetricData, QueryId, SourceStatus};
use crate::source::objects::RawObjects;

/// What stands for words that may hold names.
const LEFT_OUT: &str = "left out by --redact";

/// Takes note of the hashes that tie pods to their ReplicaSets, whose names end in them. Before anything is
/// replaced, so that they do so after.
pub(super) fn prepare(names: &Pseudonyms, objects: &RawObjects, metrics: &[MetricData]) {
    let of_objects = objects
        .items
        .iter()
        .filter_map(|item| item.value["metadata"]["labels"]["pod-template-hash"].as_str());
    let of_series = metrics
        .iter()
        .flat_map(|metric| &metric.series)
        .filter_map(|series| series.label("label_pod_template_hash"));
    of_objects.chain(of_series).for_each(|hash| names.learn_ending(hash));
}

/// Free text: left out when names are replaced.
pub(super) fn free_text(names: Option<&Pseudonyms>, text: Option<&str>) -> Option<String> {
    text.map(|text| names.map_or_else(|| text.to_owned(), |_| LEFT_OUT.to_owned()))
}

/// Sources with their details left out.
pub(super) fn sources(names: &Pseudonyms, sources: &[SourceStatus]) -> Vec<SourceStatus> {
    let redacted = |source: &SourceStatus| SourceStatus {
        name: source_name(names, &source.name),
        state: source.state,
        detail: LEFT_OUT.to_owned(),
    };
    sources.iter().map(redacted).collect()
}

/// `prometheus/gpu_util`, `store/targets` and `kubernetes/pods` say nothing about anyone; a file's name may.
fn source_name(names: &Pseudonyms, name: &str) -> String {
    let is_resource =
        |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_'));
    match name.split_once('/') {
        None if is_resource(name) => name.to_owned(),
        Some(("prometheus" | "scrape", query)) if QueryId::from_name(query).is_some() => {
            name.to_owned()
        }
        Some(("kubernetes" | "store", kind)) if is_resource(kind) => name.to_owned(),
        Some((source, rest)) if is_resource(source) => format!("{source}/{}", names.whole(rest)),
        _ => names.whole(name),
    }
}
