use serde_json::{Value, json};

use super::*;
use crate::model::objects::{PodFact, PodPhase};

fn raw(values: Vec<Value>) -> RawObjects {
    let items = values.into_iter().map(|value| RawObject { origin: "x.yaml".to_owned(), value });
    RawObjects { items: items.collect(), ..RawObjects::default() }
}

fn gpus() -> Vec<String> {
    vec!["nvidia.com/gpu".to_owned()]
}

fn facts(values: Vec<Value>) -> ClusterFacts {
    decode(&raw(values), &gpus())
}

fn pod(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "a"}, "spec": spec})
}

/// The one pod, and what was said about it.
fn decoded(spec: &Value) -> (PodFact, Vec<String>) {
    let facts = facts(vec![pod(spec)]);
    let problems = facts.problems.iter().map(|p| format!("{}: {}", p.subject, p.detail)).collect();
    (facts.pods.into_iter().next().expect("one pod"), problems)
}

fn requesting(resources: &Value) -> Value {
    json!({"containers": [{"name": "c", "resources": {"limits": resources}}]})
}

fn count(pod: &PodFact) -> Option<u32> {
    pod.requests.gpus.get("nvidia.com/gpu").copied()
}

#[test]
fn gpu_quantities_good_and_bad() {
    for good in [json!("1"), json!(1), json!(1.0), json!("1000m")] {
        let (pod, problems) = decoded(&requesting(&json!({"nvidia.com/gpu": good})));
        assert_eq!((count(&pod), problems), (Some(1), vec![]), "{good}");
    }
    for (bad, shown) in [
        (json!("1.5"), "\"1.5\" is not a whole number"),
        (json!(1.5), "\"1.5\" is not a whole number"),
        (json!("-1"), "\"-1\" is negative"),
        (json!(-1), "\"-1\" is negative"),
        (json!("abc"), "\"abc\" is not a quantity"),
        (json!(true), "\"true\" is not a quantity"),
    ] {
        let spec = requesting(&json!({"nvidia.com/gpu": bad, "cpu": 2}));
        let (pod, problems) = decoded(&spec);
        assert!(pod.requests.gpus.is_empty(), "{bad}");
        assert_eq!(pod.requests.cpu_millicores, 2_000, "the rest is used");
        assert_eq!(problems.len(), 1, "{problems:?}");
        let start = "x.yaml: Pod a/p: container \"c\": nvidia.com/gpu: ";
        assert!(problems[0].starts_with(&format!("{start}{shown}")), "{}", problems[0]);
    }
    // One bad container makes the pod's number unknown, whatever the others say.
    let (pod, _) = decoded(&json!({"containers": [
        {"name": "good", "resources": {"limits": {"nvidia.com/gpu": "2"}}},
        {"name": "bad", "resources": {"limits": {"nvidia.com/gpu": "x"}}},
    ]}));
    assert!(pod.requests.gpus.is_empty());
}

#[test]
fn init_containers_are_a_maximum_and_sidecars_add() {
    let container = |name: &str, gpus: u32, cpu: &str| json!({"name": name, "resources": {"requests": {"nvidia.com/gpu": gpus, "cpu": cpu}}});
    let sidecar = |name: &str, gpus: u32, cpu: &str| {
        let mut container = container(name, gpus, cpu);
        container["restartPolicy"] = json!("Always");
        container
    };
    // GPUs: containers 1 + 1 + sidecar 1 = 3; init `big` alone 4, before the sidecar; init `late`
    // 2 with the sidecar 3. So 4. CPU: 1 + 1 + 0.5 = 2.5; `big` 0.1; `late` 4 + 0.5 = 4.5. So 4.5.
    let (pod, problems) = decoded(&json!({
        "containers": [container("a", 1, "1"), container("b", 1, "1")],
        "initContainers": [
            container("big", 4, "100m"), sidecar("side", 1, "500m"), container("late", 2, "4"),
        ],
    }));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(count(&pod), Some(4));
    assert_eq!(pod.requests.cpu_millicores, 4_500);
    // The sidecar raises the sum: 1 + 2 = 3 > 2.
    let (pod, _) = decoded(&json!({
        "containers": [container("a", 1, "1")], "initContainers": [sidecar("side", 2, "1")],
    }));
    assert_eq!(count(&pod), Some(3));
}

