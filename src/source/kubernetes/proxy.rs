//! A metric server or an exporter reached through the API server's proxy: no port-forward, no ingress, the
//! cluster's own credentials. Needs the verb `get` on `services/proxy`, or `pods/proxy`.

use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue};
use url::form_urlencoded;

use super::client::Cluster;
use super::discovery::Candidate;
use super::exporters::ExporterPod;
use crate::source::prometheus::options::Secret;
use crate::source::prometheus::transport::{
    ApiRequest, ApiResponse, StreamRequest, StreamResponse, Transport, TransportError,
};

/// Sends requests to a service by way of the API server.
#[derive(Debug)]
pub struct ServiceProxy {
    cluster: Cluster,
    base: String,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ServiceProxy {
    /// A transport to `candidate`. `headers` go with every request (`X-Scope-OrgID` and the like);
    /// the API server keeps `Authorization` to itself and does not pass it on.
    ///
    /// # Errors
    /// [`TransportError::Local`] for a name or value that no header may have; the value is not shown.
    pub fn new(
        cluster: Cluster,
        candidate: &Candidate,
        headers: &[(String, Secret)],
    ) -> Result<Self, TransportError> {
        let headers = headers.iter().map(header).collect::<Result<_, _>>()?;
        let Candidate { namespace, name, port, .. } = candidate;
        let scheme = if candidate.https { "https:" } else { "" };
        let base = format!(
            "/api/v1/namespaces/{namespace}/services/{scheme}{name}:{port}/proxy{}",
            candidate.path_prefix
        );
        let target = format!("{candidate} through {}", cluster.url());
        Ok(Self { cluster, base, target, headers })
    }

    fn path_and_query(&self, request: &ApiRequest) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&request.params);
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{query}", self.base, request.path)
    }
}

fn header((name, value): &(String, Secret)) -> Result<(HeaderName, HeaderValue), TransportError> {
    let bad = || TransportError::Local(format!("{name:?}: not a valid header name or value"));
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    let mut value = HeaderValue::from_str(&value.0).map_err(|_| bad())?;
    value.set_sensitive(true);
    Ok((header, value))
}

impl Transport for ServiceProxy {
    fn target(&self) -> &str {
        &self.target
    }

    /// A `POST` through the proxy would need the verb `create`, and reading must not.
    fn allows_post(&self) -> bool {
        false
    }

    fn send<'a>(
        &'a self,
        request: &'a ApiRequest,
    ) -> BoxFuture<'a, Result<ApiResponse, TransportError>> {
        Box::pin(
            async move { self.cluster.get(&self.path_and_query(request), &self.headers).await },
        )
    }

    /// With a body it is a `POST` that only reads, for which the API server wants the verb `create` all the
    /// same.
    fn stream<'a>(
        &'a self,
        request: &'a StreamRequest,
    ) -> BoxFuture<'a, Result<StreamResponse, TransportError>> {
        Box::pin(async move {
            let path_and_query = self.path_and_query(&request.request);
            self.cluster.stream(&path_and_query, &self.headers, request).await
        })
    }
}

/// The metrics of an exporter's pod by way of the API server.
#[derive(Debug)]
pub struct PodProxy {
    cluster: Cluster,
    path: String,
    target: String,
}

impl PodProxy {
    /// A transport to what `pod` prints at `/metrics`.
    #[must_use]
    pub fn new(cluster: Cluster, pod: &ExporterPod) -> Self {
        let ExporterPod { namespace, name, port, .. } = pod;
        let scheme = if pod.https { "https:" } else { "" };
        let path =
            format!("/api/v1/namespaces/{namespace}/pods/{scheme}{name}:{port}/proxy/metrics");
        let target = format!("{pod} through {}", cluster.url());
        Self { cluster, path, target }
    }
}

impl Transport for PodProxy {
    fn target(&self) -> &str {
        &self.target
    }

    /// As for services.
    fn allows_post(&self) -> bool {
        false
    }

    fn send<'a>(
        &'a self,
        _request: &'a ApiRequest,
    ) -> BoxFuture<'a, Result<ApiResponse, TransportError>> {
        Box::pin(async move { self.cluster.get(&self.path, &[]).await })
    }

    /// An exporter has one answer, and it is a text.
    fn stream<'a>(
        &'a self,
        _request: &'a StreamRequest,
    ) -> BoxFuture<'a, Result<StreamResponse, TransportError>> {
        let reason = "an exporter's pod answers no streamed requests".to_owned();
        Box::pin(async move { Err(TransportError::Local(reason)) })
    }
}
