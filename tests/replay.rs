//! Snapshots: what was saved says the same as what was live, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use polars::prelude::{DataFrame, ParquetReader, SerReader};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::cluster::{self, END, NOW, START, Shape};
use crate::common::http::{Answer, HttpServer};
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, gpu_finops};

const TEXTS: [&str; 5] = ["table", "wide", "json", "csv", "markdown"];

/// Names of the invented cluster, and names long enough to be looked for in every byte.
const NAMES: [(&str, &str); 13] = [
    ("ml", "acme-research"),
    ("web", "acme-shopfront"),
    ("lab", "acme-laboratory"),
    ("train-0", "zebra-trainer-0"),
    ("train", "zebra-trainer"),
    ("chat-abc-1", "otter-chatbot-5d7f-x2k9q"),
    ("chat-abc", "otter-chatbot-5d7f"),
    ("chat", "otter-chatbot"),
    ("nb", "badger-notebook"),
    ("n1", "falcon-node-17"),
    ("n2", "falcon-node-18"),
    ("alpha", "walrus-tenant"),
    ("beta", "penguin-tenant"),
];

/// What no redacted snapshot may hold.
const TELLING: [&str; 9] =
    ["acme", "zebra", "otter", "badger", "falcon", "walrus", "penguin", "10.9.8.7", "10.77.66.55"];

fn server() -> Prometheus {
    let mut out = OpenMetrics::default();
    cluster::write(&mut out, &Shape::default());
    let mut text = String::from_utf8(out.finish()).expect("UTF-8");
    for (short, long) in NAMES {
        text = text.replace(&format!("=\"{short}\""), &format!("=\"{long}\""));
    }
    text = text.replace("UUID=", "instance=\"10.77.66.55:9400\",UUID=");
    Prometheus::with_openmetrics(text.as_bytes())
}

/// A pod and its node as the API shows them, with what must never be saved.
fn objects(folder: &Path) -> PathBuf {
    let path = folder.join("objects.json");
    let applied =
        json!({"kubectl.kubernetes.io/last-applied-configuration": "{\"s3cret\":\"applied\"}"});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "zebra-trainer-0", "namespace": "acme-research", "uid": "uid-train-0",
            "annotations": applied,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "zebra-trainer", "uid": "o", "controller": true}],
        },
        "spec": {
            "nodeName": "falcon-node-17",
            "containers": [{
                "name": "main", "image": "registry.acme.example/zebra:1",
                "env": [{"name": "API_KEY", "value": "s3cret-value"}],
                "resources": {"limits": {"nvidia.com/gpu": "1"}},
            }],
        },
        "status": {"phase": "Running", "podIP": "10.1.2.3", "hostIP": "10.9.8.7", "startTime": "2026-11-09T23:50:00Z"},
    });
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3cret-object"}, "data": {"k": "czNjcmV0"}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [pod, secret]});
    fs::write(&path, list.to_string()).expect("written");
    path
}

struct Saved {
    _folder: TempDir,
    objects: PathBuf,
    dir: PathBuf,
}

fn save(server: &Prometheus, more: &[&str]) -> Saved {
    let folder = TempDir::new().expect("temporary folder");
    let objects = objects(folder.path());
    let dir = folder.path().join("snapshot");
    let mut command = gpu_finops();
    command.args(["snapshot", "save"]).arg(&dir).args(["--prometheus", &server.url()]);
    command.arg("--objects").arg(&objects).args(["--start", START, "--end", END, "--now", NOW]);
    let outcome = Outcome::of(command.args(more));
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(outcome.err.contains("snapshot saved to"), "{}", outcome.err);
    Saved { _folder: folder, objects, dir }
}

fn replay(dir: &Path) -> Command {
    let mut command = gpu_finops();
    command.args(["report", "--price", "A100=2", "--snapshot"]).arg(dir);
    command
}

/// Every format of the report that `command` makes: name and bytes.
fn every_format(command: impl Fn() -> Command) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for format in TEXTS {
        let outcome = Outcome::of(command().args(["-o", format]));
        assert_eq!(outcome.code, 0, "{format}: {}", outcome.err);
        assert!(!outcome.out.is_empty());
        all.push((format.to_owned(), outcome.out));
    }
    for by in ["workload", "gpu"] {
        let outcome = Outcome::of(command().args(["--by", by, "--top", "3"]));
        all.push((by.to_owned(), outcome.out));
    }
    let tables = TempDir::new().expect("temporary folder");
    let outcome =
        Outcome::of(command().args(["-o", "parquet", "--output-file"]).arg(tables.path()));
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let before = all.len();
    for path in files(tables.path()) {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        all.push((name, fs::read(&path).expect("readable")));
    }
    assert!(all.len() > before + 5, "one file per table");
    all
}

