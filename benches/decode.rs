//! How fast samples become figures, each step by itself: XOR chunks of remote read, as they are kept, into
//! statistics, columns and single samples; the query API's JSON and VictoriaMetrics' export, by our scanners and by
//! serde_json; series into what they say of each device (fold); and that into who held what (attribution).
//!
//! `cargo bench --bench decode`. One thread. The samples are made here, from a fixed rule: a gauge of whole
//! percents that stands still two thirds of the time, scraped every 30 s with a millisecond of jitter now
//! and then, 120 samples in a chunk. Criterion prints elements (samples) per second; `docs/performance.md`
//! says what they are to be.

use std::fmt::Write;
use std::hint::black_box;

use cluster::cluster;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gpu_finops::attribution::attribute;
use gpu_finops::model::samples::{self, Builder, Run, Samples};
use gpu_finops::model::{Inputs, Policy};
use gpu_finops::observe::devices::observe;
use gpu_finops::source::prometheus::scan;
use serde::Deserialize;

mod cluster;

const START_MS: i64 = 1_795_132_800_000;
const STEP_MS: i64 = 30_000;
const PER_CHUNK: i64 = 120;
const CHUNKS: i64 = 20_000;
/// A gauge that never moves, as of memory that one program holds.
const STILL: f64 = 40_536.0;
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

/// Longest time between two samples that is observed: two and a half steps.
const MAX_GAP_MS: i64 = STEP_MS * 5 / 2;

/// Everything that is to be known of a gauge: number, sum, extremes, a histogram that percentiles are read
/// from, observed and idle time, and the longest idle stretch. `BINS` of them make up its `top`.
struct Statistics<const BINS: usize> {
    bins_per_unit: f64,
    idle_below: f64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    bins: [u32; BINS],
    observed_ms: i64,
    idle_ms: i64,
    stretch_ms: i64,
    longest_ms: i64,
    last_ms: i64,
}

impl<const BINS: usize> Statistics<BINS> {
    #[expect(clippy::cast_precision_loss, reason = "a thousand is exact")]
    fn up_to(top: f64) -> Self {
        Self {
            bins_per_unit: (BINS - 1) as f64 / top,
            idle_below: 0.05 * top,
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            bins: [0; BINS],
            observed_ms: 0,
            idle_ms: 0,
            stretch_ms: 0,
            longest_ms: 0,
            last_ms: i64::MIN / 2,
        }
    }

    /// The samples of a run; each holds from the one before it on.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a bin is a small whole number"
    )]
    fn add(&mut self, run: Run) {
        let Run { first, step_ms, count, value } = run;
        let later = step_ms * i64::from(count - 1);
        let apart = first - self.last_ms;
        let held_ms = if apart <= MAX_GAP_MS { apart } else { 0 }
            + if step_ms <= MAX_GAP_MS { later } else { 0 };
        self.count += u64::from(count);
        self.sum += value * f64::from(count);
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
        let bin = (value * self.bins_per_unit) as u32 as usize;
        self.bins[bin.min(BINS - 1)] += count;
        self.observed_ms += held_ms;
        if value < self.idle_below {
            self.idle_ms += held_ms;
            self.stretch_ms += held_ms;
            self.longest_ms = self.longest_ms.max(self.stretch_ms);
        } else {
            self.stretch_ms = 0;
        }
        self.last_ms = first + later;
    }
}

#[derive(Default)]
struct Columns {
    timestamps_ms: Vec<i64>,
    values: Vec<f64>,
}

