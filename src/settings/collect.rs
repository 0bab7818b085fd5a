//! Which exporters are scraped, how often, and where what they show is kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::layers::Layers;
use super::parse::{self, Read, quoted};
use super::policy;
use super::source::{ObjectsFrom, cluster_options, objects_from};
use crate::error::{Error, Result};
use crate::source::kubernetes::options::ClusterOptions;
use crate::units::{MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND};

/// The label `job` where none is given.
const JOB: &str = "gpu-finops";
/// Longest interval: that of two samples which are neighbours by default.
const MAX_INTERVAL_MS: i64 = 5 * MS_PER_MINUTE;

/// Where the text of an exporter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceSpec {
    /// At a server.
    Url(Url),
    /// In a file.
    File(PathBuf),
}

/// An exporter, as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSpec {
    /// The label `job`.
    pub job: String,
    /// The label `instance`: host and port, or the path.
    pub instance: String,
    /// Where its text is.
    pub place: PlaceSpec,
}

/// Who is scraped, and how.
#[derive(Debug, Clone)]
pub struct ScrapeOptions {
    /// Exporters by name; none to find them in the cluster.
    pub targets: Vec<TargetSpec>,
    /// Longest wait for one text.
    pub timeout: Duration,
    /// Exporters at once.
    pub concurrency: usize,
    /// Whether an exporter's own labels stand.
    pub honor_labels: bool,
}

/// Settings of `collect`.
#[derive(Debug, Clone)]
pub struct CollectSettings {
    /// The folder to write.
    pub store: PathBuf,
    /// Who is scraped, and how.
    pub scrape: ScrapeOptions,
    /// Time from one scrape to the next, milliseconds.
    pub interval_ms: i64,
    /// Whether to end after one.
    pub once: bool,
    /// How long scrapes are kept, milliseconds.
    pub retain_ms: i64,
    /// Where health is served.
    pub listen: Option<SocketAddr>,
    /// Where cluster objects come from.
    pub objects: ObjectsFrom,
    /// Which cluster.
    pub cluster: ClusterOptions,
    /// Extended resource names of GPUs.
    pub gpu_resources: Vec<String>,
}

impl CollectSettings {
    /// Resolves the settings.
    ///
    /// # Errors
    ///
    /// A usage error that names the flag, variable or key, shows the value and says what is expected.
    pub fn resolve(layers: &Layers) -> Result<Self> {
        let interval_ms = layers.one("interval", interval)?.unwrap_or(30 * MS_PER_SECOND);
        let mut scrape = scrape_options(layers)?;
        let interval = Duration::from_millis(interval_ms.unsigned_abs());
        if scrape.timeout > interval {
            if layers.origin("scrape-timeout")?.rank() > 0 {
                return Err(Error::usage(format!(
                    "`--scrape-timeout` is longer than `--interval`, {interval:?}"
                ))
                .hinted("a scrape must end before the next one begins"));
            }
            scrape.timeout = interval;
        }
        let objects = objects_from(layers)?;
        scrape.check(&objects)?;
        let store = layers.one("store", parse::path)?.ok_or_else(|| {
            Error::usage("there is nowhere to keep what is scraped")
                .hinted("name a folder: `--store DIR`; it is made when it does not exist")
        })?;
        Ok(Self {
            store,
            scrape,
            interval_ms,
            once: layers.switch("once")?,
            retain_ms: layers.one("retain", retain)?.unwrap_or(30 * 24 * MS_PER_HOUR),
            listen: layers.one("listen", address)?,
            objects,
            cluster: cluster_options(layers)?,
            gpu_resources: policy::policy(layers)?.gpu_resources,
        })
    }
}

impl ScrapeOptions {
    /// Checks that there is somebody to scrape.
    ///
    /// # Errors
    ///
    /// A usage error when no exporter is named and no cluster may be asked for them.
    pub fn check(&self, objects: &ObjectsFrom) -> Result<()> {
        let why = match objects {
            _ if !self.targets.is_empty() => return Ok(()),
            ObjectsFrom::Cluster => return Ok(()),
            ObjectsFrom::Files(_) => "`--objects` stands in for the cluster",
            ObjectsFrom::Nowhere => "`--no-kubernetes` forbids asking the cluster",
        };
        Err(Error::usage(format!("nobody to scrape: {why}, and no `--target` is given"))
            .hinted("name the exporters: `--target http://HOST:9400`"))
    }
}

