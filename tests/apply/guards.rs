//! What keeps a plan from being applied: itself, the cluster, another run, limits, and what people said.

use std::fs;

use gpu_finops::cleanup::contract::{Operation, Step, Target};
use gpu_finops::cleanup::plan::contract::Plan;
use serde_json::{Value, json};

use super::{
    APPLY, create, delete, is, on, patch, plan, repoint, run, scale, small, two_changes, write,
};
use crate::apiserver::objects::{Held, budget, claim, namespace, node, pod};
use crate::apiserver::{ApiServer, Fault, Pick, What};

/// A plan that is refused whole, with nothing written.
#[track_caller]
fn refused(server: &ApiServer, says: &[&str]) {
    let start = server.picture();
    server.forget();
    run(server, APPLY).failed_with(5, says);
    assert_eq!((server.picture(), server.writes().len()), (start, 0));
}

fn changed(server: &ApiServer, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan(server, two_changes(server));
    change(&mut plan);
    plan.sealed()
}

#[test]
fn a_plan_that_was_tampered_with() {
    let server = small();
    let path = write(&server, &plan(&server, two_changes(&server)));
    let text = fs::read_to_string(&path).expect("written");
    for (from, to) in [
        ("\"unused\"", "\"busy\""),
        ("\"max_changes\":100000", "\"max_changes\":100001"),
        ("\"whole\":true", "\"whole\":true,\"more\":1"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).expect("written");
        refused(&server, &["it was changed since it was made", "make another"]);
    }
    fs::write(&path, "{}").expect("written");
    refused(&server, &["is not a plan"]);
    fs::write(&path, &text[..text.len() / 2]).expect("written");
    refused(&server, &["is not a plan"]);
}

#[test]
fn a_plan_from_another_cluster_and_from_another_time() {
    let server = small();
    write(&server, &changed(&server, |plan| plan.cluster.uid = "uid-of-prod".into()));
    refused(&server, &["the plan is for the cluster uid-of-prod", "--context"]);
    write(&server, &changed(&server, |plan| plan.expires_at = "2026-11-20T12:00:00Z".into()));
    refused(&server, &["it expired at 2026-11-20T12:00:00Z"]);
    write(&server, &changed(&server, |plan| plan.created_at = "2026-11-20T12:10:00Z".into()));
    refused(&server, &["one of the clocks is wrong"]);
    // Clocks differ a little.
    write(&server, &changed(&server, |plan| plan.created_at = "2026-11-20T12:04:00Z".into()));
    assert_eq!(run(&server, APPLY).code, 0);
}

#[test]
fn limits_are_judged_before_the_first_write() {
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    for (limit, says) in [
        (["--max-changes", "1"], "2 changes are more than 1 (max-changes)"),
        (["--max-percent", "4%"], "2.0 of 40.0 GPUs (5.0%) are more than 4.0% (max-percent)"),
        (["--max-savings", "199"], "they save 200.00 a month, more than 199.00 (max-savings)"),
    ] {
        let start = server.picture();
        let outcome = run(&server, &[APPLY, &limit, &["--journal", says]].concat());
        outcome.failed_with(5, &[says, "nothing was written"]);
        is(&outcome, &[("shrink", "not-started"), ("stale", "not-started")]);
        assert_eq!((server.picture(), server.writes().len()), (start, 0));
    }
    write(&server, &changed(&server, |plan| plan.limits.max_changes = 1));
    refused(&server, &["more than 1 (max-changes), as the plan says"]);
}

