//! What CI servers and chats are told of budgets; the examples of docs/budgets.md do what they say.

use std::path::Path;

use serde_json::Value;

use super::{Budgets, demo};
use crate::common::scripts::{block_of, script_in};
use crate::common::{Outcome, gpu_finops};
use crate::gate::formats::{errors_of_junit, errors_of_sarif};

/// Of the demo's week chat spends 5,779.20 and research 3,302.40 or more: one budget is breached, one kept, one is of
/// nobody.
const THREE: &str = "budgets:
  - {name: kept, scope: {fleet: true}, amount: 1e6, period: week}
  - name: chat
    scope: {tenants: [chat]}
    amount: 5000
    period: week
    rules: [{on: actual, threshold: 100%, action: fail}]
    owners: [chat-leads]
  - {name: nobody, scope: {tenants: [nobody]}, amount: 1, period: week}
";

fn checked(format: &str, more: &[&str], code: i32) -> String {
    let outcome = Budgets::new(THREE).on_demo(&["check", "-o", format], more);
    assert_eq!(outcome.code, code, "{format}: {}", outcome.err);
    outcome.text().to_owned()
}

#[test]
fn a_comment_says_who_by_how_much_when_and_what_to_do_in_one_line() {
    for format in ["github-comment", "gitlab-comment"] {
        let text = checked(format, &[], 3);
        assert!(
            text.starts_with("<!-- gpu-finops budget check -->\n## ❌ GPU budgets\n"),
            "{text}"
        );
        assert!(text.contains("3 budgets: 1 breached (chat), 1 not evaluated (nobody), 1 kept."));
        let line = text.lines().find(|line| line.contains("** chat: ")).expect("a line of it");
        for part in
            ["of \\$5,000.00 spent", "ran out on 2026-11-", "what to do: ", "ask chat-leads"]
        {
            assert!(line.contains(part), "`{part}` is not in: {line}");
        }
        assert!(line.contains("budgets.yaml:3)"), "its line in the file: {line}");
    }
    assert!(!checked("github-summary", &[], 3).contains("<!--"));
}

#[test]
fn a_comment_of_kept_budgets_is_left_empty_where_that_is_asked_for() {
    let kept = Budgets::new(
        "budgets:\n  - {name: kept, scope: {fleet: true}, amount: 1e6, period: week}\n",
    );
    let comment = |more: &[&str]| {
        let outcome = kept.on_demo(&["check", "-o", "github-comment"], more);
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        outcome.text().to_owned()
    };
    assert!(comment(&[]).contains("1 budget: 1 kept."));
    assert_eq!(comment(&["--comment-threshold", "1"]), "");
    assert!(!checked("github-comment", &["--comment-threshold", "1e9"], 3).is_empty());
}

#[test]
fn sarif_is_valid_with_a_rule_for_each_budget() {
    let log: Value = serde_json::from_str(&checked("sarif", &[], 3)).expect("JSON");
    assert_eq!(errors_of_sarif(&log), Vec::<String>::new());
    let run = &log["runs"][0];
    let rules: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    assert_eq!(rules, ["chat", "nobody", "kept"]);
    let lines: Vec<Option<u64>> = run["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|r| r["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64())
        .collect();
    assert_eq!(lines, [Some(3), Some(9)]);
}

#[test]
fn junit_has_a_case_for_each_budget() {
    let report =
        quick_junit::Report::deserialize_from_str(&checked("junit", &[], 3)).expect("JUnit");
    assert_eq!(errors_of_junit(&checked("junit", &[], 3)), "");
    assert_eq!((report.tests, report.failures, report.errors), (3, 2, 0));
    let warned = quick_junit::Report::deserialize_from_str(&checked("junit", &["--warn-only"], 1));
    assert_eq!(
        warned.expect("JUnit").failures,
        1,
        "what is not evaluated fails, whatever is asked for"
    );
}

#[test]
fn annotations_and_messages_name_the_budget() {
    let text = checked("github-annotations", &[], 3);
    assert!(text.contains("budgets.yaml,line=3,title=gpu-finops budget check%3A chat::"), "{text}");
    let slack: Value = serde_json::from_str(&checked("slack", &[], 3)).expect("JSON");
    assert!(
        slack["text"].as_str().is_some_and(|text| text.contains("1 breached (chat)")),
        "{slack}"
    );
    let explained = Budgets::new(THREE).on_demo(&["explain", "chat", "-o", "slack"], &[]);
    assert_eq!(explained.code, 0, "{}", explained.err);
}

#[test]
fn commands_that_judge_nothing_refuse_these_formats() {
    let listed = Budgets::new(THREE).run(&["list", "-o", "junit"], &[]);
    listed.failed_with(2, &["`-o junit` is of commands that judge something", "`budget check`"]);
    let checked = Budgets::new(THREE).on_demo(&["check", "-o", "html"], &[]);
    checked.failed_with(2, &["only `report` and `demo` write `html`"]);
}

/// A folder with budgets and the demo's week as roll-ups.
fn workplace(amount: u32) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let budgets = format!(
        "budgets:\n  - {{name: chat, scope: {{tenants: [chat]}}, amount: {amount}, period: week, rules: [{{on: actual, threshold: 100%, action: fail}}]}}\n"
    );
    std::fs::write(folder.path().join("budgets.yaml"), budgets).expect("writable");
    for day in 9..=15 {
        let mut command = gpu_finops();
        command.args(["roll-up", "--cluster", "prod", "--snapshot", &demo(), "--store", "rollups"]);
        command.arg("--day").arg(format!("2026-11-{day:02}")).current_dir(folder.path());
        let outcome = Outcome::of(&mut command);
        assert_eq!(outcome.code, 0, "{}", outcome.err);
    }
    folder
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&block_of("docs/budgets.md", file)).expect("YAML")
}

#[test]
fn the_documented_jobs_work() {
    let workflow = yaml(".github/workflows/gpu-budget.yaml");
    let job = &workflow["jobs"]["budget"];
    let steps = job["steps"].as_array().expect("steps");
    let step = |name: &str| {
        let found = steps.iter().find(|step| step["name"] == name).expect("the step");
        found["run"].as_str().expect("a script").to_owned()
    };
    let gitlab = yaml(".gitlab-ci.yml")["gpu-budget"].clone();
    let line = gitlab["script"][0].as_str().expect("a line");
    let file = gitlab["artifacts"]["reports"]["junit"].as_str().expect("a name");
    for (amount, code, failures) in [(5_000, 3, "failures=\"1\""), (6_000, 0, "failures=\"0\"")] {
        let folder = workplace(amount);
        let variables = [
            ("CHECK", job["env"]["CHECK"].as_str().expect("text")),
            ("GITHUB_STEP_SUMMARY", "summary.md"),
            ("GPU_FINOPS_NOW", "2026-11-16T00:00:00Z"),
        ];
        let run = |script: &str, code: i32| {
            let output = script_in(folder.path(), script, &variables);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{script}: {said}");
        };
        let read =
            |name: &Path| std::fs::read_to_string(folder.path().join(name)).expect("written");
        run(&step("Judge the budgets"), code);
        run(&step("Write the summary"), 0);
        assert!(read(Path::new("summary.md")).contains("GPU budgets"));
        run(line, code);
        assert!(read(Path::new(file)).contains(failures));
    }
}
