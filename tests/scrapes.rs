//! What is understood of real exporters' text and real objects, file by file, against stored summaries.
//!
//! The files are not part of the project: `GPU_FINOPS_TEST_DATA` names the folder that holds them. The
//! summaries are ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gpu_finops::model::{ClusterFacts, Series};
use gpu_finops::observe::field::{Decoded, Field};
use gpu_finops::observe::{exporter, labels};
use gpu_finops::source::exposition::{Exposition, Feed, decode, feed};
use gpu_finops::source::objects::{self, ObjectsPathError};

use crate::common::test_data;

/// Some instant: a scrape has none of its own.
const SCRAPED_AT_MS: i64 = 1_795_132_800_000;

fn gpu_resources() -> Vec<String> {
    ["nvidia.com/gpu", "amd.com/gpu"].map(str::to_owned).to_vec()
}

/// Files below a folder with their path relative to it, in order.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder of test data") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_str().expect("UTF-8");
                found.insert(name.to_owned(), path);
            }
        }
    }
    found
}

/// Scrapes by kind of exporter; the other files are JSON, YAML or words about them.
fn is_text(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|e| e.to_str());
    matches!(extension, Some("prom" | "txt" | "csv")) || name.ends_with("ksm_metrics")
}

#[test]
fn exposition_text() {
    let Some(data) = test_data() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let mut seen = 0;
    for folder in ["dcgm", "gateway", "ksm", "other", "vllm"] {
        let mut summary = Vec::new();
        for (name, path) in files(&data.join("scrapes").join(folder)) {
            if is_text(&name) {
                let text = fs::read(path).expect("a file");
                summary.extend(summary_of_text(&name, &text));
                seen += 1;
            }
        }
        insta::assert_snapshot!(format!("text_{folder}"), summary.join("\n"));
    }
    assert_eq!(seen, 24, "a file that nobody looks at");
}

fn summary_of_text(name: &str, text: &[u8]) -> Vec<String> {
    let found = decode(text);
    let feed = feed(&found.samples, SCRAPED_AT_MS, &gpu_resources());
    check_accounts(name, text, &found, &feed);
    let mut out = Vec::new();
    let ignored: Vec<_> =
        found.ignored.iter().map(|(why, n)| format!("{} {n}", why.name())).collect();
    out.push(format!("== {name}"));
    out.push(format!(
        "{} samples; ignored: {}; used by queries: {}, duplicates: {}",
        found.samples.len(),
        if ignored.is_empty() { "nothing".to_owned() } else { ignored.join(", ") },
        feed.used,
        feed.duplicates
    ));
    for problem in &found.problems {
        out.push(format!("problem: {problem}"));
    }
    let mut metrics: BTreeMap<&str, u64> = BTreeMap::new();
    for sample in &found.samples {
        *metrics.entry(&sample.labels["__name__"]).or_default() += 1;
    }
    for (metric, n) in metrics {
        let unused = feed.unused.get(metric).copied().unwrap_or(0);
        let used = if unused < n { format!(", {} used", n - unused) } else { String::new() };
        out.push(format!("  {metric} {n}{used}"));
    }
    for line in devices(&feed) {
        out.push(format!("  device {line}"));
    }
    out.push(String::new());
    out
}

/// Each line is a sample or counted, and each sample used, a duplicate or unused.
fn check_accounts(name: &str, text: &[u8], found: &Exposition, feed: &Feed) {
    let ignored: u64 =
        found.ignored.iter().filter(|(why, _)| why.name() != "exemplar").map(|(_, n)| n).sum();
    let samples = found.samples.len() as u64;
    assert_eq!(samples + ignored, text.split_inclusive(|b| *b == b'\n').count() as u64, "{name}");
    assert_eq!(feed.used + feed.duplicates + feed.unused.values().sum::<u64>(), samples, "{name}");
}

