//! `gpu-finops doctor`: on the demo's snapshot, a real Prometheus, an API server that forbids, and on
//! nothing at all.

use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::Value;

use crate::cluster::{PROXY, api, kubeconfig, prometheus, status};
use crate::common::cluster::{self, END, NOW, START, Shape};
use crate::common::http::{Answer, HttpServer};
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, gpu_finops, report, row};
use crate::settings_reference::{assert_generated, in_repository};

fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.out).expect("JSON on standard output")
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    row(&report["checks"], "id", id)
}

fn state<'a>(report: &'a Value, id: &str) -> &'a str {
    check(report, id)["state"].as_str().expect("text")
}

fn message<'a>(report: &'a Value, id: &str) -> &'a str {
    check(report, id)["message"].as_str().expect("text")
}

fn fix<'a>(report: &'a Value, id: &str) -> &'a str {
    check(report, id)["fix"]["text"].as_str().unwrap_or_default()
}

fn demo(args: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    command.arg("doctor").arg("--snapshot").arg(in_repository("fixtures/demo"));
    Outcome::of(command.args(args))
}

#[test]
fn the_demo_is_complete_and_could_be_better() {
    let outcome = demo(&["-o", "json"]);
    let report = outcome.json();
    assert_eq!((&report["complete"], &report["readable"]), (&true.into(), &true.into()));
    assert_eq!(report["totals"]["fail"], 0);
    let line =
        "DCGM_FI_PROF_SM_ACTIVE, gauge, The ratio of cycles an SM has at least 1 warp assigned.";
    assert_eq!(
        (state(&report, "metric-sm-active"), fix(&report, "metric-sm-active")),
        ("warn", line)
    );
    // Two minutes between scrapes; no exporter on one node for six hours.
    let util = check(&report, "metric-gpu-util");
    assert_eq!(util["figures"]["interval_seconds"], 120.0);
    // Eight GPUs, and from the last sample before 10:00 to the first at 16:00 a step more.
    assert_eq!(util["figures"]["holes"], 8.0);
    assert_eq!(util["names"], serde_json::json!(["gpu-l40s-a"]));
    assert!((util["figures"]["holes_seconds"].as_f64().unwrap() - 8.0 * 21_720.0).abs() < 1.0);
    assert_eq!(
        fix(&report, "duplicate-series"),
        "",
        "a rollout of ten minutes is no second scrape"
    );
    assert_eq!(state(&report, "duplicate-series"), "ok");
    assert!(message(&report, "pod-labels").contains("honorLabels: false"));
    // A price for each model, with its source.
    let prices = report["checks"].as_array().expect("a list").iter().filter(|c| c["id"] == "price");
    assert_eq!(prices.count(), 2);
    // The window of the snapshot, or the part that is asked for.
    let part = demo(&["-o", "json", "--window", "2026-11-12,2026-11-13"]).json();
    assert_eq!(part["window"]["start"], "2026-11-12T00:00:00Z");
}

#[test]
fn the_table_and_the_other_formats() {
    insta::assert_snapshot!("doctor_demo", demo(&[]).text());
    let markdown = demo(&["-o", "markdown"]);
    assert!(
        markdown.text().contains("  ```text\n  DCGM_FI_PROF_SM_ACTIVE, gauge,"),
        "{}",
        markdown.text()
    );
    let csv = demo(&["-o", "csv"]);
    assert!(
        csv.text().starts_with("id,group,state,subject,message,figures,names,action,text,docs\n")
    );
    let folder = tempfile::tempdir().expect("temporary folder");
    let tables = folder.path().join("tables").display().to_string();
    assert_eq!(demo(&["-o", "parquet", "--output-file", &tables]).code, 0);
    assert!(folder.path().join("tables/checks.parquet").is_file());
    assert_eq!(demo(&["-o", "json"]).out, demo(&["-o", "json"]).out, "same inputs, same bytes");
}

