//! `export focus` as it is called: its files, its sums, and what the FinOps Foundation's validator says of them.
//!
//! `GPU_FINOPS_FOCUS_PYTHON` names a Python that has `focus-validator`; `tests/focus-validator` makes one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use polars::prelude::{ParquetReader, SerReader};
use tempfile::TempDir;

use crate::common::{Outcome, csv_rows, gpu_finops};
use crate::roll_up::{WEEK, rolled_up};
use crate::settings_reference::in_repository;

/// What a FOCUS dataset of ours supports of that on which rules depend. Neither commitments nor reservations of
/// capacity are known to a cluster; the rule for measured usage of 2.2.1 needs a column of commitments.
const SUPPORTED: &str = "ACCOUNT_NAMING_SUPPORTED,AVAILABILITY_ZONE_SUPPORTED,\
    MULTIPLE_PRICING_CATEGORIES_SUPPORTED,NEGOTIATED_PRICING_SUPPORTED,PUBLIC_PRICE_LIST_SUPPORTED,\
    UNIT_PRICING_SUPPORTED,SUB_ACCOUNT_SUPPORTED,BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED,\
    RESOURCE_TYPE_ASSIGNMENT_SUPPORTED,REGION_SUPPORTED,TAGGING_SUPPORTED,\
    MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED,MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED";

/// Two rules of which one must fail: an invoice is there, or it is not. There is none, and `InvoiceId` is null.
const EITHER: &str = "InvoiceId-C-005-C";

fn export(args: &[&str]) -> Outcome {
    let demo = in_repository("fixtures/demo");
    let mut command = gpu_finops();
    command.args(["export", "focus"]).args(args);
    if !args.contains(&"--store") {
        command.arg("--snapshot").arg(demo);
    }
    Outcome::of(&mut command)
}

