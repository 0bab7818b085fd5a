use super::*;

fn pod_spec(claim: &str) -> Value {
    json!({"resourceClaims": [
        {"name": "a", "resourceClaimName": claim}, {"name": "b", "resourceClaimTemplateName": "t"},
    ]})
}

fn workload(api_version: &str, kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "w", "namespace": "a"}, "spec": spec})
}

/// Claims that one workload names, and whether it is dormant.
fn named(object: Value) -> Vec<(String, bool)> {
    let (facts, said) = facts(vec![object]);
    assert_eq!(said, Vec::<String>::new());
    let references = facts.dra.references.into_iter();
    references
        .map(|r| {
            assert_eq!((r.namespace.as_str(), r.by.name.as_str()), ("a", "w"));
            (r.claim, r.dormant)
        })
        .collect()
}

#[test]
fn trap_33_every_kind_of_pod_template_is_looked_at() {
    let template = json!({"spec": pod_spec("c")});
    for (api_version, kind, spec, dormant) in [
        ("apps/v1", "Deployment", json!({"template": template}), false),
        ("apps/v1", "Deployment", json!({"template": template, "replicas": 0}), true),
        ("apps/v1", "StatefulSet", json!({"template": template, "replicas": 2}), false),
        ("apps/v1", "DaemonSet", json!({"template": template}), false),
        ("apps/v1", "ReplicaSet", json!({"template": template, "replicas": 0}), true),
        ("batch/v1", "Job", json!({"template": template, "suspend": false}), false),
        ("batch/v1", "Job", json!({"template": template, "suspend": true}), true),
        ("batch/v1", "CronJob", json!({"jobTemplate": {"spec": {"template": template}}}), false),
        (
            "batch/v1",
            "CronJob",
            json!({"jobTemplate": {"spec": {"template": template}}, "suspend": true}),
            true,
        ),
        (
            "agents.x-k8s.io/v1beta1",
            "Sandbox",
            json!({"podTemplate": template, "operatingMode": "Suspended"}),
            true,
        ),
        (
            "agents.x-k8s.io/v1beta1",
            "Sandbox",
            json!({"podTemplate": template, "operatingMode": "Running"}),
            false,
        ),
        (
            "agents.x-k8s.io/v1alpha1",
            "Sandbox",
            json!({"podTemplate": template, "replicas": 0}),
            true,
        ),
        (
            "extensions.agents.x-k8s.io/v1beta1",
            "SandboxTemplate",
            json!({"podTemplate": template}),
            false,
        ),
        ("scheduling.k8s.io/v1alpha2", "PodGroup", pod_spec("c"), false),
        (
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            json!({"replicas": 1, "leaderWorkerTemplate": {"workerTemplate": template}}),
            false,
        ),
        (
            "kubeflow.org/v1",
            "PyTorchJob",
            json!({"pytorchReplicaSpecs": {"Worker": {"template": template}}}),
            false,
        ),
        (
            "example.com/v1",
            "Anything",
            json!({"groups": [{"template": template}, {"template": template}]}),
            false,
        ),
    ] {
        let found = named(workload(api_version, kind, &spec));
        assert_eq!(found, [("c".to_owned(), dormant)], "{kind} {spec}");
    }
    assert!(
        named(workload("apps/v1", "Deployment", &json!({"template": {"spec": {}}}))).is_empty()
    );
}

#[test]
fn what_is_no_reference_is_none() {
    for spec in [
        json!("none"),
        json!({"resourceClaims": "c"}),
        json!({"resourceClaims": [1, null, {"resourceClaimName": ""}, {"resourceClaimName": 7}]}),
    ] {
        assert!(named(workload("example.com/v1", "Thing", &spec)).is_empty(), "{spec}");
    }
    // A pod names its claims itself; kinds of DRA name none.
    let pod = workload("v1", "Pod", &pod_spec("c"));
    let (facts, _) = facts(vec![pod]);
    assert!(facts.dra.references.is_empty());
    assert_eq!(facts.pods[0].claims, ["c"]);
}

#[test]
fn references_are_in_order_and_once() {
    let object = |name: &str, claim: &str| {
        let mut object =
            workload("apps/v1", "Deployment", &json!({"template": {"spec": pod_spec(claim)}}));
        object["metadata"]["name"] = json!(name);
        object
    };
    let (facts, _) = facts(vec![object("b", "y"), object("a", "y"), object("c", "x")]);
    let order: Vec<_> =
        facts.dra.references.iter().map(|r| (r.claim.as_str(), r.by.name.as_str())).collect();
    assert_eq!(order, [("x", "c"), ("y", "a"), ("y", "b")]);
}

#[test]
fn trap_31_pods_know_their_group_and_groups_their_claims() {
    let (facts, said) = facts(vec![
        json!({
            "apiVersion": "scheduling.k8s.io/v1alpha2", "kind": "PodGroup",
            "metadata": {"name": "g", "namespace": "a"},
            "spec": {"resourceClaims": [
                {"name": "own", "resourceClaimName": "shared"}, {"name": "made", "resourceClaimTemplateName": "t"},
            ]},
            "status": {"resourceClaimStatuses": [
                {"name": "made", "resourceClaimName": "g-made-x"}, {"name": "none"},
            ]},
        }),
        json!({"apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "PodGroup",
            "metadata": {"name": "v", "namespace": "a"}, "spec": {"minMember": 2}}),
        workload("v1", "Pod", &json!({"schedulingGroup": {"podGroupName": "g"}})),
    ]);
    assert_eq!(said, Vec::<String>::new());
    let key = ("a".to_owned(), "g".to_owned());
    assert_eq!(facts.dra.pod_group_claims[&key], ["g-made-x", "shared"]);
    assert_eq!(facts.dra.pod_group_claims.len(), 1);
    assert_eq!(facts.pods[0].pod_group.as_deref(), Some("g"));
    // Only what the group was told to use: a claim that was made for it goes with it.
    let claims: Vec<_> = facts.dra.references.iter().map(|r| r.claim.as_str()).collect();
    assert_eq!(claims, ["shared"]);
}
