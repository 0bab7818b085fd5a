//! A small HTTP server on loopback that answers as a test wants, or passes requests on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Query and form, decoded, one `name=value` a line.
    pub(crate) fn text(&self) -> String {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let form = url::form_urlencoded::parse(&self.body);
        pairs.chain(form).map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

/// What a request gets.
pub(crate) enum Answer {
    /// Status, more headers, body.
    Reply(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Whatever the server at `host:port` says to the same request, its path changed.
    Forward { to: String, target: String },
    /// Nothing, until the server ends.
    Silence,
    /// The beginning of a long answer, then a byte at a time until the server ends.
    Drip,
    /// The beginning of a long answer, then a closed connection.
    Broken,
    /// The head of a stream of this type, then a closed connection.
    BrokenStream(&'static str),
}

impl Answer {
    pub(crate) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::Reply(200, vec![("content-type", "application/json".into())], body.into())
    }

    pub(crate) fn status(code: u16, body: &str) -> Self {
        Self::Reply(code, vec![("content-type", "text/plain".into())], body.into())
    }
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// The server; it ends with the value.
pub(crate) struct HttpServer {
    port: u16,
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Request>>>,
    accepting: Option<JoinHandle<()>>,
}

impl HttpServer {
    pub(crate) fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler: Arc<Handler> = Arc::new(handler);
        let accepting = std::thread::spawn({
            let (ended, seen) = (Arc::clone(&ended), Arc::clone(&seen));
            move || {
                for stream in listener.incoming() {
                    if ended.load(Ordering::SeqCst) {
                        break;
                    }
                    let Ok(stream) = stream else { continue };
                    let (handler, ended, seen) =
                        (Arc::clone(&handler), Arc::clone(&ended), Arc::clone(&seen));
                    // A client that went away is its own affair.
                    std::thread::spawn(move || drop(serve(stream, &*handler, &ended, &seen)));
                }
            }
        });
        Self { port, ended, seen, accepting: Some(accepting) }
    }

    /// Passes everything on but what `special` answers itself.
    pub(crate) fn in_front_of(
        address: String,
        special: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |request| {
            special(request).unwrap_or_else(|| Answer::Forward {
                to: address.clone(),
                target: request.target.clone(),
            })
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic").clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; when that fails it has ended already.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.accepting.take() {
            drop(thread.join());
        }
    }
}

fn serve(
    mut stream: TcpStream,
    handler: &Handler,
    ended: &AtomicBool,
    seen: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let Some(request) = read(&stream)? else { return Ok(()) };
    seen.lock().expect("no panic").push(request.clone());
    match handler(&request) {
        Answer::Reply(status, headers, body) => {
            write!(stream, "HTTP/1.1 {status} Test\r\nconnection: close\r\n")?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            write!(stream, "content-length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)?;
        }
        Answer::Forward { to, target } => forward(&mut stream, &request, &to, &target)?,
        Answer::Silence => wait(ended),
        Answer::Broken => stream.write_all(LONG)?,
        Answer::BrokenStream(kind) => write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        )?,
        Answer::Drip => {
            stream.write_all(LONG)?;
            while !ended.load(Ordering::SeqCst) {
                stream.write_all(b" ")?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    stream.flush()
}

const LONG: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 100000\r\n\r\n{\"status\":\"success\",";

fn wait(ended: &AtomicBool) {
    while !ended.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

fn forward(
    client: &mut TcpStream,
    request: &Request,
    to: &str,
    target: &str,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(to)?;
    write!(server, "{} {target} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n", request.method)?;
    for (name, value) in &request.headers {
        if !["host", "connection"].contains(&name.to_ascii_lowercase().as_str()) {
            write!(server, "{name}: {value}\r\n")?;
        }
    }
    server.write_all(b"\r\n")?;
    server.write_all(&request.body)?;
    std::io::copy(&mut server, client)?;
    Ok(())
}
