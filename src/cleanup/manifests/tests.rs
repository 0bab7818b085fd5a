use serde_json::{Value, json};

use super::lines::unified;
use super::*;
use crate::cleanup::diff;
use crate::cleanup::objects::Object;
use crate::recommend::contract::Risk;

use super::super::contract::{Elsewhere, Place as Where, SCHEMA_VERSION, Still};

const MANIFEST: &str = "\
# Everything of the web team.
apiVersion: v1
kind: Service
metadata:
  name: web
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # no namespace: kustomize sets it
spec:
  replicas: 3  # for the busy hour
  template:
    spec:
      containers:
        # in front
        - name: side
          image: side
        - name: main
          image: \"x:1\"
          resources:
            limits:
              cpu: 8
              nvidia.com/gpu: 4 # two were enough
      tolerations: []
";

/// The object as a server would have it: sorted otherwise, with what it fills in.
fn object() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "a", "uid": "u", "resourceVersion": "7" },
        "spec": { "replicas": 3, "template": { "spec": { "containers": [
            { "name": "main", "image": "x:1", "resources": {
                "limits": { "cpu": "8", "nvidia.com/gpu": "4" },
                "requests": { "nvidia.com/gpu": "4" },
            } },
            { "name": "side", "image": "side" },
        ] } } },
    })
}

fn step(before: &Value, edit: &dyn Fn(&mut Value)) -> Step {
    let mut after = before.clone();
    edit(&mut after);
    let operation = diff::patch(before, &after).expect("a change");
    Step { target: Object { origin: "kubernetes/x", value: before }.target(), operation }
}

fn set(steps: Vec<Step>) -> PatchSet {
    PatchSet {
        schema_version: SCHEMA_VERSION.to_owned(),
        generated_at: String::new(),
        tool_version: String::new(),
        currency: "USD".to_owned(),
        cluster: None,
        patches: vec![Patch {
            id: "the-id".to_owned(),
            rule: "r".to_owned(),
            subject: "a/Deployment/web".to_owned(),
            tenant: "t".to_owned(),
            action: "do it by hand".to_owned(),
            evidence: std::collections::BTreeMap::new(),
            risk: Risk::Low,
            risk_note: String::new(),
            monthly_savings: None,
            monthly_gpu_hours: 1.0,
            gpus: None,
            still: Still::Found,
            steps,
        }],
        elsewhere: Vec::new(),
        reported: Vec::new(),
    }
}

fn file(text: &str) -> Vec<File> {
    vec![File { name: "web.yaml".to_owned(), text: text.to_owned() }]
}

fn gpus(count: &'static str) -> impl Fn(&mut Value) {
    move |object| {
        let container = &mut object["spec"]["template"]["spec"]["containers"][0];
        for map in ["limits", "requests"] {
            container["resources"][map]["nvidia.com/gpu"] = count.into();
        }
    }
}

#[test]
fn comments_order_and_style_stay() {
    let both = |object: &mut Value| {
        gpus("2")(object);
        object["spec"]["replicas"] = 1.into();
    };
    let edits = edit(&file(MANIFEST), &set(vec![step(&object(), &both)]));
    assert_eq!((edits.left.as_slice(), edits.made), ([].as_slice(), 1));
    let expected = MANIFEST
        .replace("nvidia.com/gpu: 4", "nvidia.com/gpu: 2")
        .replace("replicas: 3", "replicas: 1");
    assert_eq!(edits.files[0].text, expected);
    let shown = unified("web.yaml", MANIFEST, &expected);
    assert!(shown.starts_with("--- a/web.yaml\n+++ b/web.yaml\n@@ -9,7 +9,7 @@\n"), "{shown}");
    assert!(shown.contains("\n-              nvidia.com/gpu: 4 # two were enough\n"), "{shown}");
    assert!(shown.contains("\n+              nvidia.com/gpu: 2 # two were enough\n"), "{shown}");
    // What is in it already is not put into it again.
    let again = edit(&edits.files, &set(vec![step(&object(), &both)]));
    assert_eq!((again.files, again.made, again.left.len()), (edits.files, 0, 0));
}

#[test]
fn what_is_not_written_is_added_where_it_belongs() {
    let sleeping = |object: &mut Value| {
        object["spec"]["replicas"] = 0.into();
        object["spec"]["template"]["spec"]["nodeSelector"] = json!({ "gpu/model": "L4" });
    };
    let manifest = MANIFEST.replace("  replicas: 3  # for the busy hour\n", "");
    let edits = edit(&file(&manifest), &set(vec![step(&object(), &sleeping)]));
    assert_eq!(edits.left, [""; 0]);
    let text = &edits.files[0].text;
    let deployment = document::parsed(&text[document::documents(text)[1].clone()]).expect("YAML");
    assert_eq!(deployment["spec"]["replicas"], 0);
    assert_eq!(deployment["spec"]["template"]["spec"]["nodeSelector"]["gpu/model"], "L4");
    assert!(text.contains("# two were enough") && text.contains("# in front"), "{text}");
}

