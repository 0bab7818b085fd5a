use serde_json::json;

use super::*;

#[test]
fn a_leader_takes_the_place_of_one_worker() {
    let mut object = json!({
        "apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet",
        "spec": { "replicas": 2, "leaderWorkerTemplate": {
            "size": 4,
            "workerTemplate": { "spec": { "containers": [{ "name": "worker" }] } },
        } },
    });
    let count = |object: &Value| -> Vec<(&'static str, Option<u32>)> {
        templates(object).iter().map(|found| (found.role, found.replicas)).collect()
    };
    assert_eq!(count(&object), [("worker", Some(8))]);
    object["spec"]["leaderWorkerTemplate"]["leaderTemplate"] =
        json!({ "spec": { "containers": [] } });
    assert_eq!(count(&object), [("leader", Some(2)), ("worker", Some(6))]);
}

#[test]
fn stars_go_through_lists_and_maps() {
    let ray = json!({
        "apiVersion": "ray.io/v1", "kind": "RayService",
        "spec": { "rayClusterConfig": {
            "headGroupSpec": { "template": { "spec": { "containers": [{ "name": "head" }] } } },
            "workerGroupSpecs": [
                { "replicas": 3, "numOfHosts": 2, "template": { "spec": { "containers": [] } } },
                { "template": { "spec": { "initContainers": [{}], "containers": [{}, {}] } } },
            ],
        } },
    });
    let found = templates(&ray);
    let replicas: Vec<Option<u32>> = found.iter().map(|f| f.replicas).collect();
    assert_eq!(replicas, [Some(1), Some(6), Some(1)]);
    let workers = "/spec/rayClusterConfig/workerGroupSpecs";
    assert_eq!(found[1].replicas_at.as_deref(), Some(&*format!("{workers}/0/replicas")));
    assert_eq!(found[2].containers_at.len(), 3);
    assert_eq!(found[2].containers_at[0], format!("{workers}/1/template/spec/initContainers/0"));

    let training = json!({
        "apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
        "spec": { "pytorchReplicaSpecs": {
            "Worker": { "replicas": 3, "template": { "spec": {} } },
            "a/b": { "template": { "spec": {} } },
        } },
    });
    let found = templates(&training);
    assert_eq!(found[0].spec_at, "/spec/pytorchReplicaSpecs/Worker/template/spec");
    assert_eq!(found[1].spec_at, "/spec/pytorchReplicaSpecs/a~1b/template/spec");
    assert_eq!(found[1].replicas, Some(1));
}

#[test]
fn a_model_of_kserve_is_a_container() {
    let service = json!({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "spec": { "predictor": { "minReplicas": 2, "model": { "modelFormat": { "name": "x" } } } },
    });
    let found = templates(&service);
    assert_eq!(found[0].containers_at, ["/spec/predictor/model"]);
    assert_eq!(found[0].replicas, Some(2));
}

#[test]
fn what_is_no_number_is_not_taken_for_one() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "spec": { "replicas": "{{ .Values.n }}", "template": { "spec": {} } },
    });
    assert_eq!(templates(&object)[0].replicas, None);
}

#[test]
fn every_star_of_a_count_has_one_in_its_template() {
    let stars = |path: &str| path.matches('*').count();
    for kind in KINDS {
        for template in kind.templates {
            for path in [template.replicas, template.times, template.beside] {
                assert!(stars(path) <= stars(template.at), "{}: {path}", kind.kind);
                assert!(path.is_empty() || path.starts_with('/'), "{}: {path}", kind.kind);
            }
        }
    }
}
