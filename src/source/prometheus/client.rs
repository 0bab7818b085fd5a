//! Straight to a metric server by URL. One exchange at a time; retries are [`super::api`]'s.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use http::StatusCode;
use http::header::{
    ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use url::Url;

use super::address::Address;
use super::auth::{Auth, without_secrets};
use super::options::ConnectionOptions;
use super::tls;
use super::transport::{
    ApiRequest, ApiResponse, StreamRequest, StreamResponse, Transport, TransportError,
    announces_end,
};

/// Most bytes of one decompressed answer. An answer of the default 2.5 million samples has 55 MB.
pub const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Most bytes of what a server says instead of a stream.
const MAX_ERROR_BYTES: usize = 64 * 1024;
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
    address: Arc<Address>,
    auth: Auth,
    max_body_bytes: usize,
}

/// What is sent, and how.
#[derive(Clone, Copy)]
enum Sending<'a> {
    Get { form: &'a str },
    Form { form: &'a str },
    Body(&'a Bytes),
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
        Ok(Self { client, address: Arc::new(address), auth, max_body_bytes: MAX_BODY_BYTES })
    }

    /// The same with another limit for one decompressed answer.
    #[must_use]
    pub const fn with_max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    async fn exchange(&self, request: &ApiRequest) -> Result<ApiResponse, TransportError> {
        let headers = self.auth.headers()?;
        let url = self.address.endpoint(&request.path);
        let response = self.asked(&url, &encoded(&request.params), &headers).await?;
        let mut answer = self.received(response).await?;
        // Data stays as it came: a label may look like a secret.
        if answer.status != StatusCode::OK.as_u16() || answer.body.starts_with(API_ERROR) {
            answer.body = without_secrets(answer.body, &headers);
        }
        Ok(answer)
    }

    async fn begin(&self, request: &StreamRequest) -> Result<StreamResponse, TransportError> {
        let mut headers = self.auth.headers()?;
        let url = self.address.endpoint(&request.request.path);
        for (name, value) in &request.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let mut response = match &request.body {
            Some(body) => self.follow(&url, Sending::Body(body), &headers).await?,
            None => self.asked(&url, &encoded(&request.request.params), &headers).await?,
        };
        let status = response.status().as_u16();
        let content_type = header_text(response.headers(), &CONTENT_TYPE);
        let retry_after = retry_after(response.headers());
        let has_end = announces_end(response.version(), response.headers());
        let address = Arc::clone(&self.address);
        let body = if status == StatusCode::OK.as_u16() {
            response.bytes_stream().map_err(move |error| failed(&address, &error)).boxed()
        } else {
            let mut text = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|e| failed(&address, &e))? {
                text.extend_from_slice(&piece);
                if text.len() > MAX_ERROR_BYTES {
                    break;
                }
            }
            // What a server says of an error may repeat the request's headers.
            let text = Bytes::from(without_secrets(text, &headers));
            futures::stream::iter([Ok(text)]).boxed()
        };
        Ok(StreamResponse { status, content_type, retry_after, has_end, body })
    }

    /// The answer to a request with parameters: a GET, or a POST form where that is long.
    async fn asked(
        &self,
        url: &Url,
        form: &str,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, TransportError> {
        let long = url.as_str().len() + 1 + form.len() > MAX_GET_URL_BYTES;
        let get = Sending::Get { form };
        let first = if long { Sending::Form { form } } else { get };
        let response = self.follow(url, first, headers).await?;
        if long && response.status() == StatusCode::METHOD_NOT_ALLOWED {
            // Some proxies let reading through by GET only.
            return self.follow(url, get, headers).await;
        }
        Ok(response)
    }

    /// The answer to a request, after all redirects.
    async fn follow(
        &self,
        url: &Url,
        sending: Sending<'_>,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, TransportError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.once(&url, sending, headers).await?;
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
                _ => return Ok(response),
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
        sending: Sending<'_>,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, TransportError> {
        let json = HeaderValue::from_static("application/json");
        let builder = match sending {
            Sending::Form { form } => {
                let urlencoded = HeaderValue::from_static("application/x-www-form-urlencoded");
                let builder = self.client.post(url.clone()).header(CONTENT_TYPE, urlencoded);
                builder.body(form.to_owned()).header(ACCEPT, json)
            }
            Sending::Get { form } => {
                let mut url = url.clone();
                url.set_query((!form.is_empty()).then_some(form));
                self.client.get(url).header(ACCEPT, json)
            }
            Sending::Body(body) => self.client.post(url.clone()).body(body.clone()),
        };
        let sent = builder.headers(headers.clone()).send().await;
        sent.map_err(|error| failed(&self.address, &error))
    }

    async fn received(
        &self,
        mut response: reqwest::Response,
    ) -> Result<ApiResponse, TransportError> {
        let status = response.status().as_u16();
        let content_type = header_text(response.headers(), &CONTENT_TYPE);
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| failed(&self.address, &e))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(TransportError::TooLarge { limit_bytes: self.max_body_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(ApiResponse { status, content_type, retry_after, body })
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

    fn stream<'a>(
        &'a self,
        request: &'a StreamRequest,
    ) -> BoxFuture<'a, Result<StreamResponse, TransportError>> {
        self.begin(request).boxed()
    }
}

/// What reqwest says, without the URL that it likes to add.
fn failed(address: &Address, error: &reqwest::Error) -> TransportError {
    let doing = if error.is_connect() { "cannot connect to" } else { "lost the connection to" };
    TransportError::Connection(format!("{doing} {}: {}", address.target(), root_cause(error)))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header_text(headers, &RETRY_AFTER)?;
    text.trim().parse().ok().map(Duration::from_secs)
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
