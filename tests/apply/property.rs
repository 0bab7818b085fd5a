//! Random clusters, random faults, any kill point: after a rollback everything is as it was but for what others changed,
//! and no live pod ever loses its device.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use super::kills::killed;
use super::{APPLY, RESUME, ROLLBACK, create, delete, patch, plan, repoint, run, write};
use crate::apiserver::objects::{Held, claim, deployment, namespace, node, pod, template};
use crate::apiserver::store::Store;
use crate::apiserver::{ApiServer, Fault, Pick, What};

/// A claim: how it is held when the plan is made.
#[derive(Debug, Clone, Copy)]
enum Claim {
    Unused,
    Orphan,
    Busy,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Nothing,
    Kill {
        nth: usize,
        after: bool,
    },
    Drop {
        nth: usize,
        after: bool,
    },
    Status {
        nth: usize,
        code: u16,
    },
    /// A pod takes a claim.
    Taken {
        nth: usize,
        claim: usize,
    },
    /// Somebody changes a deployment.
    Edited {
        nth: usize,
        deployment: usize,
    },
    /// Somebody deletes a claim.
    Deleted {
        nth: usize,
        claim: usize,
    },
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let nth = 1usize..8;
    prop_oneof![
        1 => Just(Trouble::Nothing),
        4 => (nth.clone(), any::<bool>()).prop_map(|(nth, after)| Trouble::Kill { nth, after }),
        2 => (nth.clone(), any::<bool>()).prop_map(|(nth, after)| Trouble::Drop { nth, after }),
        2 => (nth.clone(), prop::sample::select(vec![403u16, 404, 409, 422, 500, 503]))
            .prop_map(|(nth, code)| Trouble::Status { nth, code }),
        2 => (nth.clone(), 0usize..6).prop_map(|(nth, claim)| Trouble::Taken { nth, claim }),
        1 => (nth.clone(), 0usize..3)
            .prop_map(|(nth, deployment)| Trouble::Edited { nth, deployment }),
        1 => (nth, 0usize..6).prop_map(|(nth, claim)| Trouble::Deleted { nth, claim }),
    ]
}

#[derive(Debug, Clone)]
struct Case {
    claims: Vec<Claim>,
    deployments: usize,
    apply: Trouble,
    resumes: bool,
    rollback: Trouble,
}

fn case() -> impl Strategy<Value = Case> {
    let held = prop_oneof![Just(Claim::Unused), Just(Claim::Orphan), Just(Claim::Busy)];
    (prop::collection::vec(held, 1..6), 0usize..3, trouble(), any::<bool>(), trouble()).prop_map(
        |(claims, deployments, apply, resumes, rollback)| Case {
            claims,
            deployments,
            apply,
            resumes,
            rollback,
        },
    )
}

fn cluster(case: &Case) -> ApiServer {
    let mut objects = vec![namespace("team", &json!({})), node("n1", 40)];
    for (i, held) in case.claims.iter().enumerate() {
        let (name, user) = (format!("c{i}"), format!("p{i}"));
        match held {
            Claim::Unused => objects.push(claim("team", &name, Held::Nothing)),
            Claim::Orphan => objects.push(claim("team", &name, Held::Orphan)),
            Claim::Busy => {
                objects.push(claim("team", &name, Held::By(&user)));
                objects.push(pod("team", &user, Some(&name), &json!({})));
            }
        }
    }
    for i in 0..case.deployments {
        objects.push(template("team", &format!("t{i}"), 2));
        objects.push(deployment("team", &format!("d{i}"), &format!("t{i}")));
    }
    ApiServer::with(objects)
}

/// A plan that deletes every claim, whatever it is, and moves deployments to new templates on the way.
fn greedy(server: &ApiServer, case: &Case) {
    let patches = (0..case.claims.len()).map(|i| {
        let mut steps = Vec::new();
        if i < case.deployments {
            steps.push(create("team", &format!("t{i}-rs1")));
            steps.push(repoint(server, "team", &format!("d{i}"), &format!("t{i}-rs1")));
        }
        steps.push(delete(server, "team", &format!("c{i}")));
        patch(&format!("x{i}"), steps)
    });
    write(server, &plan(server, patches.collect()));
}

