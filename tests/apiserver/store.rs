//! Objects with UIDs and versions, and what a real server refuses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gpu_finops::kinds::KINDS;
use serde_json::{Map, Value, json};

/// A resource that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource {
    /// By what tests ask for it: the plural, with the group where two groups have the same.
    pub key: &'static str,
    pub api_version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
}

const fn resource(
    api_version: &'static str,
    plural: &'static str,
    kind: &'static str,
    namespaced: bool,
) -> Resource {
    Resource { key: plural, api_version, plural, kind, namespaced }
}

/// Everything that is served: what Kubernetes has, and every kind that makes pods.
pub(crate) fn served() -> &'static [Resource] {
    static SERVED: LazyLock<Vec<Resource>> = LazyLock::new(|| {
        let is_known = |kind: &&gpu_finops::kinds::Kind| {
            let of_group = |r: &&Resource| r.api_version.split('/').next() == Some(kind.group);
            BUILT_IN.iter().filter(of_group).any(|r| r.kind == kind.kind)
                || kind.group.is_empty() && kind.kind == "Pod"
        };
        let further = KINDS.iter().filter(|kind| !is_known(kind)).map(|kind| {
            let version = match kind.group {
                "" => "v1".to_owned(),
                group => format!("{group}/v1"),
            };
            // For as long as the tests run.
            let (version, of_group) = (version.leak(), format!("{}.{}", kind.plural, kind.group));
            let made = resource(version, kind.plural, kind.kind, !kind.kind.starts_with("Cluster"));
            match BUILT_IN.iter().any(|r| r.plural == kind.plural) {
                true => Resource { key: of_group.leak(), ..made },
                false => made,
            }
        });
        BUILT_IN.iter().copied().chain(further).collect()
    });
    &SERVED
}