#[test]
fn two_runs_at_once() {
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    let lease = |holder: &str, renewed: &str| {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"namespace": "gpu-finops", "name": "gpu-finops"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 2, "renewTime": renewed},
        })
    };
    server.somebody(|store| store.put(lease("other_1_a", "2026-11-20T12:00:00.000000Z")));
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            let mut n = 0;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                n += 1;
                // Its clock stands years behind; what counts is that it changes.
                let renewed = format!("2020-01-01T00:00:{:02}.000000Z", n % 60);
                server.somebody(|store| store.put(lease("other_1_a", &renewed)));
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        });
        let held = run(&server, APPLY);
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        renewing.join().expect("it ends");
        held.failed_with(5, &["another run is at work: the Lease is held by other_1_a"]);
    });
    assert_eq!(server.writes().len(), 0);
    assert!(!server.path("plan.json.journal").exists());
    // One that ended without a word, and whose clock is far ahead: it does not change, so it is over.
    server.somebody(|store| store.put(lease("dead_1_b", "2036-01-01T00:00:00.000000Z")));
    let begun = std::time::Instant::now();
    assert_eq!(run(&server, APPLY).code, 0);
    assert!(begun.elapsed().as_secs() >= 2, "it is watched for its whole duration");
    let lease = server.get("leases", "gpu-finops", "gpu-finops").expect("it stays");
    assert_eq!(lease["spec"]["holderIdentity"], "", "and is given back");
}

#[test]
fn two_runs_of_the_program_at_once_do_each_change_once() {
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = ["a.journal", "b.journal"]
            .into_iter()
            .map(|journal| {
                let mut command = on(&server, &[APPLY, &["--journal", journal]].concat());
                scope.spawn(move || crate::common::Outcome::of(&mut command))
            })
            .collect();
        runs.into_iter().map(|run| run.join().expect("it ends")).collect()
    });
    let mut codes: Vec<i32> = outcomes.iter().map(|outcome| outcome.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 5], "{outcomes:?}");
    assert_eq!(server.writes().len(), 4);
}

/// The status of a change of `step`s to a server, with something said about it.
#[track_caller]
fn left_alone(server: &ApiServer, steps: Vec<Step>, args: &[&str], says: &str) {
    write(server, &plan(server, vec![patch("x", steps)]));
    let start = server.picture();
    let outcome = run(server, &[APPLY, args, &["--journal", "x.journal"]].concat());
    drop(fs::remove_file(server.path("x.journal")));
    assert_eq!(outcome.code, 5, "{}", outcome.err);
    is(&outcome, &[("x", "refused")]);
    assert!(outcome.text().contains(says), "`{says}` is not in: {}", outcome.text());
    assert_eq!(server.picture(), start);
}

fn annotate(server: &ApiServer, plural: &str, ns: &str, name: &str, key: &str, value: &str) {
    server.somebody(|store| {
        store.change(plural, ns, name, |object| {
            object["metadata"]["annotations"][key] = json!(value);
        });
    });
}

#[test]
fn what_people_say_is_kept_to() {
    let (ignore, until) = ("gpu-finops.dev/ignore", "gpu-finops.dev/idle-ok-until");
    for (key, value, says) in [
        (ignore, "true", "it has the annotation gpu-finops.dev/ignore"),
        (ignore, "", "it has the annotation gpu-finops.dev/ignore"),
        (until, "2026-11-20T12:00:01Z", "it may be idle until 2026-11-20T12:00:01Z"),
        (until, "soon", "is not a time"),
    ] {
        let server = small();
        annotate(&server, "resourceclaims", "team", "unused", key, value);
        left_alone(&server, vec![delete(&server, "team", "unused")], &[], says);
        let server = small();
        annotate(&server, "namespaces", "", "team", key, value);
        let says = says.replace("it ", "namespace team ");
        left_alone(&server, vec![delete(&server, "team", "unused")], &[], &says);
    }
    // Over, or taken back.
    for (key, value) in [(until, "2026-11-20T12:00:00Z"), (ignore, "false")] {
        let server = small();
        annotate(&server, "resourceclaims", "team", "unused", key, value);
        write(&server, &plan(&server, vec![patch("x", vec![delete(&server, "team", "unused")])]));
        assert_eq!(run(&server, APPLY).code, 0, "{key}");
    }
    let server = small();
    let step = || vec![delete(&server, "team", "unused")];
    left_alone(&server, step(), &["--protect", "te.*"], "namespace team is protected");
    left_alone(&server, step(), &["--keep-selector", "team=team"], "`--keep-selector`");
    left_alone(&server, step(), &["--keep-kind", "resourceclaim"], "`--keep-kind`");
    left_alone(&server, step(), &["--min-age", "3d"], "is not stale");
    let protected = ApiServer::with([
        namespace("gpu-operator", &json!({})),
        node("n1", 8),
        claim("gpu-operator", "unused", Held::Nothing),
    ]);
    let step = vec![delete(&protected, "gpu-operator", "unused")];
    left_alone(&protected, step, &[], "namespace gpu-operator is protected");
}

