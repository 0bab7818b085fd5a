//! Which sources a run reads, and how they are reached.

use std::path::PathBuf;

use url::Url;

use super::catalogue::setting;
use super::collect::{self, ScrapeOptions};
use super::layers::{Layers, Origin, Sourced, name_at};
use super::parse;
use crate::error::{Error, Result};
use crate::source::kubernetes::options::ClusterOptions;
use crate::source::prometheus::options::{ConnectionOptions, ReadOptions, SampleTransport, Secret};

/// Header of multi-tenant servers (Mimir, Cortex, Thanos).
pub const TENANT_HEADER: &str = "X-Scope-OrgID";

/// Ways of reading raw samples by name, as in the catalogue.
pub(super) const TRANSPORTS: &[(&str, SampleTransport)] = &[
    ("auto", SampleTransport::Auto),
    ("remote-read", SampleTransport::RemoteRead),
    ("victoriametrics", SampleTransport::VictoriaMetrics),
    ("query", SampleTransport::Query),
    ("query-range", SampleTransport::QueryRange),
];

/// Where the inputs come from.
#[derive(Debug, Clone)]
pub enum SourceChoice {
    /// A folder that `snapshot save` wrote.
    Snapshot(PathBuf),
    /// A folder that `collect` writes.
    Store(StoreSource),
    /// Servers, or files in place of the cluster.
    Live(Box<LiveSource>),
}

/// A store, and where cluster objects come from if not from there.
#[derive(Debug, Clone)]
pub struct StoreSource {
    /// The folder.
    pub dir: PathBuf,
    /// `None`: those that the store has.
    pub objects: Option<ObjectsFrom>,
    /// What is asked by those who want objects as they are now.
    pub live: Box<LiveSource>,
}

/// A metric server and, unless told otherwise, a cluster.
#[derive(Debug, Clone)]
pub struct LiveSource {
    /// The metric server; `None` discovers it in the cluster.
    pub prometheus: Option<Url>,
    /// Whether metrics are left out.
    pub no_metrics: bool,
    /// Exporters to be scraped once, in place of a metric server.
    pub scrape: Option<ScrapeOptions>,
    /// How to authenticate and speak to it.
    pub connection: ConnectionOptions,
    /// How much is asked at a time.
    pub read: ReadOptions,
    /// What was read before, where that is kept.
    pub cache: Option<CacheChoice>,
    /// Where cluster objects come from.
    pub objects: ObjectsFrom,
    /// Which cluster, when one is asked.
    pub cluster: ClusterOptions,
}

/// The cache of answers about closed time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheChoice {
    /// The folder.
    pub dir: PathBuf,
    /// Whether no metric server is asked.
    pub offline: bool,
}

/// Where cluster objects come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectsFrom {
    /// The API server.
    Cluster,
    /// A file or folder of printed objects.
    Files(PathBuf),
    /// Nowhere: the metric server alone.
    Nowhere,
}

/// Reads the settings of the sources.
///
/// # Errors
///
/// A usage error: a value that cannot be, or two settings that exclude each other.
pub fn source_choice(layers: &Layers) -> Result<SourceChoice> {
    let snapshot = layers.one("snapshot", parse::path)?;
    let live = live(layers)?;
    let mut overruled = false;
    for other in [
        "store",
        "scrape",
        "prometheus",
        "no-metrics",
        "objects",
        "kubeconfig",
        "context",
        "no-kubernetes",
    ] {
        overruled |= is_overruled(layers, "snapshot", other)?;
    }
    let live = Box::new(live);
    match (snapshot, store(layers)?) {
        (Some(path), _) if !overruled => Ok(SourceChoice::Snapshot(path)),
        (_, Some((dir, objects))) => Ok(SourceChoice::Store(StoreSource { dir, objects, live })),
        _ => Ok(SourceChoice::Live(live)),
    }
}

/// The sources of `roll-up`, where `--store` is what is written.
///
/// # Errors
///
/// As [`source_choice`].
pub fn rollup_source(layers: &Layers) -> Result<SourceChoice> {
    let mut live = live(layers)?;
    live.scrape = None;
    let others = ["prometheus", "no-metrics", "objects", "kubeconfig", "context", "no-kubernetes"];
    let is_overruled_by = |id: &str, others: &[&str]| {
        others.iter().try_fold(false, |all, other| Ok(all | is_overruled(layers, id, other)?))
    };
    let snapshot = layers.one("snapshot", parse::path)?;
    let is_replay = snapshot.is_some() && !is_overruled_by("snapshot", &others)?;
    let scrapes = layers.one("scrapes", parse::path)?;
    let has_scrapes = scrapes.is_some()
        && !is_overruled_by("scrapes", &["snapshot", "prometheus", "no-metrics"])?;
    let objects = match objects_from(layers)? {
        ObjectsFrom::Cluster => None,
        other => Some(other),
    };
    let live = Box::new(live);
    Ok(match (scrapes.filter(|_| has_scrapes), snapshot.filter(|_| is_replay)) {
        (Some(dir), _) => SourceChoice::Store(StoreSource { dir, objects, live }),
        (None, Some(dir)) => SourceChoice::Snapshot(dir),
        (None, None) => SourceChoice::Live(live),
    })
}

