//! What the answer to a write means, and how much is known of one that has none.

use serde_json::Value;

use super::super::exchange::{Failure, read_json};
use crate::source::prometheus::transport::{ApiResponse, TransportError};

/// Why a write was not done, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Somebody else was faster: a version, a precondition, a name that is taken (409).
    #[error("conflict: {0}")]
    Conflict(String),
    /// There is no such object (404, 410).
    #[error("not found: {0}")]
    NotFound(String),
    /// Not allowed, by RBAC or by an admission webhook (401, 403).
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// The object would not be valid, or a `test` of the patch does not hold (400, 422).
    #[error("invalid: {0}")]
    Invalid(String),
    /// Too many requests, to the end of patience (429).
    #[error("too many requests: {0}")]
    TooManyRequests(String),
    /// The server failed. Whether it stored the write first is not known (5xx).
    #[error("the server failed (HTTP {0}): {1}")]
    Server(u16, String),
    /// No answer, or none that can be read. Whether the write was stored is not known.
    #[error("no answer: {0}")]
    Unknown(String),
    /// It was not sent.
    #[error("not sent: {0}")]
    NotSent(String),
}

impl WriteError {
    /// Whether the write may have been stored all the same.
    #[must_use]
    pub const fn may_be_committed(&self) -> bool {
        matches!(self, Self::Server(..) | Self::Unknown(_))
    }

    /// The same of a request that changes nothing.
    pub(super) fn of_read(failure: Failure) -> Self {
        match failure {
            Failure::Status(code, message) => of_status(code, message),
            Failure::Transport(TransportError::Local(reason)) => Self::NotSent(reason),
            other => Self::Unknown(other.to_string()),
        }
    }
}

/// The object in an answer, or what is wrong with it.
pub(super) fn judge(answer: Result<ApiResponse, TransportError>) -> Result<Value, WriteError> {
    read_json(answer).map(|(value, _)| value).map_err(WriteError::of_read)
}

fn of_status(code: u16, message: String) -> WriteError {
    match code {
        409 => WriteError::Conflict(message),
        404 | 410 => WriteError::NotFound(message),
        401 | 403 => WriteError::Forbidden(message),
        429 => WriteError::TooManyRequests(message),
        400..=499 => WriteError::Invalid(message),
        _ => WriteError::Server(code, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<Value, WriteError> {
        judge(Ok(ApiResponse {
            status,
            content_type: None,
            retry_after: None,
            body: body.as_bytes().to_vec(),
        }))
    }

    #[test]
    fn each_answer_says_whether_the_write_may_be_stored() {
        let status = r#"{"kind":"Status","message":"no"}"#;
        let no = || "no".to_owned();
        for (code, error, may_be) in [
            (409, WriteError::Conflict(no()), false),
            (404, WriteError::NotFound(no()), false),
            (403, WriteError::Forbidden(no()), false),
            (422, WriteError::Invalid(no()), false),
            (400, WriteError::Invalid(no()), false),
            (429, WriteError::TooManyRequests(no()), false),
            (500, WriteError::Server(500, no()), true),
            (504, WriteError::Server(504, no()), true),
        ] {
            assert_eq!(answered(code, status), Err(error.clone()));
            assert_eq!(error.may_be_committed(), may_be, "{code}");
        }
        assert_eq!(answered(201, "{}"), Ok(serde_json::json!({})));
        // Cut off in the middle of what it stored.
        let cut = answered(200, "{\"kind\":").expect_err("no object");
        assert!(cut.may_be_committed(), "{cut}");
        let lost = judge(Err(TransportError::Connection("reset".to_owned())));
        assert!(lost.expect_err("no answer").may_be_committed());
        let local = judge(Err(TransportError::Local("no token".to_owned())));
        assert!(!local.expect_err("not sent").may_be_committed());
    }
}