/// Devices and instances of a scrape, with their values in our units.
fn devices(feed: &Feed) -> Vec<String> {
    let mut devices: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for field in Field::ALL {
        let answer = feed.metrics.iter().find(|m| m.query == field.query()).expect("asked");
        for series in &answer.series {
            let values = devices.entry(identity(series)).or_default();
            for (_, raw) in series.samples() {
                values.insert(match field.decode(raw) {
                    Decoded::Value(value) | Decoded::Clamped(value) => {
                        let memory = field.kept_as() == Field::FbUsed || field.is_size();
                        let limit = if memory { 2.0_f64.powi(41) } else { 1.0 };
                        assert!((0.0..=limit).contains(&value), "{field:?} {value}");
                        format!("{field:?} {value}{}", if memory { " bytes" } else { "" })
                    }
                    Decoded::Dropped(reason) => format!("{field:?} dropped: {}", reason.name()),
                    Decoded::Stale => format!("{field:?} stale"),
                });
            }
        }
    }
    devices
        .into_iter()
        .map(|(id, values)| format!("{id}: {}", values.into_iter().collect::<Vec<_>>().join(", ")))
        .collect()
}

fn identity(series: &Series) -> String {
    let or_unknown = |text: Option<&str>| text.unwrap_or("?").to_owned();
    let instance = series.label("GPU_I_ID").map(|instance| {
        format!("instance {instance} ({})", or_unknown(series.label("GPU_I_PROFILE")))
    });
    let holder = exporter::ExporterIdentity::default()
        .holder(series)
        .map(|pod| format!("held by {}/{}", pod.namespace, pod.name));
    let model = or_unknown(labels::model(series));
    let parts = [Some(or_unknown(labels::uuid(series))), instance, Some(model), holder];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[test]
fn objects_of_clusters_and_manifests() {
    let Some(data) = test_data() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    for (folder, count) in [("scrapes", 18), ("manifests", 77)] {
        let mut summary = Vec::new();
        let mut seen = 0;
        for (name, path) in files(&data.join(folder)) {
            let extension = Path::new(&name).extension().and_then(|e| e.to_str());
            let manifest = matches!(extension, Some("yaml" | "yml"));
            if manifest || name.ends_with("kubelet_pods") {
                summary.extend(summary_of_objects(&name, &path));
                seen += 1;
            }
        }
        insta::assert_snapshot!(format!("objects_{folder}"), summary.join("\n"));
        assert_eq!(seen, count, "a file of {folder} that nobody looks at");
    }
}

fn summary_of_objects(name: &str, path: &Path) -> Vec<String> {
    let mut out = vec![format!("== {name}")];
    let raw = match objects::read_path(path) {
        Ok(raw) => raw,
        Err(error @ ObjectsPathError::NoObjects { .. }) => {
            let file = path.to_str().expect("UTF-8");
            out.push(format!("error: {}\n", error.to_string().replace(file, "<file>")));
            return out;
        }
        Err(error) => panic!("{name}: {error}"),
    };
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for item in &raw.items {
        let text = |key: &str| item.value.get(key).and_then(|v| v.as_str()).unwrap_or("?");
        *kinds.entry(format!("{}/{}", text("apiVersion"), text("kind"))).or_default() += 1;
    }
    for (kind, n) in kinds {
        out.push(format!("  {kind} {n}"));
    }
    let facts = objects::decode(&raw, &gpu_resources());
    out.extend(summary_of_facts(&facts));
    for problem in &facts.problems {
        out.push(format!("  problem: {}: {}", problem.subject, problem.detail));
    }
    out.push(String::new());
    out
}

/// What the ledger for whole GPUs rests on; claims and slices have tests of their own.
fn summary_of_facts(facts: &ClusterFacts) -> Vec<String> {
    let mut out = Vec::new();
    let gpu_pods: Vec<_> = facts
        .pods
        .iter()
        .filter(|pod| !pod.requests.gpus.is_empty())
        .map(|pod| format!("{}/{} {:?}", pod.namespace, pod.name, pod.requests.gpus))
        .collect();
    out.push(format!(
        "  facts: pods {}, nodes {}, namespaces {}, owners {}",
        facts.pods.len(),
        facts.nodes.len(),
        facts.namespaces.len(),
        facts.owners.len()
    ));
    for pod in gpu_pods {
        out.push(format!("  gpus of {pod}"));
    }
    out
}
