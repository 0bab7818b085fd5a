//! Changes of what runs in a virtual cluster: its syncer sets back what is edited on the host, so that they are written
//! for the inside.
//!
//! The host has the pods alone. What their workload looks like inside is put together from them, as far as that goes; the
//! tests in its patches see to it that a server refuses what does not fit.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::build::{Context, parts, patch, synced_pod};
use super::change::{self, Made};
use super::contract::{Elsewhere, Place};
use super::objects::{Object, text};
use super::place::synced;
use crate::kinds::{KINDS, Kind};
use crate::recommend::contract::Recommendation;

/// What is written for the inside of a virtual cluster; `None` for a workload of the host's own.
pub(super) fn elsewhere(found: &Recommendation, context: &Context<'_>) -> Option<Elsewhere> {
    let pod = synced_pod(found, context.objects)?;
    let inside = synced(pod)?;
    let (_, kind, name) = parts(&found.finding.subject);
    let name = if kind == "Pod" { inside.name.as_str() } else { name };
    let pods: BTreeSet<&str> = found.rests_on.iter().map(|lease| lease.pod.as_str()).collect();
    let value = workload(kind, (&inside.namespace, name), pod.value, pods.len());
    let object = Object { origin: "", value: &value };
    let (steps, action, notes) = match change::make(&found.change, object, context) {
        Made::Steps { mut steps, action, notes, .. } => {
            for step in &mut steps {
                step.target.origin = None;
            }
            (steps, action, notes)
        }
        Made::No { why, check } => {
            let action = check.unwrap_or_else(|| found.finding.action.clone());
            (Vec::new(), action, vec![why])
        }
    };
    Some(Elsewhere {
        place: Place::Vcluster,
        note: inside.note(kind, name),
        patch: patch(found, steps, action, &notes, object),
    })
}

/// A workload of the inside, of what one of its pods shows.
fn workload(kind: &str, (namespace, name): (&str, &str), pod: &Value, replicas: usize) -> Value {
    let known: Option<&Kind> = KINDS.iter().find(|k| k.kind == kind);
    let spec = pod.get("spec").map(shown).unwrap_or_default();
    let metadata = json!({ "name": name, "namespace": namespace });
    let Some(known) = known else {
        return json!({ "kind": kind, "metadata": metadata, "spec": {} });
    };
    let version = match (known.group, text(pod, "apiVersion")) {
        ("", version) => version.to_owned(),
        ("leaderworkerset.x-k8s.io" | "apps" | "batch" | "ray.io" | "kubeflow.org", _) => {
            format!("{}/v1", known.group)
        }
        ("serving.kserve.io" | "agents.x-k8s.io" | "extensions.agents.x-k8s.io", _) => {
            format!("{}/v1beta1", known.group)
        }
        (group, _) => format!("{group}/v1alpha1"),
    };
    let spec = match known.templates {
        [one] if one.at == "/spec/template" && one.replicas == "/spec/replicas" => {
            json!({ "replicas": replicas, "template": { "spec": spec } })
        }
        [one] if one.at == "/spec/template" => json!({ "template": { "spec": spec } }),
        [one] if one.at.is_empty() => spec,
        _ => json!({}),
    };
    json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec })
}

/// What of a pod's spec is as in its template: the syncer and admission add to the rest.
fn shown(spec: &Value) -> Value {
    let mut out = Map::new();
    for list in ["initContainers", "containers"] {
        let containers = spec.get(list).and_then(Value::as_array);
        let container = |container: &Value| {
            let fields = ["name", "restartPolicy", "resources"];
            let fields =
                fields.iter().filter_map(|f| Some(((*f).to_owned(), container.get(f)?.clone())));
            fields.collect::<Map<String, Value>>().into()
        };
        let containers: Vec<Value> = containers.into_iter().flatten().map(container).collect();
        if !containers.is_empty() {
            out.insert(list.to_owned(), containers.into());
        }
    }
    out.into()
}
