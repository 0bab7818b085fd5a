//! Connecting to the API server: which cluster, with which credentials.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use kube::{Client, Config};

use super::exchange::{Patience, explain};
use super::kubeconfig::{Access, Environment, locate};
use super::options::ClusterOptions;

/// Longest wait for a TCP and TLS connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to one API server. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) patience: Patience,
    context: Option<String>,
}

impl Cluster {
    /// The API server's URL, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The kubeconfig context; `None` in a pod.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("url", &self.url).field("context", &self.context).finish()
    }
}

/// Why there is no connection. No message has a credential in it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Neither a file nor a pod's service account.
    #[error(
        "no kubeconfig found (looked at {}) and not in a pod; \
         give --kubeconfig FILE or set KUBECONFIG, or use --objects PATH instead of a cluster",
        listed(looked_at)
    )]
    NoKubeconfig {
        /// Files that do not exist.
        looked_at: Vec<PathBuf>,
    },
    /// A file that cannot be used.
    #[error("kubeconfig {}: {reason}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The context that was asked for, or that is current, does not exist.
    #[error("no context {name:?} in {}; contexts there: {}", listed(files), names(known))]
    UnknownContext {
        /// The context.
        name: String,
        /// Those that exist.
        known: Vec<String>,
        /// Where was looked.
        files: Vec<PathBuf>,
    },
    /// None was asked for, and none is current.
    #[error(
        "no current context in {}; give --context with one of: {}",
        listed(files),
        names(known)
    )]
    NoCurrentContext {
        /// Those that exist.
        known: Vec<String>,
        /// Where was looked.
        files: Vec<PathBuf>,
    },
    /// The configuration was found and cannot be acted on.
    #[error("cannot connect to the cluster ({origin}): {reason}")]
    Unusable {
        /// `context "prod"`, `in-cluster`.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names(&paths)
}

fn names(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Prepares a connection: kubeconfig (`--kubeconfig`, `KUBECONFIG`, `~/.kube/config`), else in-cluster.
///
/// Nothing is sent yet, but a credential plugin of the kubeconfig is run.
///
/// # Errors
/// When no configuration is found, it does not say which cluster, or its credentials cannot be used.
pub async fn connect(options: &ClusterOptions) -> Result<Cluster, ClusterError> {
    let (config, context) = match locate(options, &Environment::of_process())? {
        Access::InCluster => {
            let config = Config::incluster().map_err(|error| unusable(None, error.to_string()))?;
            (config, None)
        }
        Access::Context { kubeconfig, context } => {
            let options = Access::options(&context);
            let config = Config::from_custom_kubeconfig(*kubeconfig, &options).await;
            let config = config.map_err(|e| unusable(Some(&context), e.to_string()))?;
            (config, Some(context))
        }
    };
    with_config(config, context).await
}

async fn with_config(mut config: Config, context: Option<String>) -> Result<Cluster, ClusterError> {
    // One TLS library for the whole process; an error says that it is chosen already.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Retrying is done here, where `Retry-After` and progress are known.
    config.default_retry = false;
    let url = shown_url(&config.cluster_url);
    // Credential plugins are programs that kube waits for.
    let built = tokio::task::spawn_blocking(move || Client::try_from(config)).await;
    let client = built
        .map_err(|error| unusable(context.as_deref(), error.to_string()))?
        .map_err(|error| unusable(context.as_deref(), explain(&error)))?;
    Ok(Cluster { client, url, patience: Patience::default(), context })
}

fn unusable(context: Option<&str>, reason: String) -> ClusterError {
    let origin =
        context.map_or_else(|| "in-cluster".to_owned(), |name| format!("context {name:?}"));
    ClusterError::Unusable { origin, reason }
}

/// Scheme, host, port and path: what may stand before an `@` is a password.
fn shown_url(url: &http::Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    let host = url.host().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{host}{port}{}", url.path().trim_end_matches('/'))
}
