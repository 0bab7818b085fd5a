//! Reads raw samples by `query_range`, for servers that refuse range selectors.
//!
//! On a grid a sample repeats until the next one, and up to the server's lookback (usually 5 minutes) after the
//! last: gaps are filled. A second query, `timestamp(…)`, tells the instant of the sample behind every grid
//! point. So every sample comes once and at its own instant, no gap is filled, and what is lost are samples
//! closer to each other than the step. Where `timestamp()` is refused, grid points have to do.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::api::{Api, Reply};
use super::api_error::ApiError;
use super::chunks::{self, Part};
use super::decode::{self, SeriesData};
use super::notes::Notes;
use super::parts::{Brought, Fetch, Job};
use super::reader::{brought, grid_series};
use super::render::{quoted_string, with_matcher};
use super::requests;
use crate::model::query::QueryKind;
use crate::model::samples::Builder;
use crate::model::{Labels, MetricData, QueryId, Series};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};
use crate::units::{MS_PER_HOUR, MS_PER_SECOND, Millis, millis_from_seconds};

/// Steps to choose from, seconds.
const STEPS_S: [i64; 16] = [60, 50, 40, 30, 25, 20, 15, 12, 10, 8, 6, 5, 4, 3, 2, 1];
/// The step where the server does not say how close samples are, or is not asked: for samples every 15 s.
const ASSUMED_STEP_MS: i64 = 12 * MS_PER_SECOND;
/// Into how many parts the window is cut to look how close samples are.
const LOOKS: i64 = 3;
/// The label that holds a metric's name.
const NAME: &str = "__name__";

/// Reads raw samples on a grid.
#[derive(Debug)]
pub struct GridReader {
    api: Arc<Api>,
    notes: Notes,
    /// Why the server does not tell the instants of samples.
    untold: OnceLock<ApiError>,
}

impl GridReader {
    /// A reader that shares `api`, and with it the bound on requests in flight.
    #[must_use]
    pub fn over(api: Arc<Api>) -> Self {
        Self { api, notes: Notes::default(), untold: OnceLock::new() }
    }

    /// Remarks about the answers to `query` so far that lose nothing of what was asked for.
    #[must_use]
    pub fn notes(&self, query: QueryId) -> Vec<String> {
        self.notes.of(query)
    }

    /// What being on a grid does to what was read so far, for people.
    #[must_use]
    pub fn effect(&self) -> String {
        match self.untold.get() {
            None => {
                "gridded: each sample is at its own instant, by timestamp(); of samples closer \
                     to each other than a step of the grid, the last counts"
                    .to_owned()
            }
            Some(error) => format!(
                "gridded: timestamp() is refused ({error}), so gaps up to the server's lookback \
                 (usually 5 minutes) are filled with the last value, and percentiles are of grid \
                 points"
            ),
        }
    }

    async fn read_all(&self, plan: &ReadPlan, progress: &dyn Progress) -> MetricData {
        let job = Job::new(plan, &self.api, progress);
        let wanted = self.api.options().step_ms;
        let (step_ms, parts) = if plan.query.kind() == QueryKind::Tail {
            (wanted.unwrap_or(ASSUMED_STEP_MS), chunks::tail(plan.window))
        } else {
            let step_ms = match wanted {
                Some(step_ms) => step_ms,
                None => step(&job).await,
            };
            let (series, most) =
                (grid_series(&job).await, self.api.options().max_samples_per_request);
            (step_ms, chunks::grid(plan.window, step_ms, series, most))
        };
        self.notes.add(plan.query, format!("gridded every {} s", requests::seconds(step_ms)));
        job.run(&Query { reader: self, step_ms }, parts).await
    }
}

impl SampleReader for GridReader {
    fn name(&self) -> &'static str {
        "query_range"
    }

    fn read<'a>(
        &'a self,
        plan: &'a ReadPlan,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, MetricData> {
        self.read_all(plan, progress).boxed()
    }
}

/// The longest step that is shorter than the time between two samples, so that none hides another: by the
/// samples that the busiest series has in an hour, at a few places of the window.
async fn step(job: &Job<'_>) -> i64 {
    let window = job.plan.window;
    let last = window.end() - 1;
    let first = last.min(window.start() + MS_PER_HOUR);
    let promql = format!("max(count_over_time({}[{MS_PER_HOUR}ms]))", job.plan.promql);
    let apart = MS_PER_HOUR.max((last - first) / LOOKS + 1);
    let request = requests::range(&promql, (first, last), apart, job.api.options().timeout);
    job.progress.expect(1);
    let reply = job.api.call(&request, decode::series).await;
    job.progress.done(0, reply.as_ref().map_or(0, |reply| reply.bytes));
    let counts = reply.map(|reply| reply.answer.data.series).unwrap_or_default();
    let values = counts.iter().flat_map(Series::samples).map(|(_, value)| value);
    let most = values.fold(0.0, f64::max);
    step_for(most)
}

