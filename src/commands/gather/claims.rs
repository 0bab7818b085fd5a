//! What a listing of claims is made from: objects, and metrics only where their source is named.

use std::path::Path;

use super::{load_asked, noted, read_metrics, read_objects, system_clock, to_cluster};
use crate::error::{Error, Result};
use crate::model::{MetricData, SourceStatus, Window};
use crate::settings::Settings;
use crate::settings::source::{LiveSource, ObjectsFrom, SourceChoice};
use crate::source::objects::RawObjects;
use crate::source::progress::Progress;
use crate::source::prometheus::Collected;
use crate::ui::Ui;
use crate::units::Millis;

/// What a listing of claims is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct ForClaims {
    /// When the cluster was read.
    pub now_ms: Millis,
    /// Cluster objects.
    pub objects: RawObjects,
    /// Metrics, where a source of them was named.
    pub measured: Option<Measured>,
}

/// Metrics of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The window that was asked about.
    pub window: Window,
    /// Answers of the metric server.
    pub metrics: Vec<MetricData>,
    /// How the metric server fared.
    pub sources: Vec<SourceStatus>,
}

/// Reads cluster objects, and metrics where their source is named: `--prometheus`, or a snapshot that
/// has some. No metric server is looked for, so that claims can be listed where none may be reached.
///
/// # Errors
///
/// A cluster or a named server that cannot be reached, a file or snapshot that cannot be read, settings
/// that leave no source of objects.
pub async fn for_claims(settings: &Settings, ui: &Ui) -> Result<ForClaims> {
    let live = match &settings.source {
        SourceChoice::Snapshot(dir) => return recorded_claims(dir, settings, ui),
        SourceChoice::Live(live) => live,
        // It stands in for a metric server; claims are those of now.
        SourceChoice::Store(store) => &store.live,
    };
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let cluster = match &live.objects {
        ObjectsFrom::Cluster => Some(to_cluster(&live.cluster).await.map_err(|e| {
            e.hinted("or read what `kubectl get -o json` printed: `--objects PATH`")
        })?),
        ObjectsFrom::Files(_) => None,
        ObjectsFrom::Nowhere => {
            return Err(Error::usage("there is no source of objects: `no-kubernetes` is set")
                .hinted("take it back, or name a source: `--objects PATH` or `--snapshot DIR`"));
        }
    };
    let is_measured = live.prometheus.is_some() && !live.no_metrics;
    let window = is_measured.then(|| settings.window_at(now_ms)).transpose()?;
    let window = window.map(|resolved| noted(&resolved, ui));
    let progress = ui.progress();
    let progress = progress.as_ref();
    let (measured, objects) = futures::join!(
        measured(live, window, settings, progress, ui),
        read_objects(live, cluster.as_ref(), now_ms, progress),
    );
    Ok(ForClaims { now_ms, objects: objects?, measured: measured? })
}

async fn measured(
    live: &LiveSource,
    window: Option<Window>,
    settings: &Settings,
    progress: &dyn Progress,
    ui: &Ui,
) -> Result<Option<Measured>> {
    let Some(window) = window else { return Ok(None) };
    let read = read_metrics(live, None, window, settings, progress, ui).await;
    let Collected { metrics, sources, .. } = read.map_err(|e| {
        e.hinted("or list claims without judging their use: leave `--prometheus` out")
    })?;
    Ok(Some(Measured { window, metrics, sources }))
}

fn recorded_claims(dir: &Path, settings: &Settings, ui: &Ui) -> Result<ForClaims> {
    let recorded = load_asked(dir, settings)?;
    let now_ms = settings.now_ms.unwrap_or(recorded.now_ms);
    let resolved = settings.window_within(recorded.window, recorded.now_ms)?;
    let measured = (!recorded.metrics.is_empty()).then(|| Measured {
        window: noted(&resolved, ui),
        metrics: recorded.metrics,
        sources: recorded.sources,
    });
    Ok(ForClaims { now_ms, objects: recorded.objects, measured })
}