/// Reads who is scraped, and how.
///
/// # Errors
///
/// A usage error: a value that cannot be, or a target that is named twice.
pub fn scrape_options(layers: &Layers) -> Result<ScrapeOptions> {
    let targets = layers.many("target", target)?;
    for (i, one) in targets.iter().enumerate() {
        let same = |other: &TargetSpec| (&other.job, &other.instance) == (&one.job, &one.instance);
        if targets[..i].iter().any(same) {
            return Err(Error::usage(format!(
                "`--target` names {} of job {} twice",
                quoted(&one.instance),
                quoted(&one.job)
            ))
            .hinted("give each a job of its own: `--target JOB=URL`"));
        }
    }
    Ok(ScrapeOptions {
        targets,
        timeout: layers.one("scrape-timeout", parse::timeout)?.unwrap_or(Duration::from_secs(10)),
        concurrency: layers.one("scrape-concurrency", |t| parse::count(t, 1, 256))?.unwrap_or(16),
        honor_labels: layers.switch("honor-labels")?,
    })
}

/// `[JOB=]URL` or `[JOB=]file:PATH`.
fn target(text: &str) -> Read<TargetSpec> {
    let is_name = |job: &str| {
        !job.is_empty() && job.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c))
    };
    let (job, rest) = match text.split_once('=') {
        Some((job, rest)) if is_name(job) => (job, rest),
        _ => (JOB, text),
    };
    if let Some(path) = rest.strip_prefix("file:") {
        let path = parse::plain(path.strip_prefix("//").unwrap_or(path))?;
        let place = PlaceSpec::File(PathBuf::from(&path));
        return Ok(TargetSpec { job: job.to_owned(), instance: path, place });
    }
    let mut url = parse::server_url(rest)?;
    if url.path() == "/" {
        url.set_path("/metrics");
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let instance = format!("{host}:{port}");
    Ok(TargetSpec { job: job.to_owned(), instance, place: PlaceSpec::Url(url) })
}

fn interval(text: &str) -> Read<i64> {
    parse::duration_up_to(text, MAX_INTERVAL_MS, "5 minutes, the distance of neighbouring samples")
}

fn retain(text: &str) -> Read<i64> {
    match parse::duration_ms(text)? {
        ms if ms >= MS_PER_HOUR => Ok(ms),
        _ => Err(format!("`{text}` is shorter than an hour")),
    }
}

fn address(text: &str) -> Read<SocketAddr> {
    text.parse().map_err(|_| {
        format!(
            "{} is not an address to listen at; use 0.0.0.0:9409 or 127.0.0.1:9409",
            quoted(text)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_by_hand() {
        let read = |text: &str| target(text).map(|t| (t.job, t.instance, t.place));
        let url = |text: &str| PlaceSpec::Url(Url::parse(text).expect("a URL"));
        let (job, instance) = ("gpu-finops".to_owned(), "n1:9400".to_owned());
        assert_eq!(
            read("http://n1:9400"),
            Ok((job.clone(), instance, url("http://n1:9400/metrics")))
        );
        assert_eq!(
            read("ksm=https://[::1]/a/m"),
            Ok(("ksm".to_owned(), "[::1]:443".to_owned(), url("https://[::1]/a/m")))
        );
        for text in ["file:/tmp/a=b.prom", "file:///tmp/a=b.prom"] {
            let path = "/tmp/a=b.prom".to_owned();
            let place = PlaceSpec::File(PathBuf::from(&path));
            assert_eq!(read(text), Ok((job.clone(), path, place)), "{text}");
        }
        for bad in ["n1:9400", "a=", "ftp://n1", "http://u:hunter2@n1", "http://n1/?x=1", "file:"] {
            let error = read(bad).expect_err(bad);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
