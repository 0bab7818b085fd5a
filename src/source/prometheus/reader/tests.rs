use std::collections::BTreeSet;
use std::time::Duration;

use super::super::testing::fake::{Fake, FakeSeries, millis};
use super::super::testing::{Counting, QUICK_BACKOFF, Reply, Seen, Server, quick_options};
use super::*;
use crate::model::ReadGap;
use crate::model::Window;
use crate::units::{MS_PER_DAY, MS_PER_MINUTE, Millis};

/// 2026-11-20T00:00:00Z
const START: Millis = 1_795_132_800_000;

fn plan(query: QueryId, from: Millis, to: Millis) -> ReadPlan {
    let window = Window::new(from, to).unwrap();
    ReadPlan { query, promql: r#"{__name__="m"}"#.into(), window }
}

async fn read_with(server: &Server, plan: &ReadPlan, options: ReadOptions) -> MetricData {
    let api = Api::new(server.transport(), options).with_backoff(QUICK_BACKOFF);
    let progress = Counting::default();
    let answer = RangeReader::over(Arc::new(api)).read(plan, &progress).await;
    let (expected, done) = (progress.expected.into_inner(), progress.done.into_inner());
    assert_eq!(expected, done, "every request that was announced must be reported");
    answer
}

async fn read(server: &Server, plan: &ReadPlan) -> MetricData {
    read_with(server, plan, quick_options()).await
}

fn instants(answer: &MetricData, uuid: &str) -> Vec<Millis> {
    let found = answer.series.iter().filter(|series| series.label("UUID") == Some(uuid));
    found.flat_map(|series| series.samples.instants()).collect()
}

fn serving(fake: Fake) -> Server {
    Server::start(move |seen, _| fake.answer(seen))
}

#[tokio::test]
async fn exactly_the_window_comes_back_from_either_kind_of_range() {
    let (from, to) = (START - 90_000, START + 2 * MS_PER_HOUR);
    for left_closed in [true, false] {
        let mut fake = Fake::regular(&["a", "b"], from - 60_000, to + 60_000, 30_000);
        fake.left_closed = left_closed;
        let server = serving(fake);
        // 2 series × 240 samples an hour fit into 480: parts of an hour.
        let options = ReadOptions { max_samples_per_request: 480, ..quick_options() };
        let answer = read_with(&server, &plan(QueryId::GpuUtil, from, to), options).await;
        let expected: Vec<Millis> = (from..to).step_by(30_000).collect();
        assert_eq!(instants(&answer, "a"), expected);
        assert_eq!(instants(&answer, "b"), expected);
        assert_eq!((answer.series.len(), answer.gaps), (2, vec![]));
        // The list of series, the rest of an hour before midnight, and two hours.
        assert_eq!(server.seen().len(), 4);
    }
}

#[tokio::test]
async fn a_part_that_is_too_large_is_halved_in_time_and_then_by_series() {
    let to = START + 20 * MS_PER_MINUTE;
    let mut fake = Fake::regular(&["a", "b", "c"], START, to, 30_000);
    // Five minutes of one series are 10 samples; of two, 20.
    fake.max_samples = 15;
    let server = serving(fake);
    let answer = read(&server, &plan(QueryId::GpuUtil, START, to)).await;
    for uuid in ["a", "b", "c"] {
        assert_eq!(instants(&answer, uuid), (START..to).step_by(30_000).collect::<Vec<_>>());
    }
    assert_eq!(answer.gaps, []);
}

#[tokio::test]
async fn what_cannot_be_had_at_all_is_a_gap_and_is_not_asked_for_ever() {
    let mut fake = Fake::regular(&["a", "b"], START, START + MS_PER_DAY, 30_000);
    fake.max_samples = 0;
    let server = serving(fake);
    let answer = read(&server, &plan(QueryId::GpuUtil, START, START + MS_PER_DAY)).await;
    assert_eq!(answer.series, []);
    assert!(answer.gaps[0].reason.contains("too many samples"), "{:?}", answer.gaps);
    assert_eq!(answer.gaps.first().map(|gap| gap.start_ms), Some(START));
    assert_eq!(answer.gaps.iter().map(|gap| gap.end_ms).max(), Some(START + MS_PER_DAY));
    assert!(server.seen().len() < 50, "{}", server.seen().len());
}

#[tokio::test]
async fn an_hour_that_fails_is_a_gap_of_an_hour() {
    let (bad_from, bad_to) = (START + MS_PER_HOUR, START + 2 * MS_PER_HOUR);
    let fake = Fake::regular(&["a"], START, START + 3 * MS_PER_HOUR, 60_000);
    let server = Server::start(move |seen, _| {
        let time = seen.params.get("time").map_or(0, |text| millis(text));
        if (bad_from..bad_to).contains(&time) { Reply::new(500, "") } else { fake.answer(seen) }
    });
    let options = ReadOptions { max_samples_per_request: 240, ..quick_options() };
    let plan = plan(QueryId::GpuUtil, START, START + 3 * MS_PER_HOUR);
    let answer = read_with(&server, &plan, options).await;
    assert_eq!(instants(&answer, "a").len(), 120);
    let reason = "HTTP 500 Internal Server Error".to_owned();
    assert_eq!(answer.gaps, [ReadGap { start_ms: bad_from, end_ms: bad_to, reason }]);
}

#[tokio::test]
async fn a_slow_server_is_asked_for_less_and_then_left() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/series" => Reply::json(r#"{"status":"success","data":[]}"#),
        _ => Reply::matrix("").after(Duration::from_secs(2)),
    });
    let options = ReadOptions { timeout: Duration::from_millis(20), ..ReadOptions::default() };
    let plan = plan(QueryId::GpuUtil, START, START + 6 * MS_PER_MINUTE);
    let answer = read_with(&server, &plan, options).await;
    assert_eq!(answer.series, []);
    assert_eq!((answer.gaps.len(), answer.gaps[0].reason.as_str()), (1, "no answer within 0.02 s"));
}

