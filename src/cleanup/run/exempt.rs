//! What is left alone because somebody said so.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use crate::cleanup::contract::{Operation, Step};
use crate::cleanup::objects::Object;
use crate::cleanup::place;
use crate::kinds;
use crate::model::policy::LabelRequirement;
use crate::model::window::rfc3339;
use crate::units::Millis;

/// Annotation on an object or its namespace: never touch it.
pub const IGNORE: &str = "gpu-finops.dev/ignore";
/// Annotation on an object or its namespace: leave it alone until then (RFC 3339).
pub const IDLE_OK_UNTIL: &str = "gpu-finops.dev/idle-ok-until";
/// Annotation of pods that nothing may evict.
const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// What is left alone by configuration.
#[derive(Debug, Clone)]
pub struct Exemptions {
    /// Namespaces, by the whole name.
    pub protected: Vec<Regex>,
    /// Labels of objects; all requirements have to hold.
    pub keep_selector: Vec<LabelRequirement>,
    /// Kinds of objects and of what owns them.
    pub keep_kinds: Vec<String>,
    /// Objects younger than this, milliseconds.
    pub min_age_ms: i64,
}

/// What stands around an object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// Its namespace; `None` where that could not be read.
    pub namespace: Option<&'a Value>,
    /// Pods of its namespace.
    pub pods: &'a [Value],
    /// Pod disruption budgets of its namespace.
    pub budgets: &'a [Value],
}

impl Exemptions {
    /// Why a namespace is left alone.
    #[must_use]
    pub fn of_namespace(&self, name: &str) -> Option<String> {
        let is_protected = self.protected.iter().any(|pattern| pattern.is_match(name));
        is_protected.then(|| format!("namespace {name} is protected"))
    }

    /// Why an object is left alone; `None` where it is not.
    #[must_use]
    pub fn of_object(
        &self,
        step: &Step,
        object: &Value,
        around: Around<'_>,
        now_ms: Millis,
    ) -> Option<String> {
        let namespace = step.target.namespace.as_str();
        self.of_namespace(namespace)
            .or_else(|| annotated(object, "it", now_ms))
            .or_else(|| annotated(around.namespace?, &format!("namespace {namespace}"), now_ms))
            .or_else(|| self.of_labels(object))
            .or_else(|| self.of_kind(object))
            .or_else(|| self.of_age(object, now_ms))
            .or_else(|| controlled(object))
            .or_else(|| kept_elsewhere(object))
            .or_else(|| of_pods(step, object, around))
    }

    fn of_labels(&self, object: &Value) -> Option<String> {
        let labels = texts(&object["metadata"]["labels"]);
        let kept = !self.keep_selector.is_empty()
            && self.keep_selector.iter().all(|requirement| requirement.matches(&labels));
        kept.then(|| "its labels are those of `--keep-selector`".to_owned())
    }

    fn of_kind(&self, object: &Value) -> Option<String> {
        let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        let kinds = owners.chain([object]).filter_map(|of| of["kind"].as_str());
        let kept = |kind: &&str| self.keep_kinds.iter().any(|kept| kept.eq_ignore_ascii_case(kind));
        kinds.into_iter().find(kept).map(|kind| format!("{kind} is a kind of `--keep-kind`"))
    }

    fn of_age(&self, object: &Value, now_ms: Millis) -> Option<String> {
        let created = object["metadata"]["creationTimestamp"].as_str()?;
        let created = chrono::DateTime::parse_from_rfc3339(created).ok()?.timestamp_millis();
        (now_ms.saturating_sub(created) < self.min_age_ms)
            .then(|| format!("it is younger than `--min-age`: made at {}", rfc3339(created)))
    }
}

/// What annotations say.
fn annotated(object: &Value, what: &str, now_ms: Millis) -> Option<String> {
    let annotations = &object["metadata"]["annotations"];
    if annotations.get(IGNORE).is_some_and(|value| value != "false") {
        return Some(format!("{what} has the annotation {IGNORE}"));
    }
    let until = annotations.get(IDLE_OK_UNTIL)?.as_str().unwrap_or_default();
    match chrono::DateTime::parse_from_rfc3339(until) {
        Ok(at) if at.timestamp_millis() <= now_ms => None,
        Ok(_) => Some(format!("{what} may be idle until {until} ({IDLE_OK_UNTIL})")),
        Err(_) => {
            Some(format!("{what} has the annotation {IDLE_OK_UNTIL}, and {until:?} is not a time"))
        }
    }
}

