//! One exchange with the API server: bounded in time and size, a `GET` repeated when that may help; and a streamed answer
//! of a proxied service, whose bounds are the caller's.

use std::time::Duration;

use futures::StreamExt;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, BodyStream, Limited};
use kube::client::{AuthError, Body};
use serde_json::Value;

use super::client::Cluster;
use crate::source::objects::one_line;
use crate::source::prometheus::transport::{
    ApiResponse, StreamRequest, StreamResponse, TransportError, announces_end,
};

/// Largest body that is read.
const MAX_BODY_BYTES: usize = 512 << 20;

/// How long and how often.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    /// Tries for one request, the first included.
    pub(super) max_attempts: u32,
    /// Wait before the second try; doubled for each further one.
    pub(super) first_wait: Duration,
    /// Longest wait, whatever the server asks for.
    pub(super) longest_wait: Duration,
    /// Longest wait for one answer.
    pub(super) timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
        }
    }
}

impl Patience {
    /// How long to wait after try number `attempt` (from 1), with jitter so that parallel requests
    /// that failed together do not come back together.
    pub(super) fn wait(&self, attempt: u32, retry_after: Option<Duration>) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        let jittered = doubled.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        retry_after.unwrap_or(jittered).min(self.longest_wait)
    }
}

/// Why there is no usable answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// An answer with an error status, and what the server says.
    Status(u16, String),
    /// No answer.
    Transport(TransportError),
    /// An answer that is not what the API promises.
    Malformed(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(code, message) if message.is_empty() => write!(f, "HTTP {code}"),
            Self::Status(code, message) => write!(f, "HTTP {code}: {message}"),
            Self::Transport(error) => write!(f, "{error}"),
            Self::Malformed(reason) => write!(f, "the answer cannot be read: {reason}"),
        }
    }
}

impl Cluster {
    /// One exchange, whatever its status.
    pub(super) async fn get(
        &self,
        path_and_query: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<ApiResponse, TransportError> {
        let mut request = Request::get(path_and_query)
            .body(Body::empty())
            .map_err(|error| TransportError::Local(format!("cannot make a request: {error}")))?;
        request.headers_mut().extend(headers.iter().cloned());
        self.exchange(request).await
    }

    /// One exchange, bounded in time and size.
    pub(super) async fn exchange(
        &self,
        request: Request<Body>,
    ) -> Result<ApiResponse, TransportError> {
        let timeout = self.patience.timeout;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| failed(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
            let body =
                body.map_err(|error| TransportError::Connection(one_line(&error.to_string())))?;
            Ok(ApiResponse {
                status: parts.status.as_u16(),
                content_type: text_header(&parts.headers, &CONTENT_TYPE),
                retry_after: retry_after(&parts.headers),
                body: body.to_bytes().to_vec(),
            })
        };
        tokio::time::timeout(timeout, exchange)
            .await
            .unwrap_or(Err(TransportError::Timeout(timeout)))
    }

    /// A request to a proxied service, of whose answer the head is awaited.
    pub(super) async fn stream(
        &self,
        path_and_query: &str,
        headers: &[(HeaderName, HeaderValue)],
        request: &StreamRequest,
    ) -> Result<StreamResponse, TransportError> {
        let (method, body) = match &request.body {
            Some(body) => (Method::POST, Body::from(body.to_vec())),
            None => (Method::GET, Body::empty()),
        };
        let mut sent =
            Request::builder().method(method).uri(path_and_query).body(body).map_err(|error| {
                TransportError::Local(format!("cannot make a request: {error}"))
            })?;
        let own = request
            .headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        sent.headers_mut().extend(headers.iter().cloned().chain(own));
        let response = self.client.send(sent).await.map_err(|error| failed(&error))?;
        let (parts, body) = response.into_parts();
        let pieces = BodyStream::new(body).filter_map(|frame| async {
            match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(TransportError::Connection(one_line(&error.to_string())))),
            }
        });
        Ok(StreamResponse {
            status: parts.status.as_u16(),
            content_type: text_header(&parts.headers, &CONTENT_TYPE),
            retry_after: retry_after(&parts.headers),
            has_end: announces_end(parts.version, &parts.headers),
            body: pieces.boxed(),
        })
    }

    /// The JSON answer to a `GET` and its length in bytes, with further tries after 429, 5xx, time-outs and lost connections.
    pub(super) async fn get_json(&self, path_and_query: &str) -> Result<(Value, u64), Failure> {
        let mut attempt = 1;
        loop {
            let answer = self.get(path_and_query, &[]).await;
            let retry_after = match &answer {
                Ok(response) if is_transient(response.status) => response.retry_after,
                Err(TransportError::Timeout(_) | TransportError::Connection(_)) => None,
                _ => return read_json(answer),
            };
            if attempt >= self.patience.max_attempts {
                return read_json(answer);
            }
            tokio::time::sleep(self.patience.wait(attempt, retry_after)).await;
            attempt += 1;
        }
    }
}

