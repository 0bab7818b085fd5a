//! One change of one workload, as steps: which edit, of which object, and what speaks against it.

use serde_json::Value;

use super::build::{Context, is_pod};
use super::command::{kubectl, word};
use super::contract::{Operation, Place, Step};
use super::diff;
use super::edits::requests::{self, Requests};
use super::edits::{Edited, claims, gpus, nodes, sleep};
use super::objects::{Object, Objects, bare, group, mark, text};
use super::schedule;
use crate::kinds::{self, Sleep};
use crate::recommend::contract::Change;

/// Label by which Kueue queues a job.
const QUEUE: &str = "kueue.x-k8s.io/queue-name";

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
    fn no(why: impl Into<String>, check: impl Into<Option<String>>) -> Self {
        Self::No { why: why.into(), check: check.into() }
    }

    fn steps(steps: Vec<Step>, action: impl Into<String>) -> Self {
        Self::Steps { steps, action: action.into(), notes: Vec::new(), at: None }
    }

    fn noted(mut self, note: impl Into<String>) -> Self {
        if let Self::Steps { notes, .. } = &mut self {
            notes.push(note.into());
        }
        self
    }

    fn at(mut self, place: Place, note: String) -> Self {
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
        Change::Release => released(object, context),
        Change::FewerReplicas { from, to } => fewer_replicas(object, (*from, *to), context),
        Change::FewerGpus { from, to } => {
            let action = format!("Ask for {to} instead of {from} GPUs per pod in {title}.");
            sized(object, context, action, &|object, by_claims| match by_claims {
                false => gpus::fewer(object.value, (*from, *to), &context.names).map(edited),
                true => claims::fewer(object, (*from, *to), context.objects).map(repointed),
            })
        }
        Change::Slice { from, to, .. } => sliced(object, context, (from, to)),
        Change::Schedule { timezone, off } => {
            scheduled(object, context, schedule::scaled_object(object, timezone, off))
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
            let action = format!("Request less CPU and memory beside the GPUs of {title}.");
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

/// What an edit gives: objects to be made before, the object after, objects to be deleted then.
struct New<'a> {
    created: Vec<(Value, Object<'a>)>,
    after: Value,
    deleted: Vec<Object<'a>>,
}

const fn edited<'a>(after: Value) -> New<'a> {
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

fn steps(object: Object<'_>, new: New<'_>) -> Vec<Step> {
    let create = |(value, like): (Value, Object<'_>)| {
        let mut target = like.target();
        (target.uid, target.resource_version, target.origin) = (None, None, None);
        text_of(&value, "name").clone_into(&mut target.name);
        Step { target, operation: Operation::Create { object: value } }
    };
    let delete = |object: Object<'_>| Step {
        target: object.target(),
        operation: Operation::Delete { object: bare(object.value) },
    };
    let created = new.created.into_iter().map(create);
    created.chain(step(object, &new.after)).chain(new.deleted.into_iter().map(delete)).collect()
}

fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    super::objects::meta(value, field)
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
    match object.kind() {
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

fn released(object: Object<'_>, context: &Context<'_>) -> Made {
    let target = object.target();
    let title = object.title();
    if is_pod(object) {
        let check = format!("ask its owner, then: {}", kubectl("delete", &target));
        return Made::no("a pod without a controller can only be deleted", check);
    }
    if let Some(queue) = mark(object.value, "labels", QUEUE) {
        let namespace = word(object.namespace());
        let check = format!(
            "find its Workload, and make it inactive: kubectl get workloads.kueue.x-k8s.io -n {namespace}; kubectl \
             patch workloads.kueue.x-k8s.io NAME -n {namespace} --type=merge -p '{{\"spec\":{{\"active\":false}}}}'"
        );
        return Made::no(format!("Kueue starts and suspends it, by the queue {queue}"), check);
    }
    if let Some(scaler) = scaled_object_of(object, context.objects) {
        return paused(object, scaler);
    }
    let Some(kind) = kinds::kind_of(object.value) else {
        return Made::no("its kind is not known", None);
    };
    if kind.sleep == Sleep::Never {
        let check = format!("ask its owner, then: {}", kubectl("delete", &target));
        return Made::no(format!("a {} cannot be put to sleep", kind.kind), check);
    }
    let what = match kind.sleep {
        Sleep::Suspend(_) => format!("Suspend {title}."),
        Sleep::Annotation(_) => format!("Stop {title}; its volumes stay."),
        Sleep::State(..) => format!("Suspend {title}; its object and volumes stay."),
        _ => format!("Scale {title} to zero."),
    };
    let after = match sleep::asleep(object.value, &context.now) {
        Ok(after) => after,
        Err(why) => return Made::no(why, what),
    };
    let made = Made::steps(steps(object, edited(after)), what);
    match kind.kind {
        "CronJob" => made.noted("jobs that it has started run on"),
        "InferenceService" if is_raw(object.value) => {
            made.noted("without Knative, KServe keeps one pod all the same")
        }
        _ => made,
    }
}

/// Whether KServe runs a service as a plain Deployment.
fn is_raw(object: &Value) -> bool {
    let mode = mark(object, "annotations", "serving.kserve.io/deploymentMode");
    matches!(mode, Some("RawDeployment" | "Standard"))
}

fn fewer_replicas(object: Object<'_>, (from, to): (u32, u32), context: &Context<'_>) -> Made {
    let title = object.title();
    let action = format!("Run {to} instead of {from} replicas of {title}.");
    let scaler = scaled_object_of(object, context.objects)
        .map(|scaler| (scaler, "/spec/minReplicaCount", "KEDA"))
        .or_else(|| {
            autoscaler_of(object, context.objects)
                .map(|scaler| (scaler, "/spec/minReplicas", "its autoscaler"))
        });
    let Some((scaler, path, who)) = scaler else {
        return by_edit(object, action, sleep::scaled(object.value, to));
    };
    let least =
        scaler.value.pointer(path).map_or(Some(u64::from(path.ends_with('s'))), Value::as_u64);
    if least.is_none_or(|least| least <= u64::from(to)) {
        let check = format!("look at its target: {}", kubectl("get", &scaler.target()));
        return Made::no(
            format!("{who} chooses the number of replicas by its load, and would set it back"),
            check,
        );
    }
    let mut after = scaler.value.clone();
    if let Some(least) = after.pointer_mut(path) {
        *least = to.into();
    }
    let action = format!("Let {who} go down to {to} replicas of {title}.");
    by_edit(scaler, action, Ok(after))
}

fn by_edit(object: Object<'_>, action: String, edit: Edited) -> Made {
    match edit {
        Ok(after) => Made::steps(steps(object, edited(after)), action),
        Err(why) => Made::no(why, action),
    }
}

/// KEDA sets replicas by its triggers, so that it is KEDA that is told to stop.
fn paused(object: Object<'_>, scaler: Object<'_>) -> Made {
    let mut after = scaler.value.clone();
    let annotations = after
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .map(|m| m.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new())));
    let Some(Value::Object(annotations)) = annotations else {
        return Made::no("its ScaledObject has no metadata", None);
    };
    annotations.insert("autoscaling.keda.sh/paused-replicas".to_owned(), "0".into());
    let action = format!("Let KEDA keep {} at zero replicas.", object.title());
    by_edit(scaler, action, Ok(after))
}

fn is_target(object: Object<'_>, scaler: Object<'_>) -> bool {
    let target = scaler.value.pointer("/spec/scaleTargetRef");
    let kind = target.map(|t| text(t, "kind")).filter(|kind| !kind.is_empty());
    scaler.namespace() == object.namespace()
        && kind.unwrap_or("Deployment") == object.kind()
        && target.is_some_and(|t| text(t, "name") == object.name())
}

fn scaled_object_of<'a>(object: Object<'_>, objects: &Objects<'a>) -> Option<Object<'a>> {
    objects.of("keda.sh", "ScaledObject").find(|scaler| is_target(object, *scaler))
}

fn autoscaler_of<'a>(object: Object<'_>, objects: &Objects<'a>) -> Option<Object<'a>> {
    let mut scalers = objects.of("autoscaling", "HorizontalPodAutoscaler");
    scalers.find(|scaler| is_target(object, *scaler))
}

fn scheduled(object: Object<'_>, context: &Context<'_>, made: Result<Value, String>) -> Made {
    let action = format!("Run {} only at the hours in which it is used.", object.title());
    let scaler = scaled_object_of(object, context.objects)
        .or_else(|| autoscaler_of(object, context.objects));
    if let Some(scaler) = scaler {
        let why =
            format!("{} scales it, and two that do would set each other back", scaler.title());
        return Made::no(
            why,
            Some(format!("give it a trigger by the hour, as the finding says: {action}")),
        );
    }
    let value = match made {
        Ok(value) => value,
        Err(why) => return Made::no(why, action),
    };
    let is_served = context.objects.all().any(|o| group(o.value) == "keda.sh")
        || context
            .objects
            .all()
            .any(|o| o.kind() == "CustomResourceDefinition" && o.name() == "scaledobjects.keda.sh");
    let mut target = object.target();
    text(&value, "apiVersion").clone_into(&mut target.api_version);
    text(&value, "kind").clone_into(&mut target.kind);
    text_of(&value, "name").clone_into(&mut target.name);
    (target.uid, target.resource_version, target.origin) = (None, None, None);
    let made =
        Made::steps(vec![Step { target, operation: Operation::Create { object: value } }], action);
    match is_served {
        true => made,
        false => made.at(
            Place::Operator,
            "in a cluster with KEDA: whether this one has it is not known".to_owned(),
        ),
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
    let action = action.clone();
    sized(object, context, action, &|object, _| {
        let asks = |spec: &Value| {
            let pod = serde_json::json!({ "apiVersion": "v1", "kind": "Pod", "spec": spec });
            gpus::asks(&pod, &context.names)
        };
        nodes::moved(object.value, pool, &asks).map(edited)
    })
}
