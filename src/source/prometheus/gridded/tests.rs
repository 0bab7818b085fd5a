//! Against a server on loopback that evaluates on grids, and refuses range selectors.

use std::fmt::Write;

use super::super::collect::{Collected, collect};
use super::super::options::{ReadOptions, SampleTransport};
use super::super::testing::fake::millis;
use super::super::testing::{Counting, QUICK_BACKOFF, Reply, Seen, Server, quick_options};
use super::*;
use crate::model::{SourceState, Window};
use crate::units::{MS_PER_DAY, MS_PER_MINUTE};

/// 2026-11-20T00:00:00Z
const START: Millis = 1_795_132_800_000;
const LOOKBACK: Millis = 5 * MS_PER_MINUTE;

/// Name, UUID, samples: a value for each instant.
type Stored = (&'static str, &'static str, Vec<(Millis, i64)>);

/// Three hours of samples every 30 s, some milliseconds off and early now and then, with a gap of half an
/// hour; and a pod that ran for ten minutes. The same labels under two names.
fn stored() -> Vec<Stored> {
    let at = |i: i64| START + i * 30_000 + 4_057 - i % 7 * 3;
    let long = |add: i64| -> Vec<_> {
        (-20..380).filter(|i| !(100..160).contains(i)).map(|i| (at(i), i % 101 + add)).collect()
    };
    vec![
        ("m", "a", long(0)),
        ("n", "a", long(1_000)),
        ("m", "b", (200..220).map(|i| (at(i), 7)).collect()),
    ]
}

/// What a server that does PromQL on a grid says, with lookback and no more.
fn evaluated(query: &str, seen: &Seen) -> Reply {
    let times = (millis(&seen.params["start"]), millis(&seen.params["end"]));
    let step = usize::try_from(millis(&seen.params["step"])).unwrap();
    let is_timestamp = query.starts_with("timestamp(");
    let mut series = Vec::new();
    for (name, uuid, samples) in stored() {
        let is_asked =
            !query.contains("__name__=") || query.contains(&format!("__name__=\"{name}\""));
        let mut values = String::new();
        for point in (times.0..=times.1).step_by(step).filter(|_| is_asked) {
            let seen_by =
                samples.iter().rfind(|(at, _)| (point - LOOKBACK + 1..=point).contains(at));
            let Some((at, value)) = seen_by else { continue };
            let value = if is_timestamp {
                format!("{}.{:03}", at / 1_000, at % 1_000)
            } else {
                value.to_string()
            };
            let comma = if values.is_empty() { "" } else { "," };
            write!(values, "{comma}[{},\"{value}\"]", point / 1_000).unwrap();
        }
        let name = if is_timestamp { String::new() } else { format!("\"__name__\":\"{name}\",") };
        if !values.is_empty() {
            series.push(format!(
                "{{\"metric\":{{{name}\"UUID\":\"{uuid}\"}},\"values\":[{values}]}}"
            ));
        }
    }
    let labels: BTreeSet<&str> =
        series.iter().map(|text| text.split_once("\"values\"").unwrap().0).collect();
    if labels.len() < series.len() {
        let reason = "vector cannot contain metrics with the same labelset";
        return Reply::error(422, "execution", reason);
    }
    Reply::matrix(&series.join(","))
}

