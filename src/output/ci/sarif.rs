//! SARIF 2.1.0 (OASIS), for code scanning: one run, one rule for each rule, one result for each item.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::text::visible;
use super::super::{OutputError, json};
use crate::ci::{Item, Severity, Verdict};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    automation_details: Automation,
    column_kind: &'static str,
    results: Vec<Found>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

/// What a run is compared with from one upload to the next.
#[derive(Serialize)]
struct Automation {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Text,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints {
    #[serde(rename = "gpuFinopsItem/v1")]
    item: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
}

pub(super) fn render(verdict: &Verdict) -> Result<Vec<u8>, OutputError> {
    let mut rules: Vec<Rule> =
        verdict.rules.iter().map(|rule| described(&rule.name, &rule.about)).collect();
    for item in &verdict.items {
        if !rules.iter().any(|rule| rule.id == item.rule) {
            rules.push(described(&item.rule, &item.rule));
        }
    }
    let results = verdict.items.iter().map(|item| found(item, &rules)).collect();
    json::render(&Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            automation_details: Automation { id: format!("{}/", verdict.check.replace(' ', "-")) },
            column_kind: "utf16CodeUnits",
            results,
            tool: Tool {
                driver: Driver {
                    name: "gpu-finops",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules,
                },
            },
        }],
    })
}

fn described(id: &str, about: &str) -> Rule {
    Rule { id: id.to_owned(), short_description: Text { text: about.to_owned() } }
}

fn found(item: &Item, rules: &[Rule]) -> Found {
    let region = item.line.filter(|line| *line > 0).map(|start_line| Region { start_line });
    let location = |file: &String| Location {
        physical_location: Physical { artifact_location: Artifact { uri: uri(file) }, region },
    };
    Found {
        rule_index: rules.iter().position(|rule| rule.id == item.rule).unwrap_or_default(),
        level: match item.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "note",
        },
        message: Text { text: visible(&format!("{} {}", item.message, item.advice)) },
        locations: item.file.as_ref().map(location).into_iter().collect(),
        partial_fingerprints: Fingerprints { item: fingerprint(item) },
        rule_id: item.rule.clone(),
    }
}

/// What stays when lines move: rule, file and subject.
fn fingerprint(item: &Item) -> String {
    let file = item.file.as_deref().unwrap_or_default();
    let digest = Sha256::digest(format!("{}\0{file}\0{}", item.rule, item.subject));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A path as a relative reference (RFC 3986): what is not allowed in one is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.extend([format!("%{byte:02X}")]),
        }
    }
    out
}
