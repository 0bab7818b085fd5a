//! Remote read against the query API of a real Prometheus that has external labels: the same series, to
//! the bit.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gpu_finops::model::{MetricData, Window};
use gpu_finops::source::progress::Silent;
use gpu_finops::source::prometheus::options::{ConnectionOptions, ReadOptions, SampleTransport};
use gpu_finops::source::prometheus::{self, CollectError, Collected, DirectTransport};

use crate::common::cluster::{self, ALWAYS, Shape};
use crate::common::http::{Answer, HttpServer};
use crate::common::metrics::{HOUR, OpenMetrics, T0, labels};
use crate::common::prometheus::Prometheus;

/// One of the clusters on the server has the external label as its own.
const CONFIG: &str =
    "global:\n  external_labels:\n    cluster: eu.1\n    prometheus_replica: p-0\n";

fn server() -> &'static Prometheus {
    static SERVER: OnceLock<Prometheus> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut out = OpenMetrics::default();
        let base = Shape::default();
        for shape in [
            Shape { name: "eu.1", ..base.clone() },
            Shape { name: "us", replicas: vec![("a", 0), ("b", 7)], ..base.clone() },
            Shape { name: "", exported: true, ..base },
        ] {
            cluster::write(&mut out, &shape);
        }
        values(&mut out);
        Prometheus::configured(&out.finish(), &[], CONFIG)
    })
}

/// Values and steps of every width, and values that are none.
fn values(out: &mut OpenMetrics) {
    let gpu = [("UUID", "GPU-v"), ("Hostname", "n\"1\\"), ("pod", "p")];
    #[expect(clippy::cast_precision_loss, reason = "seconds of hours are small")]
    out.series("DCGM_FI_PROF_SM_ACTIVE", &labels(&gpu), ALWAYS, |at| match at / HOUR {
        0 => (at as f64 / 7_919.0).sin().abs(),
        1 if at % 60 == 0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -1e-300 * at as f64,
        _ => 1.0,
    });
}

fn collected(url: &str, transport: SampleTransport, matchers: &[&str]) -> Collected {
    let matchers = matchers.iter().map(ToString::to_string).collect();
    let options = ReadOptions { transport, matchers, ..ReadOptions::default() };
    tried(url, options).expect("a server that answers")
}

fn tried(url: &str, options: ReadOptions) -> Result<Collected, CollectError> {
    prometheus::install_crypto_provider();
    let options = ReadOptions { timeout: Duration::from_secs(20), ..options };
    let direct = DirectTransport::new(url, &ConnectionOptions::default()).expect("a URL");
    // Not aligned to anything, and inside of what is stored.
    let window = Window::new(T0 * 1_000 + 130_001, (T0 + 4 * HOUR) * 1_000 - 1).expect("a window");
    let gpus = ["nvidia.com/gpu".to_owned()];
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let reading = prometheus::collect(Arc::new(direct), &options, &gpus, 300_000, window, &Silent);
    runtime.block_on(reading)
}

/// Everything, with values as bits. JSON has one word for every NaN.
fn bits(metrics: &[MetricData]) -> Vec<String> {
    let series = |metric: &MetricData| -> Vec<String> {
        let of = |s: &gpu_finops::model::Series| {
            let one = |v: f64| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
            let samples: Vec<(i64, u64)> = s.samples().map(|(at, v)| (at, one(v))).collect();
            format!("{:?} {:?} {samples:?}", metric.query, s.labels)
        };
        assert_eq!(metric.gaps, [], "{:?}", metric.query);
        metric.series.iter().map(of).collect()
    };
    metrics.iter().flat_map(series).collect()
}

fn same(matchers: &[&str]) -> usize {
    let url = server().url();
    let remote = collected(&url, SampleTransport::Auto, matchers);
    let query = collected(&url, SampleTransport::Query, matchers);
    assert!(remote.sources[0].detail.ends_with(", through remote read"), "{:?}", remote.sources[0]);
    assert!(query.sources[0].detail.ends_with(", through the query API"), "{:?}", query.sources[0]);
    let (remote_lines, query_lines) = (bits(&remote.metrics), bits(&query.metrics));
    for (remote, query) in remote_lines.iter().zip(&query_lines) {
        assert!(remote == query, "remote read: {remote:.900}\nquery API:   {query:.900}");
    }
    assert_eq!(remote_lines.len(), query_lines.len());
    assert_eq!(remote.sources[1..], query.sources[1..]);
    remote.metrics.iter().flat_map(|metric| &metric.series).map(|series| series.samples.len()).sum()
}

#[test]
fn both_ways_give_the_same_series_to_the_bit() {
    let samples = same(&[]);
    assert!(samples > 20_000, "{samples} samples");
}

#[test]
fn samples_that_do_not_fit_into_memory_are_the_same() {
    let url = server().url();
    let folder = tempfile::tempdir().expect("a folder");
    let in_memory = collected(&url, SampleTransport::Auto, &[]);
    for memory_bytes in [0, 5_000] {
        let spill_dir = folder.path().to_owned();
        let options = ReadOptions { memory_bytes, spill_dir, ..ReadOptions::default() };
        let in_a_file = tried(&url, options).expect("a server that answers");
        assert_eq!(in_a_file, in_memory);
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn without_room_for_samples_the_run_ends_and_says_where() {
    let spill_dir = tempfile::tempdir().expect("a folder").path().join("gone");
    let options = ReadOptions { memory_bytes: 0, spill_dir, ..ReadOptions::default() };
    let error = tried(&server().url(), options).expect_err("no folder");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains("cannot write") && cause.contains("/gone"), "{cause}");
    assert!(error.hint().is_some_and(|hint| hint.contains("TMPDIR")), "{error}");
}

#[test]
fn matchers_mean_the_same_on_labels_that_are_external_ones_too() {
    for matchers in [
        &[r#"cluster="eu.1""#][..],
        &[r#"cluster="us""#],
        &[r#"cluster="""#],
        &[r#"cluster!="eu.1""#],
        &[r#"cluster=~"e.*|us""#, r#"UUID!~"GPU-[ab]""#],
        &[r#"Hostname="n\"1\\""#],
    ] {
        assert!(same(matchers) > 0, "{matchers:?}");
    }
    assert_eq!(same(&[r#"cluster="nowhere""#]), 0);
    // The server's own external label matches no stored series, by either way.
    assert_eq!(same(&[r#"prometheus_replica="p-0""#]), 0);
}

#[test]
fn a_hidden_configuration_costs_no_replica_label() {
    let proxy = HttpServer::in_front_of(server().address(), |request| {
        request.target.contains("/status/config").then(|| Answer::status(403, "no"))
    });
    let found = collected(&proxy.url(), SampleTransport::RemoteRead, &[r#"cluster="us""#]);
    let query = collected(&server().url(), SampleTransport::Query, &[r#"cluster="us""#]);
    // Two replicas by a label of their own stay two; the external one is gone.
    assert_eq!(bits(&found.metrics), bits(&query.metrics));
}

#[test]
fn a_server_that_ends_in_the_middle_is_a_gap() {
    let address = server().address();
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let proxy = HttpServer::in_front_of(address, move |request| {
        // After the probe.
        let is_read = request.target == "/api/v1/read"
            && reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
        is_read.then_some(Answer::BrokenStream("application/x-streamed-protobuf"))
    });
    let found = collected(&proxy.url(), SampleTransport::Auto, &[r#"cluster="us""#]);
    let util = &found.metrics[0];
    assert_eq!(util.series, []);
    assert!(util.gaps[0].reason.contains("lost the connection"), "{:?}", util.gaps);
}
