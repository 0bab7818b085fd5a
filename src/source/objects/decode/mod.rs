//! Objects → facts, purely: no file, no client, no clock.
//!
//! Each object has an error boundary of its own: a bad one becomes an [`ObjectProblem`], and the
//! rest is used. What a fact means is `model::objects`; which fields are looked at is `sanitise`.

mod dra;
mod metadata;
mod node;
mod normalise;
mod placement;
mod pod;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use self::metadata::Metadata;
use super::{RawObject, RawObjects, one_line, sanitised};
use crate::model::ClusterFacts;
use crate::model::objects::{NamespaceFact, ObjectProblem, OwnedFact, OwnerRef};

pub(crate) use requests::is_gpu_like;

/// Kinds that own no pod, and nothing that owns one.
const NEVER_OWNERS: &[&str] = &[
    "ConfigMap",
    "CustomResourceDefinition",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "Lease",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Secret",
    "ServiceAccount",
];

/// What makes two records one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    group: String,
    kind: String,
    namespace: String,
    name: String,
    uid: Option<String>,
}

impl Identity {
    /// `Pod default/web`, `Node gpu-1`.
    fn subject(&self) -> String {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        one_line(&format!("{} {}{slash}{}", self.kind, self.namespace, self.name))
    }
}

/// An object that is to be decoded: named, reduced, normalised.
struct Candidate<'a> {
    origin: &'a str,
    metadata: Metadata,
    value: Value,
}

/// The facts in `raw`. Whole GPUs are the extended resources in `gpu_resources`, by exact name.
///
/// The result depends on the objects only, not on their order, with one exception: of several
/// records of one object (same kind, namespace, name and UID) the last is used.
#[must_use]
pub fn decode(raw: &RawObjects, gpu_resources: &[String]) -> ClusterFacts {
    let mut facts = ClusterFacts {
        listed_at_ms: raw.listed_at_ms,
        problems: raw.problems.clone(),
        ..ClusterFacts::default()
    };
    let mut dra = dra::Gathered::default();
    for (identity, candidate) in distinct(&raw.items, &mut facts.problems) {
        let subject = format!("{}: {}", candidate.origin, identity.subject());
        let decoded =
            decode_one(&identity, candidate, gpu_resources, &subject, &mut facts, &mut dra);
        if let Err(detail) = decoded {
            facts.problems.push(ObjectProblem { subject, detail });
        }
    }
    facts.dra = dra.into_facts(&mut facts.problems);
    sort(&mut facts);
    facts
}

/// One record for each object; what has no name or kind is a problem.
fn distinct<'a>(
    items: &'a [RawObject],
    problems: &mut Vec<ObjectProblem>,
) -> BTreeMap<Identity, Candidate<'a>> {
    let mut objects: BTreeMap<Identity, Candidate<'a>> = BTreeMap::new();
    for item in items {
        let (identity, candidate) = match identify(item) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if let Some(before) = objects.get(&identity)
            && before.value != candidate.value
        {
            problems.push(ObjectProblem {
                subject: identity.subject(),
                detail: format!(
                    "is in {} and in {} with different contents; the latter is used",
                    before.origin, candidate.origin
                ),
            });
        }
        objects.insert(identity, candidate);
    }
    objects
}

/// What an item is; `None` for one that is of no interest and may not be kept (a Secret).
fn identify(item: &RawObject) -> Result<Option<(Identity, Candidate<'_>)>, ObjectProblem> {
    let problem = |subject: String, detail: String| ObjectProblem { subject, detail };
    let text = |key: &str| item.value.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        let detail = "is not a Kubernetes object (no apiVersion and kind); left out".to_owned();
        return Err(problem(item.origin.clone(), detail));
    };
    let Some(reduced) = sanitised(&item.value) else { return Ok(None) };
    let mut value = normalise::normalised(reduced);
    let metadata = metadata::read(&mut value).map_err(|error| {
        let name = item.value.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.unwrap_or_default();
        let subject = format!("{}: {}", item.origin, one_line(&format!("{kind} {name}")));
        problem(subject, format!("{}; left out", one_line(&error)))
    })?;
    let identity = Identity {
        group: api_version.rsplit_once('/').map_or("", |(group, _)| group).to_owned(),
        kind: kind.to_owned(),
        namespace: metadata.namespace(api_version, kind),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
    };
    Ok(Some((identity, Candidate { origin: &item.origin, metadata, value })))
}

fn decode_one(
    identity: &Identity,
    candidate: Candidate<'_>,
    gpu_resources: &[String],
    subject: &str,
    facts: &mut ClusterFacts,
    dra: &mut dra::Gathered,
) -> Result<(), String> {
    let Candidate { metadata, value, .. } = candidate;
    let mut complain = |detail: String| {
        facts.problems.push(ObjectProblem { subject: subject.to_owned(), detail });
    };
    let namespace = identity.namespace.clone();
    match (identity.group.as_str(), identity.kind.as_str()) {
        ("", "Pod") => {
            let pod = pod::decode(metadata, namespace, value, gpu_resources, &mut complain)?;
            facts.pods.push(pod);
        }
        ("", "Node") => {
            facts.nodes.push(node::decode(metadata, value, gpu_resources, &mut complain)?);
        }
        ("", "Namespace") => facts.namespaces.push(NamespaceFact {
            name: metadata.name,
            labels: metadata.labels,
            annotations: metadata.annotations,
        }),
        (dra::GROUP, kind) => dra.add(kind, metadata, namespace, &value, &mut complain)?,
        (_, kind) if NEVER_OWNERS.contains(&kind) => {}
        (group, kind) => {
            if group == dra::POD_GROUPS && kind == "PodGroup" {
                dra.add_pod_group(&namespace, &metadata.name, &value);
            }
            let this = OwnerRef { kind: kind.to_owned(), name: metadata.name };
            dra.add_references(&namespace, &this, &value);
            let (owner, labels) = (metadata.owner, metadata.labels);
            facts.owners.push(OwnedFact { namespace, this, owner, uid: metadata.uid, labels });
        }
    }
    Ok(())
}

fn sort(facts: &mut ClusterFacts) {
    let key = |p: &crate::model::objects::PodFact| {
        (p.namespace.clone(), p.name.clone(), p.created_ms, p.uid.clone())
    };
    facts.pods.sort_by_cached_key(key);
    facts.nodes.sort_by_cached_key(|n| (n.name.clone(), n.created_ms, n.uid.clone()));
    facts.namespaces.sort_by(|a, b| a.name.cmp(&b.name));
    facts.owners.sort_by_cached_key(|o| (o.namespace.clone(), o.this.clone(), o.owner.clone()));
    facts.problems.sort();
    facts.problems.dedup();
}
