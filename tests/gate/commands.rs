//! The commands from end to end: money by hand, rules, exit codes, git.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{H100, deployment, diff, folder, json};
use crate::common::{Outcome, gpu_finops};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

#[test]
fn a_change_is_priced_as_by_hand() {
    let base = folder(&[("app.yaml", &deployment("serve", 2, 1, H100))]);
    let head = folder(&[
        ("app.yaml", &deployment("serve", 3, 2, H100)),
        (
            "new.yaml",
            &deployment("embed", 1, 1, "nodeSelector: {nvidia.com/gpu.product: NVIDIA-L4}"),
        ),
    ]);
    let report = json(&diff(base.path(), head.path(), &["-o", "json"]));
    let month = |gpus: f64, price: f64| gpus * price * 730.0;
    let totals = &report["totals"];
    assert!((number(&totals["before"]["cost_per_month"]) - month(2.0, 6.88)).abs() < 1e-6);
    let after = month(6.0, 6.88) + month(1.0, 0.8048);
    assert!((number(&totals["after"]["cost_per_month"]) - after).abs() < 1e-6);
    assert!((number(&totals["cost_per_month_change"]) - (after - month(2.0, 6.88))).abs() < 1e-6);
    assert!((number(&totals["gpus_change"]) - 5.0).abs() < 1e-9);
    let rows = report["workloads"].as_array().expect("rows");
    let changes: Vec<_> = rows.iter().map(|row| (&row["name"], &row["change"])).collect();
    assert_eq!(
        format!("{changes:?}"),
        r#"[(String("serve"), String("changed")), (String("embed"), String("added"))]"#
    );
    // The line of the request, not of the document.
    assert_eq!(rows[0]["line"], 15, "{}", rows[0]);
    assert!(rows[0]["file"].as_str().is_some_and(|file| file.ends_with("app.yaml")));
}

#[test]
fn autoscalers_and_schedules_make_ranges() {
    let scaler = "---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: serve, namespace: team-a}
spec:
  minReplicas: 1
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: serve}
";
    let job = "apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: team-a}
spec:
  schedule: '0 3 * * *'
  jobTemplate:
    spec:
      template:
        spec:
          nodeSelector: {cloud.google.com/gke-accelerator: nvidia-h100-80gb}
          containers: [{name: main, resources: {limits: {nvidia.com/gpu: 4}}}]
";
    let base = folder(&[]);
    let app = deployment("serve", 2, 1, H100) + scaler;
    let head = folder(&[("app.yaml", &app), ("job.yaml", job)]);
    let report = json(&diff(base.path(), head.path(), &["-o", "json", "--job-duration", "2h"]));
    let of = |name: &str| {
        let rows = report["workloads"].as_array().expect("rows");
        rows.iter().find(|row| row["name"] == name).expect("listed")["after"].clone()
    };
    let serve = of("serve");
    let ends = ["cost_per_month_low", "cost_per_month", "cost_per_month_high"];
    for (field, pods) in ends.into_iter().zip([1.0, 2.0, 5.0]) {
        assert!((number(&serve[field]) - pods * 6.88 * 730.0).abs() < 1e-6, "{field}");
    }
    let nightly = of("nightly");
    let hours = 365.2425 / 12.0 * 2.0;
    assert!((number(&nightly["hours_per_month"]) - hours).abs() < 1e-9, "{nightly}");
    assert!((number(&nightly["cost_per_month"]) - hours * 4.0 * 6.88).abs() < 1e-6);
    // What is not bounded may pile up.
    let refused = diff(base.path(), head.path(), &["--deny-cron-overlap"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("team-a/CronJob/nightly"), "{}", refused.err);
    let bounded = job.replace("  jobTemplate:", "  concurrencyPolicy: Forbid\n  jobTemplate:");
    let head = folder(&[("job.yaml", &bounded)]);
    let kept = diff(base.path(), head.path(), &["--deny-cron-overlap"]);
    assert_eq!(kept.code, 0, "{}", kept.err);
}

