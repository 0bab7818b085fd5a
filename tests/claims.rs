//! `gpu-finops claims` on `fixtures/claims`, against what its README works by hand, and on the
//! recorded answers of a real API server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

use crate::cluster::{kubeconfig, status};
use crate::common::http::{Answer, HttpServer};
use crate::common::{Outcome, close, gpu_finops, row, test_data};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/claims")
}

/// `claims` on the fixture at its clock and prices.
fn claims(args: &[&str]) -> Command {
    let mut command = gpu_finops();
    command
        .args(["claims", "--now", "2026-11-20T12:00:00Z", "--objects"])
        .arg(fixture())
        .args(["--price", "H100=3", "--price", "A100=1.50", "--price", "L4=1"])
        .args(args);
    command
}

/// `namespace/name` and class of every claim, in order.
fn classes(report: &Value) -> Vec<(String, String)> {
    let claims = report["claims"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    claims
        .map(|c| (format!("{}/{}", text(&c["namespace"]), text(&c["name"])), text(&c["class"])))
        .collect()
}

#[test]
fn every_claim_has_the_class_share_and_cost_worked_by_hand() {
    let report = Outcome::of(&mut claims(&["-o", "json"])).json();
    // Class, settled, GPUs, cost a day.
    let expected: &[(&str, &str, bool, f64, Option<f64>)] = &[
        ("research/notebook-a", "orphan-allocated", true, 1.0, Some(72.0)),
        ("serving/llm-old", "zombie-deleting", true, 1.0, Some(72.0)),
        ("serving/warmup-0-gpu-x7k2p", "owner-gone", true, 0.5, Some(18.0)),
        ("research/eval-old", "ghost-reserved", true, 1.0 / 7.0, Some(36.0 / 7.0)),
        ("research/odd", "orphan-allocated", false, 1.0, None),
        ("research/spare", "unused-unallocated", true, 0.0, Some(0.0)),
        ("monitoring/dcgm", "admin", true, 0.0, Some(0.0)),
        ("research/nightly-gpu", "pending", true, 0.0, Some(0.0)),
        ("research/train-gpus", "active", true, 2.0, Some(144.0)),
        ("serving/big", "pending", true, 0.0, Some(0.0)),
        ("serving/fabric", "active", true, 0.0, Some(0.0)),
        ("serving/llm-share", "active", true, 0.3, Some(7.2)),
    ];
    let listed: Vec<(String, String)> = expected
        .iter()
        .map(|(name, class, ..)| ((*name).to_owned(), (*class).to_owned()))
        .collect();
    assert_eq!(classes(&report), listed);
    for (claim, (name, _, settled, share, cost)) in
        report["claims"].as_array().expect("a list").iter().zip(expected)
    {
        assert_eq!(claim["settled"], *settled, "{name}");
        close(claim, "share_total", *share);
        match cost {
            Some(cost) => close(claim, "cost_per_day", *cost),
            None => assert!(claim["cost_per_day"].is_null(), "{name}"),
        }
    }
    let orphans = row(&report["totals"], "class", "orphan-allocated");
    close(orphans, "gpus", 2.0);
    close(orphans, "cost_per_day", 72.0);
    assert_eq!((&orphans["count"], &orphans["settled"]), (&2.into(), &1.into()));
    assert_eq!(orphans["without_cost"], 1);
    // The price that nobody has.
    assert_eq!(report["coverage"]["complete"], false);
    let problems = report["coverage"]["problems"].as_array().expect("a list");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0]["subject"], "ResourceClaim research/odd");
}

