//! `recommend` and `explain` as commands, on the built-in cluster's snapshot.

use std::fmt::Write;
use std::path::Path;

use gpu_finops::findings::{HEADINGS, RULES};
use serde_json::Value;

use crate::common::{Outcome, gpu_finops, test_data};
use crate::settings_reference::assert_generated;

const RERANK: &str = "never-used:chat-prod/Deployment/rerank";

fn run(arguments: &[&str]) -> Outcome {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut command = gpu_finops();
    command.args(arguments).arg("--snapshot").arg(demo);
    Outcome::of(&mut command)
}

fn json(arguments: &[&str]) -> Value {
    let outcome = run(&[arguments, &["-o", "json"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    serde_json::from_slice(&outcome.out).expect("JSON")
}

fn text(arguments: &[&str]) -> String {
    let outcome = run(arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    String::from_utf8(outcome.out).expect("UTF-8")
}

#[test]
fn the_demo_says_what_to_release() {
    let report = json(&["recommend"]);
    let rows = report["recommendations"].as_array().expect("a list");
    let counted: Vec<&str> =
        rows.iter().filter(|r| r["counted"] == true).filter_map(|r| r["id"].as_str()).collect();
    assert!(counted.contains(&RERANK), "{counted:?}");
    assert!(counted.contains(&"unused-gpus:research/Job/llm-finetune"), "{counted:?}");
    // The report on the same cluster has the same of what rests on figures alone.
    let of_report = json(&["report"]);
    let ids: Vec<&str> = of_report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|f| f["id"].as_str())
        .collect();
    assert!(ids.contains(&RERANK), "{ids:?}");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    assert_eq!(run(&["recommend", "-o", "json"]).out, run(&["recommend", "-o", "json"]).out);
}

#[test]
fn what_is_printed_keeps_its_schema() {
    let keeps = |schema: &str, value: &Value| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(schema);
        let schema: Value =
            serde_json::from_str(&std::fs::read_to_string(path).expect("published")).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        let errors: Vec<String> = validator.iter_errors(value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    };
    keeps("recommend.schema.json", &json(&["recommend"]));
    for what in [RERANK, "chat-prod/Deployment/chat-llm", "chat", "all", "chat.waste_cost"] {
        keeps("explain.schema.json", &json(&["explain", what]));
    }
}

#[test]
fn the_published_schemas_of_recommendations_are_checked_in() {
    let generated = [
        ("schema/recommend.schema.json", gpu_finops::output::recommend_schema()),
        ("schema/explain.schema.json", gpu_finops::output::explain_schema()),
    ];
    for (path, schema) in generated {
        assert_generated(path, &format!("{schema:#}\n"));
    }
}

#[test]
fn every_format_has_every_recommendation() {
    let count = json(&["recommend"])["recommendations"].as_array().expect("a list").len();
    let csv = text(&["recommend", "-o", "csv"]);
    assert!(csv.lines().count() > count, "{csv}");
    assert!(csv.starts_with("id,rule,cluster,tenant,subject,action,monthly_savings"), "{csv}");
    let markdown = text(&["recommend", "-o", "markdown"]);
    assert!(markdown.contains("chat-prod/Deployment/rerank"), "{markdown}");
    let table = text(&["recommend"]);
    assert!(table.contains("chat-prod/Deployment/rerank"), "{table}");
    assert!(!table.contains("NOT JUDGED"), "{table}");
    assert!(text(&["recommend", "--include-refused"]).contains("NOT JUDGED"));
}

#[test]
fn filters_choose_by_rule_money_and_confidence() {
    let report = json(&["recommend", "--rule", "never-used", "--min-savings", "1"]);
    let rows = report["recommendations"].as_array().expect("a list");
    assert!(!rows.is_empty() && rows.iter().all(|r| r["rule"] == "never-used"));
    let none = json(&["recommend", "--min-savings", "1000000"]);
    assert_eq!(none["recommendations"].as_array().map(Vec::len), Some(0));
    assert!(none["filtered"].as_u64().is_some_and(|n| n > 0));
    let tenant = json(&["recommend", "--tenant", "research"]);
    let rows = tenant["recommendations"].as_array().expect("a list");
    assert!(!rows.is_empty() && rows.iter().all(|r| r["tenant"] == "research"), "{rows:?}");
}

#[test]
fn a_wrong_name_says_which_there_are() {
    let rule = run(&["recommend", "--rule", "never-usd"]);
    assert_eq!(rule.code, 2);
    assert!(rule.err.contains("`--rule`") && rule.err.contains("never-used"), "{}", rule.err);
    let what = run(&["explain", "chat-prod/Deployment/rerang"]);
    assert_eq!(what.code, 2);
    assert!(what.err.contains("rerang") && what.err.contains("hint: there is"), "{}", what.err);
    let share = run(&["recommend", "--fit-share", "1"]);
    assert_eq!(share.code, 2);
    assert!(share.err.contains("is not between 0 and 1"), "{}", share.err);
}

#[test]
fn an_explanation_adds_up() {
    let explained = json(&["explain", RERANK]);
    let step = |name: &str| {
        let steps = explained["arithmetic"].as_array().expect("a list");
        let step = steps.iter().find(|s| s["name"] == name).expect("there");
        step["value"].as_f64().expect("a number")
    };
    let hours = explained["window"]["hours"].as_f64().expect("a number");
    assert!((step("freed_cost") / hours * 730.0 - step("monthly_savings")).abs() < 1e-6);
    let price = explained["prices"][0]["per_gpu_hour"].as_f64().expect("a price");
    assert!((step("freed_gpu_hours") * price - step("freed_cost")).abs() < 1e-6);
    let headings = explained["rule"].as_array().expect("a list");
    assert_eq!(headings.len(), HEADINGS.len());
    assert!(explained["thresholds"].to_string().contains("recommend.min_held"));
    // A number by itself.
    let one = json(&["explain", "chat.waste_cost"]);
    let of_report = json(&["report"]);
    let tenants = of_report["tenants"].as_array().expect("a list");
    let chat = tenants.iter().find(|t| t["tenant"] == "chat").expect("there");
    assert_eq!(one["arithmetic"][0]["value"], chat["waste_cost"]);
    assert_eq!(one["arithmetic"].as_array().map(Vec::len), Some(1));
    let text = text(&["explain", RERANK]);
    assert!(text.contains("▁▁▁") && text.contains("THE RULE"), "{text}");
}

#[test]
fn claims_that_are_left_over_and_settled_are_deleted() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/claims");
    let mut command = gpu_finops();
    command
        .args(["recommend", "--no-metrics", "--now", "2026-11-20T12:00:00Z", "--window", "24h"])
        .args(["--price", "H100=3", "--price", "A100=1.50", "--price", "L4=1", "-o", "json"])
        .arg("--objects")
        .arg(fixture);
    let report = Outcome::of(&mut command).json();
    let rows = report["recommendations"].as_array().expect("a list");
    let subjects: Vec<&str> = rows.iter().filter_map(|r| r["subject"].as_str()).collect();
    let expected = ["notebook-a", "llm-old", "warmup-0-gpu-x7k2p", "eval-old"];
    assert_eq!(subjects.len(), expected.len(), "{subjects:?}");
    for name in expected {
        assert!(subjects.iter().any(|s| s.ends_with(name)), "{name}: {subjects:?}");
    }
    assert!(
        rows.iter().all(|r| r["rule"] == "stale-claim" && r["change"]["kind"] == "delete-claim")
    );
    // 24 hours of an H100 at 3.00, for 730 hours.
    let notebook = rows.iter().find(|r| r["subject"] == "research/ResourceClaim/notebook-a");
    assert_eq!(notebook.expect("there")["monthly_savings"], 2_190.0);
    let left = report["not_judged"].as_array().expect("a list");
    let odd = left.iter().find(|r| r["subject"] == "research/ResourceClaim/odd").expect("said");
    assert!(odd["reason"].as_str().is_some_and(|why| why.contains("not settled")), "{odd}");
}

#[test]
fn roll_ups_have_no_minutes_to_replay() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let store = dir.path().to_str().expect("UTF-8");
    let rolled = run(&["roll-up", "--store", store, "--cluster", "demo", "--day", "2026-11-10"]);
    assert_eq!(rolled.code, 0, "{}", rolled.err);
    let mut command = gpu_finops();
    command.args(["recommend", "--store", store, "--window", "2026-11-10,2026-11-11"]);
    let outcome = Outcome::of(&mut command);
    assert_ne!(outcome.code, 0);
    assert!(outcome.err.contains("roll-up"), "{}", outcome.err);
}

/// What users read of the rules is what stands at the top of their files.
#[test]
fn the_docs_say_what_the_rules_say() {
    let mut text = String::from(
        "# Rules\n\n\
         What `gpu-finops recommend` looks for. Made from the files of the rules: renew it as CONTRIBUTING says.\n",
    );
    for rule in RULES {
        write!(text, "\n## `{}`\n", rule.name).expect("a string takes all");
        for section in rule.sections() {
            let (heading, said) = (section.heading, section.text);
            write!(text, "\n**{heading}.** {said}\n").expect("a string takes all");
        }
    }
    assert_generated("docs/rules.md", &text);
}

/// Our choice of instances on a day of a real fleet, in the way of `cargo bench --bench policies`, is part of that
/// benchmark; here is that the day gives recommendations, and how much of the waste they are.
#[test]
fn a_real_day_has_recommendations_within_its_waste() {
    let Some(fleet) = test_data().and_then(|_| crate::gentd26::recommended()) else { return };
    let totals = &fleet["totals"];
    let figure = |name: &str| totals[name].as_f64().expect("a number");
    assert!(figure("monthly_savings") > 0.3 * figure("monthly_waste"), "{totals}");
    assert!(figure("monthly_savings") <= figure("monthly_waste"), "{totals}");
    assert!(fleet["recommendations"].as_array().is_some_and(|rows| rows.len() > 10));
}