fn same(left: &[(String, Vec<u8>)], right: &[(String, Vec<u8>)]) {
    assert_eq!(left.len(), right.len());
    for ((name, l), (_, r)) in left.iter().zip(right) {
        if name.ends_with(".parquet") {
            assert!(l == r, "{name} differs");
        } else {
            assert_eq!(String::from_utf8_lossy(l), String::from_utf8_lossy(r), "{name}");
        }
    }
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Names, bytes, and the decoded text of every file below a folder.
fn everything(folder: &Path) -> String {
    let mut all = String::new();
    for path in files(folder) {
        let bytes = fs::read(&path).expect("readable");
        all.push_str(&path.strip_prefix(folder).expect("below").to_string_lossy());
        all.push_str(&String::from_utf8_lossy(&bytes));
        if path.extension().is_some_and(|e| e == "parquet") {
            let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().expect("Parquet");
            all.push_str(&texts(&frame));
        }
    }
    all
}

fn texts(frame: &DataFrame) -> String {
    let mut all = String::new();
    for column in frame.columns() {
        if let Ok(column) = column.str() {
            for text in column.iter().flatten() {
                all.push_str(text);
                all.push('\n');
            }
        }
    }
    all
}

#[test]
fn a_replay_is_the_live_report_byte_for_byte() {
    let server = server();
    let saved = save(&server, &[]);
    let live = every_format(|| {
        let mut command = gpu_finops();
        command.args(["report", "--price", "A100=2", "--prometheus", &server.url(), "--objects"]);
        command.arg(&saved.objects).args(["--start", START, "--end", END, "--now", NOW]);
        command
    });
    drop(server);
    same(&live, &every_format(|| replay(&saved.dir)));
    let text = everything(&saved.dir);
    assert!(text.contains("zebra-trainer-0") && text.contains("walrus-tenant"));
    // Secrets are left out of any snapshot.
    for secret in ["s3cret", "czNjcmV0", "last-applied"] {
        assert!(!text.contains(secret), "{secret} was saved");
    }
}

/// Figures to nine decimals: other names sort otherwise, and sums of floats know the order.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) => format!("{:.9}", number.as_f64().expect("a figure")).into(),
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), rounded(v))).collect(),
        other => other.clone(),
    }
}

#[test]
fn a_redacted_snapshot_has_no_name_and_the_same_figures() {
    let server = server();
    let (plain, redacted) = (save(&server, &[]), save(&server, &["--redact"]));
    drop(server);
    assert!(TELLING.iter().all(|name| everything(&plain.dir).contains(name)));
    let text = everything(&redacted.dir);
    for name in TELLING.iter().chain(&["10.1.2.3"]) {
        assert!(!text.contains(name), "{name} was saved");
    }
    let report = |dir: &Path| Outcome::of(replay(dir).args(["-o", "json"])).json();
    let (plain, redacted) = (report(&plain.dir), report(&redacted.dir));
    assert_eq!(rounded(&plain["fleet"]), rounded(&redacted["fleet"]));
    assert_eq!(rounded(&plain["in_scope"]), rounded(&redacted["in_scope"]));
    let figures = |report: &Value, list: &str| {
        let rows = report[list].as_array().expect("a list").iter();
        let mut figures: Vec<String> = rows
            .map(|r| ["cost", "busy_gpu_hours", "utilization"].map(|f| rounded(&r[f]).to_string()))
            .map(|figures| figures.join(" "))
            .collect();
        figures.sort();
        figures
    };
    for list in ["tenants", "namespaces", "workloads", "pods", "gpus", "nodes", "models"] {
        assert_eq!(figures(&plain, list), figures(&redacted, list), "{list}");
    }
    let kinds = |report: &Value| {
        let mut kinds: Vec<String> = report["workloads"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|w| w["kind"].to_string())
            .collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(&plain), kinds(&redacted));
    for name in TELLING {
        assert!(!redacted.to_string().contains(name), "{name} is in the report");
    }
}

