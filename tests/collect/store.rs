//! The store against a real Prometheus.

use std::path::Path;
use std::time::Duration;

use gpu_finops::source::exposition::{Sample, decode};
use serde_json::Value;
use tempfile::TempDir;

use super::exporters::{Exporters, Scene};
use super::process::Collector;
use crate::common::cluster::{self, END, NOW, START, Shape, check_base};
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::store::{fill, without_sources};
use crate::common::{Outcome, close, gpu_finops, row, test_data};

#[test]
fn the_same_samples_give_the_same_report() {
    let mut out = OpenMetrics::default();
    cluster::write(&mut out, &Shape::default());
    let text = out.finish();
    let server = Prometheus::with_openmetrics(&text);
    let folder = TempDir::new().expect("temporary folder");
    let dir = folder.path().join("store");
    fill(&dir, &text);
    for window in [(START, END), ("2026-11-10T01:07:00Z", "2026-11-10T03:20:30Z")] {
        let report = |source: &[&str]| {
            let mut command = gpu_finops();
            command.args(["report", "--no-kubernetes", "-o", "json", "--price", "A100=2"]);
            command.args(["--start", window.0, "--end", window.1, "--now", NOW]).args(source);
            Outcome::of(&mut command).json()
        };
        let of_server = report(&["--prometheus", &server.url()]);
        let of_store = report(&["--store", dir.to_str().expect("UTF-8")]);
        assert_eq!(without_sources(of_store.clone()), without_sources(of_server));
        if window.0 == START {
            check_base(&of_store);
            let line = row(&of_store["coverage"]["sources"], "name", "store/gpu_util");
            assert_eq!(line["status"], "ok");
        }
    }
}

#[test]
fn collecting_beside_a_prometheus_gives_the_same_report() {
    let Some(data) = test_data() else {
        eprintln!("skipped: GPU_FINOPS_TEST_DATA is not set");
        return;
    };
    let exporters = Exporters::start(&data);
    let folder = TempDir::new().expect("temporary folder");
    let dir = folder.path().join("store");
    let server = Prometheus::scraping(&exporters.prometheus_config());
    let collector = Collector::start(&dir, &exporters.targets());
    collector.wait_for("gpu_finops_scrapes_total{job=\"ksm\"", 1.0);
    server.wait_until_it_scrapes(2);
    let start = chrono::Utc::now();
    show_scenes(&exporters);
    let end = chrono::Utc::now();
    // Both have the last second by then.
    std::thread::sleep(Duration::from_millis(1_200));
    let report = |source: &[&str]| {
        let mut command = gpu_finops();
        command.args([
            "report",
            "--no-kubernetes",
            "-o",
            "json",
            "--price",
            "L4=1",
            "--max-gap",
            "2s",
        ]);
        command.args(["--start", &start.to_rfc3339(), "--end", &end.to_rfc3339()]).args(source);
        Outcome::of(&mut command).json()
    };
    let of_server = report(&["--prometheus", &server.url()]);
    let of_store = report(&["--store", dir.to_str().expect("UTF-8")]);
    let hours = of_store["window"]["hours"].as_f64().expect("a number");
    close(&of_store["fleet"], "capacity_gpu_hours", hours);
    for (state, seconds) in [
        ("busy", Some(6.0)),
        ("slack", Some(5.0)),
        ("unobserved", None),
        ("unallocated", None),
        ("idle_empty", Some(0.0)),
        ("allocated", None),
    ] {
        let field = format!("{state}_gpu_hours");
        let of = |report: &Value| report["fleet"][&field].as_f64().expect("a number") * 3_600.0;
        let (stored, served) = (of(&of_store), of(&of_server));
        // A scrape interval at each of the two edges that a state has.
        assert!((stored - served).abs() < 2.1, "{field}: {stored} s, and {served} s of Prometheus");
        let expected = seconds.unwrap_or(served);
        assert!((stored - expected).abs() < 2.1, "{field}: {stored} s is not about {expected} s");
    }
    let keys = |report: &Value| {
        let rows = report["workloads"].as_array().expect("a list").iter();
        rows.map(|w| format!("{} {} {}", w["namespace"], w["kind"], w["name"])).collect::<Vec<_>>()
    };
    assert_eq!(keys(&of_store), keys(&of_server));
    assert_eq!(keys(&of_store), ["\"scraper\" \"StatefulSet\" \"e2e-statefulset\""]);
    assert_eq!(of_store["gpus"][0]["uuid"], of_server["gpus"][0]["uuid"]);
    // The time in which nobody answered is told.
    let warnings = of_store["coverage"]["warnings"].to_string();
    assert!(
        warnings.contains("was not scraped from") && warnings.contains("HTTP 500"),
        "{warnings}"
    );
    assert!(warnings.contains("gpu_util has no answer from"), "{warnings}");
    check_health(&collector, &dir);
    let (code, err) = collector.signal("TERM");
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("HTTP 500 out of order") && err.contains("(ksm) is scraped"), "{err}");
    assert!(err.contains("what was scraped is on the disk"), "{err}");
}

/// Half busy, busier, out of order, as before, and free.
fn show_scenes(exporters: &Exporters) {
    let up = Scene { util: 40, down: false, held: true };
    for (scene, seconds) in [
        (up, 4),
        (Scene { util: 80, ..up }, 4),
        (Scene { down: true, ..up }, 4),
        (up, 3),
        (Scene { util: 0, held: false, ..up }, 3),
    ] {
        exporters.show(scene);
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

fn check_health(collector: &Collector, dir: &Path) {
    assert_eq!(collector.get("/healthz"), Some((200, "ok\n".to_owned())));
    assert_eq!(collector.get("/").expect("answers").0, 404);
    let metrics = collector.get("/metrics").expect("answers").1;
    let found = decode(metrics.as_bytes());
    assert_eq!(found.problems, Vec::<String>::new());
    let value = |name: &str| {
        let of = |s: &&Sample| {
            s.labels["__name__"] == name && s.labels.get("job").is_none_or(|j| j == "dcgm")
        };
        found.samples.iter().find(of).unwrap_or_else(|| panic!("{name} in {metrics}")).value
    };
    let failures = value("gpu_finops_scrape_failures_total");
    assert!((2.0..=6.0).contains(&failures), "{failures}");
    assert!(value("gpu_finops_scrapes_total") >= failures + 8.0);
    assert!(value("gpu_finops_scraped_samples_total") > 10.0);
    assert!(value("gpu_finops_store_log_bytes_total") > 1_000.0);
    let last = value("gpu_finops_scrape_last_success_timestamp_seconds");
    let last = gpu_finops::units::millis_from_seconds(last).expect("an instant");
    let age = chrono::Utc::now().timestamp_millis() - last;
    assert!((0..5_000).contains(&age), "{age} ms");
    // One writer at a time, and readers as they like.
    let mut second = gpu_finops();
    second.args(["collect", "--once", "--no-kubernetes", "--target", "file:/dev/null", "--store"]);
    Outcome::of(second.arg(dir))
        .failed_with(2, &["is written by another `gpu-finops collect` (process "]);
}
