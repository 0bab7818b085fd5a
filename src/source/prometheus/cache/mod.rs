//! Answers about closed time on disk, so that they are asked for once.
//!
//! What a metric server has said about a UTC day that is over does not change any more, and is a report's largest
//! part. Kept are whole answers only, each in a file of its own, named by the SHA-256 of what was asked: server,
//! tenant, query, selector, time. Nothing that authenticates is in a file or its name. What stands in a file is
//! `file`'s, and what is asked is `remote_read`'s, the one way whose parts are kept.

mod file;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chunks;
use super::options::CacheOptions;
use crate::model::query::QueryKind;
use crate::model::{Series, SourceState, SourceStatus, Window};
use crate::source::ReadPlan;
use crate::units::{MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, Millis};

/// How long after its end a time is closed. Prometheus takes no sample that is older than its newest one by more
/// than half of the two hours of its head block, unless it is told to (`out_of_order_time_window`).
const SETTLED_AFTER_MS: i64 = MS_PER_HOUR;
/// Names of damaged files that are told; more are counted.
const MAX_TOLD: usize = 3;

/// A time, `[start, end)`.
pub(super) type Span = (Millis, Millis);

/// The files of one server.
#[derive(Debug)]
pub(super) struct Cache {
    dir: PathBuf,
    /// The server and the tenant, as they are part of every name.
    server: String,
    offline: bool,
    closed_before: Millis,
    tally: Arc<Mutex<Tally>>,
}

/// What a run found.
#[derive(Debug, Default)]
struct Tally {
    wanted: u64,
    found: u64,
    kept: u64,
    damaged: Vec<String>,
    unwritten: Option<String>,
}

/// What has to be known of a server that is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The server, for people.
    pub(super) server: String,
    /// How labels were brought into the form in which they are kept.
    pub(super) labels: String,
}

impl Cache {
    /// Of the server `target`.
    pub(super) fn new(options: &CacheOptions, target: &str) -> Self {
        let tenant = options.tenant.as_deref().unwrap_or_default();
        Self {
            dir: options.dir.clone(),
            server: format!("server {target}\ntenant {tenant}\n"),
            offline: options.offline,
            closed_before: options.now_ms - SETTLED_AFTER_MS,
            tally: Arc::default(),
        }
    }

    /// Whether the server is not to be asked.
    pub(super) const fn is_offline(&self) -> bool {
        self.offline
    }

    /// Where the files are.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The spans in which the answer about `span` may be kept, the one that is to be asked for first: samples and
    /// conditions by whole days of which any part can be cut, others for just their time. None while it is open,
    /// and none of a window that ends at an odd instant, which nobody asks about again.
    pub(super) fn spans(&self, kind: QueryKind, span: Span) -> Vec<Span> {
        let day = span.0.div_euclid(MS_PER_DAY) * MS_PER_DAY;
        let whole = (day, day + MS_PER_DAY);
        let is_cut = matches!(kind, QueryKind::Raw | QueryKind::Grid { .. }) && span.1 <= whole.1;
        let is_even = [span.0, span.1].iter().all(|at| at.rem_euclid(MS_PER_MINUTE) == 0);
        let mut spans = Vec::new();
        spans.extend(Some(whole).filter(|_| is_cut));
        spans.extend(Some(span).filter(|span| is_even && !spans.contains(span)));
        spans.retain(|(_, end)| *end <= self.closed_before);
        spans
    }

    /// What names the answer to `plan` in `span`.
    pub(super) fn key(&self, labels: &str, plan: &ReadPlan, (start, end): Span) -> String {
        let ReadPlan { query, promql, .. } = plan;
        let (server, name) = (&self.server, query.name());
        let kind = query.kind();
        format!(
            "{server}labels {labels}\nquery {name} {kind:?}\nselector {promql}\ntime {start} {end}"
        )
    }