fn answer(seen: &Seen, tells: bool) -> Reply {
    let Some(query) = seen.params.get("query") else { return Reply::error(404, "not_found", "no") };
    match seen.path.as_str() {
        "/api/v1/query" if query.ends_with("ms]") => {
            Reply::error(422, "bad_data", "range vectors are not allowed here")
        }
        "/api/v1/query" => Reply::matrix(""),
        _ if query.starts_with("max(count_over_time(") => {
            Reply::matrix(&format!(r#"{{"metric":{{}},"values":[[{},"121"]]}}"#, START / 1_000))
        }
        _ if query.starts_with("count(") => {
            Reply::matrix(&format!(r#"{{"metric":{{}},"values":[[{},"3"]]}}"#, START / 1_000))
        }
        _ if query.starts_with("timestamp(") && !tells => {
            Reply::error(400, "bad_data", "unknown function")
        }
        _ if query.contains("gpu_finops_probe") || query.contains("kube_") => Reply::matrix(""),
        _ => evaluated(query, seen),
    }
}

fn plan(promql: &str, from: Millis, to: Millis) -> ReadPlan {
    let window = Window::new(from, to).unwrap();
    ReadPlan { query: QueryId::GpuUtil, promql: promql.into(), window }
}

async fn read(server: &Server, plan: &ReadPlan, step_ms: Option<i64>) -> (MetricData, GridReader) {
    let options = ReadOptions { step_ms, ..quick_options() };
    let api = Api::new(server.transport(), options).with_backoff(QUICK_BACKOFF);
    let reader = GridReader::over(Arc::new(api));
    let progress = Counting::default();
    let answer = reader.read(plan, &progress).await;
    assert_eq!(progress.expected.into_inner(), progress.done.into_inner());
    (answer, reader)
}

/// What is stored of `[from, to)`, by name and UUID.
#[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
fn expected(names: &[&str], from: Millis, to: Millis) -> Vec<Series> {
    let one = |(name, uuid, samples): Stored| {
        let inside = samples.into_iter().filter(|(at, _)| (from..to).contains(at));
        let samples = inside.map(|(at, value)| (at, value as f64)).collect();
        let labels = [("UUID", uuid), (NAME, name)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Series { labels, samples }
    };
    let mut all: Vec<Series> =
        stored().into_iter().filter(|(name, ..)| names.contains(name)).map(one).collect();
    all.retain(|series| !series.samples.is_empty());
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    all
}

#[tokio::test]
async fn every_sample_comes_once_at_its_own_instant_and_no_gap_is_filled() {
    let server = Server::start(|seen, _| answer(seen, true));
    // Not aligned to anything; in two parts, for midnight lies between.
    for (from, to) in [
        (START - 123_457, START + 3 * MS_PER_HOUR - 1),
        (START + 4_057, START + 34_054),
        (START + 30_000, START + MS_PER_HOUR),
    ] {
        let (answer, reader) = read(&server, &plan("{x=\"\"}", from, to), None).await;
        assert_eq!(answer.gaps, []);
        assert!(answer.series == expected(&["m", "n"], from, to), "{:?}", answer.series);
        assert_eq!(reader.notes(QueryId::GpuUtil), ["gridded every 25 s"]);
        assert!(reader.effect().contains("at its own instant"), "{}", reader.effect());
    }
    let one = plan(r#"{__name__="m"}"#, START, START + 2 * MS_PER_HOUR);
    let (answer, _) = read(&server, &one, Some(10_000)).await;
    assert!(answer.series == expected(&["m"], START, START + 2 * MS_PER_HOUR));
    // Nobody asked how close the samples are.
    let seen = server.seen();
    let with = |text: &str| seen.iter().filter(|s| s.params["query"].contains(text)).count();
    assert_eq!(with("count_over_time"), 3);
    assert_eq!(with("timestamp({__name__=\"m\"})"), 1);
    assert!(seen.iter().all(|s| s.path == "/api/v1/query_range"));
}

#[tokio::test]
async fn a_step_that_is_too_long_loses_samples_and_moves_none() {
    let server = Server::start(|seen, _| answer(seen, true));
    let plan = plan(r#"{__name__="m"}"#, START, START + 2 * MS_PER_HOUR);
    let (answer, _) = read(&server, &plan, Some(60_000)).await;
    let all = expected(&["m"], START, START + 2 * MS_PER_HOUR);
    for (found, all) in answer.series.iter().zip(&all) {
        let all: Vec<_> = all.samples().collect();
        assert!(found.samples().all(|sample| all.contains(&sample)));
        assert!((all.len() / 2 - 1..=all.len() / 2 + 1).contains(&found.samples.len()));
    }
}

#[tokio::test]
async fn without_timestamps_grid_points_do_and_that_is_told() {
    let server = Server::start(|seen, _| answer(seen, false));
    let plan = plan(r#"{__name__="m"}"#, START, START + 2 * MS_PER_HOUR);
    let (answer, reader) = read(&server, &plan, Some(30_000)).await;
    assert_eq!(answer.gaps, []);
    let short = &answer.series[1];
    assert_eq!(short.label("UUID"), Some("b"));
    // Ten minutes, and what is filled behind them: 4 s into a step, and so 9 points more, not 10.
    assert_eq!(short.samples.len(), 20 + 9);
    assert!(short.samples.instants().iter().all(|at| at % 30_000 == 0));
    let effect = reader.effect();
    assert!(effect.contains("timestamp() is refused") && effect.contains("filled"), "{effect}");
    let asked = server.seen().iter().filter(|s| s.params["query"].contains("timestamp(")).count();
    assert_eq!(asked, 1, "what is refused once is not asked for again");
}

#[tokio::test]
async fn a_part_that_fails_is_a_gap() {
    let server = Server::start(|seen, _| {
        let is_first = seen.params["start"] == (START / 1_000).to_string();
        let is_samples = seen.params["query"].starts_with("timestamp(");
        if is_first && is_samples { Reply::new(500, "boom") } else { answer(seen, true) }
    });
    let plan = plan(r#"{__name__="m"}"#, START - MS_PER_HOUR / 2, START + MS_PER_HOUR);
    let (answer, _) = read(&server, &plan, Some(20_000)).await;
    let [gap] = &answer.gaps[..] else { panic!("{:?}", answer.gaps) };
    assert!(
        gap.start_ms == START && gap.end_ms == plan.window.end() && gap.reason.contains("boom")
    );
    assert!(answer.series == expected(&["m"], plan.window.start(), START));
}

#[test]
fn the_step_is_just_below_the_time_between_samples() {
    let steps: Vec<i64> =
        [0.0, 1.0, 60.0, 61.0, 63.0, 120.0, 121.0, 240.0, 241.0, 360.0, 720.0, 3_600.0, 1e9]
            .into_iter()
            .map(|samples| step_for(samples) / MS_PER_SECOND)
            .collect();
    assert_eq!(steps, [12, 60, 50, 50, 50, 25, 25, 12, 12, 8, 4, 1, 1]);
}

async fn collected(server: &Server, transport: SampleTransport) -> Collected {
    let options = ReadOptions { transport, ..quick_options() };
    let window = Window::new(START, START + MS_PER_DAY).unwrap();
    let gpus = ["nvidia.com/gpu".to_owned()];
    let progress = Counting::default();
    collect(server.transport(), &options, &gpus, 60_000, window, &progress).await.unwrap()
}

#[tokio::test]
async fn a_grid_is_the_last_way_and_named_as_such() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/query" if seen.params["query"] == "1" => Reply::matrix(""),
        _ => answer(seen, true),
    });
    let found = collected(&server, SampleTransport::Auto).await;
    let source = &found.sources[0];
    assert_eq!(source.state, SourceState::Gridded);
    for text in [
        "through query_range: remote read is not offered (",
        "; VictoriaMetrics' export is not offered (",
        "; range selectors are refused (the server refused (HTTP 422",
        "; gridded: each sample is at its own instant",
    ] {
        assert!(source.detail.contains(text), "{}", source.detail);
    }
    assert!(found.sources[1].detail.ends_with("; gridded every 25 s"), "{:?}", found.sources[1]);

    let before = server.seen().len();
    let found = collected(&server, SampleTransport::QueryRange).await;
    assert!(found.sources[0].detail.contains("through query_range; gridded: "));
    let seen = server.seen();
    assert!(!seen[before..].iter().any(|s| ["/api/v1/read", "/api/v1/export"].contains(&&*s.path)));
}

#[tokio::test]
async fn a_server_that_gives_range_selectors_is_not_read_on_a_grid() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/query" => Reply::matrix(""),
        _ => answer(seen, true),
    });
    let found = collected(&server, SampleTransport::Auto).await;
    assert_eq!(found.sources[0].state, SourceState::Ok);
    assert!(found.sources[0].detail.contains("through the query API: "));
}
