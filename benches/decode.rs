//! How fast samples come out of what servers send: XOR chunks of remote read, as they are kept, into sums, runs and
//! single samples; the query API's JSON and VictoriaMetrics' export, by our scanners and by serde_json.
//!
//! `cargo bench --bench decode`. One thread. The chunks are made here, from a fixed rule: a gauge of whole
//! percents that stands still two thirds of the time, scraped every 30 s with a millisecond of jitter now
//! and then, 120 samples in a chunk. Criterion prints elements (samples) per second.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gpu_finops::model::samples::{self, Builder, Run, Samples};
use gpu_finops::source::prometheus::scan;
use serde::Deserialize;

const START_MS: i64 = 1_795_132_800_000;
const STEP_MS: i64 = 30_000;
const PER_CHUNK: i64 = 120;
const CHUNKS: i64 = 20_000;
const JSON_SERIES: i64 = 200;
const JSON_SAMPLES: i64 = 2_880;

/// Pseudo-random, the same on every machine.
fn mixed(number: i64) -> u64 {
    let mut mixed = number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 32;
    mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 40
}

/// A GPU that is idle for hours, then busy for hours with a percent that moves.
fn percent(sample: i64) -> f64 {
    let is_idle = mixed(sample / 360) % 3 < 2;
    if is_idle { 0.0 } else { f64::from(u8::try_from(mixed(sample) % 101).unwrap_or(0)) }
}

/// Six decimals, as the profiling fields have.
#[expect(clippy::cast_precision_loss, reason = "a million is exact")]
fn ratio(sample: i64) -> f64 {
    let is_idle = mixed(sample / 360) % 3 < 2;
    if is_idle { 0.0 } else { (mixed(sample) % 1_000_000) as f64 / 1e6 }
}

fn chunks(value: fn(i64) -> f64) -> Vec<Vec<u8>> {
    let sample = |i: i64| {
        let jitter = i64::from(mixed(i).is_multiple_of(50));
        (START_MS + i * STEP_MS + jitter, value(i))
    };
    let chunk = |c: i64| {
        let samples: Vec<_> = (c * PER_CHUNK..(c + 1) * PER_CHUNK).map(sample).collect();
        samples::chunk(&samples)
    };
    (0..CHUNKS).map(chunk).collect()
}

/// What a report needs of a gauge: number, sum, extremes, idle samples and the longest idle run.
#[derive(Default)]
struct Statistics {
    count: u64,
    sum: f64,
    max: f64,
    idle: u64,
    run: i64,
    longest: i64,
    last: i64,
}

impl Statistics {
    #[inline]
    fn add(&mut self, run: Run) {
        let steps = if run.count > 1 { run.step_ms * i64::from(run.count - 1) } else { 0 };
        let is_idle = run.value < 1.0;
        self.count += u64::from(run.count);
        self.sum += run.value * f64::from(run.count);
        self.max = self.max.max(run.value);
        self.idle += u64::from(is_idle) * u64::from(run.count);
        self.run = if is_idle { self.run + run.first + steps - self.last } else { 0 };
        self.longest = self.longest.max(self.run);
        self.last = run.first + steps;
    }
}

/// Series-days of chunks, as a reader keeps them.
fn kept(chunks: &[Vec<u8>]) -> Vec<Samples> {
    let mut builder = Builder::default();
    let day = |day: &[Vec<u8>]| {
        for chunk in day {
            builder.push_chunk(black_box(chunk), i64::MIN, i64::MAX).expect("a whole chunk");
        }
        builder.finish()
    };
    chunks.chunks(24).map(day).collect()
}

