//! Who would undo a change that is made to an object here: what its marks say.

use serde_json::Value;

use super::contract::Place;
use super::objects::{Object, mark};

/// Where a change of an object belongs, if not here, and where that is in a sentence.
#[must_use]
pub fn elsewhere(object: Object<'_>) -> Option<(Place, String)> {
    let value = object.value;
    gitops(value)
        .map(|who| (Place::Gitops, format!("in the Git repository of {who}: {}", object.title())))
}

fn gitops(value: &Value) -> Option<String> {
    let label = |key: &str| mark(value, "labels", key);
    let annotation = |key: &str| mark(value, "annotations", key);
    if let Some(id) = annotation("argocd.argoproj.io/tracking-id") {
        let application = id.split(':').next().unwrap_or(id);
        return Some(format!("the Argo CD application {application}"));
    }
    if let Some(instance) = label("argocd.argoproj.io/instance") {
        return Some(format!("the Argo CD application {instance}"));
    }
    let is_argo = || {
        let annotations = value.get("metadata")?.get("annotations")?.as_object()?;
        annotations.keys().find(|key| key.starts_with("argocd.argoproj.io/"))
    };
    if let Some(instance) = label("app.kubernetes.io/instance").filter(|_| is_argo().is_some()) {
        return Some(format!("the Argo CD application {instance}"));
    }
    for (kind, prefix) in [
        ("Kustomization", "kustomize.toolkit.fluxcd.io"),
        ("HelmRelease", "helm.toolkit.fluxcd.io"),
    ] {
        if let Some(name) = label(&format!("{prefix}/name")) {
            let namespace = label(&format!("{prefix}/namespace")).unwrap_or("flux-system");
            return Some(format!("the Flux {kind} {namespace}/{name}"));
        }
    }
    None
}

/// The Helm release that an object is part of: the next upgrade sets back what is changed here.
#[must_use]
pub fn helm_release(value: &Value) -> Option<&str> {
    let is_helm = mark(value, "labels", "app.kubernetes.io/managed-by") == Some("Helm");
    let release = mark(value, "annotations", "meta.helm.sh/release-name");
    release
        .or_else(|| is_helm.then_some(""))
        .map(|name| if name.is_empty() { "of Helm" } else { name })
}

/// An object of a virtual cluster, as its syncer marks what it makes of it on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// Name of the virtual cluster.
    pub cluster: String,
    /// Namespace of the virtual cluster on its host.
    pub host_namespace: String,
    /// Namespace of the object there.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

/// What an object is in its virtual cluster; `None` for one of the host's own.
#[must_use]
pub fn synced(object: Object<'_>) -> Option<Synced> {
    let value = object.value;
    let cluster = mark(value, "labels", "vcluster.loft.sh/managed-by")?;
    let annotation = |key: &str| mark(value, "annotations", &format!("vcluster.loft.sh/{key}"));
    let namespace = annotation("object-namespace")
        .or_else(|| annotation("namespace"))
        .or_else(|| mark(value, "labels", "vcluster.loft.sh/namespace"));
    let name = annotation("object-name").or_else(|| annotation("name"));
    Some(Synced {
        cluster: cluster.to_owned(),
        host_namespace: object.namespace().to_owned(),
        namespace: namespace.unwrap_or("default").to_owned(),
        name: name.unwrap_or(object.name()).to_owned(),
    })
}

impl Synced {
    /// `in the virtual cluster agent-7 (namespace vc-host), Pod default/planner`.
    #[must_use]
    pub fn note(&self, kind: &str, name: &str) -> String {
        let Self { cluster, host_namespace, namespace, .. } = self;
        format!(
            "in the virtual cluster {cluster} (namespace {host_namespace}), {kind} {namespace}/{name}"
        )
    }
}
