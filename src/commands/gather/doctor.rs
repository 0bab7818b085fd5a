//! What `doctor` looks at: the sources of a report, and how each was reached. Where `report` would stop, it
//! goes on, and keeps what went wrong.

use std::path::Path;
use std::sync::Arc;

use super::{
    Gathered, collect_from, direct, load, noted, read_metrics, read_objects, system_clock,
    to_cluster,
};
use crate::error::{Error, Result};
use crate::model::reach::{MetricServer, ObjectSource, Reach, ServerInfo, Way};
use crate::model::{SourceState, Window};
use crate::settings::Settings;
use crate::settings::source::{LiveSource, ObjectsFrom, SourceChoice};
use crate::source::kubernetes::{self, Cluster};
use crate::source::objects::RawObjects;
use crate::source::progress::Progress;
use crate::source::prometheus::transport::Transport;
use crate::source::prometheus::{self, Collected};
use crate::ui::{self, Ui};
use crate::units::Millis;

/// What was gathered, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ForDoctor {
    /// All that came, be it nothing.
    pub gathered: Gathered,
    /// The metric server.
    pub server: MetricServer,
    /// Where objects come from.
    pub objects: ObjectSource,
}

/// Reads the sources that the settings name, as a report would, and examines them.
///
/// # Errors
///
/// Settings that leave nothing to read, a window that cannot be, a snapshot that cannot be read. A server
/// or file that cannot be read is no error: it is kept for the report.
pub async fn for_doctor(settings: &Settings, ui: &Ui) -> Result<ForDoctor> {
    let live = match &settings.source {
        SourceChoice::Snapshot(dir) => return recorded(dir, settings, ui),
        SourceChoice::Live(live) if live.scrape.is_none() => live,
        SourceChoice::Store(_) | SourceChoice::Live(_) => {
            let gathered = super::gather(settings, ui).await?;
            return Ok(from_files(gathered, Way::Scraped, "what was scraped"));
        }
    };
    live.check()?;
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let window = noted(&settings.window_at(now_ms)?, ui);
    let needs_cluster =
        live.objects == ObjectsFrom::Cluster || (live.prometheus.is_none() && !live.no_metrics);
    let cluster = if needs_cluster { Some(to_cluster(&live.cluster).await) } else { None };
    let progress = ui.progress();
    let progress = progress.as_ref();
    let ((collected, server), (raw, objects)) = futures::join!(
        metrics(live, cluster.as_ref(), window, settings, progress, ui),
        objects(live, cluster.as_ref(), now_ms, progress),
    );
    let Collected { metrics, sources, .. } = collected;
    let gathered =
        Gathered { window, now_ms, metrics, objects: raw, sources, server: server.target.clone() };
    Ok(ForDoctor { gathered, server, objects })
}

fn recorded(dir: &Path, settings: &Settings, ui: &Ui) -> Result<ForDoctor> {
    let recorded = load(dir)?;
    let resolved = settings.window_within(recorded.window, recorded.now_ms)?;
    let gathered = Gathered { window: noted(&resolved, ui), ..recorded };
    Ok(from_files(gathered, Way::Recorded, "the snapshot"))
}

/// What is there in full already, from `origin`.
fn from_files(gathered: Gathered, way: Way, origin: &str) -> ForDoctor {
    // A metric server that was left out left its line.
    let left_out = gathered
        .sources
        .iter()
        .find(|source| source.name == "prometheus" && source.state == SourceState::Skipped);
    let reach = match left_out {
        Some(source) => Reach::NotAsked { reason: source.detail.clone() },
        None if gathered.metrics.is_empty() => {
            Reach::NotAsked { reason: format!("{origin} has no metrics") }
        }
        None => Reach::Answered,
    };
    let server = MetricServer {
        reach,
        way,
        target: gathered.server.clone(),
        refused: Vec::new(),
        info: ServerInfo::default(),
    };
    let has_objects = !gathered.objects.items.is_empty() || !gathered.objects.sources.is_empty();
    let reach = match has_objects {
        true => Reach::Answered,
        false => Reach::NotAsked { reason: format!("{origin} has no objects") },
    };
    let objects = ObjectSource { reach, origin: Some(origin.to_owned()), version: None };
    ForDoctor { gathered, server, objects }
}

/// A server on the way to being read.
struct Found {
    transport: Option<Arc<dyn Transport>>,
    way: Way,
    refused: Vec<(String, String)>,
    error: Option<Error>,
}

impl Found {
    const fn failed(error: Error) -> Self {
        Self { transport: None, way: Way::Nowhere, refused: Vec::new(), error: Some(error) }
    }
}

