//! Against a server on loopback that fails in every way that servers do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::super::collect::{CollectError, Collected, collect};
use super::super::super::options::{ReadOptions, SampleTransport};
use super::super::super::testing::fake::millis;
use super::super::super::testing::{Counting, End, QUICK_BACKOFF, Reply, Seen, Server};
use super::*;
use crate::model::{QueryId, Series};
use crate::units::{MS_PER_DAY, MS_PER_HOUR};

/// 2026-11-20T00:00:00Z
const START: Millis = 1_795_132_800_000;
const STEP: Millis = 60_000;

fn options() -> ReadOptions {
    ReadOptions { timeout: Duration::from_millis(500), ..ReadOptions::default() }
}

fn value(i: i64) -> i64 {
    i / 7 % 5
}

/// Two GPUs with a sample a minute from an hour before the plan's two days to an hour after them.
fn stored() -> Vec<(&'static str, Vec<(Millis, i64)>)> {
    let samples = |offset| -> Vec<(Millis, i64)> {
        (-60..2 * 24 * 60 + 60).map(|i| (START + i * STEP + offset, value(i))).collect()
    };
    vec![("a", samples(0)), ("b", samples(17))]
}

fn line(uuid: &str, samples: &[(Millis, i64)]) -> String {
    let text =
        |values: Vec<i64>| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let (instants, values) = samples.iter().copied().unzip();
    format!(
        "{{\"metric\":{{\"__name__\":\"m\",\"UUID\":\"{uuid}\"}},\"values\":[{}],\"timestamps\":[{}]}}\n",
        text(values),
        text(instants)
    )
}

/// Blocks as a server has them: of some samples each, the last first, and overlapping.
fn blocks(start: Millis, end: Millis) -> String {
    let mut lines = Vec::new();
    for (uuid, samples) in stored() {
        let inside: Vec<_> =
            samples.into_iter().filter(|(at, _)| (start..=end).contains(at)).collect();
        for from in (0..inside.len()).step_by(100) {
            lines.push(line(uuid, &inside[from..inside.len().min(from + 130)]));
        }
    }
    lines.reverse();
    lines.concat()
}

fn exported(body: impl Into<Vec<u8>>) -> Reply {
    let kind = "application/stream+json; charset=utf-8";
    Reply { end: End::Chunked, ..Reply::new(200, body).with_header("Content-Type", kind) }
}

fn span(seen: &Seen) -> (Millis, Millis) {
    (millis(&seen.params["start"]), millis(&seen.params["end"]))
}

