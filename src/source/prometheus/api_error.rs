//! Why a request brought nothing, in words, and what that means for the next try.

use std::time::Duration;

use http::StatusCode;

use super::decode::DecodeError;
use super::transport::{ApiResponse, TransportError};

/// Longest text of a server that is repeated in a message, characters.
const MAX_SERVER_TEXT: usize = 300;

/// Why a request failed, after all retries. No secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Something on this side is wrong: a file, a certificate.
    #[error("{0}")]
    Local(String),
    /// No answer within the time limit.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The server could not be reached, or hung up.
    #[error("{0}")]
    Connection(String),
    /// The server sends elsewhere.
    #[error("{0}")]
    Redirected(String),
    /// The answer is larger than is taken.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Most bytes that are taken.
        limit_bytes: usize,
    },
    /// 401 or 403.
    #[error("HTTP {}: the server does not accept the credentials", reason(*.status))]
    Unauthorized {
        /// HTTP status code.
        status: u16,
    },
    /// An error in the words of the Prometheus API.
    #[error("the server refused (HTTP {}): {error_type}: {message}", reason(*.status))]
    Refused {
        /// HTTP status code.
        status: u16,
        /// `bad_data`, `execution`, `timeout`, …
        error_type: String,
        /// What is wrong.
        message: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// Another status, with the beginning of its text, if any.
    #[error("HTTP {}{}{message}", reason(*.status), if .message.is_empty() { "" } else { ": " })]
    Status {
        /// HTTP status code.
        status: u16,
        /// Beginning of the body, cleaned.
        message: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// HTML where JSON was expected.
    #[error("the URL answers with a web page, not with the Prometheus API")]
    WebPage,
    /// JSON that ends too early.
    #[error("the answer is truncated at byte {at}")]
    Truncated {
        /// Bytes received.
        at: usize,
    },
    /// JSON of another shape.
    #[error("the answer is not one of the Prometheus API: {0}")]
    Malformed(String),
    /// A stream of samples that breaks off, or that is damaged.
    #[error("the stream of samples is broken: {0}")]
    Stream(String),
    /// An answer that is not a stream of samples at all.
    #[error("the answer is not a stream of samples: {0}")]
    NoStream(String),
    /// The server failed so often that it is left alone.
    #[error("not asked any more after {failures} failures in a row; the last: {last}")]
    GivenUp {
        /// Failures without a success between them.
        failures: u32,
        /// The last of them.
        last: String,
    },
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same again would fail the same way.
    Final,
    /// It may pass.
    Again,
    /// It may pass, but each try is expensive.
    OnceMore,
}

impl ApiError {
    /// The failure that a complete HTTP answer stands for, if its status is not a success.
    pub(super) fn of_status(response: &ApiResponse) -> Option<Self> {
        let status = response.status;
        if (200..300).contains(&status) {
            return None;
        }
        if matches!(status, 401 | 403) {
            // The body is left out: a proxy may echo the request's headers in it.
            return Some(Self::Unauthorized { status });
        }
        let retry_after = response.retry_after;
        if let Some((error_type, message)) = super::decode::api_error(&response.body) {
            let (error_type, message) = (cleaned(&error_type), cleaned(&message));
            return Some(Self::Refused { status, error_type, message, retry_after });
        }
        let text = String::from_utf8_lossy(&response.body[..response.body.len().min(4096)]);
        let is_page = is_web_page(response);
        let message = if is_page { String::new() } else { cleaned(&text) };
        Some(Self::Status { status, message, retry_after })
    }

    /// The failure to read a successful answer.
    pub(super) fn of_decode(error: DecodeError) -> Self {
        match error {
            DecodeError::WebPage => Self::WebPage,
            DecodeError::Truncated { at } => Self::Truncated { at },
            DecodeError::Malformed(detail) => Self::Malformed(cleaned(&detail)),
            DecodeError::Api { error_type, message } => Self::Refused {
                status: 200,
                error_type: cleaned(&error_type),
                message: cleaned(&message),
                retry_after: None,
            },
        }
    }

    fn status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized { status }
            | Self::Refused { status, .. }
            | Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same request may succeed later.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Timeout(_) | Self::Truncated { .. } => Verdict::OnceMore,
            Self::Connection(_) => Verdict::Again,
            Self::Stream(_) if !self.speaks_of_size() => Verdict::Again,
            _ if self.is_evaluation_timeout() => Verdict::OnceMore,
            Self::Refused { status, .. } | Self::Status { status, .. } => match *status {
                504 => Verdict::OnceMore,
                429 => Verdict::Again,
                501 => Verdict::Final,
                status if status >= 500 && !self.speaks_of_size() => Verdict::Again,
                _ => Verdict::Final,
            },
            _ => Verdict::Final,
        }
    }

    /// How long the server asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the server is out of order as a whole, rather than this one request too much.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Connection(_))
            || self.status().is_some_and(|status| status == 429 || status >= 500)
                && !self.speaks_of_size()
    }

    /// Whether asking for less at a time may help.
    #[must_use]
    pub fn asks_for_less(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::TooLarge { .. } | Self::Truncated { .. })
            || matches!(self.status(), Some(413 | 504))
            || self.is_evaluation_timeout()
            || self.speaks_of_size()
    }

    /// Whether the server answers that it does not do this at all.
    pub(super) fn is_refusal(&self) -> bool {
        let is_no = |status| match status {
            408 | 413 | 429 => false,
            status => status == 501 || (200..500).contains(&status),
        };
        matches!(self, Self::Malformed(_))
            || self.status().is_some_and(is_no) && !self.asks_for_less()
    }

    /// Whether the request took too long, here or at the server.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
            || self.status() == Some(504)
            || self.is_evaluation_timeout()
    }

    fn is_evaluation_timeout(&self) -> bool {
        match self {
            Self::Refused { error_type, message, .. } => {
                error_type == "timeout" || message.contains("timed out")
            }
            Self::Stream(message) => {
                message.contains("timed out") || message.contains("deadline exceeded")
            }
            _ => false,
        }
    }

    /// The words in which servers say that a query is too large: Prometheus `too many samples`,
    /// Mimir `exceeded the maximum`, Thanos `exceeded series limit`, VictoriaMetrics `cannot select
    /// more than`, proxies `response too large`.
    fn speaks_of_size(&self) -> bool {
        const WORDS: &[&str] = &[
            "too many",
            "too large",
            "too long",
            "exceed",
            "limit",
            "more than",
            "maximum",
            "out of memory",
        ];
        let (status, message) = match self {
            Self::Refused { status, message, .. } | Self::Status { status, message, .. } => {
                (*status, message.to_ascii_lowercase())
            }
            Self::Stream(message) => (200, message.to_ascii_lowercase()),
            _ => return false,
        };
        status != 429 && WORDS.iter().any(|word| message.contains(word))
    }

    /// What to try, for a person.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unauthorized { .. } => Some(
                "give credentials with --prometheus-bearer-token-file, --prometheus-basic-user, \
                 --prometheus-client-cert or --prometheus-header; a multi-tenant server also needs \
                 --prometheus-tenant",
            ),
            Self::WebPage => Some(
                "check the path prefix of the URL (the API is at <URL>/api/v1/query), and whether \
                 a login page stands before the server",
            ),
            Self::Status { status: 404, .. } => Some(
                "check the path prefix of the URL: the API is expected at <URL>/api/v1/query \
                 (of a VictoriaMetrics cluster the prefix is /select/<tenant>/prometheus)",
            ),
            Self::Status { status: 400, .. } | Self::Malformed(_) => Some(
                "check that the URL is that of a Prometheus-compatible server, and that its scheme \
                 (http or https) and its prefix are right (of a VictoriaMetrics cluster: \
                 /select/<tenant>/prometheus)",
            ),
            Self::Timeout(_) => {
                Some("check that the server is not overloaded, or raise --prometheus-timeout")
            }
            Self::Connection(_) => Some(
                "check host, port and scheme of --prometheus, and --prometheus-ca where the \
                 certificate is not publicly trusted",
            ),
            _ => None,
        }
    }
}

