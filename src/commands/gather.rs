//! From settings to everything that a report is made from: the only place that talks to sources.
//!
//! What a source gives is kept as it came, so that a snapshot can be saved of it; decoding objects
//! is the last step, [`Gathered::inputs`].

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::model::{Inputs, MetricData, Policy, SourceStatus, Window};
use crate::settings::Settings;
use crate::settings::source::{LiveSource, ObjectsFrom, SourceChoice};
use crate::settings::window::ResolvedWindow;
use crate::source::objects::RawObjects;
use crate::source::progress::Progress;
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
}

impl Gathered {
    /// The same with objects decoded.
    ///
    /// # Errors
    ///
    /// None so far beyond the missing decoder.
    pub fn inputs(&self, _policy: &Policy) -> Result<Inputs> {
        Err(not_wired("decoding cluster objects"))
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
/// None so far beyond the missing fixture.
pub fn demo() -> Result<Gathered> {
    Err(not_wired("the built-in cluster"))
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
    let progress = ui.progress();
    let (metrics, objects) = futures::join!(
        read_metrics(live, window, settings, progress.as_ref()),
        read_objects(live, now_ms, progress.as_ref()),
    );
    let ((metrics, sources), objects) = (metrics?, objects?);
    Ok(Gathered { window, now_ms, metrics, objects, sources })
}

/// Samples and how the metric server fared.
async fn read_metrics(
    _live: &LiveSource,
    _window: Window,
    _settings: &Settings,
    _progress: &dyn Progress,
) -> Result<(Vec<MetricData>, Vec<SourceStatus>)> {
    Err(not_wired("reading a metric server"))
}

/// Objects of the live cluster, of files, or none.
async fn read_objects(
    live: &LiveSource,
    _now_ms: Millis,
    _progress: &dyn Progress,
) -> Result<RawObjects> {
    match &live.objects {
        ObjectsFrom::Cluster => Err(not_wired("reading a cluster")),
        ObjectsFrom::Files(_) => Err(not_wired("reading printed objects")),
        ObjectsFrom::Nowhere => Ok(RawObjects::default()),
    }
}

fn load(_dir: &Path) -> Result<Gathered> {
    Err(not_wired("reading snapshots"))
}

fn not_wired(what: &str) -> Error {
    Error::failed(format!("{what} is not part of this build"))
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
