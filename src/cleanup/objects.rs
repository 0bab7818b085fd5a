//! Objects as they were read, found by name, by UID and through their owners.
//!
//! An index over somebody else's JSON: it borrows, and it never judges what it finds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::contract::Target;
use super::plan::state::for_creation;
use crate::kinds;

/// No chain of controllers is longer; a longer one is a loop.
const MAX_DEPTH: usize = 12;
/// Annotations in which tools keep a copy of the whole object.
const COPIES: &[&str] =
    &["last-applied", "objectset.rio.cattle.io/applied", "kapp.k14s.io/original"];

/// An object and where it came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object<'a> {
    /// `kubernetes/pods`, `pods.yaml: document 3`, …
    pub origin: &'a str,
    /// The object.
    pub value: &'a Value,
}

/// A member of an object's metadata; empty where it is not there, or no text.
#[must_use]
pub fn meta<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get("metadata").and_then(|m| m.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// A label or an annotation of an object.
#[must_use]
pub fn mark<'a>(value: &'a Value, map: &str, key: &str) -> Option<&'a str> {
    value.get("metadata")?.get(map)?.get(key)?.as_str()
}

/// A text member of an object.
#[must_use]
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Group of an object; empty for the core.
#[must_use]
pub fn group(value: &Value) -> &str {
    text(value, "apiVersion").split_once('/').map_or("", |(group, _)| group)
}

impl<'a> Object<'a> {
    /// Namespace; empty for an object of the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        meta(self.value, "namespace")
    }

    /// Kind.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        text(self.value, "kind")
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        meta(self.value, "name")
    }

    /// `Deployment team-a/web`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}/{}", self.kind(), self.namespace(), self.name())
    }

    /// What a request about it names.
    #[must_use]
    pub fn target(&self) -> Target {
        let known = |field| Some(meta(self.value, field)).filter(|v| !v.is_empty());
        Target {
            api_version: text(self.value, "apiVersion").to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().to_owned(),
            name: self.name().to_owned(),
            uid: known("uid").map(ToOwned::to_owned),
            resource_version: known("resourceVersion").map(ToOwned::to_owned),
            origin: (!self.origin.starts_with("kubernetes/")).then(|| self.origin.to_owned()),
        }
    }
}

/// What controls an object: kind, name and UID as its owner reference has them.
fn controller(value: &Value) -> Option<(&str, &str, &str)> {
    let owners = value.get("metadata")?.get("ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|o| o.get("controller") == Some(&Value::Bool(true)))?;
    Some((text(owner, "kind"), text(owner, "name"), text(owner, "uid")))
}

/// All objects that were read.
#[derive(Debug, Default)]
pub struct Objects<'a> {
    items: Vec<Object<'a>>,
    by_name: BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    by_uid: BTreeMap<&'a str, usize>,
}

impl<'a> FromIterator<(&'a str, &'a Value)> for Objects<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a Value)>>(objects: I) -> Self {
        let mut all = Self::default();
        for (origin, value) in objects {
            let object = Object { origin, value };
            let at = all.items.len();
            let key = (object.namespace(), object.kind(), object.name());
            all.by_name.entry(key).or_default().push(at);
            let uid = meta(value, "uid");
            if !uid.is_empty() {
                all.by_uid.entry(uid).or_insert(at);
            }
            all.items.push(object);
        }
        all
    }
}

/// Where a workload is to be changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Top<'a> {
    /// At this object: nobody above it would undo that.
    Here(Object<'a>),
    /// At what this object is made from, which is not known: the owner, as people say.
    Owned(Object<'a>, String),
    /// It is not among the objects.
    Missing,
}

impl<'a> Objects<'a> {
    /// An object by namespace, kind and name. Of several groups, one whose kind is known comes first.
    #[must_use]
    pub fn find(&self, namespace: &str, kind: &str, name: &str) -> Option<Object<'a>> {
        let all = self.by_name.get(&(namespace, kind, name))?;
        let known = all.iter().find(|at| kinds::kind_of(self.items[**at].value).is_some());
        known.or_else(|| all.first()).map(|at| self.items[*at])
    }

    /// All objects, as they were read.
    pub fn all(&self) -> impl Iterator<Item = Object<'a>> + '_ {
        self.items.iter().copied()
    }

    /// All objects of a group and kind.
    pub fn of<'s>(
        &'s self,
        of_group: &'s str,
        kind: &'s str,
    ) -> impl Iterator<Item = Object<'a>> + 's {
        self.items.iter().copied().filter(move |o| o.kind() == kind && group(o.value) == of_group)
    }

    /// The object that controls another.
    #[must_use]
    pub fn controller(&self, of: Object<'a>) -> Option<Object<'a>> {
        let (kind, name, uid) = controller(of.value)?;
        let by_uid = self.by_uid.get(uid).map(|at| self.items[*at]);
        by_uid.or_else(|| self.find(of.namespace(), kind, name))
    }

    /// Where a workload is to be changed: it is named as attribution found it, and if it is not among the objects,
    /// what its pods lead to is taken.
    #[must_use]
    pub fn top<'p>(
        &self,
        (namespace, kind, name): (&str, &str, &str),
        pods: impl IntoIterator<Item = (&'p str, &'p str)>,
    ) -> Top<'a> {
        let named = self.find(namespace, kind, name);
        let by_pod = || pods.into_iter().find_map(|(ns, pod)| self.find(ns, "Pod", pod));
        let Some(start) = named.or_else(by_pod) else { return Top::Missing };
        let mut chain = vec![start];
        let mut above = None;
        while chain.len() <= MAX_DEPTH {
            let last = chain[chain.len() - 1];
            // Whoever asked for a sandbox leaves its pod and its mode to it.
            let Some((kind, name, _)) = controller(last.value).filter(|_| last.kind() != "Sandbox")
            else {
                break;
            };
            let Some(next) = self.controller(last) else {
                above = Some(format!("{kind} {name}"));
                break;
            };
            chain.push(next);
        }
        while let Some(object) = chain.pop() {
            if kinds::kind_of(object.value).is_some() {
                return match above {
                    None => Top::Here(object),
                    Some(by) => Top::Owned(object, by),
                };
            }
            above = Some(format!("{} {}", object.kind(), object.name()));
        }
        Top::Missing
    }
}

/// An object as somebody would write it into a manifest: [`for_creation`] without what tools and controllers note on it.
#[must_use]
pub fn bare(value: &Value) -> Value {
    let made = for_creation(value);
    let mut out = Map::new();
    for field in ["apiVersion", "kind"] {
        out.insert(field.to_owned(), made.get(field).cloned().unwrap_or(Value::Null));
    }
    let mut metadata = Map::new();
    for field in ["name", "namespace", "labels", "annotations"] {
        if let Some(kept) = made.get("metadata").and_then(|m| m.get(field)) {
            metadata.insert(field.to_owned(), kept.clone());
        }
    }
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.retain(|key, _| !COPIES.iter().any(|copy| key.contains(copy)));
    }
    out.insert("metadata".to_owned(), metadata.into());
    let others = made.as_object().into_iter().flatten();
    let others =
        others.filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata"));
    out.extend(others.map(|(key, field)| (key.clone(), field.clone())));
    Value::Object(out)
}