#[test]
fn pods_that_must_not_end_are_left_alone() {
    let steps = |server: &ApiServer| {
        vec![repoint(server, "team", "serve", "other"), delete(server, "team", "unused")]
    };
    let evict = "cluster-autoscaler.kubernetes.io/safe-to-evict";
    let server = small();
    server.somebody(|store| {
        store.change("deployments", "team", "serve", |d| {
            d["spec"]["template"]["metadata"]["annotations"] = json!({evict: "false"});
        });
    });
    left_alone(&server, steps(&server), &[], "safe-to-evict");
    let server = small();
    server.somebody(|store| store.put(pod("team", "serve-1", None, &json!({"app": "serve"}))));
    annotate(&server, "pods", "team", "serve-1", evict, "false");
    left_alone(&server, steps(&server), &[], "pod serve-1 has the annotation");
    let server = small();
    server.somebody(|store| store.put(budget("team", "serve", 0)));
    left_alone(&server, steps(&server), &[], "serve-pdb allows no disruption");
    let server = small();
    server.somebody(|store| store.put(budget("team", "serve", 1)));
    let to_sleep = vec![scale(&server, "team", "serve", 0), delete(&server, "team", "unused")];
    left_alone(&server, to_sleep, &[], "serve-pdb guards the pods that would all end");
}

#[test]
fn what_changed_or_came_alive_since_the_plan_is_left_alone() {
    type Does = fn(&mut crate::apiserver::store::Store);
    let changes: &[(Does, &str)] = &[
        (|s| s.remove("resourceclaims", "team", "unused"), "it is not there any more"),
        (
            |s| {
                s.change("resourceclaims", "team", "unused", |c| {
                    c["metadata"]["uid"] = json!("new");
                });
            },
            "or another one is",
        ),
        (
            |s| {
                s.change("resourceclaims", "team", "unused", |c| {
                    c["metadata"]["labels"]["x"] = json!("y");
                });
            },
            "was changed since",
        ),
        // Allocated and let go in between.
        (|s| s.change("resourceclaims", "team", "unused", |_| {}), "was written to since"),
        (|s| s.put(pod("team", "new", Some("unused"), &json!({}))), "is not stale: it is pending"),
        (
            |s| {
                s.put(json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": "team", "name": "night"},
            "spec": {"suspend": true, "schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": {"spec": {
                "resourceClaims": [{"name": "gpu", "resourceClaimName": "unused"}], "containers": [],
            }}}}},
        }));
            },
            "is not stale",
        ),
        (
            |s| {
                s.change("resourceclaims", "team", "unused", |c| {
            c["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Pod", "name": "worker", "uid": "pod-team-worker", "controller": true}]);
        });
            },
            "is not stale",
        ),
    ];
    for (does, says) in changes {
        let server = small();
        write(&server, &plan(&server, vec![patch("x", vec![delete(&server, "team", "unused")])]));
        server.somebody(*does);
        let start = server.picture();
        let outcome = run(&server, APPLY);
        assert_eq!(outcome.code, 5, "{}", outcome.err);
        is(&outcome, &[("x", "refused")]);
        assert!(outcome.text().contains(says), "`{says}` is not in: {}", outcome.text());
        assert_eq!(server.picture(), start);
    }
}

