//! Where each kind of workload keeps its pod templates, how many pods it makes of them, and how it is put to sleep.
//!
//! A table and the walk over it; nothing here knows a GPU, a price or a patch. Paths are RFC 6901 pointers in which `*`
//! stands for every element of an array or every member of an object.

mod table;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use table::{BARE, KINDS};

/// A kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural, as in the path of the API.
    pub plural: &'static str,
    /// Its pod templates.
    pub templates: &'static [Template],
    /// How it is put to sleep so that no pod of it is left.
    pub sleep: Sleep,
}

/// Pod templates of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Path of the pod template, an object with `metadata` and `spec`.
    pub at: &'static str,
    /// What of it is a pod spec: the template itself has no `spec` in kinds that inline it.
    pub inlined: bool,
    /// Path of the number of pods; empty where it is always one. It shares its `*` with `at`.
    pub replicas: &'static str,
    /// Number of pods where that is not written.
    pub default_replicas: u32,
    /// Path of a number by which it is multiplied (completions at a time, hosts of a group); empty for none.
    pub times: &'static str,
    /// Path of another template that takes the place of one of these pods where it exists; empty for none.
    pub beside: &'static str,
    /// Members of the pod spec that are one container each, beside `containers` and `initContainers`.
    pub single: &'static [&'static str],
    /// Role of its pods, as people say.
    pub role: &'static str,
}

/// How a workload is put to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sleep {
    /// Every number of pods at this path becomes 0.
    Replicas(&'static str),
    /// A switch at this path becomes true.
    Suspend(&'static str),
    /// A text at this path becomes this.
    State(&'static str, &'static str),
    /// An annotation of this name is set, to the time.
    Annotation(&'static str),
    /// It cannot be put to sleep; it can be deleted by whom it belongs to.
    Never,
}

/// A kind that says what each of its pods needs without a pod template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bare {
    /// API group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// What each pod needs.
    pub needs: Needs,
    /// Path of the number of pods, one where nothing is written.
    pub pods: &'static str,
}

/// Where it stands what a pod needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// An object with `limits` and `requests` at this path.
    Resources(&'static str),
    /// A number of one resource.
    Count {
        /// Path of the number.
        number: &'static str,
        /// Path of the resource's name.
        resource: &'static str,
    },
}

/// The kind of an object that has no pod template, and says what its pods need all the same.
#[must_use]
pub fn bare(object: &Value) -> Option<&'static Bare> {
    let group = object.get("apiVersion")?.as_str()?.split_once('/')?.0;
    let kind = object.get("kind")?.as_str()?;
    BARE.iter().find(|bare| bare.kind == kind && bare.group == group)
}

/// A pod template of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// Pointer of the pod spec.
    pub spec_at: String,
    /// Pointer of the pod's metadata.
    pub metadata_at: String,
    /// The pod spec.
    pub spec: &'a Value,
    /// Pointer of the number of pods; `None` where it is always one.
    pub replicas_at: Option<String>,
    /// Number of pods; `None` where what is written is no number.
    pub replicas: Option<u32>,
    /// Pointers of its containers, those of `initContainers` first.
    pub containers_at: Vec<String>,
    /// Role of its pods.
    pub role: &'static str,
}

/// The kind of an object, of any version; `None` for one that makes no pods, or that is not known.
#[must_use]
pub fn kind_of(object: &Value) -> Option<&'static Kind> {
    let text = |field: &str| object.get(field).and_then(Value::as_str);
    let version = text("apiVersion")?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    find(group, text("kind")?)
}

/// A kind by group and name.
#[must_use]
pub fn find(group: &str, kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.kind == kind && k.group == group)
}

/// Pod templates of an object, in the order of the table.
#[must_use]
pub fn templates(object: &Value) -> Vec<Found<'_>> {
    let Some(kind) = kind_of(object) else { return Vec::new() };
    kind.templates.iter().flat_map(|template| of_template(object, template)).collect()
}

/// Every pointer of `object` that `path` stands for and that exists, in order.
#[must_use]
pub fn expand(object: &Value, path: &str) -> Vec<String> {
    matches(object, path).into_iter().map(|(pointer, _)| pointer).collect()
}

fn of_template<'a>(object: &'a Value, template: &Template) -> Vec<Found<'a>> {
    let found = |(pointer, stars): (String, Vec<String>)| {
        let spec_at = if template.inlined { pointer.clone() } else { format!("{pointer}/spec") };
        let spec = object.pointer(&spec_at).filter(|spec| spec.is_object())?;
        let at = |path: &str| (!path.is_empty()).then(|| filled(path, &stars));
        let replicas_at = at(template.replicas);
        let replicas = number(object, replicas_at.as_deref(), template.default_replicas);
        let times = number(object, at(template.times).as_deref(), 1);
        let is_beside = at(template.beside).is_some_and(|at| object.pointer(&at).is_some());
        let times = times.map(|n| n.saturating_sub(u32::from(is_beside)));
        Some(Found {
            metadata_at: format!("{pointer}/metadata"),
            containers_at: containers(object, &spec_at, template.single),
            spec_at,
            spec,
            replicas_at,
            replicas: replicas.zip(times).map(|(replicas, times)| replicas.saturating_mul(times)),
            role: template.role,
        })
    };
    matches(object, template.at).into_iter().filter_map(found).collect()
}

/// Pointers of the containers of a pod spec.
fn containers(object: &Value, spec_at: &str, single: &[&str]) -> Vec<String> {
    let lists = ["initContainers/*", "containers/*"].iter();
    let paths = lists.chain(single).map(|path| format!("{spec_at}/{path}"));
    paths.flat_map(|path| expand(object, &path)).collect()
}

/// A number at a pointer; the default where nothing is written.
fn number(object: &Value, at: Option<&str>, default: u32) -> Option<u32> {
    match at.and_then(|at| object.pointer(at)) {
        None | Some(Value::Null) => Some(default),
        Some(value) => value.as_u64().and_then(|n| u32::try_from(n).ok()),
    }
}

/// Pointers that `path` stands for, each with what its stars were.
fn matches(object: &Value, path: &str) -> Vec<(String, Vec<String>)> {
    let mut found = vec![(String::new(), Vec::new())];
    for segment in path.split('/').skip(1) {
        found = found.into_iter().flat_map(|here| below(object, here, segment)).collect();
    }
    found
}

fn below(
    object: &Value,
    (pointer, stars): (String, Vec<String>),
    segment: &str,
) -> Vec<(String, Vec<String>)> {
    let Some(value) = object.pointer(&pointer) else { return Vec::new() };
    if segment != "*" {
        let next = format!("{pointer}/{segment}");
        return object.pointer(&next).map(|_| (next, stars)).into_iter().collect();
    }
    let names: Vec<String> = match value {
        Value::Array(items) => (0..items.len()).map(|i| i.to_string()).collect(),
        Value::Object(fields) => fields.keys().map(|name| escaped(name)).collect(),
        _ => Vec::new(),
    };
    let step = |name: String| {
        let next = format!("{pointer}/{name}");
        let stars = stars.iter().cloned().chain([name]).collect();
        (next, stars)
    };
    names.into_iter().map(step).collect()
}

/// A member's name as a segment of a pointer (RFC 6901, section 4).
#[must_use]
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// `path` with its stars filled in.
fn filled(path: &str, stars: &[String]) -> String {
    let mut stars = stars.iter();
    let segments = path.split('/').map(|segment| match segment {
        "*" => stars.next().map_or("*", String::as_str),
        other => other,
    });
    segments.collect::<Vec<&str>>().join("/")
}
