//! Listing what a report needs from a live API server.
//!
//! A kind that may not be read, or is not served, is a line of coverage; the rest goes on.

use std::collections::BTreeMap;

use futures::StreamExt;
use serde_json::Value;

use super::client::Cluster;
use super::exchange::Failure;
use super::owners;
use super::pages::{Collection, read_all};
use crate::model::inputs::FORBIDDEN;
use crate::model::{SourceState, SourceStatus};
use crate::source::objects::{RawObject, RawObjects};
use crate::source::progress::Progress;
use crate::source::prometheus::transport::TransportError;
use crate::units::Millis;

/// Requests in flight at once.
pub(super) const MAX_CONCURRENT: usize = 4;

/// Pods and nodes: without these there is no report from objects.
const ESSENTIAL: &[(&str, &str)] = &[("v1", "pods"), ("v1", "nodes")];

/// What names tenants and workloads.
const FURTHER: &[(&str, &str)] = &[
    ("v1", "namespaces"),
    ("apps/v1", "replicasets"),
    ("apps/v1", "deployments"),
    ("apps/v1", "statefulsets"),
    ("apps/v1", "daemonsets"),
    ("batch/v1", "jobs"),
    ("batch/v1", "cronjobs"),
];

/// Kinds of a group that not every server has.
struct Optional {
    group: &'static str,
    /// Versions that are understood, the preferred first.
    versions: &'static [&'static str],
    plurals: &'static [&'static str],
    /// What a cluster without it does not have.
    without: &'static str,
}

/// Groups that a cluster may be without. One whose kinds are not all served in the same versions is
/// here once; each kind is read in the first version that has it.
const OPTIONAL: &[Optional] = &[
    Optional {
        group: "resource.k8s.io",
        versions: &["v1", "v1beta2", "v1beta1"],
        plurals: &["resourceclaims", "resourceclaimtemplates", "resourceslices", "deviceclasses"],
        without: "no dynamic resource allocation",
    },
    Optional {
        group: "resource.k8s.io",
        versions: &["v1", "v1beta2", "v1alpha3"],
        plurals: &["devicetaintrules"],
        without: "no dynamic resource allocation",
    },
    Optional {
        group: "scheduling.k8s.io",
        versions: &["v1", "v1beta1", "v1alpha3", "v1alpha2"],
        plurals: &["podgroups"],
        without: "no pod groups",
    },
    Optional {
        group: "agents.x-k8s.io",
        versions: &["v1", "v1beta1", "v1alpha1"],
        plurals: &["sandboxes"],
        without: "no agent sandboxes",
    },
    Optional {
        group: "extensions.agents.x-k8s.io",
        versions: &["v1", "v1beta1", "v1alpha1"],
        plurals: &["sandboxclaims", "sandboxtemplates", "sandboxwarmpools"],
        without: "no agent sandboxes from templates",
    },
];

/// Why nothing could be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// No answer for pods, and none for nodes.
    #[error("the API server {url} cannot be reached: {reason}; check the network and --context")]
    Unreachable {
        /// The server.
        url: String,
        /// What the connection failed of.
        reason: String,
    },
    /// The credentials are not accepted.
    #[error(
        "the API server {url} does not accept the credentials (HTTP 401: {reason}); log in again"
    )]
    Unauthorized {
        /// The server.
        url: String,
        /// What the server says.
        reason: String,
    },
}

/// A collection of the API.
#[derive(Debug, Clone)]
struct Kind {
    /// Where it may be served, the preferred first; never empty.
    group_versions: Vec<String>,
    plural: &'static str,
}

