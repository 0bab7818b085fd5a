//! Listing what a report needs from a live API server.
//!
//! A kind that may not be read, or is not served, is a line of coverage; the rest goes on.

use futures::StreamExt;
use serde_json::Value;

use super::client::Cluster;
use super::exchange::Failure;
use super::owners;
use super::pages::{Collection, read_all};
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

const DRA_GROUP: &str = "resource.k8s.io";
/// Versions that are understood, the preferred first.
const DRA_VERSIONS: &[&str] = &["v1", "v1beta2", "v1beta1"];
const DRA_KINDS: &[&str] =
    &["resourceclaims", "resourceclaimtemplates", "resourceslices", "deviceclasses"];

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
    group_version: String,
    plural: &'static str,
}

impl Kind {
    fn of(&(group_version, plural): &(&str, &'static str)) -> Self {
        Self { group_version: group_version.to_owned(), plural }
    }

    fn path(&self) -> String {
        format!("{}/{}", api_root(&self.group_version), self.plural)
    }

    /// As in an RBAC rule's error message: `deployments.apps`.
    fn resource(&self) -> String {
        match self.group_version.split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}

/// Where a group and version is served.
pub(super) fn api_root(group_version: &str) -> String {
    let prefix = if group_version.contains('/') { "apis" } else { "api" };
    format!("/{prefix}/{group_version}")
}

/// Lists pods, nodes, namespaces, the usual owners, `resource.k8s.io` objects where they are served,
/// and the other kinds of objects that own pods.
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
    match dra_version(cluster).await {
        Ok(Some(version)) => kinds.extend(
            DRA_KINDS
                .iter()
                .map(|plural| Kind { group_version: format!("{DRA_GROUP}/{version}"), plural }),
        ),
        Ok(None) => raw.sources.push(status(
            DRA_GROUP,
            SourceState::Skipped,
            "not served by this API server (no dynamic resource allocation)".to_owned(),
        )),
        Err(failure) => {
            raw.sources.push(status(DRA_GROUP, SourceState::Failed, failure.to_string()));
        }
    }
    let further = read_kinds(cluster, kinds, progress).await;
    for (kind, collection) in essential.into_iter().chain(further) {
        add(&kind, collection, &mut raw);
    }
    owners::add_others(cluster, &mut raw, progress).await;
    raw.sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(raw)
}

async fn read_kinds(
    cluster: &Cluster,
    kinds: Vec<Kind>,
    progress: &dyn Progress,
) -> Vec<(Kind, Collection)> {
    let reads = kinds.into_iter().map(|kind| async move {
        progress.phase(&format!("reading {}", kind.plural));
        let collection = read_all(cluster, &kind.path(), progress).await;
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

/// The served version of `resource.k8s.io` that is understood best.
async fn dra_version(cluster: &Cluster) -> Result<Option<&'static str>, Failure> {
    let group = match cluster.get_json(&format!("/apis/{DRA_GROUP}")).await {
        Ok((group, _)) => group,
        Err(Failure::Status(404, _)) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let served = group.get("versions").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_served = |version: &&&str| served.iter().any(|s| s["version"] == ***version);
    Ok(DRA_VERSIONS.iter().find(is_served).copied())
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
            "not allowed: a ClusterRole with the verbs get and list on {} is needed ({message})",
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
