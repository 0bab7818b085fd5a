//! The commands, on the demo's week: chat holds 840 GPU-hours of H100s at 6.88, research as many until Thursday.

use super::{Budgets, budget, demo, json, near, number, schema};
use crate::common::{Outcome, gpu_finops};
use crate::settings_reference::{assert_generated, in_repository};

/// What chat spends in the week, and in a day.
const CHAT: f64 = 840.0 * 6.88;

fn chat(amount: f64, rules: &str) -> Budgets {
    Budgets::new(&format!(
        "budgets:\n  - {{name: chat, scope: {{tenants: [chat]}}, amount: {amount}, period: week, rules: [{rules}]}}\n"
    ))
}

const ACTUAL: &str = "{on: actual, threshold: 100%, action: fail}";
const FORECAST: &str = "{on: forecast, threshold: 100%, action: fail}";
/// Friday, when four of seven days have gone by.
const FRIDAY: [&str; 2] = ["--at", "2026-11-13"];

/// Each case through the binary: budget, flags, exit code, what standard error says.
#[test]
fn every_case_has_its_exit_code() {
    let month = "budgets:\n  - {name: m, scope: {tenants: [chat]}, amount: 1e6, period: month}\n";
    let small_month =
        "budgets:\n  - {name: m, scope: {tenants: [chat]}, amount: 5000, period: month}\n";
    let unknown = "budgets:\n  - {name: u, scope: {tenants: [chta]}, amount: 1, period: week}\n";
    let euros = "budgets:\n  - {name: e, scope: {fleet: true}, amount: 1e9, period: week}\n";
    let both = "budgets:\n  - {name: u, scope: {tenants: [chta]}, amount: 1, period: week}\n  \
                - {name: c, scope: {tenants: [chat]}, amount: 1, period: week}\n";
    let table: &[(&str, &Budgets, &[&str], i32, &str)] = &[
        ("kept", &chat(6_000.0, ACTUAL), &[], 0, ""),
        ("kept, strictly", &chat(6_000.0, ACTUAL), &["--strict"], 0, ""),
        ("breached", &chat(5_000.0, ACTUAL), &[], 3, "over budget: chat"),
        ("warn only", &chat(5_000.0, ACTUAL), &["--warn-only"], 0, ""),
        ("a warning", &chat(5_000.0, "{on: actual, threshold: 1, action: warn}"), &[], 0, ""),
        ("by forecast", &chat(5_500.0, FORECAST), &FRIDAY, 3, "over budget: chat"),
        ("not yet", &chat(5_500.0, ACTUAL), &FRIDAY, 0, ""),
        ("thin", &Budgets::new(month), &[], 0, ""),
        ("thin, strictly", &Budgets::new(month), &["--strict"], 4, ""),
        ("thin, and enough", &Budgets::new(month), &["--min-known", "0.3"], 0, ""),
        ("thin, and too much", &Budgets::new(small_month), &[], 3, "over budget: m"),
        ("unknown tenant", &Budgets::new(unknown), &[], 1, "could not be evaluated: u"),
        ("unknown, warn only", &Budgets::new(unknown), &["--warn-only"], 1, "could not"),
        ("no price", &Budgets::new(euros), &["--currency", "EUR"], 1, "could not be evaluated: e"),
        ("a breach is certain", &Budgets::new(both), &[], 3, "over budget: c"),
        ("unless it warns only", &Budgets::new(both), &["--warn-only"], 1, "could not"),
        ("bad history", &chat(1.0, ACTUAL), &["--history", "long"], 2, "`--history`"),
        ("bad instant", &chat(1.0, ACTUAL), &["--at", "soon"], 2, "`--at`"),
        ("after the data", &chat(1.0, ACTUAL), &["--at", "2026-12-01"], 1, "the snapshot is of"),
        ("before the data", &chat(1.0, ACTUAL), &["--at", "2026-10-01"], 1, "the snapshot is of"),
    ];
    for (what, budgets, flags, code, said) in table {
        let outcome = budgets.on_demo(&["check"], flags);
        assert_eq!(outcome.code, *code, "{what}: {}{}", outcome.err, outcome.text());
        assert!(outcome.err.contains(said), "{what}: {}", outcome.err);
    }
}

