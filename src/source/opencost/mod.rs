//! Prices that OpenCost (or Kubecost) works with: one request, or a file with the answer to one.
//!
//! `/assets` has nodes with the cost of their GPUs; `/allocation` has what was allocated of them. Either way a price is GPU
//! cost over GPU-hours of a node. What OpenCost says of tenants is not read: it bills requests, not devices.

mod decode;

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::prometheus::DirectTransport;
use super::prometheus::options::ConnectionOptions;
use super::prometheus::transport::{ApiRequest, Transport};
pub use decode::{NodePrice, decode};

/// Longest wait for the answer. OpenCost computes it on the way.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer: some 2 kB for each node.
const MAX_BYTES: usize = 64 << 20;
/// Asked for where the URL says nothing else.
const WINDOW: &str = "7d";

/// Where prices are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A server, or one of its answers.
    Url(String),
    /// A file with an answer.
    File(PathBuf),
}

/// Why there are no prices.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A URL that cannot be asked.
    #[error("`{url}` is not a URL of OpenCost: {detail}")]
    Url {
        /// As far as it can be shown.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// No answer, or another than 200.
    #[error("{target}: {detail}")]
    Unanswered {
        /// URL without credentials and parameters.
        target: String,
        /// Status or cause.
        detail: String,
    },
    /// An answer that is not understood, or has no price.
    #[error("{target}: {detail}")]
    Answer {
        /// URL or file.
        target: String,
        /// What is wrong.
        detail: String,
    },
}

/// Prices of nodes, and the place they are from, without credentials.
///
/// # Errors
///
/// No answer, an answer that is not understood, no node with a cost of GPUs.
pub async fn prices(
    place: &Place,
    token: Option<&Path>,
) -> Result<(String, Vec<NodePrice>), Error> {
    let (target, body) = match place {
        Place::Url(url) => answer(url, token).await?,
        Place::File(path) => {
            let target = path.display().to_string();
            (target.clone(), file(path).map_err(|detail| Error::Unanswered { target, detail })?)
        }
    };
    match decode(&body) {
        Ok(prices) => Ok((target, prices)),
        Err(detail) => Err(Error::Answer { target, detail }),
    }
}

fn file(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut body = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut body));
    match read {
        Err(e) => Err(format!("cannot be read: {e}")),
        Ok(n) if n > MAX_BYTES => Err(format!("is larger than {} MiB", MAX_BYTES >> 20)),
        Ok(_) => Ok(body),
    }
}

async fn answer(url: &str, token: Option<&Path>) -> Result<(String, Vec<u8>), Error> {
    let (base, request) = request(url)?;
    let options = ConnectionOptions {
        bearer_token_file: token.map(Path::to_owned),
        ..ConnectionOptions::default()
    };
    let transport = DirectTransport::new(&base, &options)
        .map_err(|e| Error::Url { url: shown(url), detail: e.to_string() })?
        .with_max_body_bytes(MAX_BYTES);
    let target = format!("{}{}", transport.target(), request.path);
    let unanswered = |detail: String| Error::Unanswered { target: target.clone(), detail };
    let answer = tokio::time::timeout(TIMEOUT, transport.send(&request))
        .await
        .map_err(|_| unanswered(format!("no answer within {} s", TIMEOUT.as_secs())))?
        .map_err(|e| unanswered(e.to_string()))?;
    if answer.status != 200 {
        let text = String::from_utf8_lossy(&answer.body);
        let said: String =
            text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        return Err(unanswered(format!("status {}{said}", answer.status)));
    }
    Ok((target, answer.body))
}

/// The server's base URL, and what is asked of it: `/assets` unless the URL names an answer, of seven days unless it
/// names a window.
fn request(text: &str) -> Result<(String, ApiRequest), Error> {
    let wrong = |detail: &str| Error::Url { url: shown(text), detail: detail.to_owned() };
    let mut url = Url::parse(text.trim()).map_err(|e| wrong(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("only http:// and https:// can be asked; a file needs no `://`"));
    }
    let mut params: Vec<(String, String)> =
        url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    for (key, value) in [("window", WINDOW), ("accumulate", "true")] {
        if !params.iter().any(|(known, _)| known == key) {
            params.push((key.to_owned(), value.to_owned()));
        }
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let (prefix, last) = path.rsplit_once('/').unwrap_or(("", &path));
    let (prefix, asked) = match last {
        "assets" | "allocation" => (prefix, format!("/{last}")),
        "compute" if prefix.ends_with("/allocation") => {
            (prefix.trim_end_matches("/allocation"), "/allocation/compute".to_owned())
        }
        _ => (path.as_str(), "/assets".to_owned()),
    };
    url.set_path(prefix);
    Ok((url.to_string(), ApiRequest { path: asked, params }))
}

/// A URL without what may be secret in it.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked() {
        for (url, base, path, params) in [
            ("http://oc:9003", "http://oc:9003/", "/assets", "window=7d accumulate=true"),
            (
                "http://oc:9003/model/",
                "http://oc:9003/model",
                "/assets",
                "window=7d accumulate=true",
            ),
            (
                "https://u:p@oc/model/assets?window=lastmonth",
                "https://u:p@oc/model",
                "/assets",
                "window=lastmonth accumulate=true",
            ),
            (
                "http://oc/allocation?accumulate=false",
                "http://oc/",
                "/allocation",
                "accumulate=false window=7d",
            ),
            (
                "http://oc/allocation/compute",
                "http://oc/",
                "/allocation/compute",
                "window=7d accumulate=true",
            ),
        ] {
            let (found, request) = request(url).expect(url);
            assert_eq!((found.as_str(), request.path.as_str()), (base, path), "{url}");
            let pairs: Vec<String> =
                request.params.iter().map(|(k, v)| format!("{k}={v}")).collect();
            assert_eq!(pairs.join(" "), params, "{url}");
        }
        for url in ["ftp://oc", "http://"] {
            assert!(request(url).is_err(), "{url}");
        }
        let error =
            request("ftp://user:secret@oc/x?token=secret").expect_err("no HTTP").to_string();
        assert!(!error.contains("secret") && error.contains("ftp://oc/x"), "{error}");
    }
}
