//! What a collector tells of itself: `/healthz` and `/metrics` over plain HTTP.
//!
//! A server for probes and scrapes and nothing else: one request a connection, no body read, nothing written but
//! two texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::source::store::TargetName;
use crate::units::Millis;

/// Longest request that is read.
const MAX_REQUEST_BYTES: usize = 8 << 10;
/// Longest time for one exchange.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once.
const MAX_CONNECTIONS: usize = 16;

/// What is counted of one target.
#[derive(Debug, Clone, PartialEq, Default)]
struct TargetCounts {
    scrapes: u64,
    failures: u64,
    is_failing: bool,
    last_success_ms: Option<Millis>,
    took_ms: u64,
    bytes: u64,
    samples: u64,
    bad_lines: u64,
}

#[derive(Debug, Default)]
struct Counts {
    targets: BTreeMap<TargetName, TargetCounts>,
    log_bytes: u64,
    hours_compacted: u64,
    write_failure: Option<String>,
    write_failures: u64,
    last_success_ms: Option<Millis>,
}

/// How a scrape fared in the light of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first, and it succeeded.
    First,
    /// It failed, and the one before did not.
    Failed,
    /// It succeeded, and the one before did not.
    Recovered,
    /// As before.
    Same,
}

/// How a scrape fared, for the counters.
#[derive(Debug, Clone, Copy)]
pub struct Fared {
    /// Its instant.
    pub at_ms: Millis,
    /// Whether it succeeded.
    pub ok: bool,
    /// How long it took.
    pub took_ms: u64,
    /// Size of the text.
    pub bytes: u64,
    /// Samples that are kept of it.
    pub samples: u64,
    /// Lines that could not be used.
    pub bad_lines: u64,
}

/// Counters of a collector. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Health {
    counts: Arc<Mutex<Counts>>,
    started_ms: Millis,
    /// After so long without a success it is not healthy.
    patience_ms: i64,
}