/// The example in the documentation is what the program prints.
#[test]
fn the_documentation_shows_the_demo() {
    const MARKERS: [&str; 2] = ["<!-- doctor -->\n", "<!-- /doctor -->"];
    let mut command = gpu_finops();
    command.env("COLUMNS", "80").args(["doctor", "--snapshot"]);
    let shown = Outcome::of(command.arg(in_repository("fixtures/demo")));
    let text = std::fs::read_to_string(in_repository("docs/doctor.md")).expect("documented");
    let (before, rest) = text.split_once(MARKERS[0]).expect("begins");
    let (_, after) = rest.split_once(MARKERS[1]).expect("ends");
    let example = format!(
        "\n```console\n$ gpu-finops doctor --snapshot fixtures/demo\n{}```\n\n",
        shown.text()
    );
    let [begin, end] = MARKERS;
    assert_generated("docs/doctor.md", &format!("{before}{begin}{example}{end}{after}"));
}

#[test]
fn the_json_is_what_the_schema_says() {
    let text = std::fs::read(in_repository("schema/doctor.schema.json")).expect("published");
    let schema: Value = serde_json::from_slice(&text).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    assert!(validator.is_valid(&demo(&["-o", "json"]).json()));
}

/// Clusters in one server, each by its matcher.
fn server() -> &'static Prometheus {
    static SERVER: OnceLock<Prometheus> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut out = OpenMetrics::default();
        let base = Shape::default();
        for shape in [
            base.clone(),
            Shape { name: "replicas", replicas: vec![("a", 0), ("b", 7)], ..base.clone() },
            Shape { name: "exported", exported: true, ..base.clone() },
            Shape { name: "no-pod-labels", pod_labels: false, ..base.clone() },
            Shape { name: "bare", pod_labels: false, kube_state: false, ..base.clone() },
            Shape { name: "labels-only", kube_state: false, ..base.clone() },
            Shape { name: "no-dcgm", dcgm: false, ..base },
        ] {
            cluster::write(&mut out, &shape);
        }
        Prometheus::with_openmetrics(&out.finish())
    })
}

fn doctor(url: &str, cluster: &str) -> Command {
    let mut command = gpu_finops();
    command
        .args(["doctor", "--no-kubernetes", "--prometheus", url, "-o", "json"])
        .args(["--prometheus-matcher", &format!("cluster=\"{cluster}\"")])
        .args(["--start", START, "--end", END, "--now", NOW, "--price", "A100=2"]);
    command
}

#[test]
fn a_real_server_is_examined() {
    let report = Outcome::of(&mut doctor(&server().url(), "base")).json();
    for id in [
        "server-reachable",
        "server-version",
        "server-api",
        "server-clock",
        "server-lookback",
        "history",
    ] {
        assert_eq!(state(&report, id), "ok", "{}", check(&report, id));
    }
    assert!(message(&report, "server-version").chars().any(|c| c.is_ascii_digit()));
    assert_eq!(check(&report, "server-clock")["figures"]["skew_seconds"], 0.0);
    // 15 days, unless told otherwise; the window of the clock it is given ended two hours before.
    assert_eq!(check(&report, "server-retention")["figures"]["needed_seconds"], 6.0 * 3_600.0);
    let way = message(&report, "transport");
    assert!(way.contains("--prometheus") && way.contains("straight"), "{way}");
    // GPU-c is silent for an hour: once in each of two fields. Sizes are asked at the end alone.
    let util = check(&report, "metric-gpu-util");
    assert_eq!((&util["figures"]["holes"], &util["state"]), (&1.0.into(), &"warn".into()));
    assert_eq!(util["figures"]["interval_seconds"], 30.0);
    assert_eq!(util["figures"]["series"], 4.0);
    assert_eq!(state(&report, "metric-pod-gpu-requests"), "ok");
    assert_eq!(state(&report, "objects-reachable"), "skipped");
}

#[test]
fn it_agrees_with_a_strict_report_on_every_shape() {
    for shape in
        ["base", "replicas", "exported", "no-pod-labels", "bare", "labels-only", "no-dcgm", "typo"]
    {
        let checked = Outcome::of(&mut doctor(&server().url(), shape));
        let strict = Outcome::of(report(&server().url(), shape).args(["--strict", "-o", "json"]));
        assert_eq!(checked.code, strict.code, "{shape}: {} and {}", checked.err, strict.err);
        assert_eq!(json(&checked)["complete"], json(&strict)["coverage"]["complete"], "{shape}");
    }
}