/// The step for a series with `samples` in an hour.
fn step_for(samples: f64) -> i64 {
    if samples < 1.0 {
        return ASSUMED_STEP_MS;
    }
    #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
    let fits = |step: &i64| (step * MS_PER_SECOND) as f64 * samples < 0.95 * MS_PER_HOUR as f64;
    STEPS_S.into_iter().find(fits).unwrap_or(1) * MS_PER_SECOND
}

/// One query being read.
struct Query<'a> {
    reader: &'a GridReader,
    step_ms: i64,
}

impl Query<'_> {
    async fn part(&self, job: &Job<'_>, part: &Part) -> Option<Result<Brought, ApiError>> {
        let selector = job.selector(part)?;
        // One instant more than lies in the part: it shows the last sample before the part's end.
        let span = chunks::grid_points(part.start, part.end + self.step_ms - 1, self.step_ms)?;
        Some(self.samples(&selector, span, part).await)
    }

    async fn samples(
        &self,
        selector: &str,
        span: (Millis, Millis),
        part: &Part,
    ) -> Result<Brought, ApiError> {
        let mut reply = self.evaluated(selector, span).await?;
        let found = std::mem::take(&mut reply.answer.data.series);
        let (all, mut untold) = (found.len(), 0);
        reply.answer.data.series = if self.reader.untold.get().is_some() {
            found
        } else {
            match self.instants(selector, span, &found).await {
                Ok(instants) => {
                    reply.bytes += instants.bytes;
                    reply.answer.warnings.extend(instants.warnings.iter().cloned());
                    let traced: Vec<Series> =
                        found.into_iter().filter_map(|s| instants.traced(s)).collect();
                    untold = all - traced.len();
                    traced
                }
                Err(error) if error.is_refusal() => {
                    // The first reason is as good as any later one.
                    let _ = self.reader.untold.set(error);
                    found
                }
                Err(error) => return Err(error),
            }
        };
        let mut brought = brought(reply, part);
        if untold > 0 {
            brought.warnings.push(format!("timestamp() leaves out {untold} of {all} series"));
        }
        Ok(brought)
    }

    /// The instants of the samples behind the grid points of `found`.
    async fn instants(
        &self,
        selector: &str,
        span: (Millis, Millis),
        found: &[Series],
    ) -> Result<Instants, ApiError> {
        let names: BTreeSet<&str> = found.iter().map(|s| s.label(NAME).unwrap_or("")).collect();
        let (mut instants, only) = (Instants::default(), names.len() == 1);
        for name in names {
            // `timestamp` leaves the metric's name out, so that two metrics would become one series.
            let one = format!("{NAME}={}", quoted_string(name));
            let narrowed = if only { None } else { with_matcher(selector, &one) };
            let selector = narrowed.as_deref().unwrap_or(selector);
            let reply = self.evaluated(&format!("timestamp({selector})"), span).await?;
            instants.add(name, reply);
        }
        Ok(instants)
    }

    async fn evaluated(
        &self,
        promql: &str,
        span: (Millis, Millis),
    ) -> Result<Reply<SeriesData>, ApiError> {
        let api = &self.reader.api;
        let request = requests::range(promql, span, self.step_ms, api.options().timeout);
        api.call(&request, decode::series).await
    }
}

impl Fetch for Query<'_> {
    fn notes(&self) -> &Notes {
        &self.reader.notes
    }

    fn fetch<'a>(
        &'a self,
        job: &'a Job<'a>,
        part: &'a Part,
    ) -> BoxFuture<'a, Option<Result<Brought, ApiError>>> {
        self.part(job, part).boxed()
    }
}

/// When the samples were taken that a grid shows.
#[derive(Default)]
struct Instants {
    /// By labels: grid points, and the seconds at which their samples were taken.
    of: HashMap<Labels, Series>,
    bytes: u64,
    warnings: Vec<String>,
}

impl Instants {
    fn add(&mut self, name: &str, reply: Reply<SeriesData>) {
        self.bytes += reply.bytes;
        self.warnings.extend(reply.answer.warnings);
        for mut series in reply.answer.data.series {
            let mut labels = std::mem::take(&mut series.labels);
            if !name.is_empty() {
                labels.insert(NAME.to_owned(), name.to_owned());
            }
            self.of.insert(labels, series);
        }
    }

    /// The samples that `gridded` shows, each once and at its own instant; `None` where they are unknown.
    fn traced(&self, gridded: Series) -> Option<Series> {
        let mut instants = self.of.get(&gridded.labels)?.samples().peekable();
        let (mut samples, mut last) = (Builder::default(), None);
        for (point, value) in gridded.samples() {
            while instants.next_if(|(at, _)| *at < point).is_some() {}
            let Some((_, seconds)) = instants.next_if(|(at, _)| *at == point) else { continue };
            let Some(taken) = millis_from_seconds(seconds) else { continue };
            if last.is_none_or(|last| last < taken) {
                samples.push(taken, value);
                last = Some(taken);
            }
        }
        Some(Series { labels: gridded.labels, samples: samples.finish() })
    }
}

#[cfg(test)]
mod tests;
