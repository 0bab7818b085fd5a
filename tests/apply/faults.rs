//! Each fault that a server has: what is done, what is not, what is said, and that it can be taken back.

use serde_json::json;

use super::{
    APPLY, RESUME, ROLLBACK, is, journal, on, plan, run, small, statuses, two_changes, write,
};
use crate::apiserver::{ApiServer, Fault, Pick, What};
use crate::common::Outcome;

/// Applies two changes while something goes wrong; then takes everything back.
#[track_caller]
fn with(fault: Fault, code: i32, expected: &[(&str, &str)], says: &[&str]) -> ApiServer {
    let server = small();
    let start = server.picture();
    write(&server, &plan(&server, two_changes(&server)));
    server.misbehave([fault]);
    let outcome = run(&server, APPLY);
    assert_eq!(outcome.code, code, "{}", outcome.err);
    is(&outcome, expected);
    for part in says {
        assert!(outcome.err.contains(part), "`{part}` is not in: {}", outcome.err);
    }
    assert_eq!(server.robbed(), [""; 0]);
    server.misbehave([]);
    let back = run(&server, ROLLBACK);
    assert_eq!(back.code, 0, "{}", back.err);
    assert_eq!(server.picture(), start);
    server
}

fn status(pick: Pick, nth: usize, code: u16, reason: &'static str, message: &'static str) -> Fault {
    Fault::at(pick, nth, What::Status(code, reason, message, None))
}

const NOT_STARTED: &[(&str, &str)] = &[("shrink", "refused"), ("stale", "not-started")];

#[test]
fn conflict_that_stays() {
    // A patch is tried again while nothing that matters is different; then it is a surprise.
    let all = Fault::at(
        Pick::Verb("patch", "deployments"),
        0,
        What::Status(409, "Conflict", "the object has been modified", None),
    );
    with(
        all,
        5,
        &[("shrink", "failed"), ("stale", "not-started")],
        &["the object has been modified"],
    );
}

#[test]
fn conflict_once() {
    let once = status(Pick::Verb("patch", "deployments"), 1, 409, "Conflict", "modified");
    with(once, 0, &[("shrink", "applied"), ("stale", "applied")], &[]);
}

#[test]
fn conflict_of_a_delete_is_not_sent_again() {
    let once = status(
        Pick::Verb("delete", "resourceclaims"),
        1,
        409,
        "Conflict",
        "the ResourceVersion in the precondition (1) does not match",
    );
    let expected = &[("shrink", "failed"), ("stale", "not-started")];
    let server = with(once, 5, expected, &["does not match"]);
    // Rolling back what came before it deletes no claim.
    assert!(server.get("resourceclaims", "team", "unused").is_some());
}

#[test]
fn not_found_in_between() {
    let gone = status(
        Pick::Verb("delete", "resourceclaims"),
        2,
        404,
        "NotFound",
        "resourceclaims \"orphan\" not found",
    );
    with(gone, 5, &[("shrink", "applied"), ("stale", "refused")], &["not found"]);
}

#[test]
fn forbidden_half_way() {
    let denied = status(
        Pick::Write,
        2,
        403,
        "Forbidden",
        "User \"u\" cannot patch resource \"deployments\"",
    );
    with(denied, 5, &[("shrink", "failed"), ("stale", "not-started")], &["cannot patch"]);
}

#[test]
fn invalid_when_it_is_tried() {
    let invalid = status(
        Pick::Tried("patch", "deployments"),
        1,
        422,
        "Invalid",
        "The Deployment \"serve\" is invalid: must be equal to nvidia.com/gpu limit of 1",
    );
    let server = with(
        invalid,
        5,
        NOT_STARTED,
        &["would not take it", "must be equal to nvidia.com/gpu limit", "nothing was written"],
    );
    assert_eq!(server.writes(), [""; 0]);
}

#[test]
fn a_webhook_that_denies() {
    let text = "admission webhook \"gate.corp\" denied the request: change freeze";
    let server = with(
        status(Pick::Tried("create", "resourceclaimtemplates"), 1, 403, "Forbidden", text),
        5,
        NOT_STARTED,
        &["change freeze", "nothing was written"],
    );
    assert_eq!(server.writes(), [""; 0]);
    // One that denies only what is real.
    let late = status(Pick::Write, 3, 403, "Forbidden", text);
    with(late, 5, &[("shrink", "failed"), ("stale", "not-started")], &["change freeze"]);
}

#[test]
fn too_many_requests_are_waited_out() {
    let wait =
        Fault::at(Pick::Write, 2, What::Status(429, "TooManyRequests", "slow down", Some(1)));
    let begun = std::time::Instant::now();
    with(wait, 0, &[("shrink", "applied"), ("stale", "applied")], &[]);
    assert!(begun.elapsed().as_secs() >= 1, "Retry-After is kept to");
}

#[test]
fn too_many_requests_for_ever() {
    let all = Fault::at(
        Pick::Verb("delete", "resourceclaims"),
        0,
        What::Status(429, "TooManyRequests", "slow down", Some(0)),
    );
    with(
        all,
        5,
        &[("shrink", "failed"), ("stale", "not-started")],
        &["too many requests: slow down"],
    );
}

