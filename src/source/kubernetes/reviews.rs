//! Asking the API server what is allowed: a `SelfSubjectAccessReview`, which is created and answered, and not stored.

use http::Request;
use http::header::CONTENT_TYPE;
use kube::client::Body;
use serde_json::{Value, json};

use super::client::Cluster;
use super::exchange::{Failure, is_transient, read_json};
use crate::source::objects::one_line;
use crate::source::prometheus::transport::TransportError;

const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// One verb on one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// Namespace; empty for all.
    pub namespace: &'a str,
    /// API group; empty for the core.
    pub group: &'a str,
    /// Plural, with a subresource behind a `/`.
    pub resource: &'a str,
    /// Verb.
    pub verb: &'a str,
    /// The one object; empty for all.
    pub name: &'a str,
}

/// What the API server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, where it tells.
    pub reason: Option<String>,
}

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the API server {url} does not say what is allowed: {reason}")]
pub struct ReviewError {
    /// The server.
    url: String,
    /// What happened.
    reason: String,
}

impl Cluster {
    /// Whether whoever is connected may do something.
    ///
    /// # Errors
    /// When the server cannot be reached, does not know the user, or does not answer with a review.
    pub async fn review(&self, question: Question<'_>) -> Result<Verdict, ReviewError> {
        let failed = |reason: String| ReviewError { url: self.url.clone(), reason };
        let answer = self.post_review(question).await.map_err(|e| failed(e.to_string()))?;
        let status = &answer["status"];
        let text = |field: &str| status[field].as_str().filter(|text| !text.is_empty());
        let allowed = status["allowed"].as_bool();
        Ok(Verdict {
            allowed: allowed.ok_or_else(|| failed("its answer is no review".to_owned()))?,
            reason: text("reason").or_else(|| text("evaluationError")).map(one_line),
        })
    }

    /// A review changes nothing, so it may be sent again.
    async fn post_review(&self, question: Question<'_>) -> Result<Value, Failure> {
        let body = body(question).to_string();
        let mut attempt = 1;
        loop {
            let request = Request::post(PATH)
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from(body.clone().into_bytes()))
                .map_err(|error| Failure::Malformed(error.to_string()))?;
            let answer = self.exchange(request).await;
            let retry_after = match &answer {
                Ok(response) if is_transient(response.status) => response.retry_after,
                Err(TransportError::Timeout(_) | TransportError::Connection(_)) => None,
                _ => return read_json(answer).map(|(value, _)| value),
            };
            if attempt >= self.patience.max_attempts {
                return read_json(answer).map(|(value, _)| value);
            }
            tokio::time::sleep(self.patience.wait(attempt, retry_after)).await;
            attempt += 1;
        }
    }
}

fn body(question: Question<'_>) -> Value {
    let Question { namespace, group, resource, verb, name } = question;
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": namespace, "verb": verb, "group": group, "resource": resource,
            "subresource": subresource, "name": name,
        }},
    })
}
