//! Pods that an object makes: how many, and what each of them asks for.

use serde_json::Value;

use super::ask::{Pool, Unknown, text};
use super::models;
use super::requests;
use super::scale::{Range, number};
use super::world::World;
use crate::kinds::{self, Found, Needs};

/// Kinds whose templates make pods only when something else names them.
const BLUEPRINTS: &[&str] = &[
    "ClusterTrainingRuntime",
    "TrainingRuntime",
    "SandboxTemplate",
    "ServingRuntime",
    "ClusterServingRuntime",
    "PodTemplate",
];

/// Whether an object of this kind makes no pods by itself.
pub(super) fn is_blueprint(kind: &str) -> bool {
    BLUEPRINTS.contains(&kind)
}

/// The pools of an object.
pub(super) fn pools(object: &Value, world: &World<'_>, unknown: &mut Vec<Unknown>) -> Vec<Pool> {
    let kind = text(object, "/kind");
    if is_blueprint(kind) {
        return Vec::new();
    }
    let bounds = world.scalers.get(
        text(object, "/metadata/namespace"),
        kind,
        text(object, "/metadata/name"),
    );
    if let Some(pools) = by_blueprint(object, kind, world, unknown) {
        return pools;
    }
    if let Some(pool) = bare(object, bounds, world, unknown) {
        return vec![pool];
    }
    let found = kinds::templates(object);
    let pool = |found: &Found<'_>| of_template(object, kind, found, bounds, world, unknown);
    found.iter().map(pool).collect()
}

