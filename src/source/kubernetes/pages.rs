//! Reading one collection page by page.

use serde_json::Value;
use url::form_urlencoded;

use super::client::Cluster;
use super::exchange::Failure;
use crate::source::objects::unpack;
use crate::source::progress::Progress;

/// Objects asked for at a time: what kubectl asks for.
const PAGE_SIZE: u32 = 500;
/// Most pages of one collection: 5 million objects.
const MAX_PAGES: u32 = 10_000;

/// What a collection gave.
#[derive(Debug, Default)]
pub(super) struct Collection {
    /// The objects, in the server's order (namespace, name).
    pub(super) items: Vec<Value>,
    /// Answers that they came in.
    pub(super) pages: u32,
    /// Why it is not complete.
    pub(super) failure: Option<Failure>,
}

/// Everything at `path`. What was read before a failure is kept, and so is the failure.
///
/// A list that takes longer than the server remembers its state ends in 410 Gone; then everything
/// is read anew, in one piece, as kubectl does.
pub(super) async fn read_all(cluster: &Cluster, path: &str, progress: &dyn Progress) -> Collection {
    let paged = read_pages(cluster, path, Some(PAGE_SIZE), progress).await;
    match paged.failure {
        Some(Failure::Status(410, _)) => read_pages(cluster, path, None, progress).await,
        _ => paged,
    }
}

async fn read_pages(
    cluster: &Cluster,
    path: &str,
    limit: Option<u32>,
    progress: &dyn Progress,
) -> Collection {
    let mut read = Collection::default();
    let mut token = String::new();
    while read.pages < MAX_PAGES {
        progress.expect(1);
        let (mut answer, bytes) = match cluster.get_json(&page_url(path, limit, &token)).await {
            Ok(answer) => answer,
            Err(failure) => {
                progress.done(0, 0);
                read.failure = Some(failure);
                return read;
            }
        };
        progress.done(0, bytes);
        let next = answer.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default();
        let next = next.to_owned();
        if !matches!(answer.get("items"), Some(Value::Array(_) | Value::Null)) {
            read.failure = Some(Failure::Malformed("it is not a list".to_owned()));
            return read;
        }
        read.pages += 1;
        // Some servers write an empty list as null.
        if answer["items"].is_null() {
            answer["items"] = Value::Array(Vec::new());
        }
        unpack(answer, &mut |item| read.items.push(item));
        if next.is_empty() {
            return read;
        }
        if next == token {
            break;
        }
        token = next;
    }
    read.failure = Some(Failure::Malformed("its pages do not end".to_owned()));
    read
}

fn page_url(path: &str, limit: Option<u32>, token: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(limit) = limit {
        query.append_pair("limit", &limit.to_string());
    }
    if !token.is_empty() {
        query.append_pair("continue", token);
    }
    let query = query.finish();
    let mark = if path.contains('?') { '&' } else { '?' };
    if query.is_empty() { path.to_owned() } else { format!("{path}{mark}{query}") }
}