/// The store, unless something else is said in a higher layer. Which cluster a collector reads may stand beside
/// it; on one command line it would have no effect.
fn store(layers: &Layers) -> Result<Option<(PathBuf, Option<ObjectsFrom>)>> {
    let mut overruled = false;
    for other in ["scrape", "prometheus", "no-metrics"] {
        overruled |= is_overruled(layers, "store", other)?;
    }
    if layers.origin("store")? == Origin::Flag {
        for other in ["kubeconfig", "context"] {
            is_overruled(layers, "store", other)?;
        }
    }
    let objects = match objects_from(layers)? {
        ObjectsFrom::Cluster => None,
        other => Some(other),
    };
    let dir = layers.one("store", parse::path)?.filter(|_| !overruled);
    Ok(dir.map(|dir| (dir, objects)))
}

/// Whether the setting `id` is overruled by `other`, which excludes it and is of a higher layer.
///
/// # Errors
///
/// A usage error when both are of the same layer.
pub fn is_overruled(layers: &Layers, id: &str, other: &str) -> Result<bool> {
    let (this, that) = (layers.text(setting(id))?, layers.text(setting(other))?);
    let is_set = |found: &Sourced<Vec<String>>| {
        found.origin.rank() > 0 && found.value.first().is_some_and(|v| v != "false")
    };
    if !is_set(&this) || !is_set(&that) {
        return Ok(false);
    }
    if this.origin.rank() == that.origin.rank() {
        return Err(Error::usage(format!(
            "{} and {} exclude each other; give one of them",
            name_at(setting(id), &this.origin),
            name_at(setting(other), &that.origin),
        )));
    }
    Ok(this.origin.rank() < that.origin.rank())
}

fn live(layers: &Layers) -> Result<LiveSource> {
    let no_metrics = layers.switch("no-metrics")?;
    let mut scrapes = layers.switch("scrape")?;
    for other in ["prometheus", "no-metrics"] {
        scrapes &= !is_overruled(layers, "scrape", other)?;
    }
    Ok(LiveSource {
        prometheus: layers.one("prometheus", parse::server_url)?,
        no_metrics: no_metrics && !is_overruled(layers, "no-metrics", "prometheus")?,
        scrape: if scrapes { Some(collect::scrape_options(layers)?) } else { None },
        connection: connection(layers)?,
        read: read_options(layers)?,
        cache: cache(layers)?,
        objects: objects_from(layers)?,
        cluster: cluster_options(layers)?,
    })
}

fn cache(layers: &Layers) -> Result<Option<CacheChoice>> {
    let dir = layers.one("cache-dir", parse::path)?;
    let offline = layers.switch("offline")?;
    let skip = layers.switch("no-cache")? && !is_overruled(layers, "no-cache", "offline")?;
    match dir {
        Some(dir) if !skip => Ok(Some(CacheChoice { dir, offline })),
        None if offline => Err(Error::usage("`--offline` needs a cache")
            .hinted("name its folder: `--cache-dir DIR`, filled by a report without `--offline`")),
        _ => Ok(None),
    }
}

/// Which cluster.
///
/// # Errors
///
/// A usage error: a value that cannot be.
pub fn cluster_options(layers: &Layers) -> Result<ClusterOptions> {
    Ok(ClusterOptions {
        kubeconfig: layers.one("kubeconfig", parse::path)?,
        context: layers.one("context", parse::plain)?,
    })
}

impl LiveSource {
    /// Checks that there is a way to a metric server.
    ///
    /// # Errors
    ///
    /// A usage error when none is named and no cluster may be asked for one.
    pub fn check(&self) -> Result<()> {
        if self.no_metrics && self.objects == ObjectsFrom::Nowhere {
            let message = "`--no-metrics` and `--no-kubernetes` leave nothing to report on";
            return Err(Error::usage(message).hinted("give one of them only"));
        }
        if let Some(scrape) = &self.scrape {
            return scrape.check(&self.objects);
        }
        if self.is_offline() {
            return self.check_offline();
        }
        let why = match (&self.prometheus, &self.objects) {
            _ if self.no_metrics => return Ok(()),
            (Some(_), _) | (None, ObjectsFrom::Cluster) => return Ok(()),
            (None, ObjectsFrom::Files(_)) => "`--objects` stands in for the cluster",
            (None, ObjectsFrom::Nowhere) => "`--no-kubernetes` forbids asking the cluster",
        };
        Err(Error::usage(format!("no metric server: {why}, and `--prometheus` is not given"))
            .hinted(
                "name the server: `--prometheus http://HOST:9090`, or do without: `--store DIR`, `--scrape`, `--no-metrics`",
            ))
    }

