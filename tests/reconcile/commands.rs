//! Exit codes, errors, and bills of clouds against objects with their providers' ids.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{bill, changed, demo, reconcile, rows};
use crate::common::Outcome;

/// A folder with nodes of eight H100 each, by name and provider's id.
fn nodes(folder: &Path, nodes: &[(&str, &str)]) {
    let node = |(name, id): &(&str, &str)| {
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {
                "name": name, "uid": name, "creationTimestamp": "2026-10-01T00:00:00Z",
                "labels": {
                    "node.kubernetes.io/instance-type": "p5.48xlarge",
                    "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.count": "8",
                },
            },
            "spec": {"providerID": id},
            "status": {
                "capacity": {"nvidia.com/gpu": "8", "cpu": "192", "memory": "2Ti", "pods": "110"},
                "allocatable": {"nvidia.com/gpu": "8", "cpu": "192", "memory": "2Ti", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-10-01T00:00:00Z"}],
            },
        })
    };
    let list: Vec<Value> = nodes.iter().map(node).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": list});
    std::fs::write(folder.join("nodes.json"), list.to_string()).expect("written");
}

/// Two days of a cluster of three nodes.
fn cluster(folder: &Path) -> Vec<String> {
    let id = |instance: &str| format!("aws:///us-east-1a/{instance}");
    let (a, b, c) = (id("i-0aaa"), id("i-0bbb"), id("i-0ccc"));
    nodes(folder, &[("ip-10-0-0-1", &a), ("ip-10-0-0-2", &b), ("ip-10-0-0-3", &c)]);
    ["--no-metrics", "--objects", folder.join("nodes.json").to_str().expect("UTF-8")]
        .into_iter()
        .chain([
            "--window",
            "2026-11-01,2026-11-03",
            "--now",
            "2026-11-03T00:10:00Z",
            "--price",
            "H100=6",
        ])
        .map(ToOwned::to_owned)
        .collect()
}

const HEADER: &str = "ResourceId,ChargePeriodStart,ChargePeriodEnd,EffectiveCost,BillingCurrency,ChargeCategory,\
                      ConsumedQuantity,ConsumedUnit,x_UsageType,CommitmentDiscountStatus";

/// A bill of AWS: one node as the ledger has it but dearer, one for fewer hours, one not at all, one of nobody; tax.
fn aws(folder: &Path) -> PathBuf {
    let mut lines = vec![HEADER.to_owned()];
    let mut line = |id: &str, day: u32, cost: &str, category: &str, hours: &str, usage: &str| {
        let (from, to) = (day, day + 1);
        lines.push(format!(
            "{id},2026-11-0{from}T00:00:00Z,2026-11-0{to}T00:00:00Z,{cost},USD,{category},{hours},Hrs,{usage},"
        ));
    };
    for day in [1, 2] {
        line("i-0aaa", day, "1320.96", "Usage", "24", "BoxUsage:p5.48xlarge");
        line("i-0zzz", day, "13.46", "Usage", "24", "BoxUsage:g5.xlarge");
        line("i-0cpu", day, "4.61", "Usage", "24", "BoxUsage:m5.xlarge");
    }
    let arn = "arn:aws:ec2:us-east-1:123456789012:instance/i-0bbb";
    line(arn, 1, "960", "Usage", "20", "BoxUsage:p5.48xlarge");
    line("", 1, "100", "Tax", "", "");
    let path = folder.join("aws.csv");
    std::fs::write(&path, lines.join("\n") + "\n").expect("written");
    path
}

#[test]
fn a_bill_of_aws_by_hand() {
    let folder = TempDir::new().expect("temporary folder");
    let source = cluster(folder.path());
    let report = reconcile(&source, &aws(folder.path()), &["-o", "json"]).json();
    let row = |node: &str| {
        rows(&report).iter().find(|row| row["nodes"][0] == node).expect("a row").clone()
    };
    // 48 h × 8 × 6 = 2304 in the ledger. 48 h at 55.04 an hour on the bill.
    let a = row("ip-10-0-0-1");
    assert_eq!((&a["matched_by"], &a["ledger_cost"]), (&json!("provider-id"), &json!(2304.0)));
    assert_eq!((&a["bill_cost"], &a["time_cost"]), (&json!(2641.92), &json!(0.0)));
    assert_eq!((&a["rate_cost"], &a["bill_rate"]), (&json!(337.92), &json!(55.04)));
    // 20 of the 48 hours, at the ledger's price.
    let b = row("ip-10-0-0-2");
    assert_eq!((&b["time_cost"], &b["rate_cost"]), (&json!(-1344.0), &json!(0.0)));
    assert_eq!(row("ip-10-0-0-3")["status"], "only_in_ledger");
    let alone = rows(&report).iter().find(|row| row["status"] == "only_on_bill").expect("a row");
    assert_eq!(
        (&alone["resource_id"], &alone["instance_type"]),
        (&json!("i-0zzz"), &json!("g5.xlarge"))
    );
    let total = &report["total"];
    assert_eq!(total["difference"], json!(337.92 - 1344.0 - 2304.0 + 26.92));
    let aside: Vec<&str> = report["set_aside"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|aside| aside["reason"].as_str())
        .collect();
    assert_eq!(aside, ["Tax", "Usage: not of GPU machines"]);
}

