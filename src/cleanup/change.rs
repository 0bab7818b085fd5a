//! One change of one workload, as steps: which edit, of which object, and what speaks against it.

use serde_json::Value;

use super::build::{Context, is_pod};
use super::contract::{Operation, Place, Step};
use super::diff;
use super::edits::requests::{self, Requests};
use super::edits::{claims, gpus, nodes, sleep};
use super::objects::{Object, Objects, mark, meta, text};
use super::plan::state::for_creation;
use super::scaling;
use super::schedule;
use crate::kinds;
use crate::output::format::bytes;
use crate::recommend::contract::Change;

/// What comes of a change.
pub(super) enum Made {
    /// It can be made.
    Steps {
        steps: Vec<Step>,
        action: String,
        /// What is to be known besides.
        notes: Vec<String>,
        /// Where, if not here.
        at: Option<(Place, String)>,
    },
    /// It cannot.
    No { why: String, check: Option<String> },
}

impl Made {
    pub(super) fn no(why: impl Into<String>, check: impl Into<Option<String>>) -> Self {
        Self::No { why: why.into(), check: check.into() }
    }

    pub(super) fn steps(steps: Vec<Step>, action: impl Into<String>) -> Self {
        Self::Steps { steps, action: action.into(), notes: Vec::new(), at: None }
    }

    pub(super) fn noted(mut self, note: impl Into<String>) -> Self {
        if let Self::Steps { notes, .. } = &mut self {
            notes.push(note.into());
        }
        self
    }

    pub(super) fn at(mut self, place: Place, note: String) -> Self {
        if let Self::Steps { at, .. } = &mut self {
            *at = Some((place, note));
        }
        self
    }
}

/// A change of an object.
pub(super) fn make(change: &Change, object: Object<'_>, context: &Context<'_>) -> Made {
    let title = object.title();
    match change {
        Change::DeleteClaim => Made::no("a claim is looked at by itself", None),
        Change::Release => scaling::released(object, context),
        Change::FewerReplicas { from, to } => {
            scaling::fewer_replicas(object, (*from, *to), context)
        }
        Change::FewerGpus { from, to } => {
            let action = format!("Ask for {to} instead of {from} GPUs per pod in {title}.");
            sized(object, context, action, &|object, by_claims| match by_claims {
                false => gpus::fewer(object.value, (*from, *to), &context.names).map(edited),
                true => claims::fewer(object, (*from, *to), context.objects).map(repointed),
            })
        }
        Change::Slice { from, to, .. } => sliced(object, context, (from, to)),
        Change::Schedule { timezone, off } => {
            scaling::scheduled(object, context, schedule::scaled_object(object, timezone, off))
        }
        Change::Model { to, .. } => {
            let nodes = nodes_of(context.objects);
            moved(
                object,
                context,
                &format!("nodes with {to}"),
                nodes::of_model(to, &nodes).as_ref(),
            )
        }
        Change::Spot { .. } => {
            let nodes = nodes_of(context.objects);
            moved(
                object,
                context,
                "nodes that can be taken away (spot)",
                nodes::spot(&nodes).as_ref(),
            )
        }
        Change::Requests {
            cpu_millicores_from,
            cpu_millicores_to,
            memory_bytes_from,
            memory_bytes_to,
        } => {
            let requests = Requests {
                cpu_millicores: amounts(*cpu_millicores_from, *cpu_millicores_to),
                memory_bytes: amounts(*memory_bytes_from, *memory_bytes_to),
            };
            let action = less(&requests, &title);
            sized(object, context, action, &|object, _| {
                requests::asking(object.value, &requests).map(edited)
            })
        }
        Change::Share { pods_per_gpu } => {
            let note = format!(
                "in the configuration of the device plugin of its nodes: time-slicing or MPS with \
                 {pods_per_gpu} replicas of each card"
            );
            Made::steps(
                Vec::new(),
                format!("Let {pods_per_gpu} pods of {title} take turns on a card."),
            )
            .at(Place::Nodes, note)
        }
    }
}

