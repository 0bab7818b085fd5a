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

use crate::error::{Error, Result};
use crate::model::{Inputs, MetricData, Policy, SourceState, SourceStatus, Window};
use crate::settings::Settings;
use crate::settings::source::{LiveSource, ObjectsFrom, SourceChoice};
use crate::settings::window::ResolvedWindow;
use crate::source::kubernetes::{self, Cluster, ServiceProxy};
use crate::source::objects::{self, RawObjects};
use crate::source::progress::Progress;
use crate::source::prometheus::transport::Transport;
use crate::source::prometheus::{self, Collected, DirectTransport};
use crate::source::snapshot::{self, Snapshot};
use crate::ui::Ui;
use crate::units::Millis;

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
        let facts = objects::decode(&self.objects, &policy.gpu_resources);
        let mut sources = self.sources;
        sources.extend(self.objects.sources);
        Inputs { window: self.window, now_ms: self.now_ms, metrics: self.metrics, facts, sources }
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
    let recorded = load(dir)?;
    let resolved = settings.window_within(recorded.window, recorded.now_ms)?;
    Ok(Gathered { window: noted(&resolved, ui), ..recorded })
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
    let server = (!live.no_metrics).then_some(server);
    Ok(Gathered { window, now_ms, metrics, objects, sources, server })
}

/// The cluster, where objects or the metric server are to come from it.
async fn connect(live: &LiveSource) -> Result<Option<Cluster>> {
    if live.objects != ObjectsFrom::Cluster && (live.prometheus.is_some() || live.no_metrics) {
        return Ok(None);
    }
    to_cluster(live).await.map(Some).map_err(|e| {
        e.hinted("or do without: `--prometheus URL` with `--objects PATH` or `--no-kubernetes`")
    })
}

async fn to_cluster(live: &LiveSource) -> Result<Cluster> {
    kubernetes::connect(&live.cluster).await.map_err(|e| {
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
    prometheus::collect(
        transport,
        &live.read,
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
        (ObjectsFrom::Files(path), _) => objects::read_path(path)
            .map_err(|e| Error::usage("cannot use `--objects`").caused_by(e)),
        _ => Ok(RawObjects::default()),
    }
}

fn load(dir: &Path) -> Result<Gathered> {
    snapshot::load(dir)
        .map(Into::into)
        .map_err(|e| Error::failed("cannot read the snapshot").caused_by(e))
}

/// The window, after its note was passed on.
fn noted(resolved: &ResolvedWindow, ui: &Ui) -> Window {
    if let Some(note) = &resolved.note {
        ui.note(note);
    }
    resolved.window
}

fn system_clock() -> Result<Millis> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|d| i64::try_from(d.as_millis()).ok())
        .ok_or_else(|| Error::failed("the system clock stands before 1970"))
}