/// Every rule, kept and broken, and what it does to the exit code with each of the switches.
#[test]
fn rules_decide_the_exit_code() {
    let base = folder(&[("app.yaml", &deployment("serve", 1, 1, H100))]);
    let head = folder(&[("app.yaml", &deployment("serve", 2, 1, H100))]);
    let unknown = folder(&[("app.yaml", &deployment("serve", 2, 1, "hostNetwork: false"))]);
    let labelled = deployment("serve", 2, 1, H100)
        .replace("  name: serve", "  labels: {team: a}\n  name: serve");
    let labelled = folder(&[("app.yaml", &labelled)]);
    let broken = folder(&[
        ("app.yaml", &deployment("serve", 1, 1, H100)),
        ("broken.yaml", "a: b\n  c: {{ .Values.x }}\n"),
    ]);
    for (head, args, code) in [
        (&head, &["--max-increase", "5022.41"][..], 0),
        (&head, &["--max-increase", "5022.39"], 3),
        (&head, &["--max-increase", "100%"], 0),
        (&head, &["--max-increase", "99%"], 3),
        (&head, &["--max-increase", "99%", "--warn-only"], 0),
        (&head, &["--forbid-model", "H100"], 3),
        (&head, &["--forbid-model", "H200"], 0),
        (&head, &["--forbid-model", "h1*"], 3),
        (&head, &["--require-label", "team"], 3),
        (&labelled, &["--require-label", "team"], 0),
        (&labelled, &["--require-label", "owner", "--require-label", "team"], 0),
        // Nothing tells the model: neither rule can be judged, and nothing is silently kept.
        (&unknown, &[], 0),
        (&unknown, &["--strict"], 4),
        (&unknown, &["--max-increase", "1000000"], 1),
        (&unknown, &["--max-increase", "1000000", "--warn-only"], 1),
        (&unknown, &["--forbid-model", "H200"], 1),
        (&unknown, &["--forbid-model", "H200", "--default-model", "L4"], 0),
        (&unknown, &["--max-increase", "1000000", "--default-model", "L4", "--strict"], 0),
        (&broken, &[], 0),
        (&broken, &["--strict"], 4),
        (&broken, &["--max-increase", "1000000"], 1),
        // What was there before is not the change's business.
        (&base, &["--forbid-model", "H100", "--require-label", "team", "--max-increase", "0"], 0),
        (&head, &["--max-increase", "lots"], 2),
        (&head, &["--deny-over-history"], 2),
    ] {
        let outcome = diff(base.path(), head.path(), args);
        assert_eq!(outcome.code, code, "{args:?}: {}", outcome.err);
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let head = folder(&[("app.yaml", &deployment("serve", 1, 1, H100))]);
    let nothing = folder(&[]);
    for (base, place, part) in [
        (head.path(), nothing.path(), "there is no manifest in"),
        (head.path(), Path::new("/no/such/folder"), "/no/such/folder: no such file or folder"),
        (Path::new("git:no-such-branch"), head.path(), "git:no-such-branch"),
    ] {
        let outcome = diff(base, place, &[]);
        assert_eq!(outcome.code, 1, "{}", outcome.err);
        assert!(outcome.err.contains(part), "{part}: {}", outcome.err);
    }
    let twice = diff(Path::new("-"), Path::new("-"), &[]);
    assert_eq!(twice.code, 2, "{}", twice.err);
    let report = Outcome::of(gpu_finops().args(["demo", "-o", "sarif"]));
    assert_eq!(report.code, 2, "{}", report.err);
    assert!(report.err.contains("sarif"), "{}", report.err);
}

/// Runs git in a folder.
pub(super) fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let status = Command::new("git")
        .args(identity)
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdout(std::process::Stdio::null())
        .status()
        .expect("git runs");
    assert!(status.success(), "git {args:?}");
}

#[test]
fn revisions_and_standard_input_are_sides() {
    let repo = folder(&[
        ("deploy/app.yaml", &deployment("serve", 1, 1, H100)),
        ("deploy/.hidden.yaml", "not: [read"),
    ]);
    git(repo.path(), &["init", "-q", "-b", "main"]);
    git(repo.path(), &["add", "-A"]);
    git(repo.path(), &["commit", "-q", "-m", "first"]);
    std::fs::write(repo.path().join("deploy/app.yaml"), deployment("serve", 4, 1, H100))
        .expect("written");
    let run = |base: &str, head: &str, stdin: &str| {
        let mut command = gpu_finops();
        command.current_dir(repo.path()).write_stdin(stdin);
        command.args(["diff", "--base", base, "--head", head, "-o", "json"]);
        Outcome::of(&mut command)
    };
    let report = json(&run("git:main:deploy", "deploy", ""));
    assert!((number(&report["totals"]["gpus_change"]) - 3.0).abs() < 1e-9, "{report:#}");
    assert_eq!(report["workloads"][0]["file"], "deploy/app.yaml");
    let rendered = deployment("serve", 2, 1, H100);
    let report = json(&run("git:HEAD", "-", &rendered));
    assert!((number(&report["totals"]["gpus_change"]) - 1.0).abs() < 1e-9, "{report:#}");
    // A folder that the change adds.
    let report = json(&run("git:main:charts", "deploy", ""));
    assert!((number(&report["totals"]["gpus_change"]) - 4.0).abs() < 1e-9, "{report:#}");
    assert_eq!(report["items"][0]["rule"], "absent-base");
}