/// An amount now and then; the same twice where it stays.
#[expect(clippy::cast_precision_loss, reason = "millicores and bytes of one pod are below 2^53")]
fn amounts(from: Option<u64>, to: Option<u64>) -> (f64, f64) {
    from.zip(to).map_or((0.0, 0.0), |(from, to)| (from as f64, to as f64))
}

/// `Request 650m instead of 4000m CPU and 1.2 GiB instead of 16.0 GiB memory per pod of Deployment a/web.`
fn less(requests: &Requests, title: &str) -> String {
    let (cpu, memory) = (requests.cpu_millicores, requests.memory_bytes);
    let cpu = (cpu.1 < cpu.0).then(|| format!("{:.0}m instead of {:.0}m CPU", cpu.1, cpu.0));
    let memory = (memory.1 < memory.0)
        .then(|| format!("{} instead of {} memory", bytes(Some(memory.1)), bytes(Some(memory.0))));
    let amounts: Vec<String> = cpu.into_iter().chain(memory).collect();
    format!("Request {} per pod of {title}.", amounts.join(" and "))
}

/// What an edit gives: objects to be made before, the object after, objects to be deleted then.
pub(super) struct New<'a> {
    created: Vec<(Value, Object<'a>)>,
    after: Value,
    deleted: Vec<Object<'a>>,
}

pub(super) const fn edited<'a>(after: Value) -> New<'a> {
    New { created: Vec::new(), after, deleted: Vec::new() }
}

fn repointed(by: claims::Repointed<'_>) -> New<'_> {
    New { created: by.created, after: by.after, deleted: by.left_over }
}

/// The step that makes an object what it should be; `None` where it is that already.
pub(super) fn step(object: Object<'_>, after: &Value) -> Option<Step> {
    let operation = diff::patch(object.value, after)?;
    Some(Step { target: object.target(), operation })
}

pub(super) fn steps(object: Object<'_>, new: New<'_>) -> Vec<Step> {
    let create = |(value, like): (Value, Object<'_>)| {
        let mut target = like.target();
        (target.uid, target.resource_version, target.origin) = (None, None, None);
        meta(&value, "name").clone_into(&mut target.name);
        Step { target, operation: Operation::Create { object: value } }
    };
    let delete = |object: Object<'_>| Step {
        target: object.target(),
        operation: Operation::Delete { object: for_creation(object.value) },
    };
    let created = new.created.into_iter().map(create);
    created.chain(step(object, &new.after)).chain(new.deleted.into_iter().map(delete)).collect()
}

/// A change of what the pods of a workload ask for. `edit` is told whether they ask by claims.
fn sized<'a>(
    object: Object<'a>,
    context: &Context<'a>,
    action: String,
    edit: &dyn Fn(Object<'a>, bool) -> Result<New<'a>, String>,
) -> Made {
    let object = match template_of(object, context.objects) {
        Ok(object) => object,
        Err(why) => return Made::no(why, action),
    };
    if kinds::templates(object.value).is_empty() && object.kind() != "TrainJob" {
        return Made::no("its pod template was not read: a snapshot keeps none", action);
    }
    let by_claims = !gpus::asks(object.value, &context.names);
    let new = match edit(object, by_claims) {
        Ok(new) => new,
        Err(why) => return Made::no(why, action),
    };
    if let Some(users) = other_users(object, &new.deleted, context.objects) {
        return Made::no(format!("its claim is shared: {users} names it, too"), action);
    }
    let frees_claims = !new.deleted.is_empty();
    let made = Made::steps(steps(object, new), action);
    let made = match frees_claims {
        true => made.noted("the old claim goes when the last pod that has it reserved has ended"),
        false => made,
    };
    let title = object.title();
    if is_pod(object) {
        let note = format!("in the manifest of {title}: what a pod asks for cannot be changed");
        return made.at(Place::Manifest, note);
    }
    if sleep::runs_to_its_end(object.value) && !sleep::is_suspended(object.value) {
        let note = format!(
            "in the manifest that {title} is submitted from: it runs, and is not cut short"
        );
        return made.at(Place::Manifest, note);
    }
    let on_delete = object.value.pointer("/spec/updateStrategy/type");
    if on_delete.is_some_and(|strategy| strategy == "OnDelete") {
        return made.noted("its pods keep what they have until somebody deletes them (OnDelete)");
    }
    match object.kind() {
        "RayCluster" => {
            made.noted("pods of it that are there keep what they have until they are made anew")
        }
        "SandboxTemplate" => made.noted("sandboxes that are there keep what they have"),
        "CronJob" => made.noted("it holds from the next run on"),
        _ => made,
    }
}

