//! `--tenant`, `-n`, `--selector`: rows shrink, the fleet stays, the total row is what is shown.

use std::sync::OnceLock;

use serde_json::Value;

use crate::common::cluster::{self, Shape};
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, close, report};

fn server() -> &'static Prometheus {
    static SERVER: OnceLock<Prometheus> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut out = OpenMetrics::default();
        cluster::write(&mut out, &Shape::default());
        Prometheus::with_openmetrics(&out.finish())
    })
}

fn run(more: &[&str]) -> Outcome {
    Outcome::of(report(&server().url(), "base").args(more))
}

fn json(more: &[&str]) -> Value {
    Outcome::of(report(&server().url(), "base").args(["-o", "json"]).args(more)).json()
}

fn names(report: &Value, list: &str, field: &str) -> Vec<String> {
    let rows = report[list].as_array().expect("a list").iter();
    let mut names: Vec<String> =
        rows.map(|r| r[field].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[test]
fn rows_shrink_and_the_fleet_stays() {
    let whole = json(&[]);
    close(&whole["in_scope"], "allocated_gpu_hours", 10.0);
    for (args, tenants, workloads, hours, cost) in [
        (&["--tenant", "alpha"][..], &["alpha"][..], &["train"][..], 4.0, 8.0),
        (
            &["--tenant", "alpha", "--tenant", "be.*"],
            &["alpha", "beta"],
            &["chat", "train"],
            6.0,
            12.0,
        ),
        (&["-n", "lab"], &["lab"], &["nb"], 4.0, 8.0),
        (&["-n", "ml|web"], &["alpha", "beta"], &["chat", "train"], 6.0, 12.0),
        (&["-l", "app=notebook"], &["lab"], &["nb"], 4.0, 8.0),
        (&["-l", "app in (work),app!=notebook"], &["alpha", "beta"], &["chat", "train"], 6.0, 12.0),
        (&["--tenant", "alpha", "-n", "lab"], &[], &[], 0.0, 0.0),
        // The whole name must match.
        (&["--tenant", "alph"], &[], &[], 0.0, 0.0),
    ] {
        let report = json(args);
        assert_eq!(report["fleet"], whole["fleet"], "{args:?}");
        assert_eq!(report["gpus"], whole["gpus"], "{args:?}");
        assert_eq!(report["reconciliation"]["balanced"], true, "{args:?}");
        assert_eq!(names(&report, "tenants", "tenant"), tenants, "{args:?}");
        assert_eq!(names(&report, "workloads", "name"), workloads, "{args:?}");
        close(&report["in_scope"], "allocated_gpu_hours", hours);
        for list in ["tenants", "namespaces", "workloads", "pods"] {
            let sum: f64 = report[list]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|r| r["cost"].as_f64())
                .sum();
            assert!((sum - cost).abs() < 1e-9, "{list} {args:?}: {sum}");
        }
        if hours > 0.0 {
            close(&report["in_scope"], "allocated_cost", cost);
        }
    }
}

#[test]
fn the_total_row_of_a_table_is_what_is_in_scope() {
    // alpha: 4 held hours of the fleet's 10, 8.00 of 20.00.
    let outcome = run(&["--tenant", "alpha"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let text = outcome.text();
    assert!(text.contains("alpha") && !text.contains("beta"), "{text}");
    let total = text.lines().find(|l| l.trim_start().to_lowercase().starts_with("total"));
    let total = total.unwrap_or_else(|| panic!("a total row in {text}"));
    assert!(total.contains("8"), "{total}");
    assert!(!total.contains("20"), "{total}");
}

#[test]
fn filters_that_are_none() {
    run(&["--tenant", "a("]).failed_with(2, &["--tenant", "a("]);
    run(&["-l", "app in (x"]).failed_with(2, &["--selector", "app in (x"]);
}