#[test]
fn limits_pod_level_resources_and_overhead() {
    let (pod, _) = decoded(&json!({
        "containers": [{"name": "c", "resources": {
            "requests": {"cpu": "1"},
            "limits": {"cpu": "4", "memory": "1Gi", "nvidia.com/gpu": 2},
        }}],
        "overhead": {"cpu": "250m", "memory": "64Mi"},
    }));
    assert_eq!(count(&pod), Some(2));
    assert_eq!(pod.requests.cpu_millicores, 1_250);
    assert_eq!(pod.requests.memory_bytes, (1_024 + 64) * 1_048_576);
    // Stated for the pod: CPU 8 in place of 1, memory stays (a limit alone, and a container asks).
    let (pod, _) = decoded(&json!({
        "containers": [{"name": "c", "resources": {"requests": {"cpu": 1, "memory": "1Gi"}}}],
        "resources": {"requests": {"cpu": "8"}, "limits": {"memory": "32Gi"}},
    }));
    assert_eq!(pod.requests.cpu_millicores, 8_000);
    assert_eq!(pod.requests.memory_bytes, 1 << 30);
}

#[test]
fn parts_of_gpus_and_other_vendors_are_recorded_apart() {
    let (pod, problems) = decoded(&requesting(&json!({
        "nvidia.com/mig-1g.5gb": 2, "nvidia.com/gpumem": "8000", "amd.com/gpu": 1,
        "nvidia.com/gpu.shared": 0, "gpu.intel.com/xe": "1", "rdma/hca": 1,
        "nvidia.com/rdma_shared": 1, "ephemeral-storage": "1Gi", "nvidia.com/gpu": 1,
    })));
    assert_eq!(problems, Vec::<String>::new());
    let others: Vec<_> = pod.requests.other_gpu_requests.into_iter().collect();
    let want = [("amd.com/gpu", 1), ("gpu.intel.com/xe", 1), ("nvidia.com/gpumem", 8_000)];
    let want = want.iter().copied().chain([("nvidia.com/mig-1g.5gb", 2)]);
    assert_eq!(others, want.map(|(n, c)| (n.to_owned(), c)).collect::<Vec<_>>());
    assert_eq!(pod.requests.gpus.len(), 1);
}

#[test]
fn a_pod_in_full() {
    let facts = facts(vec![json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "p", "namespace": "a", "uid": "u1", "labels": {"team": "x", "n": 3},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "k": "v"},
            "creationTimestamp": "2026-11-20T00:00:00Z",
            "deletionTimestamp": "2026-11-20T06:00:00Z",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "no", "uid": "1"},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "2", "controller": true},
            ],
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "c", "env": [{"name": "bad", "value": 7}],
                "resources": {"limits": {"nvidia.com/gpu": 1, "example.com/dra-gpu": 2}}}],
            "resourceClaims": [
                {"name": "one", "resourceClaimName": "shared"},
                {"name": "two", "resourceClaimTemplateName": "t"},
                {"name": "three", "resourceClaimTemplateName": "t"},
            ],
        },
        "status": {
            "phase": "Succeeded",
            "startTime": "2026-11-20T02:00:00+01:00",
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-20T00:30:00Z"},
            ],
            "containerStatuses": [
                {"name": "c", "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-11-20T05:00:00Z"}}},
                {"name": "d", "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-11-20T04:00:00Z"}}},
            ],
            "resourceClaimStatuses": [
                {"name": "two", "resourceClaimName": "p-two-abc"}, {"name": "three"},
            ],
            "extendedResourceClaimStatus": {
                "resourceClaimName": "p-extended-resources-x",
                "requestMappings": [
                    {"containerName": "c", "resourceName": "example.com/dra-gpu", "requestName": "r"},
                ],
            },
        },
    })]);
    assert_eq!(facts.problems, []);
    // 2026-11-20T00:00:00Z
    let midnight = 1_795_132_800_000;
    let hours =
        |h: f64| Some(midnight + crate::units::millis_from_seconds(h * 3_600.0).expect("small"));
    let pod = &facts.pods[0];
    assert_eq!(pod.phase, PodPhase::Succeeded);
    assert_eq!(pod.node.as_deref(), Some("n1"));
    assert_eq!(pod.owner, Some(OwnerRef { kind: "ReplicaSet".into(), name: "rs".into() }));
    assert_eq!(pod.created_ms, hours(0.0));
    assert_eq!(pod.scheduled_ms, hours(0.5));
    assert_eq!(pod.started_ms, hours(1.0));
    assert_eq!(pod.finished_ms, hours(5.0));
    assert_eq!(pod.deletion_ms, hours(6.0));
    assert_eq!(pod.claims, ["p-extended-resources-x", "p-two-abc", "shared"]);
    assert_eq!(pod.labels["n"], "3");
    assert_eq!(pod.annotations.keys().collect::<Vec<_>>(), ["k"]);
    assert_eq!(count(pod), Some(1));
    assert!(pod.requests.other_gpu_requests.is_empty(), "it is held through the claim");
}

