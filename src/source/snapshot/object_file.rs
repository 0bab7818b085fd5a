//! `objects/objects.json`: cluster objects and how reading them went, one object per line.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::SnapshotError;
use crate::model::SourceStatus;
use crate::model::objects::ObjectProblem;
use crate::source::objects::{RawObject, RawObjects};
use crate::units::Millis;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    listed_at_ms: Option<Millis>,
    sources: Vec<SourceStatus>,
    problems: Vec<Problem>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Problem {
    subject: String,
    detail: String,
}

#[derive(Serialize)]
struct ItemRef<'a> {
    origin: &'a str,
    value: &'a Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    origin: String,
    value: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    about: Header,
    items: Vec<Item>,
}

/// The objects as the content of `file`.
pub(super) fn encode(file: &str, objects: &RawObjects) -> Result<Vec<u8>, SnapshotError> {
    let unwritable = |e: serde_json::Error| SnapshotError::unwritable(file, e);
    let about = Header {
        listed_at_ms: objects.listed_at_ms,
        sources: objects.sources.clone(),
        problems: objects
            .problems
            .iter()
            .map(|p| Problem { subject: p.subject.clone(), detail: p.detail.clone() })
            .collect(),
    };
    let mut content = b"{\"about\": ".to_vec();
    serde_json::to_writer(&mut content, &about).map_err(unwritable)?;
    content.extend_from_slice(b",\n\"items\": [");
    for (i, item) in objects.items.iter().enumerate() {
        content.extend_from_slice(if i == 0 { b"\n" } else { b",\n" });
        let item = ItemRef { origin: &item.origin, value: &item.value };
        serde_json::to_writer(&mut content, &item).map_err(unwritable)?;
    }
    content.extend_from_slice(b"\n]}\n");
    Ok(content)
}

/// The objects in the content of `file`, `count` in all.
pub(super) fn decode(
    file: &str,
    content: &[u8],
    count: usize,
) -> Result<RawObjects, SnapshotError> {
    let document: Document =
        serde_json::from_slice(content).map_err(|e| SnapshotError::damaged(file, e))?;
    if document.items.len() != count {
        let detail = format!("it has {} objects, expected {count}", document.items.len());
        return Err(SnapshotError::damaged(file, detail));
    }
    let Header { listed_at_ms, sources, problems } = document.about;
    Ok(RawObjects {
        items: document
            .items
            .into_iter()
            .map(|item| RawObject { origin: item.origin, value: item.value })
            .collect(),
        problems: problems
            .into_iter()
            .map(|p| ObjectProblem { subject: p.subject, detail: p.detail })
            .collect(),
        sources,
        listed_at_ms,
    })
}
