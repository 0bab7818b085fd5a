//! Reads one query by remote read, whatever its kind: a streamed answer for each UTC day, halved where that is
//! too much, each read whole or not at all. What is not asked for sample by sample is answered from the samples
//! while they come.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::answer::Answering;
use super::super::api::Api;
use super::super::api_error::ApiError;
use super::super::chunks::{self, Part};
use super::super::notes::Notes;
use super::super::parts::{Brought, Fetch, Job};
use super::super::render::selector_in;
use super::super::selector::Evaluation;
use super::columns::{Columns, Found};
use super::labels::{Normaliser, Suspects};
use super::line::Line;
use super::{request, stream};
use crate::model::query::QueryKind;
use crate::model::{MetricData, QueryId, Window};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};

/// Reads queries through remote read.
#[derive(Debug)]
pub struct RemoteReader {
    api: Arc<Api>,
    notes: Notes,
    normaliser: Normaliser,
}

impl RemoteReader {
    pub(super) fn new(api: Arc<Api>, suspects: Suspects) -> Self {
        Self { api, notes: Notes::default(), normaliser: Normaliser::new(suspects) }
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
        let normaliser = self.normaliser.of(&self.api, &plan.promql, plan.window).await;
        let normaliser = normaliser.unwrap_or_else(|error| {
            let note = format!("external and replica labels were taken off unasked: {error}");
            self.notes.add(plan.query, note);
            self.normaliser.clone()
        });
        let evaluation = Evaluation::of(plan.query);
        job.run(&Query { reader: self, normaliser, evaluation }, parts).await
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
    evaluation: Evaluation,
}

impl Query<'_> {
    async fn part(&self, job: &Job<'_>, part: &Part) -> Option<Result<Brought, ApiError>> {
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
            Columns::new(line, self.normaliser.clone())
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