impl Kind {
    fn of(&(group_version, plural): &(&str, &'static str)) -> Self {
        Self { group_versions: vec![group_version.to_owned()], plural }
    }

    /// As in an RBAC rule's error message: `deployments.apps`.
    fn resource(&self) -> String {
        match self.group_versions.first().and_then(|version| version.split_once('/')) {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }

    /// Everything there is of it, from the first version that is served.
    async fn read(&self, cluster: &Cluster, progress: &dyn Progress) -> Collection {
        let mut collection = Collection::default();
        for group_version in &self.group_versions {
            let path = format!("{}/{}", api_root(group_version), self.plural);
            collection = read_all(cluster, &path, progress).await;
            if !matches!(collection.failure, Some(Failure::Status(404, _))) {
                break;
            }
        }
        collection
    }
}

/// Where a group and version is served.
pub(super) fn api_root(group_version: &str) -> String {
    let prefix = if group_version.contains('/') { "apis" } else { "api" };
    format!("/{prefix}/{group_version}")
}

/// Lists pods, nodes, namespaces, the usual owners, the kinds of DRA, pod groups and agent sandboxes
/// where they are served, and the other kinds of objects that own pods.
///
/// # Errors
/// When neither pods nor nodes can be listed because the server cannot be reached or does not know
/// the user. Everything else is a line in `sources`.
pub async fn list(
    cluster: &Cluster,
    now_ms: Millis,
    progress: &dyn Progress,
) -> Result<RawObjects, ListError> {
    let mut raw = RawObjects { listed_at_ms: Some(now_ms), ..RawObjects::default() };
    let essential = read_kinds(cluster, ESSENTIAL.iter().map(Kind::of).collect(), progress).await;
    refuse_silence(cluster, &essential)?;

    let mut kinds: Vec<Kind> = FURTHER.iter().map(Kind::of).collect();
    kinds.extend(optional_kinds(cluster, &mut raw.sources).await);
    let further = read_kinds(cluster, kinds, progress).await;
    for (kind, collection) in essential.into_iter().chain(further) {
        add(&kind, collection, &mut raw);
    }
    owners::add_others(cluster, &mut raw, progress).await;
    raw.sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(raw)
}

/// What sets the number of replicas of others: a change of it would be set back. Not asked for by a report.
const AUTOSCALERS: &[(&str, &str)] =
    &[("autoscaling/v2", "horizontalpodautoscalers"), ("keda.sh/v1alpha1", "scaledobjects")];

/// Lists autoscalers, those of KEDA where it is there; and says what could not be listed.
pub async fn autoscalers(
    cluster: &Cluster,
    progress: &dyn Progress,
) -> (Vec<RawObject>, Vec<String>) {
    let read = read_kinds(cluster, AUTOSCALERS.iter().map(Kind::of).collect(), progress).await;
    let mut raw = RawObjects::default();
    for (kind, collection) in read {
        add(&kind, collection, &mut raw);
    }
    let lacking = |s: &&SourceStatus| matches!(s.state, SourceState::Failed | SourceState::Partial);
    let problems = raw.sources.iter().filter(lacking).map(|s| format!("{}: {}", s.name, s.detail));
    (raw.items, problems.collect())
}

/// Lists further kinds that make pods, by group and plural, where they are served: also those that have no pod now, for
/// they may name a claim. Not asked for by a report. What could not be listed is in the one line of coverage.
pub async fn further_workloads(
    cluster: &Cluster,
    kinds: &[(&'static str, &'static str)],
    progress: &dyn Progress,
) -> (Vec<RawObject>, SourceStatus) {
    let mut served: BTreeMap<&str, Result<Vec<String>, Failure>> = BTreeMap::new();
    let (mut wanted, mut lacking) = (Vec::new(), Vec::new());
    for &(group, plural) in kinds {
        if group.is_empty() {
            wanted.push(Kind::of(&("v1", plural)));
            continue;
        }
        if !served.contains_key(group) {
            served.insert(group, served_versions(cluster, group).await);
        }
        match &served[group] {
            Ok(versions) if versions.is_empty() => {}
            Ok(versions) => {
                let group_versions = versions.iter().map(|v| format!("{group}/{v}")).collect();
                wanted.push(Kind { group_versions, plural });
            }
            Err(failure) => lacking.push(format!("{plural}.{group}: {failure}")),
        }
    }
    let mut raw = RawObjects::default();
    for (kind, collection) in read_kinds(cluster, wanted, progress).await {
        add(&kind, collection, &mut raw);
    }
    let failed = |s: &&SourceStatus| matches!(s.state, SourceState::Failed | SourceState::Partial);
    lacking.extend(raw.sources.iter().filter(failed).map(|s| s.detail.clone()));
    let (state, detail) = match (lacking.is_empty(), raw.items.len()) {
        (true, 0) => (SourceState::Empty, "none".to_owned()),
        (true, count) => (SourceState::Ok, format!("{count} objects")),
        (false, _) => (SourceState::Partial, lacking.join("; ")),
    };
    (raw.items, status("further-workloads", state, detail))
}

async fn read_kinds(
    cluster: &Cluster,
    kinds: Vec<Kind>,
    progress: &dyn Progress,
) -> Vec<(Kind, Collection)> {
    let reads = kinds.into_iter().map(|kind| async move {
        progress.phase(&format!("reading {}", kind.plural));
        let collection = kind.read(cluster, progress).await;
        (kind, collection)
    });
    futures::stream::iter(reads).buffered(MAX_CONCURRENT).collect().await
}

/// An error when no kind got an answer, or none was allowed to ask.
fn refuse_silence(cluster: &Cluster, read: &[(Kind, Collection)]) -> Result<(), ListError> {
    let all = |matches: fn(&Failure) -> bool| {
        read.iter().all(|(_, c)| c.items.is_empty() && c.failure.as_ref().is_some_and(matches))
    };
    let reason = || {
        let first = read.iter().find_map(|(_, c)| c.failure.as_ref());
        first.map(|failure| match failure {
            Failure::Status(_, message) => message.clone(),
            other => other.to_string(),
        })
    };
    let url = cluster.url.clone();
    if all(|failure| matches!(failure, Failure::Transport(_))) {
        return Err(ListError::Unreachable { url, reason: reason().unwrap_or_default() });
    }
    if all(|failure| matches!(failure, Failure::Status(401, _))) {
        return Err(ListError::Unauthorized { url, reason: reason().unwrap_or_default() });
    }
    Ok(())
}

/// The kinds of [`OPTIONAL`] that may be listed; a line for each group that is not there.
async fn optional_kinds(cluster: &Cluster, sources: &mut Vec<SourceStatus>) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let mut known: BTreeMap<&str, Result<Vec<String>, Failure>> = BTreeMap::new();
    for optional in OPTIONAL {
        let group = optional.group;
        let is_new = !known.contains_key(group);
        if is_new {
            known.insert(group, served_versions(cluster, group).await);
        }
        let line = match &known[group] {
            Ok(served) => {
                let versions = optional.versions.iter();
                let understood = versions.filter(|version| served.iter().any(|s| s == **version));
                let group_versions: Vec<String> =
                    understood.map(|version| format!("{group}/{version}")).collect();
                if !group_versions.is_empty() {
                    kinds.extend(
                        optional
                            .plurals
                            .iter()
                            .map(|plural| Kind { group_versions: group_versions.clone(), plural }),
                    );
                    continue;
                }
                let detail = format!("not served by this API server ({})", optional.without);
                status(group, SourceState::Skipped, detail)
            }
            Err(failure) => status(group, SourceState::Failed, failure.to_string()),
        };
        if is_new {
            sources.push(line);
        }
    }
    kinds
}

/// Versions of a group that are served; none when the group is not there.
async fn served_versions(cluster: &Cluster, group: &str) -> Result<Vec<String>, Failure> {
    let answer = match cluster.get_json(&format!("/apis/{group}")).await {
        Ok((answer, _)) => answer,
        Err(Failure::Status(404, _)) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let versions = answer.get("versions").and_then(Value::as_array).into_iter().flatten();
    let version = |served: &Value| Some(served.get("version")?.as_str()?.to_owned());
    Ok(versions.filter_map(version).collect())
}

fn status(name: &str, state: SourceState, detail: String) -> SourceStatus {
    SourceStatus { name: format!("kubernetes/{name}"), state, detail }
}

fn add(kind: &Kind, collection: Collection, raw: &mut RawObjects) {
    let (state, detail) = fared(kind, &collection);
    let line = status(kind.plural, state, detail);
    for value in collection.items {
        raw.items.push(RawObject { origin: line.name.clone(), value });
    }
    raw.sources.push(line);
}

fn fared(kind: &Kind, collection: &Collection) -> (SourceState, String) {
    let count = collection.items.len();
    let Some(failure) = &collection.failure else {
        return match (count, collection.pages) {
            (0, _) => (SourceState::Empty, "none".to_owned()),
            (_, 1) => (SourceState::Ok, format!("{count} objects")),
            (_, pages) => (SourceState::Ok, format!("{count} objects in {pages} pages")),
        };
    };
    let reason = match failure {
        Failure::Status(404, _) => {
            let detail = format!("{} is not served by this API server", kind.resource());
            return (SourceState::Skipped, detail);
        }
        Failure::Status(403, message) => format!(
            "{FORBIDDEN}a ClusterRole with the verbs get and list on {} is needed ({message})",
            kind.resource()
        ),
        Failure::Transport(TransportError::Timeout(_)) => format!("{failure}, each time"),
        other => other.to_string(),
    };
    if count == 0 {
        return (SourceState::Failed, reason);
    }
    (SourceState::Partial, format!("{count} objects, then: {reason}"))
}
