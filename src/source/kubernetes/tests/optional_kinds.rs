//! Kinds that a cluster may be without, or serve in another version.

use super::*;

fn versions(names: &[&str]) -> Answer {
    let versions: Value = names.iter().map(|name| json!({"version": name})).collect();
    Answer::json(&json!({"kind": "APIGroup", "versions": versions}))
}

#[tokio::test]
async fn each_kind_is_read_in_the_version_that_has_it() {
    let group = json!({"metadata": {"name": "g", "namespace": "a"}, "spec": {"resourceClaims": [
        {"name": "gpu", "resourceClaimName": "shared"},
    ]}});
    let sandbox = json!({"metadata": {"name": "s", "namespace": "a"}, "spec": {
        "replicas": 0, "podTemplate": {"spec": {"resourceClaims": [{"name": "g", "resourceClaimName": "mine"}]}},
    }});
    let pod = json!({"metadata": {"name": "s", "namespace": "a", "ownerReferences": [
        {"apiVersion": "agents.x-k8s.io/v1beta1", "kind": "Sandbox", "name": "s", "uid": "1", "controller": true},
    ]}});
    let server = Server::start(move |call: &Call| match call.path.as_str() {
        "/api/v1/pods" => page("Pod", "v1", std::slice::from_ref(&pod), call),
        "/apis/resource.k8s.io" => versions(&["v1", "v1beta2", "v1beta1"]),
        "/apis/resource.k8s.io/v1/resourceclaims" => {
            page("ResourceClaim", "resource.k8s.io/v1", &items(2), call)
        }
        "/apis/resource.k8s.io/v1beta2/devicetaintrules" => {
            page("DeviceTaintRule", "resource.k8s.io/v1beta2", &items(1), call)
        }
        "/apis/scheduling.k8s.io" => versions(&["v1", "v1alpha2"]),
        "/apis/scheduling.k8s.io/v1alpha2/podgroups" => {
            page("PodGroup", "scheduling.k8s.io/v1alpha2", std::slice::from_ref(&group), call)
        }
        "/apis/agents.x-k8s.io" => versions(&["v1alpha1"]),
        "/apis/agents.x-k8s.io/v1alpha1/sandboxes" => {
            page("Sandbox", "agents.x-k8s.io/v1alpha1", std::slice::from_ref(&sandbox), call)
        }
        "/apis/extensions.agents.x-k8s.io" => versions(&["v1beta1"]),
        "/apis/extensions.agents.x-k8s.io/v1beta1/sandboxwarmpools" => status(403, "no"),
        _ => status(404, "not found"),
    });
    let raw = listed(&server).await;
    for (name, state) in [
        ("resourceclaims", SourceState::Ok),
        ("resourceslices", SourceState::Skipped),
        ("devicetaintrules", SourceState::Ok),
        ("podgroups", SourceState::Ok),
        ("sandboxes", SourceState::Ok),
        ("sandboxclaims", SourceState::Skipped),
        ("sandboxwarmpools", SourceState::Failed),
    ] {
        assert_eq!(source(&raw, name).state, state, "{name}");
    }
    let detail = &source(&raw, "sandboxwarmpools").detail;
    assert!(detail.contains("list on sandboxwarmpools.extensions.agents.x-k8s.io"), "{detail}");
    let facts = decode(&raw, &[]);
    let references: Vec<_> = facts
        .dra
        .references
        .iter()
        .map(|r| (r.claim.as_str(), r.by.kind.as_str(), r.dormant))
        .collect();
    assert_eq!(references, [("mine", "Sandbox", true), ("shared", "PodGroup", false)]);
    // The pod's owner was listed, in another version than the pod names: it is not read again.
    assert!(server.calls().iter().all(|call| !call.path.ends_with("/sandboxes/s")));
    assert!(raw.sources.iter().all(|source| source.name != "kubernetes/owners"));
}

#[tokio::test]
async fn a_group_that_is_not_there_is_one_line() {
    let server = Server::start(|call: &Call| match call.path.as_str() {
        "/api/v1/nodes" => page("Node", "v1", &items(1), call),
        // Served, but in no version that is understood.
        "/apis/agents.x-k8s.io" => versions(&["v9"]),
        "/apis/scheduling.k8s.io" => status(403, "forbidden"),
        _ => status(404, "not found"),
    });
    let raw = listed(&server).await;
    for (name, state) in [
        ("resource.k8s.io", SourceState::Skipped),
        ("agents.x-k8s.io", SourceState::Skipped),
        ("extensions.agents.x-k8s.io", SourceState::Skipped),
        ("scheduling.k8s.io", SourceState::Failed),
    ] {
        let lines = raw.sources.iter().filter(|s| s.name == format!("kubernetes/{name}"));
        assert_eq!(lines.count(), 1, "{name}");
        assert_eq!(source(&raw, name).state, state, "{name}");
    }
    let asked = server.calls().iter().filter(|c| c.path == "/apis/resource.k8s.io").count();
    assert_eq!(asked, 1);
}
