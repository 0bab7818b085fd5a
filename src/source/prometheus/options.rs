//! How a metric server is reached. Resolved values; where they came from is `settings`.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::samples::MEMORY_BYTES;
use crate::units::Millis;

/// A secret that never shows in a debug print, a log or an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// How to authenticate and speak to a Prometheus-compatible server.
#[derive(Debug, Clone, Default)]
pub struct ConnectionOptions {
    /// Extra headers (`X-Scope-OrgID` and the like), values are secrets.
    pub headers: Vec<(String, Secret)>,
    /// File with a bearer token, read anew for every request's worth of work (tokens rotate).
    pub bearer_token_file: Option<PathBuf>,
    /// User for basic authentication.
    pub basic_user: Option<String>,
    /// File with the password for basic authentication.
    pub basic_password_file: Option<PathBuf>,
    /// PEM file with a CA certificate to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file with a client certificate.
    pub client_cert_file: Option<PathBuf>,
    /// PEM file with the client certificate's key.
    pub client_key_file: Option<PathBuf>,
    /// Accept any server certificate.
    pub insecure_skip_tls_verify: bool,
}

impl ConnectionOptions {
    /// Whether anything but headers says who is asking.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.bearer_token_file.is_some()
            || self.basic_user.is_some()
            || self.client_cert_file.is_some()
    }
}

/// How raw samples are read. By remote read come facts and conditions, too; else through the query API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SampleTransport {
    /// The first that the server offers of those below.
    #[default]
    Auto,
    /// Remote read, or not at all.
    RemoteRead,
    /// VictoriaMetrics' export, or not at all.
    VictoriaMetrics,
    /// The query API, by range selectors.
    Query,
    /// The query API, by evaluation on a grid.
    QueryRange,
}

/// A folder with answers about closed time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// The folder, made when it is not there.
    pub dir: PathBuf,
    /// Whether the folder alone is read, and no server.
    pub offline: bool,
    /// Tenant of a multi-tenant server, which has other samples than the next one.
    pub tenant: Option<String>,
    /// The instant of the run, by which time is closed or open.
    pub now_ms: Millis,
}

/// How much is asked at a time, and how patiently.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Requests in flight at once.
    pub max_concurrent: usize,
    /// Tries for one request, the first included.
    pub max_attempts: u32,
    /// Longest wait for one response.
    pub timeout: Duration,
    /// Most samples to be expected from one request.
    pub max_samples_per_request: u64,
    /// Extra label matchers for every selector, PromQL text (`cluster="prod"`).
    pub matchers: Vec<String>,
    /// Whether what only recommendations look at is asked for, too.
    pub optional: bool,
    /// How raw samples are read.
    pub transport: SampleTransport,
    /// Step of the grid where raw samples are read on one; `None` goes by how close samples are.
    pub step_ms: Option<i64>,
    /// Where answers about closed time are kept, if they are.
    pub cache: Option<CacheOptions>,
    /// Bytes of packed samples that stay in memory.
    pub memory_bytes: u64,
    /// Folder for a temporary file with those that do not.
    pub spill_dir: PathBuf,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_concurrent: 4,
            max_attempts: 4,
            timeout: Duration::from_secs(60),
            max_samples_per_request: 2_500_000,
            matchers: Vec::new(),
            optional: false,
            transport: SampleTransport::Auto,
            step_ms: None,
            cache: None,
            memory_bytes: MEMORY_BYTES,
            spill_dir: std::env::temp_dir(),
        }
    }
}
