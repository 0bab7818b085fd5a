//! The requests of the Prometheus HTTP API that are used, as values.

use std::time::Duration;

use super::transport::ApiRequest;
use crate::units::{MS_PER_SECOND, Millis};

/// An expression at one instant. `limit` is how long the server may work on it.
pub(super) fn instant(promql: &str, at: Millis, limit: Duration) -> ApiRequest {
    let params = [("query", promql.to_owned()), ("time", seconds(at)), ("timeout", ms(limit))];
    request("/api/v1/query", params)
}

/// An expression at `start`, `start + step`, … up to and including `end`.
pub(super) fn range(
    promql: &str,
    (start, end): (Millis, Millis),
    step_ms: i64,
    limit: Duration,
) -> ApiRequest {
    let params = [
        ("query", promql.to_owned()),
        ("start", seconds(start)),
        ("end", seconds(end)),
        ("step", seconds(step_ms)),
        ("timeout", ms(limit)),
    ];
    request("/api/v1/query_range", params)
}

/// The label sets that any of `selectors` matches between two instants.
pub(super) fn series(selectors: &[&str], start: Millis, end: Millis) -> ApiRequest {
    let mut request = request("/api/v1/series", [("start", seconds(start)), ("end", seconds(end))]);
    let selectors = selectors.iter().map(|text| ("match[]".to_owned(), (*text).to_owned()));
    request.params.splice(0..0, selectors);
    request
}

/// The cheapest query there is, to see whether anybody answers.
pub(super) fn probe() -> ApiRequest {
    request("/api/v1/query", [("query", "1".to_owned())])
}

/// Version of the server.
pub(super) fn build_info() -> ApiRequest {
    request("/api/v1/status/buildinfo", [])
}

/// The server's configuration, secrets left out by the server.
pub(super) fn config() -> ApiRequest {
    request("/api/v1/status/config", [])
}

/// Anything else, with literal parameters.
pub(super) fn plain<const N: usize>(path: &str, params: [(&str, &str); N]) -> ApiRequest {
    request(path, params.map(|(name, value)| (name, value.to_owned())))
}

fn request<const N: usize>(path: &str, params: [(&str, String); N]) -> ApiRequest {
    let params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    ApiRequest { path: path.to_owned(), params }
}

/// Milliseconds as decimal seconds, exactly.
pub(super) fn seconds(at: Millis) -> String {
    let (whole, rest) = (at / MS_PER_SECOND, (at % MS_PER_SECOND).abs());
    let sign = if at < 0 && whole == 0 { "-" } else { "" };
    if rest == 0 { whole.to_string() } else { format!("{sign}{whole}.{rest:03}") }
}

fn ms(limit: Duration) -> String {
    format!("{}ms", limit.as_millis().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        assert_eq!(seconds(1_795_132_799_999), "1795132799.999");
        assert_eq!(seconds(60_000), "60");
        assert_eq!(seconds(-1), "-0.001");
        assert_eq!(seconds(-1_500), "-1.500");
    }
}
