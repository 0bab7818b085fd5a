//! Reads one query by remote read, whatever its kind: a streamed answer for each UTC day, halved where that is
//! too much, each read whole or not at all. What is not asked for sample by sample is answered from the samples
//! while they come.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::answer::Answering;
use super::super::api::Api;
use super::super::api_error::ApiError;
use super::super::cache::{Cache, Span, is_planned};
use super::super::chunks::{self, Part};
use super::super::decode::clipped;
use super::super::notes::Notes;
use super::super::parts::{Brought, Fetch, Job};
use super::super::render::selector_in;
use super::super::selector::Evaluation;
use super::columns::{Columns, Found};
use super::labels::{Normaliser, Suspects};
use super::line::Line;
use super::{request, stream};
use crate::model::query::QueryKind;
use crate::model::{MetricData, QueryId, Series, Window};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};

/// Reads queries through remote read.
#[derive(Debug)]
pub struct RemoteReader {
    api: Arc<Api>,
    notes: Notes,
    normaliser: Normaliser,
    /// How labels are brought into the form in which they are kept, as text.
    labels: String,
}

impl RemoteReader {
    pub(super) fn new(api: Arc<Api>, suspects: Suspects) -> Self {
        let labels = suspects.described();
        Self { api, notes: Notes::default(), normaliser: Normaliser::new(suspects), labels }
    }

    /// A reader of what is kept of a server, and of nothing else.
    pub(in super::super) fn of_cache(api: Arc<Api>, labels: String) -> Self {
        Self { labels, ..Self::new(api, Suspects::Replicas) }
    }

    /// How labels are brought into the form in which they are kept, as text.
    pub(in super::super) fn labels(&self) -> &str {
        &self.labels
    }

    /// Remarks about the answers to `query` so far that lose nothing of what was asked for.
    #[must_use]
    pub fn notes(&self, query: QueryId) -> Vec<String> {
        self.notes.of(query)
    }

    /// Whether what `plan` looks at can be asked for.
    #[must_use]
    pub fn takes(plan: &ReadPlan) -> bool {
        selector_in(&plan.promql).and_then(request::matchers).is_some()
    }

    async fn read_all(&self, plan: &ReadPlan, progress: &dyn Progress) -> MetricData {
        let selector = selector_in(&plan.promql).unwrap_or(&plan.promql);
        let plan = &ReadPlan { promql: selector.to_owned(), ..plan.clone() };
        let job = Job::new(plan, &self.api, progress);
        let parts = match plan.query.kind() {
            QueryKind::Tail => chunks::tail(plan.window),
            _ => chunks::days(plan.window),
        };
        let evaluation = Evaluation::of(plan.query);
        let is_offline = self.api.cache().is_some_and(Cache::is_offline);
        let asked = match is_offline {
            true => Ok(self.normaliser.clone()),
            false => self.normaliser.of(&self.api, &plan.promql, plan.window).await,
        };
        let is_sure = asked.is_ok();
        let normaliser = asked.unwrap_or_else(|error| {
            let note = format!("external and replica labels were taken off unasked: {error}");
            self.notes.add(plan.query, note);
            self.normaliser.clone()
        });
        job.run(&Query { reader: self, normaliser, is_sure, evaluation }, parts).await
    }
}

impl SampleReader for RemoteReader {
    fn name(&self) -> &'static str {
        "remote read"
    }

    fn read<'a>(
        &'a self,
        plan: &'a ReadPlan,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, MetricData> {
        self.read_all(plan, progress).boxed()
    }
}

/// One query being read.
struct Query<'a> {
    reader: &'a RemoteReader,
    normaliser: Normaliser,
    /// Whether the labels are as they would be the next time.
    is_sure: bool,
    evaluation: Evaluation,
}

impl Query<'_> {
    /// A part from the cache, or from the server into the cache.
    async fn part(&self, job: &Job<'_>, part: &Part) -> Option<Result<Brought, ApiError>> {
        let Some(cache) = self.reader.api.cache() else { return self.asked(job, part).await };
        let (kind, span) = (job.plan.query.kind(), (part.start, part.end));
        let is_whole = part.shard.is_none() && is_planned(kind, span, job.plan.window);
        let spans = if is_whole && self.is_sure { cache.spans(kind, span) } else { Vec::new() };
        let key = |span: &Span| cache.key(&self.reader.labels, job.plan, *span);
        let cut = |series: Vec<Series>| -> Vec<Series> {
            series.into_iter().filter_map(|s| clipped(s, part.start, part.end)).collect()
        };
        if let Some(found) = cache.find(spans.iter().map(key).collect()).await {
            return Some(Ok(Brought { series: cut(found), ..Brought::default() }));
        }
        if cache.is_offline() {
            let warnings = vec![format!("it is not in the cache, {}", cache.dir().display())];
            return Some(Ok(Brought { warnings, ..Brought::default() }));
        }
        let Some(first) = spans.first() else { return self.asked(job, part).await };
        let whole = Part { start: first.0, end: first.1, ..part.clone() };
        let answer = self.asked(job, &whole).await?;
        if let Ok(brought) = &answer
            && brought.warnings.is_empty()
        {
            cache.keep(key(first), brought.series.clone()).await;
        }
        Some(answer.map(|brought| Brought { series: cut(brought.series), ..brought }))
    }

    /// A part from the server.
    async fn asked(&self, job: &Job<'_>, part: &Part) -> Option<Result<Brought, ApiError>> {
        let matchers = request::matchers(&job.selector(part)?)?;
        let window = Window::new(part.start, part.end)?;
        let answering = self.answering(job.plan.query.kind(), window);
        let start = answering.as_ref().map_or(part.start, Answering::needs_from);
        let request = request::read(matchers, start, part.end);
        let api = &self.reader.api;
        let (tries, limit) = (api.options().max_attempts, api.options().timeout);
        // Anew for each try: what a broken answer brought goes with it.
        let columns = || {
            let line = Line::new(start, part.end, answering.clone());
            let columns = Columns::new(line, self.normaliser.clone());
            columns.spilling_to(Arc::clone(api.spill()))
        };
        let answer =
            api.stream(tries, &request, |response| stream::read(response, limit, columns())).await;
        Some(answer.map(|(found, bytes)| {
            let mut brought = brought(found, bytes);
            if self.evaluation.aggregates() {
                brought.series = self.evaluation.answer(brought.series);
            }
            brought
        }))
    }

    /// How a part is answered where not with its samples.
    fn answering(&self, kind: QueryKind, window: Window) -> Option<Answering> {
        let is_raw = matches!(kind, QueryKind::Raw | QueryKind::Tail);
        (!is_raw).then(|| Answering { kind, window, evaluation: self.evaluation.clone() })
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

fn brought(found: Found, bytes: u64) -> Brought {
    let mut notes = Vec::new();
    if found.histogram_chunks > 0 {
        notes.push("native histograms are left out".to_owned());
    }
    let unknown = (found.unknown_chunks > 0)
        .then(|| format!("{} chunks of an unknown encoding are left out", found.unknown_chunks));
    Brought {
        series: found.series,
        samples: found.samples,
        bytes,
        warnings: unknown.into_iter().collect(),
        notes,
    }
}

#[cfg(test)]
mod tests;
