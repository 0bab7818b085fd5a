//! Reads one query in parts: raw samples by range selector, facts by day, expressions on a grid.
//!
//! A part that the server finds too large is halved, in time and then by series; a part that fails
//! for good is a gap of the answer. Which queries are read, and when, is `super::collect`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use tokio::sync::OnceCell;

use super::api::{Api, Reply};
use super::api_error::{ApiError, cleaned};
use super::chunks::{self, Part};
use super::decode::{self, SeriesData};
use super::merge::{Merger, merged_gaps};
use super::notes::Notes;
use super::options::ReadOptions;
use super::render::with_matcher;
use super::requests;
use super::shards::{SeriesIndex, decode_index};
use super::transport::{ApiRequest, Transport};
use crate::model::query::QueryKind;
use crate::model::{MetricData, QueryId, ReadGap, Series};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};
use crate::units::{MS_PER_HOUR, Millis};

/// How often one part is halved because it took too long: 1/32 of what was thought to be fine.
const MAX_TIMEOUT_HALVINGS: u32 = 5;
/// Parts of one query that may fail in a row before the rest of it is not asked any more.
const MAX_FAILED_PARTS_IN_A_ROW: u32 = 8;
/// Most warnings repeated of one answer.
const MAX_WARNINGS: usize = 5;

/// Reads samples through the query API, which every Prometheus-compatible server has.
#[derive(Debug)]
pub struct RangeReader {
    api: Arc<Api>,
    notes: Notes,
}

impl RangeReader {
    /// A reader of the server behind `transport`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, options: ReadOptions) -> Self {
        Self::over(Arc::new(Api::new(transport, options)))
    }

    /// A reader that shares `api`, and with it the bound on requests in flight.
    #[must_use]
    pub fn over(api: Arc<Api>) -> Self {
        Self { api, notes: Notes::default() }
    }

    /// Remarks about the answers to `query` so far that lose nothing of what was asked for.
    #[must_use]
    pub fn notes(&self, query: QueryId) -> Vec<String> {
        self.notes.of(query)
    }

    async fn read_all(&self, plan: &ReadPlan, progress: &dyn Progress) -> MetricData {
        let job = Job {
            reader: self,
            plan,
            progress,
            index: OnceCell::new(),
            failed_in_a_row: AtomicU32::new(0),
        };
        let parts = job.parts().await;
        progress.expect(parts.len() as u64);
        let at_once = self.api.options().max_concurrent.max(1);
        let mut done = stream::iter(parts).map(|part| job.read(part)).buffer_unordered(at_once);
        let (mut merger, mut gaps) = (Merger::default(), Vec::new());
        while let Some(outcome) = done.next().await {
            merger.add(outcome.series);
            gaps.extend(outcome.gaps);
        }
        drop(done);
        MetricData { query: plan.query, series: merger.finish(), gaps: merged_gaps(gaps) }
    }
}

impl SampleReader for RangeReader {
    fn name(&self) -> &'static str {
        "query API"
    }

    fn read<'a>(
        &'a self,
        plan: &'a ReadPlan,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, MetricData> {
        self.read_all(plan, progress).boxed()
    }
}

/// What one part brought.
#[derive(Default)]
struct Outcome {
    series: Vec<Series>,
    gaps: Vec<ReadGap>,
}

/// One query being read.
struct Job<'a> {
    reader: &'a RangeReader,
    plan: &'a ReadPlan,
    progress: &'a dyn Progress,
    index: OnceCell<Option<SeriesIndex>>,
    failed_in_a_row: AtomicU32,
}

