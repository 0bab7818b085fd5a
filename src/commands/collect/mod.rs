//! `gpu-finops collect`.

mod collector;

use std::sync::Arc;

use tokio::net::TcpListener;

use super::gather::to_cluster;
use super::scraping::{self, clock};
use crate::error::{Error, Result};
use crate::settings;
use crate::settings::args::CollectFlags;
use crate::settings::collect::CollectSettings;
use crate::settings::layers::Environment;
use crate::settings::source::ObjectsFrom;
use crate::source::kubernetes::{self, Cluster};
use crate::source::objects::{self, RawObjects};
use crate::source::progress::Silent;
use crate::source::scrape::health::Health;
use crate::source::scrape::{Intake, round};
use crate::source::store::{StoreError, StoreWriter};
use crate::ui::Ui;
use collector::Collector;

/// Intervals without a success after which `/healthz` says so.
const PATIENCE: i64 = 4;

const EXAMPLES: &str = "\
Examples:
  gpu-finops collect --store ./store
      Exporters of the cluster of the current context, through its API server, every 30 s.
  gpu-finops collect --store ./store --target dcgm=http://gpu-1:9400 --target ksm=http://ksm:8080 \\
      --objects ./dump/ --interval 15s --retain 90d --listen 0.0.0.0:9409
  gpu-finops collect --store ./store --target file:./dcgm.prom --no-kubernetes --once
  gpu-finops report --store ./store --window yesterday

Exit codes:
  0 ended by SIGTERM or Ctrl-C, or --once went well · 1 the tool failed, or --once reached no exporter
  2 wrong usage or configuration, or another process writes to the store";

/// Scrape exporters into a local store, for clusters without Prometheus.
///
/// Asks dcgm-exporter (or AMD's exporter) and kube-state-metrics every --interval and appends what a report
/// needs of it. A crash loses at most what was being written; hours that are over become Parquet files.
/// `report --store` reads the store, also while it is written.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: CollectFlags,
}

/// Scrapes until it is told to end, or once.
///
/// # Errors
///
/// Wrong settings; a store that cannot be written; a cluster that cannot be reached; with `--once`, nobody
/// who answers.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let layers = settings::layers(args.flags.0, environment)?;
    for (given, meant) in layers.environment().near_misses() {
        ui.warn(&format!("environment variable `{given}` is not known; did you mean `{meant}`?"));
    }
    let settings = CollectSettings::resolve(&layers)?;
    // Before anything else, so that nothing is missed.
    let end = Signals::listen()?;
    let (store, upkeep) = StoreWriter::open(&settings.store).map_err(|e| cannot_write(&e))?;
    upkeep.notes.iter().for_each(|note| ui.note(note));
    let listener = listen(&settings).await?;
    let cluster = connect(&settings).await?;
    let health = Health::new(clock(), PATIENCE * settings.interval_ms);
    let mut collector = Collector::new(store, health.clone(), &settings, *ui);
    if settings.once {
        return tokio::select! {
            result = once(&mut collector, &settings, cluster.as_ref()) => result,
            () = end.arrived() => collector.finish(),
        };
    }
    if let Some(listener) = listener {
        tokio::spawn(health.serve(listener, clock));
    }
    collector.run(&settings, cluster, end).await
}

/// One round.
async fn once(
    collector: &mut Collector,
    settings: &CollectSettings,
    cluster: Option<&Cluster>,
) -> Result<()> {
    let options = &settings.scrape;
    let targets = scraping::targets(options, cluster).await?;
    let intake = Arc::new(Intake::new(&settings.gpu_resources, options.honor_labels));
    let (answers, objects) = futures::join!(
        round::all(&targets, &intake, options.timeout, options.concurrency, clock),
        list(settings, cluster),
    );
    let failures: Option<Vec<String>> =
        answers.iter().map(|answer| answer.text.as_ref().err().cloned()).collect();
    for (target, answer) in targets.iter().zip(answers) {
        collector.keep(&target.name, answer)?;
    }
    if let Some(objects) = objects? {
        collector.keep_objects(&objects)?;
    }
    collector.finish()?;
    failures.map_or(Ok(()), |reasons| Err(scraping::nobody(&targets, reasons.first())))
}

/// Cluster objects as they are now; `None` where none are wanted.
async fn list(settings: &CollectSettings, cluster: Option<&Cluster>) -> Result<Option<RawObjects>> {
    match (&settings.objects, cluster) {
        (ObjectsFrom::Cluster, Some(cluster)) => kubernetes::list(cluster, clock(), &Silent)
            .await
            .map(Some)
            .map_err(|e| Error::failed("cannot list the cluster's objects").caused_by(e)),
        (ObjectsFrom::Files(path), _) => objects::read_path(path)
            .map(Some)
            .map_err(|e| Error::usage("cannot use `--objects`").caused_by(e)),
        _ => Ok(None),
    }
}

async fn listen(settings: &CollectSettings) -> Result<Option<TcpListener>> {
    let Some(address) = settings.listen.filter(|_| !settings.once) else { return Ok(None) };
    TcpListener::bind(address).await.map(Some).map_err(|e| {
        Error::usage(format!("cannot listen at {address} (`--listen`)"))
            .caused_by(e)
            .hinted("choose another port")
    })
}

/// The cluster, where exporters or objects are to come from it.
async fn connect(settings: &CollectSettings) -> Result<Option<Cluster>> {
    if settings.objects != ObjectsFrom::Cluster {
        return Ok(None);
    }
    to_cluster(&settings.cluster).await.map(Some).map_err(|e| {
        e.hinted("or do without: `--target URL` with `--objects PATH` or `--no-kubernetes`")
    })
}

fn cannot_write(error: &StoreError) -> Error {
    let message = error.to_string();
    let error = match error {
        StoreError::Io { source, .. } => Error::failed(message).caused_by(source.to_string()),
        StoreError::Content(_) => Error::failed(message),
        _ => Error::usage(message),
    };
    error.hinted("`--store` names the folder")
}

/// SIGTERM and Ctrl-C.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let to =
            |kind| signal(kind).map_err(|e| Error::failed("cannot listen to signals").caused_by(e));
        Ok(Self {
            terminate: to(SignalKind::terminate())?,
            interrupt: to(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
    fn listen() -> Result<Self> {
        Ok(Self {})
    }

    /// Waits for one of them.
    #[cfg(unix)]
    async fn arrived(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn arrived(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
