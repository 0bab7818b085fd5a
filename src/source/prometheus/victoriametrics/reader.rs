//! Reads one query's raw samples by export: a streamed answer for each UTC day, halved where that is too much,
//! each read whole or not at all.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::api::Api;
use super::super::api_error::ApiError;
use super::super::chunks::{self, Part};
use super::super::notes::Notes;
use super::super::parts::{Brought, Fetch, Job};
use super::super::probes::NO_SUCH_SERIES;
use super::super::stream;
use super::lines::Lines;
use super::request;
use crate::model::query::QueryKind;
use crate::model::{MetricData, Window};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};
use crate::units::Millis;

/// Reads raw samples through VictoriaMetrics' export.
#[derive(Debug)]
pub struct ExportReader {
    api: Arc<Api>,
    notes: Notes,
}

/// A reader of the server behind `api`, if it answers as VictoriaMetrics' export does; else why not.
pub(in super::super) async fn probe(
    api: &Arc<Api>,
    tries: u32,
    window: Window,
) -> Result<ExportReader, ApiError> {
    let reader = ExportReader { api: Arc::clone(api), notes: Notes::default() };
    reader.lines(tries, NO_SUCH_SERIES, window.end() - 1, window.end()).await?;
    Ok(reader)
}

impl ExportReader {
    async fn lines(
        &self,
        tries: u32,
        selector: &str,
        start: Millis,
        end: Millis,
    ) -> Result<(Lines, u64), ApiError> {
        let request = request::export(selector, start, end);
        let limit = self.api.options().timeout;
        // Anew for each try: what a broken answer brought goes with it.
        let lines = || Lines::new(start, end);
        self.api.stream(tries, &request, |response| stream::read(response, limit, lines())).await
    }

    async fn part(&self, job: &Job<'_>, part: &Part) -> Option<Result<Brought, ApiError>> {
        let selector = job.selector(part)?;
        let tries = self.api.options().max_attempts;
        let answer = self.lines(tries, &selector, part.start, part.end).await;
        Some(answer.map(|(Lines { series, samples, .. }, bytes)| Brought {
            series,
            samples,
            bytes,
            ..Brought::default()
        }))
    }
}

impl SampleReader for ExportReader {
    fn name(&self) -> &'static str {
        "VictoriaMetrics' export"
    }

    fn read<'a>(
        &'a self,
        plan: &'a ReadPlan,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, MetricData> {
        async move {
            let job = Job::new(plan, &self.api, progress);
            let parts = match plan.query.kind() {
                QueryKind::Tail => chunks::tail(plan.window),
                _ => chunks::days(plan.window),
            };
            job.run(self, parts).await
        }
        .boxed()
    }
}

impl Fetch for ExportReader {
    fn notes(&self) -> &Notes {
        &self.notes
    }

    fn fetch<'a>(
        &'a self,
        job: &'a Job<'a>,
        part: &'a Part,
    ) -> BoxFuture<'a, Option<Result<Brought, ApiError>>> {
        self.part(job, part).boxed()
    }
}

#[cfg(test)]
mod tests;