fn decode(c: &mut Criterion) {
    let samples = (CHUNKS * PER_CHUNK).unsigned_abs();
    let still = |_| 40_536.0;
    for (name, value) in
        [("percent", percent as fn(i64) -> f64), ("ratio", ratio), ("still", still)]
    {
        let chunks = chunks(value);
        let days = kept(&chunks);
        let mut group = c.benchmark_group(format!("xor/{name}"));
        group.throughput(Throughput::Elements(samples));
        group.bench_function("statistics", |b| {
            b.iter(|| {
                let mut statistics = Statistics::default();
                let runs = black_box(&days).iter().flat_map(Samples::runs);
                runs.for_each(|run| statistics.add(run));
                assert_eq!(statistics.count, samples);
                black_box(statistics.sum + statistics.max);
                black_box((statistics.idle, statistics.longest));
            });
        });
        group.bench_function("runs", |b| {
            b.iter(|| black_box(&days).iter().flat_map(Samples::runs).count());
        });
        group.bench_function("samples", |b| {
            b.iter(|| {
                let all = black_box(&days).iter().flat_map(Samples::iter);
                all.fold(0.0, |sum, (_, value)| sum + value)
            });
        });
        group.bench_function("check and keep", |b| b.iter(|| kept(&chunks)));
        group.bench_function("encode", |b| {
            b.iter(|| {
                let again = |day: &Samples| day.iter().collect::<Samples>().len();
                black_box(&days).iter().map(again).sum::<usize>()
            });
        });
        group.finish();
    }
}

/// The answer of the query API, as Prometheus writes it.
fn answer() -> String {
    let mut body = r#"{"status":"success","data":{"resultType":"matrix","result":["#.to_owned();
    for series in 0..JSON_SERIES {
        let comma = if series == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"metric":{{"UUID":"GPU-{series:06}"}},"values":["#).expect("fits");
        for i in 0..JSON_SAMPLES {
            let at = START_MS + i * STEP_MS + 57;
            let comma = if i == 0 { "" } else { "," };
            let value = percent(series * JSON_SAMPLES + i);
            write!(body, r#"{comma}[{}.{:03},"{value}"]"#, at / 1_000, at % 1_000).expect("fits");
        }
        body.push_str("]}");
    }
    body.push_str("]}}");
    body
}

#[derive(Deserialize)]
struct Envelope {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    values: Vec<(f64, String)>,
}

fn json(c: &mut Criterion) {
    let body = answer();
    let samples = (JSON_SERIES * JSON_SAMPLES).unsigned_abs();
    let mut group = c.benchmark_group("json");
    group.throughput(Throughput::Elements(samples)).sample_size(20);
    group.bench_function("scanner", |b| {
        b.iter(|| scan::matrix(black_box(body.as_bytes())).expect("the usual form"));
    });
    group.bench_function("serde_json, typed", |b| {
        b.iter(|| {
            let answer: Envelope =
                serde_json::from_slice(black_box(body.as_bytes())).expect("JSON");
            let values = answer.data.result.iter().flat_map(|row| &row.values);
            values.map(|(_, value)| value.parse::<f64>().expect("a number")).sum::<f64>()
        });
    });
    group.finish();
}

/// VictoriaMetrics' export of the same samples, a line for each series.
fn export() -> String {
    let mut text = String::new();
    for series in 0..JSON_SERIES {
        let list = |one: &dyn Fn(i64) -> String| -> String {
            (0..JSON_SAMPLES).map(one).collect::<Vec<_>>().join(",")
        };
        let values = list(&|i| percent(series * JSON_SAMPLES + i).to_string());
        let instants = list(&|i| (START_MS + i * STEP_MS + 57).to_string());
        let name = format!(r#"{{"UUID":"GPU-{series:06}"}}"#);
        writeln!(text, r#"{{"metric":{name},"values":[{values}],"timestamps":[{instants}]}}"#)
            .expect("fits");
    }
    text
}

#[derive(Deserialize)]
struct Line {
    values: Vec<Option<f64>>,
    timestamps: Vec<i64>,
}

fn lines(c: &mut Criterion) {
    let text = export();
    let samples = (JSON_SERIES * JSON_SAMPLES).unsigned_abs();
    let mut group = c.benchmark_group("export");
    group.throughput(Throughput::Elements(samples)).sample_size(20);
    group.bench_function("scanner", |b| {
        b.iter(|| {
            for line in black_box(text.as_bytes()).split(|byte| *byte == b'\n') {
                black_box(scan::line(line));
            }
        });
    });
    group.bench_function("serde_json, typed", |b| {
        b.iter(|| {
            for line in black_box(text.as_str()).lines() {
                let line: Line = serde_json::from_str(line).expect("JSON");
                black_box((line.values.len(), line.timestamps.len()));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decode, json, lines);
criterion_main!(benches);
