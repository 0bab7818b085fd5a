//! The few requests that change a cluster, and the one that reads a single object again.
//!
//! Nothing here decides what is changed: a caller names an object, a patch, preconditions, and whether it is a dry run.
//! No write is ever sent twice but one that the server turned away unread (429): whether any other failed one was
//! committed is not known here, and the caller finds out by reading the object again.

mod answer;
mod place;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use kube::client::Body;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::client::Cluster;
pub use answer::WriteError;
use answer::judge;
pub use place::{ObjectRef, PlaceError, Places};

/// Who the API server records as the writer of a field.
pub const FIELD_MANAGER: &str = "gpu-finops";

/// Whether a write is only tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The server admits and validates it, and stores nothing.
    DryRun,
    /// It is stored.
    Real,
}

/// What must still be so of an object that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preconditions {
    /// UID.
    pub uid: String,
    /// Version; `None` for any.
    pub resource_version: Option<String>,
}

impl Cluster {
    /// One object as it is now; `None` when there is none.
    ///
    /// # Errors
    /// An answer that is none; see [`WriteError`].
    pub async fn read_object(&self, path: &str) -> Result<Option<Value>, WriteError> {
        match self.get_json(path).await {
            Ok((object, _)) => Ok(Some(object)),
            Err(failure) => match WriteError::of_read(failure) {
                WriteError::NotFound(_) => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Everything of a collection.
    ///
    /// # Errors
    /// When it is not complete.
    pub async fn read_collection(&self, path: &str) -> Result<Vec<Value>, WriteError> {
        let read = super::pages::read_all(self, path, &crate::source::progress::Silent).await;
        match read.failure {
            None => Ok(read.items),
            Some(failure) => Err(WriteError::of_read(failure)),
        }
    }

    /// Creates an object in a collection.
    ///
    /// # Errors
    /// See [`WriteError`]; [`WriteError::Conflict`] when there is one of this name.
    pub async fn create_object(
        &self,
        collection: &str,
        object: &Value,
        mode: Mode,
    ) -> Result<Value, WriteError> {
        let path = format!("{collection}?{}", query(mode));
        self.write(Method::POST, &path, "application/json", object).await
    }

    /// Patches an object (RFC 6902).
    ///
    /// # Errors
    /// See [`WriteError`]; [`WriteError::Invalid`] when a `test` of the patch does not hold.
    pub async fn patch_object(
        &self,
        path: &str,
        patch: &Value,
        mode: Mode,
    ) -> Result<Value, WriteError> {
        let path = format!("{path}?{}", query(mode));
        self.write(Method::PATCH, &path, "application/json-patch+json", patch).await
    }

    /// Replaces an object; the version in it must be that of the server.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn replace_object(&self, path: &str, object: &Value) -> Result<Value, WriteError> {
        let path = format!("{path}?{}", query(Mode::Real));
        self.write(Method::PUT, &path, "application/json", object).await
    }

    /// Deletes an object if it is still the one that is meant. What has finalizers stays, being deleted.
    ///
    /// # Errors
    /// See [`WriteError`]; [`WriteError::Conflict`] when a precondition does not hold.
    pub async fn delete_object(
        &self,
        path: &str,
        preconditions: &Preconditions,
        mode: Mode,
    ) -> Result<Value, WriteError> {
        let Preconditions { uid, resource_version } = preconditions;
        let mut conditions = json!({"uid": uid});
        if let Some(version) = resource_version {
            conditions["resourceVersion"] = Value::String(version.clone());
        }
        let mut options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions,
            "propagationPolicy": "Background",
        });
        if mode == Mode::DryRun {
            options["dryRun"] = json!(["All"]);
        }
        self.write(Method::DELETE, path, "application/json", &options).await
    }

    /// Sends a write, again only where the server says that it did not take it.
    async fn write(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: &Value,
    ) -> Result<Value, WriteError> {
        let mut attempt = 1;
        loop {
            let mut request = http::Request::builder()
                .method(method.clone())
                .uri(path)
                .body(Body::from(body.to_string().into_bytes()))
                .map_err(|error| WriteError::NotSent(error.to_string()))?;
            let kind = HeaderValue::from_static(content_type);
            request.headers_mut().insert(CONTENT_TYPE, kind);
            let answer = self.exchange(request).await;
            match &answer {
                Ok(answer) if answer.status == 429 && attempt < self.patience.max_attempts => {
                    let wait = self.patience.wait(attempt, answer.retry_after);
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
                _ => return judge(answer),
            }
        }
    }
}

fn query(mode: Mode) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("fieldManager", FIELD_MANAGER);
    if mode == Mode::DryRun {
        query.append_pair("dryRun", "All");
    }
    query.finish()
}
