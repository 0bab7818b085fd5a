//! Literal documents of every shape, and the recorded cluster.

mod claims;
mod pools;
mod recorded;
mod references;

use serde_json::{Value, json};

use crate::model::ClusterFacts;
use crate::model::dra::{ClaimFact, PoolFact};
use crate::source::objects::{RawObject, RawObjects, decode};

/// The facts of `values`, and what was said about them, without the file's name.
fn facts(values: Vec<Value>) -> (ClusterFacts, Vec<String>) {
    let item = |value| RawObject { origin: "f".to_owned(), value };
    let raw = RawObjects { items: values.into_iter().map(item).collect(), ..RawObjects::default() };
    let facts = decode(&raw, &["nvidia.com/gpu".to_owned()]);
    let said = |p: &crate::model::objects::ObjectProblem| format!("{}: {}", p.subject, p.detail);
    let said = facts.problems.iter().map(said).map(|s| s.replace("f: ", "")).collect();
    (facts, said)
}

/// The only claim of a claim object with this `spec` and `status`.
fn claim(version: &str, spec: &Value, status: &Value) -> (ClaimFact, Vec<String>) {
    let (facts, said) = facts(vec![json!({
        "apiVersion": format!("resource.k8s.io/{version}"), "kind": "ResourceClaim",
        "metadata": {"name": "c", "namespace": "a"}, "spec": spec, "status": status,
    })]);
    (facts.dra.claims.into_iter().next().expect("one claim"), said)
}

/// A slice of pool `p` of `gpu.nvidia.com` with further fields of its `spec`.
fn slice(name: &str, generation: i64, count: i64, more: &Value) -> Value {
    let mut spec = json!({
        "driver": "gpu.nvidia.com",
        "pool": {"name": "p", "generation": generation, "resourceSliceCount": count},
    });
    let fields = spec.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec,
    })
}

fn pools(slices: Vec<Value>) -> (Vec<PoolFact>, Vec<String>) {
    let (facts, said) = facts(slices);
    (facts.dra.pools, said)
}

fn device_names(pool: &PoolFact) -> Vec<&str> {
    pool.devices.iter().map(|device| device.name.as_str()).collect()
}
