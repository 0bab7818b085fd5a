//! Every way to raw samples against real servers: the same series, to the bit.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gpu_finops::model::query::QueryKind;
use gpu_finops::model::series::is_stale_marker;
use gpu_finops::model::{MetricData, SourceState, Window};
use gpu_finops::source::progress::Silent;
use gpu_finops::source::prometheus::options::{ConnectionOptions, ReadOptions, SampleTransport};
use gpu_finops::source::prometheus::{self, Collected, DirectTransport};

use crate::common::cluster::{self, ALWAYS, Shape};
use crate::common::gpu_finops;
use crate::common::http::{Answer, HttpServer};
use crate::common::metrics::{HOUR, OpenMetrics, T0, labels};
use crate::common::prometheus::Prometheus;
use crate::common::victoria::Victoria;

fn samples() -> Vec<u8> {
    let mut out = OpenMetrics::default();
    let base = Shape::default();
    for shape in [
        Shape { name: "eu", ..base.clone() },
        Shape { name: "us", replicas: vec![("a", 0), ("b", 7)], exported: true, ..base },
    ] {
        cluster::write(&mut out, &shape);
    }
    // Six decimals, as exporters print ratios; and a name that needs escapes.
    let gpu = [("UUID", "GPU-v"), ("Hostname", "n\"<1>\\"), ("pod", "ä")];
    #[expect(clippy::cast_precision_loss, reason = "seconds of hours are small")]
    out.series("DCGM_FI_PROF_SM_ACTIVE", &labels(&gpu), ALWAYS, |at| {
        ((at as f64 / 7_919.0).sin().abs() * 1e6).round() / 1e6
    });
    out.finish()
}

fn server() -> &'static Prometheus {
    static SERVER: OnceLock<Prometheus> = OnceLock::new();
    SERVER.get_or_init(|| Prometheus::with_openmetrics(&samples()))
}

fn victoria() -> Option<&'static Victoria> {
    static SERVER: OnceLock<Option<Victoria>> = OnceLock::new();
    SERVER.get_or_init(|| Victoria::with_openmetrics(&samples())).as_ref()
}

fn collected(url: &str, transport: SampleTransport) -> Collected {
    prometheus::install_crypto_provider();
    let options =
        ReadOptions { transport, timeout: Duration::from_secs(20), ..ReadOptions::default() };
    let direct = DirectTransport::new(url, &ConnectionOptions::default()).expect("a URL");
    // Not aligned to anything, and inside of what is stored.
    let window = Window::new(T0 * 1_000 + 130_001, (T0 + 4 * HOUR) * 1_000 - 1).expect("a window");
    let gpus = ["nvidia.com/gpu".to_owned()];
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let reading = prometheus::collect(Arc::new(direct), &options, &gpus, 300_000, window, &Silent);
    runtime.block_on(reading).expect("a server that answers")
}

/// Raw samples, with values as bits.
fn raw(metrics: &[MetricData]) -> Vec<String> {
    let is_raw = |m: &&MetricData| matches!(m.query.kind(), QueryKind::Raw | QueryKind::Tail);
    let mut lines = Vec::new();
    for metric in metrics.iter().filter(is_raw) {
        assert_eq!(metric.gaps, [], "{:?}", metric.query);
        for s in &metric.series {
            let samples: Vec<(i64, u64)> = s.samples().map(|(at, v)| (at, v.to_bits())).collect();
            lines.push(format!("{:?} {:?} {samples:?}", metric.query, s.labels));
        }
    }
    lines
}

/// Checks that both have the same raw samples, and that those are many.
fn assert_same(one: &Collected, other: &Collected) {
    let (one, other) = (raw(&one.metrics), raw(&other.metrics));
    for (one, other) in one.iter().zip(&other) {
        assert!(one == other, "{one:.900}\n\n{other:.900}");
    }
    assert_eq!(one.len(), other.len());
    assert!(one.len() > 20, "{} series", one.len());
}

#[test]
fn the_export_of_victoriametrics_gives_what_remote_read_gives() {
    let Some(victoria) = victoria() else { return };
    let export = collected(&victoria.url(), SampleTransport::Auto);
    let detail = &export.sources[0].detail;
    assert!(detail.contains("through VictoriaMetrics' export: remote read is not"), "{detail}");
    assert_same(&export, &collected(&server().url(), SampleTransport::RemoteRead));
    assert_same(&export, &collected(&victoria.url(), SampleTransport::Query));
}

#[test]
fn query_range_gives_what_remote_read_gives() {
    let gridded = collected(&server().url(), SampleTransport::QueryRange);
    assert_eq!(gridded.sources[0].state, SourceState::Gridded);
    assert_same(&gridded, &collected(&server().url(), SampleTransport::RemoteRead));
}

/// The server behind a proxy that lets expressions through, and nothing else.
fn without_range_selectors() -> HttpServer {
    HttpServer::in_front_of(server().address(), |request| {
        let text = request.text();
        let is_range = text.lines().any(|l| l.starts_with("query=") && l.ends_with("ms]"));
        let is_other =
            ["/api/v1/read", "/api/v1/export"].iter().any(|p| request.target.starts_with(p));
        (is_range || is_other).then(|| Answer::status(400, "not supported by this service"))
    })
}

