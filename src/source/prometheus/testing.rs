//! A small HTTP server on loopback for the tests of this room.

pub(super) mod fake;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::backoff::Backoff;
use super::client::DirectTransport;
use super::options::{ConnectionOptions, ReadOptions, SampleTransport};
use crate::source::progress::Progress;

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) params: HashMap<String, String>,
    pub(super) body: Vec<u8>,
    /// Bytes of the request line.
    pub(super) line_bytes: usize,
}

/// What the server answers.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) end: End,
}

/// How the end of a body shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By its length.
    Length,
    /// By a length that is longer than what is sent.
    Missing(usize),
    /// By its last chunk.
    Chunked,
    /// By its last chunk, which does not come.
    ChunkedCut,
    /// By the end of the connection.
    Close,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: body.into(),
            delay: Duration::ZERO,
            end: End::Length,
        }
    }

    pub(super) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    /// A matrix with this text as its list of series.
    pub(super) fn matrix(series: &str) -> Self {
        Self::json(format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#
        ))
    }

    pub(super) fn error(status: u16, kind: &str, message: &str) -> Self {
        Self::new(
            status,
            format!(r#"{{"status":"error","errorType":"{kind}","error":"{message}"}}"#),
        )
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(n, _)| *n != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A running server; it stops when dropped.
pub(super) struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Answers each request with what `handler` makes of it and of the number of those before it.
    pub(super) fn start(handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, stopped, handler) = (Arc::clone(&seen), Arc::clone(&stop), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                // A client that goes away early is part of some tests.
                std::thread::spawn(move || serve(stream.ok()?, &log, handler.as_ref()).ok());
            }
        });
        Self { address, seen, stop }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn transport(&self) -> Arc<DirectTransport> {
        Arc::new(DirectTransport::new(&self.url(), &ConnectionOptions::default()).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(&self.address));
    }
}

/// Options that do not make a test wait, for servers that speak the query API alone.
pub(super) fn quick_options() -> ReadOptions {
    ReadOptions {
        timeout: Duration::from_millis(400),
        transport: SampleTransport::Query,
        ..ReadOptions::default()
    }
}

pub(super) const QUICK_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(4),
    longest_asked: Duration::from_secs(60),
};

fn serve(
    stream: TcpStream,
    log: &Mutex<Vec<Seen>>,
    handler: &(dyn Fn(&Seen, usize) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let seen = read_request(&mut reader)?;
    let number = {
        let mut log = log.lock().unwrap();
        log.push(seen.clone());
        log.len() - 1
    };
    let reply = handler(&seen, number);
    std::thread::sleep(reply.delay);
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let length = reply.body.len();
    let announced = match reply.end {
        End::Length => format!("Content-Length: {length}\r\n"),
        End::Missing(more) => format!("Content-Length: {}\r\n", length + more),
        End::Chunked | End::ChunkedCut => "Transfer-Encoding: chunked\r\n".to_owned(),
        End::Close => String::new(),
    };
    head.push_str(&announced);
    head.push_str("\r\n");
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    if matches!(reply.end, End::Chunked | End::ChunkedCut) {
        // In pieces that have nothing to do with what is in them.
        for piece in reply.body.chunks(1_000) {
            stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
            stream.write_all(piece)?;
            stream.write_all(b"\r\n")?;
        }
    } else {
        stream.write_all(&reply.body)?;
    }
    if reply.end == End::Chunked {
        stream.write_all(b"0\r\n\r\n")?;
    }
    stream.flush()
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query, line_bytes) = (path.to_owned(), query.to_owned(), line.len());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let form = if query.is_empty() { &body } else { query.as_bytes() };
    let params = url::form_urlencoded::parse(form).into_owned().collect();
    Ok(Seen { method, path, headers, params, body, line_bytes })
}

/// Counts what is reported.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) expected: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) samples: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) phases: Mutex<Vec<String>>,
}

impl Progress for Counting {
    fn expect(&self, count: u64) {
        self.expected.fetch_add(count, Ordering::Relaxed);
    }

    fn done(&self, samples: u64, bytes: u64) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.samples.fetch_add(samples, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn phase(&self, name: &str) {
        self.phases.lock().unwrap().push(name.to_owned());
    }
}