/// A plan that a hand wrote, and sealed.
#[test]
fn what_may_never_be_done_is_not_done_whatever_a_plan_says() {
    let server = small();
    let of = |kind: &str, api_version: &str, name: &str| Target {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: "team".into(),
        name: name.into(),
        uid: Some("u".into()),
        resource_version: Some("1".into()),
        origin: None,
    };
    let forward = |path: &str| -> Operation {
        let patch = |value: Value| {
            let op = json!([{"op": "add", "path": path, "value": value}]);
            serde_json::from_value(op).expect("a patch")
        };
        Operation::Patch { forward: patch(json!([])), inverse: patch(json!([])) }
    };
    let cases = [
        (of("Pod", "v1", "worker"), Operation::Delete { object: json!({}) }, "never deletes a Pod"),
        (
            of("Deployment", "apps/v1", "serve"),
            Operation::Delete { object: json!({}) },
            "never deletes a Deployment",
        ),
        (of("Secret", "v1", "s"), forward("/data"), "never patches a Secret"),
        (of("Pod", "v1", "worker"), forward("/spec"), "never patches a Pod"),
        (
            of("ResourceClaim", "resource.k8s.io/v1", "busy"),
            forward("/metadata/finalizers"),
            "never patches a ResourceClaim",
        ),
        (
            of("Deployment", "apps/v1", "serve"),
            forward("/metadata/finalizers"),
            "never writes /metadata/finalizers",
        ),
        (of("Deployment", "apps/v1", "serve"), forward("/metadata"), "never writes /metadata"),
        (
            of("Deployment", "apps/v1", "serve"),
            forward("/status/replicas"),
            "never writes /status/replicas",
        ),
        (
            of("Job", "batch/v1", "j"),
            Operation::Create { object: json!({}) },
            "never creates a Job",
        ),
    ];
    for (target, operation, says) in cases {
        let steps = vec![Step { target, operation }, delete(&server, "team", "unused")];
        let mut plan = plan(&server, vec![]);
        plan.changes.patches = vec![patch("x", steps)];
        write(&server, &plan.sealed());
        let outcome = run(&server, &[APPLY, &["--journal", "x.journal"]].concat());
        drop(fs::remove_file(server.path("x.journal")));
        is(&outcome, &[("x", "refused")]);
        assert!(outcome.text().contains(says), "`{says}` is not in: {}", outcome.text());
    }
    // A claim in use, said to be stale.
    left_alone(&server, vec![delete(&server, "team", "busy")], &[], "is not stale: it is active");
    left_alone(&server, vec![create("team", "x")], &[], "deletes none");
    assert_eq!(server.writes().len(), 0);
}

#[test]
fn a_claim_that_comes_alive_while_its_change_is_made_waits() {
    let server = small();
    let start = server.picture();
    write(&server, &plan(&server, two_changes(&server)));
    let taken = |store: &mut crate::apiserver::store::Store| {
        store.put(pod("team", "quick", Some("unused"), &json!({})));
        store.put(claim("team", "unused", Held::By("quick")));
    };
    server.misbehave([Fault::at(Pick::Write, 2, What::Meanwhile(Box::new(taken)))]);
    let outcome = run(&server, APPLY);
    outcome.failed_with(5, &["1 of 2 changes were not made", "--resume"]);
    is(&outcome, &[("shrink", "postponed"), ("stale", "applied")]);
    assert!(outcome.text().contains("reserved by pods quick"), "{}", outcome.text());
    assert_eq!(server.robbed(), [""; 0]);
    // The pod ends, and so does the rest of the change.
    server.somebody(|store| {
        store.remove("pods", "team", "quick");
        store.change("resourceclaims", "team", "unused", |claim| {
            claim.as_object_mut().expect("an object").remove("status");
        });
    });
    let resumed = run(&server, super::RESUME);
    assert_eq!(resumed.code, 0, "{}{}", resumed.err, resumed.text());
    is(&resumed, &[("shrink", "applied"), ("stale", "applied")]);
    assert_eq!(run(&server, super::ROLLBACK).code, 0);
    assert_eq!(server.picture(), start);
}

