//! A metric server for the invented fleet on loopback: remote read with streamed chunks, and as much of the
//! query API as a report asks for. It keeps nothing but a few chunks and makes the rest while it sends.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use prost::Message;

use crate::fleet::{Metric, Patterns, Series, Size};
use crate::wire::{bytes, labels, number, varint};

#[derive(Clone, PartialEq, prost::Message)]
struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<Query>,
    /// Types of answers; 1 is streamed chunks.
    #[prost(int32, repeated, tag = "2")]
    accepted: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Query {
    #[prost(int64, tag = "1")]
    start_ms: i64,
    #[prost(int64, tag = "2")]
    end_ms: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<Matcher>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Matcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

/// Serves until the process ends.
pub(crate) fn start(size: Size) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let patterns = Arc::new(Patterns::new(size.step_ms));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let patterns = Arc::clone(&patterns);
            std::thread::spawn(move || serve(stream, size, &patterns));
        }
    });
    Ok(address)
}

/// Answers requests on one connection until the other side hangs up.
fn serve(stream: TcpStream, size: Size, patterns: &Patterns) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    let mut writer = BufWriter::with_capacity(256 * 1024, stream);
    while let Some(Request { path, body, is_last }) = request(&mut reader) {
        let answered = if path.starts_with("/api/v1/read") {
            read(&body, size, patterns, &mut writer)
        } else {
            json(&path, &mut writer)
        };
        if answered.and_then(|()| writer.flush()).is_err() || is_last {
            return;
        }
    }
}

struct Request {
    path: String,
    body: Vec<u8>,
    /// The other side wants no more on this connection.
    is_last: bool,
}

fn request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut is_last) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        is_last |= header == "connection: close";
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { path, body, is_last })
}

/// What a server without any of these facts says.
fn json(path: &str, out: &mut impl Write) -> std::io::Result<()> {
    let (status, data) = match path.split('?').next().unwrap_or_default() {
        "/api/v1/query" if path.contains("query=1&") || path.ends_with("query=1") => {
            ("200 OK", r#"{"resultType":"scalar","result":[1,"1"]}"#)
        }
        "/api/v1/query" => ("200 OK", r#"{"resultType":"vector","result":[]}"#),
        "/api/v1/query_range" => ("200 OK", r#"{"resultType":"matrix","result":[]}"#),
        "/api/v1/series" => ("200 OK", "[]"),
        "/api/v1/status/buildinfo" => ("200 OK", r#"{"application":"fleet","version":"0"}"#),
        "/api/v1/status/config" => ("200 OK", r#"{"yaml":"global: {}\n"}"#),
        _ => ("404 Not Found", "null"),
    };
    let body = format!(r#"{{"status":"success","data":{data}}}"#);
    write!(
        out,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn read(body: &[u8], size: Size, patterns: &Patterns, out: &mut impl Write) -> std::io::Result<()> {
    let plain = snap::raw::Decoder::new().decompress_vec(body)?;
    let query = ReadRequest::decode(plain.as_slice())?.queries.into_iter().next();
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse\r\nTransfer-Encoding: chunked\r\n\r\n"
    )?;
    let mut result = Ok(());
    if let Some((query, metric)) = query.and_then(|q| Some((q.clone(), metric(&q)?))) {
        let mut frames = Vec::with_capacity(2 * FLUSH);
        size.series(metric, (query.start_ms, query.end_ms), patterns, |series| {
            frame(&series, &mut frames);
            if frames.len() >= FLUSH && result.is_ok() {
                result = piece(&frames, out);
                frames.clear();
            }
        });
        if !frames.is_empty() && result.is_ok() {
            result = piece(&frames, out);
        }
    }
    result?;
    out.write_all(b"0\r\n\r\n")
}

/// Bytes that go out at once.
const FLUSH: usize = 64 * 1024;

fn piece(bytes: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    write!(out, "{:x}\r\n", bytes.len())?;
    out.write_all(bytes)?;
    out.write_all(b"\r\n")
}

/// The metric that the matchers name; the fleet has no other.
fn metric(query: &Query) -> Option<Metric> {
    let name = query.matchers.iter().find(|m| m.name == "__name__")?;
    let names = |wanted: &str| name.value.split('|').any(|alternative| alternative == wanted);
    Metric::ALL.into_iter().find(|metric| names(metric.name()))
}

/// One series as one frame: length, CRC-32C, message.
fn frame(series: &Series<'_>, out: &mut Vec<u8>) {
    let mut inner = Vec::new();
    labels(&series.labels, &mut inner);
    let mut chunk = Vec::new();
    for (first_ms, body) in &series.chunks {
        chunk.clear();
        number(1, first_ms.unsigned_abs(), &mut chunk);
        number(2, (first_ms + body.length_ms()).unsigned_abs(), &mut chunk);
        number(3, 1, &mut chunk);
        bytes(4, &body.starting_at(*first_ms), &mut chunk);
        bytes(2, &chunk, &mut inner);
    }
    let mut message = Vec::with_capacity(inner.len() + 8);
    bytes(1, &inner, &mut message);
    varint(message.len() as u64, out);
    out.extend(crc32c::crc32c(&message).to_be_bytes());
    out.extend(message);
}
