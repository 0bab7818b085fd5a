//! What budgets add up hour by hour is what the report adds up at once: on the demo, from roll-ups, in any zone.

use serde_json::Value;
use tempfile::TempDir;

use super::{Budgets, budget, demo, json, near, number};
use crate::common::{Outcome, gpu_finops};
use crate::roll_up::{WEEK, rolled_up};

/// Budgets of the whole week in UTC, whichever zone cuts the days of another one.
fn budgets(zone: &str) -> Budgets {
    Budgets::new(&format!(
        "budgets:
  - {{name: held, scope: {{fleet: true}}, amount: 1e9, period: week}}
  - {{name: capacity, scope: {{fleet: true}}, of: capacity, amount: 1e9, period: week}}
  - {{name: chat, scope: {{tenants: [chat]}}, amount: 1e9, period: week}}
  - {{name: media, scope: {{tenants: [media]}}, gpu_hours: 1e9, period: week}}
  - {{name: zone, scope: {{fleet: true}}, amount: 1e9, period: day, timezone: {zone}}}
"
    ))
}

fn week_of(report: &Value, of_budgets: &Value) {
    let spent = |name: &str| number(budget(of_budgets, name), "/spent/at_least");
    let tenant = |name: &str| crate::common::row(&report["tenants"], "tenant", name).clone();
    near(spent("held"), number(report, "/fleet/allocated_cost"));
    near(spent("capacity"), number(report, "/fleet/capacity_cost"));
    near(spent("chat"), number(&tenant("chat"), "/allocated_cost"));
    near(spent("media"), number(&tenant("media"), "/allocated_gpu_hours"));
    let held = budget(of_budgets, "held");
    near(number(held, "/spent/waste"), number(report, "/fleet/waste_cost"));
    near(number(held, "/spent/utilization"), number(report, "/fleet/utilization"));
    let idle = number(report, "/fleet/idle_warm_gpu_hours")
        + number(report, "/fleet/idle_empty_gpu_hours");
    near(number(held, "/spent/idle_gpu_hours"), idle);
}

#[test]
fn a_week_of_a_snapshot_is_the_report() {
    let report =
        Outcome::of(gpu_finops().args(["report", "--snapshot", &demo(), "-o", "json"])).json();
    // Cut at quarters of an hour, and at whole ones.
    for zone in ["Asia/Kathmandu", "America/New_York", "UTC"] {
        let checked = json(&budgets(zone).on_demo(&["check"], &["-o", "json"]));
        week_of(&report, &checked);
    }
}

#[test]
fn a_week_of_roll_ups_is_the_report_and_what_is_missing_is_not_nothing() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "demo", WEEK);
    let dir = store.to_str().expect("UTF-8");
    let now = ["--now", "2026-11-16T00:05:00Z"];
    let of = |args: &[&str]| {
        let mut command = gpu_finops();
        Outcome::of(command.args(args).args(["--store", dir, "-o", "json"]).args(now))
    };
    let report = of(&["report", "--window", WEEK]).json();
    let budgets = budgets("Asia/Kathmandu");
    let check = |more: &[&str]| {
        budgets.run(&["check"], &[&["--store", dir, "-o", "json"], &now[..], more].concat())
    };
    let outcome = check(&[]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let checked = json(&outcome);
    week_of(&report, &checked);
    assert_eq!(checked["as_of"], "2026-11-16T00:00:00Z");
    // As of Friday midnight the training job has ended on Thursday noon.
    let friday = json(&check(&["--at", "2026-11-13"]));
    near(number(budget(&friday, "chat"), "/spent/at_least"), 480.0 * 6.88);
    // The same by hours of a snapshot: what nobody sampled by hour is held by hour all the same.
    let live = json(&budgets.on_demo(&["check"], &["--at", "2026-11-13", "-o", "json"]));
    for name in ["held", "capacity", "zone"] {
        let of = |report: &Value| number(budget(report, name), "/spent/at_least");
        near(of(&friday), of(&live));
    }
    // A day goes missing: the week is not judged any more.
    std::fs::remove_dir_all(store.join("cluster=demo/date=2026-11-11")).expect("there");
    let outcome = check(&[]);
    let report = json(&outcome);
    assert_eq!(budget(&report, "held")["state"], "unclear", "{}", outcome.err);
    near(number(budget(&report, "held"), "/known/time_ratio"), 6.0 / 7.0);
    assert_eq!(check(&["--strict"]).code, 4);
}
