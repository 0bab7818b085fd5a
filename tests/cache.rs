//! The cache of answers about closed time, in front of a real Prometheus that is then stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common::cluster::{self, Shape};
use crate::common::http::HttpServer;
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, gpu_finops};

/// A server, and how often it was asked for samples.
struct Watched {
    proxy: HttpServer,
    reads: Arc<AtomicUsize>,
    _server: Prometheus,
}

impl Watched {
    fn start() -> Self {
        let mut out = OpenMetrics::default();
        cluster::write(&mut out, &Shape::default());
        let server = Prometheus::with_openmetrics(&out.finish());
        let reads = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&reads);
        let proxy = HttpServer::in_front_of(server.address(), move |request| {
            seen.fetch_add(usize::from(request.target == "/api/v1/read"), Ordering::SeqCst);
            None
        });
        Self { proxy, reads, _server: server }
    }

    /// Reads since the last time, the probe left out.
    fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::SeqCst).saturating_sub(1)
    }
}

/// A report on the usual window at `now`.
fn report(url: &str, now: &str, more: &[&str]) -> Outcome {
    let mut command = gpu_finops();
    command
        .args(["report", "--prometheus", url, "--no-kubernetes", "-o", "json"])
        .args(["--price", "*=2", "--start", cluster::START, "--end", cluster::END, "--now", now])
        .args(more);
    Outcome::of(&mut command)
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.out).unwrap_or_else(|_| panic!("{}", outcome.err))
}

/// Everything but how it was read.
fn figures(outcome: &Outcome) -> Value {
    let mut report = json(outcome);
    report["coverage"]["sources"] = Value::Null;
    report
}

fn source(outcome: &Outcome, name: &str) -> String {
    let report = json(outcome);
    let sources = report["coverage"]["sources"].as_array().expect("a list").clone();
    let found = sources.iter().find(|s| s["name"] == name);
    found.map(|s| s["detail"].as_str().expect("text").to_owned()).unwrap_or_default()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut days: Vec<_> =
        all.filter(|path| path.extension().is_some_and(|e| e == "day")).collect();
    days.sort();
    days
}

#[test]
fn a_report_on_closed_time_needs_no_server_the_second_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("cache");
    let with = ["--cache-dir", folder.to_str().expect("a name")];
    let server = Watched::start();
    let url = server.proxy.url();
    let plain = report(&url, cluster::NOW, &[]);
    let plain_reads = server.reads();
    let cold = report(&url, cluster::NOW, &with);
    assert_eq!(figures(&cold), figures(&plain));
    assert_eq!(server.reads(), plain_reads, "as much as without");
    assert!(source(&cold, "cache").contains(": 0 of "), "{}", source(&cold, "cache"));

    let warm = report(&url, cluster::NOW, &with);
    assert_eq!(figures(&warm), figures(&plain));
    assert_eq!(server.reads(), 0);
    assert!(source(&warm, "cache").ends_with(", 0 are new in it"), "{}", source(&warm, "cache"));
    let without = report(&url, cluster::NOW, &[&with[..], &["--no-cache"]].concat());
    assert_eq!((figures(&without), source(&without, "cache")), (figures(&plain), String::new()));
    assert_eq!(server.reads(), plain_reads);

    drop(server);
    let offline = report(&url, cluster::NOW, &[&with[..], &["--offline"]].concat());
    assert_eq!(figures(&offline), figures(&plain), "{}", offline.err);
    assert_eq!(json(&offline)["coverage"]["complete"], true);
    assert!(source(&offline, "prometheus").contains(", not asked: what was read of it before"));

    // Of another day nothing is there.
    let other = ["--start", "2026-11-11", "--end", "2026-11-12", "--offline"];
    let mut command = gpu_finops();
    command.args(["report", "--prometheus", &url, "--no-kubernetes"]).args(with).args(other);
    let none = Outcome::of(&mut command);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("for this report is in the cache"), "{}", none.err);
}

#[test]
fn a_damaged_or_missing_answer_is_not_believed() {
    let dir = tempfile::tempdir().expect("a folder");
    let with = ["--cache-dir", dir.path().to_str().expect("a name")];
    let server = Watched::start();
    let url = server.proxy.url();
    let cold = report(&url, cluster::NOW, &with);
    server.reads();
    let largest = |files: Vec<PathBuf>| {
        files.into_iter().max_by_key(|path| fs::metadata(path).expect("there").len()).expect("one")
    };
    let file = largest(files(dir.path()));
    let whole = fs::read(&file).expect("reads");
    let mut damaged = whole.clone();
    let place = damaged.len() * 2 / 3;
    damaged[place] ^= 0x10;
    fs::write(&file, &damaged).expect("writes");

    let offline = report(&url, cluster::NOW, &[&with[..], &["--offline"]].concat());
    let detail = source(&offline, "cache");
    assert!(detail.contains("damaged and left out: 1 ("), "{detail}");
    let report_of = json(&offline);
    assert_eq!(report_of["coverage"]["complete"], false);
    assert_eq!(report_of["reconciliation"]["balanced"], true);
    let warnings = report_of["coverage"]["warnings"].to_string();
    assert!(warnings.contains("it is not in the cache"), "{warnings}");

    let mended = report(&url, cluster::NOW, &with);
    assert_eq!(figures(&mended), figures(&cold));
    let detail = source(&mended, "cache");
    assert!(detail.contains("damaged and asked for anew: 1 ("), "{detail}");
    assert_eq!(server.reads(), 1, "the one that is damaged");
    assert_eq!(fs::read(&file).expect("reads"), whole);
}

#[test]
fn a_day_that_is_not_over_is_asked_for_each_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let with = ["--cache-dir", dir.path().to_str().expect("a name")];
    let server = Watched::start();
    let url = server.proxy.url();
    let now = "2026-11-10T05:04:59Z";
    let plain = report(&url, now, &[]);
    let all = server.reads();
    let first = report(&url, now, &with);
    let kept = files(dir.path()).len();
    assert!(kept > 0, "the day before is over");
    server.reads();
    let second = report(&url, now, &with);
    assert_eq!((figures(&first), figures(&second)), (figures(&plain), figures(&plain)));
    let asked = server.reads();
    assert!(0 < asked && asked < all, "{asked} of {all}");
    assert_eq!(files(dir.path()).len(), kept);
    let offline = report(&url, now, &[&with[..], &["--offline"]].concat());
    assert_eq!(json(&offline)["coverage"]["complete"], false, "{}", offline.err);
}

#[test]
fn offline_says_what_it_needs() {
    for (flags, wanted) in [
        (vec!["--offline"], "--cache-dir DIR"),
        (vec!["--offline", "--cache-dir", "c"], "--objects PATH"),
        (
            vec!["--offline", "--cache-dir", "c", "--no-kubernetes", "--transport", "query"],
            "--transport auto",
        ),
    ] {
        let mut command = gpu_finops();
        command.args(["report", "--prometheus", "http://localhost:1"]).args(&flags);
        let outcome = Outcome::of(&mut command);
        assert_eq!(outcome.code, 2, "{}", outcome.err);
        assert!(outcome.err.contains(wanted), "{}", outcome.err);
    }
}