#[test]
fn label_plumbing_and_duplicates() {
    let of = |shape: &str| json(&Outcome::of(&mut doctor(&server().url(), shape)));
    let replicas = of("replicas");
    assert_eq!(state(&replicas, "duplicate-series"), "warn");
    assert_eq!(fix(&replicas, "duplicate-series"), "--prometheus-matcher 'replica=\"a\"'");
    assert_eq!(check(&replicas, "duplicate-series")["names"], serde_json::json!(["replica"]));
    let exported = of("exported");
    assert_eq!(state(&exported, "pod-labels"), "ok");
    assert!(message(&exported, "pod-labels").contains("`honorLabels: false`"));
    assert_eq!(
        check(&exported, "pod-labels")["names"],
        serde_json::json!(["nvidia-dcgm-exporter-x1"])
    );
    let bare = of("no-pod-labels");
    assert_eq!(fix(&bare, "pod-labels"), "DCGM_EXPORTER_KUBERNETES=true");
    // Labels of nodes that prices go by, and none of a queue: that is what the cluster has.
    assert_eq!(state(&exported, "label-allow-list-namespaces"), "ok");
    let pods = check(&exported, "label-allow-list-pods");
    let text = pods["fix"]["text"].as_str().expect("text");
    assert!(
        text.starts_with("--metric-labels-allowlist=pods=[kueue.x-k8s.io/local-queue-name,"),
        "{text}"
    );
    let blind = of("no-dcgm");
    assert_eq!(state(&blind, "no-dcgm-series"), "fail");
    assert!(fix(&blind, "no-dcgm-series").contains("honorLabels: true"));
    assert_eq!(state(&blind, "metric-gpu-util"), "skipped");
}

