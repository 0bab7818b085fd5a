//! Saving and loading as a whole: what comes back, and what is refused.

mod redaction;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::model::objects::ObjectProblem;
use crate::model::series::STALE_NAN_BITS;
use crate::model::{QueryId, ReadGap, Series, SourceState};
use crate::source::objects::RawObject;

fn sample(name: &str, labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
    let name = [("__name__", name)];
    Series {
        labels: name
            .iter()
            .chain(labels)
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        samples: samples.iter().copied().collect(),
    }
}

fn metrics() -> Vec<MetricData> {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let util = sample(
        "DCGM_FI_DEV_GPU_UTIL",
        &[
            ("UUID", "GPU-8d1f02aa"),
            ("modelName", "NVIDIA L40S"),
            ("Hostname", "node-seven"),
            ("instance", "10.1.2.3:9400"),
            ("pod", "trainer-0"),
            ("namespace", "team-red"),
        ],
        &[(-5, 0.1 + 0.2), (0, f64::INFINITY), (7, f64::NAN), (8, -0.0), (9, stale)],
    );
    let owner = sample(
        "kube_namespace_labels",
        &[("namespace", "team-red"), ("label_acme_io_project", "secret-project")],
        &[(1_000, 1.0)],
    );
    let gap = ReadGap { start_ms: 1, end_ms: 2, reason: "prom.internal said 503".to_owned() };
    vec![
        MetricData { query: QueryId::GpuUtil, series: vec![util], gaps: vec![gap] },
        MetricData { query: QueryId::SmActive, series: vec![], gaps: vec![] },
        MetricData { query: QueryId::NamespaceLabels, series: vec![owner], gaps: vec![] },
    ]
}

fn objects() -> RawObjects {
    let object = |value: Value| RawObject { origin: "kubernetes/pods".to_owned(), value };
    RawObjects {
        items: vec![
            object(json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": "trainer-0", "namespace": "team-red",
                    "uid": "7c0ffee1-0000-4000-8000-000000000001",
                    "labels": {"acme.io/project": "secret-project"},
                    "annotations": {"note": "ask bob, at acme"},
                },
                "spec": {"nodeName": "node-seven"},
                "status": {"phase": "Running", "startTime": "2026-11-09T00:00:00Z"},
            })),
            object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "acme"}})),
            object(json!({
                "apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-seven"},
                "status": {
                    "capacity": {"nvidia.com/gpu": "8"},
                    "addresses": [{"type": "InternalIP", "address": "10.1.2.3"}],
                },
            })),
        ],
        problems: vec![ObjectProblem { subject: "Pod team-red/x".into(), detail: "bob".into() }],
        sources: vec![source("objects/acme.json", "from bob")],
        listed_at_ms: Some(1_794_182_400_000),
    }
}

fn source(name: &str, detail: &str) -> SourceStatus {
    SourceStatus { name: name.to_owned(), state: SourceState::Partial, detail: detail.to_owned() }
}

fn snapshot() -> Snapshot {
    Snapshot {
        window: Window::new(1_794_182_400_000, 1_794_182_460_250).unwrap(),
        now_ms: 1_794_182_500_001,
        metrics: metrics(),
        objects: objects(),
        sources: vec![source("prometheus/gpu_util", "prom.internal said 503")],
        tool_version: "0.1.0".to_owned(),
        server: Some("http://prom.internal".to_owned()),
        redacted: false,
    }
}

fn no_secrets(value: &Value) -> Option<Value> {
    (value["kind"] != "Secret").then(|| value.clone())
}

fn options(force: bool, redact: bool) -> SaveOptions<'static> {
    SaveOptions { redact, salt: Some(Salt::fixed([3; 32])), force, sanitise: &no_secrets }
}

fn saved() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("snap");
    save(&dir, &snapshot(), &options(false, false)).unwrap();
    (scratch, dir)
}

/// Values by their bits: a NaN equals nothing, itself included.
fn bits(snapshot: &Snapshot) -> Vec<Vec<u64>> {
    let series = snapshot.metrics.iter().flat_map(|m| &m.series);
    series.map(|s| s.samples.values().iter().map(|v| v.to_bits()).collect()).collect()
}

fn without_values(mut snapshot: Snapshot) -> Snapshot {
    for series in snapshot.metrics.iter_mut().flat_map(|m| &mut m.series) {
        series.samples = series.samples().map(|(at, _)| (at, 0.0)).collect();
    }
    snapshot
}

