//! What the API server says of itself.

use serde_json::Value;

use super::client::Cluster;
use crate::source::objects::one_line;

/// Version of the API server (`v1.34.1`); `None` when it does not tell.
pub async fn version(cluster: &Cluster) -> Option<String> {
    let (answer, _) = cluster.get_json("/version").await.ok()?;
    answer.get("gitVersion").and_then(Value::as_str).map(one_line)
}
