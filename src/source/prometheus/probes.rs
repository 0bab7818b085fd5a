//! What a server that speaks the query API does with raw samples: asked with series that nobody has.

use super::api::Api;
use super::api_error::ApiError;
use super::decode;
use super::requests;
use super::transport::ApiRequest;
use crate::model::Window;
use crate::units::{MS_PER_MINUTE, MS_PER_SECOND};

/// A selector that matches nothing: what is wanted is the head of the answer.
pub(super) const NO_SUCH_SERIES: &str = r#"{__name__="gpu_finops_probe"}"#;

/// Why the server gives no raw samples by range selector, if it refuses to.
pub(super) async fn refuses_range_selectors(
    api: &Api,
    tries: u32,
    window: Window,
) -> Option<ApiError> {
    let promql = format!("{NO_SUCH_SERIES}[{MS_PER_MINUTE}ms]");
    let request = requests::instant(&promql, window.end() - 1, api.options().timeout);
    refusal(api, tries, &request).await
}

/// Why the server evaluates nothing on a grid, if it refuses to.
pub(super) async fn refuses_grids(api: &Api, tries: u32, window: Window) -> Option<ApiError> {
    let end = window.end().div_euclid(MS_PER_SECOND) * MS_PER_SECOND;
    let span = (end - MS_PER_MINUTE, end);
    let request = requests::range(NO_SUCH_SERIES, span, MS_PER_MINUTE, api.options().timeout);
    refusal(api, tries, &request).await
}

async fn refusal(api: &Api, tries: u32, request: &ApiRequest) -> Option<ApiError> {
    let answer = api.call_up_to(tries, request, decode::series).await;
    answer.err().filter(ApiError::is_refusal)
}
