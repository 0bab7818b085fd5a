//! The fleet into a real server, by remote write: hour by hour, for a server takes samples in order of time.

use std::io::Result;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fleet::{Metric, Patterns, START_MS, Series, Size};
use crate::http::exchange;
use crate::wire::{bytes, double, labels, number};

/// Most bytes of one request, before they are compressed.
const REQUEST_BYTES: usize = 4 << 20;
/// Requests on their way at once.
const AT_ONCE: usize = 2;

/// Writes everything to the server, and says how many samples that were.
pub(crate) fn write(size: Size, url: &str) -> Result<u64> {
    let patterns = Patterns::new(size.step_ms);
    let samples = AtomicU64::new(0);
    let mut from = START_MS;
    while from < size.end_ms() {
        let to = from + size.chunk_ms();
        // A series is of one metric, and its chunks of an hour go in one request.
        let metrics = Mutex::new(Metric::ALL.to_vec());
        let work = || -> Result<()> {
            while let Some(metric) = next(&metrics) {
                samples
                    .fetch_add(part(size, metric, (from, to), &patterns, url)?, Ordering::Relaxed);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("no panic"))
        })?;
        from = to;
    }
    Ok(samples.into_inner())
}

fn next(metrics: &Mutex<Vec<Metric>>) -> Option<Metric> {
    metrics.lock().expect("no panic").pop()
}

/// The chunks of a metric that begin in `[from, to)`.
fn part(
    size: Size,
    metric: Metric,
    (from, to): (i64, i64),
    patterns: &Patterns,
    url: &str,
) -> Result<u64> {
    let (mut request, mut message) = (Vec::new(), Vec::new());
    let (mut samples, mut sent) = (0, Ok(()));
    size.series(metric, (from, to - 1), patterns, |mut series| {
        series.chunks.retain(|(at, _)| (from..to).contains(at));
        samples += one(&series, &mut message);
        bytes(1, &message, &mut request);
        if request.len() > REQUEST_BYTES && sent.is_ok() {
            sent = post(&request, url);
            request.clear();
        }
    });
    sent?;
    if !request.is_empty() {
        post(&request, url)?;
    }
    Ok(samples)
}

/// One series of a request, and how many samples it has.
fn one(series: &Series<'_>, out: &mut Vec<u8>) -> u64 {
    out.clear();
    labels(&series.labels, out);
    let (mut sample, mut count) = (Vec::new(), 0);
    for (first_ms, body) in &series.chunks {
        for (at, value) in &body.samples {
            sample.clear();
            double(1, *value, &mut sample);
            number(2, (first_ms + at).unsigned_abs(), &mut sample);
            bytes(2, &sample, out);
            count += 1;
        }
    }
    count
}

fn post(request: &[u8], url: &str) -> Result<()> {
    let body = snap::raw::Encoder::new().compress_vec(request).map_err(std::io::Error::other)?;
    let headers = [
        ("Content-Type", "application/x-protobuf"),
        ("Content-Encoding", "snappy"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ];
    exchange(url, "POST", "/api/v1/write", &headers, &body)?.taken().map(drop)
}
