//! Exporters by settings, and one scrape of them: what `collect` and `report --scrape` have in common.

use std::sync::Arc;

use super::gather;
use crate::error::{Error, Result};
use crate::model::{Policy, Window};
use crate::settings::collect::{PlaceSpec, ScrapeOptions, TargetSpec};
use crate::source::kubernetes::{self, Cluster, PodProxy};
use crate::source::prometheus::options::ConnectionOptions;
use crate::source::prometheus::{Collected, DirectTransport, install_crypto_provider};
use crate::source::scrape::staleness::Staleness;
use crate::source::scrape::{Intake, Place, Target, instant, round};
use crate::source::store::TargetName;
use crate::ui::Ui;
use crate::units::Millis;

/// The exporters that are named, or those that are found in the cluster.
///
/// # Errors
///
/// A URL that cannot be used; a cluster that cannot be asked.
pub(super) async fn targets(
    options: &ScrapeOptions,
    cluster: Option<&Cluster>,
) -> Result<Vec<Target>> {
    match cluster {
        Some(cluster) if options.targets.is_empty() => found(cluster).await,
        _ => options.targets.iter().map(named).collect(),
    }
}

fn named(spec: &TargetSpec) -> Result<Target> {
    let name = TargetName { job: spec.job.clone(), instance: spec.instance.clone() };
    let place = match &spec.place {
        PlaceSpec::File(path) => Place::File(path.clone()),
        PlaceSpec::Url(url) => {
            install_crypto_provider();
            let transport = DirectTransport::new(url.as_str(), &ConnectionOptions::default());
            Place::Server(Arc::new(transport.map_err(|e| {
                Error::usage(format!("cannot set up the connection to `--target {url}`"))
                    .caused_by(e)
            })?))
        }
    };
    Ok(Target { name, place })
}

async fn found(cluster: &Cluster) -> Result<Vec<Target>> {
    let pods = kubernetes::exporters(cluster).await.map_err(|e| {
        Error::failed(format!("cannot read from the cluster at {}", cluster.url())).caused_by(e)
    })?;
    if pods.is_empty() {
        return Err(Error::failed(format!(
            "no exporter found in the cluster; looked for running pods with {}",
            kubernetes::exporters_looked_for()
        ))
        .hinted("name them with `--target URL`; `kubectl port-forward` makes one reachable"));
    }
    Ok(pods
        .iter()
        .map(|pod| Target {
            name: TargetName { job: pod.job.to_owned(), instance: pod.instance() },
            place: Place::Server(Arc::new(PodProxy::new(cluster.clone(), pod))),
        })
        .collect())
}

/// One scrape of everybody as answers that stand for `window`.
///
/// # Errors
///
/// As [`targets`]; and when nobody answers.
pub(super) async fn instant(
    options: &ScrapeOptions,
    cluster: Option<&Cluster>,
    window: Window,
    policy: &Policy,
    ui: &Ui,
) -> Result<Collected> {
    let targets = targets(options, cluster).await?;
    let intake = Arc::new(Intake::new(&policy.gpu_resources, options.honor_labels));
    let answers = round::all(&targets, &intake, options.timeout, options.concurrency, clock).await;
    let mut staleness = Staleness::default();
    let mut scrapes = Vec::with_capacity(answers.len());
    for (target, answer) in targets.iter().zip(answers) {
        if let Some(problem) = answer.text.as_ref().ok().and_then(|text| text.problem.as_ref()) {
            ui.warn(&format!("{}: {problem}", target.name));
        }
        scrapes.push(staleness.scraped(target.name.clone(), answer.timing, answer.text));
    }
    let failure = |scrape: &crate::source::store::Scraped<_>| scrape.error.clone();
    if let Some(reason) = scrapes.iter().map(failure).collect::<Option<Vec<_>>>() {
        return Err(nobody(&targets, reason.first()));
    }
    let said = instant::standing_for(&scrapes, window, policy.max_gap_ms, &policy.gpu_resources);
    let server = format!("one scrape; exporters: {}", targets.len());
    Ok(Collected { metrics: said.metrics, sources: said.sources, server })
}

/// The error when no exporter answered.
pub(super) fn nobody(targets: &[Target], reason: Option<&String>) -> Error {
    let first = targets.first().map(|target| target.name.to_string()).unwrap_or_default();
    let reason = reason.cloned().unwrap_or_default();
    let more = match targets.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Error::failed(format!("no exporter could be scraped; {first}: {reason}{more}"))
        .hinted("try the URL with curl; through the API server, `get` on `pods/proxy` is needed")
}

/// The system's clock; the epoch for one that stands before it.
pub(super) fn clock() -> Millis {
    gather::system_clock().unwrap_or_default()
}