#[test]
fn roll_ups_keep_the_ids_that_bills_have() {
    let folder = TempDir::new().expect("temporary folder");
    let source = cluster(folder.path());
    let store = folder.path().join("store");
    let store = store.to_str().expect("UTF-8");
    let rolled = super::run(&["roll-up"], &source, &["--store", store, "--cluster", "east"]);
    assert_eq!(rolled.code, 0, "{}", rolled.err);
    let of_store = ["--store", store, "--window", "2026-11-01,2026-11-03"].map(ToOwned::to_owned);
    let report = reconcile(&of_store, &aws(folder.path()), &["-o", "json"]).json();
    let live = reconcile(&source, &aws(folder.path()), &["-o", "json"]).json();
    assert_eq!(report["total"], live["total"]);
    assert_eq!(rows(&report)[1]["matched_by"], json!("provider-id"));
}

#[test]
fn each_end_has_its_exit_code() {
    let folder = TempDir::new().expect("temporary folder");
    let source = cluster(folder.path());
    let path = aws(folder.path());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let of = |path: &Path, more: &[&str]| reconcile(&source, path, more);
    assert_eq!(of(&path, &[]).code, 0);
    assert_eq!(of(&path, &["--max-difference", "10000"]).code, 0);
    of(&path, &["--max-difference", "1%"]).failed_with(3, &["max-difference", "Most of it"]);
    of(&path, &["--max-difference", "100"]).failed_with(3, &["no more than 100.00"]);
    assert_eq!(of(&path, &["--max-difference", "1%", "--warn-only"]).code, 0);
    of(&path, &["--max-difference", "much"]).failed_with(2, &["much", "10%"]);
    of(&path, &["--bill-cost", "list"]).failed_with(2, &["aws.csv", "ListCost"]);
    of(&path, &["-o", "html"]).failed_with(2, &["html"]);
    // Nothing is metered, which `--strict` takes for incomplete.
    of(&path, &["--strict"]).failed_with(4, &[]);
    of(&folder.path().join("none.csv"), &[]).failed_with(1, &["none.csv", "cannot be read"]);
    of(&file("x.csv", "a,b\n1,2\n"), &[]).failed_with(2, &["x.csv", "ChargePeriodStart", "a, b"]);
    let line = |rest: &str| format!("{HEADER}\n{rest}\n");
    let nobody = line("i-0q,2026-11-01,2026-11-02,5,USD,Usage,24,Hrs,BoxUsage:p5.48xlarge,");
    of(&file("nobody.csv", &nobody), &[]).failed_with(1, &["nothing on the bill", "providerID"]);
    let old = line("i-0aaa,2026-09-01,2026-09-02,5,USD,Usage,24,Hrs,BoxUsage:p5.48xlarge,");
    of(&file("old.csv", &old), &[]).failed_with(1, &["2026-09-01", "2026-11-01"]);
    let empty = line("");
    of(&file("empty.csv", empty.trim_end()), &[]).failed_with(1, &["no charge for use"]);
    let euros = line("i-0aaa,2026-11-01,2026-11-02,5,EUR,Usage,24,Hrs,BoxUsage:p5.48xlarge,");
    of(&file("eur.csv", &euros), &[]).failed_with(2, &["eur.csv, row 1", "EUR", "--currency EUR"]);
    let words = line("i-0aaa,2026-11-01,2026-11-02,dear,USD,Usage,24,Hrs,BoxUsage:p5.48xlarge,");
    of(&file("words.csv", &words), &[])
        .failed_with(1, &["words.csv, row 1: EffectiveCost: `dear`"]);
    let month = line("i-0aaa,2026-11-01,2026-12-01,900,USD,Usage,720,Hrs,BoxUsage:p5.48xlarge,");
    of(&file("month.csv", &month), &[]).failed_with(1, &["no whole charge", "2026-12-01"]);
}