/// Whether the same request may succeed later.
pub(super) const fn is_transient(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

pub(super) fn read_json(
    answer: Result<ApiResponse, TransportError>,
) -> Result<(Value, u64), Failure> {
    let response = answer.map_err(Failure::Transport)?;
    let length = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
    let body: Result<Value, _> = serde_json::from_slice(&response.body);
    if !(200..300).contains(&response.status) {
        let message = match &body {
            Ok(status) => status.get("message").and_then(Value::as_str).unwrap_or_default(),
            Err(_) => std::str::from_utf8(&response.body).unwrap_or_default(),
        };
        return Err(Failure::Status(response.status, one_line(message)));
    }
    let value = body.map_err(|error| Failure::Malformed(one_line(&error.to_string())))?;
    Ok((value, length))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text_header(headers, &RETRY_AFTER)?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn text_header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn failed(error: &kube::Error) -> TransportError {
    let reason = explain(error);
    match error {
        kube::Error::Auth(_) => TransportError::Local(reason),
        kube::Error::Service(inner) if inner.is::<AuthError>() => TransportError::Local(reason),
        _ => TransportError::Connection(reason),
    }
}

/// What went wrong, cause by cause, with nothing secret in it.
pub(super) fn explain(error: &kube::Error) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(auth) = error.downcast_ref::<AuthError>() {
            return explain_auth(auth);
        }
        if let Some(kube::Error::Auth(auth)) = error.downcast_ref::<kube::Error>() {
            return explain_auth(auth);
        }
        if let Some(kube::Error::ProxyProtocolUnsupported { .. }) = error.downcast_ref() {
            // Its own message has the proxy's password in it.
            return "the proxy's protocol is not supported (http, https and socks5 are)".to_owned();
        }
        reasons.push(error.to_string());
        cause = error.source();
    }
    // Each layer repeats the one below it after a colon; the innermost says it best.
    let mut short: Vec<String> = Vec::new();
    for (index, reason) in reasons.iter().enumerate() {
        let own = match reasons.get(index + 1) {
            Some(inner) => reason.strip_suffix(inner.as_str()).unwrap_or(reason),
            None => reason,
        };
        let own = own.trim_end_matches([':', ' ']);
        if !own.is_empty() && !matches!(own, "ServiceError" | "HyperError") {
            short.push(own.to_owned());
        }
    }
    one_line(&short.join(": "))
}

/// A failed plugin's standard error tells what to do (`run: aws sso login`). Its output and command
/// line are not shown: a token may be in them.
fn explain_auth(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let stderr = String::from_utf8_lossy(&out.stderr);
            one_line(&format!("the credential plugin failed with {}: {stderr}", out.status))
        }
        AuthError::AuthExecParse(_) => {
            "the credential plugin's output is not an ExecCredential".to_owned()
        }
        AuthError::AuthExecStart(error) => format!("cannot run the credential plugin: {error}"),
        AuthError::ReadTokenFile(error, path) => {
            format!("cannot read the token file {}: {error}", path.display())
        }
        AuthError::InvalidBearerToken(_) => {
            "the bearer token has characters that no header may have".to_owned()
        }
        AuthError::InvalidBasicAuth(_) => {
            "user or password have characters that no header may have".to_owned()
        }
        AuthError::ParseTokenKey(_) | AuthError::AuthExecSerialize(_) => {
            "the kubeconfig's credentials cannot be used".to_owned()
        }
        other => one_line(&other.to_string()),
    }
}
