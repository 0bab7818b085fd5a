//! Claims, devices and who names them: every join holds, and what is said of hardware stays.

use serde_json::{Value, json};

use super::super::{Pseudonyms, Salt, objects};
use crate::model::ClusterFacts;
use crate::source::objects::{RawObject, RawObjects, decode, read_path, sanitised};

fn redacted(raw: &RawObjects) -> RawObjects {
    let items = raw.items.iter().filter_map(|item| {
        Some(RawObject { origin: item.origin.clone(), value: sanitised(&item.value)? })
    });
    let kept = RawObjects { items: items.collect(), ..raw.clone() };
    objects(&Pseudonyms::new(Salt::fixed([5; 32])), &kept)
}

fn facts(raw: &RawObjects) -> ClusterFacts {
    decode(raw, &["nvidia.com/gpu".to_owned()])
}

fn cluster() -> Vec<Value> {
    let pinned = json!({"nodeSelectorTerms": [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["acme-node"]}]},
    ]});
    let name =
        |name: &str| json!({"name": name, "namespace": "acme-team", "uid": format!("uid-{name}")});
    vec![
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "acme-node"}}),
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": name("acme-pod"),
            "spec": {"nodeName": "acme-node", "schedulingGroup": {"podGroupName": "acme-group"},
                "resourceClaims": [{"name": "gpu", "resourceClaimName": "acme-claim"}]},
        }),
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu.nvidia.com"},
            "spec": {"extendedResourceName": "nvidia.com/gpu"},
        }),
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "acme-class"}}),
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": name("acme-claim"),
            "spec": {"devices": {"requests": [
                {"name": "acme-gpu", "firstAvailable": [{
                    "name": "whole", "deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1,
                    "capacity": {"requests": {"memory": "10Gi"}},
                    "selectors": [{"cel": {"expression": "device.driver == 'acme'"}}],
                }]},
                {"name": "other", "exactly": {"deviceClassName": "acme-class", "allocationMode": "All"}},
            ]}},
            "status": {
                "allocation": {"devices": {"results": [{
                    "request": "acme-gpu/whole", "driver": "gpu.nvidia.com", "pool": "acme-node", "device": "gpu-0",
                    "shareID": "acme-share", "consumedCapacity": {"memory": "0"},
                }]}},
                "reservedFor": [
                    {"resource": "pods", "name": "acme-pod", "uid": "uid-acme-pod"},
                    {"apiGroup": "scheduling.k8s.io", "resource": "podgroups", "name": "acme-group", "uid": "u"},
                ],
            },
        }),
        json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "acme-slice"},
            "spec": {
                "driver": "gpu.nvidia.com", "nodeSelector": pinned,
                "pool": {"name": "acme-node", "generation": 1, "resourceSliceCount": 1},
                "sharedCounters": [{"name": "acme-set", "counters": {"memory-slice-0": {"value": "1"}}}],
                "devices": [{
                    "name": "gpu-0",
                    "attributes": {
                        "type": {"string": "gpu"}, "productName": {"string": "NVIDIA L40S"},
                        "uuid": {"string": "GPU-acme"}, "acme.com/rack": {"string": "acme-r1"},
                    },
                    "capacity": {"memory": {"value": "46068Mi", "requestPolicy": {"default": "0"}}},
                    "consumesCounters": [
                        {"counterSet": "acme-set", "counters": {"memory-slice-0": {"value": "1"}}},
                    ],
                    "taints": [{"key": "acme.com/bad", "value": "acme", "effect": "NoSchedule"}],
                }],
            },
        }),
        json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": name("acme-cron"),
            "spec": {"suspend": true, "jobTemplate": {"spec": {"template": {"spec": {
                "resourceClaims": [{"name": "gpu", "resourceClaimName": "acme-claim"}],
            }}}}},
        }),
        json!({
            "apiVersion": "scheduling.k8s.io/v1alpha2", "kind": "PodGroup", "metadata": name("acme-group"),
            "spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "acme-claim"}]},
        }),
    ]
}

