//! `reconcile` as it is called: the ledger against bills made of it, and against bills of other shapes.

mod commands;
mod formats;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Outcome, csv_rows, gpu_finops};
use crate::settings_reference::in_repository;

/// Source of the demo's week.
fn demo() -> Vec<String> {
    let path = in_repository("fixtures/demo");
    vec!["--snapshot".to_owned(), path.to_str().expect("UTF-8").to_owned()]
}

/// Runs a command on a source.
fn run(command: &[&str], source: &[String], more: &[&str]) -> Outcome {
    Outcome::of(gpu_finops().args(command).args(source).args(more))
}

/// The ledger of a source as a bill of FOCUS rows.
pub(crate) fn bill(folder: &Path, source: &[String], more: &[&str]) -> PathBuf {
    let path = folder.join("bill.csv");
    let file = ["--output-file", path.to_str().expect("UTF-8")];
    let outcome = run(&["export", "focus"], source, &[&file, more].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    path
}

/// `reconcile` of a source and a bill.
pub(crate) fn reconcile(source: &[String], bill: &Path, more: &[&str]) -> Outcome {
    let bill = ["--bill", bill.to_str().expect("UTF-8")];
    run(&["reconcile"], source, &[&bill, more].concat())
}

fn rows(report: &Value) -> &Vec<Value> {
    report["rows"].as_array().expect("a list")
}

/// Whether every row is matched, and its difference and the total's are none to this amount.
pub(crate) fn assert_closed(report: &Value, amount: f64) {
    assert!(!rows(report).is_empty());
    for row in rows(report).iter().chain([&report["total"]]) {
        let difference = row["difference"].as_f64().expect("a number");
        assert!(difference.abs() <= amount, "{row:#}");
        for part in ["time_cost", "rate_cost", "other_cost"] {
            assert!(row[part].as_f64().expect("a number").abs() <= amount, "{part}: {row:#}");
        }
    }
    assert!(rows(report).iter().all(|row| row["status"] == "matched"));
}

/// A bill with each row changed.
fn changed(path: &Path, change: impl Fn(&mut BTreeMap<String, String>)) {
    let mut rows = csv_rows(path);
    rows.iter_mut().for_each(change);
    write(path, &rows);
}

fn write(path: &Path, rows: &[BTreeMap<String, String>]) {
    let mut writer = csv::Writer::from_path(path).expect("writable");
    writer.write_record(rows[0].keys()).expect("written");
    for row in rows {
        writer.write_record(row.values()).expect("written");
    }
    writer.flush().expect("written");
}

#[test]
fn the_demo_closes_with_a_bill_made_of_it() {
    let folder = TempDir::new().expect("temporary folder");
    let path = bill(folder.path(), &demo(), &[]);
    let exact = reconcile(&demo(), &path, &["--bill-cost", "list", "-o", "json"]).json();
    assert_closed(&exact, 0.0001);
    assert_eq!(exact["complete"], true, "{exact:#}");
    // Whole cents: each charge is a cent off at most, and the total not at all.
    let billed = reconcile(&demo(), &path, &["-o", "json", "--max-difference", "0.01"]).json();
    assert!(billed["total"]["difference"].as_f64().expect("a number").abs() <= 0.005, "{billed:#}");
    let days = billed["days"].as_array().expect("days");
    let nodes = rows(&billed).len();
    assert!(days.len() > nodes && days.len() <= 7 * nodes, "{} days of {nodes}", days.len());
}

#[test]
fn parquet_is_read_as_csv_is() {
    let folder = TempDir::new().expect("temporary folder");
    let of_csv = reconcile(&demo(), &bill(folder.path(), &demo(), &[]), &["-o", "json"]).json();
    let tables = folder.path().join("tables");
    let to = ["-o", "parquet", "--output-file", tables.to_str().expect("UTF-8")];
    assert_eq!(run(&["export", "focus"], &demo(), &to).code, 0);
    let path = tables.join("focus.parquet");
    let of_parquet = reconcile(&demo(), &path, &["-o", "json"]).json();
    assert_eq!(of_csv["total"], of_parquet["total"]);
    assert_eq!(of_csv["rows"], of_parquet["rows"]);
}

#[test]
fn prices_of_a_bill_close_the_next_report() {
    let folder = TempDir::new().expect("temporary folder");
    let path = bill(folder.path(), &demo(), &[]);
    // Each node has another discount.
    changed(&path, |row| {
        let nodes: u32 = row["x_NodeName"].bytes().map(u32::from).sum();
        let cost: f64 = row["ListCost"].parse().expect("a number");
        let paid = cost * (0.5 + f64::from(nodes % 7) / 10.0);
        row.insert("EffectiveCost".to_owned(), format!("{paid:.12}"));
    });
    let prices = folder.path().join("paid.yaml");
    let prices = prices.to_str().expect("UTF-8");
    let before = reconcile(&demo(), &path, &["--write-prices", prices, "-o", "json"]).json();
    let rate = before["total"]["rate_cost"].as_f64().expect("a number");
    assert!(rate < -1.0, "{before:#}");
    let after = reconcile(&demo(), &path, &["--price-book", prices, "-o", "json"]).json();
    assert_closed(&after, 0.005);
    let report = run(&["report"], &demo(), &["--price-book", prices, "-o", "json"]).json();
    let billed = before["total"]["bill_cost"].as_f64().expect("a number");
    let ledger = report["fleet"]["capacity_cost"].as_f64().expect("a number");
    assert!((billed - ledger).abs() < 0.005, "{billed} {ledger}");
    let source = report["gpus"][0]["price_source"].as_str().expect("text");
    assert!(source.contains("paid.yaml, rule ") && source.contains("EffectiveCost"), "{source}");
}

#[test]
fn roll_ups_close_as_well() {
    use crate::roll_up::{WEEK, rolled_up};
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "east", WEEK);
    let store = store.to_str().expect("UTF-8");
    let source: Vec<String> = ["--store", store, "--window", WEEK].map(ToOwned::to_owned).into();
    let path = bill(folder.path(), &source, &[]);
    let report = reconcile(&source, &path, &["--bill-cost", "list", "-o", "json"]).json();
    assert_closed(&report, 0.0001);
    assert_eq!(rows(&report)[0]["cluster"], "east");
}
