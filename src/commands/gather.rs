//! From settings to everything that a report is made from: the only place that talks to sources.
//!
//! What a source gives is kept as it came, so that a snapshot can be saved of it; decoding objects
//! is the last step, [`Gathered::into_inputs`].

mod claims;
mod doctor;

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use claims::{ForClaims, Measured, for_claims};
pub use doctor::{ForDoctor, for_doctor};

use super::scraping;
use crate::error::{Error, Result};
use crate::model::window::rfc3339;
use crate::model::{Inputs, MetricData, Policy, QueryId, SourceState, SourceStatus, Window};
use crate::settings::Settings;
use crate::settings::source::{
    CacheChoice, LiveSource, ObjectsFrom, SourceChoice, StoreSource, TENANT_HEADER,
};
use crate::settings::window::ResolvedWindow;
use crate::source::kubernetes::{self, Cluster, ClusterOptions, ServiceProxy};
use crate::source::objects::{self, RawObject, RawObjects};
use crate::source::progress::Progress;
use crate::source::prometheus::options::{CacheOptions, ReadOptions};
use crate::source::prometheus::transport::Transport;
use crate::source::prometheus::{self, Collected, DirectTransport};
use crate::source::snapshot::{self, Snapshot};
use crate::source::store::{self, StoreError, StoreQuery, Stored};
use crate::ui::Ui;
use crate::units::{MS_PER_MINUTE, Millis};

/// Age at the end of the window up to which a store's list of objects stands for then.
const MAX_LIST_AGE_MS: i64 = 15 * MS_PER_MINUTE;

/// What the sources gave, objects still as JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    /// The window that was asked about.
    pub window: Window,
    /// When it was read.
    pub now_ms: Millis,
    /// Answers of the metric server.
    pub metrics: Vec<MetricData>,
    /// Cluster objects.
    pub objects: RawObjects,
    /// How each source fared, but for those that `objects` tells about.
    pub sources: Vec<SourceStatus>,
    /// The metric server, for people; never with credentials.
    pub server: Option<String>,
}

impl Gathered {
    /// The same with objects decoded.
    #[must_use]
    pub fn into_inputs(self, policy: &Policy) -> Inputs {
        self.into_parts(policy).0
    }

    /// The same with the objects as they came beside it.
    #[must_use]
    pub fn into_parts(self, policy: &Policy) -> (Inputs, Vec<RawObject>) {
        let Self { window, now_ms, metrics, objects, mut sources, .. } = self;
        let facts = objects::decode(&objects, &policy.gpu_resources);
        sources.extend(objects.sources);
        (Inputs { window, now_ms, metrics, facts, sources }, objects.items)
    }
}

impl From<Snapshot> for Gathered {
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot { window, now_ms, metrics, objects, sources, server, .. } = snapshot;
        Self { window, now_ms, metrics, objects, sources, server }
    }
}

/// Reads the sources that the settings name.
///
/// # Errors
///
/// A window that cannot be, a snapshot that cannot be read, a server that nothing came from. What
/// came in part is a gap or a status of the result, not an error.
pub async fn gather(settings: &Settings, ui: &Ui) -> Result<Gathered> {
    match &settings.source {
        SourceChoice::Snapshot(dir) => replay(dir, settings, ui),
        SourceChoice::Store(store) => from_store(store, settings, ui),
        SourceChoice::Live(live) => read(live, settings, ui).await,
    }
}

/// The built-in cluster.
///
/// # Errors
///
/// A fixture that cannot be read: a bug.
pub fn demo() -> Result<Gathered> {
    snapshot::demo()
        .map(Into::into)
        .map_err(|e| Error::failed("the built-in cluster cannot be read").caused_by(e))
}

fn replay(dir: &Path, settings: &Settings, ui: &Ui) -> Result<Gathered> {
    let recorded = load_asked(dir, settings)?;
    let resolved = settings.window_within(recorded.window, recorded.now_ms)?;
    Ok(Gathered { window: noted(&resolved, ui), ..recorded })
}

/// A store's samples, and its objects unless others are given.
fn from_store(store: &StoreSource, settings: &Settings, ui: &Ui) -> Result<Gathered> {
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let window = noted(&settings.window_at(now_ms)?, ui);
    let fail = |e: StoreError| Error::failed("cannot read the store").caused_by(e);
    ui.progress().phase(&format!("reading {}", store.dir.display()));
    let query = StoreQuery {
        window,
        now_ms,
        max_gap_ms: settings.policy.max_gap_ms,
        gpu_resources: &settings.policy.gpu_resources,
    };
    let Stored { metrics, mut sources } = store::read(&store.dir, &query).map_err(fail)?;
    let objects = match &store.objects {
        Some(ObjectsFrom::Files(path)) => read_files(path)?,
        Some(_) => RawObjects::default(),
        None => {
            let kept = store::objects(&store.dir).map_err(fail)?;
            let (line, objects) = kept_objects(kept, window.end().min(now_ms));
            sources.push(line);
            objects
        }
    };
    let server = Some(format!("store {}", store.dir.display()));
    Ok(Gathered { window, now_ms, metrics, objects, sources, server })
}

