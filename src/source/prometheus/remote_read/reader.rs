//! Reads one query's raw samples by remote read: a streamed answer for each UTC day, halved where that is
//! too much, each read whole or not at all.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::api::Api;
use super::super::api_error::ApiError;
use super::super::chunks::{self, Part};
use super::super::notes::Notes;
use super::super::parts::{Brought, Fetch, Job};
use super::columns::{Columns, Found};
use super::labels::{Normaliser, Suspects};
use super::{request, stream};
use crate::model::query::QueryKind;
use crate::model::{MetricData, QueryId};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};

/// Reads raw samples through remote read.
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

    /// Whether `plan` asks for raw samples of a plain selector.
    #[must_use]
    pub fn takes(plan: &ReadPlan) -> bool {
        matches!(plan.query.kind(), QueryKind::Raw | QueryKind::Tail)
            && request::matchers(&plan.promql).is_some()
    }

    async fn read_all(&self, plan: &ReadPlan, progress: &dyn Progress) -> MetricData {
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
        job.run(&Query { reader: self, normaliser }, parts).await
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
}

impl Query<'_> {
    async fn part(&self, job: &Job<'_>, part: &Part) -> Option<Result<Brought, ApiError>> {
        let matchers = request::matchers(&job.selector(part)?)?;
        let request = request::read(matchers, part.start, part.end);
        let api = &self.reader.api;
        let (tries, limit) = (api.options().max_attempts, api.options().timeout);
        // Anew for each try: what a broken answer brought goes with it.
        let columns = || Columns::new(part.start, part.end, self.normaliser.clone());
        let answer =
            api.stream(tries, &request, |response| stream::read(response, limit, columns())).await;
        Some(answer.map(|(found, bytes)| brought(found, bytes)))
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
