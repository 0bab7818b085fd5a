//! Whether a server offers remote read, and what it adds to labels: asked once a run.

use std::sync::Arc;

use super::super::api::Api;
use super::super::api_error::ApiError;
use super::columns::Columns;
use super::labels::{Normaliser, Suspects};
use super::line::Line;
use super::message::{LabelMatcher, MatcherType};
use super::reader::RemoteReader;
use super::{request, stream};
use crate::model::Window;

/// A metric that nobody has: what is wanted is the head of the answer.
const NO_SUCH_METRIC: &str = "gpu_finops_probe";

/// A reader of the server behind `api`, if it answers remote read with streamed chunks; `tries` of one
/// request, `window` as what is to be read.
///
/// # Errors
/// Why it does not.
pub async fn probe(api: &Arc<Api>, tries: u32, window: Window) -> Result<RemoteReader, ApiError> {
    let nothing = LabelMatcher {
        kind: MatcherType::Equal.into(),
        name: "__name__".to_owned(),
        value: NO_SUCH_METRIC.to_owned(),
    };
    let request = request::read(vec![nothing], window.end() - 1, window.end());
    let limit = api.options().timeout;
    let columns = || Columns::new(Line::new(0, 0, None), Normaliser::new(Suspects::Replicas));
    api.stream(tries, &request, |response| stream::read(response, limit, columns())).await?;
    Ok(RemoteReader::new(Arc::clone(api), Suspects::of(api).await))
}