impl Health {
    /// Counters at zero.
    #[must_use]
    pub fn new(started_ms: Millis, patience_ms: i64) -> Self {
        Self { counts: Arc::default(), started_ms, patience_ms }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a scrape.
    #[must_use]
    pub fn scraped(&self, target: &TargetName, fared: Fared) -> Turn {
        self.with(|counts| {
            if fared.ok {
                counts.last_success_ms = counts.last_success_ms.max(Some(fared.at_ms));
            }
            let of = counts.targets.entry(target.clone()).or_default();
            let was_failing = std::mem::replace(&mut of.is_failing, !fared.ok);
            let turn = match (was_failing, fared.ok) {
                (true, true) => Turn::Recovered,
                (false, false) => Turn::Failed,
                (false, true) if of.scrapes == 0 => Turn::First,
                _ => Turn::Same,
            };
            of.scrapes += 1;
            of.failures += u64::from(!fared.ok);
            if fared.ok {
                of.last_success_ms = Some(fared.at_ms);
            }
            of.took_ms += fared.took_ms;
            of.bytes += fared.bytes;
            of.samples += fared.samples;
            of.bad_lines += fared.bad_lines;
            turn
        })
    }

    /// A target that is not scraped any more.
    pub fn gone(&self, target: &TargetName) {
        self.with(|counts| counts.targets.remove(target));
    }

    /// Counts what was written, or that it could not be.
    pub fn wrote(&self, result: Result<u64, String>) {
        self.with(|counts| match result {
            Ok(bytes) => {
                counts.log_bytes += bytes;
                counts.write_failure = None;
            }
            Err(reason) => {
                counts.write_failures += 1;
                counts.write_failure = Some(reason);
            }
        });
    }

    /// Counts hours that were compacted.
    pub fn compacted(&self, hours: usize) {
        self.with(|counts| counts.hours_compacted += hours as u64);
    }

    /// Whether all is well at `now_ms`; else what is not.
    ///
    /// # Errors
    /// No scrape succeeded for too long, or the store cannot be written.
    pub fn check(&self, now_ms: Millis) -> Result<(), String> {
        self.with(|counts| {
            if let Some(reason) = &counts.write_failure {
                return Err(format!("the store cannot be written: {reason}"));
            }
            let since = counts.last_success_ms.unwrap_or(self.started_ms);
            if now_ms - since > self.patience_ms {
                return Err(format!("no scrape succeeded for {} s", (now_ms - since) / 1_000));
            }
            Ok(())
        })
    }

    /// The counters in the Prometheus text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.with(|counts| {
            let mut out = String::new();
            for (name, kind, help, value) in PER_TARGET {
                head(&mut out, name, kind, help);
                for (target, of) in &counts.targets {
                    if let Some(value) = value(of) {
                        let (job, instance) = (escaped(&target.job), escaped(&target.instance));
                        put(
                            &mut out,
                            &format!("{name}{{job=\"{job}\",instance=\"{instance}\"}}"),
                            &value,
                        );
                    }
                }
            }
            for (name, help, value) in [
                (
                    "gpu_finops_store_log_bytes_total",
                    "Bytes appended to the log.",
                    counts.log_bytes,
                ),
                (
                    "gpu_finops_store_hours_compacted_total",
                    "Hours that were compacted.",
                    counts.hours_compacted,
                ),
                (
                    "gpu_finops_store_write_failures_total",
                    "Writes that failed.",
                    counts.write_failures,
                ),
            ] {
                head(&mut out, name, "counter", help);
                put(&mut out, name, &value.to_string());
            }
            out
        })
    }

    /// Serves `/healthz` and `/metrics` until it is dropped.
    pub async fn serve(self, listener: TcpListener, clock: fn() -> Millis) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors, most likely: the next moment may be better.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let health = self.clone();
            tokio::spawn(async move {
                // A client that goes away is its own affair.
                drop(tokio::time::timeout(PATIENCE, health.answer(stream, clock)).await);
                drop(permit);
            });
        }
    }

    async fn answer(&self, stream: TcpStream, clock: fn() -> Millis) -> io::Result<()> {
        let request = read_head(&stream).await?;
        let mut words = request.split([' ', '\r', '\n']);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, body) = match (method, path.split('?').next().unwrap_or_default()) {
            ("GET" | "HEAD", "/healthz") => match self.check(clock()) {
                Ok(()) => ("200 OK", "ok\n".to_owned()),
                Err(reason) => ("503 Service Unavailable", format!("{reason}\n")),
            },
            ("GET" | "HEAD", "/metrics") => ("200 OK", self.metrics()),
            ("GET" | "HEAD", _) => {
                ("404 Not Found", "there are /healthz and /metrics\n".to_owned())
            }
            _ => ("405 Method Not Allowed", "only GET\n".to_owned()),
        };
        let mut answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        if method != "HEAD" {
            answer.push_str(&body);
        }
        write_all(&stream, answer.as_bytes()).await
    }
}

type Value = fn(&TargetCounts) -> Option<String>;

/// Name, type, help and value of what is counted for each target.
const PER_TARGET: &[(&str, &str, &str, Value)] = &[
    ("gpu_finops_scrapes_total", "counter", "Scrapes, failed ones included.", |t| {
        Some(t.scrapes.to_string())
    }),
    ("gpu_finops_scrape_failures_total", "counter", "Scrapes that failed.", |t| {
        Some(t.failures.to_string())
    }),
    (
        "gpu_finops_scrape_last_success_timestamp_seconds",
        "gauge",
        "When a scrape succeeded last.",
        |t| t.last_success_ms.map(|ms| format!("{}.{:03}", ms / 1_000, ms % 1_000)),
    ),
    ("gpu_finops_scrape_duration_milliseconds_total", "counter", "Time spent scraping.", |t| {
        Some(t.took_ms.to_string())
    }),
    ("gpu_finops_scraped_bytes_total", "counter", "Size of the texts that were scraped.", |t| {
        Some(t.bytes.to_string())
    }),
    (
        "gpu_finops_scraped_samples_total",
        "counter",
        "Samples that were kept, staleness markers included.",
        |t| Some(t.samples.to_string()),
    ),
    ("gpu_finops_scraped_bad_lines_total", "counter", "Lines that could not be used.", |t| {
        Some(t.bad_lines.to_string())
    }),
];

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes all");
}

fn put(out: &mut String, series: &str, value: &str) {
    writeln!(out, "{series} {value}").expect("a String takes all");
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// What comes up to the empty line.
async fn read_head(stream: &TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while head.len() < MAX_REQUEST_BYTES && !head.windows(4).any(|part| part == b"\r\n\r\n") {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => head.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