#[tokio::test]
async fn without_a_list_of_series_hours_are_read() {
    let fake = Fake::regular(&["a"], START, START + 2 * MS_PER_HOUR, 60_000);
    let server = Server::start(move |seen, _| match seen.path.as_str() {
        "/api/v1/series" => Reply::new(403, ""),
        _ => fake.answer(seen),
    });
    let answer = read(&server, &plan(QueryId::GpuUtil, START, START + 2 * MS_PER_HOUR)).await;
    assert_eq!((instants(&answer, "a").len(), server.seen().len()), (120, 3));
    assert_eq!(answer.gaps, []);
}

#[tokio::test]
async fn a_warning_in_a_success_keeps_the_samples_and_is_a_gap() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/api/v1/series" => Reply::json(r#"{"status":"success","data":[]}"#),
        _ => Reply::json(format!(
            r#"{{"status":"success","warnings":["store-3\nis away"],"infos":["so-so"],"data":{{"resultType":"matrix",
               "result":[{{"metric":{{"UUID":"a"}},"values":[[{},"1"]],"histograms":[[1,{{}}]]}}]}}}}"#,
            START / 1_000
        )),
    });
    let reader = RangeReader::new(server.transport(), quick_options());
    let plan = plan(QueryId::GpuUtil, START, START + 60_000);
    let answer = reader.read(&plan, &Counting::default()).await;
    assert_eq!(instants(&answer, "a"), [START]);
    assert_eq!(answer.gaps.len(), 1);
    assert!(
        answer.gaps[0].reason.ends_with("may be missing: store-3 is away"),
        "{:?}",
        answer.gaps
    );
    assert_eq!(
        reader.notes(QueryId::GpuUtil),
        ["native histograms are left out", "the server remarks: so-so"]
    );
    assert!(reader.notes(QueryId::SmActive).is_empty());
}

#[tokio::test]
async fn values_come_as_served() {
    let samples =
        vec![(START, "NaN"), (START + 1, "+Inf"), (START + 2, "-Inf"), (START + 3, "2e9")];
    let series = vec![FakeSeries { uuid: "a", samples }];
    let server = serving(Fake { series, left_closed: true, max_samples: 99 });
    let answer = read(&server, &plan(QueryId::GpuUtil, START, START + 60_000)).await;
    let values = &answer.series[0].samples.values();
    assert!(values[0].is_nan());
    assert_eq!(values[1..], [f64::INFINITY, f64::NEG_INFINITY, 2e9]);
}