#[test]
fn where_range_selectors_are_refused_a_grid_is_found_and_told() {
    let proxy = without_range_selectors();
    let found = collected(&proxy.url(), SampleTransport::Auto);
    let detail = &found.sources[0].detail;
    assert!(detail.contains("through query_range: "), "{detail}");
    let reason =
        "range selectors are refused (HTTP 400 Bad Request: not supported by this service)";
    assert!(detail.contains(reason), "{detail}");
    assert_same(&found, &collected(&server().url(), SampleTransport::RemoteRead));

    let report = |url: &str| -> serde_json::Value {
        let output = gpu_finops()
            .args(["report", "--prometheus", url, "--no-kubernetes", "-o", "json"])
            .args(["--prometheus-matcher", "cluster=\"eu\"", "--price", "*=2"])
            .args(["--start", cluster::START, "--end", cluster::END, "--now", cluster::NOW])
            .output()
            .expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let (gridded, plain) = (report(&proxy.url()), report(&server().url()));
    assert_eq!(gridded["fleet"], plain["fleet"]);
    assert_eq!(gridded["coverage"]["sources"][0]["status"], "gridded");
    let warnings = gridded["coverage"]["warnings"].as_array().expect("a list");
    let warning = warnings.iter().find(|w| w["code"] == "gridded").expect("the warning");
    assert!(warning["message"].as_str().expect("text").contains("at its own instant"));
    assert!(!plain["coverage"]["warnings"].to_string().contains("gridded"));
    assert_eq!(gridded["coverage"]["complete"], plain["coverage"]["complete"]);
}

#[test]
fn a_tenant_of_a_cluster_is_a_path() {
    const TENANT: &str = "/select/7:1/prometheus";
    let Some(victoria) = victoria() else { return };
    let address = victoria.address();
    let proxy = HttpServer::start(move |request| match request.target.strip_prefix(TENANT) {
        Some(target) => Answer::Forward { to: address.clone(), target: target.to_owned() },
        None => Answer::status(400, "unsupported path requested"),
    });
    let tenant = collected(&format!("{}{TENANT}/", proxy.url()), SampleTransport::Auto);
    assert!(tenant.sources[0].detail.contains("through VictoriaMetrics' export"));
    assert_same(&tenant, &collected(&victoria.url(), SampleTransport::VictoriaMetrics));
}

#[test]
fn an_export_that_breaks_off_is_a_gap() {
    let Some(victoria) = victoria() else { return };
    let exports = std::sync::atomic::AtomicUsize::new(0);
    let proxy = HttpServer::in_front_of(victoria.address(), move |request| {
        // After the probe.
        let is_export = request.target.starts_with("/api/v1/export")
            && exports.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
        is_export.then_some(Answer::BrokenStream("application/stream+json"))
    });
    let found = collected(&proxy.url(), SampleTransport::VictoriaMetrics);
    let util = &found.metrics[0];
    assert_eq!(util.series, []);
    assert!(util.gaps[0].reason.contains("lost the connection"), "{:?}", util.gaps);
}

/// A remote-write request of one series.
fn written(name: &str, samples: &[(f64, i64)]) -> Vec<u8> {
    fn field(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
        prost::encoding::encode_varint(u64::from(number << 3 | 2), out);
        prost::encoding::encode_varint(bytes.len() as u64, out);
        out.extend(bytes);
    }
    let mut series = Vec::new();
    for (name, value) in [("__name__", name), ("UUID", "GPU-s")] {
        let mut label = Vec::new();
        field(1, name.as_bytes(), &mut label);
        field(2, value.as_bytes(), &mut label);
        field(1, &label, &mut series);
    }
    for (value, at) in samples {
        let mut sample = vec![1 << 3 | 1];
        sample.extend(value.to_le_bytes());
        sample.push(2 << 3);
        prost::encoding::encode_varint(at.cast_unsigned(), &mut sample);
        field(2, &sample, &mut series);
    }
    let mut request = Vec::new();
    field(1, &series, &mut request);
    snap::raw::Encoder::new().compress_vec(&request).expect("short")
}

#[test]
fn staleness_markers_of_victoriametrics_are_kept() {
    const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
    let Some(victoria) = Victoria::with_openmetrics(b"") else { return };
    let at = |minutes: i64| (T0 + HOUR + minutes * 60) * 1_000;
    let samples = [(50.0, at(0)), (60.0, at(1)), (STALE, at(2)), (f64::NAN, at(3)), (70.0, at(4))];
    victoria.write(&written("DCGM_FI_DEV_GPU_UTIL", &samples));
    let found = collected(&victoria.url(), SampleTransport::Auto);
    let [series] = &found.metrics[0].series[..] else { panic!("{:?}", found.metrics[0]) };
    // It stores no NaN but markers.
    let values: BTreeMap<i64, f64> = series.samples().collect();
    assert_eq!(values.keys().copied().collect::<Vec<_>>(), [at(0), at(1), at(2), at(4)]);
    assert!(is_stale_marker(values[&at(2)]));
}