#[test]
fn a_manifest_that_says_something_else_is_left_alone() {
    let drifted = MANIFEST.replace("nvidia.com/gpu: 4", "nvidia.com/gpu: 8");
    let edits = edit(&file(&drifted), &set(vec![step(&object(), &gpus("2"))]));
    assert_eq!(edits.files[0].text, drifted);
    assert!(edits.left[0].contains("web.yaml: /spec/template"), "{:?}", edits.left);
    assert!(edits.left[0].contains("is 8 there, and \"4\" in the cluster"), "{:?}", edits.left);
    let mut two = file(MANIFEST);
    two.extend(file(MANIFEST));
    let edits = edit(&two, &set(vec![step(&object(), &gpus("2"))]));
    assert!(edits.left[0].contains("several manifests"), "{:?}", edits.left);
    assert_eq!(edits.files, two);
    let mut other = object();
    other["metadata"]["name"] = "other".into();
    let mut template = file("kind: Deployment\nmetadata: {name: {{ .Values.name }}}\n");
    template[0].name = "chart/web.yaml".to_owned();
    let edits = edit(&template, &set(vec![step(&other, &gpus("2"))]));
    assert!(edits.left[0].contains("no manifest has Deployment a/other"), "{:?}", edits.left);
    assert!(edits.left[1].contains("chart/web.yaml"), "{:?}", edits.left);
    let mut nothing = set(Vec::new());
    let patch = nothing.patches.remove(0);
    nothing.elsewhere.push(Elsewhere { place: Where::Nodes, note: String::new(), patch });
    assert!(edit(&file(MANIFEST), &nothing).left[0].contains("do it by hand"));
}

#[test]
fn a_new_template_stands_behind_the_old_one() {
    let old =
        "apiVersion: resource.k8s.io/v1\nkind: ResourceClaimTemplate\nmetadata:\n  name: two\n";
    let files = [file(MANIFEST), file(old)].concat();
    let new = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
        "metadata": { "name": "two-rs1", "namespace": "a", "annotations": { DERIVED_FROM: "two" } },
        "spec": { "spec": { "devices": {} } },
    });
    let target = Object { origin: "kubernetes/x", value: &new }.target();
    let create = Step { target, operation: Operation::Create { object: new } };
    let edits = edit(&files, &set(vec![create.clone()]));
    assert_eq!((edits.left.len(), edits.files[0].text.as_str()), (0, MANIFEST));
    assert!(edits.files[1].text.starts_with(&format!("{old}---\napiVersion: resource")));
    // Where the old one is not written, it stands behind the workload.
    let edits = edit(&file(MANIFEST), &set(vec![create]));
    assert!(edits.files[0].text.starts_with(&format!("{MANIFEST}---\napiVersion: resource")));
}

#[test]
fn what_is_deleted_is_cut_out() {
    let claim = |name: &str| {
        format!("apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {{name: {name}}}\n")
    };
    let target = |name: &str| Target {
        api_version: "resource.k8s.io/v1".to_owned(),
        kind: "ResourceClaim".to_owned(),
        namespace: "a".to_owned(),
        name: name.to_owned(),
        uid: None,
        resource_version: None,
        origin: None,
    };
    let text = format!("{}---\n{}---\n{}", claim("a"), claim("b"), claim("c"));
    for (name, expected) in [
        ("a", format!("{}---\n{}", claim("b"), claim("c"))),
        ("b", format!("{}---\n{}", claim("a"), claim("c"))),
        ("c", format!("{}---\n{}", claim("a"), claim("b"))),
    ] {
        let mut files = file(&text);
        delete(&mut files, &target(name)).expect("possible");
        let left = |text: &str| -> Vec<String> {
            let documents = document::documents(text).into_iter();
            let values = documents.map(|r| document::parsed(&text[r]).expect("YAML"));
            values.filter(|v| !v.is_null()).map(|v| meta(&v, "name").to_owned()).collect()
        };
        assert_eq!(left(&files[0].text), left(&expected), "{}", files[0].text);
    }
    let alone = delete(&mut file(&claim("a")), &target("a")).expect_err("refused");
    assert!(alone.contains("remove the file"), "{alone}");
}

#[test]
fn documents_are_told_apart_by_their_markers() {
    let of = |text: &'static str| -> Vec<&str> {
        document::documents(text).into_iter().map(|range| &text[range]).collect()
    };
    assert_eq!(of("a: 1\n---\nb: 1\n"), ["a: 1\n", "b: 1\n"]);
    assert_eq!(of("--- # first\na: 1\n---  \nb: |\n  ---\n"), ["", "a: 1\n", "b: |\n  ---\n"]);
    assert_eq!(of("a: 1"), ["a: 1"]);
    assert_eq!(of("---x: 1\n"), ["---x: 1\n"]);
}

#[test]
fn differences_are_shown_with_what_is_around_them() {
    assert_eq!(unified("x", "a\n", "a\n"), "");
    assert_eq!(unified("x", "", "a\n"), "--- a/x\n+++ b/x\n@@ -0,0 +1,1 @@\n+a\n");
    let old: String = (0..20).map(|n| format!("{n}\n")).collect();
    let new = old.replace("\n5\n", "\nfive\n").replace("\n18\n", "\n");
    let shown = unified("x", &old, &new);
    assert!(shown.contains("@@ -3,7 +3,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"), "{shown}");
    assert!(shown.contains("@@ -16,5 +16,4 @@\n 15\n 16\n 17\n-18\n 19\n"), "{shown}");
    assert!(unified("x", "a", "b").contains("-a\n\\ No newline at end of file\n+b\n"));
}