/// Where the pod template of a workload is: that of a sandbox is what it was made from.
fn template_of<'a>(object: Object<'a>, objects: &Objects<'a>) -> Result<Object<'a>, String> {
    if object.kind() != "Sandbox" {
        return Ok(object);
    }
    let name = mark(object.value, "annotations", "agents.x-k8s.io/sandbox-template-ref");
    let template = name.and_then(|name| objects.find(object.namespace(), "SandboxTemplate", name));
    template.ok_or_else(|| {
        "a sandbox keeps the pod it has, and the SandboxTemplate that it was made from is not known".to_owned()
    })
}

/// Who else names claims that are to go.
fn other_users(object: Object<'_>, claims: &[Object<'_>], objects: &Objects<'_>) -> Option<String> {
    let names = |other: &Object<'_>, claim: &Object<'_>| {
        let templates = kinds::templates(other.value);
        let entries = templates.iter().filter_map(|t| t.spec.get("resourceClaims")?.as_array());
        entries.flatten().any(|entry| text(entry, "resourceClaimName") == claim.name())
    };
    claims.iter().find_map(|claim| {
        let others = objects.all().filter(|other| {
            other.namespace() == claim.namespace()
                && (other.kind(), other.name()) != (object.kind(), object.name())
        });
        let mut others = others.filter(|other| names(other, claim));
        others.find(|other| !is_below(*other, object, objects)).map(|other| other.title())
    })
}

/// Whether an object is one that another made.
fn is_below<'a>(object: Object<'a>, top: Object<'_>, objects: &Objects<'a>) -> bool {
    let mut at = object;
    for _ in 0..8 {
        let Some(next) = objects.controller(at) else { return false };
        if next.value == top.value {
            return true;
        }
        at = next;
    }
    false
}

fn sliced<'a>(object: Object<'a>, context: &Context<'a>, (from, to): (&String, &String)) -> Made {
    let action = format!("Ask for a {to} instance of a card in {}.", object.title());
    let resource = gpus::mig_resource(to);
    let offered = context.objects.of("", "Node").any(|node| {
        let allocatable = node.value.pointer("/status/allocatable").and_then(|a| a.get(&resource));
        allocatable.is_some_and(|n| !matches!(n.as_str(), Some("0")))
    });
    let by_resource = gpus::asks(object.value, &context.names);
    let made = sized(object, context, action, &|object, by_claims| match by_claims {
        false => gpus::slice(object.value, (from, to), &context.names).map(edited),
        true => claims::slice(object, to, context.objects).map(repointed),
    });
    match by_resource && !offered {
        true => made.at(
            Place::Nodes,
            format!(
                "first in the partitions of a node: none offers {resource}, and its pods would wait"
            ),
        ),
        false => made,
    }
}

fn nodes_of<'a>(objects: &'a Objects<'a>) -> Vec<Object<'a>> {
    objects.of("", "Node").collect()
}

fn moved(object: Object<'_>, context: &Context<'_>, to: &str, pool: Option<&nodes::Pool>) -> Made {
    let action = format!("Move {} to {to}.", object.title());
    let Some(pool) = pool else {
        let note = format!("first in the pools of nodes: there are no {to} yet");
        return Made::steps(Vec::new(), action).at(Place::Nodes, note);
    };
    if !gpus::asks(object.value, &context.names) {
        let why = "it asks for its GPUs by claims, whose selectors choose the model";
        return Made::no(why, action);
    }
    sized(object, context, action, &|object, _| {
        let asks = |spec: &Value| {
            let pod = serde_json::json!({ "apiVersion": "v1", "kind": "Pod", "spec": spec });
            gpus::asks(&pod, &context.names)
        };
        nodes::moved(object.value, pool, &asks).map(edited)
    })
}