/// The demo's snapshot has workloads with a past: one that asks for more than it ever used is told so.
#[test]
fn history_is_held_against_a_request() {
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut demo = gpu_finops();
    demo.args(["demo", "-o", "json"]);
    let demo = json(&Outcome::of(&mut demo));
    let workloads = demo["workloads"].as_array().expect("workloads");
    let row = workloads.iter().find(|row| row["kind"] == "Deployment").expect("a Deployment");
    let text = |field: &str| row[field].as_str().expect("text").to_owned();
    let manifest = deployment(&text("name"), 64, 1, H100)
        .replace("namespace: team-a", &format!("namespace: {}", text("namespace")));
    let (base, head) = (folder(&[]), folder(&[("app.yaml", &manifest)]));
    let snapshot = snapshot.to_str().expect("UTF-8");
    let args = ["--snapshot", snapshot, "--deny-over-history", "-o", "json"];
    let outcome = diff(base.path(), head.path(), &args);
    assert_eq!(outcome.code, 3, "{}", outcome.err);
    let report = json(&outcome);
    let history = &report["workloads"][0]["history"];
    let held = number(&row["allocated_gpu_hours"]) / number(&demo["window"]["hours"]);
    assert!((number(&history["gpus_held"]) - held).abs() < 1e-9, "{history}");
    let peak = number(&history["gpus_peak"]);
    assert!(peak > 0.0 && peak < 64.0, "{history}");
    let message = report["items"][0]["message"].as_str().expect("text");
    assert!(message.contains("asks for 64 GPUs") && message.contains("peaked at"), "{message}");
}

#[test]
fn two_reports_are_compared() {
    let dir = folder(&[]);
    let file = |name: &str| dir.path().join(name);
    let mut demo = gpu_finops();
    demo.args(["demo", "-o", "json"]);
    let before = json(&Outcome::of(&mut demo));
    let mut after = before.clone();
    // One workload goes, and costs what it did.
    let gone = after["workloads"].as_array_mut().expect("rows").remove(0);
    std::fs::write(file("a.json"), before.to_string()).expect("written");
    std::fs::write(file("b.json"), after.to_string()).expect("written");
    let run = |a: &str, b: &str, args: &[&str]| {
        let mut command = gpu_finops();
        command.arg("compare").arg(file(a)).arg(file(b)).args(args);
        Outcome::of(&mut command)
    };
    let report = json(&run("a.json", "b.json", &["-o", "json"]));
    let row = &report["workloads"][0];
    assert_eq!((&row["change"], &row["name"]), (&Value::from("removed"), &gone["name"]));
    assert!((number(&row["cost_change"]) + number(&gone["cost"])).abs() < 1e-9, "{row}");
    assert!(report["drivers"][0].as_str().is_some_and(|text| text.contains("gone")));
    let same = json(&run("a.json", "a.json", &["-o", "json"]));
    let changed = |row: &&Value| row["change"] != "same";
    assert_eq!(same["workloads"].as_array().expect("rows").iter().filter(changed).count(), 0);
    let tables = file("tables");
    let to = tables.to_str().expect("UTF-8");
    assert_eq!(run("a.json", "b.json", &["-o", "parquet", "--output-file", to]).code, 0);
    assert!(tables.join("workloads.parquet").is_file());
    // The same against a report that is made now.
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut since = gpu_finops();
    since.arg("report").arg("--snapshot").arg(snapshot).arg("--since").arg(file("b.json"));
    let since = json(&Outcome::of(since.args(["-o", "json"])));
    let row = &since["workloads"][0];
    assert_eq!((&row["change"], &row["name"]), (&Value::from("added"), &gone["name"]));
    // Twice the cost is more than a tenth more.
    let mut dearer = before.clone();
    let cost = number(&before["in_scope"]["allocated_cost"]);
    dearer["in_scope"]["allocated_cost"] = Value::from(2.0 * cost);
    std::fs::write(file("c.json"), dearer.to_string()).expect("written");
    let refused = run("a.json", "c.json", &["--max-increase", "10%"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert_eq!(run("c.json", "a.json", &["--max-increase", "10%"]).code, 0);
    dearer["schema_version"] = Value::from("2.0");
    std::fs::write(file("d.json"), dearer.to_string()).expect("written");
    let unlike = run("a.json", "d.json", &[]);
    assert_eq!(unlike.code, 2, "{}", unlike.err);
    assert!(unlike.err.contains("d.json is of version 2.0"), "{}", unlike.err);
    std::fs::write(file("e.json"), "{}").expect("written");
    let no_report = run("a.json", "e.json", &[]);
    assert_eq!(no_report.code, 1, "{}", no_report.err);
    assert!(no_report.err.contains("e.json is not a report"), "{}", no_report.err);
}
