//! Which rights a full run uses: each of them is needed, and no other.

use std::collections::BTreeSet;

use super::{APPLY, ROLLBACK, plan, run, scale, small, two_changes, write};
use crate::apiserver::ApiServer;
use crate::common::Outcome;

/// Everything that a run can do: a create, a patch, deletions, marks and their Events, a Lease that is made, renewed and
/// given back; and all of it taken back.
pub(crate) fn full_run(server: &ApiServer) -> [Outcome; 3] {
    let mut patches = two_changes(server);
    let mut risky = super::patch(
        "sleep",
        vec![scale(server, "team", "other", 0), super::delete(server, "team", "third")],
    );
    risky.risk = gpu_finops::recommend::contract::Risk::Medium;
    patches.push(risky);
    write(server, &plan(server, patches));
    let planned = run(server, &["plan", "-o", "other.json"]);
    let applied = run(server, APPLY);
    // A run without a journal has nothing to take back.
    let back = match server.path("plan.json.journal").exists() {
        true => run(server, ROLLBACK),
        false => Outcome { code: 5, out: Vec::new(), err: String::new() },
    };
    [planned, applied, back]
}

/// The server of [`full_run`].
pub(crate) fn full() -> ApiServer {
    let server = small();
    server.somebody(|store| {
        store.put(crate::apiserver::objects::deployment("team", "other", "two"));
        store.put(crate::apiserver::objects::claim(
            "team",
            "third",
            crate::apiserver::objects::Held::Nothing,
        ));
    });
    server
}

/// (verb, group, resource) of every request of a full run, tried ones among them.
pub(crate) fn rights() -> BTreeSet<(String, String, String)> {
    let server = full();
    for outcome in full_run(&server) {
        assert_eq!(outcome.code, 0, "{}", outcome.err);
    }
    server.permissions()
}

/// Those of them that change something.
pub(crate) fn rights_of_writes() -> BTreeSet<(String, String, String)> {
    let writes = |(verb, ..): &(String, String, String)| !matches!(verb.as_str(), "get" | "list");
    rights().into_iter().filter(writes).collect()
}

#[test]
fn each_right_to_write_is_needed() {
    let rights = rights_of_writes();
    let expected = [
        ("create", "", "events"),
        ("create", "coordination.k8s.io", "leases"),
        ("create", "resource.k8s.io", "resourceclaims"),
        ("create", "resource.k8s.io", "resourceclaimtemplates"),
        ("delete", "resource.k8s.io", "resourceclaims"),
        ("delete", "resource.k8s.io", "resourceclaimtemplates"),
        ("patch", "apps", "deployments"),
        ("update", "coordination.k8s.io", "leases"),
    ];
    let expected: BTreeSet<(String, String, String)> =
        expected.into_iter().map(|(a, b, c)| (a.into(), b.into(), c.into())).collect();
    assert_eq!(rights, expected);
    for (verb, _, resource) in rights.iter().filter(|(.., resource)| resource != "events") {
        let server = full();
        server.deny(verb, resource);
        let outcomes = full_run(&server);
        // Without it a run does not come to its end: it does nothing, or is not taken back. But for the Lease, which
        // ends by itself where it cannot be given back.
        let short = outcomes.iter().any(|outcome| outcome.code != 0);
        let ends_itself = (verb.as_str(), resource.as_str()) == ("update", "leases");
        assert!(short || ends_itself, "{verb} {resource} is not needed");
        assert_eq!(server.robbed(), [""; 0]);
    }
}

#[test]
fn without_the_right_to_read_what_guards_pods_nothing_is_changed() {
    let server = full();
    server.deny("list", "poddisruptionbudgets");
    write(&server, &plan(&server, two_changes(&server)));
    let outcome = run(&server, APPLY);
    assert_eq!(outcome.code, 5, "{}", outcome.err);
    assert!(outcome.text().contains("what stands around it cannot be read"), "{}", outcome.text());
    assert_eq!(server.writes().len(), 0);
}