#[test]
fn what_cannot_be_read_is_never_0() {
    let budgets = chat(1e9, ACTUAL);
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let empty = folder.path().to_str().expect("UTF-8");
    let absent = folder.path().join("absent");
    for source in [
        &["--prometheus", "http://127.0.0.1:9", "--no-kubernetes"][..],
        &["--store", empty],
        &["--snapshot", absent.to_str().expect("UTF-8")],
        &["--no-metrics", "--objects", empty],
    ] {
        for flags in [&[][..], &["--warn-only"], &["--strict"]] {
            let outcome = budgets.run(&["check"], &[source, flags].concat());
            assert!([1, 2].contains(&outcome.code), "{source:?} {flags:?}: {}", outcome.err);
        }
    }
    let none = Outcome::of(gpu_finops().args(["budget", "check", "--snapshot", &demo()]));
    none.failed_with(2, &["there are no budgets", "--budgets FILE", "budget init"]);
}

#[test]
fn a_forecast_says_who_by_how_much_when_and_what_to_do() {
    let budgets = chat(5_500.0, FORECAST);
    let report = json(&budgets.on_demo(&["check"], &[&FRIDAY[..], &["-o", "json"]].concat()));
    let row = budget(&report, "chat");
    near(number(row, "/spent/to_date"), CHAT / 7.0 * 4.0);
    near(number(row, "/period/gone_ratio"), 4.0 / 7.0);
    near(number(row, "/forecast/total"), CHAT);
    assert_eq!(row["forecast"]["method"], "run-rate");
    near(number(row, "/burn/long"), CHAT / 5_500.0);
    // 5,500 at 825.6 a day: 6 days and 15:53.
    assert!(row["runs_out"].as_str().is_some_and(|at| at.starts_with("2026-11-15T15:5")), "{row}");
    let summary = row["summary"].as_str().expect("a line");
    assert!(!summary.contains('\n'), "{summary}");
    for part in [
        "chat: $3,302.40 of $5,500.00",
        "forecast $5,779.20 (105.1%), $279.20 over",
        "runs out on 2026-11-15",
        "driven by chat-prod/Deployment/chat-llm",
        "what to do: chat-prod/Deployment/rerank:",
    ] {
        assert!(summary.contains(part), "`{part}` is not in: {summary}");
    }
    let first = &row["to_do"][0];
    assert_eq!(first["finding"], "never-used:chat-prod/Deployment/rerank");
    let errors: Vec<String> =
        schema("budget.schema.json").iter_errors(&report).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn every_format_tells_it() {
    let budgets = chat(5_000.0, ACTUAL);
    let text = |format: &str| {
        let outcome = budgets.on_demo(&["check"], &["-o", format]);
        assert_eq!(outcome.code, 3, "{}", outcome.err);
        outcome.text().to_owned()
    };
    let table = text("table");
    for part in
        ["1 budget: 1 breached (chat).", "BUDGETS, WORST FIRST", "FAIL", "driven by", "burn rate"]
    {
        assert!(table.contains(part), "`{part}` is not in: {table}");
    }
    assert!(text("markdown").contains("| fail | chat |"), "{}", text("markdown"));
    let csv = text("csv");
    assert!(csv.starts_with("name,parent,scope,basis,owners,state,summary,unit,"), "{csv}");
    assert_eq!(csv.lines().count(), 2);
    let again = |format: &str| budgets.on_demo(&["check"], &["-o", format]).out;
    assert_eq!(again("json"), again("json"), "the same inputs, other bytes");
}

#[test]
fn an_explanation_shows_the_arithmetic_and_does_not_fail_on_a_breach() {
    let budgets = chat(5_000.0, ACTUAL);
    let outcome = budgets.on_demo(&["explain", "chat"], &FRIDAY);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    for part in [
        "spent.to_date = $3,302.40",
        "480.0 x a mean of 6.8800 = $3,302.40",
        "amount.effective = $5,000.00",
        "forecast.total = $5,779.20",
        "forecast.backtest.error_ratio = 0.0%",
        "hours gone by / hours that count",
    ] {
        assert!(outcome.text().contains(part), "`{part}` is not in: {}", outcome.text());
    }
    let wrong = budgets.on_demo(&["explain", "chta"], &[]);
    wrong.failed_with(2, &["there is no budget `chta`", "chat"]);
}

#[test]
fn nested_budgets_roll_up_and_count_nothing_twice() {
    let budgets = Budgets::new(
        "budgets:
  - {name: all, scope: {fleet: true}, amount: 1e6, period: week}
  - {name: ml, scope: {children: true}, parent: all, amount: 1e5, period: week}
  - {name: chat, scope: {tenants: [chat]}, parent: ml, amount: 1e4, period: week}
  - {name: research, scope: {tenants: ['res.*', chat]}, parent: ml, amount: 1e5, period: week}
  - {name: rerank, scope: {workloads: [rerank]}, parent: chat, amount: 1e4, period: week}
  - {name: elsewhere, scope: {workloads: [rerank]}, parent: other, amount: 1e4, period: week, may_be_empty: true}
  - {name: other, scope: {tenants: [media]}, amount: 1e4, period: week}
  - {name: h100, scope: {models: [H100]}, of: capacity, gpu_hours: 1e4, period: week}
  - {name: l40s, scope: {models: ['L40*'], capacity_types: [on-demand]}, gpu_hours: 1e4, period: week, may_be_empty: true}
  - {name: label, scope: {selector: app=chat-llm}, amount: 1e4, period: week}
  - {name: queue, scope: {queues: ['.*']}, amount: 1, period: week, may_be_empty: true}
",
    );
    let outcome = budgets.on_demo(&["check"], &["-o", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let report = json(&outcome);
    let spent = |name: &str| number(budget(&report, name), "/spent/at_least");
    near(spent("chat"), CHAT);
    near(spent("research"), 2.0 * CHAT);
    // The union of both, not their sum.
    near(spent("ml"), 2.0 * CHAT);
    near(spent("rerank"), 168.0 * 6.88);
    near(spent("elsewhere"), 0.0);
    near(spent("h100"), 16.0 * 168.0);
    near(spent("label"), 672.0 * 6.88);
    near(spent("queue"), 0.0);
    assert!(spent("all") > spent("ml"));
    assert_eq!(budget(&report, "ml")["children"], serde_json::json!(["chat", "research"]));
}

#[test]
fn a_list_needs_no_data() {
    let budgets = chat(5_000.0, FORECAST);
    let outcome = budgets.run(&["list"], &["--now", "2026-11-20T12:00:00Z"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    for part in ["chat", "$5,000.00", "2026-11-16 to 2026-11-22", "forecast >= 100.0% fail"] {
        assert!(outcome.text().contains(part), "`{part}` is not in: {}", outcome.text());
    }
    let list = budgets.run(&["list"], &["--now", "2026-11-20T12:00:00Z", "-o", "json"]).json();
    assert_eq!(list["budgets"][0]["period"]["start"], "2026-11-16T00:00:00Z");
    let errors: Vec<String> =
        schema("budget-list.schema.json").iter_errors(&list).map(|e| e.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn the_example_config_has_budgets_that_can_be_read() {
    let mut command = gpu_finops();
    command.args(["budget", "list", "--config"]).arg(in_repository("docs/config-example.yaml"));
    let list = Outcome::of(command.args(["-o", "json"])).json();
    assert_eq!(list["budgets"].as_array().map(Vec::len), Some(3));
    assert_eq!(list["budgets"][2]["parent"], "research");
}

#[test]
fn what_is_proposed_is_accepted_and_kept() {
    let proposed = Outcome::of(gpu_finops().args([
        "budget",
        "init",
        "--snapshot",
        &demo(),
        "--period",
        "week",
        "--headroom",
        "5%",
    ]));
    assert_eq!(proposed.code, 0, "{}", proposed.err);
    assert!(proposed.text().contains("the most that it spent in a week"));
    let budgets = Budgets::new(proposed.text());
    let outcome = budgets.on_demo(&["check"], &["-o", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let report = json(&outcome);
    // 5 % more than 5,779.20, rounded up to two digits.
    near(number(budget(&report, "chat"), "/amount/base"), 6_100.0);
    near(number(budget(&report, "chat"), "/spent/to_date"), CHAT);
    // A tenant with a slash in its name.
    assert_eq!(budget(&report, "vc-agents/agents")["state"], "ok");
}

#[test]
fn names_of_budgets_cannot_harm() {
    let name = "=cmd|'/C calc'!A0\\u001b[31m<script>";
    let text = format!(
        "budgets:\n  - {{name: \"{name}\", scope: {{fleet: true}}, amount: 1, period: week}}\n"
    );
    // Control characters are refused, and shown harmless.
    let outcome = Budgets::new(&text).on_demo(&["check"], &[]);
    outcome.failed_with(2, &["control characters"]);
    let text = text.replace("\\u001b[31m", "");
    let outcome = Budgets::new(&text).on_demo(&["check"], &["-o", "csv"]);
    assert!(outcome.text().contains("'=cmd|"), "{}", outcome.text());
    let outcome = Budgets::new(&text).on_demo(&["check"], &["-o", "markdown"]);
    assert!(!outcome.text().contains("<script>"), "{}", outcome.text());
}

#[test]
fn the_published_schema_of_budgets_is_checked_in() {
    assert_generated(
        "schema/budget.schema.json",
        &format!("{:#}\n", gpu_finops::output::budget_schema()),
    );
    assert_generated(
        "schema/budget-list.schema.json",
        &format!("{:#}\n", gpu_finops::output::budget_list_schema()),
    );
}