/// What a controller would make anew, or change back.
fn controlled(object: &Value) -> Option<String> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let text = |field: &str| owner[field].as_str().unwrap_or("?").to_owned();
    Some(format!("it belongs to {} {}, which would undo the change", text("kind"), text("name")))
}

/// What whoever keeps it would set back: a Git repository, a virtual cluster.
fn kept_elsewhere(object: &Value) -> Option<String> {
    let object = Object { origin: "", value: object };
    let git = || Some(place::elsewhere(object)?.1);
    let virtual_cluster =
        place::synced(object).map(|s| format!("in the virtual cluster {}", s.cluster));
    let where_to = virtual_cluster.or_else(git)?;
    Some(format!("it is kept elsewhere, and would be set back here: change it {where_to}"))
}

/// What pods say that a change would end.
fn of_pods(step: &Step, object: &Value, around: Around<'_>) -> Option<String> {
    let Operation::Patch { forward, .. } = &step.operation else { return None };
    let templates = kinds::templates(object);
    let mut label_sets = Vec::new();
    for template in &templates {
        let metadata = object.pointer(&template.metadata_at).unwrap_or(&Value::Null);
        if texts(&metadata["annotations"]).get(SAFE_TO_EVICT).is_some_and(|v| v == "false") {
            return Some(format!("its pods have the annotation {SAFE_TO_EVICT}: \"false\""));
        }
        label_sets.push(texts(&metadata["labels"]));
    }
    label_sets.retain(|labels| !labels.is_empty());
    for pod in around.pods.iter().filter(|pod| !has_ended(pod)) {
        let labels = texts(&pod["metadata"]["labels"]);
        let is_of = |set: &&BTreeMap<String, String>| {
            set.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        if label_sets.iter().find(is_of).is_none() {
            continue;
        }
        if texts(&pod["metadata"]["annotations"]).get(SAFE_TO_EVICT).is_some_and(|v| v == "false") {
            let name = pod["metadata"]["name"].as_str().unwrap_or("?");
            return Some(format!("pod {name} has the annotation {SAFE_TO_EVICT}: \"false\""));
        }
    }
    let ends_all = forward.0.iter().any(|operation| {
        let path = operation.path().to_string();
        path.to_ascii_lowercase().ends_with("replicas") || path.ends_with("/suspend")
    });
    around.budgets.iter().find_map(|budget| of_budget(budget, &label_sets, ends_all))
}

/// A budget guards pods: none of them may go while it allows none, and not all of them ever.
fn of_budget(
    budget: &Value,
    label_sets: &[BTreeMap<String, String>],
    ends_all: bool,
) -> Option<String> {
    let selector = &budget["spec"]["selector"];
    if !label_sets.iter().any(|labels| selects(selector, labels)) {
        return None;
    }
    let allowed = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0);
    let name = budget["metadata"]["name"].as_str().unwrap_or("?");
    if allowed < 1 {
        return Some(format!("PodDisruptionBudget {name} allows no disruption of its pods"));
    }
    ends_all.then(|| format!("PodDisruptionBudget {name} guards the pods that would all end"))
}

/// Whether a label selector of an object selects labels. An empty one selects all; one that cannot be read, too.
fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let wanted = texts(&selector["matchLabels"]);
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let holds = |expression: &Value| {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = expression["values"]
            .as_array()
            .map(|values| values.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let has = labels.get(key).map(String::as_str);
        match expression["operator"].as_str() {
            Some("In") => has.is_some_and(|value| values.contains(&value)),
            Some("NotIn") => has.is_none_or(|value| !values.contains(&value)),
            Some("Exists") => has.is_some(),
            Some("DoesNotExist") => has.is_none(),
            _ => true,
        }
    };
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().all(holds)
}

fn has_ended(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

fn texts(map: &Value) -> BTreeMap<String, String> {
    let fields = map.as_object().into_iter().flatten();
    fields.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}
