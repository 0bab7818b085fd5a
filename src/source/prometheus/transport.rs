//! One HTTP exchange with a metric server, whichever way it is reached.
//!
//! Two ways exist: straight by URL, and through the Kubernetes API server's service proxy.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::Version;
use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

/// A request below the server's base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// Path with a leading slash, `/api/v1/query`.
    pub path: String,
    /// Query parameters, not yet encoded.
    pub params: Vec<(String, String)>,
}

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResponse {
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type`, if any.
    pub content_type: Option<String>,
    /// `Retry-After` in whole seconds, if it was given so.
    pub retry_after: Option<Duration>,
    /// Body, decompressed.
    pub body: Vec<u8>,
}

/// A request whose answer is read piece by piece, and that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRequest {
    /// Path and parameters; with a body there are no parameters.
    pub request: ApiRequest,
    /// Headers, lower case.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Body of a `POST`, encoded as the headers say; `None` asks as [`Transport::send`] does.
    pub body: Option<Bytes>,
}

/// An answer, whatever its status, of which only the head has come.
pub struct StreamResponse {
    /// HTTP status code.
    pub status: u16,
    /// `Content-Type`, if any.
    pub content_type: Option<String>,
    /// `Retry-After` in whole seconds, if it was given so.
    pub retry_after: Option<Duration>,
    /// Whether an early end of the body would show as an error.
    pub has_end: bool,
    /// Pieces of the body, decompressed.
    pub body: BoxStream<'static, Result<Bytes, TransportError>>,
}

impl std::fmt::Debug for StreamResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Whether an answer with this head says where its body ends: by its length, by chunks or by HTTP/2.
/// A body that ends with the connection looks whole wherever it is cut.
#[must_use]
pub fn announces_end(version: Version, headers: &HeaderMap) -> bool {
    version > Version::HTTP_11
        || headers.contains_key(CONTENT_LENGTH)
        || headers.contains_key(TRANSFER_ENCODING)
}

/// The exchange itself failed.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No answer within the time limit.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The server could not be reached, or hung up.
    #[error("{0}")]
    Connection(String),
    /// The server sends elsewhere: to another host (a login page, often), or round in circles.
    #[error("{0}")]
    Redirected(String),
    /// The body is larger than the transport takes, so that no server can fill the memory.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Most bytes that are taken, decompressed.
        limit_bytes: usize,
    },
    /// Something on this side is wrong (a token file that cannot be read, a bad certificate).
    #[error("{0}")]
    Local(String),
}

/// Sends requests to one metric server.
pub trait Transport: Send + Sync {
    /// Where it goes, for people: a URL without credentials, or the service that is proxied.
    fn target(&self) -> &str;

    /// Whether a long request may be sent as a POST form.
    fn allows_post(&self) -> bool;

    /// One exchange.
    fn send<'a>(
        &'a self,
        request: &'a ApiRequest,
    ) -> BoxFuture<'a, Result<ApiResponse, TransportError>>;

    /// One exchange whose answer is read piece by piece; time limits are the caller's.
    fn stream<'a>(
        &'a self,
        request: &'a StreamRequest,
    ) -> BoxFuture<'a, Result<StreamResponse, TransportError>>;
}