/// A kind without a template that says what its pods need.
fn bare(
    object: &Value,
    bounds: Option<(u32, u32)>,
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Option<Pool> {
    let bare = kinds::bare(object)?;
    let pieces = match bare.needs {
        Needs::Resources(at) => {
            let resources = object.pointer(at)?;
            requests::of_resources(resources, at, world, unknown)
        }
        Needs::Count { number, resource } => {
            let name = object.pointer(resource).and_then(Value::as_str);
            let name = name.unwrap_or("nvidia.com/gpu");
            requests::of_one(name, object.pointer(number)?, number, world, unknown)
        }
    };
    let pods = counted(object, Some(bare.pods), 1, unknown);
    let pods = bounds.map_or(Range::fixed(pods), |(low, high)| Range::bounded(pods, low, high));
    let node = models::node(&Value::Null, &Value::Null);
    Some(Pool { role: "pod", pods, pieces, node, metadata: Value::Null })
}

/// What stands for pods of a blueprint: warm pools and claims of sandboxes, training jobs that leave all to a runtime.
fn by_blueprint(
    object: &Value,
    kind: &str,
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Option<Vec<Pool>> {
    let (at, kinds_named, pods): (&str, &[&str], u32) = match kind {
        "SandboxWarmPool" => (
            "/spec/sandboxTemplateRef/name",
            &["SandboxTemplate"],
            counted(object, Some("/spec/replicas"), 1, unknown),
        ),
        "SandboxClaim" => ("/spec/sandboxTemplateRef/name", &["SandboxTemplate"], 1),
        "TrainJob" if object.pointer("/spec/trainer/resourcesPerNode").is_none() => (
            "/spec/runtimeRef/name",
            &["TrainingRuntime", "ClusterTrainingRuntime"],
            counted(object, Some("/spec/trainer/numNodes"), 1, unknown),
        ),
        _ => return None,
    };
    let name = object.pointer(at).and_then(Value::as_str)?;
    let Some(blueprint) = kinds_named.iter().find_map(|kind| world.blueprint(kind, name)) else {
        let message = format!("what it asks for is in `{name}`, which is not among the manifests");
        unknown.push(Unknown { message, at: at.to_owned() });
        return Some(Vec::new());
    };
    let of = |found: &Found<'_>| {
        let fixed = Found { replicas: Some(pods), replicas_at: None, ..found.clone() };
        let pool = of_template(blueprint, kind, &fixed, None, world, unknown);
        // Its lines are in another file.
        let pieces =
            pool.pieces.into_iter().map(|piece| super::ask::Piece { at: at.to_owned(), ..piece });
        Pool { pieces: pieces.collect(), ..pool }
    };
    Some(kinds::templates(blueprint).iter().map(of).collect())
}

fn of_template(
    object: &Value,
    kind: &str,
    found: &Found<'_>,
    bounds: Option<(u32, u32)>,
    world: &World<'_>,
    unknown: &mut Vec<Unknown>,
) -> Pool {
    let metadata = object.pointer(&found.metadata_at).unwrap_or(&Value::Null);
    let mut pieces = requests::pieces(object, &found.containers_at, world, unknown);
    let annotations = &metadata["annotations"];
    pieces.extend(requests::kai(annotations, &format!("{}/annotations", found.metadata_at)));
    pieces.extend(world.claimed(object, found, unknown));
    let pods = pods(object, kind, found, bounds, !pieces.is_empty(), unknown);
    let of_object = object.pointer("/metadata/annotations").unwrap_or(&Value::Null);
    let node = models::node(found.spec, of_object);
    Pool { role: found.role, pods, pieces, node, metadata: metadata.clone() }
}

/// How many pods there may be of a template.
fn pods(
    object: &Value,
    kind: &str,
    found: &Found<'_>,
    bounds: Option<(u32, u32)>,
    has_gpus: bool,
    unknown: &mut Vec<Unknown>,
) -> Range {
    let at = found.replicas_at.clone().unwrap_or_default();
    if kind == "DaemonSet" && has_gpus {
        let message = "has a pod on every node that it may run on; one is counted".to_owned();
        unknown.push(Unknown { message, at: "/kind".to_owned() });
    }
    let Some(now) = found.replicas else {
        if has_gpus {
            let message = "the number of its pods is not a number".to_owned();
            unknown.push(Unknown { message, at });
        }
        return Range::fixed(1);
    };
    let now = match kind {
        // No more pods run than have to be completed.
        "Job" => at_most(now, object.pointer("/spec/completions")),
        "CronJob" => at_most(now, object.pointer("/spec/jobTemplate/spec/completions")),
        "LLMInferenceService" => now.saturating_mul(group(object, found)),
        _ => now,
    };
    if let Some((low, high)) = bounds {
        return Range::bounded(now, low, high);
    }
    let of = |name: &str| {
        let (folder, _) = at.rsplit_once('/')?;
        number(object.pointer(&format!("{folder}/{name}"))?)
    };
    let is_ray = at.contains("workerGroupSpecs");
    let is_scaled = !is_ray || scales(object);
    match (of("minReplicas"), of("maxReplicas")) {
        (low, Some(high)) if is_scaled && high > 0 => {
            let written = number(object.pointer(&at).unwrap_or(&Value::Null));
            // Hosts of a group, clusters of a fleet.
            let times = written.filter(|n| *n > 0).map_or(1, |written| now / written);
            let low = low.unwrap_or(0);
            Range::bounded(written.unwrap_or(low), low, high).times(times.max(1))
        }
        _ => Range::fixed(now),
    }
}

fn at_most(pods: u32, completions: Option<&Value>) -> u32 {
    completions.and_then(number).map_or(pods, |completions| pods.min(completions))
}

/// Whether Ray scales its worker groups itself.
fn scales(object: &Value) -> bool {
    let paths = ["/spec", "/spec/rayClusterSpec", "/spec/rayClusterConfig", "/spec/template/spec"];
    let is_on = |path: &str| {
        let at = format!("{path}/enableInTreeAutoscaling");
        object.pointer(&at).and_then(Value::as_bool) == Some(true)
    };
    paths.into_iter().any(is_on)
}

/// Pods of a worker template for each replica of an `LLMInferenceService`: a group has one pod for each node that its
/// parallelism needs, and the first of them has the other template.
fn group(object: &Value, found: &Found<'_>) -> u32 {
    let Some(path) = found.spec_at.strip_suffix("/worker") else { return 1 };
    let of = |name: &str| object.pointer(&format!("{path}/parallelism/{name}")).and_then(number);
    let nodes = match (of("data"), of("dataLocal"), of("pipeline")) {
        (Some(data), Some(local), _) if local > 0 => data.div_ceil(local),
        (_, _, Some(pipeline)) => pipeline,
        _ => 2,
    };
    let replicas = object.pointer(&format!("{path}/replicas")).and_then(number).unwrap_or(1);
    nodes.saturating_sub(1).saturating_mul(replicas)
}

/// A number at a path.
fn counted(object: &Value, at: Option<&str>, default: u32, unknown: &mut Vec<Unknown>) -> u32 {
    let Some((at, value)) = at.and_then(|at| Some((at, object.pointer(at)?))) else {
        return default;
    };
    number(value).unwrap_or_else(|| {
        let message = format!("the number of its pods, {value}, is not a number");
        unknown.push(Unknown { message, at: at.to_owned() });
        default
    })
}