#[test]
fn nodes() {
    let facts = facts(vec![
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "b", "labels": {"l": "1"}},
            "spec": {"unschedulable": true},
            "status": {
                "capacity": {"nvidia.com/gpu": "8", "cpu": "64"},
                "allocatable": {"nvidia.com/gpu": 7, "cpu": "63500m", "memory": "1Ti"},
                "conditions": [{"type": "Ready", "status": "Unknown",
                    "lastTransitionTime": "2026-11-20T00:00:00Z"}],
                "addresses": [{"type": "Hostname", "address": "b"},
                    {"type": "InternalIP", "address": "10.0.0.1"}],
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"},
            "status": {"capacity": {"nvidia.com/gpu": "many"}, "allocatable": {"cpu": "-1"}},
        }),
    ]);
    assert_eq!(facts.nodes.len(), 2);
    let node = &facts.nodes[1];
    assert_eq!(
        (node.gpu_capacity["nvidia.com/gpu"], node.gpu_allocatable["nvidia.com/gpu"]),
        (8, 7)
    );
    assert_eq!((node.cpu_millicores, node.memory_bytes), (Some(63_500), Some(1 << 40)));
    assert_eq!(node.not_ready_since_ms, Some(Some(1_795_132_800_000)));
    assert!(node.unschedulable);
    assert_eq!(node.addresses, ["10.0.0.1"]);
    let manifest = &facts.nodes[0];
    assert_eq!((manifest.not_ready_since_ms, manifest.cpu_millicores), (None, None));
    let problems: Vec<_> = facts.problems.iter().map(|p| p.detail.as_str()).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("allocatable: cpu: \"-1\" is negative"), "{problems:?}");
    assert!(problems[1].starts_with("capacity: nvidia.com/gpu: \"many\""), "{problems:?}");
}

#[test]
fn owners_claims_and_what_is_neither() {
    let named = |api: &str, kind: &str, name: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "a", "uid": name}});
    let mut owned = named("apps/v1", "ReplicaSet", "rs");
    owned["metadata"]["ownerReferences"] = json!([
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "9", "controller": true},
    ]);
    let facts = facts(vec![
        named("ray.io/v1", "RayCluster", "ray"),
        owned,
        named("apps/v1", "Deployment", "d"),
        named("resource.k8s.io/v1beta1", "ResourceClaim", "c1"),
        named("resource.k8s.io/v1", "ResourceClaim", "c2"),
        named("resource.k8s.io/v1", "DeviceClass", "class"),
        named("resource.k8s.io/v1alpha3", "ResourcePoolStatusRequest", "question"),
        named("v1", "ConfigMap", "cm"),
        named("v1", "Secret", "secret"),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"t": "x"}}}),
    ]);
    let owners: Vec<_> =
        facts.owners.iter().map(|o| (o.this.kind.as_str(), o.owner.is_some())).collect();
    assert_eq!(owners, [("Deployment", false), ("RayCluster", false), ("ReplicaSet", true)]);
    assert_eq!(facts.dra.claims.len(), 2);
    assert_eq!(facts.namespaces[0].labels["t"], "x");
    assert_eq!(facts.problems, []);
}