#[test]
fn every_join_of_claims_and_devices_holds_and_no_name_survives() {
    let item = |value| RawObject { origin: "kubernetes/x".to_owned(), value };
    let raw =
        RawObjects { items: cluster().into_iter().map(item).collect(), ..RawObjects::default() };
    let redacted = redacted(&raw);
    assert!(!format!("{redacted:?}").contains("acme"), "{redacted:#?}");
    let (before, after) = (facts(&raw), facts(&redacted));
    assert_eq!((&before.problems, &after.problems), (&vec![], &vec![]));

    let (pod, dra) = (&after.pods[0], &after.dra);
    let (claim, pool) = (&dra.claims[0], &dra.pools[0]);
    assert_eq!(pod.claims, [claim.name.as_str()]);
    assert_eq!(pool.node.as_ref(), pod.node.as_ref());
    assert_eq!(pool.name, after.nodes[0].name);
    assert_eq!(pool.node.as_ref(), Some(&pool.name));

    let device = &claim.allocation.as_ref().expect("allocated").devices[0];
    assert_eq!((&device.key.driver, &device.key.pool), (&pool.driver, &pool.name));
    assert_eq!(device.key.device, pool.devices[0].name);
    assert_eq!(device.request, claim.requests[0].name);
    assert_eq!(device.consumed["memory"], 0.0);
    assert_eq!(claim.requests[0].capacity["memory"], 10_737_418_240.0);
    assert_eq!((claim.requests[0].count, claim.requests[1].count), (Some(1), None));
    let classes: Vec<&str> = dra.classes.iter().map(|class| class.name.as_str()).collect();
    assert!(claim.requests.iter().all(|request| classes.contains(&request.class.as_str())));
    assert!(dra.classes.iter().any(|c| c.extended_resource.as_deref() == Some("nvidia.com/gpu")));

    assert!(claim.reserved_for[0].is_pod());
    assert_eq!(claim.reserved_for[0].name, pod.name);
    assert_eq!(Some(&claim.reserved_for[0].uid), pod.uid.as_ref());
    assert_eq!(claim.reserved_for[1].group, "scheduling.k8s.io");
    assert_eq!(Some(&claim.reserved_for[1].name), pod.pod_group.as_ref());
    let group = (claim.namespace.clone(), claim.reserved_for[1].name.clone());
    assert_eq!(dra.pod_group_claims[&group], [claim.name.as_str()]);
    assert_eq!(dra.references.len(), 2);
    assert!(dra.references.iter().all(|reference| reference.claim == claim.name));
    assert!(dra.references.iter().any(|reference| reference.dormant));

    let device = &pool.devices[0];
    assert_eq!(
        (device.attributes["type"].as_str(), device.attributes["productName"].as_str()),
        ("gpu", "NVIDIA L40S")
    );
    assert!(device.attributes["uuid"].starts_with("GPU-x-"));
    assert_eq!(device.capacity, before.dra.pools[0].devices[0].capacity);
    let (set, counters) = device.consumes.first_key_value().expect("one set");
    assert_eq!(pool.counter_sets[set], *counters);
    assert_eq!(counters["memory-slice-0"], 1.0);
}

/// What a ledger reads of a cluster, without names, in an order that does not depend on them.
fn figures(facts: &ClusterFacts) -> Vec<String> {
    let dra = &facts.dra;
    let device = |pool: &crate::model::dra::PoolFact, key: &str| {
        pool.devices.iter().find(|device| device.name == key).map(|device| {
            let text = |name: &str| device.attributes.get(name).cloned();
            (text("type"), text("profile"), text("productName"), device.capacity.clone())
        })
    };
    let mut lines: Vec<String> = Vec::new();
    for claim in &dra.claims {
        let devices = claim.allocation.iter().flat_map(|allocation| &allocation.devices);
        let devices: Vec<_> = devices
            .map(|d| {
                let pool = dra.pools.iter().find(|pool| pool.name == d.key.pool);
                let on_its_node = facts.nodes.iter().any(|node| node.name == d.key.pool);
                (pool.and_then(|p| device(p, &d.key.device)), d.admin_access, on_its_node)
            })
            .collect();
        let users = facts.pods.iter().filter(|p| p.claims.contains(&claim.name)).count();
        let named = dra.references.iter().filter(|r| r.claim == claim.name).count();
        let counts: Vec<_> = claim.requests.iter().map(|r| r.count).collect();
        let pods = claim.reserved_for.iter().filter(|c| c.is_pod()).count();
        lines.push(format!("{counts:?} {devices:?} {users} {named} {pods}"));
    }
    for pool in &dra.pools {
        let taken = pool.devices.iter().flat_map(|device| &device.consumes);
        let joined = taken.filter(|(set, _)| pool.counter_sets.contains_key(*set)).count();
        lines.push(format!("{:?} {} {joined}", pool.slices, pool.devices.len()));
    }
    lines.sort();
    lines
}

#[test]
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn the_recorded_cluster_says_the_same_of_devices_after_redaction() {
    let Some(data) = std::env::var_os("GPU_FINOPS_TEST_DATA") else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let folder = std::path::Path::new(&data).join("recordings/kubernetes-1.36");
    let raw = read_path(&folder).expect("objects");
    assert_eq!(figures(&facts(&redacted(&raw))), figures(&facts(&raw)));
}
