//! Which way samples come: raw ones by the first way of the ladder that the server offers. By remote read comes
//! everything; else facts and conditions come through the query API. Decided once a run.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::api::Api;
use super::api_error::ApiError;
use super::cache::Record;
use super::gridded::GridReader;
use super::options::SampleTransport;
use super::probes;
use super::reader::RangeReader;
use super::remote_read::{self, RemoteReader};
use super::render::with_matcher;
use super::victoriametrics::{self, ExportReader};
use crate::model::query::QueryKind;
use crate::model::{MetricData, QueryId, SourceState, Window};
use crate::source::progress::Progress;
use crate::source::{ReadPlan, SampleReader};

/// The readers of one server.
#[derive(Debug)]
pub(super) struct Ways {
    query: RangeReader,
    /// The way of raw samples, where it is another.
    raw: Option<Raw>,
    /// Why it is not a better one, when any would do.
    refused: Vec<String>,
}

/// A way of raw samples.
#[derive(Debug)]
enum Raw {
    Remote(RemoteReader),
    Export(ExportReader),
    Grid(GridReader),
}

/// Why the one way that is wanted cannot be taken.
#[derive(Debug)]
pub(super) struct NotOffered {
    pub(super) way: &'static str,
    pub(super) error: ApiError,
}

/// Why remote read is not even asked for where only `GET` is allowed.
const NEEDS_POST: &str = "remote read is a POST, for which the API server wants the verb create on \
                          services/proxy; --transport remote-read sends it";

impl Ways {
    /// The ways to the server behind `api`.
    ///
    /// # Errors
    /// Why the one way that is wanted is not offered.
    pub(super) async fn find(
        api: &Arc<Api>,
        tries: u32,
        window: Window,
    ) -> Result<Self, NotOffered> {
        let mut refused = Vec::new();
        let not_offered = |way| move |error| NotOffered { way, error };
        let raw = match api.options().transport {
            SampleTransport::Query => None,
            SampleTransport::QueryRange => Some(Raw::Grid(GridReader::over(Arc::clone(api)))),
            SampleTransport::RemoteRead => {
                let found = remote_read::probe(api, tries, window).await;
                Some(Raw::Remote(found.map_err(not_offered("remote read"))?))
            }
            SampleTransport::VictoriaMetrics => {
                let found = victoriametrics::probe(api, tries, window).await;
                Some(Raw::Export(found.map_err(not_offered("VictoriaMetrics' export"))?))
            }
            SampleTransport::Auto => first_offered(api, tries, window, &mut refused).await,
        };
        Ok(Self { query: RangeReader::over(Arc::clone(api)), raw, refused })
    }

    /// What is kept of the server behind `api`, by remote read.
    pub(super) fn of_cache(api: &Arc<Api>, record: Record) -> Self {
        let remote = RemoteReader::of_cache(Arc::clone(api), record.labels);
        let query = RangeReader::over(Arc::clone(api));
        Self { query, raw: Some(Raw::Remote(remote)), refused: Vec::new() }
    }

    /// What has to be known to read what is kept of `server`; `None` where its way is not one that is kept.
    pub(super) fn record(&self, server: &str) -> Option<Record> {
        match &self.raw {
            Some(Raw::Remote(remote)) => {
                Some(Record { server: server.to_owned(), labels: remote.labels().to_owned() })
            }
            _ => None,
        }
    }

    /// The choice, for the report: `through remote read`.
    pub(super) fn described(&self) -> String {
        let mut text = format!("through {}", self.name());
        if !self.refused.is_empty() {
            text = format!("{text}: {}", self.refused.join("; "));
        }
        if let Some(Raw::Grid(grid)) = &self.raw {
            text = format!("{text}; {}", grid.effect());
        }
        text
    }

    /// Whether samples come one by one.
    pub(super) fn state(&self) -> SourceState {
        match self.raw {
            Some(Raw::Grid(_)) => SourceState::Gridded,
            _ => SourceState::Ok,
        }
    }

    fn name(&self) -> String {
        match &self.raw {
            Some(Raw::Remote(remote)) => remote.name().to_owned(),
            Some(Raw::Export(export)) => export.name().to_owned(),
            Some(Raw::Grid(grid)) => grid.name().to_owned(),
            None => format!("the {}", self.query.name()),
        }
    }

    /// Remarks about the answers to `query` so far that lose nothing of what was asked for.
    pub(super) fn notes(&self, query: QueryId) -> Vec<String> {
        let mut notes = self.query.notes(query);
        notes.extend(match &self.raw {
            Some(Raw::Remote(remote)) => remote.notes(query),
            Some(Raw::Grid(grid)) => grid.notes(query),
            Some(Raw::Export(_)) | None => Vec::new(),
        });
        notes
    }

    /// Everything that `plan` asks for.
    pub(super) fn read<'a>(
        &'a self,
        plan: &'a ReadPlan,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, MetricData> {
        match &self.raw {
            _ if plan.query.is_optional() => self.query.read(plan, progress),
            Some(Raw::Remote(remote)) if RemoteReader::takes(plan) => remote.read(plan, progress),
            Some(Raw::Export(export)) if is_raw(plan) => export.read(plan, progress),
            Some(Raw::Grid(grid)) if is_raw(plan) => grid.read(plan, progress),
            _ => self.query.read(plan, progress),
        }
    }
}

/// Whether `plan` asks for raw samples of a plain selector.
fn is_raw(plan: &ReadPlan) -> bool {
    matches!(plan.query.kind(), QueryKind::Raw | QueryKind::Tail)
        && with_matcher(&plan.promql, "").is_some()
}

/// The first way of the ladder that the server offers; `None` for range selectors of the query API.
async fn first_offered(
    api: &Arc<Api>,
    tries: u32,
    window: Window,
    refused: &mut Vec<String>,
) -> Option<Raw> {
    if api.allows_post() {
        match remote_read::probe(api, tries, window).await {
            Ok(remote) => return Some(Raw::Remote(remote)),
            Err(error) => refused.push(format!("remote read is not offered ({error})")),
        }
    } else {
        refused.push(NEEDS_POST.to_owned());
    }
    match victoriametrics::probe(api, tries, window).await {
        Ok(export) => return Some(Raw::Export(export)),
        Err(error) => refused.push(format!("VictoriaMetrics' export is not offered ({error})")),
    }
    let error = probes::refuses_range_selectors(api, tries, window).await?;
    // A server that refuses either is left to say so query by query.
    if probes::refuses_grids(api, tries, window).await.is_some() {
        return None;
    }
    refused.push(format!("range selectors are refused ({error})"));
    Some(Raw::Grid(GridReader::over(Arc::clone(api))))
}