impl Job<'_> {
    async fn parts(&self) -> Vec<Part> {
        let window = self.plan.window;
        let max_samples = self.reader.api.options().max_samples_per_request;
        match self.plan.query.kind() {
            QueryKind::Raw => chunks::raw(window, self.index().await, max_samples),
            QueryKind::Info => chunks::days(window),
            QueryKind::Tail => chunks::tail(window),
            QueryKind::Grid { step_ms } => {
                chunks::grid(window, step_ms, self.grid_series().await, max_samples)
            }
        }
    }

    /// The series of the selector, asked for once; `None` when the server does not say, or when the
    /// query is not a plain selector.
    async fn index(&self) -> Option<&SeriesIndex> {
        let known = self.index.get_or_init(|| async {
            with_matcher(&self.plan.promql, "")?;
            let window = self.plan.window;
            let request = requests::series(&self.plan.promql, window.start(), window.end());
            self.progress.expect(1);
            let reply = self.reader.api.call(&request, decode_index).await;
            self.progress.done(0, reply.as_ref().map_or(0, |reply| reply.bytes));
            reply.ok().map(|reply| reply.answer.data)
        });
        known.await.as_ref()
    }

    /// How many series the expression has at a time, by asking once an hour; 1 when the server does
    /// not say, which leaves it to halving.
    async fn grid_series(&self) -> u64 {
        let window = self.plan.window;
        let step = MS_PER_HOUR.max(window.length_ms() / chunks::MAX_POINTS + 1);
        let Some(span) = chunks::grid_points(window.start(), window.end(), step) else { return 1 };
        let promql = format!("count({})", self.plan.promql);
        let request = requests::range(&promql, span, step, self.reader.api.options().timeout);
        self.progress.expect(1);
        let reply = self.reader.api.call(&request, decode::series).await;
        self.progress.done(0, reply.as_ref().map_or(0, |reply| reply.bytes));
        let counts = reply.map(|reply| reply.answer.data.series).unwrap_or_default();
        let largest = counts.iter().flat_map(|series| &series.values).copied().fold(1.0, f64::max);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1, and a cast from a float saturates"
        )]
        let largest = largest as u64;
        largest
    }

    /// Reads a part, in halves where that is needed. One after the other, first half first, so that
    /// a server in trouble is not given more to do.
    async fn read(&self, part: Part) -> Outcome {
        let mut outcome = Outcome::default();
        let mut stack = vec![part];
        while let Some(part) = stack.pop() {
            if self.failed_in_a_row.load(Ordering::Relaxed) >= MAX_FAILED_PARTS_IN_A_ROW {
                outcome.gaps.push(gap(&part, "not asked after the parts before it failed".into()));
                self.progress.done(0, 0);
                continue;
            }
            let Some(request) = self.request(&part) else {
                self.progress.done(0, 0);
                continue;
            };
            match self.reader.api.call(&request, decode::series).await {
                Ok(reply) => {
                    self.failed_in_a_row.store(0, Ordering::Relaxed);
                    self.take(&part, reply, &mut outcome);
                }
                Err(error) => {
                    self.progress.done(0, 0);
                    match self.halved(&part, &error).await {
                        Some((first, second)) => {
                            self.progress.expect(2);
                            stack.extend([second, first]);
                        }
                        None => {
                            self.failed_in_a_row.fetch_add(1, Ordering::Relaxed);
                            outcome.gaps.push(gap(&part, error.to_string()));
                        }
                    }
                }
            }
        }
        outcome
    }

    /// The request for a part; `None` when no instant of the grid lies in it.
    fn request(&self, part: &Part) -> Option<ApiRequest> {
        let promql = &self.plan.promql;
        let selector = match &part.shard {
            Some(shard) => with_matcher(promql, &shard.matcher())?,
            None => promql.clone(),
        };
        let limit = self.reader.api.options().timeout;
        let last = part.end - 1;
        // From the last instant of the part back over its whole length: that is one millisecond more
        // than `[start, end)`, which Prometheus 2 includes and Prometheus 3 does not. The client
        // takes it off again.
        let length = part.end - part.start;
        Some(match self.plan.query.kind() {
            QueryKind::Raw | QueryKind::Tail => {
                requests::instant(&format!("{selector}[{length}ms]"), last, limit)
            }
            QueryKind::Info => {
                let promql = format!("last_over_time({selector}[{length}ms])");
                requests::instant(&promql, last, limit)
            }
            QueryKind::Grid { step_ms } => {
                let span = chunks::grid_points(part.start, part.end, step_ms)?;
                requests::range(promql, span, step_ms, limit)
            }
        })
    }

    async fn halved(&self, part: &Part, error: &ApiError) -> Option<(Part, Part)> {
        let slow = error.is_timeout();
        if !error.asks_for_less() || (slow && part.timeouts >= MAX_TIMEOUT_HALVINGS) {
            return None;
        }
        let part = Part { timeouts: part.timeouts + u32::from(slow), ..part.clone() };
        if let Some(halves) = part.halves_in_time() {
            return Some(halves);
        }
        match part.shard {
            Some(_) => part.halves_by_series(None),
            None => part.halves_by_series(self.index().await),
        }
    }

    fn take(&self, part: &Part, reply: Reply<SeriesData>, outcome: &mut Outcome) {
        let Reply { answer, bytes } = reply;
        self.progress.done(answer.data.samples(), bytes);
        let query = self.plan.query;
        if answer.data.histograms_ignored > 0 {
            self.reader.notes.add(query, "native histograms are left out".to_owned());
        }
        for info in answer.infos.iter().take(MAX_WARNINGS) {
            self.reader.notes.add(query, format!("the server remarks: {}", cleaned(info)));
        }
        for warning in answer.warnings.iter().take(MAX_WARNINGS) {
            let reason =
                format!("the server warns that something may be missing: {}", cleaned(warning));
            outcome.gaps.push(gap(part, reason));
        }
        let series = answer.data.series.into_iter();
        outcome.series.extend(series.filter_map(|series| clipped(series, part.start, part.end)));
    }
}

fn gap(part: &Part, reason: String) -> ReadGap {
    ReadGap { start_ms: part.start, end_ms: part.end, reason }
}

/// The samples in `[start, end)`; `None` when there are none.
fn clipped(mut series: Series, start: Millis, end: Millis) -> Option<Series> {
    let from = series.timestamps_ms.partition_point(|at| *at < start);
    let to = series.timestamps_ms.partition_point(|at| *at < end);
    series.timestamps_ms.truncate(to);
    series.values.truncate(to);
    series.timestamps_ms.drain(..from);
    series.values.drain(..from);
    (!series.values.is_empty()).then_some(series)
}

#[cfg(test)]
mod tests;
