//! Where an object is served: its path in the API.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use super::super::client::Cluster;
use super::super::list::api_root;
use super::super::owners::is_path_segment;
use super::WriteError;
use crate::kinds;

/// An object by what people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectRef<'a> {
    /// `apps/v1`, `v1`.
    pub api_version: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace; empty for an object of the whole cluster.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
}

/// Plurals that are not those of workloads.
const OTHERS: &[(&str, &str, &str)] = &[
    ("resource.k8s.io", "ResourceClaim", "resourceclaims"),
    ("resource.k8s.io", "ResourceClaimTemplate", "resourceclaimtemplates"),
    ("", "Namespace", "namespaces"),
    ("", "Event", "events"),
    ("coordination.k8s.io", "Lease", "leases"),
    ("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
];

/// Why an object has no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// A name that cannot be one.
    #[error("{0:?} is no name that a path may have")]
    BadName(String),
    /// The server does not serve the kind.
    #[error("the API server does not serve {kind} in {api_version}")]
    NotServed {
        /// Group and version.
        api_version: String,
        /// Kind.
        kind: String,
    },
    /// The server was asked, and did not say.
    #[error("cannot find out where {kind} is served: {reason}")]
    Unanswered {
        /// Kind.
        kind: String,
        /// Why.
        reason: WriteError,
    },
}

/// Paths of kinds, asked for once.
#[derive(Debug, Default)]
pub struct Places {
    asked: Mutex<BTreeMap<(String, String), String>>,
}

impl Places {
    /// Path of an object.
    ///
    /// # Errors
    /// See [`PlaceError`].
    pub async fn path(&self, cluster: &Cluster, at: ObjectRef<'_>) -> Result<String, PlaceError> {
        let collection = self.collection(cluster, at).await?;
        if !is_path_segment(at.name) {
            return Err(PlaceError::BadName(at.name.to_owned()));
        }
        Ok(format!("{collection}/{}", at.name))
    }

    /// Path of the collection that an object is in.
    ///
    /// # Errors
    /// See [`PlaceError`].
    pub async fn collection(
        &self,
        cluster: &Cluster,
        at: ObjectRef<'_>,
    ) -> Result<String, PlaceError> {
        let (group, version) = at.api_version.split_once('/').unwrap_or(("", at.api_version));
        let segments = [version, if group.is_empty() { version } else { group }];
        let namespace = [at.namespace].into_iter().filter(|namespace| !namespace.is_empty());
        if let Some(bad) = segments.into_iter().chain(namespace).find(|s| !is_path_segment(s)) {
            return Err(PlaceError::BadName(bad.to_owned()));
        }
        let plural = match known(group, at.kind) {
            Some(plural) => plural.to_owned(),
            None => self.discovered(cluster, at).await?,
        };
        let root = api_root(at.api_version);
        Ok(match at.namespace {
            "" => format!("{root}/{plural}"),
            namespace => format!("{root}/namespaces/{namespace}/{plural}"),
        })
    }

    async fn discovered(&self, cluster: &Cluster, at: ObjectRef<'_>) -> Result<String, PlaceError> {
        let key = (at.api_version.to_owned(), at.kind.to_owned());
        let asked = self.asked.lock().ok().and_then(|asked| asked.get(&key).cloned());
        if let Some(plural) = asked {
            return Ok(plural);
        }
        let answer = cluster.read_object(&api_root(at.api_version)).await;
        let answer =
            answer.map_err(|reason| PlaceError::Unanswered { kind: at.kind.to_owned(), reason })?;
        let not_served = || PlaceError::NotServed {
            api_version: at.api_version.to_owned(),
            kind: at.kind.to_owned(),
        };
        let plural = plural_in(&answer.ok_or_else(not_served)?, at.kind).ok_or_else(not_served)?;
        if let Ok(mut asked) = self.asked.lock() {
            asked.insert(key, plural.clone());
        }
        Ok(plural)
    }
}

fn known(group: &str, kind: &str) -> Option<&'static str> {
    let workload = kinds::find(group, kind).map(|kind| kind.plural);
    let other = || OTHERS.iter().find(|(g, k, _)| *g == group && *k == kind).map(|o| o.2);
    workload.or_else(other)
}

fn plural_in(resources: &Value, kind: &str) -> Option<String> {
    let list = resources.get("resources")?.as_array()?;
    let of_kind = list.iter().filter(|entry| entry["kind"] == kind);
    let names = of_kind.filter_map(|entry| entry.get("name")?.as_str());
    // Subresources are listed as `plural/sub`.
    names.filter(|name| is_path_segment(name)).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plurals() {
        assert_eq!(known("apps", "Deployment"), Some("deployments"));
        assert_eq!(known("resource.k8s.io", "ResourceClaim"), Some("resourceclaims"));
        assert_eq!(known("example.com", "Deployment"), None);
        let served = json!({"resources": [
            {"name": "widgets/status", "kind": "Widget"}, {"name": "widgets", "kind": "Widget"},
            {"name": "../secrets", "kind": "Trick"},
        ]});
        assert_eq!(plural_in(&served, "Widget"), Some("widgets".to_owned()));
        assert_eq!(plural_in(&served, "Trick"), None);
    }
}