#[test]
fn claims_name_devices_holders_owners_and_tenants() {
    let report = Outcome::of(&mut claims(&["-o", "json"])).json();
    let claim = |name: &str| row(&report["claims"], "name", name);
    let slice = &claim("eval-old")["devices"][0];
    assert_eq!((&slice["node"], &slice["profile"]), (&"gpu-b".into(), &"1g.10gb".into()));
    assert_eq!(slice["model"], "NVIDIA A100-SXM4-80GB");
    assert_eq!(claim("notebook-a")["devices"][0]["uuid"], "GPU-a2");
    // Trap 30: shown, and neither a share nor money.
    assert!(claim("fabric")["devices"][0]["share"].is_null());
    // Trap 29: four GPUs looked at, none held.
    let looked_at = claim("dcgm")["devices"].as_array().expect("a list");
    assert_eq!(looked_at.len(), 4);
    assert!(looked_at.iter().all(|d| d["share"] == 0.0 && d["admin_access"] == true));
    // Trap 4: two pods, one claim.
    let states: Vec<&Value> = claim("llm-share")["holders"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|h| &h["state"])
        .collect();
    assert_eq!(states, ["running", "running"]);
    assert_eq!(claim("llm-old")["holders"][0]["state"], "gone");
    assert_eq!(claim("warmup-0-gpu-x7k2p")["owner"]["name"], "warmup-0");
    assert_eq!(claim("train-gpus")["tenant"], "vision");
    assert_eq!(claim("notebook-a")["tenant"], "research");
    // Trap 33: a suspended CronJob names it.
    let why = "not allocated; CronJob nightly (suspended or scaled to zero) names it";
    assert_eq!(claim("nightly-gpu")["why"], why);
    assert_eq!(claim("odd")["age_seconds"], 120.0);
}

#[test]
fn the_table_fits_into_80_columns_and_opens_with_the_verdict() {
    let outcome = Outcome::of(claims(&[]).env("COLUMNS", "80"));
    let table = outcome.text();
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    let verdict = "12 claims; 5 stale hold 3.6 GPUs, $167.14 a day (1 of them not settled); \
                   1 is unused and holds nothing.";
    assert!(words.contains(verdict), "{table}");
    assert!(table.contains("serving/warmup-0-gpu-x7k2p  owner-gone"), "{table}");
    assert!(words.contains("never strip the finalizer"), "{table}");
}

#[test]
fn formats_and_files() {
    let csv = Outcome::of(&mut claims(&["-o", "csv"]));
    assert_eq!(csv.text().lines().count(), 13);
    assert!(csv.err.starts_with("warning: the data is incomplete: ResourceClaim research/odd"));
    let markdown = Outcome::of(&mut claims(&["-o", "markdown"]));
    assert!(
        markdown.text().contains("| research/notebook-a | orphan-allocated | 1.000 | \\$72.00 |")
    );
    let wide = Outcome::of(&mut claims(&["-o", "wide"]));
    assert!(wide.text().contains("GPU-a2"));
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("claims.json");
    let path = file.display().to_string();
    let outcome = Outcome::of(&mut claims(&["-o", "json", "--output-file", &path]));
    assert_eq!((outcome.code, outcome.text()), (0, ""));
    let printed = Outcome::of(&mut claims(&["-o", "json"]));
    assert_eq!(fs::read(&file).expect("written"), printed.out, "same inputs, same bytes");
    let tables = folder.path().join("tables").display().to_string();
    let outcome = Outcome::of(&mut claims(&["-o", "parquet", "--output-file", &tables]));
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(folder.path().join("tables/claims.parquet").is_file());
}

#[test]
fn namespaces_and_classes_choose_claims() {
    let listed = |args: &[&str]| {
        let report = Outcome::of(claims(args).args(["-o", "json"])).json();
        classes(&report).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["-n", "serv.*", "--class", "pending"]), ["serving/big"]);
    assert_eq!(
        listed(&["--class", "ghost-reserved", "--class", "zombie-deleting"]),
        ["serving/llm-old", "research/eval-old"]
    );
    assert_eq!(listed(&["--class", "idle-but-reserved"]), [""; 0]);
    let table = Outcome::of(&mut claims(&["-n", "serv.*"]));
    assert!(table.text().contains("Limited to namespace serv.*."), "{}", table.text());
    // By the environment, too.
    let outcome = Outcome::of(claims(&["-o", "json"]).env("GPU_FINOPS_CLASS", "admin\npending"));
    assert_eq!(classes(&outcome.json()).len(), 3);
    // A leftover of two minutes is old enough where one minute will do.
    let report = Outcome::of(&mut claims(&["--min-age", "1m", "-o", "json"])).json();
    assert_eq!(row(&report["claims"], "name", "odd")["settled"], true);
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    for (args, parts) in [
        (
            &["--class", "orphan"][..],
            &["`--class`: `orphan` is not a class of claims", "did you mean `orphan-allocated`?"][..],
        ),
        (&["--class", "xyz"], &["There are orphan-allocated, ghost-reserved"]),
        (&["--min-age", "soon"], &["`--min-age`: `soon` is not a length of time"]),
        (&["-n", "("], &["`--namespace`"]),
        (&["--window", "7x"], &["is not a window"]),
        (&["--idle-after", "soon"], &["`--idle-after`: `soon` is not a length of time"]),
        (&["--no-metrics", "--prometheus", "http://x"], &["exclude each other"]),
        (&["--by", "node"], &["unexpected argument '--by'"]),
        (&["-o", "parquet"], &["--output-file DIR"]),
        (&["--snapshot", "x"], &["exclude each other"]),
    ] {
        Outcome::of(&mut claims(args)).failed_with(2, parts);
    }
    let mut nowhere = gpu_finops();
    nowhere.args(["claims"]).env("GPU_FINOPS_NO_KUBERNETES", "true");
    Outcome::of(&mut nowhere).failed_with(2, &["no source of objects", "--objects PATH"]);
    let mut missing = gpu_finops();
    missing.args(["claims", "--objects", "/nowhere"]);
    Outcome::of(&mut missing).failed_with(2, &["/nowhere"]);
}