/// Everything but the export.
fn other(seen: &Seen) -> Reply {
    match seen.path.as_str() {
        "/api/v1/read" => Reply::new(400, "unsupported path requested: \"/api/v1/read\""),
        "/api/v1/series" => {
            Reply::json(r#"{"status":"success","data":[{"UUID":"a"},{"UUID":"b"}]}"#)
        }
        "/api/v1/status/buildinfo" => {
            Reply::json(r#"{"status":"success","data":{"version":"2.24.0"}}"#)
        }
        _ => Reply::matrix(""),
    }
}

fn answer(seen: &Seen) -> Reply {
    let (start, end) = span(seen);
    let is_probe = seen.params["match[]"] == NO_SUCH_SERIES;
    exported(if is_probe { String::new() } else { blocks(start, end) })
}

/// A server whose exports of the first day fail as `fail` says, given how many have failed before.
fn failing(fail: impl Fn(&Seen, usize) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let failures = AtomicUsize::new(0);
    Server::start(move |seen, _| {
        if seen.path != "/api/v1/export" {
            return other(seen);
        }
        if span(seen).0 == START {
            let number = failures.fetch_add(1, Ordering::SeqCst);
            if let Some(reply) = fail(seen, number) {
                return reply;
            }
        }
        answer(seen)
    })
}

fn plan() -> ReadPlan {
    let window = Window::new(START, START + 2 * MS_PER_DAY).unwrap();
    ReadPlan { query: QueryId::GpuUtil, promql: r#"{__name__="m"}"#.into(), window }
}

async fn read(server: &Server) -> MetricData {
    read_plan(server, &plan()).await
}

async fn read_plan(server: &Server, plan: &ReadPlan) -> MetricData {
    let api = Arc::new(Api::new(server.transport(), options()).with_backoff(QUICK_BACKOFF));
    let reader = probe(&api, 2, plan.window).await.unwrap();
    let progress = Counting::default();
    let answer = reader.read(plan, &progress).await;
    assert_eq!(progress.expected.into_inner(), progress.done.into_inner());
    answer
}

/// What is stored of `[from, to)`.
#[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
fn expected(from: Millis, to: Millis) -> Vec<Series> {
    let one = |(uuid, samples): (&str, Vec<(Millis, i64)>)| {
        let inside = samples.into_iter().filter(|(at, _)| (from..to).contains(at));
        let samples = inside.map(|(at, value)| (at, value as f64)).collect();
        let labels = [("UUID", uuid), ("__name__", "m")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Series { labels, samples }
    };
    stored().into_iter().map(one).collect()
}

#[tokio::test]
async fn blocks_in_any_order_become_the_window() {
    let server = failing(|_, _| None);
    let answer = read(&server).await;
    assert!(answer.series == expected(START, START + 2 * MS_PER_DAY));
    assert_eq!(answer.gaps, []);
    let exports: Vec<Seen> =
        server.seen().into_iter().filter(|seen| seen.path == "/api/v1/export").collect();
    assert_eq!(exports.len(), 3);
    for seen in exports {
        assert_eq!(seen.method, "GET");
        assert_eq!(seen.params["reduce_mem_usage"], "1");
        assert_eq!(seen.headers["accept-encoding"], "identity");
    }
}

#[tokio::test]
async fn constants_are_read_of_the_end_of_the_window_only() {
    let server = failing(|_, _| None);
    let answer = read_plan(&server, &ReadPlan { query: QueryId::FbFree, ..plan() }).await;
    let end = START + 2 * MS_PER_DAY;
    assert!(answer.series == expected(end - 15 * 60_000, end));
}

type Failure = fn(&str) -> Reply;

/// Every way to fail, and how it is told.
fn failures() -> Vec<(&'static str, Failure, &'static str)> {
    fn half(body: &str) -> String {
        body[..body.len() / 2].to_owned()
    }
    fn one_line() -> String {
        line("a", &[(START + 1, 1)])
    }
    vec![
        (
            "a text in mid-stream",
            |_| exported(format!("{}remoteAddr: boom\n", one_line())),
            "it says: remoteAddr: boom",
        ),
        ("a cut in mid-line", |body| exported(half(body)), "in the middle of a line"),
        (
            "a cut at the edge of a line",
            |_| Reply { end: End::ChunkedCut, ..exported(one_line()) },
            "lost the connection",
        ),
        (
            "a length that is not kept",
            |_| Reply { end: End::Missing(9), ..exported(one_line()) },
            "lost the connection",
        ),
        (
            "no end at all",
            |body| Reply { end: End::Close, ..exported(body) },
            "its end is not announced",
        ),
        ("another type", |body| Reply::json(body), "it is of application/json"),
        (
            "a web page",
            |_| Reply::new(200, "<html>").with_header("Content-Type", "text/html"),
            "web page",
        ),
        (
            "a line that is none",
            |_| exported("{\"metric\":{},\"values\":[1],\"timestamps\":[]}\n"),
            "1 values at 0 instants",
        ),
        ("500", |_| Reply::new(500, "boom"), "500 Internal Server Error: boom"),
        ("503", |_| Reply::new(503, ""), "503 Service Unavailable"),
        ("404", |_| Reply::new(404, "gone"), "404 Not Found: gone"),
    ]
}

#[tokio::test]
async fn a_day_that_fails_for_good_is_a_gap_and_the_other_stands() {
    for (name, failure, reason) in failures() {
        let server = failing(move |seen, _| {
            let (start, end) = span(seen);
            Some(failure(&blocks(start, end)))
        });
        let answer = read(&server).await;
        let [gap] = &answer.gaps[..] else { panic!("{name}: {:?}", answer.gaps) };
        assert_eq!((gap.start_ms, gap.end_ms), (START, START + MS_PER_DAY), "{name}");
        assert!(gap.reason.contains(reason), "{name}: {}", gap.reason);
        let second = expected(START + MS_PER_DAY, START + 2 * MS_PER_DAY);
        assert!(answer.series == second, "{name}: nothing of a broken answer stays");
    }
}

#[tokio::test]
async fn a_day_that_breaks_off_once_is_read_whole_and_nothing_twice() {
    for (name, failure, _) in failures() {
        let server = failing(move |seen, number| {
            let (start, end) = span(seen);
            (number == 0).then(|| failure(&blocks(start, end)))
        });
        let answer = read(&server).await;
        let is_final = ["no end at all", "another type", "a web page", "404"].contains(&name);
        assert_eq!(answer.gaps.is_empty(), !is_final, "{name}: {:?}", answer.gaps);
        if !is_final {
            assert!(answer.series == expected(START, START + 2 * MS_PER_DAY), "{name}");
        }
    }
}

#[tokio::test]
async fn a_slow_server_is_asked_for_less_at_a_time() {
    let server = Server::start(|seen, _| {
        if seen.path != "/api/v1/export" {
            return other(seen);
        }
        let (start, end) = span(seen);
        let reply = answer(seen);
        if end - start > 12 * MS_PER_HOUR { reply.after(Duration::from_secs(3)) } else { reply }
    });
    let answer = read(&server).await;
    assert_eq!(answer.gaps, []);
    assert!(answer.series == expected(START, START + 2 * MS_PER_DAY));
}

async fn collected(server: &Server, transport: SampleTransport) -> Result<Collected, CollectError> {
    let options = ReadOptions { transport, ..options() };
    let window = Window::new(START, START + MS_PER_HOUR).unwrap();
    let gpus = ["nvidia.com/gpu".to_owned()];
    collect(server.transport(), &options, &gpus, 60_000, window, &Counting::default()).await
}

#[tokio::test]
async fn the_export_is_found_where_there_is_no_remote_read() {
    let server = failing(|_, _| None);
    let found = collected(&server, SampleTransport::Auto).await.unwrap();
    let detail = &found.sources[0].detail;
    let reason = "through VictoriaMetrics' export: remote read is not offered (HTTP 400 Bad Request: \
                  unsupported path requested";
    assert!(detail.contains(reason), "{detail}");
    assert_eq!(found.metrics[0].series.len(), 2);

    let found = collected(&server, SampleTransport::VictoriaMetrics).await.unwrap();
    let detail = &found.sources[0].detail;
    assert!(detail.ends_with("through VictoriaMetrics' export"), "{detail}");
    let asked = server.seen();
    assert_eq!(asked.iter().filter(|seen| seen.path == "/api/v1/read").count(), 1);

    let without = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/export" => Reply::new(404, "nope"),
        _ => other(seen),
    });
    let found = collected(&without, SampleTransport::Auto).await.unwrap();
    let detail = &found.sources[0].detail;
    assert!(detail.contains("through the query API: remote read is not offered"), "{detail}");
    let reason = "; VictoriaMetrics' export is not offered (HTTP 404 Not Found: nope)";
    assert!(detail.ends_with(reason), "{detail}");
    let error = collected(&without, SampleTransport::VictoriaMetrics).await.unwrap_err();
    assert!(error.to_string().ends_with("by VictoriaMetrics' export"), "{error}");
    assert!(error.hint().unwrap().contains("--transport"));
}