#[test]
fn a_bad_object_is_a_problem_and_the_rest_is_used() {
    let mut listed = raw(vec![
        pod(&json!({"containers": "none"})),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "t", "creationTimestamp": "yesterday"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}}),
        json!({"apiVersion": "v1", "kind": "Pod"}),
        json!({"major": "1"}),
        json!("text"),
        Value::Null,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "good"}}),
    ]);
    listed.problems.push(ObjectProblem { subject: "a.yaml".into(), detail: "is empty".into() });
    let facts = decode(&listed, &gpus());
    assert_eq!(facts.pods.len(), 1);
    assert_eq!(
        (facts.pods[0].namespace.as_str(), facts.pods[0].name.as_str()),
        ("default", "good")
    );
    let said: Vec<_> =
        facts.problems.iter().map(|p| format!("{}: {}", p.subject, p.detail)).collect();
    // Three without apiVersion and kind are one line: same place, same words.
    assert_eq!(said.len(), 6, "{said:#?}");
    assert!(
        said.iter().any(|s| s.starts_with("x.yaml: Pod a/p: ") && s.contains("\"none\"")),
        "{said:#?}"
    );
    assert!(said.iter().any(|s| s.contains("yesterday")), "{said:#?}");
    assert!(said.iter().any(|s| s.contains("has no metadata.name")), "{said:#?}");
}

#[test]
fn of_several_records_of_one_object_the_last_is_used() {
    let record = |uid: &str, node: &str, version: &str| {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "namespace": "a", "uid": uid, "resourceVersion": version},
            "spec": {"nodeName": node}})
    };
    // The same again, only the server's version counter differs: no problem.
    let same = facts(vec![record("1", "n", "7"), record("1", "n", "8")]);
    assert_eq!((same.pods.len(), same.problems.len()), (1, 0));
    // Two pods of one name in time: two pods.
    let two = facts(vec![record("1", "n", "7"), record("2", "n", "8")]);
    assert_eq!((two.pods.len(), two.problems.len()), (2, 0));
    let differ = facts(vec![record("1", "n", "7"), record("1", "m", "8")]);
    assert_eq!(differ.pods[0].node.as_deref(), Some("m"));
    assert_eq!(differ.problems.len(), 1);
    assert!(differ.problems[0].detail.contains("different contents"), "{:?}", differ.problems);
}

#[test]
fn the_order_of_objects_does_not_matter() {
    let objects: Vec<Value> = (0..20)
        .map(|i| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{}", i * 7 % 20)}}))
        .collect();
    let reversed = objects.iter().rev().cloned().collect();
    assert_eq!(facts(objects), facts(reversed));
}

/// The data folder of the tests, if there is one.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn data() -> Option<std::path::PathBuf> {
    let folder = std::env::var_os("GPU_FINOPS_TEST_DATA").map(std::path::PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
    }
    folder
}

/// Facts do not change when objects are reduced to what a snapshot keeps.
fn assert_same_when_sanitised(listed: &RawObjects) {
    let mut reduced = listed.clone();
    reduced.items = listed
        .items
        .iter()
        .filter_map(|item| {
            Some(RawObject { origin: item.origin.clone(), value: sanitised(&item.value)? })
        })
        .collect();
    assert_eq!(decode(&reduced, &gpus()), decode(listed, &gpus()));
}

#[test]
fn a_real_fleet() {
    let Some(data) = data() else { return };
    let listed = crate::source::objects::read_path(&data.join("gentd26/objects")).expect("objects");
    let facts = decode(&listed, &gpus());
    assert_eq!((facts.pods.len(), facts.nodes.len(), facts.namespaces.len()), (144, 15, 8));
    assert_eq!(facts.problems, []);
    assert_eq!(facts.owners.len(), 34);
    let capacity: u32 =
        facts.nodes.iter().filter_map(|n| n.gpu_capacity.get("nvidia.com/gpu")).sum();
    assert_eq!(capacity, 120);
    assert!(facts.pods.iter().all(|p| count(p).is_some_and(|gpus| gpus > 0)));
    assert!(facts.pods.iter().all(|p| p.owner.is_some() && p.node.is_some()));
    assert_same_when_sanitised(&listed);
}