async fn metrics(
    live: &LiveSource,
    cluster: Option<&Result<Cluster>>,
    window: Window,
    settings: &Settings,
    progress: &dyn Progress,
    ui: &Ui,
) -> (Collected, MetricServer) {
    let nothing = || Collected { metrics: vec![], sources: vec![], server: String::new() };
    if live.no_metrics {
        let read = read_metrics(live, None, window, settings, progress, ui).await;
        let collected = read.unwrap_or_else(|_| nothing());
        let reason = collected.sources.first().map(|s| s.detail.clone()).unwrap_or_default();
        return (collected, unread(Reach::NotAsked { reason }, Way::Nowhere, Vec::new()));
    }
    let Found { transport, way, refused, error } = find(live, cluster).await;
    let Some(transport) = transport else {
        let reach = error.as_ref().map_or_else(no_server, why);
        return (nothing(), unread(reach, way, refused));
    };
    let target = Some(transport.target().to_owned());
    let clock = || system_clock().unwrap_or_default();
    let info = prometheus::examine(transport.as_ref(), live.read.timeout, clock).await;
    let read = collect_from(transport, live, window, settings, progress).await;
    let reach = read.as_ref().err().map_or(Reach::Answered, why);
    let server = MetricServer { reach, way, target, refused, info };
    (read.unwrap_or_else(|_| nothing()), server)
}

fn unread(reach: Reach, way: Way, refused: Vec<(String, String)>) -> MetricServer {
    MetricServer { reach, way, target: None, refused, info: ServerInfo::default() }
}

/// The way to the metric server: by its URL, else to the first of the cluster that answers.
async fn find(live: &LiveSource, cluster: Option<&Result<Cluster>>) -> Found {
    let cluster = match (&live.prometheus, cluster) {
        (Some(url), _) => {
            return match direct(url.as_str(), live) {
                Ok(transport) => Found {
                    transport: Some(Arc::new(transport)),
                    way: Way::Direct,
                    refused: Vec::new(),
                    error: None,
                },
                Err(error) => Found { way: Way::Direct, ..Found::failed(error) },
            };
        }
        (None, Some(Ok(cluster))) => cluster,
        (None, _) => {
            let error =
                Error::failed("no metric server was looked for: there is no cluster to look in");
            return Found::failed(error.hinted("name it with `--prometheus URL`"));
        }
    };
    let by_url = |message: String| {
        Error::failed(message)
            .hinted("name it with `--prometheus URL`; `kubectl port-forward` makes one reachable")
    };
    let discovery = match kubernetes::discover(cluster).await {
        Ok(discovery) => discovery,
        Err(error) => return Found::failed(by_url(error.to_string())),
    };
    if discovery.found.is_empty() {
        let looked_for = discovery.looked_for.join(" or ");
        return Found::failed(by_url(format!(
            "no metric server found in the cluster; looked for services with {looked_for}"
        )));
    }
    let choice = kubernetes::choose(cluster, &discovery, &live.connection.headers).await;
    let refused =
        choice.refused.iter().map(|(c, reason)| (c.to_string(), reason.clone())).collect();
    match choice.chosen {
        Some((candidate, proxy)) => Found {
            transport: Some(Arc::new(proxy)),
            way: Way::Proxied { found_by: candidate.selector },
            refused,
            error: None,
        },
        None => {
            let message = "none of the metric servers found in the cluster answers".to_owned();
            Found { refused, ..Found::failed(by_url(message)) }
        }
    }
}

async fn objects(
    live: &LiveSource,
    cluster: Option<&Result<Cluster>>,
    now_ms: Millis,
    progress: &dyn Progress,
) -> (RawObjects, ObjectSource) {
    let none =
        |reach, origin| (RawObjects::default(), ObjectSource { reach, origin, version: None });
    let (origin, cluster) = match (&live.objects, cluster) {
        (ObjectsFrom::Nowhere, _) => {
            let reason = "left out by --no-kubernetes".to_owned();
            return none(Reach::NotAsked { reason }, None);
        }
        (ObjectsFrom::Cluster, Some(Err(error))) => return none(why(error), None),
        (ObjectsFrom::Cluster, Some(Ok(cluster))) => (cluster.url().to_owned(), Some(cluster)),
        (ObjectsFrom::Cluster, None) => return none(no_server(), None),
        (ObjectsFrom::Files(path), _) => (path.display().to_string(), None),
    };
    match read_objects(live, cluster, now_ms, progress).await {
        Ok(raw) => {
            let version = match cluster {
                Some(cluster) => kubernetes::version(cluster).await,
                None => None,
            };
            let source = ObjectSource { reach: Reach::Answered, origin: Some(origin), version };
            (raw, source)
        }
        Err(error) => none(why(&error), Some(origin)),
    }
}

fn why(error: &Error) -> Reach {
    Reach::Failed { reason: ui::chain(error), hints: error.hints().to_vec() }
}

fn no_server() -> Reach {
    Reach::NotAsked { reason: "nothing names it".to_owned() }
}
