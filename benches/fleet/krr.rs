//! Row (f): the queries with which KRR (Kubernetes Resource Recommender) looks at a workload, asked of GPU metrics.
//!
//! For each workload four sub-queries one after another, over the whole window at steps of 75 s; ten workloads
//! at once. Asked without KRR itself, so without its Python, and without its queries that look for pods.

use std::fmt::Write;
use std::sync::Mutex;

use crate::fleet::{DAY_MS, Life, Metric, Size};
use crate::http::exchange;

/// Workloads at once: `--max-workers` of KRR's command line.
const WORKERS: usize = 10;

/// Looks at `sample` workloads spread over the fleet, and gives the bytes that came.
pub(crate) fn ask(url: &str, size: Size, sample: usize) -> std::io::Result<u64> {
    let all: Vec<Life> = size.pods().collect();
    let apart = all.len().div_ceil(sample.max(1)).max(1);
    let rest = Mutex::new(all.into_iter().step_by(apart));
    let work = || -> std::io::Result<u64> {
        let mut bytes = 0;
        loop {
            let Some(life) = rest.lock().expect("no panic").next() else { return Ok(bytes) };
            for query in queries(life, size.days * DAY_MS / 1_000) {
                bytes += one(url, &query, size.end_ms() / 1_000)?;
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
    })
}

/// How many workloads [`ask`] looks at.
pub(crate) fn asked(workloads: usize, sample: usize) -> usize {
    workloads.div_ceil(workloads.div_ceil(sample.max(1)).max(1))
}

fn queries(life: Life, seconds: i64) -> [String; 4] {
    let of = |metric: Metric| {
        let (name, namespace, pod) = (metric.name(), life.namespace(), life.pod());
        let series = format!(r#"{name}{{namespace="{namespace}",pod=~"{pod}",container="main"}}"#);
        format!("max({series}) by (container, pod, job)[{seconds}s:75s]")
    };
    let (busy, memory) = (of(Metric::Utilization), of(Metric::Memory));
    [
        format!("quantile_over_time(0.95, {busy})"),
        format!("max_over_time({memory})"),
        format!("count_over_time({busy})"),
        format!("count_over_time({memory})"),
    ]
}

fn one(url: &str, query: &str, at_s: i64) -> std::io::Result<u64> {
    let mut form = String::from("time=");
    form.push_str(&at_s.to_string());
    form.push_str("&query=");
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() {
            form.push(char::from(byte));
        } else {
            write!(form, "%{byte:02X}").expect("a string takes all");
        }
    }
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let reply = exchange(url, "POST", "/api/v1/query", &headers, form.as_bytes())?.taken()?;
    if !reply.body.windows(7).any(|seven| seven == b"\"value\"") {
        return Err(std::io::Error::other(format!("no answer to {query}")));
    }
    Ok(reply.bytes)
}
