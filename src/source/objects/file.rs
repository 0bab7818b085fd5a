//! Raw objects and how reading them went as one JSON file, one object per line.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::raw::{RawObject, RawObjects};
use crate::model::SourceStatus;
use crate::model::objects::ObjectProblem;
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

/// The objects as the content of a file.
pub(in crate::source) fn encode(objects: &RawObjects) -> serde_json::Result<Vec<u8>> {
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
    serde_json::to_writer(&mut content, &about)?;
    content.extend_from_slice(b",\n\"items\": [");
    for (i, item) in objects.items.iter().enumerate() {
        content.extend_from_slice(if i == 0 { b"\n" } else { b",\n" });
        let item = ItemRef { origin: &item.origin, value: &item.value };
        serde_json::to_writer(&mut content, &item)?;
    }
    content.extend_from_slice(b"\n]}\n");
    Ok(content)
}

/// The objects in the content of a file.
pub(in crate::source) fn decode(content: &[u8]) -> serde_json::Result<RawObjects> {
    let document: Document = serde_json::from_slice(content)?;
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
