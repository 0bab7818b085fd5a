//! A redacted snapshot of a fixture gives its ledger, up to names.

use std::path::Path;

use gpu_finops::model::{Inputs, MetricData, Policy, Window};
use gpu_finops::report::contract::Report;
use gpu_finops::source::objects::{self, RawObjects};
use gpu_finops::source::snapshot::{self, Salt, SaveOptions, Snapshot};
use serde_json::Value;

use super::{folder, run, script};

/// Texts that are no names, and must be the same.
const WORDS: [&str; 12] = [
    "code",
    "holding_source",
    "instance_type",
    "kind",
    "mode",
    "model",
    "price_source",
    "rule",
    "sharing",
    "signal",
    "status",
    "workload_kind",
];

/// An hour in which nothing was measured.
fn quiet() -> (Window, Vec<MetricData>) {
    let end = 1_795_172_400_000;
    (Window::new(end - 3_600_000, end).expect("not reversed"), Vec::new())
}

fn saved(raw: &RawObjects, (window, metrics): &(Window, Vec<MetricData>), redact: bool) -> Inputs {
    let place = tempfile::tempdir().expect("a folder");
    let dir = place.path().join("snapshot");
    let snapshot = Snapshot {
        window: *window,
        now_ms: window.end(),
        metrics: metrics.clone(),
        objects: raw.clone(),
        sources: Vec::new(),
        tool_version: String::new(),
        server: None,
        redacted: false,
    };
    let options = SaveOptions {
        redact,
        salt: Some(Salt::fixed([9; 32])),
        force: false,
        sanitise: &objects::sanitised,
    };
    snapshot::save(&dir, &snapshot, &options).expect("saved");
    let loaded = snapshot::load(&dir).expect("loaded");
    let facts = objects::decode(&loaded.objects, &Policy::default().gpu_resources);
    assert_eq!(facts.problems, [], "every object is read");
    Inputs {
        window: *window,
        now_ms: window.end(),
        metrics: loaded.metrics,
        facts,
        sources: Vec::new(),
    }
}

/// A report without names: figures to nine decimals, lists in an order that does not depend on names.
fn nameless(key: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Number(n) => Some(format!("{:.9}", n.as_f64().unwrap_or(f64::NAN)).into()),
        Value::String(_) if !WORDS.contains(&key) => None,
        Value::Object(map) => {
            // Where no exporter numbers a device, its index is from its name.
            let kept = map.iter().filter(|(k, _)| *k != "index");
            let kept = kept.filter_map(|(k, v)| Some((k.clone(), nameless(k, v)?)));
            Some(kept.collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().filter_map(|v| nameless(key, v)).collect();
            items.sort_by_key(ToString::to_string);
            Some(items.into())
        }
        _ => Some(value.clone()),
    }
}

fn figures(report: &Report) -> String {
    let mut value = serde_json::to_value(report).expect("JSON");
    // What it says about itself, and findings, whose evidence is words.
    for part in ["assumptions", "findings"] {
        value.as_object_mut().expect("an object").remove(part);
    }
    format!("{:#}", nameless("", &value).expect("an object"))
}

pub(super) fn mode(folder: &Path) -> (RawObjects, (Window, Vec<MetricData>)) {
    let objects = folder.join("objects.yaml");
    let objects = if objects.exists() { objects } else { folder.to_owned() };
    let raw = objects::read_path(&objects).expect("the fixture's objects");
    let Ok(text) = std::fs::read_to_string(folder.join("series.yaml")) else {
        return (raw, quiet());
    };
    let script: script::Script = serde_saphyr::from_str(&text).expect("a script of series");
    (raw, (script.window(), script.metrics()))
}

#[test]
fn every_mode_gives_the_same_ledger_from_a_redacted_snapshot() {
    let mut modes: Vec<_> = std::fs::read_dir(folder("."))
        .expect("the fixtures")
        .map(|entry| entry.expect("readable").path())
        .collect();
    modes.sort();
    assert!(modes.len() > 10, "{modes:?}");
    let mut wrong = Vec::new();
    for folder in modes {
        let (raw, metrics) = mode(&folder);
        let plain = run(&saved(&raw, &metrics, false));
        let redacted = run(&saved(&raw, &metrics, true));
        assert!(plain.fleet.ledger.allocated_gpu_hours > 0.0, "{}", folder.display());
        let (plain, redacted) = (figures(&plain), figures(&redacted));
        let differs = plain.lines().zip(redacted.lines()).filter(|(a, b)| a != b).take(3);
        let differs: Vec<_> =
            differs.map(|(a, b)| format!("{} / {}", a.trim(), b.trim())).collect();
        if plain != redacted {
            wrong.push(format!("{}: {}", folder.display(), differs.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
