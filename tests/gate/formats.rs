//! What CI servers are told is what their formats demand, whatever names the manifests have.

use serde_json::Value;

use super::{H100, deployment, diff, folder, json};
use crate::common::{Outcome, gpu_finops};

/// A change with an error, a warning and a name that means something to every format.
fn hostile() -> (tempfile::TempDir, tempfile::TempDir) {
    let name = "\"x|y]]> <b>*_`@all`_*</b> %0A::error::z\\n::warning::w\"";
    let bad = deployment(name, 1, 2, "hostNetwork: false");
    let app = deployment("serve", 4, 2, H100);
    (
        folder(&[]),
        folder(&[("a b,c:d%.yaml", &bad), ("app.yaml", &app), ("broken.yaml", "a: b\n  c: d\n")]),
    )
}

fn rendered(format: &str) -> String {
    let (base, head) = hostile();
    let outcome = diff(base.path(), head.path(), &["--require-label", "team", "-o", format]);
    assert_eq!(outcome.code, 3, "{}", outcome.err);
    String::from_utf8(outcome.out).expect("UTF-8")
}

/// What the published schema has against a log.
pub(crate) fn errors_of_sarif(log: &Value) -> Vec<String> {
    // One pattern of it has a bracket too many, which only ECMAScript lets through.
    let published = include_str!("sarif/sarif-schema-2.1.0.json").replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&published).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    validator.iter_errors(log).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn sarif_is_valid() {
    let log: Value = serde_json::from_str(&rendered("sarif")).expect("JSON");
    assert_eq!(errors_of_sarif(&log), Vec::<String>::new());
    let results = log["runs"][0]["results"].as_array().expect("results");
    let levels: Vec<&str> = results.iter().filter_map(|r| r["level"].as_str()).collect();
    assert_eq!(levels, ["error", "error", "warning", "warning"]);
    // Code scanning takes no result without a place; a path is a reference.
    for result in results {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        let uri = place.as_str().unwrap_or_else(|| panic!("{result}"));
        assert!(!uri.contains([' ', ':', ',']), "{uri}");
        let rule = result["ruleIndex"].as_u64().expect("an index");
        let rules = &log["runs"][0]["tool"]["driver"]["rules"];
        let index = usize::try_from(rule).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    // A schema that takes anything would prove nothing.
    let mut wrong = log.clone();
    wrong["runs"][0]["results"][0]["level"] = Value::from("fatal");
    assert!(!errors_of_sarif(&wrong).is_empty());
}

/// What the schema of Jenkins' xUnit plugin has against a report; nothing where it is not at hand.
pub(crate) fn errors_of_junit(xml: &str) -> String {
    let Some(tools) = std::env::var_os("GPU_FINOPS_JUNIT").map(std::path::PathBuf::from) else {
        eprintln!("skipped: GPU_FINOPS_JUNIT names no folder of tests/junit-schema");
        return String::new();
    };
    let validate = "import sys\nfrom lxml import etree\n\
                    schema = etree.XMLSchema(etree.parse(sys.argv[1]))\n\
                    schema.validate(etree.fromstring(sys.stdin.buffer.read()))\n\
                    print(schema.error_log, end='')";
    let mut python = assert_cmd::Command::new(tools.join("bin/python"));
    python.args(["-c", validate]).arg(tools.join("junit-10.xsd")).write_stdin(xml);
    let output = python.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn junit_is_valid() {
    let xml = rendered("junit");
    assert_eq!(errors_of_junit(&xml), "");
    // A schema that takes anything would prove nothing.
    let wrong = errors_of_junit(&xml.replace("<testcase ", "<testcase line=\"1\" "));
    assert_eq!(wrong.is_empty(), std::env::var_os("GPU_FINOPS_JUNIT").is_none(), "{wrong}");
}

#[test]
fn junit_is_well_formed_and_its_counts_are_right() {
    let xml = rendered("junit");
    let report = quick_junit::Report::deserialize_from_str(&xml).expect("JUnit");
    let cases: Vec<_> = report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
    let is_failed = |case: &&&quick_junit::TestCase| {
        matches!(case.status, quick_junit::TestCaseStatus::NonSuccess { .. })
    };
    assert_eq!((report.tests, report.failures, report.errors), (cases.len(), 2, 0), "{xml}");
    assert_eq!(cases.iter().filter(is_failed).count(), 2);
    assert!(xml.contains("&lt;b&gt;") && !xml.contains("<b>"), "{xml}");
}

#[test]
fn annotations_start_no_command_of_a_name() {
    let text = rendered("github-annotations");
    let lines: Vec<&str> = text.lines().collect();
    // Two errors, two warnings, the headline.
    assert_eq!(lines.len(), 5, "{text}");
    for line in &lines {
        let command = line.strip_prefix("::").expect("a command");
        let (head, message) = command.split_once("::").expect("a message");
        assert!(
            head.starts_with("error ")
                || head.starts_with("warning ")
                || head.starts_with("notice ")
        );
        assert!(!message.contains("%0A"), "{message}");
    }
    assert!(text.contains("a b%2Cc%3Ad%25.yaml,line="), "{text}");
    assert!(text.contains("%250A::error::z"), "an escape of a name stays text: {text}");
}

#[test]
fn comments_have_one_marker_and_show_names_as_text() {
    for format in ["github-comment", "gitlab-comment"] {
        let text = rendered(format);
        assert_eq!(text.matches("<!-- gpu-finops diff -->").count(), 1);
        assert!(text.starts_with("<!-- gpu-finops diff -->\n"));
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        assert!(!text.contains("<b>") && text.contains("\\@all"), "{text}");
    }
    assert!(!rendered("github-summary").contains("<!--"));
}

#[test]
fn a_comment_below_the_threshold_is_empty() {
    let base = folder(&[("app.yaml", &deployment("serve", 1, 1, H100))]);
    let head = folder(&[("app.yaml", &deployment("serve", 2, 1, H100))]);
    let comment = |args: &[&str]| {
        let args = [&["-o", "github-comment"], args].concat();
        let outcome = diff(base.path(), head.path(), &args);
        String::from_utf8(outcome.out).expect("UTF-8")
    };
    assert!(!comment(&[]).is_empty());
    assert!(!comment(&["--comment-threshold", "5000"]).is_empty());
    assert_eq!(comment(&["--comment-threshold", "6000"]), "");
    // What is broken is said however little it costs.
    let broken = ["--comment-threshold", "6000", "--require-label", "team", "--warn-only"];
    assert!(comment(&broken).contains("require-label"));
}

#[test]
fn slack_takes_the_message() {
    let message: Value = serde_json::from_str(&rendered("slack")).expect("JSON");
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50);
    assert_eq!(blocks[0]["type"], "header");
    for block in blocks {
        let text = block["text"]["text"].as_str().or_else(|| block["elements"][0]["text"].as_str());
        let text = text.unwrap_or_else(|| panic!("{block}"));
        assert!(!text.is_empty() && text.chars().count() <= 3000);
        assert!(!text.contains(['<', '`']), "{text}");
    }
}

#[test]
fn json_is_as_published() {
    let of_diff = {
        let (base, head) = hostile();
        json(&diff(base.path(), head.path(), &["--require-label", "team", "-o", "json"]))
    };
    let demo = Outcome::of(gpu_finops().args(["demo", "-o", "json"]));
    let dir = folder(&[("a.json", &String::from_utf8(demo.out).expect("UTF-8"))]);
    let file = dir.path().join("a.json");
    let mut compare = gpu_finops();
    compare.arg("compare").arg(&file).arg(&file).args(["-o", "json"]);
    let of_compare = json(&Outcome::of(&mut compare));
    for (path, schema, found) in [
        ("schema/diff.schema.json", gpu_finops::output::diff_schema(), of_diff),
        ("schema/compare.schema.json", gpu_finops::output::compare_schema(), of_compare),
    ] {
        crate::settings_reference::assert_generated(path, &format!("{schema:#}\n"));
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        let errors: Vec<String> =
            validator.iter_errors(&found).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}");
    }
}

#[test]
fn every_other_format_is_written() {
    let csv = rendered("csv");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.starts_with("namespace,kind,name,change,"), "{csv}");
    for format in ["table", "wide", "markdown"] {
        assert!(rendered(format).contains("GPU cost of this change"), "{format}");
    }
    let (base, head) = hostile();
    let out = folder(&[]);
    let tables = out.path().join("tables");
    let place = tables.to_str().expect("UTF-8");
    let outcome = diff(base.path(), head.path(), &["-o", "parquet", "--output-file", place]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(tables.join("workloads.parquet").is_file());
}
