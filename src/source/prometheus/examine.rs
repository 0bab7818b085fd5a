//! What a metric server says of itself, and which parts of the API it answers. A few small requests, each
//! sent once: a part that fails is a finding, never an error.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::api_error::{ApiError, cleaned, is_web_page};
use super::decode;
use super::requests;
use super::transport::{ApiRequest, ApiResponse, Transport};
use crate::model::reach::{ClockReading, Endpoint, ServerInfo};
use crate::units::{MS_PER_MINUTE, Millis, millis_from_seconds};

/// What `/api/v1/status/buildinfo` says.
#[derive(Deserialize)]
struct Build {
    application: Option<String>,
    version: Option<String>,
}

/// What `/api/v1/status/runtimeinfo` says.
#[derive(Deserialize)]
struct Runtime {
    #[serde(rename = "storageRetention")]
    retention: Option<String>,
}

/// What `/api/v1/status/flags` says.
#[derive(Deserialize)]
struct Flags {
    #[serde(rename = "query.lookback-delta")]
    lookback: Option<String>,
}

/// Examines the server behind `transport`. `clock` is ours: the server's is compared with it.
pub async fn examine(
    transport: &dyn Transport,
    timeout: Duration,
    clock: impl Fn() -> Millis,
) -> ServerInfo {
    let asked = Asked { transport, timeout };
    let mut info = ServerInfo::default();
    // Without an instant, a server evaluates at its own present.
    let before_ms = clock();
    let time = asked.get(&requests::plain("/api/v1/query", [("query", "time()")])).await;
    let after_ms = clock();
    let server_ms = time.as_ref().ok().and_then(scalar);
    info.clock = server_ms.map(|server_ms| ClockReading { server_ms, before_ms, after_ms });
    info.endpoints.push(endpoint("/api/v1/query", time));
    let span = (after_ms - MS_PER_MINUTE, after_ms);
    let range = asked.get(&requests::range("1", span, MS_PER_MINUTE, timeout)).await;
    info.endpoints.push(endpoint("/api/v1/query_range", range));
    let series = asked.get(&requests::series(&["{__name__=\"up\"}"], span.0, span.1)).await;
    info.endpoints.push(endpoint("/api/v1/series", series));
    let build = asked.get(&requests::build_info()).await;
    if let Some(build) = build.as_ref().ok().and_then(|b| Build::deserialize(b).ok()) {
        info.application = build.application.as_deref().map(cleaned);
        info.version = build.version.as_deref().map(cleaned);
    }
    info.endpoints.push(endpoint("/api/v1/status/buildinfo", build));
    let runtime = asked.get(&requests::plain("/api/v1/status/runtimeinfo", [])).await;
    if let Some(runtime) = runtime.as_ref().ok().and_then(|r| Runtime::deserialize(r).ok()) {
        info.retention = runtime.retention.as_deref().map(cleaned).filter(|text| !text.is_empty());
    }
    info.endpoints.push(endpoint("/api/v1/status/runtimeinfo", runtime));
    let flags = asked.get(&requests::plain("/api/v1/status/flags", [])).await;
    if let Some(flags) = flags.as_ref().ok().and_then(|f| Flags::deserialize(f).ok()) {
        info.lookback = flags.lookback.as_deref().map(cleaned);
    }
    info.endpoints.push(endpoint("/api/v1/status/flags", flags));
    info
}

fn endpoint(path: &'static str, answer: Result<Value, String>) -> Endpoint {
    Endpoint { path, problem: answer.err() }
}

/// The value of a scalar answer, seconds, as milliseconds.
fn scalar(data: &Value) -> Option<Millis> {
    let text = data.pointer("/result/1")?.as_str()?;
    millis_from_seconds(text.parse().ok()?)
}

struct Asked<'a> {
    transport: &'a dyn Transport,
    timeout: Duration,
}

impl Asked<'_> {
    /// The data of a successful answer, or what went wrong in words.
    async fn get(&self, request: &ApiRequest) -> Result<Value, String> {
        let sent = tokio::time::timeout(self.timeout, self.transport.send(request)).await;
        let response = sent
            .map_err(|_elapsed| ApiError::Timeout(self.timeout).to_string())?
            .map_err(|error| error.to_string())?;
        read(&response).map_err(|error| error.to_string())
    }
}

fn read(response: &ApiResponse) -> Result<Value, ApiError> {
    if let Some(error) = ApiError::of_status(response) {
        return Err(error);
    }
    if is_web_page(response) {
        return Err(ApiError::WebPage);
    }
    let answer = decode::envelope::<Value>(&response.body).map_err(ApiError::of_decode)?;
    Ok(answer.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_read_to_the_millisecond() {
        let data = serde_json::json!({"resultType": "scalar", "result": [1.5, "1795132799.25"]});
        assert_eq!(scalar(&data), Some(1_795_132_799_250));
        for bad in [
            serde_json::json!({"resultType": "vector", "result": []}),
            serde_json::json!({"result": [1.5, "soon"]}),
            serde_json::json!(null),
        ] {
            assert_eq!(scalar(&bad), None, "{bad}");
        }
    }
}