#[test]
fn a_server_error_that_stored_nothing_is_left_open_and_found_out_later() {
    let expected = &[("shrink", "unknown"), ("stale", "not-started")];
    let failed = status(Pick::Write, 2, 500, "InternalError", "etcdserver: leader changed");
    let server = with(failed, 5, expected, &["etcdserver: leader changed", "it was not stored"]);
    // The rollback found out that it never was.
    let failed = journal(&server.path("plan.json.journal"));
    assert!(failed.iter().any(|e| e["record"]["why"] == "it was never stored"), "{failed:?}");
}

#[test]
fn a_write_that_was_stored_without_an_answer_is_not_sent_again() {
    for nth in 1..=4 {
        for what in [What::DropAfter, What::FailAfter] {
            let applied = &[("shrink", "applied"), ("stale", "applied")];
            let server = with(Fault::at(Pick::Write, nth, what), 0, applied, &[]);
            let entries = journal(&server.path("plan.json.journal"));
            let found = entries.iter().filter(|e| e["record"]["found_out"] == true).count();
            assert_eq!(found, 1, "write {nth}");
        }
    }
}

#[test]
fn a_write_that_was_lost_can_be_gone_on_with() {
    for nth in 1..=4 {
        let server = small();
        let start = server.picture();
        write(&server, &plan(&server, two_changes(&server)));
        server.misbehave([Fault::at(Pick::Write, nth, What::DropBefore)]);
        let lost = run(&server, APPLY);
        assert_eq!(lost.code, 5, "{}", lost.err);
        assert!(statuses(&lost).iter().any(|(_, status)| status == "unknown"), "{}", lost.text());
        let resumed = run(&server, RESUME);
        assert_eq!(resumed.code, 0, "{}", resumed.err);
        is(&resumed, &[("shrink", "applied"), ("stale", "applied")]);
        assert_eq!(server.writes().len(), 4, "each is stored once");
        assert_eq!(run(&server, ROLLBACK).code, 0);
        assert_eq!(server.picture(), start, "write {nth}");
    }
}

#[test]
fn an_object_that_changes_between_dry_run_and_write() {
    // Somebody gives the deployment more memory just before it is patched.
    let change = |store: &mut crate::apiserver::store::Store| {
        store.change("deployments", "team", "serve", |d| {
            d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("serve:2");
        });
    };
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    server.misbehave([Fault::at(Pick::Write, 2, What::Meanwhile(Box::new(change)))]);
    let outcome = run(&server, APPLY);
    outcome.failed_with(5, &["was changed since the plan was made"]);
    is(&outcome, &[("shrink", "failed"), ("stale", "not-started")]);
    assert_eq!(run(&server, ROLLBACK).code, 0);
    let serve = server.get("deployments", "team", "serve").expect("there");
    let spec = &serve["spec"]["template"]["spec"];
    assert_eq!(spec["containers"][0]["image"], "serve:2", "what others did stays");
    assert_eq!(spec["resourceClaims"][0]["resourceClaimTemplateName"], "two");
    assert!(server.get("resourceclaimtemplates", "team", "two-rs1").is_none());
}

#[test]
fn a_claim_that_is_reserved_just_before_it_is_deleted_stays() {
    let reserve = |store: &mut crate::apiserver::store::Store| {
        store.change("resourceclaims", "team", "orphan", |claim| {
            claim["status"]["reservedFor"] =
                json!([{"resource": "pods", "name": "late", "uid": "late"}]);
        });
    };
    let server = small();
    write(&server, &plan(&server, two_changes(&server)));
    server.misbehave([Fault::at(
        Pick::Verb("delete", "resourceclaims"),
        2,
        What::Meanwhile(Box::new(reserve)),
    )]);
    let outcome = run(&server, APPLY);
    outcome.failed_with(5, &["does not match the ResourceVersion in record"]);
    is(&outcome, &[("shrink", "applied"), ("stale", "refused")]);
    assert_eq!(server.robbed(), [""; 0]);
    assert!(server.get("resourceclaims", "team", "orphan").is_some());
}

#[test]
fn a_full_disk_stops_before_the_write() {
    let server = small();
    let start = server.picture();
    write(&server, &plan(&server, two_changes(&server)));
    let outcome = run(&server, &[APPLY, &["--journal", "/dev/full"]].concat());
    outcome.failed_with(1, &["the journal /dev/full cannot be written", "nothing was changed"]);
    assert_eq!((server.picture(), server.writes().len()), (start.clone(), 0));
    // A disk that is full after the first lines: no write without its line.
    let mut full = 0;
    for limit in (2..40).step_by(3) {
        let server = small();
        write(&server, &plan(&server, two_changes(&server)));
        let command = on(&server, APPLY);
        let words: Vec<String> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let mut shell = assert_cmd::Command::new("sh");
        shell
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {limit}; exec {}", words.join(" "))])
            .current_dir(server.folder());
        let outcome = Outcome::of(&mut shell);
        let intents = journal(&server.path("plan.json.journal"));
        let intents = intents.iter().filter(|e| e["record"]["record"] == "intent").count();
        assert!(server.writes().len() <= intents, "{limit}: {}", outcome.err);
        if outcome.code != 0 {
            assert!(outcome.err.contains("cannot be written"), "{}", outcome.err);
            full += usize::from(intents > 0);
        }
        if intents > 0 {
            assert_eq!(run(&server, ROLLBACK).code, 0, "{limit}");
        }
        assert_eq!(server.picture(), start, "{limit}");
    }
    assert!(full > 1, "the disk was never full in the middle");
}
