//! Objects of the cluster: where they come from, and which kinds may be read.
//!
//! Judged by the answers that came, with nothing but `GET` sent; `doctor rbac` asks the API server what is allowed.

use super::check::{KUBERNETES, ROLE, count};
use super::contract::{Check, Group, State};
use crate::access::{Part, Permission, permissions};
use crate::model::reach::{ObjectSource, Reach};
use crate::model::{Inputs, SourceState, SourceStatus};
use crate::report::coverage::is_optional;

/// Where sources of objects stand in the list of sources.
const PREFIXES: [&str; 2] = ["kubernetes/", "objects"];

/// Checks of objects.
pub(super) fn checks(objects: &ObjectSource, inputs: &Inputs) -> Vec<Check> {
    let mut out = vec![reachable(objects)];
    if objects.reach != Reach::Answered {
        return out;
    }
    if let Some(version) = &objects.version {
        let message = format!("Kubernetes {version}");
        out.push(Check::new(Group::Access, "cluster-version", State::Ok, message, KUBERNETES));
    }
    let of_objects = |s: &&SourceStatus| PREFIXES.iter().any(|prefix| s.name.starts_with(prefix));
    let sources: Vec<&SourceStatus> = inputs.sources.iter().filter(of_objects).collect();
    let read: Vec<&SourceStatus> = sources
        .iter()
        .filter(|s| matches!(s.state, SourceState::Ok | SourceState::Empty))
        .copied()
        .collect();
    if !read.is_empty() {
        let with_objects = read.iter().filter(|s| s.state == SourceState::Ok).count();
        let message =
            format!("{} kinds or files were read, {with_objects} of them have objects", read.len());
        let names = read.iter().map(|s| s.name.clone());
        out.push(
            Check::new(Group::Access, "objects-read", State::Ok, message, KUBERNETES)
                .figure("kinds", count(read.len()))
                .named(names),
        );
    }
    out.extend(sources.into_iter().filter_map(unread));
    out
}

fn reachable(objects: &ObjectSource) -> Check {
    let make =
        |state, message| Check::new(Group::Access, "objects-reachable", state, message, KUBERNETES);
    let check = match &objects.reach {
        Reach::Answered => make(State::Ok, "objects are read".to_owned()),
        Reach::NotAsked { reason } => make(State::Skipped, reason.clone()),
        Reach::Failed { reason, hints } => {
            let message = format!(
                "{reason}; without objects there are no labels of pods, no claims and no exact times but those of kube-state-metrics"
            );
            let hint = match hints.is_empty() {
                true => {
                    "give `--context`, `--objects PATH`, or leave objects out: `--no-kubernetes`"
                        .to_owned()
                }
                false => hints.join("; "),
            };
            make(State::Fail, message).advised(hint)
        }
    };
    match &objects.origin {
        Some(origin) => check.about(origin.clone()),
        None => check,
    }
}

/// A kind that was not read in full, or is not served.
fn unread(source: &SourceStatus) -> Option<Check> {
    let make = |id: &str, state, message| {
        Check::new(Group::Access, id, state, message, KUBERNETES).about(source.name.clone())
    };
    match source.state {
        // Objects come as they are: on a grid are samples only.
        SourceState::Ok | SourceState::Empty | SourceState::Gridded => None,
        SourceState::Skipped => {
            Some(make("kind-not-served", State::Skipped, source.detail.clone()))
        }
        SourceState::Failed | SourceState::Partial => {
            let state = if is_optional(&source.name) { State::Warn } else { State::Fail };
            let kind = source.name.rsplit('/').next().unwrap_or_default();
            let message = format!("{}; without it: {}", source.detail, lost(kind));
            if !source.is_forbidden() {
                return Some(make("source-failed", state, message));
            }
            let check = Check { docs: ROLE.to_owned(), ..make("forbidden", state, message) };
            let reads = |p: &Permission| p.part == Part::Read && p.resource == kind;
            Some(match permissions().into_iter().find(reads) {
                Some(Permission { group, .. }) => check.fixed_by(
                    "add this rule to the ClusterRole of whoever runs it",
                    rule(group, kind, &["get", "list"]),
                ),
                None => check,
            })
        }
    }
}

/// What a kind is for.
fn lost(kind: &str) -> &'static str {
    match kind {
        "pods" => "labels and exact times of pods, and pods that metrics do not show",
        "nodes" => {
            "labels of nodes (price, model, sharing), capacity and health but that of metrics"
        }
        "namespaces" => "tenants by label of the namespace",
        "replicasets" | "deployments" | "statefulsets" | "daemonsets" | "jobs" | "cronjobs" => {
            "workloads by their controller, where metrics do not tell it"
        }
        "resourceclaims" | "resourceslices" | "resource.k8s.io" => {
            "GPUs of resource claims, and who has them"
        }
        "deviceclasses" | "devicetaintrules" | "resourceclaimtemplates" => {
            "details of resource claims; hours and money are the same"
        }
        _ => "what it would have told; hours and money of others are the same",
    }
}

/// A rule of a role, as YAML.
pub(super) fn rule(group: &str, kind: &str, verbs: &[&str]) -> String {
    format!("- apiGroups: [\"{group}\"]\n  resources: [{kind}]\n  verbs: [{}]", verbs.join(", "))
}
