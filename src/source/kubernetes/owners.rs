//! Owners of other kinds: RayCluster, Sandbox, LeaderWorkerSet, a vcluster's Service, …
//!
//! They are not listed, for nobody knows beforehand which kinds there are: each one that a listed
//! object names as its controller is read by itself, and then its own controller.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use serde_json::Value;

use super::client::Cluster;
use super::exchange::Failure;
use super::list::{MAX_CONCURRENT, api_root};
use crate::model::{SourceState, SourceStatus};
use crate::source::objects::decode::is_gpu_like;
use crate::source::objects::{RawObject, RawObjects, one_line, unpack};
use crate::source::progress::Progress;

/// Longest chain of owners that is followed.
const MAX_DEPTH: usize = 5;
/// Most objects that are read one by one.
const MAX_READS: usize = 500;
const NAME: &str = "kubernetes/owners";

/// Kinds that were listed: one that is missing there is gone, and asking again does not help.
const LISTED: &[(&str, &str)] = &[
    ("v1", "Node"),
    ("v1", "Pod"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
];

/// An object to be read. GPU pods' owners come first, should there be too many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    group_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Wanted {
    /// The same with the group alone: an owner may be named in another version than it was listed in.
    fn in_any_version(&self) -> Self {
        let group = self.group_version.split_once('/').map_or("", |(group, _)| group);
        Self { group_version: group.to_owned(), ..self.clone() }
    }
}

/// Where a kind is served.
#[derive(Debug, Clone)]
struct Resource {
    plural: String,
    namespaced: bool,
}

#[derive(Default)]
struct Outcome {
    found: BTreeMap<String, usize>,
    gone: usize,
    /// First reason by kind.
    failed: BTreeMap<String, String>,
    beyond: usize,
}

/// Reads the owners that `raw` names and does not hold, and adds them with a line of coverage.
pub(super) async fn add_others(cluster: &Cluster, raw: &mut RawObjects, progress: &dyn Progress) {
    let mut served: BTreeMap<String, Result<BTreeMap<String, Resource>, String>> = BTreeMap::new();
    let mut asked: BTreeSet<Wanted> = BTreeSet::new();
    let held: BTreeSet<Wanted> = raw.items.iter().filter_map(|item| itself(&item.value)).collect();
    let mut outcome = Outcome::default();
    let mut from = 0;
    for _ in 0..MAX_DEPTH {
        let mut wanted = controllers(&raw.items[from..]);
        wanted.retain(|w| !asked.contains(w) && !held.contains(&w.in_any_version()));
        from = raw.items.len();
        if wanted.is_empty() {
            break;
        }
        if asked.is_empty() {
            progress.phase("reading other owners");
        }
        let room = MAX_READS.saturating_sub(asked.len());
        outcome.beyond += wanted.len().saturating_sub(room);
        wanted.truncate(room);
        asked.extend(wanted.iter().cloned());
        for group_version in wanted.iter().map(|w| &w.group_version) {
            if !served.contains_key(group_version) {
                let resources = resources(cluster, group_version).await;
                served.insert(group_version.clone(), resources);
            }
        }
        let served = &served;
        let reads = wanted.into_iter().map(|wanted| async move {
            let read = read(cluster, &wanted, served, progress).await;
            (wanted, read)
        });
        let mut reads = futures::stream::iter(reads).buffered(MAX_CONCURRENT);
        while let Some((wanted, read)) = reads.next().await {
            outcome.note(&wanted, read, raw);
        }
    }
    if !asked.is_empty() {
        raw.sources.push(outcome.status());
    }
}

/// Controllers of `items` that are of no listed kind: those of GPU pods first, then by name.
fn controllers(items: &[RawObject]) -> Vec<Wanted> {
    let mut wanted: BTreeMap<Wanted, bool> = BTreeMap::new();
    for item in items {
        if let Some(owner) = controller(&item.value) {
            let first = is_gpu_pod(&item.value);
            *wanted.entry(owner).or_default() |= first;
        }
    }
    let mut wanted: Vec<(Wanted, bool)> = wanted.into_iter().collect();
    wanted.sort_by_key(|(_, first)| !first);
    wanted.into_iter().map(|(wanted, _)| wanted).collect()
}

/// A listed object as somebody would name it, in any version.
fn itself(object: &Value) -> Option<Wanted> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let metadata = object.get("metadata")?;
    let listed = Wanted {
        group_version: text(object, "apiVersion")?,
        kind: text(object, "kind")?,
        namespace: text(metadata, "namespace")?,
        name: text(metadata, "name")?,
    };
    Some(listed.in_any_version())
}

