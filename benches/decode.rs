//! How fast samples come out of what servers send: XOR chunks of remote read into sums and into columns, and
//! the query API's JSON and VictoriaMetrics' export into columns, by our scanners and by serde_json.
//!
//! `cargo bench --bench decode`. One thread. The chunks are made here, from a fixed rule: a gauge of whole
//! percents that stands still two thirds of the time, scraped every 30 s with a millisecond of jitter now
//! and then, 120 samples in a chunk. Criterion prints elements (samples) per second.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gpu_finops::source::prometheus::remote_read::xor::{self, Samples};
use gpu_finops::source::prometheus::scan;
use serde::Deserialize;

#[path = "../src/source/prometheus/remote_read/testing/encode.rs"]
mod encode;

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
        encode::chunk(&samples, true)
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

impl Samples for Statistics {
    #[inline]
    fn one(&mut self, at: i64, value: f64) {
        self.count += 1;
        self.sum += value;
        self.max = self.max.max(value);
        let is_idle = value < 1.0;
        self.idle += u64::from(is_idle);
        self.run = if is_idle { self.run + (at - self.last) } else { 0 };
        self.longest = self.longest.max(self.run);
        self.last = at;
    }

    #[inline]
    fn run(&mut self, after: i64, step: i64, count: u32, value: f64) {
        self.count += u64::from(count);
        self.sum += value * f64::from(count);
        self.max = self.max.max(value);
        let is_idle = value < 1.0;
        self.idle += u64::from(is_idle) * u64::from(count);
        self.last = after + step * i64::from(count);
        self.run = if is_idle { self.run + step * i64::from(count) } else { 0 };
        self.longest = self.longest.max(self.run);
    }
}

#[derive(Default)]
struct Columns {
    timestamps_ms: Vec<i64>,
    values: Vec<f64>,
}

impl Samples for Columns {
    #[inline]
    fn one(&mut self, at: i64, value: f64) {
        self.timestamps_ms.push(at);
        self.values.push(value);
    }

    #[inline]
    fn run(&mut self, after: i64, step: i64, count: u32, value: f64) {
        self.timestamps_ms.extend((1..=i64::from(count)).map(|i| after + i * step));
        self.values.resize(self.values.len() + count as usize, value);
    }
}

fn decode(c: &mut Criterion) {
    let samples = (CHUNKS * PER_CHUNK).unsigned_abs();
    for (name, value) in [("percent", percent as fn(i64) -> f64), ("ratio", ratio)] {
        let chunks = chunks(value);
        let mut group = c.benchmark_group(format!("xor/{name}"));
        group.throughput(Throughput::Elements(samples));
        group.bench_function("statistics", |b| {
            b.iter(|| {
                let mut statistics = Statistics::default();
                for chunk in &chunks {
                    xor::decode(black_box(chunk), &mut statistics).expect("a whole chunk");
                }
                assert_eq!(statistics.count, samples);
                black_box(statistics.sum + statistics.max);
                black_box((statistics.idle, statistics.longest));
            });
        });
        group.bench_function("columns", |b| {
            // A series-day, then emptied: what reading does.
            let mut columns = Columns::default();
            b.iter(|| {
                for day in chunks.chunks(24) {
                    columns.timestamps_ms.clear();
                    columns.values.clear();
                    for chunk in day {
                        xor::decode(black_box(chunk), &mut columns).expect("a whole chunk");
                    }
                    black_box((&columns.timestamps_ms, &columns.values));
                }
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