/// Changes a text of the manifest.
fn edit(dir: &Path, from: &str, to: &str) {
    let path = dir.join("snapshot.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// What loading says, as a user reads it.
fn refused(dir: &Path) -> String {
    load(dir).expect_err("the snapshot is bad").to_string()
}

#[test]
fn what_was_saved_comes_back_to_the_bit() {
    let (_scratch, dir) = saved();
    let loaded = load(&dir).unwrap();
    let mut expected = snapshot();
    assert_eq!(bits(&loaded), bits(&expected));
    assert_eq!(bits(&loaded)[0][4], STALE_NAN_BITS);
    expected.objects.items.remove(1);
    assert_eq!(without_values(loaded), without_values(expected));
}

#[test]
fn instants_come_back_from_anywhere_in_time() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("snap");
    let mut odd = snapshot();
    let at = |instants: [i64; 5]| instants.into_iter().zip([1.0, 2.0, 3.0, 4.0, 5.0]).collect();
    odd.metrics[0].series[0].samples = at([-9, -7, 0, 1_794_182_400_057, 1_794_182_400_058]);
    save(&dir, &odd, &options(false, false)).unwrap();
    let loaded = load(&dir).unwrap();
    assert_eq!(loaded.metrics[0].series[0].samples, odd.metrics[0].series[0].samples);

    odd.metrics[0].series[0].samples = at([i64::MIN, 0, 1, 2, 3]);
    let message = save(&dir, &odd, &options(true, false)).unwrap_err().to_string();
    assert!(message.contains("samples/gpu_util.parquet"), "{message}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (_a, first) = saved();
    let (_b, second) = saved();
    let files = [
        "snapshot.json",
        "objects/objects.json",
        "samples/gpu_util.parquet",
        "labels/gpu_util.parquet",
    ];
    for file in files {
        assert_eq!(
            fs::read(first.join(file)).unwrap(),
            fs::read(second.join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn what_was_saved_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("new/snap");
    let saved = save(&dir, &snapshot(), &options(false, false)).unwrap();
    // Manifest, objects, and two files for each of the two queries with series.
    assert_eq!((saved.files, saved.samples), (6, 6));
    assert_eq!((saved.objects, saved.objects_dropped), (2, 1));
    assert!(!fs::read_to_string(dir.join("objects/objects.json")).unwrap().contains("Secret"));
}

#[test]
fn a_snapshot_in_memory_reads_like_one_in_a_folder() {
    let (_scratch, dir) = saved();
    let names = [
        "snapshot.json",
        "objects/objects.json",
        "samples/gpu_util.parquet",
        "labels/gpu_util.parquet",
        "samples/namespace_labels.parquet",
        "labels/namespace_labels.parquet",
    ];
    let contents: Vec<Vec<u8>> = names.iter().map(|n| fs::read(dir.join(n)).unwrap()).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().copied().zip(contents.iter().map(Vec::as_slice)).collect();
    let loaded = load_embedded(&files).unwrap();
    assert_eq!(bits(&loaded), bits(&load(&dir).unwrap()));
    let missing = load_embedded(&files[..5]).unwrap_err().to_string();
    assert!(missing.contains("`labels/namespace_labels.parquet` is missing"), "{missing}");
}

#[test]
fn a_path_that_is_no_snapshot_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(refused(&file).contains("is not a folder"));
    assert!(refused(scratch.path()).contains("has no snapshot.json"));
    assert!(refused(&scratch.path().join("nowhere")).starts_with("cannot open"));
}

#[test]
fn a_damaged_file_is_named() {
    for (file, content, expected) in [
        ("samples/gpu_util.parquet", None, "is missing"),
        ("samples/gpu_util.parquet", Some("PAR1"), "was changed or damaged"),
        ("objects/objects.json", Some("{}"), "was changed or damaged"),
        ("snapshot.json", Some(""), "cannot be read"),
        ("snapshot.json", Some("[1]"), "cannot be read"),
        ("snapshot.json", Some("{\"format\": \"other\"}"), "does not say"),
        ("snapshot.json", Some("\u{0}\u{1}\u{2}"), "cannot be read"),
    ] {
        let (_scratch, dir) = saved();
        match content {
            Some(content) => fs::write(dir.join(file), content).unwrap(),
            None => fs::remove_file(dir.join(file)).unwrap(),
        }
        let message = refused(&dir);
        assert!(message.contains(file) && message.contains(expected), "{file}: {message}");
    }
}

#[test]
fn a_file_that_has_grown_is_not_read_to_its_end() {
    let (_scratch, dir) = saved();
    let file = fs::File::options().write(true).open(dir.join("objects/objects.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    let message = refused(&dir);
    assert!(message.contains("objects/objects.json") && message.contains("more than"), "{message}");
}

#[test]
fn a_later_format_says_to_update() {
    let (_scratch, dir) = saved();
    edit(&dir, "\"format_version\": 1", "\"format_version\": 2, \"more\": 1");
    let message = refused(&dir);
    assert!(
        message.contains("format version 2") && message.contains("update gpu-finops"),
        "{message}"
    );
    edit(&dir, "\"format_version\": 2", "\"format_version\": 0");
    assert!(refused(&dir).contains("no format version 0"));
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    for (from, to, expected) in [
        (
            "\"end\": \"2026-11-09T00:01:00.250Z\"",
            "\"end\": \"2026-11-08T00:00:00Z\"",
            "not after its start",
        ),
        ("\"start\": \"2026-11-09T00:00:00Z\"", "\"start\": \"soon\"", "`start` is `soon`"),
        (
            "\"path\": \"samples/gpu_util.parquet\"",
            "\"path\": \"../../etc/passwd\"",
            "is not inside it",
        ),
        ("\"query\": \"sm_active\"", "\"query\": \"gpu_util\"", "`gpu_util` twice"),
        ("\"series\": 1", "\"series\": 999999999999", "too few"),
        ("\"samples\": 5", "\"samples\": 6", "expected 6"),
        ("\"count\": 2", "\"count\": 3", "expected 3"),
        ("\"series\": 0", "\"series\": 4", "not both of its files"),
    ] {
        let (_scratch, dir) = saved();
        edit(&dir, from, to);
        let message = refused(&dir);
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn a_query_of_another_version_is_told() {
    let (_scratch, dir) = saved();
    edit(&dir, "\"query\": \"sm_active\"", "\"query\": \"gpu_smell\"");
    let loaded = load(&dir).unwrap();
    let last = loaded.sources.last().unwrap();
    assert_eq!((last.name.as_str(), last.state), ("snapshot/gpu_smell", SourceState::Skipped));
}

#[test]
fn parquet_with_a_right_checksum_and_wrong_content_is_refused() {
    // Somebody who can write the file can write its checksum, too.
    let (_scratch, dir) = saved();
    let file = "samples/gpu_util.parquet";
    let good = fs::read(dir.join(file)).unwrap();
    let manifest = fs::read_to_string(dir.join("snapshot.json")).unwrap();
    let forge = |content: &[u8]| {
        fs::write(dir.join(file), content).unwrap();
        let mut value: Value = serde_json::from_str(&manifest).unwrap();
        value["metrics"][0]["samples_file"]["sha256"] = json!(files::sha256_hex(content));
        value["metrics"][0]["samples_file"]["bytes"] = json!(content.len());
        fs::write(dir.join("snapshot.json"), value.to_string()).unwrap();
        load(&dir)
    };
    assert!(forge(&good).is_ok());
    for cut in [0, 4, 12, good.len() / 2, good.len() - 1] {
        let message = forge(&good[..cut]).unwrap_err().to_string();
        assert!(message.contains(file), "{message}");
    }
    let labels = fs::read(dir.join("labels/gpu_util.parquet")).unwrap();
    assert!(forge(&labels).unwrap_err().to_string().contains(file));
    // The table of contents, where a forger would start: its length stands before the last four bytes.
    let length = good[good.len() - 8..][..4].try_into().map(u32::from_le_bytes).unwrap();
    let contents = good.len() - 8 - usize::try_from(length).unwrap();
    for at in contents..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 0x41;
        // Some bytes do not matter, some change a value; none may do worse than be refused.
        let _either = forge(&flipped);
    }
}

#[test]
fn a_taken_place_is_kept() {
    let (_scratch, dir) = saved();
    let again = |force| save(&dir, &snapshot(), &options(force, false));
    let message = again(false).unwrap_err().to_string();
    assert!(message.contains("--force"), "{message}");
    assert!(check_target(&dir, false).is_err());
    assert!(again(true).is_ok());

    fs::write(dir.join("thesis.txt"), "years of work").unwrap();
    let message = again(true).unwrap_err().to_string();
    assert!(message.contains("thesis.txt") && message.contains("not replaced"), "{message}");
    assert!(dir.join("thesis.txt").exists());
}

#[test]
fn other_places_are_kept_too() {
    let scratch = tempfile::tempdir().unwrap();
    let empty = scratch.path().join("empty");
    fs::create_dir(&empty).unwrap();
    save(&empty, &snapshot(), &options(false, false)).unwrap();
    load(&empty).unwrap();

    let file = scratch.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(check_target(&file, true).unwrap_err().to_string().contains("is not a folder"));
    assert!(check_target(&file.join("below"), true).is_err());

    let stranger = scratch.path().join("stranger");
    fs::create_dir_all(stranger.join("samples")).unwrap();
    let message = check_target(&stranger, true).unwrap_err().to_string();
    assert!(message.contains("not a snapshot"), "{message}");
}

#[test]
fn nothing_is_left_beside_a_snapshot() {
    let (scratch, dir) = saved();
    save(&dir, &snapshot(), &options(true, false)).unwrap();
    check_target(&dir, true).unwrap();
    let mut bad = snapshot();
    bad.now_ms = i64::MAX;
    assert!(save(&dir, &bad, &options(true, false)).is_err());
    let left: Vec<_> =
        fs::read_dir(scratch.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["snap"]);
    load(&dir).unwrap();
}
