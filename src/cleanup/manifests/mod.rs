//! Patches put into somebody's own manifests: the text is edited, so that comments, order and style stay.
//!
//! Pure: texts in, texts out. Each document is edited by itself, and read again afterwards: an edit that does not say what
//! it should is no edit. Files that are no YAML, because a program makes the YAML from them, are named and left alone.

mod document;
pub mod lines;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use super::contract::{Operation, Patch, PatchSet, Step, Target};
use super::edits::claims::DERIVED_FROM;
use super::objects::{group, mark, meta, text};
use document::{documents, edited, parsed};

/// A file of manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, for people.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Manifests after patches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits {
    /// Files, in order, those that stay as they are among them.
    pub files: Vec<File>,
    /// What could not be put into them, and why.
    pub left: Vec<String>,
    /// Patches that are in them now.
    pub made: usize,
}

/// Where an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    file: usize,
    document: usize,
}

/// Puts all changes into manifests, those that belong elsewhere among them: here is elsewhere.
#[must_use]
pub fn edit(files: &[File], set: &PatchSet) -> Edits {
    let mut out = Edits { files: files.to_vec(), ..Edits::default() };
    for patch in set.patches.iter().chain(set.elsewhere.iter().map(|e| &e.patch)) {
        let before = out.files.clone();
        match patched(&mut out.files, patch) {
            Ok(()) => out.made += usize::from(out.files != before),
            Err(why) => {
                // A change is made whole, or not at all.
                out.files = before;
                out.left.push(format!("{}: {why}", patch.id));
            }
        }
    }
    let templates = templates(files);
    if !templates.is_empty() && !out.left.is_empty() {
        let names = templates.into_iter().collect::<Vec<_>>().join(", ");
        out.left.push(format!("no YAML, and not looked into (made by a program?): {names}"));
    }
    out
}

/// Files that are no YAML.
fn templates(files: &[File]) -> BTreeSet<&str> {
    let is_one = |file: &&File| {
        documents(&file.text).into_iter().any(|range| parsed(&file.text[range]).is_err())
    };
    files.iter().filter(is_one).map(|file| file.name.as_str()).collect()
}

fn patched(files: &mut [File], patch: &Patch) -> Result<(), String> {
    if patch.steps.is_empty() {
        return Err(patch.action.clone());
    }
    for step in &patch.steps {
        match &step.operation {
            Operation::Create { object } => create(files, object, patch)?,
            Operation::Delete { .. } => delete(files, &step.target)?,
            Operation::Patch { forward, .. } => {
                for place in found(files, &step.target)? {
                    let text = &files[place.file].text;
                    let range = documents(text)[place.document].clone();
                    let new = edited(&text[range.clone()], forward)
                        .map_err(|why| format!("{}: {why}", files[place.file].name))?;
                    files[place.file].text.replace_range(range, &new);
                }
            }
        }
    }
    Ok(())
}

/// Where an object is written.
fn places(files: &[File], is_it: &dyn Fn(&Value) -> bool) -> Vec<Place> {
    let mut out = Vec::new();
    for (at, file) in files.iter().enumerate() {
        for (document, range) in documents(&file.text).into_iter().enumerate() {
            if parsed(&file.text[range]).is_ok_and(|value| is_it(&value)) {
                out.push(Place { file: at, document });
            }
        }
    }
    out
}

fn is_of(value: &Value, target: &Target) -> bool {
    let namespace = meta(value, "namespace");
    let of_group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    text(value, "kind") == target.kind
        && group(value) == of_group
        && meta(value, "name") == target.name
        && (namespace.is_empty() || namespace == target.namespace)
}

fn found(files: &[File], target: &Target) -> Result<Vec<Place>, String> {
    let found = places(files, &|value| is_of(value, target));
    match found.len() {
        0 => Err(format!("no manifest has {} {}/{}", target.kind, target.namespace, target.name)),
        1 => Ok(found),
        _ => {
            let names: BTreeSet<&str> = found.iter().map(|p| files[p.file].name.as_str()).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            Err(format!("several manifests have {} {}: {names}", target.kind, target.name))
        }
    }
}

/// A new object goes to the end of the file of what it takes the place of, or of what will name it.
fn create(files: &mut [File], object: &Value, patch: &Patch) -> Result<(), String> {
    let target =
        |step: &Step| Some(&step.target).filter(|t| t.name != meta(object, "name")).cloned();
    let of_old = mark(object, "annotations", DERIVED_FROM).and_then(|old| {
        let like = Target {
            api_version: text(object, "apiVersion").to_owned(),
            kind: text(object, "kind").to_owned(),
            namespace: meta(object, "namespace").to_owned(),
            name: old.to_owned(),
            uid: None,
            resource_version: None,
            origin: None,
        };
        found(files, &like).ok()
    });
    let of_others = || patch.steps.iter().filter_map(target).find_map(|t| found(files, &t).ok());
    let of_subject = || {
        let (namespace, kind, name) = super::build::parts(&patch.subject);
        let is_it = |value: &Value| {
            let of = meta(value, "namespace");
            text(value, "kind") == kind
                && meta(value, "name") == name
                && (of.is_empty() || of == namespace)
        };
        Some(places(files, &is_it)).filter(|places| !places.is_empty())
    };
    let places = of_old.or_else(of_others).or_else(of_subject);
    let place = places.and_then(|places| places.first().copied());
    let place = place.ok_or_else(|| {
        format!("no manifest to write {} {} beside", text(object, "kind"), meta(object, "name"))
    })?;
    let yaml = serde_saphyr::to_string(object).map_err(|e| e.to_string())?;
    let text = &mut files[place.file].text;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("---\n");
    text.push_str(yaml.trim_end());
    text.push('\n');
    Ok(())
}

fn delete(files: &mut [File], target: &Target) -> Result<(), String> {
    for place in found(files, target)? {
        let file = &mut files[place.file];
        let ranges = documents(&file.text);
        let others = ranges.iter().enumerate().filter(|(i, _)| *i != place.document);
        if !others
            .into_iter()
            .any(|(_, range)| parsed(&file.text[range.clone()]).is_ok_and(|v| !v.is_null()))
        {
            return Err(format!(
                "{} has nothing else: remove the file, and what lists it",
                file.name
            ));
        }
        let range = ranges[place.document].clone();
        // The marker in front of it goes, too; of the first document the one behind.
        let start = file.text[..range.start].trim_end_matches(['-', '\n', ' ']).len();
        let (start, end) = match place.document {
            0 => (range.start, ranges.get(1).map_or(range.end, |next| next.start)),
            _ if start == 0 => (range.start, range.end),
            _ => (start + 1, range.end),
        };
        file.text.replace_range(start..end, "");
    }
    Ok(())
}