/// Objects of a store. A list from long before the end of the window is no better than a file.
fn kept_objects(kept: Option<RawObjects>, end_ms: Millis) -> (SourceStatus, RawObjects) {
    let name = "store/objects".to_owned();
    let Some(mut objects) = kept else {
        let detail = "none are kept: `collect` had no cluster and no `--objects`".to_owned();
        return (SourceStatus { name, state: SourceState::Skipped, detail }, RawObjects::default());
    };
    let detail = match objects.listed_at_ms {
        Some(at) => format!("{} objects, as listed at {}", objects.items.len(), rfc3339(at)),
        None => format!("{} objects of files", objects.items.len()),
    };
    objects.listed_at_ms = objects.listed_at_ms.filter(|at| end_ms - at <= MAX_LIST_AGE_MS);
    (SourceStatus { name, state: SourceState::Ok, detail }, objects)
}

fn read_files(path: &Path) -> Result<RawObjects> {
    objects::read_path(path).map_err(|e| Error::usage("cannot use `--objects`").caused_by(e))
}

async fn read(live: &LiveSource, settings: &Settings, ui: &Ui) -> Result<Gathered> {
    live.check()?;
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let window = noted(&settings.window_at(now_ms)?, ui);
    let cluster = connect(live).await?;
    let progress = ui.progress();
    let (metrics, objects) = futures::join!(
        read_metrics(live, cluster.as_ref(), window, settings, progress.as_ref(), ui),
        read_objects(live, cluster.as_ref(), now_ms, progress.as_ref()),
    );
    let (collected, objects) = (metrics?, objects?);
    let Collected { metrics, sources, server } = collected;
    let server = (!server.is_empty()).then_some(server);
    Ok(Gathered { window, now_ms, metrics, objects, sources, server })
}

/// The cluster, where objects or the metric server are to come from it.
async fn connect(live: &LiveSource) -> Result<Option<Cluster>> {
    let needs_none = match &live.scrape {
        Some(scrape) => !scrape.targets.is_empty(),
        None => live.prometheus.is_some() || live.no_metrics,
    };
    if live.objects != ObjectsFrom::Cluster && needs_none {
        return Ok(None);
    }
    to_cluster(&live.cluster).await.map(Some).map_err(|e| {
        e.hinted("or do without: `--prometheus URL` with `--objects PATH` or `--no-kubernetes`")
    })
}

/// A connection to the cluster.
pub(super) async fn to_cluster(options: &ClusterOptions) -> Result<Cluster> {
    kubernetes::connect(options).await.map_err(|e| {
        Error::failed("cannot connect to a cluster")
            .caused_by(e)
            .hinted("name one with `--kubeconfig` or `--context`")
    })
}

/// Samples and how the metric server fared.
async fn read_metrics(
    live: &LiveSource,
    cluster: Option<&Cluster>,
    window: Window,
    settings: &Settings,
    progress: &dyn Progress,
    ui: &Ui,
) -> Result<Collected> {
    if live.no_metrics {
        let detail = "left out by --no-metrics: what is listed now stands for the whole window";
        let skipped = SourceStatus {
            name: "prometheus".to_owned(),
            state: SourceState::Skipped,
            detail: detail.to_owned(),
        };
        return Ok(Collected { metrics: vec![], sources: vec![skipped], server: String::new() });
    }
    if let Some(options) = &live.scrape {
        progress.phase("scraping exporters");
        return scraping::instant(options, cluster, window, &settings.policy, ui).await;
    }
    let transport: Arc<dyn Transport> = match (&live.prometheus, cluster) {
        (Some(url), _) => Arc::new(direct(url.as_str(), live)?),
        (None, Some(cluster)) => Arc::new(discovered(cluster, live, ui).await?),
        (None, None) => return Err(Error::usage("no metric server: give `--prometheus URL`")),
    };
    collect_from(transport, live, window, settings, progress).await
}