#[test]
fn a_recorded_cluster_with_every_sharing_mode() {
    let Some(data) = data() else { return };
    let folder = data.join("recordings/kubernetes-1.36");
    let listed = crate::source::objects::read_path(&folder).expect("objects");
    let facts = decode(&listed, &gpus());
    assert_eq!((facts.pods.len(), facts.nodes.len(), facts.dra.claims.len()), (29, 7, 15));
    // `version.json` is not an object.
    assert_eq!(facts.problems.len(), 1, "{:#?}", facts.problems);
    assert_eq!(facts.problems[0].subject, "version.json");
    let extended =
        facts.pods.iter().find(|p| p.name.starts_with("ext-res")).expect("in the README");
    assert!(!extended.claims.is_empty());
    assert!(extended.requests.gpus.is_empty() && extended.requests.other_gpu_requests.is_empty());
    assert_same_when_sanitised(&listed);
}

#[test]
fn real_manifests_and_dumps_are_read_or_complained_about() {
    let Some(data) = data() else { return };
    for folder in ["manifests", "scrapes/objects_live", "scrapes/objects_runai"] {
        let listed = crate::source::objects::read_path(&data.join(folder)).expect("objects");
        let facts = decode(&listed, &gpus());
        assert!(facts.pods.len() + facts.nodes.len() > 0 || folder == "scrapes/objects_live");
        assert_same_when_sanitised(&listed);
    }
    // The one manifest that is not YAML, upstream either.
    let listed = crate::source::objects::read_path(&data.join("manifests")).expect("objects");
    assert_eq!(listed.problems.len(), 1, "{:#?}", listed.problems);
    let problem = &listed.problems[0];
    assert!(problem.subject.contains("vllm-llama3-8b-instruct.yaml"), "{problem:?}");
    assert!(problem.detail.starts_with("line "), "{problem:?}");
}

#[test]
fn where_a_pod_may_run() {
    let (pod, problems) = decoded(&json!({
        "nodeSelector": {"pool": "gpu"},
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{
                    "matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}],
                    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}],
                }]},
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}],
            },
        },
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "team", "value": "red"},
        ],
        "containers": [],
    }));
    assert_eq!(problems, [""; 0]);
    let placement = pod.placement;
    assert_eq!(placement.node_selector["pool"], "gpu");
    let terms = placement.affinity.expect("required");
    assert_eq!((terms.len(), terms[0].len()), (1, 2));
    assert_eq!((terms[0][0].key.as_str(), terms[0][0].is_field), ("zone", false));
    assert_eq!((terms[0][1].key.as_str(), terms[0][1].is_field), ("metadata.name", true));
    let tolerated: Vec<_> = placement.tolerations.iter().map(|t| t.value.as_deref()).collect();
    assert_eq!(tolerated, [None, Some("red")]);
    assert!(!placement.minds_others);
}

#[test]
fn what_ties_a_pod_to_others_is_seen_and_not_to_whom() {
    let spread = |when: &str| {
        json!({"topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1,
        "whenUnsatisfiable": when, "labelSelector": {"matchLabels": {"app": "secret"}}}], "containers": []})
    };
    let apart = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "secret"}}}]}}, "containers": []});
    for (spec, expected) in
        [(spread("DoNotSchedule"), true), (spread("ScheduleAnyway"), false), (apart.clone(), true)]
    {
        assert_eq!(decoded(&spec).0.placement.minds_others, expected, "{spec}");
    }
    let kept = crate::source::objects::sanitised(&pod(&apart)).expect("a pod");
    assert!(!kept.to_string().contains("secret"), "{kept}");
}

#[test]
fn what_keeps_pods_away_from_a_node() {
    let facts = facts(vec![json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"},
        "spec": {"taints": [{"key": "b", "effect": "NoExecute"}, {"key": "a", "value": "x", "effect": "NoSchedule"}]},
        "status": {"allocatable": {"pods": "110"}}})]);
    let node = &facts.nodes[0];
    let taints: Vec<_> = node.taints.iter().map(|t| (t.key.as_str(), t.value.as_str())).collect();
    assert_eq!((taints, node.pods), (vec![("a", "x"), ("b", "")], Some(110)));
}