#[test]
fn strict_fails_on_what_is_missing_after_it_is_written() {
    let outcome = Outcome::of(&mut claims(&["--strict", "-o", "json"]));
    outcome.failed_with(4, &["no price for the model Imaginary G1"]);
    assert!(serde_json::from_slice::<Value>(&outcome.out).is_ok());
    let priced = Outcome::of(&mut claims(&["--strict", "--price", "Imaginary*=9"]));
    assert_eq!(priced.code, 0, "{}", priced.err);
}

#[test]
fn a_snapshot_is_read_by_its_own_clock() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut command = gpu_finops();
    command.args(["claims", "-o", "json", "--snapshot"]).arg(demo);
    let report = Outcome::of(&mut command).json();
    assert_eq!(report["claims"].as_array().map(Vec::len), Some(0));
    assert!(report["generated_at"].as_str().is_some_and(|at| at.starts_with("2026-")), "{report}");
}

/// Pods that were not printed are not gone.
#[test]
fn without_pods_nothing_is_settled() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for file in ["resourceclaims.json", "resourceslices.json"] {
        fs::copy(fixture().join(file), folder.path().join(file)).expect("copied");
    }
    let mut command = gpu_finops();
    command
        .args(["claims", "--now", "2026-11-20T12:00:00Z", "-o", "json", "--objects"])
        .arg(folder.path());
    let report = Outcome::of(&mut command).json();
    let claim = |name: &str| row(&report["claims"], "name", name);
    assert_eq!(claim("eval-old")["class"], "active");
    assert_eq!(claim("notebook-a")["class"], "orphan-allocated");
    for class in ["orphan-allocated", "unused-unallocated", "zombie-deleting"] {
        assert_eq!(row(&report["totals"], "class", class)["settled"], 0, "{class}");
    }
    assert_eq!(report["coverage"]["complete"], false);
}

#[test]
fn hostile_names_reach_no_terminal() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let claims = fs::read_to_string(fixture().join("resourceclaims.json")).expect("readable");
    let hostile = claims.replace("\"notebook-a\"", "\"=1+1\\u001b[2J\\n<b>\"");
    assert_ne!(hostile, claims);
    fs::write(folder.path().join("claims.json"), hostile).expect("written");
    fs::copy(fixture().join("pods.json"), folder.path().join("pods.json")).expect("copied");
    for format in ["table", "wide", "json", "csv", "markdown"] {
        let mut command = gpu_finops();
        command.args(["claims", "-o", format, "--objects"]).arg(folder.path());
        let outcome = Outcome::of(&mut command);
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let text = outcome.text();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
        assert!(format != "markdown" || !text.contains("<b>"), "{text}");
        assert!(format != "csv" || text.contains(",'=1+1"), "{text}");
    }
}