#[test]
fn a_failing_query_a_wrong_clock_and_a_short_memory() {
    let proxy = HttpServer::in_front_of(server().address(), |request| {
        let text = request.text();
        if text.contains("DCGM_FI_DEV_FB_USED") {
            return Some(Answer::status(503, "out of breath"));
        }
        if request.target.contains("runtimeinfo") {
            return Some(Answer::json(r#"{"status":"success","data":{"storageRetention":"1h"}}"#));
        }
        text.contains("query=time()").then(|| {
            let answer =
                r#"{"status":"success","data":{"resultType":"scalar","result":[0,"1000"]}}"#;
            Answer::json(answer)
        })
    });
    let outcome = Outcome::of(&mut doctor(&proxy.url(), "base"));
    outcome.failed_with(4, &["metric-fb-used", "figures would be incomplete"]);
    let report = json(&outcome);
    assert!(message(&report, "metric-fb-used").contains("503"));
    assert_eq!(state(&report, "server-clock"), "warn");
    assert!(message(&report, "server-clock").contains("behind"));
    assert_eq!(state(&report, "server-retention"), "warn");
    assert_eq!(fix(&report, "server-retention"), "--storage.tsdb.retention.time=1d");
}

fn on_cluster(config: &std::path::Path) -> Command {
    let mut command = gpu_finops();
    command.args(["doctor", "--price", "A100=2", "-o", "json"]);
    command.args(["--start", START, "--end", END, "--now", NOW, "--kubeconfig"]).arg(config);
    command
}

#[test]
fn what_is_forbidden_comes_with_the_rule_that_allows_it() {
    let server = api(|path| match path {
        "/version" => Some(Answer::json(r#"{"major":"1","minor":"36","gitVersion":"v1.36.2"}"#)),
        "/api/v1/nodes" | "/apis/batch/v1/cronjobs" => {
            Some(status(403, "Forbidden", "nodes is forbidden: User \"u\" cannot list"))
        }
        _ => None,
    });
    let config = kubeconfig(&server.url());
    let outcome = Outcome::of(&mut on_cluster(&config.path));
    outcome.failed_with(4, &["forbidden (kubernetes/cronjobs)"]);
    let report = json(&outcome);
    let rule = |subject| row(&report["checks"], "subject", subject)["fix"]["text"].clone();
    assert_eq!(
        rule("kubernetes/cronjobs"),
        "- apiGroups: [\"batch\"]\n  resources: [cronjobs]\n  verbs: [get, list]"
    );
    assert_eq!(
        rule("kubernetes/nodes"),
        "- apiGroups: [\"\"]\n  resources: [nodes]\n  verbs: [get, list]"
    );
    assert_eq!(message(&report, "cluster-version"), "Kubernetes v1.36.2");
    let way = message(&report, "transport");
    assert!(way.contains("service proxy") && way.contains("app=prometheus-server"), "{way}");
    assert!(server.seen().iter().all(|r| r.method == "GET"), "it only reads");
    assert!(!outcome.err.contains("t0ken") && !outcome.text().contains("t0ken"));
}

#[test]
fn a_source_that_is_not_there_does_not_stop_the_others() {
    // Objects without metrics: the found server may not be reached through the proxy.
    let server = api(|path| {
        path.starts_with(PROXY).then(|| status(403, "Forbidden", "services/proxy is forbidden"))
    });
    let config = kubeconfig(&server.url());
    let outcome = Outcome::of(&mut on_cluster(&config.path));
    outcome.failed_with(4, &["server-reachable"]);
    let report = json(&outcome);
    assert_eq!(state(&report, "objects-reachable"), "ok");
    assert!(fix(&report, "server-refused").contains("resources: [services/proxy]"));
    // Services may not be listed.
    let server = api(|path| {
        (path == "/api/v1/services").then(|| status(403, "Forbidden", "services is forbidden"))
    });
    let config = kubeconfig(&server.url());
    let report = json(&Outcome::of(&mut on_cluster(&config.path)));
    assert!(message(&report, "server-reachable").contains("get on services/proxy"));
    // A named server that is not there.
    let config = kubeconfig(&api(|_| None).url());
    let mut command = on_cluster(&config.path);
    let outcome = Outcome::of(command.args(["--prometheus", "http://127.0.0.1:1"]));
    outcome.failed_with(1, &["nothing could be read", "server-reachable", "objects-reachable"]);
    // Metrics without objects.
    let mut command = gpu_finops();
    command.args(["doctor", "-o", "json", "--start", START, "--end", END, "--now", NOW]);
    command.args(["--prometheus", &prometheus().url(), "--objects", "/nowhere"]);
    let outcome = Outcome::of(&mut command);
    outcome.failed_with(4, &["objects-reachable (/nowhere)"]);
    let report = json(&outcome);
    assert_eq!(state(&report, "server-reachable"), "ok");
    assert!(message(&report, "objects-reachable").contains("/nowhere"));
}

#[test]
fn nothing_at_all_and_wrong_usage() {
    let nobody = kubeconfig("http://127.0.0.1:1");
    let outcome = Outcome::of(&mut on_cluster(&nobody.path));
    outcome.failed_with(1, &["nothing could be read"]);
    let report = json(&outcome);
    assert_eq!((&report["readable"], &report["complete"]), (&false.into(), &false.into()));
    for (args, part) in [
        (&["--no-kubernetes"][..], "--prometheus"),
        (&["--no-metrics", "--no-kubernetes"], "nothing to report on"),
        (&["--snapshot", "x", "--prometheus", "http://x"], "exclude each other"),
        (&["--window", "7x"], "is not a window"),
        (&["--by", "node"], "unexpected argument"),
        (&["-o", "parquet"], "--output-file DIR"),
    ] {
        Outcome::of(gpu_finops().arg("doctor").args(args)).failed_with(2, &[part]);
    }
    Outcome::of(gpu_finops().args(["doctor", "--snapshot", "/nowhere"]))
        .failed_with(1, &["cannot read the snapshot"]);
}

#[test]
fn settings_that_only_show_a_part_change_nothing() {
    let mut command = gpu_finops();
    command.arg("doctor").arg("--snapshot").arg(in_repository("fixtures/demo"));
    command.env("GPU_FINOPS_TENANT", "nobody").args(["-o", "json"]);
    assert_eq!(Outcome::of(&mut command).out, demo(&["-o", "json"]).out);
    // Objects alone: what a report says without metrics.
    let mut command = gpu_finops();
    command.args(["doctor", "--no-metrics", "-o", "json", "--now", NOW, "--window", "1h"]);
    command.arg("--objects").arg(in_repository("fixtures/claims"));
    let outcome = Outcome::of(&mut command);
    outcome.failed_with(4, &["no-metrics"]);
    assert_eq!(state(&json(&outcome), "server-reachable"), "skipped");
}
