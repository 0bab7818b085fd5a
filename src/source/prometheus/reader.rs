//! Reads one query through the query API: raw samples by range selector, facts by day, expressions on
//! a grid. Which queries are read, and when, is `super::collect`'s.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::api::{Api, Reply};
use super::api_error::{ApiError, cleaned};
use super::chunks::{self, Part};
use super::decode::{self, SeriesData, clipped};
use super::notes::Notes;
use super::options::ReadOptions;
use super::parts::{Brought, Fetch, Job};
use super::requests;
use super::transport::{ApiRequest, Transport};
use crate::model::query::QueryKind;
use crate::model::{MetricData, QueryId, Series};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};
use crate::units::MS_PER_HOUR;

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
        let job = Job::new(plan, &self.api, progress);
        job.run(self, parts(&job).await).await
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

impl Fetch for RangeReader {
    fn notes(&self) -> &Notes {
        &self.notes
    }

    fn fetch<'a>(
        &'a self,
        job: &'a Job<'a>,
        part: &'a Part,
    ) -> BoxFuture<'a, Option<Result<Brought, ApiError>>> {
        async move {
            let request = request(job, part)?;
            let reply = self.api.call(&request, decode::series).await;
            Some(reply.map(|reply| brought(reply, part)))
        }
        .boxed()
    }
}

async fn parts(job: &Job<'_>) -> Vec<Part> {
    let window = job.plan.window;
    let max_samples = job.api.options().max_samples_per_request;
    match job.plan.query.kind() {
        QueryKind::Raw => chunks::raw(window, job.index().await, max_samples),
        QueryKind::Info => chunks::days(window),
        QueryKind::Tail => chunks::tail(window),
        QueryKind::Grid { step_ms } => {
            chunks::grid(window, step_ms, grid_series(job).await, max_samples)
        }
    }
}

/// How many series the expression has at a time, by asking once an hour; 1 when the server does
/// not say, which leaves it to halving.
pub(super) async fn grid_series(job: &Job<'_>) -> u64 {
    let window = job.plan.window;
    let step = MS_PER_HOUR.max(window.length_ms() / chunks::MAX_POINTS + 1);
    let Some(span) = chunks::grid_points(window.start(), window.end(), step) else { return 1 };
    let promql = format!("count({})", job.plan.promql);
    let request = requests::range(&promql, span, step, job.api.options().timeout);
    job.progress.expect(1);
    let reply = job.api.call(&request, decode::series).await;
    job.progress.done(0, reply.as_ref().map_or(0, |reply| reply.bytes));
    let counts = reply.map(|reply| reply.answer.data.series).unwrap_or_default();
    let values = counts.iter().flat_map(Series::samples).map(|(_, value)| value);
    let largest = values.fold(1.0, f64::max);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1, and a cast from a float saturates"
    )]
    let largest = largest as u64;
    largest
}

/// The request for a part; `None` when no instant of the grid lies in it.
fn request(job: &Job<'_>, part: &Part) -> Option<ApiRequest> {
    let selector = job.selector(part)?;
    let limit = job.api.options().timeout;
    let last = part.end - 1;
    // From the last instant of the part back over its whole length: that is one millisecond more
    // than `[start, end)`, which Prometheus 2 includes and Prometheus 3 does not. The client
    // takes it off again.
    let length = part.end - part.start;
    Some(match job.plan.query.kind() {
        QueryKind::Raw | QueryKind::Tail => {
            requests::instant(&format!("{selector}[{length}ms]"), last, limit)
        }
        QueryKind::Info => {
            let promql = format!("last_over_time({selector}[{length}ms])");
            requests::instant(&promql, last, limit)
        }
        QueryKind::Grid { step_ms } => {
            let span = chunks::grid_points(part.start, part.end, step_ms)?;
            requests::range(&job.plan.promql, span, step_ms, limit)
        }
    })
}

/// What an answer to a part brings.
pub(super) fn brought(reply: Reply<SeriesData>, part: &Part) -> Brought {
    let Reply { answer, bytes } = reply;
    let samples = answer.data.samples();
    let histograms =
        (answer.data.histograms_ignored > 0).then(|| "native histograms are left out".to_owned());
    let infos = answer.infos.iter().take(MAX_WARNINGS);
    let warnings = answer.warnings.iter().take(MAX_WARNINGS);
    let series = answer.data.series.into_iter();
    Brought {
        series: series.filter_map(|series| clipped(series, part.start, part.end)).collect(),
        samples,
        bytes,
        warnings: warnings
            .map(|w| format!("the server warns that something may be missing: {}", cleaned(w)))
            .collect(),
        notes: histograms
            .into_iter()
            .chain(infos.map(|info| format!("the server remarks: {}", cleaned(info))))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
