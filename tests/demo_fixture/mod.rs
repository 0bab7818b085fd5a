//! The generator of `fixtures/demo`, and the proof that the checked-in files are what it makes.
//!
//! `fixtures/demo/README.md` tells the story and works its figures by hand. To change the story: change
//! it in `story`, run `GPU_FINOPS_BLESS=1 cargo test --test main demo_fixture`, and work the README anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod exporters;
mod figures;
mod hardware;
mod kube_state;
mod objects;
mod recorder;
mod story;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gpu_finops::model::{MetricData, QueryId, SourceState, SourceStatus, Window};
use gpu_finops::source::snapshot::{self, SaveOptions, Snapshot};

use self::recorder::Recorder;
use self::story::{END, NOW, START, Story};

/// What was recorded of the story: every query of the catalogue, and the objects alive at its end.
fn recorded() -> Snapshot {
    let story = Story::new();
    let mut recorder = Recorder::default();
    exporters::record(&story, &mut recorder);
    kube_state::record(&story, &mut recorder);
    let metrics = recorder.metrics();
    let objects = objects::listed(&story);
    let mut sources = vec![SourceStatus {
        name: "prometheus".to_owned(),
        state: SourceState::Ok,
        detail: format!("{}, through the http api", story::SERVER),
    }];
    sources.extend(metrics.iter().map(status));
    Snapshot {
        window: Window::new(START, END).expect("the window is not reversed"),
        now_ms: NOW,
        metrics,
        objects,
        sources,
        tool_version: "0.1.0".to_owned(),
        server: Some(story::SERVER.to_owned()),
        redacted: false,
    }
}

fn status(metric: &MetricData) -> SourceStatus {
    let samples: usize = metric.series.iter().map(|series| series.samples.len()).sum();
    let (state, detail) = match metric.series.len() {
        0 => (SourceState::Empty, "no series".to_owned()),
        series => (SourceState::Ok, format!("{series} series, {samples} samples")),
    };
    SourceStatus { name: format!("prometheus/{}", metric.query.name()), state, detail }
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")
}

/// Files below `dir` by path, without the README.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_none_or(|name| name != "README.md") {
                found.insert(path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Puts `new` in the place of what is in `dir`, the README apart.
fn bless(dir: &Path, new: &BTreeMap<PathBuf, Vec<u8>>) {
    for old in files(dir).into_keys() {
        fs::remove_file(dir.join(old)).unwrap();
    }
    for (path, content) in new {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[test]
fn the_fixture_is_what_the_generator_makes() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("demo");
    let options =
        SaveOptions { redact: false, salt: None, force: false, sanitise: &|v| Some(v.clone()) };
    let saved = snapshot::save(&dir, &recorded(), &options).unwrap();
    assert!(saved.bytes < 600_000, "the fixture has grown to {} bytes", saved.bytes);

    let made = files(&dir);
    if std::env::var_os("GPU_FINOPS_BLESS").is_some() {
        bless(&fixture(), &made);
    }
    let kept = files(&fixture());
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&kept), "run again with GPU_FINOPS_BLESS=1");
    for (path, content) in &made {
        let same = *content == kept[path];
        assert!(same, "{} differs: run again with GPU_FINOPS_BLESS=1", path.display());
    }
}

#[test]
fn the_fixture_loads_as_it_was_recorded() {
    let (loaded, recorded) = (snapshot::load(&fixture()).unwrap(), recorded());
    assert_eq!(loaded.sources, recorded.sources);
    assert!(loaded.objects == recorded.objects, "objects differ");
    assert_eq!(loaded.metrics.len(), QueryId::ALL.len());
    assert!(loaded == recorded, "what is loaded is not what was recorded");
}

#[test]
fn no_name_of_the_story_survives_redaction() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("demo");
    let options =
        SaveOptions { redact: true, salt: None, force: false, sanitise: &|v| Some(v.clone()) };
    snapshot::save(&dir, &snapshot::demo().unwrap(), &options).unwrap();
    let text = format!("{:?}", snapshot::load(&dir).unwrap());
    let story = Story::new();
    let pods = story.pods.iter().filter(|pod| pod.namespace != "gpu-operator");
    let pods = pods.flat_map(|pod| {
        [
            pod.name.clone(),
            pod.uid(),
            pod.ip(),
            format!("\"{}\"", pod.owner.1),
            format!("\"{}\"", pod.namespace),
        ]
    });
    let nodes = story.nodes.iter().flat_map(|node| [node.name.to_owned(), node.ip.to_owned()]);
    for name in pods.chain(nodes) {
        assert!(!text.contains(&name), "{name} survived");
    }
    for kept in ["NVIDIA H100 80GB HBM3", "p5.48xlarge", "us-east-1", "nvidia_com_gpu", "Sandbox"] {
        assert!(text.contains(kept), "{kept} is gone");
    }
}

#[test]
fn the_program_carries_the_fixture() {
    assert!(
        snapshot::demo().unwrap() == snapshot::load(&fixture()).unwrap(),
        "build again: the fixture changed"
    );
}
