//! Damaged files: never a panic, and each document is used or told of with its place.

use proptest::prelude::*;
use serde_json::Value;

use super::document::documents;
use super::{RawObject, RawObjects, decode, sanitised, unpack};
use crate::model::objects::ObjectProblem;
use crate::mutation::{damaged, fixed, twisted};

const FILES: &[&str] = &[
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: train-0\n  namespace: ml\n  uid: u-1\n  \
     creationTimestamp: \"2026-11-20T00:00:00Z\"\n  labels: {app: train}\n  ownerReferences:\n  - \
     {apiVersion: batch/v1, kind: Job, name: train, uid: j-1, controller: true}\nspec:\n  nodeName: n1\n  \
     containers:\n  - name: main\n    resources:\n      limits: {nvidia.com/gpu: 2, cpu: 500m, memory: 1.5Gi}\n  \
     initContainers:\n  - name: side\n    restartPolicy: Always\n    resources:\n      requests: {cpu: \"1\"}\nstatus:\n  \
     phase: Running\n  startTime: \"2026-11-20T00:00:05Z\"\n  conditions:\n  - {type: PodScheduled, status: \"True\", \
     lastTransitionTime: \"2026-11-20T00:00:01Z\"}\n---\napiVersion: v1\nkind: Namespace\nmetadata: &m {name: ml}\n---\n\
     apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web, namespace: ml}\n",
    r#"{"apiVersion": "v1", "kind": "NodeList", "items": [{"metadata": {"name": "n1", "labels":
       {"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.count": "4"}}, "spec": {"unschedulable": true, "taints": [
       {"key": "a", "effect": "NoSchedule"}]}, "status": {"capacity": {"nvidia.com/gpu": "4", "cpu": "8", "memory": "64Gi"},
       "allocatable": {"nvidia.com/gpu": "3", "cpu": "7900m", "memory": "63Gi"}, "conditions": [{"type": "Ready",
       "status": "False", "lastTransitionTime": "2026-11-20T00:00:00Z"}], "addresses": [{"type": "InternalIP",
       "address": "10.0.0.1"}]}}]}"#,
    r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
       "metadata": {"name": "c", "namespace": "ml", "uid": "c-1"}, "spec": {"devices": {"requests": [{"name": "gpu",
       "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1}}]}}, "status":
       {"allocation": {"devices": {"results": [{"request": "gpu", "driver": "gpu.nvidia.com", "pool": "n1",
       "device": "gpu-0", "shareID": "s", "consumedCapacity": {"memory": "10Gi"}}]}}, "reservedFor": [{"resource": "pods",
       "name": "p", "uid": "u"}]}}, {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "s"},
       "spec": {"driver": "gpu.nvidia.com", "nodeName": "n1", "pool": {"name": "n1", "generation": 1, "resourceSliceCount": 1},
       "devices": [{"name": "gpu-0", "attributes": {"uuid": {"string": "GPU-1"}, "type": {"string": "gpu"}}, "capacity":
       {"memory": {"value": "80Gi"}}}]}}]}"#,
];

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n---\n",
    "\n...\n",
    "&a ",
    "*a",
    "*m",
    "!!binary ",
    "|\n",
    "null",
    "~",
    "-1",
    "1e999",
    "9999999999999999999999",
    "{\"a\":",
    "a: ",
    "\t",
    "é",
    "\0",
    "%",
    "#",
    "kind: List\n",
    "items:\n",
    "nvidia.com/gpu: -1",
    "2026-02-30T00:00:00Z",
    "<<: *m\n",
];

fn gpus() -> Vec<String> {
    vec!["nvidia.com/gpu".to_owned()]
}

/// Every object of the files, as it is when nothing is wrong.
fn objects() -> Vec<Value> {
    let mut objects = Vec::new();
    for document in FILES.iter().flat_map(|file| documents(file)) {
        unpack(document.content.expect("a valid file"), &mut |object| objects.push(object));
    }
    objects
}

/// What a snapshot keeps gives the same facts, and is kept again as it is.
fn survives_saving(raw: &RawObjects) -> Result<(), TestCaseError> {
    let mut saved = raw.clone();
    saved.items = raw
        .items
        .iter()
        .filter_map(|item| Some(RawObject { value: sanitised(&item.value)?, ..item.clone() }))
        .collect();
    for item in &saved.items {
        let again = sanitised(&item.value);
        prop_assert_eq!(again.as_ref(), Some(&item.value));
    }
    prop_assert_eq!(decode(&saved, &gpus()), decode(raw, &gpus()));
    Ok(())
}

proptest! {
    #![proptest_config(fixed(3_000))]

    #[test]
    fn damaged_files_are_read_or_told_of(bytes in damaged(FILES, PIECES)) {
        let text = String::from_utf8_lossy(&bytes);
        let mut raw = RawObjects::default();
        for (index, document) in documents(&text).into_iter().enumerate() {
            prop_assert_eq!(document.number, index + 1);
            match document.content {
                Ok(value) => unpack(value, &mut |value| {
                    raw.items.push(RawObject { origin: "x.yaml".to_owned(), value });
                }),
                Err(detail) => {
                    prop_assert!(detail.starts_with("line "), "{}", detail);
                    prop_assert!(detail.len() < 1_000 && !detail.contains(char::is_control));
                    raw.problems.push(ObjectProblem { subject: "x.yaml".to_owned(), detail });
                }
            }
        }
        prop_assert!(decode(&raw, &gpus()).problems.len() >= raw.problems.len());
        survives_saving(&raw)?;
    }

    /// Each object by itself: a bad one costs itself, and what is said of it is fit to be printed.
    #[test]
    fn twisted_objects_are_read_or_told_of(object in twisted(objects())) {
        let mut raw = RawObjects::default();
        unpack(object, &mut |value| {
            raw.items.push(RawObject { origin: "x.yaml".to_owned(), value });
        });
        let facts = decode(&raw, &gpus());
        for ObjectProblem { subject, detail } in &facts.problems {
            prop_assert!(!subject.contains(char::is_control), "{:?}", subject);
            prop_assert!(!detail.contains(char::is_control), "{:?}", detail);
        }
        survives_saving(&raw)?;
    }
}
