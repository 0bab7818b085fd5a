//! On which line of its file something of an object stands.

use yamlpath::{Component, Document, Route};

use crate::model::manifests::Manifest;

/// The line of what `pointer` leads to within the object, or of the nearest thing around it that is there.
pub(super) fn line_of(manifest: &Manifest, pointer: &str) -> u32 {
    exact(manifest, pointer).unwrap_or(manifest.line)
}

fn exact(manifest: &Manifest, pointer: &str) -> Option<u32> {
    if pointer.is_empty() && manifest.at.is_empty() {
        return None;
    }
    let document = Document::new(manifest.text.to_string()).ok()?;
    let whole = format!("{}{pointer}", manifest.at);
    let segments: Vec<Component<'static>> = whole.split('/').skip(1).map(component).collect();
    let found = (1..=segments.len()).rev().find_map(|length| {
        let route = Route::from(segments[..length].to_vec());
        let key = document.query_key_only(&route).or_else(|_| document.query_pretty(&route));
        key.ok().map(|feature| feature.location.point_span.0.0)
    })?;
    // Rows are counted from 0, and from the first text of the document, where its number is known.
    let skipped = first_said(&manifest.text);
    let row = u32::try_from(found.saturating_sub(skipped)).ok()?;
    manifest.line.checked_add(row)
}

/// Lines in front of the first text of a document, which is where its line was counted.
fn first_said(text: &str) -> usize {
    let is_said = |line: &str| {
        let line = line.trim();
        !line.is_empty() && line != "---" && !line.starts_with('#') && !line.starts_with('%')
    };
    text.lines().position(is_said).unwrap_or(0)
}

fn component(segment: &str) -> Component<'static> {
    segment.parse::<usize>().map_or_else(
        |_| Component::Key(segment.replace("~1", "/").replace("~0", "~").into()),
        Component::Index,
    )
}