/// Samples from the server behind `transport`.
async fn collect_from(
    transport: Arc<dyn Transport>,
    live: &LiveSource,
    window: Window,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Collected> {
    let policy = &settings.policy;
    let options = ReadOptions { cache: cache(live, settings)?, ..live.read.clone() };
    prometheus::collect(
        transport,
        &options,
        &policy.gpu_resources,
        policy.max_gap_ms,
        window,
        progress,
    )
    .await
    .map_err(|e| {
        let hint = e.hint();
        let error = Error::failed(e.to_string());
        let error = match std::error::Error::source(&e) {
            Some(cause) => error.caused_by(cause.to_string()),
            None => error,
        };
        match hint {
            Some(hint) => error.hinted(hint),
            None => error,
        }
    })
}

/// The cache, with the time by which days are over: a run that was told of a later one knows no more for it.
fn cache(live: &LiveSource, settings: &Settings) -> Result<Option<CacheOptions>> {
    let Some(CacheChoice { dir, offline }) = live.cache.clone() else { return Ok(None) };
    let clock = system_clock()?;
    let now_ms = settings.now_ms.map_or(clock, |now| now.min(clock));
    let headers = &live.connection.headers;
    let tenant = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(TENANT_HEADER));
    let tenant = tenant.map(|(_, value)| value.0.clone());
    Ok(Some(CacheOptions { dir, offline, tenant, now_ms }))
}

fn direct(url: &str, live: &LiveSource) -> Result<DirectTransport> {
    prometheus::install_crypto_provider();
    DirectTransport::new(url, &live.connection)
        .map_err(|e| Error::usage("cannot set up the connection to `--prometheus`").caused_by(e))
}

/// The first metric server of the cluster that answers, through the API server's service proxy.
async fn discovered(cluster: &Cluster, live: &LiveSource, ui: &Ui) -> Result<ServiceProxy> {
    let none = |message: String| {
        Error::failed(message)
            .hinted("name it with `--prometheus URL`; `kubectl port-forward` makes one reachable")
            .hinted(
                "or do without: `--no-metrics`; of what could be changed, `patch`, `plan` and `cleanup` then know claims \
                 that are left over alone",
            )
    };
    let discovery = kubernetes::discover(cluster).await.map_err(|e| {
        none(format!("cannot read from the cluster at {}", cluster.url())).caused_by(e)
    })?;
    if discovery.found.is_empty() {
        return Err(none(format!(
            "no metric server found in the cluster; looked for services with {}",
            discovery.looked_for.join(" or ")
        )));
    }
    if live.connection.has_credentials() {
        ui.warn(
            "credentials for Prometheus are not used with a server that is discovered: it is reached \
             through the API server, with yours for the cluster",
        );
    }
    let choice = kubernetes::choose(cluster, &discovery, &live.connection.headers).await;
    for (candidate, reason) in &choice.refused {
        ui.warn(&format!("{candidate} does not answer: {reason}"));
    }
    let (candidate, proxy) = choice
        .chosen
        .ok_or_else(|| none("none of the metric servers found in the cluster answers".into()))?;
    ui.note(&format!("metric server: {candidate} (found by label {})", candidate.selector));
    Ok(proxy)
}

/// Objects of the live cluster, of files, or none.
async fn read_objects(
    live: &LiveSource,
    cluster: Option<&Cluster>,
    now_ms: Millis,
    progress: &dyn Progress,
) -> Result<RawObjects> {
    match (&live.objects, cluster) {
        (ObjectsFrom::Cluster, Some(cluster)) => kubernetes::list(cluster, now_ms, progress)
            .await
            .map_err(|e| Error::failed("cannot list the cluster's objects").caused_by(e)),
        (ObjectsFrom::Files(path), _) => read_files(path),
        _ => Ok(RawObjects::default()),
    }
}

fn load(dir: &Path) -> Result<Gathered> {
    snapshot::load(dir)
        .map(Into::into)
        .map_err(|e| Error::failed("cannot read the snapshot").caused_by(e))
}

/// A snapshot without what would not have been asked for live: a replay says what the report said.
fn load_asked(dir: &Path, settings: &Settings) -> Result<Gathered> {
    let mut recorded = load(dir)?;
    if !settings.optional {
        recorded.metrics.retain(|data| !data.query.is_optional());
        let query = |s: &SourceStatus| QueryId::from_name(s.name.rsplit('/').next()?);
        recorded.sources.retain(|source| !query(source).is_some_and(QueryId::is_optional));
    }
    Ok(recorded)
}

/// The window, after its note was passed on.
fn noted(resolved: &ResolvedWindow, ui: &Ui) -> Window {
    if let Some(note) = &resolved.note {
        ui.note(note);
    }
    resolved.window
}

pub(super) fn system_clock() -> Result<Millis> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|d| i64::try_from(d.as_millis()).ok())
        .ok_or_else(|| Error::failed("the system clock stands before 1970"))
}
