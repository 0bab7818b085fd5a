//! Against a server on loopback that fails in every way that servers do.

use std::time::Duration;

use super::super::super::backoff::Backoff;
use super::super::super::collect::{CollectError, Collected, collect};
use super::super::super::options::{ReadOptions, SampleTransport};
use super::super::super::testing::fake::millis;
use super::super::super::testing::{Counting, End, QUICK_BACKOFF, Reply, Seen, Server};
use super::super::message::answer::Chunk;
use super::super::message::{LabelMatcher, MatcherType};
use super::super::probe;
use super::super::testing::{Stored, asked, frame, frames, message, series, streamed};
use super::*;
use crate::model::query::QueryScope;
use crate::model::{Series, SourceState, Window};
use crate::units::{MS_PER_DAY, MS_PER_HOUR, Millis};

/// 2026-11-20T00:00:00Z
const START: Millis = 1_795_132_800_000;
const STEP: Millis = 60_000;

fn options() -> ReadOptions {
    ReadOptions { timeout: Duration::from_millis(500), ..ReadOptions::default() }
}

/// Two GPUs with a sample a minute from an hour before the plan's two days to an hour after them.
fn stored() -> Vec<Stored> {
    let gpu = |uuid, offset: i64| Stored {
        labels: vec![("UUID", uuid), ("__name__", "m"), ("cluster", "eu")],
        samples: (-60..2 * 24 * 60 + 60)
            .map(|i| (START + i * STEP + offset, f64::from(i32::try_from(i / 7 % 5).unwrap())))
            .collect(),
    };
    vec![gpu("a", 0), gpu("b", 17)]
}