impl From<TransportError> for ApiError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Timeout(limit) => Self::Timeout(limit),
            TransportError::Connection(message) => Self::Connection(cleaned(&message)),
            TransportError::Redirected(message) => Self::Redirected(cleaned(&message)),
            TransportError::TooLarge { limit_bytes } => Self::TooLarge { limit_bytes },
            TransportError::Local(message) => Self::Local(message),
        }
    }
}

/// Whether an answer is HTML.
pub(super) fn is_web_page(response: &ApiResponse) -> bool {
    let says_html = response
        .content_type
        .as_deref()
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    says_html || response.body.trim_ascii_start().starts_with(b"<")
}

/// `404 Not Found`.
fn reason(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
    known.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

/// A server's text fit for one line: no control characters, bounded.
pub(super) fn cleaned(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MAX_SERVER_TEXT * 4 {
            break;
        }
    }
    if line.chars().count() <= MAX_SERVER_TEXT {
        return line;
    }
    line.chars().take(MAX_SERVER_TEXT).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> ApiResponse {
        ApiResponse { status, content_type: None, retry_after: None, body: body.into() }
    }

    fn error(status: u16, body: &str) -> ApiError {
        ApiError::of_status(&answer(status, body)).unwrap()
    }

    #[test]
    fn what_is_tried_again_and_what_is_split() {
        let api = |kind: &str, text: &str| {
            format!(r#"{{"status":"error","errorType":"{kind}","error":"{text}"}}"#)
        };
        let too_many = api(
            "execution",
            "query processing would load too many samples into memory in query execution",
        );
        let cases = [
            (422, too_many.as_str(), Verdict::Final, true),
            (422, &api("execution", "many-to-many matching not allowed"), Verdict::Final, false),
            (422, "cannot select more than -search.maxSamplesPerQuery=10", Verdict::Final, true),
            (400, &api("bad_data", "parse error"), Verdict::Final, false),
            (413, "", Verdict::Final, true),
            (429, "rate limit exceeded", Verdict::Again, false),
            (500, "boom", Verdict::Again, false),
            (500, "response too large", Verdict::Final, true),
            (502, "<html>", Verdict::Again, false),
            (503, &api("timeout", "query timed out"), Verdict::OnceMore, true),
            (504, "", Verdict::OnceMore, true),
            (404, "not here", Verdict::Final, false),
        ];
        for (status, body, verdict, less) in cases {
            let error = error(status, body);
            assert_eq!((error.verdict(), error.asks_for_less()), (verdict, less), "{error}");
        }
        assert_eq!(ApiError::Timeout(Duration::from_secs(1)).verdict(), Verdict::OnceMore);
        assert_eq!(ApiError::Connection(String::new()).verdict(), Verdict::Again);
        assert_eq!(ApiError::Local(String::new()).verdict(), Verdict::Final);
    }

    #[test]
    fn messages_say_what_the_server_said_and_not_more() {
        assert_eq!(
            error(422, r#"{"status":"error","errorType":"execution","error":"a\u001b[31m\nb"}"#)
                .to_string(),
            "the server refused (HTTP 422 Unprocessable Entity): execution: a [31m b"
        );
        let echo = error(401, "Authorization: Bearer hunter2");
        assert_eq!(
            echo.to_string(),
            "HTTP 401 Unauthorized: the server does not accept the credentials"
        );
        assert!(echo.hint().unwrap().contains("--prometheus-bearer-token-file"));
        assert_eq!(error(502, "<html>bad gateway</html>").to_string(), "HTTP 502 Bad Gateway");
        assert_eq!(error(599, &"x".repeat(999)).to_string().chars().count(), 10 + 301);
        assert_eq!(
            ApiError::Timeout(Duration::from_millis(1500)).to_string(),
            "no answer within 1.5 s"
        );
    }
}
