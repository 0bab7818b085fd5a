//! Connecting to the API server: which cluster, with which credentials.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use kube::config::Kubeconfig;
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
            let states_proxy = states_proxy(&kubeconfig, &context);
            let options = Access::options(&context);
            let config = Config::from_custom_kubeconfig(*kubeconfig, &options).await;
            let mut config = config.map_err(|e| unusable(Some(&context), e.to_string()))?;
            if !states_proxy {
                heed_environment_proxy(&mut config, &Matcher::from_env());
            }
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

/// Whether the context's cluster has a `proxy-url` of its own.
fn states_proxy(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let context = kubeconfig.contexts.iter().find(|c| c.name == context);
    let cluster = context.and_then(|c| c.context.as_ref()).map(|c| &c.cluster);
    let found = kubeconfig.clusters.iter().find(|c| Some(&c.name) == cluster);
    let stated = found.and_then(|c| c.cluster.as_ref()).and_then(|c| c.proxy_url.as_ref());
    stated.is_some_and(|url| !url.is_empty())
}

/// Uses the environment's proxy as kubectl does. kube takes `HTTPS_PROXY` for any server and compares
/// `NO_PROXY` with the proxy's own address.
fn heed_environment_proxy(config: &mut Config, environment: &Matcher) {
    let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let found = environment.intercept(&config.cluster_url).filter(|_| !loopback);
    config.proxy_url = found.map(|found| match config.proxy_url.take() {
        // The same proxy, as it was written: with user and password.
        Some(given) if given.scheme().is_some() && given.host() == found.uri().host() => given,
        _ => found.uri().clone(),
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_of_the_environment() {
        let environment = Matcher::builder()
            .https("http://user:secret@proxy.corp:3128")
            .no("10.0.0.0/8,.internal")
            .build();
        let proxy_of = |url: &str| {
            let mut config = Config::new(url.parse().expect("a URL"));
            // What kube makes of HTTPS_PROXY.
            config.proxy_url = "http://user:secret@proxy.corp:3128".parse().ok();
            heed_environment_proxy(&mut config, &environment);
            config.proxy_url.map(|proxy| proxy.to_string())
        };
        let proxy = Some("http://user:secret@proxy.corp:3128/".to_owned());
        assert_eq!(proxy_of("https://k8s.example.com:6443"), proxy);
        assert_eq!(proxy_of("https://10.1.2.3:6443"), None);
        assert_eq!(proxy_of("https://k8s.internal"), None);
        assert_eq!(proxy_of("http://k8s.example.com"), None);
        assert_eq!(proxy_of("https://127.0.0.1:6443"), None);
        assert_eq!(proxy_of("https://[::1]:6443"), None);
    }

    #[test]
    fn urls_are_shown_without_credentials() {
        let url = "https://user:secret@k8s.example.com:6443/k8s/clusters/c-1/".parse();
        let shown = shown_url(&url.expect("a URL"));
        assert_eq!(shown, "https://k8s.example.com:6443/k8s/clusters/c-1");
    }
}