fn plan() -> ReadPlan {
    let window = Window::new(START, START + 2 * MS_PER_DAY).unwrap();
    ReadPlan { query: QueryId::GpuUtil, promql: r#"{__name__="m"}"#.into(), window }
}

fn config() -> Reply {
    Reply::json(
        r#"{"status":"success","data":{"yaml":"global: {external_labels: {cluster: eu}}"}}"#,
    )
}

/// Everything but remote read.
fn other(seen: &Seen) -> Reply {
    match seen.path.as_str() {
        "/api/v1/status/config" => config(),
        "/api/v1/series" => Reply::json(r#"{"status":"success","data":[]}"#),
        "/api/v1/status/buildinfo" => {
            Reply::json(r#"{"status":"success","data":{"version":"2.42.0"}}"#)
        }
        _ => Reply::matrix(""),
    }
}

/// A server whose reads of the first day fail as `fail` says, given how many have failed before.
fn failing(fail: impl Fn(&[u8], usize) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let failures = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |seen, _| {
        if seen.path != "/api/v1/read" {
            return other(seen);
        }
        let query = asked(seen);
        let body = frames(&stored(), &query);
        if query.start_timestamp_ms == START {
            let number = failures.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if let Some(reply) = fail(&body, number) {
                return reply;
            }
        }
        streamed(body)
    })
}

async fn read_with(server: &Server, plan: &ReadPlan, backoff: Backoff) -> MetricData {
    let api = Arc::new(Api::new(server.transport(), options()).with_backoff(backoff));
    let reader = probe(&api, 2, plan.window).await.unwrap();
    let progress = Counting::default();
    let answer = reader.read(plan, &progress).await;
    assert_eq!(progress.expected.into_inner(), progress.done.into_inner());
    answer
}

async fn read(server: &Server) -> MetricData {
    read_with(server, &plan(), QUICK_BACKOFF).await
}

/// What is stored of `[from, to)`, without the external label.
fn expected(from: Millis, to: Millis) -> Vec<Series> {
    let one = |stored: Stored| {
        let labels = stored.labels.into_iter().filter(|(name, _)| *name != "cluster");
        let samples =
            stored.samples.into_iter().filter(|(at, _)| (from..to).contains(at)).collect();
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Series { labels, samples }
    };
    stored().into_iter().map(one).collect()
}

#[tokio::test]
async fn the_window_comes_in_days_without_what_the_server_adds() {
    let server = failing(|_, _| None);
    let answer = read(&server).await;
    assert_eq!(answer.series, expected(START, START + 2 * MS_PER_DAY));
    assert_eq!(answer.gaps, []);
    let reads: Vec<Seen> =
        server.seen().into_iter().filter(|seen| seen.path == "/api/v1/read").collect();
    let mut times: Vec<_> = reads
        .iter()
        .map(asked)
        .map(|query| (query.start_timestamp_ms - START, query.end_timestamp_ms - START))
        .collect();
    times.sort_unstable();
    // The days share no millisecond; the third is the probe.
    let end = 2 * MS_PER_DAY;
    assert_eq!(times, [(0, MS_PER_DAY - 1), (MS_PER_DAY, end - 1), (end - 1, end - 1)]);
    for (header, value) in [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-read-version", "0.1.0"),
    ] {
        assert_eq!(reads[0].headers[header], value);
    }
}

type Failure = fn(&[u8]) -> Reply;

/// Every way to fail, and how it is told.
fn failures() -> Vec<(&'static str, Failure, &'static str)> {
    fn half(body: &[u8]) -> Vec<u8> {
        body[..body.len() / 2 + 7].to_vec()
    }
    fn one_frame() -> Vec<u8> {
        series(&[("UUID", "a"), ("__name__", "m")], &[(START + 1, 1.0)])
    }
    vec![
        (
            "a text in mid-stream",
            |_| streamed([one_frame(), b"boom\n".to_vec()].concat()),
            "it says: boom",
        ),
        (
            "a flipped byte",
            |body| {
                let mut body = body.to_vec();
                body[40] ^= 0x10;
                streamed(body)
            },
            "checksum",
        ),
        ("a cut in mid-frame", |body| streamed(half(body)), "in the middle of a frame"),
        (
            "a cut at the edge of a frame",
            |_| Reply { end: End::ChunkedCut, ..streamed(one_frame()) },
            "lost the connection",
        ),
        (
            "a length that is not kept",
            |_| Reply { end: End::Missing(9), ..streamed(one_frame()) },
            "lost the connection",
        ),
        (
            "no end at all",
            |body| Reply { end: End::Close, ..streamed(body) },
            "its end is not announced",
        ),
        (
            "another type",
            |body| Reply { end: End::Length, ..Reply::json(body) },
            "application/json",
        ),
        (
            "a web page",
            |_| Reply::new(200, "<html>").with_header("Content-Type", "text/html"),
            "web page",
        ),
        (
            "a frame that is no message",
            |_| streamed(frame(b"\x0a\xffrubbish")),
            "no message of remote read",
        ),
        (
            "a frame that is too long",
            |_| streamed([0xff, 0xff, 0xff, 0xff, 0x0f]),
            "a frame claims",
        ),
        ("500", |_| Reply::new(500, "boom"), "500 Internal Server Error: boom"),
        ("503", |_| Reply::new(503, ""), "503 Service Unavailable"),
        ("429", |_| Reply::new(429, ""), "429 Too Many Requests"),
        ("404", |_| Reply::new(404, "gone"), "404 Not Found: gone"),
        ("400", |_| Reply::new(400, "bad"), "400 Bad Request: bad"),
    ]
}

#[tokio::test]
async fn a_day_that_fails_for_good_is_a_gap_and_the_other_stands() {
    for (name, failure, reason) in failures() {
        let server = failing(move |body, _| Some(failure(body)));
        let answer = read(&server).await;
        let [gap] = &answer.gaps[..] else { panic!("{name}: {:?}", answer.gaps) };
        assert_eq!((gap.start_ms, gap.end_ms), (START, START + MS_PER_DAY), "{name}");
        assert!(gap.reason.contains(reason), "{name}: {}", gap.reason);
        let second = expected(START + MS_PER_DAY, START + 2 * MS_PER_DAY);
        assert!(answer.series == second, "{name}: nothing of a broken answer stays");
    }
}

#[tokio::test]
async fn a_day_that_fails_once_is_read_whole_and_nothing_twice() {
    for (name, failure, _) in failures() {
        let server = failing(move |body, number| (number == 0).then(|| failure(body)));
        let answer = read(&server).await;
        if answer.gaps.is_empty() {
            assert!(answer.series == expected(START, START + 2 * MS_PER_DAY), "{name}");
        } else {
            assert!(
                ["no end at all", "another type", "a web page", "404", "400"].contains(&name),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_slow_server_is_asked_for_less_at_a_time() {
    let server = Server::start(|seen, _| {
        if seen.path != "/api/v1/read" {
            return other(seen);
        }
        let query = asked(seen);
        let reply = streamed(frames(&stored(), &query));
        let too_long = query.end_timestamp_ms - query.start_timestamp_ms > 12 * MS_PER_HOUR;
        if too_long { reply.after(Duration::from_secs(3)) } else { reply }
    });
    let answer = read(&server).await;
    assert_eq!((answer.series, answer.gaps), (expected(START, START + 2 * MS_PER_DAY), vec![]));
}

#[tokio::test]
async fn a_server_that_says_too_much_in_mid_stream_is_asked_for_less() {
    let server = Server::start(|seen, _| {
        if seen.path != "/api/v1/read" {
            return other(seen);
        }
        let query = asked(seen);
        let body = frames(&stored(), &query);
        if query.end_timestamp_ms - query.start_timestamp_ms > 6 * MS_PER_HOUR {
            let text = b"the query exceeded the maximum number of chunks\n".to_vec();
            return streamed([body, text].concat());
        }
        streamed(body)
    });
    let answer = read(&server).await;
    assert_eq!((answer.series, answer.gaps), (expected(START, START + 2 * MS_PER_DAY), vec![]));
}

#[tokio::test]
async fn what_cannot_be_decoded_is_told() {
    let server = failing(|_, _| {
        let chunk = |encoding| Chunk { encoding, data: vec![0].into(), ..Chunk::default() };
        Some(streamed(frame(&message(&[("UUID", "a")], vec![chunk(2), chunk(7), chunk(7)]))))
    });
    let api = Arc::new(Api::new(server.transport(), options()).with_backoff(QUICK_BACKOFF));
    let reader = probe(&api, 2, plan().window).await.unwrap();
    let answer = reader.read(&plan(), &Counting::default()).await;
    assert_eq!(reader.notes(QueryId::GpuUtil), ["native histograms are left out"]);
    assert_eq!(answer.gaps.len(), 1);
    assert_eq!(answer.gaps[0].reason, "2 chunks of an unknown encoding are left out");
}

#[tokio::test]
async fn a_server_that_does_not_list_series_is_remarked_on() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/read" => streamed(frames(&stored(), &asked(seen))),
        "/api/v1/series" => Reply::error(422, "execution", "not here"),
        _ => other(seen),
    });
    let api = Arc::new(Api::new(server.transport(), options()).with_backoff(QUICK_BACKOFF));
    let reader = probe(&api, 2, plan().window).await.unwrap();
    let answer = reader.read(&plan(), &Counting::default()).await;
    assert_eq!(answer.gaps, []);
    assert!(answer.series == expected(START, START + 2 * MS_PER_DAY));
    let notes = reader.notes(QueryId::GpuUtil);
    assert!(notes[0].contains("labels were taken off unasked: the server refused"), "{notes:?}");
}

#[tokio::test]
async fn constants_are_read_of_the_end_of_the_window_only() {
    let server = failing(|_, _| None);
    let plan = ReadPlan { query: QueryId::FbFree, ..plan() };
    let answer = read_with(&server, &plan, QUICK_BACKOFF).await;
    let end = START + 2 * MS_PER_DAY;
    assert_eq!(answer.series, expected(end - 15 * 60_000, end));
}

#[tokio::test]
async fn facts_are_the_last_of_each_day_and_conditions_a_sample_a_minute() {
    let end = START + 2 * MS_PER_DAY;
    let value = |at: Millis| {
        let stored = stored();
        let samples = stored[0].samples.iter().rev();
        samples.clone().find(|(known, _)| *known <= at).unwrap().1
    };
    let server = failing(|_, _| None);
    let of = async |query| {
        let plan = ReadPlan { query, promql: r#"{__name__="m"} == 1"#.into(), ..plan() };
        let answer = read_with(&server, &plan, QUICK_BACKOFF).await;
        assert_eq!(answer.gaps, []);
        let first = answer.series.into_iter().next().unwrap();
        assert_eq!(first.label("cluster"), None);
        first.samples.iter().collect::<Vec<_>>()
    };
    let days = [START + MS_PER_DAY - 1, end - 1];
    assert_eq!(of(QueryId::PodOwner).await, days.map(|at| (at, value(at))));
    let minutes = (START..end).step_by(60_000).map(|at| (at, value(at)));
    let ended: Vec<_> = minutes.filter(|(_, value)| *value == 1.0).collect();
    assert!(ended.len() > 500);
    assert_eq!(of(QueryId::PodTerminal).await, ended);
    // A sample stands for five minutes: what came before the window is read, too.
    let reads: Vec<Seen> =
        server.seen().into_iter().filter(|seen| seen.path == "/api/v1/read").collect();
    let starts: Vec<Millis> = reads.iter().map(|seen| asked(seen).start_timestamp_ms).collect();
    assert!(starts.contains(&(START - 300_000)), "{starts:?}");
}

async fn collected(server: &Server, transport: SampleTransport) -> Result<Collected, CollectError> {
    let options = ReadOptions { transport, ..options() };
    let window = Window::new(START, START + MS_PER_HOUR).unwrap();
    let gpus = ["nvidia.com/gpu".to_owned()];
    let progress = Counting::default();
    collect(server.transport(), &options, &gpus, 60_000, window, &progress).await
}

#[tokio::test]
async fn a_server_without_remote_read_is_asked_through_the_query_api() {
    let cases: Vec<(Reply, &str)> = vec![
        (Reply::new(404, ""), "HTTP 404 Not Found"),
        (
            Reply::new(400, "unsupported path requested"),
            "HTTP 400 Bad Request: unsupported path requested",
        ),
        (Reply::new(403, ""), "HTTP 403 Forbidden: the server does not accept the credentials"),
        (Reply::new(405, ""), "HTTP 405 Method Not Allowed"),
        (Reply::new(500, ""), "HTTP 500 Internal Server Error"),
        (Reply::matrix(""), "the answer is not a stream of samples: it is of application/json"),
        (
            Reply { end: End::Close, ..streamed([]) },
            "the answer is not a stream of samples: its end",
        ),
    ];
    for (reply, reason) in cases {
        let server = Server::start(move |seen, _| match seen.path.as_str() {
            "/api/v1/read" => reply.clone(),
            "/api/v1/query" if seen.params["query"].contains("DCGM_FI_DEV_GPU_UTIL|") => {
                let at = millis(&seen.params["time"]) / 1_000 - 60;
                Reply::matrix(&format!(r#"{{"metric":{{"UUID":"u"}},"values":[[{at},"8"]]}}"#))
            }
            _ => other(seen),
        });
        let found = collected(&server, SampleTransport::Auto).await.unwrap();
        let expected = format!("through the query API: remote read is not offered ({reason}");
        assert!(found.sources[0].detail.contains(&expected), "{}", found.sources[0].detail);
        assert_eq!(found.sources[1].state, SourceState::Ok, "{:?}", found.sources[1]);
        // Asked once a run, not once a query.
        let reads = server.seen().iter().filter(|seen| seen.path == "/api/v1/read").count();
        assert!(reads <= 2, "{reads} requests");

        let error = collected(&server, SampleTransport::RemoteRead).await.unwrap_err();
        let CollectError::NotOffered { way: "remote read", source, .. } = &error else {
            panic!("{error}")
        };
        assert!(source.to_string().contains(reason), "{source}");
        assert!(error.hint().unwrap().contains("--transport"));

        let reads = || server.seen().iter().filter(|seen| seen.path == "/api/v1/read").count();
        let before = reads();
        let found = collected(&server, SampleTransport::Query).await.unwrap();
        assert!(found.sources[0].detail.ends_with("through the query API"));
        assert_eq!(reads(), before, "what is not wanted is not asked for");
    }
}

#[tokio::test]
async fn everything_comes_by_remote_read() {
    let server = Server::start(|seen, _| {
        if seen.path != "/api/v1/read" {
            return other(seen);
        }
        let query = asked(seen);
        let is_util = |m: &LabelMatcher| m.value.contains("DCGM_FI_DEV_GPU_UTIL|");
        let wanted = query.matchers.iter().any(is_util);
        streamed(if wanted { frames(&stored(), &query) } else { Vec::new() })
    });
    let found = collected(&server, SampleTransport::Auto).await.unwrap();
    assert!(
        found.sources[0].detail.ends_with(", through remote read"),
        "{}",
        found.sources[0].detail
    );
    let util = &found.metrics[0];
    assert_eq!((util.query, util.series.len()), (QueryId::GpuUtil, 2));
    assert_eq!(util.series[0].labels.get("cluster"), None);
    // The probe, and each query in the two days that the widened window touches, those of constants once; what
    // is asked of nodes with GPUs is left out, for there are none.
    let all = || QueryId::ALL.iter().filter(|query| query.scope() == QueryScope::All);
    let constants = all().filter(|query| query.kind() == QueryKind::Tail).count();
    let seen = server.seen();
    let reads: Vec<_> = seen.iter().filter(|seen| seen.path == "/api/v1/read").collect();
    assert_eq!(reads.len(), 1 + 2 * all().count() - constants);
    for seen in reads {
        for matcher in asked(seen).matchers {
            let is_name = matcher.name == "__name__";
            assert!(is_name || matcher.kind != i32::from(MatcherType::Equal), "{matcher:?}");
        }
    }
    let evaluated = ["/api/v1/query", "/api/v1/query_range"];
    let evaluated = seen.iter().filter(|seen| evaluated.contains(&seen.path.as_str()));
    assert_eq!(evaluated.count(), 1, "whether anybody answers");
}
