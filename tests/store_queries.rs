//! `queries/store/*.sql` in real engines against `report --store`, to the cent.
//!
//! `GPU_FINOPS_SQL_PYTHON` names a Python that has `duckdb` and `datafusion`; `tests/sql-tools` makes one.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::close;
use crate::roll_up::{WEEK, report, rolled_up};
use crate::settings_reference::in_repository;

/// Columns that are called otherwise in the report.
const RENAMED: [(&str, &str); 1] = [("mean_utilization", "utilization")];

fn answers(python: &std::ffi::OsStr, engine: &str, store: &Path) -> Value {
    let output = Command::new(python)
        .arg(in_repository("tests/store_queries.py"))
        .arg(engine)
        .arg(store)
        .arg(in_repository("queries/store"))
        .output()
        .expect("the interpreter that GPU_FINOPS_SQL_PYTHON names");
    assert!(output.status.success(), "{engine}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Every row of a query is the row of the report with the same `keys`, and every row of the report is there.
#[track_caller]
fn same_rows(context: &str, found: &Value, of_report: &Value, keys: &[&str]) {
    let (found, expected) =
        (found.as_array().expect("rows"), of_report.as_array().expect("rows of the report"));
    assert_eq!(found.len(), expected.len(), "{context}");
    for row in expected {
        let is_same = |other: &&Value| keys.iter().all(|key| other[*key] == row[*key]);
        let other = found.iter().find(is_same).unwrap_or_else(|| panic!("{context}: {row}"));
        let columns = other.as_object().expect("a row");
        for (column, value) in columns.iter().filter(|(name, _)| !keys.contains(&name.as_str())) {
            let renamed = RENAMED.iter().find(|(sql, _)| sql == column).map(|(_, name)| *name);
            let expected = &row[renamed.unwrap_or(column)];
            let is_near = match (value.as_f64(), expected.as_f64()) {
                (Some(a), Some(b)) if column.ends_with("_cost") => (a - b).abs() < 0.005,
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1.0),
                (None, None) => value == expected,
                _ => false,
            };
            assert!(is_near, "{context}: {column} is {value}, not {expected}, of {row}");
        }
    }
}

#[test]
fn queries_give_the_report_in_every_engine() {
    let Some(python) = std::env::var_os("GPU_FINOPS_SQL_PYTHON") else {
        eprintln!(
            "skipped: GPU_FINOPS_SQL_PYTHON is not set (tests/sql-tools makes such a Python)"
        );
        return;
    };
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "east", WEEK);
    // Another cluster with the same names, and days without it.
    rolled_up(&store, "west", "2026-11-11,2026-11-14");
    let whole = report(&store, &[]).json();
    let files = std::fs::read_dir(in_repository("queries/store")).expect("queries").count();
    for engine in ["duckdb", "datafusion"] {
        let found = answers(&python, engine, &store);
        assert_eq!(found.as_object().map(serde_json::Map::len), Some(files), "{engine}");
        let workload = ["cluster", "tenant", "rule", "namespace", "kind", "name"];
        for (query, list, keys) in [
            ("tenants", "tenants", &["tenant"][..]),
            ("percentiles", "tenants", &["tenant"]),
            ("gpus_peak", "tenants", &["tenant"]),
            ("workloads", "workloads", &workload),
            ("longest_idle", "workloads", &workload),
            ("nodes", "nodes", &["cluster", "node"]),
        ] {
            same_rows(&format!("{engine}, {query}"), &found[query], &whole[list], keys);
        }
        let days = found["days"].as_array().expect("rows");
        assert_eq!(days.len(), 7);
        let sum = |column: &str| days.iter().filter_map(|d| d[column].as_f64()).sum::<f64>();
        for column in ["capacity_gpu_hours", "busy_gpu_hours", "waste_cost", "capacity_cost"] {
            let expected = whole["fleet"][column].as_f64().expect("a number");
            assert!((sum(column) - expected).abs() < 0.005, "{engine}, {column}");
        }
        let one = report(&store, &["--window", "2026-11-12,2026-11-13"]).json();
        close(&days[3], "waste_cost", one["fleet"]["waste_cost"].as_f64().expect("a number"));
    }
}

#[test]
fn every_query_says_what_it_means() {
    for entry in std::fs::read_dir(in_repository("queries/store")).expect("queries") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        for part in
            ["-- Meaning: ", "\n-- Unit: ", "\n-- Columns: ", "\n-- Source: ", "\n-- Empty: "]
        {
            assert!(text.contains(part), "{} has no {part:?}", path.display());
        }
    }
}