#[test]
fn without_a_price_a_limit_cannot_be_judged() {
    let folder = TempDir::new().expect("temporary folder");
    let mut source = cluster(folder.path());
    source.truncate(source.len() - 2);
    source.extend(["--currency".to_owned(), "EUR".to_owned()]);
    let text = std::fs::read_to_string(aws(folder.path())).expect("text").replace("USD", "EUR");
    let path = folder.path().join("eur.csv");
    std::fs::write(&path, text).expect("written");
    let report = reconcile(&source, &path, &["-o", "json"]).json();
    assert_eq!(report["total"]["difference"], Value::Null);
    assert_eq!(report["total"]["ledger_cost"], Value::Null);
    let judged = reconcile(&source, &path, &["--max-difference", "1%"]);
    judged.failed_with(1, &["max-difference", "no price"]);
    // And prices can be made of it all the same.
    let prices = folder.path().join("paid.yaml");
    let prices = prices.to_str().expect("UTF-8");
    assert_eq!(reconcile(&source, &path, &["--write-prices", prices]).code, 0);
    let priced = reconcile(&source, &path, &["--price-book", prices, "-o", "json"]).json();
    assert_eq!(priced["total"]["rate_cost"].as_f64().map(f64::abs), Some(0.0), "{priced:#}");
}

#[test]
fn a_price_book_comes_after_flags_and_before_the_config_file() {
    let folder = TempDir::new().expect("temporary folder");
    let source = cluster(folder.path());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let book = file(
        "book.yaml",
        "rules: [{match: {node: ip-10-0-0-2}, per_gpu_hour: 5}, {match: {model: H100}, per_gpu_hour: 4}]",
    );
    let config = file("config.yaml", "prices: {rules: [{per_gpu_hour: 3}]}");
    let report = |more: &[&str], has_flag: bool| {
        let source = &source[..source.len() - if has_flag { 0 } else { 2 }];
        let more = [more, &["-o", "json"]].concat();
        super::run(&["report"], source, &more).json()
    };
    let price = |report: &Value, node: &str| {
        let gpus = report["gpus"].as_array().expect("a list");
        gpus.iter().find(|gpu| gpu["node"] == node).expect("a GPU")["price_per_hour"].clone()
    };
    let all = ["--price-book", &book, "--config", &config];
    let flag = report(&all, true);
    assert_eq!(price(&flag, "ip-10-0-0-2"), json!(6.0));
    let of_book = report(&all, false);
    assert_eq!(price(&of_book, "ip-10-0-0-2"), json!(5.0));
    assert_eq!(price(&of_book, "ip-10-0-0-1"), json!(4.0));
    assert_eq!(price(&report(&all[2..], false), "ip-10-0-0-1"), json!(3.0));
    let wrong = file("wrong.yaml", "rules: [{per_gpu_hour: 1}, {per_gpu_hour: free}]");
    let refused = super::run(&["report"], &source, &["--price-book", &wrong]);
    refused.failed_with(2, &["price book", "wrong.yaml", "line 1"]);
    super::run(&["prices", "list"], &[], &["--price-book", "nowhere.yaml"])
        .failed_with(2, &["nowhere.yaml", "cannot be read"]);
}

#[test]
fn a_bill_by_day_of_a_window_from_noon_to_noon_is_compared_by_whole_days() {
    let folder = TempDir::new().expect("temporary folder");
    let path = bill(folder.path(), &demo(), &[]);
    let window = ["--window", "2026-11-09T12:00:00Z,2026-11-12T12:00:00Z"];
    let more = [&window[..], &["-o", "json", "--bill-cost", "list"]].concat();
    let report = reconcile(&demo(), &path, &more).json();
    assert_eq!(report["compared"]["hours"], 48.0, "{report:#}");
    super::assert_closed(&report, 0.0001);
    assert!(report["total"]["ledger_cost_outside"].as_f64().expect("a number") > 0.0);
    let strict = reconcile(&demo(), &path, &[&more[..], &["--strict"]].concat());
    assert_eq!(strict.code, 4, "{}", strict.err);
}

#[test]
fn names_of_a_bill_are_harmless() {
    let folder = TempDir::new().expect("temporary folder");
    let path = bill(folder.path(), &demo(), &[]);
    changed(&path, |row| {
        if row["x_NodeName"].ends_with('1') {
            row.insert("x_NodeName".into(), "=cmd|<b>\u{1b}[31m`x`".into());
            row.insert("ResourceName".into(), String::new());
            row.insert("Tags".into(), String::new());
            row.insert("ResourceId".into(), "=cmd|<b>\u{1b}[31m`x`".into());
        }
    });
    for format in
        ["table", "wide", "json", "csv", "markdown", "github-comment", "junit", "sarif", "slack"]
    {
        let outcome: Outcome = reconcile(&demo(), &path, &["-o", format]);
        assert!(!outcome.out.contains(&0x1b), "{format}");
        if format == "csv" {
            assert!(!outcome.text().contains(",=cmd"), "{}", outcome.text());
        }
    }
}
