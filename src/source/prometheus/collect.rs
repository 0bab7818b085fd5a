//! Reads every query of the catalogue: first what is asked of the whole cluster, then what is asked
//! only of the nodes and namespaces that turned out to have GPUs.
//!
//! How one query is read is [`super::reader`]'s; what the answers mean is the core's.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::api::Api;
use super::api_error::{ApiError, cleaned};
use super::cache::Cache;
use super::decode;
use super::merge::merged;
use super::options::ReadOptions;
use super::render::{Bindings, RenderError, render};
use super::transport::Transport;
use super::ways::{NotOffered, Ways};
use super::{requests, scope, status};
use crate::model::query::QueryScope;
use crate::model::samples::SpillError;
use crate::model::{MetricData, QueryId, SourceState, SourceStatus, Window};
use crate::source::ReadPlan;
use crate::source::progress::Progress;

/// Tries of the first request: a wrong URL shall not keep a person waiting.
const PROBE_TRIES: u32 = 2;

/// What a metric server told.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// One answer per query that was asked, in the order of the catalogue.
    pub metrics: Vec<MetricData>,
    /// `prometheus`, then one line per query of the catalogue, asked or not.
    pub sources: Vec<SourceStatus>,
    /// The server, for people: where it is, and its version if it tells.
    pub server: String,
}

/// Why nothing could be collected at all.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The server does not answer, or not as a Prometheus-compatible API.
    #[error("cannot read metrics from {target}")]
    Unusable {
        /// Where it is, without credentials.
        target: String,
        /// What happened.
        #[source]
        source: ApiError,
    },
    /// One way of reading samples is wanted, and the server does not offer it.
    #[error("cannot read samples from {target} by {way}")]
    NotOffered {
        /// Where it is, without credentials.
        target: String,
        /// The way.
        way: &'static str,
        /// What happened.
        #[source]
        source: ApiError,
    },
    /// Nothing is kept of the server, which may not be asked.
    #[error("nothing of {target} for this report is in the cache, {}", dir.display())]
    NotKept {
        /// Where it is, without credentials.
        target: String,
        /// The cache.
        dir: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// The server is there, and not one query got an answer.
    #[error(
        "cannot read metrics: {target} is there, but every query failed; the first is {reason}"
    )]
    NothingAnswered {
        /// Where it is, without credentials.
        target: String,
        /// What happened to the first query.
        reason: String,
    },
    /// The samples do not fit into memory, and not on the disk.
    #[error("the samples are too many for memory")]
    TooMany(#[source] Arc<SpillError>),
    /// A query could not be written with these settings.
    #[error(transparent)]
    Query(#[from] RenderError),
}

impl CollectError {
    /// What to try, for a person.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unusable { source, .. } => source.hint(),
            Self::NotOffered { .. } => {
                Some("leave --transport at auto, which takes the best way that the server offers")
            }
            Self::NotKept { .. } => Some(
                "run the same report once without --offline; --prometheus is a part of what is kept",
            ),
            Self::NothingAnswered { .. } => {
                Some("look at the server's log; a shorter --window asks less of it")
            }
            Self::TooMany(_) => Some(SpillError::HINT),
            Self::Query(_) => None,
        }
    }
}

