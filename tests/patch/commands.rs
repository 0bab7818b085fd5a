//! `patch` as a command, on the built-in cluster's snapshot and on printed objects.

use std::path::Path;

use serde_json::Value;

use crate::common::{Outcome, gpu_finops};
use crate::settings_reference::assert_generated;

fn demo(arguments: &[&str]) -> Outcome {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut command = gpu_finops();
    command.arg("patch").args(arguments).arg("--snapshot").arg(demo);
    Outcome::of(&mut command)
}

fn claims(arguments: &[&str]) -> Outcome {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/claims");
    let mut command = gpu_finops();
    command
        .arg("patch")
        .args(arguments)
        .args([
            "--no-metrics",
            "--now",
            "2026-11-20T12:00:00Z",
            "--window",
            "24h",
            "--price",
            "H100=3",
        ])
        .arg("--objects")
        .arg(fixture);
    Outcome::of(&mut command)
}

#[test]
fn what_is_printed_keeps_its_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/patch.schema.json");
    assert_generated(
        "schema/patch.schema.json",
        &format!("{:#}\n", gpu_finops::output::patch_schema()),
    );
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("published")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for outcome in [demo(&["-o", "json"]), claims(&["-o", "json"])] {
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let value: Value = serde_json::from_slice(&outcome.out).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let list = |field: &str| value[field].as_array().expect("a list").len();
        assert!(list("patches") + list("elsewhere") > 0, "{value:#}");
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes_in_every_format() {
    for format in ["table", "json", "json-patch", "yaml", "kubectl"] {
        let (one, two) = (demo(&["-o", format]), demo(&["-o", format]));
        assert_eq!((one.code, &one.out), (0, &two.out), "{format}: {}", one.err);
        assert!(!one.out.is_empty());
    }
}

#[test]
fn a_folder_is_named_for_kustomize_alone() {
    let none = demo(&["-o", "kustomize"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("--output-dir DIR"), "{}", none.err);
    let other = demo(&["-o", "yaml", "--output-dir", "x"]);
    assert_eq!(other.code, 2);
    assert!(other.err.contains("is for `-o kustomize`"), "{}", other.err);
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let path = dir.path().join("a/b");
    let done = demo(&["-o", "kustomize", "--output-dir", path.to_str().expect("UTF-8")]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(path.join("README.md").is_file());
    // All that the demo can be changed by without pod templates is new: a schedule, where KEDA is.
    assert!(path.join("elsewhere/operator/overlay/kustomization.yaml").is_file());
    assert!(!path.join("overlay").exists());
}

#[test]
fn the_overlay_of_claims_builds_and_so_does_the_way_back() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let path = dir.path().to_str().expect("UTF-8");
    let done = claims(&["-o", "kustomize", "--output-dir", path]);
    assert_eq!(done.code, 0, "{}", done.err);
    let names = |folder: &str| -> Option<Vec<String>> {
        let objects = super::recorded::built(&dir.path().join(folder))?;
        let name = |o: &Value| o["metadata"]["name"].as_str().map(str::to_owned);
        let mut names: Vec<String> = objects.iter().filter_map(name).collect();
        names.sort();
        Some(names)
    };
    let (Some(base), Some(inverse)) = (names("base"), names("inverse")) else { return };
    assert!(base.contains(&"notebook-a".to_owned()), "{base:?}");
    // All that is left over goes, so that nothing is left to build.
    assert_eq!(inverse, base);
}

#[test]
fn manifests_of_ones_own_are_shown_and_then_changed() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let file = dir.path().join("claims.yaml");
    let keep = "# Ours.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: keep # this\n";
    let claim = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata:\n  name: notebook-a\n  namespace: research\n";
    std::fs::write(&file, format!("{keep}---\n{claim}")).expect("written");
    let source = dir.path().to_str().expect("UTF-8");
    let shown = claims(&["--source", source]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let diff = String::from_utf8(shown.out).expect("UTF-8");
    assert!(diff.contains("--- a/claims.yaml") && diff.contains("-  name: notebook-a"), "{diff}");
    assert!(shown.err.contains("not written"), "{}", shown.err);
    assert!(std::fs::read_to_string(&file).expect("there").contains("notebook-a"));
    let done = claims(&["--source", source, "--write"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(std::fs::read_to_string(&file).expect("there"), keep);
    let gone = claims(&["--source", "/no/such/folder"]);
    assert_eq!(gone.code, 2);
    assert!(gone.err.contains("/no/such/folder"), "{}", gone.err);
}