#[test]
fn a_snapshot_is_replaced_by_force_only_and_nothing_else_ever() {
    let server = server();
    let saved = save(&server, &[]);
    let silent = HttpServer::start(|_| Answer::Silence);
    let run = |url: &str, dir: &Path, more: &[&str]| {
        let mut command = gpu_finops();
        command.args(["snapshot", "save"]).arg(dir).args(["--no-kubernetes", "--prometheus", url]);
        command.args(["--start", START, "--end", END, "--now", NOW]);
        Outcome::of(command.args(more))
    };
    run(&silent.url(), &saved.dir, &[])
        .failed_with(2, &["cannot save a snapshot there", "holds a snapshot already", "--force"]);
    let other = saved.dir.join("mine.txt");
    fs::write(&other, "dear").expect("written");
    run(&silent.url(), &saved.dir, &["--force"]).failed_with(2, &["mine.txt", "--force"]);
    assert_eq!(fs::read_to_string(&other).expect("still there"), "dear");
    fs::remove_file(&other).expect("written above");
    run(&silent.url(), &saved.objects, &["--force"]).failed_with(2, &["objects.json"]);
    assert!(silent.seen().is_empty(), "refused before the work");
    let outcome = run(&server.url(), &saved.dir, &["--force"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(fs::read_to_string(saved.dir.join("snapshot.json")).is_ok());
    // A source that fails leaves the old one as it was.
    let before = everything(&saved.dir);
    let refusing = HttpServer::start(|_| Answer::status(500, "no"));
    run(&refusing.url(), &saved.dir, &["--force"]).failed_with(1, &["500"]);
    assert!(everything(&saved.dir) == before);
}

#[test]
fn a_damaged_snapshot_is_an_error_that_names_the_file() {
    let server = server();
    let saved = save(&server, &[]);
    drop(server);
    let dir = &saved.dir;
    let fails = |parts: &[&str]| {
        let outcome = Outcome::of(&mut replay(dir));
        outcome.failed_with(1, &[&["cannot read the snapshot"], parts].concat());
        assert_eq!(outcome.text(), "");
    };
    let spoil = |name: &str, change: &dyn Fn(&mut Vec<u8>), parts: &[&str]| {
        let path = dir.join(name);
        let whole = fs::read(&path).expect("readable");
        let mut bytes = whole.clone();
        change(&mut bytes);
        fs::write(&path, bytes).expect("writable");
        fails(parts);
        fs::write(&path, whole).expect("writable");
    };
    let samples = "samples/gpu_util.parquet";
    spoil(samples, &|b| b[100] ^= 1, &[samples, "changed or damaged"]);
    spoil(samples, &|b| b.truncate(50), &[samples]);
    spoil(samples, &Vec::clear, &[samples]);
    spoil("objects/objects.json", &|b| b.extend_from_slice(b"x"), &["objects/objects.json"]);
    spoil("snapshot.json", &|b| b.truncate(40), &["snapshot.json"]);
    spoil("snapshot.json", &Vec::clear, &["snapshot.json"]);
    let newer = |b: &mut Vec<u8>| {
        let mut manifest: Value = serde_json::from_slice(b).expect("JSON");
        manifest["format_version"] = 99.into();
        *b = manifest.to_string().into_bytes();
    };
    spoil("snapshot.json", &newer, &["format version 99"]);
    let path = dir.join("labels/fb_used.parquet");
    let whole = fs::read(&path).expect("readable");
    fs::remove_file(&path).expect("there");
    fails(&["labels/fb_used.parquet", "missing"]);
    fs::write(&path, whole).expect("writable");
    assert_eq!(Outcome::of(&mut replay(dir)).code, 0, "whole again");
    fs::remove_file(dir.join("snapshot.json")).expect("there");
    fails(&["snapshot.json", "snapshot save"]);
    let nowhere = dir.join("nowhere");
    Outcome::of(&mut replay(&nowhere)).failed_with(1, &["nowhere"]);
}

#[test]
fn the_demo_is_the_fixture() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let demo = every_format(|| {
        let mut command = gpu_finops();
        command.arg("demo");
        command
    });
    let replayed = every_format(|| {
        let mut command = gpu_finops();
        command.args(["report", "--snapshot"]).arg(&fixture);
        command
    });
    same(&demo, &replayed);
}
