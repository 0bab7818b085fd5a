//! `-o openmetrics`: its figures are the report's, Prometheus reads it, and `reports/` uses what it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{Outcome, gpu_finops};
use crate::settings_reference::in_repository;

fn demo(args: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    Outcome::of(command.arg("demo").args(args))
}

/// Samples by name and labels as they are written.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        (series.to_owned(), value.parse().expect("a number"))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let out: BTreeMap<String, f64> = lines.iter().map(|line| sample(line)).collect();
    assert_eq!(out.len(), lines.len(), "a series is there twice");
    out
}

fn families(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|l| l.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(n, _)| n)
        .collect()
}

fn promtool(args: &[&str], input: &[u8]) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool (tests/install-tools)");
    child.stdin.take().expect("a pipe").write_all(input).expect("read");
    let output = child.wait_with_output().expect("ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

const STATES: [&str; 6] = ["busy", "slack", "idle_warm", "idle_empty", "unobserved", "stale_claim"];

#[test]
fn figures_are_those_of_the_report() {
    let report = demo(&["-o", "json"]).json();
    let written = demo(&["-o", "openmetrics", "--top", "0"]);
    assert!(written.text().ends_with("\n# EOF\n"));
    let samples = samples(written.text());
    let near = |series: &str, expected: &Value, factor: f64| match expected.as_f64() {
        Some(value) => {
            let found = samples.get(series).unwrap_or_else(|| panic!("{series}"));
            assert!((found - value * factor).abs() <= 1e-9 * found.abs().max(1.0), "{series}");
        }
        None => assert!(!samples.contains_key(series), "{series} is not known"),
    };
    let fleet = &report["fleet"];
    near("gpu_finops_fleet_utilization_ratio", &fleet["utilization"], 1.0);
    near("gpu_finops_fleet_capacity_gpu_seconds", &fleet["capacity_gpu_hours"], 3600.0);
    near("gpu_finops_fleet_capacity_cost{currency=\"USD\"}", &fleet["capacity_cost"], 1.0);
    for tenant in report["tenants"].as_array().expect("rows") {
        let name = tenant["tenant"].as_str().expect("text");
        for state in STATES {
            let labels = format!("tenant=\"{name}\",state=\"{state}\"");
            let hours = &tenant[format!("{state}_gpu_hours")];
            near(&format!("gpu_finops_tenant_gpu_seconds{{{labels}}}"), hours, 3600.0);
            let cost = &tenant[format!("{state}_cost")];
            near(&format!("gpu_finops_tenant_cost{{{labels},currency=\"USD\"}}"), cost, 1.0);
        }
        let labels = format!("{{tenant=\"{name}\"}}");
        near(&format!("gpu_finops_tenant_utilization_ratio{labels}"), &tenant["utilization"], 1.0);
    }
    let count = |prefix: &str| samples.keys().filter(|k| k.starts_with(prefix)).count();
    assert_eq!(
        count("gpu_finops_device_gpu_seconds{"),
        9 * report["gpus"].as_array().expect("rows").len()
    );
}

#[test]
fn series_are_bounded_and_sums_stay() {
    let all = samples(demo(&["-o", "openmetrics", "--top", "0"]).text());
    let bounded = demo(&["-o", "openmetrics", "--top", "2"]);
    let few = samples(bounded.text());
    for list in ["tenant", "namespace", "workload", "device"] {
        for figure in ["gpu_seconds", "cost", "waste_cost"] {
            let prefix = format!("gpu_finops_{list}_{figure}{{");
            let of = |samples: &BTreeMap<String, f64>| {
                let found: Vec<f64> = samples
                    .iter()
                    .filter(|(k, _)| k.starts_with(&prefix))
                    .map(|(_, v)| *v)
                    .collect();
                (found.len(), found.iter().sum::<f64>())
            };
            let ((count, sum), (_, whole)) = (of(&few), of(&all));
            assert!(count <= 3 * 9, "{prefix}: {count}");
            assert!((sum - whole).abs() <= 1e-9 * whole.abs().max(1.0), "{prefix}: {sum}, {whole}");
        }
    }
    assert!(few.keys().any(|k| k.contains("tenant=\"__other__\"")), "{}", bounded.text());
}

#[test]
fn what_is_not_known_has_no_sample() {
    let samples = samples(demo(&["-o", "openmetrics", "--currency", "EUR"]).text());
    assert!(!samples.keys().any(|k| k.contains("_cost{") || k.contains("savings{")));
    assert!(samples["gpu_finops_gpus_without_price"] > 0.0);
    assert_eq!(samples["gpu_finops_complete"], 0.0);
}

#[test]
fn prometheus_reads_it_and_finds_no_fault() {
    let (well, said) = promtool(&["check", "metrics"], &demo(&["-o", "openmetrics"]).out);
    assert!(well && said.is_empty(), "{said}");
}

#[test]
fn rules_are_right_and_tested() {
    for args in
        [["check", "rules", "reports/alerts.yaml"], ["test", "rules", "reports/alerts.test.yaml"]]
    {
        let path = in_repository(args[2]);
        let (well, said) = promtool(&[args[0], args[1], path.to_str().expect("UTF-8")], b"");
        assert!(well, "{said}");
    }
}

/// Every name with our prefix in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c))
        .filter(|w| w.starts_with("gpu_finops_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn rules_and_dashboard_use_what_is_written() {
    let written = demo(&["-o", "openmetrics"]);
    let known = families(written.text());
    for file in ["reports/alerts.yaml", "reports/alerts.test.yaml", "reports/dashboard.json"] {
        let text = std::fs::read_to_string(in_repository(file)).expect("text");
        let used = names(&text);
        assert!(used.len() > 5, "{file}: {used:?}");
        for name in used {
            assert!(known.contains(name.as_str()), "{file} uses {name}, which is not written");
        }
    }
    let text = std::fs::read_to_string(in_repository("reports/dashboard.json")).expect("text");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    // As rules, so that the expressions are parsed.
    let queries = panels.iter().flat_map(|p| p["targets"].as_array().expect("targets"));
    let rules: Vec<Value> = queries
        .enumerate()
        .map(|(i, t)| serde_json::json!({"record": format!("panel:{i}"), "expr": t["expr"]}))
        .collect();
    assert!(rules.len() >= panels.len());
    let file = tempfile::NamedTempFile::new().expect("temporary file");
    let groups = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    std::fs::write(file.path(), groups.to_string()).expect("written");
    let (well, said) = promtool(&["check", "rules", file.path().to_str().expect("UTF-8")], b"");
    assert!(well, "{said}");
}

#[test]
fn other_commands_say_that_they_have_none() {
    let snapshot = in_repository("fixtures/demo");
    for command in ["claims", "recommend", "doctor"] {
        for format in ["openmetrics", "html"] {
            let mut run = gpu_finops();
            run.args([command, "-o", format, "--snapshot"]).arg(&snapshot);
            Outcome::of(&mut run).failed_with(2, &[format, "only `report`"]);
        }
    }
}
