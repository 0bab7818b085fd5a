//! What redaction hides from the files as a whole, and what it keeps.

use std::collections::BTreeSet;

use super::*;

/// Names of a cluster, each of which must go when names are redacted.
const NAMES: &[&str] = &[
    "team-red",
    "trainer-0",
    "node-seven",
    "10.1.2.3",
    "acme",
    "secret-project",
    "8d1f02aa",
    "7c0ffee1-0000-4000-8000-000000000001",
    "prom.internal",
    "bob",
];

/// Every text of a loaded snapshot, and every byte of its files.
fn everything(dir: &Path, loaded: &Snapshot) -> String {
    let mut text = format!("{loaded:?}");
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                text.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
            }
        }
    }
    text
}

#[test]
fn no_name_survives_redaction() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("snap");
    // Keys of labels stay by design; this one has a name in it.
    let mut original = snapshot();
    original.metrics[2].series[0].labels.remove("label_acme_io_project");
    original.objects.items[0].value["metadata"]["labels"] = json!({"project": "secret-project"});
    save(&dir, &original, &options(false, true)).unwrap();
    let loaded = load(&dir).unwrap();
    assert!(loaded.redacted);
    let text = everything(&dir, &loaded).to_lowercase();
    for name in NAMES {
        assert!(!text.contains(name), "`{name}` survived");
    }
    for kept in
        ["dcgm_fi_dev_gpu_util", "nvidia l40s", "gpu-x-", "running", "nvidia.com/gpu", ":9400"]
    {
        assert!(text.contains(kept), "`{kept}` is gone");
    }
}

#[test]
fn joins_survive_redaction() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("snap");
    save(&dir, &snapshot(), &options(false, true)).unwrap();
    let loaded = load(&dir).unwrap();
    let (util, namespace) = (&loaded.metrics[0].series[0], &loaded.metrics[2].series[0]);
    let (pod, node) = (&loaded.objects.items[0].value, &loaded.objects.items[1].value);
    let label = |series: &Series, name: &str| json!(series.labels[name]);
    assert_eq!(label(util, "pod"), pod["metadata"]["name"]);
    assert_eq!(label(util, "namespace"), pod["metadata"]["namespace"]);
    assert_eq!(label(namespace, "namespace"), pod["metadata"]["namespace"]);
    assert_eq!(label(util, "Hostname"), node["metadata"]["name"]);
    assert_eq!(node["metadata"]["name"], pod["spec"]["nodeName"]);
    assert_eq!(
        label(namespace, "label_acme_io_project"),
        pod["metadata"]["labels"]["acme.io/project"]
    );
    let address = node["status"]["addresses"][0]["address"].as_str().unwrap();
    assert_eq!(util.labels["instance"], format!("{address}:9400"));
    assert_eq!(bits(&loaded), bits(&snapshot()));
}

#[test]
fn a_random_salt_gives_new_pseudonyms_each_time() {
    let scratch = tempfile::tempdir().unwrap();
    let names: BTreeSet<String> = ["a", "b"]
        .map(|name| {
            let dir = scratch.path().join(name);
            save(&dir, &snapshot(), &SaveOptions { salt: None, ..options(false, true) }).unwrap();
            load(&dir).unwrap().metrics[0].series[0].labels["pod"].clone()
        })
        .into();
    assert_eq!(names.len(), 2);
}
