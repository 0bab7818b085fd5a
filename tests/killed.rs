//! A metric server that is killed while a report reads it: what is missing is named, and the rest balances.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common::cluster::{self, Shape};
use crate::common::http::HttpServer;
use crate::common::metrics::OpenMetrics;
use crate::common::prometheus::Prometheus;
use crate::common::{Outcome, report};

/// A report by remote read from a real server that is killed (SIGKILL) once it has answered so many requests for
/// samples: how it ended, and the report where there is one.
fn killed_after(reads: usize) -> (Outcome, Option<Value>) {
    let mut out = OpenMetrics::default();
    cluster::write(&mut out, &Shape::default());
    let server = Prometheus::with_openmetrics(&out.finish());
    let address = server.address();
    let (server, seen) = (Mutex::new(Some(server)), AtomicUsize::new(0));
    let proxy = HttpServer::in_front_of(address, move |request| {
        // Whoever comes while the server is being killed waits until it is.
        let mut server = server.lock().expect("no panic");
        let is_read = request.target == "/api/v1/read";
        if is_read && seen.fetch_add(1, Ordering::SeqCst) == reads {
            drop(server.take());
        }
        None
    });
    let mut report = report(&proxy.url(), Shape::default().name);
    report.args(["--transport", "remote-read", "-o", "json"]);
    let outcome = Outcome::of(&mut report);
    let report = serde_json::from_slice(&outcome.out).ok();
    (outcome, report)
}

#[test]
fn a_server_that_is_killed_at_once_is_an_error_or_a_report_without_figures() {
    // The first read is the probe. Whether a query got through beside the second depends on their order.
    let (Outcome { code, err, .. }, report) = killed_after(1);
    let Some(report) = report else {
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("cannot read metrics") && err.contains("every query failed"), "{err}");
        return;
    };
    assert_eq!(report["coverage"]["complete"], false, "{err}");
    assert_eq!(report["fleet"]["allocated_gpu_hours"], 0.0);
}

#[test]
fn a_server_that_is_killed_in_the_middle_is_a_named_gap_and_the_ledger_balances() {
    let (Outcome { err, .. }, report) = killed_after(6);
    let report = report.unwrap_or_else(|| panic!("{err}"));
    assert_eq!(report["reconciliation"]["balanced"], true);
    assert_eq!(report["coverage"]["complete"], false);
    let sources = report["coverage"]["sources"].as_array().expect("a list");
    let with = |status: &str| sources.iter().filter(|s| s["status"] == status).count();
    // The server itself is a line, too.
    let answered = with("ok") + with("empty") + with("partial");
    assert!(answered > 1 && with("failed") > 1, "{sources:#?}");
    for failed in sources.iter().filter(|s| s["status"] == "failed") {
        let detail = failed["detail"].as_str().expect("text");
        assert!(detail.contains("lost the connection"), "{detail}");
    }
}
