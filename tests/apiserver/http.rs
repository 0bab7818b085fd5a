//! HTTP/1.1 on loopback, connections kept: a run of ten thousand changes asks forty thousand times.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;

/// A request as it came.
pub(crate) struct HttpRequest {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
}

/// An answer.
pub(crate) struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    pub retry_after: Option<u32>,
}

impl Reply {
    pub(crate) fn of(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into_bytes(), retry_after: None }
    }

    pub(crate) fn ok(body: &Value) -> Self {
        Self::of(200, body)
    }

    pub(crate) fn nothing() -> Self {
        Self { status: 0, body: Vec::new(), retry_after: None }
    }
}

/// What becomes of the connection.
#[derive(PartialEq, Eq)]
pub(crate) enum Ending {
    Keep,
    /// Nothing is said, and it is closed.
    Drop,
}

pub(crate) struct Served {
    pub reply: Reply,
    pub ending: Ending,
}

impl Served {
    pub(crate) fn whole(reply: Reply) -> Self {
        Self { reply, ending: Ending::Keep }
    }
}

type Handler = dyn Fn(&HttpRequest) -> Served + Send + Sync;

/// The server; it ends with the value.
pub(crate) struct Http {
    port: u16,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Http {
    pub(crate) fn start(handler: impl Fn(&HttpRequest) -> Served + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let ended = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let over = Arc::clone(&ended);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), handler) = (stream, Arc::clone(&handler)) else { continue };
                // A client that went away is its own affair.
                std::thread::spawn(move || drop(serve(&stream, &*handler)));
            }
        });
        Self { port, ended, accepting: Some(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.accepting.take() {
            drop(thread.join());
        }
    }
}

fn serve(stream: &TcpStream, handler: &Handler) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let Served { reply, ending } = handler(&request);
        if ending == Ending::Drop {
            return stream.shutdown(std::net::Shutdown::Both);
        }
        let retry = reply.retry_after.map_or_else(String::new, |s| format!("retry-after: {s}\r\n"));
        let mut bytes = format!(
            "HTTP/1.1 {} Test\r\ncontent-type: application/json\r\n{retry}content-length: {}\r\n\r\n",
            reply.status,
            reply.body.len()
        )
        .into_bytes();
        bytes.extend(reply.body);
        let mut out = stream;
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<HttpRequest>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(HttpRequest { method, target, body }))
}