fn controller(object: &Value) -> Option<Wanted> {
    let metadata = object.get("metadata")?;
    let owners = metadata.get("ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let wanted = Wanted {
        group_version: text(owner, "apiVersion")?,
        kind: text(owner, "kind")?,
        namespace: text(metadata, "namespace")?,
        name: text(owner, "name")?,
    };
    let listed = LISTED.contains(&(wanted.group_version.as_str(), wanted.kind.as_str()));
    // Names come from objects that anybody may write, and become part of a path.
    let plain = wanted.group_version.split('/').count() <= 2
        && wanted.group_version.split('/').all(is_path_segment)
        && is_path_segment(&wanted.namespace)
        && is_path_segment(&wanted.name);
    (plain && !listed).then_some(wanted)
}

/// Whether `text` is one harmless segment of a path.
pub(super) fn is_path_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.len() <= 253
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_gpu_pod(object: &Value) -> bool {
    let Some(spec) = object.get("spec").filter(|_| object["kind"] == "Pod") else { return false };
    if spec.get("resourceClaims").is_some() {
        return true;
    }
    let containers = ["containers", "initContainers"];
    let containers = containers.iter().filter_map(|list| spec.get(list)?.as_array()).flatten();
    let maps = containers
        .flat_map(|c| ["requests", "limits"].map(|map| c.get("resources").and_then(|r| r.get(map))))
        .flatten()
        .filter_map(Value::as_object);
    maps.flat_map(|map| map.keys()).any(|resource| is_gpu_like(resource))
}

/// The resources of a group and version, by kind.
async fn resources(
    cluster: &Cluster,
    group_version: &str,
) -> Result<BTreeMap<String, Resource>, String> {
    let answer = cluster.get_json(&api_root(group_version)).await;
    let (answer, _) = answer.map_err(|failure| format!("{group_version}: {failure}"))?;
    let list = answer.get("resources").and_then(Value::as_array).cloned().unwrap_or_default();
    let resource = |entry: &Value| {
        let plural = entry.get("name")?.as_str().filter(|name| is_path_segment(name))?;
        let namespaced = entry.get("namespaced").and_then(Value::as_bool).unwrap_or(true);
        let kind = entry.get("kind")?.as_str()?.to_owned();
        Some((kind, Resource { plural: plural.to_owned(), namespaced }))
    };
    Ok(list.iter().filter_map(resource).collect())
}

/// One object; `None` when it is gone.
async fn read(
    cluster: &Cluster,
    wanted: &Wanted,
    served: &BTreeMap<String, Result<BTreeMap<String, Resource>, String>>,
    progress: &dyn Progress,
) -> Result<Option<Value>, String> {
    let resources = match served.get(&wanted.group_version) {
        Some(Ok(resources)) => resources,
        Some(Err(reason)) => return Err(reason.clone()),
        None => return Err(format!("{} is not served", wanted.group_version)),
    };
    let Some(resource) = resources.get(&wanted.kind) else {
        return Err(format!("{} does not serve it", wanted.group_version));
    };
    let root = api_root(&wanted.group_version);
    let (plural, name) = (&resource.plural, &wanted.name);
    let path = if resource.namespaced {
        format!("{root}/namespaces/{}/{plural}/{name}", wanted.namespace)
    } else {
        format!("{root}/{plural}/{name}")
    };
    progress.expect(1);
    let answer = cluster.get_json(&path).await;
    progress.done(0, answer.as_ref().map_or(0, |(_, bytes)| *bytes));
    match answer {
        Ok((object, _)) => Ok(Some(object)),
        Err(Failure::Status(404, _)) => Ok(None),
        Err(Failure::Status(403, _)) => {
            Err(format!("a ClusterRole with the verb get on {plural} is needed"))
        }
        Err(failure) => Err(failure.to_string()),
    }
}

impl Outcome {
    fn note(&mut self, wanted: &Wanted, read: Result<Option<Value>, String>, raw: &mut RawObjects) {
        let kind = one_line(&wanted.kind);
        match read {
            Ok(Some(object)) => {
                *self.found.entry(kind).or_default() += 1;
                unpack(object, &mut |value| {
                    raw.items.push(RawObject { origin: NAME.to_owned(), value });
                });
            }
            Ok(None) => self.gone += 1,
            Err(reason) => {
                self.failed.entry(kind).or_insert(reason);
            }
        }
    }

    fn status(&self) -> SourceStatus {
        let mut words: Vec<String> =
            self.found.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        if self.gone > 0 {
            words.push(format!("{} that no longer exist", self.gone));
        }
        words.extend(self.failed.iter().map(|(kind, reason)| format!("{kind} not read: {reason}")));
        if self.beyond > 0 {
            words.push(format!("{} not read: more than {MAX_READS}", self.beyond));
        }
        let complete = self.failed.is_empty() && self.beyond == 0;
        let state = match (complete, self.found.is_empty()) {
            (true, false) => SourceState::Ok,
            (true, true) => SourceState::Empty,
            (false, false) => SourceState::Partial,
            (false, true) => SourceState::Failed,
        };
        SourceStatus { name: NAME.to_owned(), state, detail: words.join(", ") }
    }
}
