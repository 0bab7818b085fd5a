//! Fewer pods: replicas, sleep, schedules; and who else sets the number of them.

use serde_json::Value;

use super::build::{Context, is_pod};
use super::change::{Made, edited, steps};
use super::command::{kubectl, word};
use super::contract::{Operation, Place, Step};
use super::edits::{Edited, sleep};
use super::objects::{Object, Objects, group, mark, meta, text};
use crate::kinds::{self, Sleep};

/// Label by which Kueue queues a job.
const QUEUE: &str = "kueue.x-k8s.io/queue-name";

pub(super) fn released(object: Object<'_>, context: &Context<'_>) -> Made {
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

pub(super) fn fewer_replicas(
    object: Object<'_>,
    (from, to): (u32, u32),
    context: &Context<'_>,
) -> Made {
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

pub(super) fn scheduled(
    object: Object<'_>,
    context: &Context<'_>,
    made: Result<Value, String>,
) -> Made {
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
    meta(&value, "name").clone_into(&mut target.name);
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