impl Columns {
    #[inline]
    fn add(&mut self, run: Run) {
        let instants = (0..i64::from(run.count)).map(|i| run.first + i * run.step_ms);
        self.timestamps_ms.extend(instants);
        self.values.resize(self.values.len() + run.count as usize, run.value);
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
    let of = |value| {
        let chunks = chunks(value);
        (kept(&chunks), chunks)
    };
    let (percents, ratios, still) = (of(percent), of(ratio), of(|_| STILL));
    let mut group = c.benchmark_group("xor");
    group.throughput(Throughput::Elements(samples));
    group.bench_function("decode + all statistics, percents", |b| {
        b.iter(|| assert_eq!(statistics(&percents.0, Statistics::<101>::up_to(100.0)), samples));
    });
    group.bench_function("decode + all statistics, ratios", |b| {
        b.iter(|| assert_eq!(statistics(&ratios.0, Statistics::<1_001>::up_to(1.0)), samples));
    });
    group.bench_function("decode + all statistics, still", |b| {
        b.iter(|| assert_eq!(statistics(&still.0, Statistics::<101>::up_to(2.0 * STILL)), samples));
    });
    for (name, (days, chunks)) in [("percents", &percents), ("ratios", &ratios), ("still", &still)]
    {
        group.bench_function(format!("decode to columns, {name}"), |b| {
            // A series-day, then emptied.
            let mut columns = Columns::default();
            b.iter(|| {
                for day in black_box(days) {
                    columns.timestamps_ms.clear();
                    columns.values.clear();
                    day.each_run(|run| columns.add(run));
                    black_box((&columns.timestamps_ms, &columns.values));
                }
            });
        });
        group.bench_function(format!("decode to samples, {name}"), |b| {
            b.iter(|| {
                let mut sum = 0.0;
                for day in black_box(days) {
                    day.iter().for_each(|(_, value)| sum += value);
                }
                sum
            });
        });
        group.bench_function(format!("check and keep, {name}"), |b| b.iter(|| kept(chunks)));
        group.bench_function(format!("encode, {name}"), |b| {
            b.iter(|| {
                let again = |day: &Samples| day.iter().collect::<Samples>().len();
                black_box(days).iter().map(again).sum::<usize>()
            });
        });
    }
    group.finish();
}

/// Decodes all days as one series, and gives the number of samples.
fn statistics<const BINS: usize>(days: &[Samples], mut into: Statistics<BINS>) -> u64 {
    black_box(days).iter().for_each(|day| day.each_run(|run| into.add(run)));
    black_box((into.sum, into.min, into.max, into.bins));
    black_box((into.observed_ms, into.idle_ms, into.longest_ms));
    into.count
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

/// What a scanner finds, when nothing is kept of it.
#[derive(Default)]
struct Sum {
    instants: i64,
    values: f64,
}

impl scan::Take for Sum {
    #[inline]
    fn take(&mut self, at: i64, value: f64) {
        self.instants ^= at;
        self.values += value;
    }
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
        b.iter(|| {
            let mut sum = Sum::default();
            scan::each_series(black_box(body.as_bytes()), &mut sum, |_, _| ()).expect("usual");
            sum
        });
    });
    group.bench_function("scanner and packing", |b| {
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
            let mut sum = Sum::default();
            for line in black_box(text.as_str()).lines() {
                scan::line_into(line.as_bytes(), &mut sum).expect("the usual form");
            }
            sum
        });
    });
    group.bench_function("scanner and packing", |b| {
        b.iter(|| {
            for line in black_box(text.as_str()).lines() {
                black_box(scan::line(line.as_bytes()));
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

/// Samples of devices.
fn device_samples(inputs: &Inputs) -> u64 {
    let policy = Policy::default();
    observe(inputs, policy.max_gap_ms, policy.default_step_ms).samples_seen
}

/// From series in memory on: a thousand devices for six hours.
fn fold(c: &mut Criterion) {
    let (inputs, _) = cluster(1_000, 6);
    let policy = Policy::default();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let mut group = c.benchmark_group("devices");
    group.throughput(Throughput::Elements(device_samples(&inputs))).sample_size(20);
    group.bench_function("fold", |b| {
        b.iter(|| {
            one.install(|| {
                observe(black_box(&inputs), policy.max_gap_ms, policy.default_step_ms).devices.len()
            })
        });
    });
    group.bench_function("fold and attribution", |b| {
        b.iter(|| {
            one.install(|| {
                attribute(black_box(&inputs), &policy, |time| time.segments.len()).1.len()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, decode, json, lines, fold);
criterion_main!(benches);
