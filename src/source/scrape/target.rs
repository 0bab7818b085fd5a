//! Who is scraped, and the one way to a text whichever kind of place it is at.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::source::objects::one_line;
use crate::source::prometheus::transport::{ApiRequest, Transport};
use crate::source::store::TargetName;

/// Largest text that is read of a file.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Where a text is.
#[derive(Clone)]
pub enum Place {
    /// At a server, straight or through the API server.
    Server(Arc<dyn Transport>),
    /// In a file that somebody writes.
    File(PathBuf),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(transport) => f.write_str(transport.target()),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// An exporter.
#[derive(Debug, Clone)]
pub struct Target {
    /// The labels that its series get.
    pub name: TargetName,
    /// Where its text is.
    pub place: Place,
}

impl Target {
    /// Its text, within `limit`; else why there is none, in words without a secret.
    ///
    /// # Errors
    /// No answer in time, an answer that is not 200, a file that cannot be read.
    pub async fn fetch(&self, limit: Duration) -> Result<Vec<u8>, String> {
        let fetch = async {
            match &self.place {
                Place::Server(transport) => from_server(&**transport).await,
                Place::File(path) => {
                    let path = path.clone();
                    let read = tokio::task::spawn_blocking(move || from_file(&path));
                    read.await.unwrap_or_else(|e| Err(e.to_string()))
                }
            }
        };
        tokio::time::timeout(limit, fetch)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
    }
}

async fn from_server(transport: &dyn Transport) -> Result<Vec<u8>, String> {
    let request = ApiRequest { path: String::new(), params: Vec::new() };
    let response = transport.send(&request).await.map_err(|e| one_line(&e.to_string()))?;
    if response.status == 200 {
        return Ok(response.body);
    }
    let text = String::from_utf8_lossy(&response.body);
    Err(one_line(&format!("HTTP {} {text}", response.status)))
}

fn from_file(path: &Path) -> Result<Vec<u8>, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    let file = File::open(path).map_err(fail)?;
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(fail)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("{}: larger than {MAX_FILE_BYTES} bytes", path.display()));
    }
    Ok(text)
}
