//! Straight to a metric server by URL. One exchange at a time; retries are [`super::api`]'s.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use http::header::{
    ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use url::Url;

use super::address::Address;
use super::auth::{Auth, without_secrets};
use super::options::ConnectionOptions;
use super::tls;
use super::transport::{ApiRequest, ApiResponse, Transport, TransportError};

/// Most bytes of one decompressed answer. An answer of the default 2.5 million samples has 55 MB.
pub const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Longest URL that is sent as a GET; caches and access logs like GET, proxies cut long URLs.
const MAX_GET_URL_BYTES: usize = 2 * 1024;
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;

/// How every Prometheus-compatible server begins an error, whatever its status.
const API_ERROR: &[u8] = br#"{"status":"error""#;

/// Sends requests to a server given by URL, over HTTP or HTTPS (rustls).
pub struct DirectTransport {
    client: reqwest::Client,
    address: Address,
    auth: Auth,
    max_body_bytes: usize,
}

impl std::fmt::Debug for DirectTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectTransport").field("target", &self.address.target()).finish()
    }
}

impl DirectTransport {
    /// A transport to the server at `url`: `http` or `https`, with an optional path prefix. A user
    /// and password in it are taken as basic authentication and shown nowhere.
    ///
    /// # Errors
    /// [`TransportError::Local`] when the URL, a header, a certificate or a file is not usable. The
    /// message names the flag, never a secret.
    pub fn new(url: &str, options: &ConnectionOptions) -> Result<Self, TransportError> {
        let address = Address::parse(url)?;
        let auth = Auth::new(options, address.user_info())?;
        auth.headers()?;
        let builder = reqwest::Client::builder()
            .user_agent(concat!("gpu-finops/", env!("CARGO_PKG_VERSION")))
            // Redirects are followed here, because a POST must stay one and secrets must not travel.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            // Compressing JSON takes a server longer than sending it over anything faster than a
            // quarter of a gigabit, which a loopback is.
            .gzip(!address.is_loopback());
        let builder = if address.is_loopback() { builder.no_proxy() } else { builder };
        let client = tls::configured(builder, options, address.is_https())?
            .build()
            .map_err(|error| TransportError::Local(root_cause(&error)))?;
        Ok(Self { client, address, auth, max_body_bytes: MAX_BODY_BYTES })
    }

    /// The same with another limit for one decompressed answer.
    #[must_use]
    pub const fn with_max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    async fn exchange(&self, request: &ApiRequest) -> Result<ApiResponse, TransportError> {
        let headers = self.auth.headers()?;
        let form = encoded(&request.params);
        let url = self.address.endpoint(&request.path);
        let long = url.as_str().len() + 1 + form.len() > MAX_GET_URL_BYTES;
        let mut answer = self.follow(&url, &form, &headers, long).await?;
        if long && answer.status == StatusCode::METHOD_NOT_ALLOWED.as_u16() {
            // Some proxies let reading through by GET only.
            answer = self.follow(&url, &form, &headers, false).await?;
        }
        // Data stays as it came: a label may look like a secret.
        if answer.status != StatusCode::OK.as_u16() || answer.body.starts_with(API_ERROR) {
            answer.body = without_secrets(answer.body, &headers);
        }
        Ok(answer)
    }

    async fn follow(
        &self,
        url: &Url,
        form: &str,
        headers: &HeaderMap,
        post: bool,
    ) -> Result<ApiResponse, TransportError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.once(&url, form, headers, post).await?;
            let location = header_text(response.headers(), &LOCATION);
            match (response.status(), location) {
                (
                    StatusCode::MOVED_PERMANENTLY
                    | StatusCode::FOUND
                    | StatusCode::SEE_OTHER
                    | StatusCode::TEMPORARY_REDIRECT
                    | StatusCode::PERMANENT_REDIRECT,
                    Some(location),
                ) => {
                    url = self.address.redirected(&url, &location)?;
                    url.set_query(None);
                }
                _ => return self.received(response).await,
            }
        }
        Err(TransportError::Redirected(format!(
            "{} redirects in circles ({MAX_REDIRECTS} times)",
            self.address.target()
        )))
    }

    async fn once(
        &self,
        url: &Url,
        form: &str,
        headers: &HeaderMap,
        post: bool,
    ) -> Result<reqwest::Response, TransportError> {
        let builder = if post {
            let urlencoded = HeaderValue::from_static("application/x-www-form-urlencoded");
            let builder = self.client.post(url.clone()).header(CONTENT_TYPE, urlencoded);
            builder.body(form.to_owned())
        } else {
            let mut url = url.clone();
            url.set_query((!form.is_empty()).then_some(form));
            self.client.get(url)
        };
        let builder = builder.header(ACCEPT, HeaderValue::from_static("application/json"));
        builder.headers(headers.clone()).send().await.map_err(|error| self.failed(&error))
    }

    async fn received(
        &self,
        mut response: reqwest::Response,
    ) -> Result<ApiResponse, TransportError> {
        let status = response.status().as_u16();
        let content_type = header_text(response.headers(), &CONTENT_TYPE);
        let retry_after = header_text(response.headers(), &RETRY_AFTER)
            .and_then(|text| text.trim().parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(TransportError::TooLarge { limit_bytes: self.max_body_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(ApiResponse { status, content_type, retry_after, body })
    }

    /// What reqwest says, without the URL that it likes to add.
    fn failed(&self, error: &reqwest::Error) -> TransportError {
        let doing = if error.is_connect() { "cannot connect to" } else { "lost the connection to" };
        TransportError::Connection(format!(
            "{doing} {}: {}",
            self.address.target(),
            root_cause(error)
        ))
    }
}

impl Transport for DirectTransport {
    fn target(&self) -> &str {
        self.address.target()
    }

    fn allows_post(&self) -> bool {
        true
    }

    fn send<'a>(
        &'a self,
        request: &'a ApiRequest,
    ) -> BoxFuture<'a, Result<ApiResponse, TransportError>> {
        self.exchange(request).boxed()
    }
}

fn encoded(params: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

fn header_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}

/// The innermost cause in words (`Connection refused (os error 111)`).
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