/// An API server with the fixture's objects; some kinds may not be listed.
fn api(forbidden: &'static [&'static str]) -> HttpServer {
    HttpServer::start(move |request| {
        let path = request.target.split('?').next().unwrap_or_default();
        let plural = path.rsplit('/').next().unwrap_or_default();
        if forbidden.contains(&plural) {
            return status(403, "Forbidden", "not for you");
        }
        if path == "/apis/resource.k8s.io" {
            return Answer::json(r#"{"kind": "APIGroup", "versions": [{"version": "v1"}]}"#);
        }
        let file = fixture().join(format!("{plural}.json"));
        match (path.contains("/v1/"), fs::read(file)) {
            (true, Ok(list)) => Answer::json(list),
            (true, Err(_)) => Answer::json(r#"{"kind": "List", "apiVersion": "v1", "items": []}"#),
            (false, _) => status(404, "NotFound", "no such group"),
        }
    })
}

fn live(server: &HttpServer, args: &[&str]) -> Outcome {
    let config = kubeconfig(&server.url());
    let mut command = gpu_finops();
    command
        .args(["claims", "--now", "2026-11-20T12:00:00Z", "--kubeconfig"])
        .arg(&config.path)
        .args(["--price", "H100=3", "--price", "A100=1.50", "--price", "L4=1"])
        .args(args);
    Outcome::of(&mut command)
}

#[test]
fn a_live_cluster_says_the_same_and_is_asked_for_no_metrics() {
    let server = api(&[]);
    let report = live(&server, &["-o", "json"]).json();
    let printed = Outcome::of(&mut claims(&["-o", "json"])).json();
    assert_eq!(report["claims"], printed["claims"]);
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.method == "GET"));
    assert!(!seen.iter().any(|r| r.target.contains("/services") || r.target.contains("/proxy")));
}

#[test]
fn what_may_not_be_listed_settles_nothing() {
    let server = api(&["pods"]);
    let report = live(&server, &["-o", "json"]).json();
    assert_eq!(row(&report["claims"], "name", "eval-old")["class"], "active");
    let orphan = row(&report["claims"], "name", "notebook-a");
    assert_eq!((&orphan["class"], &orphan["settled"]), (&"orphan-allocated".into(), &false.into()));
    live(&server, &["--strict"]).failed_with(4, &["kubernetes/pods: not allowed"]);
    // None seen is not none.
    let server = api(&["resourceclaims"]);
    let table = live(&server, &[]);
    assert_eq!(table.code, 0, "{}", table.err);
    let part = "No resource claim was read: kubernetes/resourceclaims: not allowed";
    assert!(table.text().contains(part), "{}", table.text());
}

/// All fifteen claims of the recorded cluster, as its README tells their stories.
#[test]
fn the_recorded_cluster() {
    let Some(data) = test_data() else {
        eprintln!("left out: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let recording = data.join("recordings/kubernetes-1.36");
    let mut command = gpu_finops();
    command
        .args(["claims", "--now", "2026-11-23T06:00:00Z", "-o", "json", "--objects"])
        .arg(&recording)
        .args(["--price", "H100=4", "--price", "L40S=2", "--price", "A100=1", "--strict"]);
    let report = Outcome::of(&mut command).json();
    let classes: BTreeMap<String, String> = classes(&report).into_iter().collect();
    assert_eq!(classes.len(), 15);
    for (name, class) in [
        ("notebooks/bob-scratch", "orphan-allocated"),
        ("team-vision/ckpt-eval", "ghost-reserved"),
        ("notebooks/dave-zombie", "zombie-deleting"),
        ("notebooks/carol-old", "unused-unallocated"),
        ("ml-platform/nightly-eval-gpu", "pending"),
        ("team-agents/pending-claim", "pending"),
        ("monitoring/dcgm-all", "admin"),
    ] {
        assert_eq!(classes[name], class, "{name}");
    }
    let active = row(&report["totals"], "class", "active");
    assert_eq!(active["count"], 8);
    // llm-serve 2 × 2, shared-gpu, reranker 1 + 1/7 + 1/7, big-mem, ext-res.
    close(active, "gpus", 4.0 + 1.0 + 1.0 + 2.0 / 7.0 + 1.0 + 1.0);
    // 7 H100s at 4, 2/7 and 1 A100 at 1.
    close(active, "cost_per_day", 24.0 * (7.0 * 4.0 + 2.0 / 7.0 + 1.0));
    let totals = report["totals"].as_array().expect("a list");
    assert!(totals.iter().all(|total| total["settled"] == total["count"]), "{totals:?}");
    let slice = row(&report["claims"], "name", "reranker-77c847f75d-fh5k6-slice-ht2ff");
    close(slice, "share_total", 1.0 / 7.0);
    assert_eq!(slice["devices"][0]["request"], "slice/small");
    let shared = row(&report["claims"], "name", "shared-gpu");
    close(shared, "share_total", 1.0);
    assert_eq!(shared["holders"].as_array().map(Vec::len), Some(2));
}
