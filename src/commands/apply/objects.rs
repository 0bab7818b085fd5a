//! Objects of the cluster as changes need them: one by one, with what stands around them, and the writes to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::fresh::Fresh;
use crate::cleanup::contract::{ClusterIdentity, Operation, Step, Target};
use crate::cleanup::run::exempt::Around;
use crate::error::{Error, Result};
use crate::source::kubernetes::Cluster;
use crate::source::kubernetes::write::{
    Mode, ObjectRef, PlaceError, Places, Preconditions, WriteError,
};

/// The namespace that lives as long as the cluster.
const OLDEST: &str = "/api/v1/namespaces/kube-system";

/// A cluster to read single objects of, and to write to.
#[derive(Debug)]
pub(in crate::commands) struct Objects {
    /// The cluster.
    pub(in crate::commands) cluster: Cluster,
    places: Places,
    neighbours: Mutex<BTreeMap<String, Arc<Neighbours>>>,
}

/// What stands around the objects of a namespace.
#[derive(Debug, Default)]
pub(in crate::commands) struct Neighbours {
    namespace: Option<Value>,
    pods: Vec<Value>,
    budgets: Vec<Value>,
}

impl Neighbours {
    /// For [`crate::cleanup::run::exempt`].
    #[must_use]
    pub(in crate::commands) fn around(&self) -> Around<'_> {
        Around { namespace: self.namespace.as_ref(), pods: &self.pods, budgets: &self.budgets }
    }
}

impl Objects {
    /// Of a cluster.
    #[must_use]
    pub(in crate::commands) fn new(cluster: Cluster) -> Self {
        Self { cluster, places: Places::default(), neighbours: Mutex::default() }
    }

    /// Which cluster it is.
    ///
    /// # Errors
    ///
    /// The namespace `kube-system` cannot be read.
    pub(in crate::commands) async fn identity(&self) -> Result<ClusterIdentity> {
        let cannot = || {
            Error::failed(format!("cannot find out which cluster {} is", self.cluster.url()))
                .hinted("the verb get on namespaces is needed: the UID of kube-system tells")
        };
        let found = self.cluster.read_object(OLDEST).await.map_err(|e| cannot().caused_by(e))?;
        let uid = found.as_ref().and_then(|namespace| namespace["metadata"]["uid"].as_str());
        let uid = uid.filter(|uid| !uid.is_empty()).ok_or_else(cannot)?.to_owned();
        Ok(ClusterIdentity { uid, server: self.cluster.url().to_owned() })
    }

    /// An object as it is now; `None` where there is none.
    ///
    /// # Errors
    ///
    /// A kind that is not served; no answer.
    pub(in crate::commands) async fn get(
        &self,
        target: &Target,
    ) -> std::result::Result<Option<Value>, WriteError> {
        let path = self.places.path(&self.cluster, of(target)).await.map_err(no_place)?;
        self.cluster.read_object(&path).await
    }