    /// The first of these that is kept.
    pub(super) async fn find(&self, keys: Vec<String>) -> Option<Vec<Series>> {
        let (dir, tally) = (self.dir.clone(), Arc::clone(&self.tally));
        let look = move || {
            locked(&tally).wanted += 1;
            let found = keys.iter().find_map(|key| read(&dir, key, &tally));
            locked(&tally).found += u64::from(found.is_some());
            found
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// Keeps an answer that is whole. That this fails costs time, and is told.
    pub(super) async fn keep(&self, key: String, series: Vec<Series>) {
        let (dir, tally) = (self.dir.clone(), Arc::clone(&self.tally));
        let write = move || match write(&dir, &name(&key), &file::encode(&key, &series)) {
            Ok(()) => locked(&tally).kept += 1,
            Err(error) => locked(&tally).unwritten = Some(error.to_string()),
        };
        // It panics on nothing that would not be a bug; the answer is there without it.
        drop(tokio::task::spawn_blocking(write).await);
    }

    /// Keeps what has to be known of the server.
    pub(super) fn remember(&self, record: &Record) {
        let written = serde_json::to_vec(record)
            .map_err(io::Error::other)
            .and_then(|text| write(&self.dir, &self.record_name(), &text));
        if let Err(error) = written {
            locked(&self.tally).unwritten = Some(error.to_string());
        }
    }

    /// What is known of the server.
    pub(super) fn recall(&self) -> io::Result<Record> {
        let text = fs::read(self.dir.join(self.record_name()))?;
        serde_json::from_slice(&text).map_err(io::Error::other)
    }

    /// Answers that were found.
    pub(super) fn found(&self) -> u64 {
        locked(&self.tally).found
    }

    /// A line of coverage.
    pub(super) fn status(&self) -> SourceStatus {
        let tally = locked(&self.tally);
        let Tally { wanted, found, kept, damaged, unwritten } = &*tally;
        let mut detail = format!(
            "{}: {found} of {wanted} answers about closed time are from the cache, {kept} are new in it",
            self.dir.display()
        );
        if !damaged.is_empty() {
            let told: Vec<&str> = damaged.iter().take(MAX_TOLD).map(String::as_str).collect();
            let anew = if self.offline { "left out" } else { "asked for anew" };
            let count = damaged.len();
            detail = format!("{detail}; damaged and {anew}: {count} ({})", told.join(", "));
        }
        if let Some(error) = unwritten {
            detail = format!("{detail}; it cannot be written to: {error}");
        }
        SourceStatus { name: "cache".to_owned(), state: SourceState::Ok, detail }
    }

    fn record_name(&self) -> String {
        format!("{}.server", hash(&self.server))
    }
}

fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn name(key: &str) -> String {
    format!("{}.day", hash(key))
}

fn read(dir: &Path, key: &str, tally: &Mutex<Tally>) -> Option<Vec<Series>> {
    let name = name(key);
    let content = match fs::read(dir.join(&name)) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            locked(tally).damaged.push(format!("{name}: {error}"));
            return None;
        }
    };
    match file::decode(key, &content) {
        Ok(series) => Some(series),
        Err(error) => {
            locked(tally).damaged.push(format!("{name}: {error}"));
            None
        }
    }
}

/// Writes a file whole or not at all, for its owner alone.
fn write(dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    make(dir)?;
    // Of mode 0600.
    let mut beside = tempfile::NamedTempFile::new_in(dir)?;
    beside.write_all(content)?;
    beside.as_file().sync_data()?;
    beside.persist(dir.join(name)).map_err(|error| error.error)?;
    Ok(())
}

fn make(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// Whether a part is one that was planned: at the edges of days or of the window, and not the half of one.
pub(super) fn is_planned(kind: QueryKind, (start, end): Span, window: Window) -> bool {
    let first = match kind {
        QueryKind::Tail => chunks::tail(window)[0].start,
        _ => window.start(),
    };
    let is_edge = |at: Millis, edge: Millis| at == edge || at.rem_euclid(MS_PER_DAY) == 0;
    is_edge(start, first) && is_edge(end, window.end())
}