#[test]
fn what_was_postponed_is_done_by_the_next_run_too() {
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    let taken = |store: &mut crate::apiserver::store::Store| {
        store.put(pod("team", "quick", Some("unused"), &json!({})));
        store.put(claim("team", "unused", Held::By("quick")));
    };
    server.misbehave([Fault::at(Pick::Write, 2, What::Meanwhile(Box::new(taken)))]);
    is(&run(&server, APPLY), &[("shrink", "postponed"), ("stale", "applied")]);
    // As long as it is reserved, it is in use for everybody.
    let args = ["cleanup", "--yes", "-o", "json", "--max-percent", "100%", "--journal"];
    is(&run(&server, &[&args[..], &["early.journal"]].concat()), &[]);
    server.somebody(|store| {
        store.remove("pods", "team", "quick");
        store.change("resourceclaims", "team", "unused", |claim| {
            claim.as_object_mut().expect("an object").remove("status");
        });
    });
    let next = run(&server, &[&args[..], &["next.journal"]].concat());
    assert_eq!(next.code, 0, "{}{}", next.err, next.text());
    assert!(server.get("resourceclaims", "team", "unused").is_none());
    assert_eq!(server.robbed(), [""; 0]);
}

/// A plan made by hand: `plan` has one change of each object.
#[test]
fn two_changes_of_one_object_are_made_on_top_of_each_other_and_taken_back_in_turn() {
    let server = small();
    let start = server.picture();
    let scaled = vec![scale(&server, "team", "serve", 1), delete(&server, "team", "unused")];
    let repointed =
        vec![repoint(&server, "team", "serve", "other"), delete(&server, "team", "orphan")];
    write(&server, &plan(&server, vec![patch("scale", scaled), patch("repoint", repointed)]));
    let done = run(&server, APPLY);
    assert_eq!(done.code, 0, "{}{}", done.err, done.text());
    let serve = server.get("deployments", "team", "serve").expect("there");
    assert_eq!(serve["spec"]["replicas"], 1);
    let template = "/spec/template/spec/resourceClaims/0/resourceClaimTemplateName";
    assert_eq!(serve.pointer(template), Some(&json!("other")));
    let back = run(&server, super::ROLLBACK);
    assert_eq!(back.code, 0, "{}{}", back.err, back.text());
    is(&back, &[("repoint", "undone"), ("scale", "undone")]);
    assert_eq!(server.picture(), start);
}

#[test]
fn what_is_kept_elsewhere_is_not_changed_here() {
    for (labels, says) in [
        (json!({"argocd.argoproj.io/instance": "web"}), "in the Git repository of the Argo CD"),
        (json!({"kustomize.toolkit.fluxcd.io/name": "web"}), "the Flux Kustomization"),
        (json!({"vcluster.loft.sh/managed-by": "vc-7"}), "in the virtual cluster vc-7"),
    ] {
        let server = small();
        server.somebody(|store| {
            store.change("deployments", "team", "serve", |d| {
                d["metadata"]["labels"] = labels.clone();
            });
        });
        let steps = vec![scale(&server, "team", "serve", 0), delete(&server, "team", "unused")];
        left_alone(&server, steps, &[], says);
    }
    let server = small();
    server.somebody(|store| {
        store.put(json!({
            "apiVersion": "jobset.x-k8s.io/v1", "kind": "JobSet",
            "metadata": {"namespace": "team", "name": "web"}, "spec": {},
        }));
        store.change("deployments", "team", "serve", |d| {
            d["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "jobset.x-k8s.io/v1", "kind": "JobSet", "name": "web", "uid": "1", "controller": true,
            }]);
        });
    });
    let steps = vec![scale(&server, "team", "serve", 0), delete(&server, "team", "unused")];
    left_alone(&server, steps, &[], "it belongs to JobSet web, which would undo the change");
}