    /// Sends a step, for the object as it was just read. A patch and a deletion go through only if it is still the
    /// same version of the same object.
    ///
    /// # Errors
    ///
    /// See [`WriteError`].
    pub(in crate::commands) async fn send(
        &self,
        step: &Step,
        now: Option<&Value>,
        mode: Mode,
    ) -> std::result::Result<Value, WriteError> {
        let metadata = |field: &str| now.and_then(|now| now["metadata"][field].as_str());
        let (uid, version) = (metadata("uid"), metadata("resourceVersion"));
        match &step.operation {
            Operation::Create { object } => {
                let at = self.places.collection(&self.cluster, of(&step.target)).await;
                self.cluster.create_object(&at.map_err(no_place)?, object, mode).await
            }
            Operation::Patch { forward, .. } => {
                let path = self.places.path(&self.cluster, of(&step.target)).await;
                let mut operations = vec![
                    json!({"op": "test", "path": "/metadata/uid", "value": uid}),
                    // The server takes it for the version that is meant: another one is a conflict.
                    json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}),
                ];
                let forward = serde_json::to_value(forward)
                    .map_err(|e| WriteError::NotSent(e.to_string()))?;
                operations.extend(forward.as_array().cloned().unwrap_or_default());
                let patch = Value::Array(operations);
                self.cluster.patch_object(&path.map_err(no_place)?, &patch, mode).await
            }
            Operation::Delete { .. } => {
                let path = self.places.path(&self.cluster, of(&step.target)).await;
                let (Some(uid), Some(version)) = (uid, version) else {
                    return Err(WriteError::NotSent("it has no UID or no version".to_owned()));
                };
                let preconditions = Preconditions {
                    uid: uid.to_owned(),
                    resource_version: Some(version.to_owned()),
                };
                self.cluster.delete_object(&path.map_err(no_place)?, &preconditions, mode).await
            }
        }
    }

    /// What stands around the objects of a namespace, asked for once.
    ///
    /// # Errors
    ///
    /// The namespace or its disruption budgets cannot be read: it is not known what guards its pods.
    pub(in crate::commands) async fn neighbours(
        &self,
        namespace: &str,
        fresh: &Fresh,
    ) -> std::result::Result<Arc<Neighbours>, WriteError> {
        if namespace.is_empty() {
            return Ok(Arc::default());
        }
        let mut known = self.neighbours.lock().await;
        if let Some(found) = known.get(namespace) {
            return Ok(Arc::clone(found));
        }
        let budgets = ObjectRef {
            api_version: "policy/v1",
            kind: "PodDisruptionBudget",
            namespace,
            name: "",
        };
        let budgets = self.places.collection(&self.cluster, budgets).await.map_err(no_place)?;
        let itself =
            ObjectRef { api_version: "v1", kind: "Namespace", namespace: "", name: namespace };
        let itself = self.places.path(&self.cluster, itself).await.map_err(no_place)?;
        let pods = fresh.objects.items.iter().map(|item| &item.value);
        let pods = pods.filter(|v| v["kind"] == "Pod" && v["metadata"]["namespace"] == namespace);
        let found = Arc::new(Neighbours {
            namespace: self.cluster.read_object(&itself).await?,
            pods: pods.cloned().collect(),
            budgets: self.cluster.read_collection(&budgets).await?,
        });
        known.insert(namespace.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// Tells whoever looks at an object what was said of it.
    ///
    /// # Errors
    ///
    /// See [`WriteError`]. Nothing depends on it.
    pub(in crate::commands) async fn tell(
        &self,
        target: &Target,
        reason: &str,
        message: &str,
    ) -> std::result::Result<(), WriteError> {
        let namespace = if target.namespace.is_empty() { "default" } else { &target.namespace };
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"generateName": "gpu-finops-", "namespace": namespace},
            "involvedObject": {
                "apiVersion": target.api_version, "kind": target.kind, "namespace": target.namespace,
                "name": target.name, "uid": target.uid,
            },
            "reason": reason, "message": message, "type": "Normal", "count": 1,
            "firstTimestamp": now, "lastTimestamp": now,
            "source": {"component": "gpu-finops"}, "reportingComponent": "gpu-finops",
        });
        let at = ObjectRef { api_version: "v1", kind: "Event", namespace, name: "" };
        let at = self.places.collection(&self.cluster, at).await.map_err(no_place)?;
        self.cluster.create_object(&at, &event, Mode::Real).await.map(drop)
    }
}

fn of(target: &Target) -> ObjectRef<'_> {
    ObjectRef {
        api_version: &target.api_version,
        kind: &target.kind,
        namespace: &target.namespace,
        name: &target.name,
    }
}

fn no_place(error: PlaceError) -> WriteError {
    match error {
        PlaceError::Unanswered { reason, .. } => reason,
        other => WriteError::NotSent(other.to_string()),
    }
}
