//! How fast samples come out of what servers send: XOR chunks of remote read into sums and into columns,
//! which is what remote read spends its time with.
//!
//! `cargo bench --bench decode`. One thread. The chunks are made here, from a fixed rule: a gauge of whole
//! percents that stands still two thirds of the time, scraped every 30 s with a millisecond of jitter now
//! and then, 120 samples in a chunk. Criterion prints elements (samples) per second.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gpu_finops::source::prometheus::remote_read::xor::{self, Samples};

#[path = "../src/source/prometheus/remote_read/testing/encode.rs"]
mod encode;

const START_MS: i64 = 1_795_132_800_000;
const STEP_MS: i64 = 30_000;
const PER_CHUNK: i64 = 120;
const CHUNKS: i64 = 20_000;

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

criterion_group!(benches, decode);
criterion_main!(benches);