fn owned(kind: &str, namespace: &str) -> Value {
    let mut pod = pod(namespace, "db-0", None, &json!({}));
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "corp/v1", "kind": kind, "name": "db", "uid": "1", "controller": true}]);
    pod
}

/// Almost every cluster has operators of kinds that a role of a cleanup does not name.
#[test]
fn an_owner_that_cannot_be_read_is_a_doubt_in_its_namespace_alone() {
    let server = small();
    server.somebody(|store| {
        store.put(namespace("data", &json!({})));
        store.put(claim("data", "loose", Held::Nothing));
        store.put(owned("Database", "data"));
    });
    let args = ["plan", "-o", "plan.json", "--max-percent", "100%"];
    let planned = run(&server, &args);
    assert_eq!(planned.code, 0, "{}", planned.err);
    for part in [
        "2 changes planned until",
        "left alone: data/ResourceClaim/loose",
        "what makes pods in its namespace could not be read, and may name it",
        "kubernetes/owners: Database not read",
    ] {
        assert!(planned.err.contains(part), "`{part}` is not in: {}", planned.err);
    }
    let step = vec![delete(&server, "data", "loose")];
    left_alone(&server, step, &[], "what makes pods in its namespace could not be read");
}

/// It has no pod, so that nothing leads to it.
#[test]
fn a_claim_that_a_suspended_workload_of_any_kind_names_is_not_stale() {
    let names = json!({"resourceClaims": [{"name": "gpu", "resourceClaimName": "unused"}], "containers": []});
    let template = json!({"spec": names});
    for (api_version, kind, spec) in [
        (
            "ray.io/v1",
            "RayCluster",
            json!({"suspend": true, "workerGroupSpecs": [{"template": template}]}),
        ),
        (
            "kubeflow.org/v1",
            "PyTorchJob",
            json!({"runPolicy": {"suspend": true}, "pytorchReplicaSpecs": {"Worker": {"template": template}}}),
        ),
        (
            "jobset.x-k8s.io/v1",
            "JobSet",
            json!({"suspend": true, "replicatedJobs": [{"template": {"spec": {"template": template}}}]}),
        ),
        ("v1", "ReplicationController", json!({"replicas": 0, "template": template})),
        ("batch/v1", "Job", json!({"suspend": true, "template": template})),
        (
            "agents.x-k8s.io/v1",
            "Sandbox",
            json!({"operatingMode": "Suspended", "podTemplate": template}),
        ),
    ] {
        let server = small();
        server.somebody(|store| {
            store.put(json!({
                "apiVersion": api_version, "kind": kind, "metadata": {"namespace": "team", "name": "later"}, "spec": spec,
            }));
        });
        left_alone(&server, vec![delete(&server, "team", "unused")], &[], "is not stale");
        let planned = run(&server, &["plan", "--max-percent", "100%"]);
        assert!(planned.err.contains("1 change planned"), "{kind}: {}", planned.err);
    }
}

/// A later run pointed another workload at the template that this one made.
#[test]
fn what_others_name_since_is_not_taken_from_them_by_a_rollback() {
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    assert_eq!(run(&server, APPLY).code, 0);
    server.somebody(|store| {
        store.put(crate::apiserver::objects::deployment("team", "other", "two-rs1"));
    });
    let back = run(&server, super::ROLLBACK);
    back.failed_with(5, &["1 of 2 changes were not made"]);
    is(&back, &[("stale", "undone"), ("shrink", "refused")]);
    assert!(back.text().contains("Deployment team/other names it"), "{}", back.text());
    assert!(server.get("resourceclaimtemplates", "team", "two-rs1").is_some());
    // Once it is pointed elsewhere, the rest goes, too.
    server.somebody(|store| store.remove("deployments", "team", "other"));
    let again = run(&server, super::ROLLBACK);
    assert_eq!(again.code, 0, "{}{}", again.err, again.text());
    assert!(server.get("resourceclaimtemplates", "team", "two-rs1").is_none());
}