    /// Whether neither a metric server nor a cluster is asked.
    fn is_offline(&self) -> bool {
        self.cache.as_ref().is_some_and(|cache| cache.offline) && !self.no_metrics
    }

    fn check_offline(&self) -> Result<()> {
        let missing = match (&self.prometheus, &self.objects, self.read.transport) {
            (None, ..) => "the metric server of which samples are kept: `--prometheus URL`",
            (_, ObjectsFrom::Cluster, _) => "`--objects PATH` or `--no-kubernetes`",
            (.., SampleTransport::Auto | SampleTransport::RemoteRead) => return Ok(()),
            _ => "`--transport auto`: what is kept came by remote read",
        };
        Err(Error::usage("`--offline` asks no server").hinted(format!("it needs {missing}")))
    }
}

/// Where cluster objects come from.
///
/// # Errors
///
/// A usage error: a value that cannot be, or two settings that exclude each other.
pub fn objects_from(layers: &Layers) -> Result<ObjectsFrom> {
    let skip = layers.switch("no-kubernetes")?;
    let files = layers.one("objects", parse::path)?;
    let skip = skip && !is_overruled(layers, "no-kubernetes", "objects")?;
    Ok(match files {
        _ if skip => ObjectsFrom::Nowhere,
        Some(path) => ObjectsFrom::Files(path),
        None => ObjectsFrom::Cluster,
    })
}

fn connection(layers: &Layers) -> Result<ConnectionOptions> {
    let options = ConnectionOptions {
        headers: headers(layers)?,
        bearer_token_file: layers.one("prometheus-bearer-token-file", parse::path)?,
        basic_user: layers.one("prometheus-basic-user", parse::plain)?,
        basic_password_file: layers.one("prometheus-basic-password-file", parse::path)?,
        ca_file: layers.one("prometheus-ca", parse::path)?,
        client_cert_file: layers.one("prometheus-client-cert", parse::path)?,
        client_key_file: layers.one("prometheus-client-key", parse::path)?,
        insecure_skip_tls_verify: layers.switch("insecure-skip-tls-verify")?,
    };
    pair(
        ("--prometheus-basic-user", options.basic_user.is_some()),
        ("--prometheus-basic-password-file", options.basic_password_file.is_some()),
    )?;
    pair(
        ("--prometheus-client-cert", options.client_cert_file.is_some()),
        ("--prometheus-client-key", options.client_key_file.is_some()),
    )?;
    if options.bearer_token_file.is_some() && options.basic_user.is_some() {
        return Err(Error::usage(
            "`--prometheus-bearer-token-file` and `--prometheus-basic-user` exclude each other",
        ));
    }
    Ok(options)
}

fn headers(layers: &Layers) -> Result<Vec<(String, Secret)>> {
    let mut headers = layers.many("prometheus-header", parse::header)?;
    if let Some(tenant) = layers.one("prometheus-tenant", parse::plain)? {
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TENANT_HEADER)) {
            return Err(Error::usage(format!(
                "`--prometheus-tenant` and the header {TENANT_HEADER} say the same thing twice"
            )));
        }
        headers.push((TENANT_HEADER.to_owned(), Secret(tenant)));
    }
    Ok(headers)
}

fn pair(one: (&str, bool), other: (&str, bool)) -> Result<()> {
    let (given, missing) = match (one.1, other.1) {
        (true, false) => (one.0, other.0),
        (false, true) => (other.0, one.0),
        _ => return Ok(()),
    };
    Err(Error::usage(format!("`{given}` needs `{missing}` as well")))
}

fn read_options(layers: &Layers) -> Result<ReadOptions> {
    let defaults = ReadOptions::default();
    let concurrency = layers.one("prometheus-concurrency", |t| parse::count(t, 1, 64))?;
    let timeout = layers.one("prometheus-timeout", parse::timeout)?;
    let transport = layers.one("transport", |t| parse::one_of(t, TRANSPORTS))?;
    let step_ms = layers.one("prometheus-step", parse::step_ms)?;
    Ok(ReadOptions {
        step_ms,
        max_concurrent: concurrency.unwrap_or(defaults.max_concurrent),
        timeout: timeout.unwrap_or(defaults.timeout),
        matchers: layers.many("prometheus-matcher", parse::matcher)?,
        transport: transport.unwrap_or_default(),
        ..defaults
    })
}