#[tokio::test]
async fn an_empty_answer_is_neither_a_gap_nor_a_series() {
    let server = serving(Fake::regular(&[], 0, 0, 1));
    let answer = read(&server, &plan(QueryId::GpuUtil, START, START + MS_PER_DAY)).await;
    assert_eq!((answer.series.len(), answer.gaps.len()), (0, 0));
}

#[tokio::test]
async fn facts_are_read_once_a_day_at_its_last_instant() {
    let server = Server::start(|seen, _| {
        let at = &seen.params["time"];
        Reply::json(format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"UUID":"a"}},"value":[{at},"7"]}}]}}}}"#
        ))
    });
    let (from, to) = (START - MS_PER_HOUR, START + 2 * MS_PER_HOUR);
    let answer = read(&server, &plan(QueryId::PodInfo, from, to)).await;
    assert_eq!(instants(&answer, "a"), [START - 1, to - 1]);
    let queries: BTreeSet<String> =
        server.seen().into_iter().map(|seen| seen.params["query"].clone()).collect();
    let expected = ["3600000", "7200000"]
        .map(|range| format!(r#"last_over_time({{__name__="m"}}[{range}ms])"#));
    assert_eq!(queries, BTreeSet::from(expected));
}

#[tokio::test]
async fn constants_are_read_at_the_end_of_the_window() {
    let server = serving(Fake::regular(&["a"], START, START + MS_PER_HOUR, 60_000));
    let answer = read(&server, &plan(QueryId::FbFree, START, START + MS_PER_HOUR)).await;
    let expected: Vec<Millis> =
        (START + 45 * MS_PER_MINUTE..START + MS_PER_HOUR).step_by(60_000).collect();
    assert_eq!((instants(&answer, "a"), server.seen().len()), (expected, 1));
}

/// Answers a range query with a sample at each of its instants, and a count with `count`.
fn grid_answer(seen: &Seen, count: u64) -> Reply {
    let ms = |name: &str| millis(&seen.params[name]);
    let value = if seen.params["query"].starts_with("count(") { count } else { 1 };
    let step = usize::try_from(ms("step")).unwrap();
    let points: Vec<String> = (ms("start")..=ms("end"))
        .step_by(step)
        .map(|at| format!(r#"[{},"{value}"]"#, at / 1_000))
        .collect();
    assert!(points.len() <= 10_000);
    Reply::matrix(&format!(r#"{{"metric":{{"UUID":"a"}},"values":[{}]}}"#, points.join(",")))
}

#[tokio::test]
async fn a_grid_is_read_at_multiples_of_its_step_without_overlap() {
    let server = Server::start(|seen, _| grid_answer(seen, 1_000));
    let (from, to) = (START + 1, START + 2 * MS_PER_DAY + 30_001);
    // 1,000 series at a time and 720,000 samples at most: 720 points, half a day of minutes.
    let options = ReadOptions { max_samples_per_request: 720_000, ..quick_options() };
    let mut plan = plan(QueryId::NodeNotReady, from, to);
    plan.promql = "x == 0".into();
    let answer = read_with(&server, &plan, options).await;
    let expected: Vec<Millis> = (START + 60_000..to).step_by(60_000).collect();
    assert_eq!(instants(&answer, "a"), expected);
    let seen = server.seen();
    assert_eq!(seen[0].params["query"], "count(x == 0)");
    // The count, four half days, and half a minute in which the grid has one instant: midnight.
    assert_eq!(seen.len(), 6);
}

#[tokio::test]
async fn a_grid_too_fine_for_the_server_is_halved() {
    let server = Server::start(|seen, _| {
        let ms = |name: &str| millis(&seen.params[name]);
        match (ms("end") - ms("start")) / ms("step") {
            points if points > 100 => Reply::error(400, "bad_data", "exceeded maximum resolution"),
            _ => grid_answer(seen, 1),
        }
    });
    let plan = plan(QueryId::NodeNotReady, START, START + MS_PER_DAY);
    let answer = read(&server, &plan).await;
    assert_eq!((instants(&answer, "a").len(), answer.gaps.len()), (1_440, 0));
}