/// Reads every query for a report on `window`.
///
/// What is read is `window` widened by two `max_gap_ms` before and one after: a sample holds until the next one
/// for up to that long, so holds cross the edges in both directions. With it, a report on a window
/// cut in two adds up to the report on the whole.
///
/// `gpu_resources` are extended resource names (`nvidia.com/gpu`).
///
/// # Errors
/// When the server cannot be used at all, a label matcher is not one, or samples fit neither into memory nor
/// on the disk. A query that fails is not an
/// error but a gap in its answer and a line in [`Collected::sources`].
pub async fn collect(
    transport: Arc<dyn Transport>,
    options: &ReadOptions,
    gpu_resources: &[String],
    max_gap_ms: i64,
    window: Window,
    progress: &dyn Progress,
) -> Result<Collected, CollectError> {
    let bindings = Bindings::new(&options.matchers, gpu_resources)?;
    let api = Arc::new(Api::new(transport, options.clone()));
    progress.phase(&format!("asking {}", api.target()));
    let window = window.widened(2 * max_gap_ms, max_gap_ms);
    let (server, ways) = match api.cache().filter(|cache| cache.is_offline()) {
        Some(cache) => kept(&api, cache)?,
        None => found(&api, window).await?,
    };
    let answered = api.answered();
    let is_offline = api.cache().is_some_and(Cache::is_offline);
    let optional = match options.optional {
        true => QueryId::OPTIONAL,
        false => &[],
    };
    let run = Run { ways: &ways, window, progress, optional, is_offline };
    let (metrics, mut sources) = run.all(bindings).await;
    if let Some(failure) = api.spill().failure() {
        return Err(CollectError::TooMany(failure));
    }
    let from_cache = api.cache().is_some_and(|cache| cache.found() > 0);
    if api.answered() == answered && !from_cache {
        // A report on that would be one of zeros.
        let reason = first_failure(&metrics);
        if let Some(cache) = api.cache().filter(|cache| cache.is_offline()) {
            return Err(not_kept(&api, cache, std::io::Error::other(reason)));
        }
        return Err(CollectError::NothingAnswered { target: server, reason });
    }
    sources.splice(0..0, about_server(&api, &server, &ways));
    Ok(Collected { metrics, sources, server })
}

/// The server and its ways, as they were when the cache was filled.
fn kept(api: &Arc<Api>, cache: &Cache) -> Result<(String, Ways), CollectError> {
    let record = cache.recall().map_err(|error| not_kept(api, cache, error))?;
    Ok((record.server.clone(), Ways::of_cache(api, record)))
}

fn not_kept(api: &Api, cache: &Cache, source: std::io::Error) -> CollectError {
    let (target, dir) = (api.target().to_owned(), cache.dir().to_owned());
    CollectError::NotKept { target, dir, source }
}

/// The server, if somebody answers, and the ways to it.
async fn found(api: &Arc<Api>, window: Window) -> Result<(String, Ways), CollectError> {
    let server = probe(api).await?;
    let tries = PROBE_TRIES.min(api.options().max_attempts);
    let ways = Ways::find(api, tries, window).await.map_err(|NotOffered { way, error }| {
        CollectError::NotOffered { target: server.clone(), way, source: error }
    })?;
    if let (Some(cache), Some(record)) = (api.cache(), ways.record(&server)) {
        cache.remember(&record);
    }
    Ok((server, ways))
}

/// The first lines of coverage.
fn about_server(api: &Api, server: &str, ways: &Ways) -> Vec<SourceStatus> {
    let mut detail = format!("{server}, {}", ways.described());
    let mut lines = Vec::new();
    if let Some(cache) = api.cache() {
        if cache.is_offline() {
            detail =
                format!("{server}, not asked: what was read of it before, {}", ways.described());
        }
        let unused = SourceStatus {
            name: "cache".to_owned(),
            state: SourceState::Skipped,
            detail: "not used: it keeps what comes by remote read".to_owned(),
        };
        lines.push(ways.record(server).map_or(unused, |_| cache.status()));
    }
    lines.insert(0, SourceStatus { name: "prometheus".to_owned(), state: ways.state(), detail });
    lines
}

/// What happened to the first query that has a gap.
fn first_failure(metrics: &[MetricData]) -> String {
    let failure = |m: &MetricData| Some(format!("{}: {}", m.query.name(), m.gaps.first()?.reason));
    metrics.iter().find_map(failure).unwrap_or_default()
}

/// Sees whether anybody answers, and who.
async fn probe(api: &Api) -> Result<String, CollectError> {
    let target = api.target().to_owned();
    let tries = PROBE_TRIES.min(api.options().max_attempts);
    let reply = api.call_up_to(tries, &requests::probe(), decode::envelope::<IgnoredAny>).await;
    reply.map_err(|source| CollectError::Unusable { target: target.clone(), source })?;
    // Not every server tells, and none has to.
    let info = api.call_up_to(1, &requests::build_info(), decode::envelope::<BuildInfo>).await;
    Ok(info.map_or_else(|_| target.clone(), |reply| reply.answer.data.named(&target)))
}