const BUILT_IN: &[Resource] = &[
    resource("v1", "pods", "Pod", true),
    resource("v1", "nodes", "Node", false),
    resource("v1", "namespaces", "Namespace", false),
    resource("v1", "services", "Service", true),
    resource("v1", "events", "Event", true),
    resource("apps/v1", "replicasets", "ReplicaSet", true),
    resource("apps/v1", "deployments", "Deployment", true),
    resource("apps/v1", "statefulsets", "StatefulSet", true),
    resource("apps/v1", "daemonsets", "DaemonSet", true),
    resource("batch/v1", "jobs", "Job", true),
    resource("batch/v1", "cronjobs", "CronJob", true),
    resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", true),
    resource("coordination.k8s.io/v1", "leases", "Lease", true),
    resource("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true),
    resource("keda.sh/v1alpha1", "scaledobjects", "ScaledObject", true),
    resource("scheduling.k8s.io/v1", "podgroups", "PodGroup", true),
    resource("extensions.agents.x-k8s.io/v1", "sandboxclaims", "SandboxClaim", true),
    resource("resource.k8s.io/v1", "resourceclaims", "ResourceClaim", true),
    resource("resource.k8s.io/v1", "resourceclaimtemplates", "ResourceClaimTemplate", true),
    resource("resource.k8s.io/v1", "resourceslices", "ResourceSlice", false),
    resource("resource.k8s.io/v1", "deviceclasses", "DeviceClass", false),
    resource("resource.k8s.io/v1", "devicetaintrules", "DeviceTaintRule", false),
];

/// When everything that is put in was made, unless it says so itself.
pub(crate) const MADE: &str = "2026-11-19T00:00:00Z";

/// What a request comes to.
pub(crate) enum Outcome {
    Ok(u16, Value),
    Refused(u16, &'static str, String),
}

type Key = (&'static str, String, String);

/// The objects.
#[derive(Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Value>,
    version: u64,
    made: u64,
    /// Claims that were deleted while somebody had them reserved.
    pub robbed: Vec<String>,
}

fn key(resource: &'static Resource, namespace: &str, name: &str) -> Key {
    (resource.key, namespace.to_owned(), name.to_owned())
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

impl Store {
    fn next(&mut self) -> Value {
        self.version += 1;
        Value::from(self.version.to_string())
    }

    /// Puts an object in, or in the place of an older one, as somebody who need not ask.
    pub(crate) fn put(&mut self, mut object: Value) {
        let resource = served()
            .iter()
            .find(|r| object["kind"] == r.kind && object["apiVersion"] == r.api_version);
        let resource = resource.unwrap_or_else(|| panic!("{object} is served"));
        let key = key(resource, text(&object, "namespace"), text(&object, "name"));
        let version = self.next();
        self.made += 1;
        let uid = self.objects.get(&key).map_or_else(
            || Value::from(format!("uid-{}", self.made)),
            |old| old["metadata"]["uid"].clone(),
        );
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        metadata.entry("uid").or_insert(uid);
        metadata.entry("creationTimestamp").or_insert(MADE.into());
        metadata.insert("resourceVersion".into(), version);
        self.objects.insert(key, object);
    }

    /// Changes an object as somebody else would; nothing where it is gone.
    pub(crate) fn change(
        &mut self,
        plural: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) {
        let version = self.next();
        let found = self
            .objects
            .iter_mut()
            .find(|((p, ns, n), _)| *p == plural && ns == namespace && n == name);
        if let Some((_, object)) = found {
            change(object);
            object["metadata"]["resourceVersion"] = version;
        }
    }

    /// Deletes an object as somebody else would.
    pub(crate) fn remove(&mut self, plural: &str, namespace: &str, name: &str) {
        self.objects.retain(|(p, ns, n), _| !(*p == plural && ns == namespace && n == name));
    }

    pub(crate) fn find(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        let resource = served().iter().find(|r| r.key == plural)?;
        self.objects.get(&key(resource, namespace, name))
    }

    /// Everything but Leases and Events, without UIDs and versions, and without what only an allocation had.
    pub(crate) fn picture(&self) -> Vec<Value> {
        let shown = self.objects.iter().filter(|((p, ..), _)| !["leases", "events"].contains(p));
        shown
            .map(|(_, object)| {
                let mut object = object.clone();
                let is_claim = object["kind"] == "ResourceClaim";
                let metadata = object["metadata"].as_object_mut().expect("metadata");
                for field in ["uid", "resourceVersion", "generation", "creationTimestamp"] {
                    metadata.remove(field);
                }
                if is_claim && object["status"]["reservedFor"].as_array().is_none_or(Vec::is_empty)
                {
                    let fields = object.as_object_mut().expect("an object");
                    fields.remove("status");
                    fields["metadata"].as_object_mut().expect("metadata").remove("finalizers");
                }
                object
            })
            .collect()
    }

    pub(crate) fn read(&self, resource: &'static Resource, ns: &str, name: &str) -> Outcome {
        match self.objects.get(&key(resource, ns, name)) {
            Some(object) => Outcome::Ok(200, object.clone()),
            None => not_found(resource, name),
        }
    }

    pub(crate) fn list(
        &self,
        resource: &'static Resource,
        namespace: &str,
        limit: Option<&str>,
        token: Option<&str>,
    ) -> Outcome {
        let all = self.objects.iter().filter(|((plural, ns, _), _)| {
            *plural == resource.key && (namespace.is_empty() || ns == namespace)
        });
        let from: usize = token.map_or(0, |token| token.parse().expect("a token of ours"));
        let limit: usize = limit.map_or(usize::MAX, |limit| limit.parse().expect("a number"));
        let mut rest = all.skip(from);
        let items: Vec<Value> = rest.by_ref().take(limit).map(|(_, o)| o.clone()).collect();
        let next = rest.next().map_or_else(String::new, |_| (from + items.len()).to_string());
        Outcome::Ok(
            200,
            json!({
                "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version,
                "metadata": {"resourceVersion": self.version.to_string(), "continue": next},
                "items": items,
            }),
        )
    }

    pub(crate) fn create(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        mut object: Value,
        dry_run: bool,
    ) -> Outcome {
        if resource.namespaced && self.find("namespaces", "", namespace).is_none() {
            let text = format!("namespaces \"{namespace}\" not found");
            return Outcome::Refused(404, "NotFound", text);
        }
        if object["kind"] != resource.kind || object["apiVersion"] != resource.api_version {
            return Outcome::Refused(400, "BadRequest", "the object is of another kind".into());
        }
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        if metadata.contains_key("resourceVersion") || metadata.contains_key("uid") {
            let text = "resourceVersion should not be set on objects to be created";
            return Outcome::Refused(400, "BadRequest", text.into());
        }
        self.made += 1;
        let made = format!("uid-{}", self.made);
        if let Some(prefix) = metadata.remove("generateName") {
            let name = format!("{}{}", prefix.as_str().expect("text"), self.made);
            metadata.insert("name".into(), name.into());
        }
        metadata.insert("namespace".into(), namespace.into());
        metadata.insert("uid".into(), made.into());
        metadata.insert("creationTimestamp".into(), MADE.into());
        let name = text(&object, "name").to_owned();
        let key = key(resource, namespace, &name);
        if self.objects.contains_key(&key) {
            let text = format!("{} \"{name}\" already exists", resource.plural);
            return Outcome::Refused(409, "AlreadyExists", text);
        }
        self.store(key, None, object, dry_run, 201)
    }

    pub(crate) fn replace(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        object: Value,
        dry_run: bool,
    ) -> Outcome {
        let key = key(resource, namespace, name);
        match self.objects.get(&key).cloned() {
            None => not_found(resource, name),
            Some(old) => self.store(key, Some(&old), object, dry_run, 200),
        }
    }

    pub(crate) fn patch(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        patch: &Value,
        dry_run: bool,
    ) -> Outcome {
        let key = key(resource, namespace, name);
        let Some(old) = self.objects.get(&key).cloned() else { return not_found(resource, name) };
        let mut object = old.clone();
        let patch: json_patch::Patch = match serde_json::from_value(patch.clone()) {
            Ok(patch) => patch,
            Err(error) => return Outcome::Refused(400, "BadRequest", error.to_string()),
        };
        if let Err(error) = json_patch::patch(&mut object, &patch) {
            let text =
                format!("the server rejected our request due to an error in our request: {error}");
            return Outcome::Refused(422, "Invalid", text);
        }
        self.store(key, Some(&old), object, dry_run, 200)
    }

    /// Checks what is to be stored, and stores it.
    fn store(
        &mut self,
        key: Key,
        old: Option<&Value>,
        mut object: Value,
        dry_run: bool,
        code: u16,
    ) -> Outcome {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        if let Some(old) = old {
            if text(&object, "resourceVersion") != text(old, "resourceVersion") {
                let text = format!(
                    "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest version and try again",
                    key.0, key.2
                );
                return Outcome::Refused(409, "Conflict", text);
            }
            if kind.starts_with("ResourceClaim") && object["spec"] != old["spec"] {
                let text = format!(
                    "The {kind} \"{}\" is invalid: spec: Invalid value: field is immutable",
                    key.2
                );
                return Outcome::Refused(422, "Invalid", text);
            }
        }
        if let Some(why) = uneven(&object) {
            let text = format!("The {kind} \"{}\" is invalid: {why}", key.2);
            return Outcome::Refused(422, "Invalid", text);
        }
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        for map in ["annotations", "labels"] {
            if metadata.get(map).and_then(Value::as_object).is_some_and(Map::is_empty) {
                metadata.remove(map);
            }
        }
        if dry_run || old == Some(&object) {
            return Outcome::Ok(code, object);
        }
        object["metadata"]["resourceVersion"] = self.next();
        self.objects.insert(key, object.clone());
        Outcome::Ok(code, object)
    }

    pub(crate) fn delete(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        options: &Value,
        dry_run: bool,
    ) -> Outcome {
        let key = key(resource, namespace, name);
        let Some(object) = self.objects.get(&key).cloned() else {
            return not_found(resource, name);
        };
        let conditions = &options["preconditions"];
        for (field, words) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            let wanted = conditions[field].as_str().unwrap_or_else(|| text(&object, field));
            let is = text(&object, field);
            if wanted != is {
                let text = format!(
                    "Operation cannot be fulfilled on {} \"{name}\": the {words} in the precondition ({wanted}) does not match the {words} in record ({is}). The object might have been modified",
                    resource.kind
                );
                return Outcome::Refused(409, "Conflict", text);
            }
        }
        if dry_run {
            return Outcome::Ok(200, object);
        }
        let reserved = object["status"]["reservedFor"].as_array().is_some_and(|r| !r.is_empty());
        if reserved {
            self.robbed.push(format!("{namespace}/{name}"));
        }
        let guarded = object["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty());
        if !guarded || !reserved && resource.kind == "ResourceClaim" {
            // The claim controller lets go of what nobody has reserved.
            self.objects.remove(&key);
            return Outcome::Ok(200, object);
        }
        self.change(resource.key, namespace, name, |object| {
            object["metadata"]["deletionTimestamp"] = "2026-11-20T12:00:00Z".into();
        });
        self.read(resource, namespace, name)
    }
}

fn not_found(resource: &Resource, name: &str) -> Outcome {
    Outcome::Refused(404, "NotFound", format!("{} \"{name}\" not found", resource.plural))
}

/// Limits and requests of an extended resource must be the same.
fn uneven(object: &Value) -> Option<String> {
    let containers = object.pointer("/spec/template/spec/containers")?.as_array()?;
    containers.iter().enumerate().find_map(|(i, container)| {
        let of = |map: &str| container["resources"][map]["nvidia.com/gpu"].as_str();
        let (limit, request) = (of("limits"), of("requests"));
        (request.is_some() && request != limit).then(|| {
            format!(
                "spec.template.spec.containers[{i}].resources.requests: Invalid value: {:?}: must be equal to nvidia.com/gpu limit of {}",
                request.unwrap_or("0"),
                limit.unwrap_or("0")
            )
        })
    })
}

/// Groups, versions and resources.
pub(crate) fn discovery(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let listed = |api_version: &str| {
        let of = served().iter().filter(|r| r.api_version == api_version);
        let resources: Vec<Value> = of
            .map(|r| json!({"name": r.plural, "kind": r.kind, "namespaced": r.namespaced}))
            .collect();
        (!resources.is_empty()).then(|| {
            json!({"kind": "APIResourceList", "groupVersion": api_version, "resources": resources})
        })
    };
    match parts.as_slice() {
        ["version"] => Some(json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})),
        ["api", version] => listed(version),
        ["apis", group] => {
            let prefix = format!("{group}/");
            let mut versions: Vec<&str> =
                served().iter().filter_map(|r| r.api_version.strip_prefix(&prefix)).collect();
            versions.dedup();
            let versions: Vec<Value> = versions.iter().map(|v| json!({"version": v})).collect();
            (!versions.is_empty())
                .then(|| json!({"kind": "APIGroup", "name": group, "versions": versions}))
        }
        ["apis", group, version] => listed(&format!("{group}/{version}")),
        _ => None,
    }
}