/// What others do, to the cluster and to what is expected of it in the end.
fn others(trouble: Trouble) -> Option<impl Fn(&mut Store) + Send + Copy> {
    let others =
        matches!(trouble, Trouble::Taken { .. } | Trouble::Edited { .. } | Trouble::Deleted { .. });
    others.then_some(move |store: &mut Store| match trouble {
        Trouble::Taken { claim: i, .. } => {
            let (name, user) = (format!("c{i}"), format!("thief{i}"));
            let free = store
                .find("resourceclaims", "team", &name)
                .is_some_and(|c| c["status"]["reservedFor"].as_array().is_none_or(Vec::is_empty));
            if free {
                store.put(pod("team", &user, Some(&name), &json!({})));
                store.put(claim("team", &name, Held::By(&user)));
            }
        }
        Trouble::Edited { deployment, .. } => {
            store.change("deployments", "team", &format!("d{deployment}"), |d| {
                d["spec"]["replicas"] = json!(7);
            });
        }
        Trouble::Deleted { claim, .. } => {
            store.remove("resourceclaims", "team", &format!("c{claim}"));
        }
        _ => {}
    })
}

/// Runs a command in trouble.
fn in_trouble(server: &ApiServer, args: &[&str], trouble: Trouble) {
    let fault = |nth, what| Fault::at(Pick::Write, nth, what);
    let status = |code| match code {
        409 => What::Status(409, "Conflict", "the object has been modified", None),
        403 => What::Status(403, "Forbidden", "no", None),
        404 => What::Status(404, "NotFound", "not found", None),
        422 => What::Status(422, "Invalid", "not valid", None),
        code => What::Status(code, "InternalError", "failed", None),
    };
    match trouble {
        Trouble::Kill { nth, after } => {
            killed(server, args, nth, after);
            return;
        }
        Trouble::Nothing => {}
        Trouble::Drop { nth, after: false } => server.misbehave([fault(nth, What::DropBefore)]),
        Trouble::Drop { nth, after: true } => server.misbehave([fault(nth, What::DropAfter)]),
        Trouble::Status { nth, code } => server.misbehave([fault(nth, status(code))]),
        Trouble::Taken { nth, .. } | Trouble::Edited { nth, .. } | Trouble::Deleted { nth, .. } => {
            if let Some(does) = others(trouble) {
                server.misbehave([fault(nth, What::Meanwhile(Box::new(does)))]);
            }
        }
    }
    let outcome = run(server, args);
    assert!(matches!(outcome.code, 0 | 2 | 5), "{}", outcome.err);
    server.misbehave([]);
}

/// What is expected where others had a hand in it: theirs is left out on both sides.
fn without(picture: Vec<Value>, troubles: &[Trouble]) -> Vec<Value> {
    let is_theirs = |object: &Value| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        troubles.iter().any(|trouble| match trouble {
            Trouble::Taken { claim, .. } => {
                name == format!("c{claim}") || name == format!("thief{claim}")
            }
            Trouble::Deleted { claim, .. } => name == format!("c{claim}"),
            _ => false,
        })
    };
    let mut picture: Vec<Value> = picture.into_iter().filter(|o| !is_theirs(o)).collect();
    for object in &mut picture {
        let edited = |trouble: &Trouble| match trouble {
            Trouble::Edited { deployment, .. } => {
                object["kind"] == "Deployment"
                    && object["metadata"]["name"] == format!("d{deployment}")
            }
            _ => false,
        };
        if troubles.iter().any(edited) {
            object["spec"]["replicas"] = json!(null);
        }
    }
    picture
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, rng_seed: RngSeed::Fixed(20_261_123), ..ProptestConfig::default()
    })]

    #[test]
    fn after_a_rollback_everything_is_as_it_was(case in case()) {
        let server = cluster(&case);
        greedy(&server, &case);
        let start = server.picture();
        in_trouble(&server, APPLY, case.apply);
        if case.resumes {
            in_trouble(&server, RESUME, Trouble::Nothing);
        }
        let mut troubles = vec![case.apply];
        if server.path("plan.json.journal").exists() {
            in_trouble(&server, ROLLBACK, case.rollback);
            troubles.push(case.rollback);
            let last = run(&server, ROLLBACK);
            prop_assert!(matches!(last.code, 0 | 5), "{}", last.err);
        }
        prop_assert_eq!(server.robbed(), Vec::<String>::new());
        let (start, end) = (without(start, &troubles), without(server.picture(), &troubles));
        prop_assert_eq!(start, end);
        for (i, held) in case.claims.iter().enumerate() {
            if matches!(held, Claim::Busy) && !troubles.iter().any(|t| matches!(t, Trouble::Deleted { claim, .. } if *claim == i)) {
                let name = format!("c{i}");
                let claim = server.get("resourceclaims", "team", &name).expect("a pod has it");
                prop_assert!(claim["metadata"]["deletionTimestamp"].is_null());
            }
        }
    }
}