#[derive(Deserialize)]
struct BuildInfo {
    application: Option<String>,
    version: Option<String>,
}

impl BuildInfo {
    fn named(&self, target: &str) -> String {
        let words: Vec<String> =
            [&self.application, &self.version].into_iter().flatten().map(|t| cleaned(t)).collect();
        match (words.is_empty(), &self.application) {
            (true, _) => target.to_owned(),
            (false, Some(_)) => format!("{target} ({})", words.join(" ")),
            (false, None) => format!("{target} (version {})", words.join(" ")),
        }
    }
}

/// One query's part of the result.
struct Row {
    query: QueryId,
    answer: Option<MetricData>,
    status: SourceStatus,
}

struct Run<'a> {
    ways: &'a Ways,
    window: Window,
    progress: &'a dyn Progress,
    /// What is asked beside the catalogue that a report rests on.
    optional: &'static [QueryId],
    /// No server may be asked.
    is_offline: bool,
}

impl Run<'_> {
    async fn all(&self, mut bindings: Bindings) -> (Vec<MetricData>, Vec<SourceStatus>) {
        self.progress.phase("reading GPU metrics");
        let first = |query: &&QueryId| query.scope() == QueryScope::All;
        let mut rows =
            join_all(QueryId::ALL.iter().filter(first).map(|query| self.ask(*query, &bindings)))
                .await;
        let answers: Vec<&MetricData> = rows.iter().filter_map(|row| row.answer.as_ref()).collect();
        bindings.nodes = scope::gpu_nodes(&answers);
        bindings.namespaces = scope::gpu_namespaces(&answers);
        self.progress.phase(&format!(
            "reading facts of {} GPU nodes and {} namespaces",
            bindings.nodes.values.len(),
            bindings.namespaces.values.len()
        ));
        let ask = |query: &QueryId| {
            let (nodes, namespaces) = (&bindings.nodes, &bindings.namespaces);
            let missing = scope::not_asked(*query, nodes, namespaces, &answers);
            self.ask_unless(missing, *query, &bindings)
        };
        let second = QueryId::ALL.iter().filter(|query| !first(query)).chain(self.optional);
        let asked = join_all(second.map(ask)).await;
        rows.extend(asked);
        rows.sort_by_key(|row| row.query);
        let (mut metrics, mut sources) = (Vec::new(), Vec::new());
        for row in rows {
            metrics.extend(row.answer);
            sources.push(row.status);
        }
        (metrics, sources)
    }

    async fn ask_unless(
        &self,
        missing: Option<&'static str>,
        query: QueryId,
        bindings: &Bindings,
    ) -> Row {
        let is_not_kept = query.is_optional() && self.is_offline;
        let not_kept = "not asked: it is not kept, and only a server can evaluate it";
        match missing.or_else(|| is_not_kept.then_some(not_kept)) {
            Some(missing) => Row { query, answer: None, status: status::skipped(query, missing) },
            None if query.is_optional() => self.ask(query, &scope::of_any_label(bindings)).await,
            None => self.ask(query, bindings).await,
        }
    }

    async fn ask(&self, query: QueryId, bindings: &Bindings) -> Row {
        let texts = match render(query, bindings) {
            Ok(texts) => texts,
            Err(error) => {
                let status = status::failed(query, error.to_string());
                return Row { query, answer: None, status };
            }
        };
        let plans: Vec<ReadPlan> = texts
            .into_iter()
            .map(|promql| ReadPlan { query, promql, window: self.window })
            .collect();
        let answers = join_all(plans.iter().map(|plan| self.ways.read(plan, self.progress))).await;
        let answer = merged(query, answers);
        let status = status::of_answer(&answer, self.window, &self.ways.notes(query));
        Row { query, answer: Some(answer), status }
    }
}

#[cfg(test)]
mod tests;