fn rows(args: &[&str]) -> Vec<BTreeMap<String, String>> {
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("focus.csv");
    let path = file.to_str().expect("UTF-8");
    let outcome = export(&[args, &["--output-file", path]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    csv_rows(&file)
}

/// Cents of a decimal with two digits.
fn cents(text: &str) -> i64 {
    assert_eq!(text.rsplit_once('.').map(|(_, part)| part.len()), Some(2), "{text}");
    text.replace('.', "").parse().expect("digits")
}

#[expect(clippy::cast_possible_truncation, reason = "small sums")]
fn ledger_cents(args: &[&str]) -> i64 {
    let mut command = gpu_finops();
    command.args(["report", "-o", "json", "--snapshot"]).arg(in_repository("fixtures/demo"));
    let report = Outcome::of(command.args(args)).json();
    let cost = report["fleet"]["capacity_cost"].as_f64().expect("a number");
    (cost * 100.0).round() as i64
}

#[test]
fn the_demo_is_exported_to_the_cent() {
    for price in ["H100=6.88", "*=3.333333"] {
        let rows = rows(&["--price", price]);
        let billed: i64 = rows.iter().map(|row| cents(&row["BilledCost"])).sum();
        assert_eq!(billed, ledger_cents(&["--price", price]), "{price}");
    }
    let all = rows(&[]);
    let states: std::collections::BTreeSet<&str> =
        all.iter().map(|row| row["x_State"].as_str()).collect();
    assert!(states.contains("busy") && states.contains("idle_warm"), "{states:?}");
    let days: std::collections::BTreeSet<&str> =
        all.iter().map(|row| row["ChargePeriodStart"].as_str()).collect();
    assert_eq!(days.len(), 7, "{days:?}");
}

#[test]
fn parquet_has_the_rows_of_csv() {
    let folder = TempDir::new().expect("temporary folder");
    let path = folder.path().to_str().expect("UTF-8");
    let outcome = export(&["-o", "parquet", "--output-file", path, "--focus-version", "1.3"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let file = std::fs::File::open(folder.path().join("focus.parquet")).expect("written");
    let table = ParquetReader::new(file).finish().expect("Parquet");
    let csv = rows(&["--focus-version", "1.3"]);
    assert_eq!(table.height(), csv.len());
    assert_eq!(table.width(), csv[0].len());
    let ratios = table.column("AllocatedMethodDetails").expect("a column").str().expect("text");
    assert_eq!(ratios.get(0), Some(csv[0]["AllocatedMethodDetails"].as_str()));
    let billed = table.column("BilledCost").expect("a column").f64().expect("numbers");
    for (row, cost) in csv.iter().zip(billed.iter()) {
        assert_eq!(cost, row["BilledCost"].parse().ok());
    }
}

#[test]
fn days_that_were_rolled_up_are_exported_as_the_week_was() {
    let folder = TempDir::new().expect("temporary folder");
    let store = folder.path().join("store");
    rolled_up(&store, "east", WEEK);
    let of_store = rows(&["--store", store.to_str().expect("UTF-8"), "--window", WEEK]);
    let live = rows(&["--cluster", "east"]);
    let sums = |rows: &[BTreeMap<String, String>]| {
        let mut out: BTreeMap<(String, String, String), (i64, i64)> = BTreeMap::new();
        for row in rows {
            let key = ["x_OriginChargeId", "x_HolderName", "x_State"].map(|c| row[c].clone());
            let [charge, holder, state] = key;
            let sum = out.entry((charge, holder, state)).or_default();
            sum.0 += cents(&row["BilledCost"]);
            sum.1 += row["PricingQuantity"].replace('.', "").parse::<i64>().expect("digits");
        }
        out
    };
    assert!(live[0]["x_OriginChargeId"].starts_with("east/"), "{:?}", live[0]);
    let (of_store, live) = (sums(&of_store), sums(&live));
    assert!(of_store.keys().eq(live.keys()));
    let total = |sums: &BTreeMap<_, (i64, i64)>| sums.values().map(|sum| sum.0).sum::<i64>();
    assert_eq!(total(&of_store), total(&live));
    // Remainders that are equal but for the order of a sum can fall the other way.
    for (key, (cents, nano_hours)) in &live {
        let other = of_store[key];
        assert!((other.0 - cents).abs() <= 1 && (other.1 - nano_hours).abs() <= 1, "{key:?}");
    }
}

#[test]
fn what_has_no_price_is_null_and_named() {
    let outcome = export(&["--currency", "EUR"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(
        outcome.err.contains("without a price") && outcome.err.contains("GPU-"),
        "{}",
        outcome.err
    );
    let mut reader = csv::Reader::from_reader(outcome.out.as_slice());
    let header = reader.headers().expect("header").clone();
    let at = header.iter().position(|name| name == "BilledCost").expect("a column");
    let mut count = 0;
    for record in reader.records() {
        assert_eq!(&record.expect("a row")[at], "");
        count += 1;
    }
    assert!(count > 50, "{count}");
    export(&["--currency", "EUR", "--strict"]).failed_with(4, &["without"]);
}

#[test]
fn wrong_usage_is_refused_before_anything_is_read() {
    export(&["-o", "json"]).failed_with(2, &["json", "-o csv"]);
    export(&["-o", "parquet"]).failed_with(2, &["folder"]);
    export(&["--focus-version", "1.4"]).failed_with(2, &["1.4"]);
    export(&["--provider", ""]).failed_with(2, &["provider"]);
}

/// Results by rule, of the validator's own report.
fn failures(report: &str) -> Vec<&str> {
    report
        .lines()
        .filter(|line| line.contains(": FAIL"))
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(|rule| rule.trim_end_matches(':'))
        .collect()
}

fn validated(python: &Path, file: &Path) -> String {
    // It looks for its own files in the working directory.
    let home = Command::new(python)
        .args(["-c", "import focus_validator, os; print(os.path.dirname(os.path.dirname(focus_validator.__file__)))"])
        .output()
        .expect("the interpreter that GPU_FINOPS_FOCUS_PYTHON names");
    let home = String::from_utf8(home.stdout).expect("UTF-8");
    let output = Command::new(python.with_file_name("focus-validator"))
        .current_dir(home.trim())
        .args(["--validate-version", "1.2", "--block-download", "--show-violations"])
        .args(["--applicability-criteria", SUPPORTED, "--data-file"])
        .arg(file)
        .output()
        .expect("focus-validator");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Total:"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn the_validator_of_the_finops_foundation_passes() {
    let Some(python) = std::env::var_os("GPU_FINOPS_FOCUS_PYTHON") else {
        eprintln!(
            "skipped: GPU_FINOPS_FOCUS_PYTHON is not set (tests/focus-validator makes such a Python)"
        );
        return;
    };
    let folder = TempDir::new().expect("temporary folder");
    let path = |name: &str| folder.path().join(name);
    let shown = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    for version in ["1.2", "1.3"] {
        let csv = path(&format!("{version}.csv"));
        let args = ["--cluster", "east", "--focus-version", version];
        assert_eq!(export(&[&args[..], &["--output-file", &shown(&csv)]].concat()).code, 0);
        let parquet = path(version);
        let to = ["-o", "parquet", "--output-file", &shown(&parquet)];
        assert_eq!(export(&[&args[..], &to].concat()).code, 0);
        // 2.2.1 has rules for 1.2 alone; 1.3 keeps what 1.2 asks for.
        for file in [csv, parquet.join("focus.parquet")] {
            let report = validated(Path::new(&python), &file);
            let total = report.lines().find(|line| line.starts_with("Total:")).unwrap_or_default();
            eprintln!("focus-validator, FOCUS {version}, {}: {total}", file.display());
            assert_eq!(failures(&report), [EITHER], "{report}");
        }
    }
    // It does find what is wrong.
    let broken = path("broken.csv");
    let text = std::fs::read_to_string(path("1.2.csv")).expect("written");
    std::fs::write(&broken, text.replace(",Usage-Based,", ",Sometimes,")).expect("written");
    let report = validated(Path::new(&python), &broken);
    assert!(failures(&report).iter().any(|rule| rule.starts_with("ChargeFrequency")), "{report}");
}
