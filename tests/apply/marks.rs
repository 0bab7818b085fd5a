//! What is risky is marked first, and changed only when it was found again.

use gpu_finops::recommend::contract::Risk;
use serde_json::json;

use super::{delete, is, on, patch, plan, run, scale, small, write};
use crate::apiserver::ApiServer;
use crate::common::Outcome;

/// A run of its own, with a fresh plan of a risky change, at some hour of a day.
fn night(server: &ApiServer, day: u32, hour: u32, found: bool) -> Outcome {
    let steps = vec![scale(server, "team", "serve", 0), delete(server, "team", "unused")];
    let mut risky = patch("sleep serve", steps);
    risky.risk = Risk::High;
    let patches =
        if found { vec![risky] } else { vec![patch("x", vec![delete(server, "team", "orphan")])] };
    let mut plan = plan(server, patches);
    plan.created_at = format!("2026-11-{day:02}T{hour:02}:00:00Z");
    plan.expires_at = "2026-12-24T00:00:00Z".to_owned();
    write(server, &plan.sealed());
    let now = format!("2026-11-{day:02}T{hour:02}:00:00Z");
    let mut command = on(server, &["apply", "plan.json", "--yes", "-o", "json"]);
    command.args(["--journal", &format!("{day}-{hour}.journal")]);
    // The clock that is said last is the one.
    let args: Vec<String> =
        command.get_args().map(|a| a.to_string_lossy().replace(super::NOW, &now)).collect();
    let mut command = crate::common::gpu_finops();
    command.args(args).current_dir(server.folder());
    Outcome::of(&mut command)
}

fn mark(server: &ApiServer) -> Option<String> {
    let serve = server.get("deployments", "team", "serve").expect("there");
    serve["metadata"]["annotations"]["gpu-finops.dev/marked"].as_str().map(str::to_owned)
}

fn replicas(server: &ApiServer) -> u64 {
    let serve = server.get("deployments", "team", "serve").expect("there");
    serve["spec"]["replicas"].as_u64().expect("a number")
}

#[test]
fn a_risky_change_is_made_a_day_after_it_was_marked() {
    let server = small();
    let first = night(&server, 20, 12, true);
    assert_eq!(first.code, 0, "{}", first.err);
    is(&first, &[("sleep serve", "marked")]);
    assert!(
        first.text().contains("it can be made from 2026-11-21T12:00:00Z on"),
        "{}",
        first.text()
    );
    assert_eq!(mark(&server).as_deref(), Some("sleep_serve 2026-11-20T12:00:00Z 1"));
    let events: Vec<_> = server.log().into_iter().filter(|l| l.resource == "events").collect();
    assert_eq!(events.len(), 1, "whoever looks at it is told");
    // Soon after: runs alone are not enough.
    is(&night(&server, 20, 18, true), &[("sleep serve", "marked")]);
    assert_eq!(mark(&server).as_deref(), Some("sleep_serve 2026-11-20T12:00:00Z 2"));
    assert_eq!(replicas(&server), 2);
    let last = night(&server, 21, 12, true);
    assert_eq!(last.code, 0, "{}{}", last.err, last.text());
    is(&last, &[("sleep serve", "applied")]);
    assert_eq!(replicas(&server), 0);
}

#[test]
fn a_mark_goes_away_with_its_finding_and_begins_anew() {
    let server = small();
    is(&night(&server, 20, 12, true), &[("sleep serve", "marked")]);
    let gone = night(&server, 21, 6, false);
    assert_eq!(gone.code, 0, "{}", gone.err);
    is(&gone, &[("x", "applied"), ("sleep_serve", "unmarked")]);
    assert_eq!(mark(&server), None);
    is(&night(&server, 21, 12, true), &[("sleep serve", "marked")]);
    assert_eq!(mark(&server).as_deref(), Some("sleep_serve 2026-11-21T12:00:00Z 1"));
}

#[test]
fn a_mark_of_a_clock_that_is_ahead_begins_anew() {
    let server = small();
    server.somebody(|store| {
        store.change("deployments", "team", "serve", |d| {
            d["metadata"]["annotations"] =
                json!({"gpu-finops.dev/marked": "sleep_serve 2027-01-01T00:00:00Z 9"});
        });
    });
    is(&night(&server, 20, 12, true), &[("sleep serve", "marked")]);
    assert_eq!(mark(&server).as_deref(), Some("sleep_serve 2026-11-20T12:00:00Z 1"));
    assert_eq!(replicas(&server), 2);
}

#[test]
fn a_mark_is_taken_back_by_a_rollback() {
    let server = small();
    let start = server.picture();
    is(&night(&server, 20, 12, true), &[("sleep serve", "marked")]);
    let back = run(&server, &["rollback", "20-12.journal", "--yes", "-o", "json"]);
    assert_eq!(back.code, 0, "{}", back.err);
    is(&back, &[("sleep serve", "undone")]);
    assert_eq!(server.picture(), start);
}

#[test]
fn what_is_of_low_risk_is_marked_where_that_is_asked_for() {
    let server = small();
    write(&server, &plan(&server, vec![patch("x", vec![delete(&server, "team", "unused")])]));
    let args = ["apply", "plan.json", "--yes", "--mark-all", "-o", "json"];
    is(&run(&server, &args), &[("x", "marked")]);
    let claim = server.get("resourceclaims", "team", "unused").expect("it stays");
    assert_eq!(
        claim["metadata"]["annotations"]["gpu-finops.dev/marked"],
        "x 2026-11-20T12:00:00Z 1"
    );
}
