//! A folder that `kubectl kustomize` builds: the objects as they are, the changes over them, and the way back.
//!
//! `base` is there so that it builds by itself; whoever keeps manifests puts their own in its place. Changes that belong
//! elsewhere are folders of the same kind, by place.

use std::collections::{BTreeMap, BTreeSet};

use regex::escape;
use serde_json::{Value, json};

use super::super::{RenderOptions, document, markdown};
use super::{OutputError, document_of, identity, merge, to_yaml};
use crate::cleanup::contract::{Operation, Patch, PatchSet, Place, Step, Target};
use crate::cleanup::objects::bare;

/// Files of a folder, by path.
type Files = Vec<(String, Vec<u8>)>;

const README: &str = "\
Made by `gpu-finops patch`. Nothing was changed yet.

| folder | what it is |
|---|---|
| `base` | the objects as they were read, without what a server adds; put your own manifests in its place |
| `overlay` | the changes over `base` |
| `inverse` | what undoes them, over `overlay`: it builds what `base` is |
| `elsewhere` | changes that would be set back here: for a Git repository, an operator, a virtual cluster, nodes |

    kubectl diff -k overlay      # what would change
    kubectl apply -k overlay     # change it; objects that go have to be deleted by hand, see below
    kubectl apply -k inverse     # back

What is below stands for the time at which the cluster was read.

";

/// The folder. `now` gives an object as somebody would write it, or `None` for one that was not read.
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn kustomize(
    set: &PatchSet,
    now: &dyn Fn(&Target) -> Option<Value>,
) -> Result<Files, OutputError> {
    let options = RenderOptions { width: usize::MAX, top: 0, ..RenderOptions::default() };
    let text = markdown::layout(&document::build_patches(set, &options), &options);
    let mut files = vec![("README.md".to_owned(), format!("{README}{text}").into_bytes())];
    let patches: Vec<&Patch> = set.patches.iter().collect();
    if folder("", &patches, now, &mut files)? {
        files.push(("kustomization.yaml".to_owned(), kustomization(&["overlay".to_owned()], &[])?));
    }
    let mut by_place: BTreeMap<Place, Vec<&Patch>> = BTreeMap::new();
    for elsewhere in &set.elsewhere {
        by_place.entry(elsewhere.place).or_default().push(&elsewhere.patch);
    }
    for (place, patches) in by_place {
        let name = serde_json::to_value(place)?;
        let at = format!("elsewhere/{}/", name.as_str().unwrap_or("other"));
        folder(&at, &patches, now, &mut files)?;
    }
    files.sort();
    Ok(files)
}

/// What stands in a kustomization.
#[derive(Default)]
struct Layer {
    resources: Vec<String>,
    patches: Vec<Value>,
}

/// `base`, `overlay` and `inverse` of some patches; whether there is anything in them.
fn folder(
    at: &str,
    patches: &[&Patch],
    now: &dyn Fn(&Target) -> Option<Value>,
    files: &mut Files,
) -> Result<bool, OutputError> {
    let mut base: BTreeMap<Target, String> = BTreeMap::new();
    let mut overlay = Layer::default();
    let mut inverse = Layer { resources: vec!["../overlay".to_owned()], patches: Vec::new() };
    let mut unread = String::new();
    let mut created: BTreeSet<Target> = BTreeSet::new();
    for (number, step) in patches.iter().flat_map(|patch| &patch.steps).enumerate() {
        let file = format!("{:03}-{}.yaml", number + 1, stem(&step.target));
        let mut write =
            |path: String, text: String| files.push((format!("{at}{path}"), text.into_bytes()));
        if let Operation::Create { object } = &step.operation {
            // Two workloads may be pointed at the same new template.
            if created.insert(step.target.clone()) {
                write(format!("overlay/{file}"), to_yaml(object)?);
                overlay.resources.push(file.clone());
                write(format!("inverse/{file}"), deletion(&step.target)?);
                inverse.patches.push(json!({ "path": file }));
            }
            continue;
        }
        let Some(object) = now(&step.target) else {
            unread.push_str("---\n");
            unread.push_str(&document_of(step)?);
            continue;
        };
        if !base.contains_key(&step.target) {
            write(format!("base/{file}"), to_yaml(&object)?);
            base.insert(step.target.clone(), file.clone());
        }
        match &step.operation {
            Operation::Delete { object } => {
                write(format!("overlay/{file}"), deletion(&step.target)?);
                overlay.patches.push(json!({ "path": file }));
                write(format!("inverse/{file}"), to_yaml(&bare(object))?);
                inverse.resources.push(file);
            }
            Operation::Patch { forward, inverse: back } => {
                let (text, entry) = patch_of(step, forward, &file)?;
                write(format!("overlay/{file}"), text);
                overlay.patches.push(entry);
                let (text, entry) = patch_of(step, back, &file)?;
                write(format!("inverse/{file}"), text);
                inverse.patches.push(entry);
            }
            Operation::Create { .. } => {}
        }
    }
    if !unread.is_empty() {
        files.push((format!("{at}patches.yaml"), unread.into_bytes()));
    }
    if base.is_empty() && created.is_empty() {
        return Ok(false);
    }
    // Where all is new there is nothing to put it over.
    if !base.is_empty() {
        overlay.resources.insert(0, "../base".to_owned());
    }
    let bases: Vec<String> = base.into_values().collect();
    for (layer, resources, patches) in [
        ("base", bases, Vec::new()),
        ("overlay", overlay.resources, overlay.patches),
        ("inverse", inverse.resources, inverse.patches),
    ] {
        if resources.is_empty() {
            continue;
        }
        let path = format!("{at}{layer}/kustomization.yaml");
        files.push((path, kustomization(&resources, &patches)?));
    }
    Ok(true)
}

fn kustomization(resources: &[String], patches: &[Value]) -> Result<Vec<u8>, OutputError> {
    let mut value = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    });
    if !patches.is_empty() {
        value["patches"] = patches.into();
    }
    to_yaml(&value).map(String::into_bytes)
}

/// A patch and its entry: merged by name for kinds that Kustomize knows, by RFC 6902 for others.
fn patch_of(
    step: &Step,
    patch: &json_patch::Patch,
    file: &str,
) -> Result<(String, Value), OutputError> {
    let target = &step.target;
    let merged = merge::merged(patch, target).filter(|_| merge::is_built_in(target));
    if let Some(mut merged) = merged {
        identity(&mut merged, target);
        return Ok((to_yaml(&merged)?, json!({ "path": file })));
    }
    let (group, version) = target.api_version.split_once('/').unwrap_or(("", &target.api_version));
    let mut selector = json!({
        "version": version, "kind": target.kind, "name": escape(&target.name),
    });
    for (field, value) in [("group", group), ("namespace", &escape(&target.namespace))] {
        if !value.is_empty() {
            selector[field] = value.into();
        }
    }
    Ok((to_yaml(patch)?, json!({ "path": file, "target": selector })))
}

fn deletion(target: &Target) -> Result<String, OutputError> {
    let mut delete = json!({ "$patch": "delete" });
    identity(&mut delete, target);
    to_yaml(&delete)
}

/// A name for a file: names of objects come from the cluster.
fn stem(target: &Target) -> String {
    let name = format!("{}-{}-{}", target.kind, target.namespace, target.name).to_lowercase();
    let kept = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
    kept.take(100).collect()
}
