//! Patches as text: for people, for programs, as commands, and as a folder for Kustomize.
//!
//! Each format is a function of the [`PatchSet`]. The folder needs besides what the objects are now, so that it builds by
//! itself.

mod kubectl;
mod kustomize;
mod merge;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::{OutputError, PatchFormat, RenderOptions, document, json as pretty, table};
use crate::cleanup::contract::{Operation, Patch, PatchSet, Place, Step, Target};

pub use kustomize::kustomize;

/// Patches in one format; [`PatchFormat::Kustomize`] is a folder, see [`kustomize`].
///
/// # Errors
/// When an encoder fails; see [`OutputError`].
pub fn render_patches(
    set: &PatchSet,
    format: PatchFormat,
    options: &RenderOptions,
) -> Result<Vec<u8>, OutputError> {
    match format {
        PatchFormat::Table | PatchFormat::Kustomize => {
            Ok(table::layout(&document::build_patches(set, options), options).into_bytes())
        }
        PatchFormat::Json => pretty::render(set),
        PatchFormat::JsonPatch => pretty::render(&operations(set)),
        PatchFormat::Yaml => yaml(set).map(String::into_bytes),
        PatchFormat::Kubectl => kubectl::script(set).map(String::into_bytes),
    }
}

/// Every change with where it belongs; `None` for here.
fn all(set: &PatchSet) -> impl Iterator<Item = (&Patch, Option<(Place, &str)>)> {
    let here = set.patches.iter().map(|patch| (patch, None));
    here.chain(set.elsewhere.iter().map(|e| (&e.patch, Some((e.place, e.note.as_str())))))
}

/// Every step in order, with its JSON patches.
fn operations(set: &PatchSet) -> Value {
    let step = |(patch, place): (&Patch, Option<(Place, &str)>), step: &Step| {
        json!({
            "id": patch.id, "place": place.map(|(place, _)| place),
            "target": step.target, "operation": step.operation,
        })
    };
    all(set).flat_map(|(p, place)| p.steps.iter().map(move |s| step((p, place), s))).collect()
}

/// A YAML document for each step: the patch as somebody would write it, below the words on it.
fn yaml(set: &PatchSet) -> Result<String, OutputError> {
    let mut out = String::new();
    for (patch, place) in all(set) {
        for step in &patch.steps {
            out.push_str("---\n");
            out.push_str(&comment(&format!("{}: {}", patch.id, patch.action)));
            if let Some((_, note)) = place {
                out.push_str(&comment(&format!("belongs {note}")));
            }
            out.push_str(&document_of(step)?);
        }
    }
    Ok(out)
}

fn document_of(step: &Step) -> Result<String, OutputError> {
    let target = &step.target;
    Ok(match &step.operation {
        Operation::Create { object } => format!("# create\n{}", to_yaml(object)?),
        Operation::Delete { .. } => {
            let mut delete = json!({ "$patch": "delete" });
            identity(&mut delete, target);
            format!("# delete\n{}", to_yaml(&delete)?)
        }
        Operation::Patch { forward, .. } => match merge::merged(forward, target) {
            Some(mut patch) => {
                identity(&mut patch, target);
                let way = if merge::is_built_in(target) {
                    "strategic merge patch"
                } else {
                    "merge patch"
                };
                format!("# {way}\n{}", to_yaml(&patch)?)
            }
            None => {
                let words = comment(&format!("JSON patch (RFC 6902) of {}", title(target)));
                format!("{words}{}", to_yaml(forward)?)
            }
        },
    })
}

/// `Deployment team-a/web`.
fn title(target: &Target) -> String {
    format!("{} {}/{}", target.kind, target.namespace, target.name)
}

/// What says which object a document is of, before everything else.
fn identity(patch: &mut Value, target: &Target) {
    let mut metadata = json!({ "name": target.name });
    if !target.namespace.is_empty() {
        metadata["namespace"] = target.namespace.clone().into();
    }
    if let Some(Value::Object(more)) = patch.get("metadata") {
        for (key, value) in more {
            metadata[key] = value.clone();
        }
    }
    let mut whole = json!({
        "apiVersion": target.api_version, "kind": target.kind, "metadata": metadata,
    });
    for (key, value) in patch.as_object().into_iter().flatten() {
        if key != "metadata" {
            whole[key] = value.clone();
        }
    }
    *patch = whole;
}

/// A comment of YAML or of a shell, whatever is in the text.
fn comment(text: &str) -> String {
    format!("# {}\n", super::text::visible(text))
}

fn to_yaml(value: &impl serde::Serialize) -> Result<String, OutputError> {
    let mut text = serde_saphyr::to_string(value)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
