//! A metric server for the invented fleet on loopback: remote read with streamed chunks, and as much of the
//! query API as a report asks for. It keeps nothing but a few chunks and makes the rest while it sends.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use prost::Message;

use crate::chunk::varint;
use crate::fleet::{Metric, Patterns, Series, Size};

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
    let patterns = Arc::new(Patterns::new());
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
    while let Some((path, body)) = request(&mut reader) {
        let answered = if path.starts_with("/api/v1/read") {
            read(&body, size, patterns, &mut writer)
        } else {
            json(&path, &mut writer)
        };
        if answered.and_then(|()| writer.flush()).is_err() {
            return;
        }
    }
}

fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
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
    let known = [
        ("DCGM_FI_DEV_GPU_UTIL", Metric::Utilization),
        ("DCGM_FI_DEV_FB_USED", Metric::Memory),
        ("kube_pod_container_resource_requests", Metric::Requests),
        ("kube_node_status_capacity", Metric::Capacity),
    ];
    known.into_iter().find(|(wanted, _)| names(wanted)).map(|(_, metric)| metric)
}

/// One series as one frame: length, CRC-32C, message.
fn frame(series: &Series<'_>, out: &mut Vec<u8>) {
    let mut inner = Vec::new();
    for (name, value) in &series.labels {
        let mut label = Vec::new();
        bytes(1, name.as_bytes(), &mut label);
        bytes(2, value.as_bytes(), &mut label);
        bytes(1, &label, &mut inner);
    }
    for (first_ms, body) in &series.chunks {
        let mut chunk = Vec::new();
        let length = crate::fleet::SAMPLES_PER_CHUNK * crate::fleet::STEP_MS;
        number(1, first_ms.unsigned_abs(), &mut chunk);
        number(2, (first_ms + length - crate::fleet::STEP_MS).unsigned_abs(), &mut chunk);
        number(3, 1, &mut chunk);
        bytes(4, &body.starting_at(*first_ms), &mut chunk);
        bytes(2, &chunk, &mut inner);
    }
    let mut message = Vec::with_capacity(inner.len() + 8);
    bytes(1, &inner, &mut message);
    varint(out, message.len() as u64);
    out.extend(crc32c::crc32c(&message).to_be_bytes());
    out.extend(message);
}

fn bytes(tag: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(out, tag << 3 | 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

fn number(tag: u64, value: u64, out: &mut Vec<u8>) {
    varint(out, tag << 3);
    varint(out, value);
}

/// The body of a request for all series of a metric.
pub(crate) fn request_body(name: &str, start_ms: i64, end_ms: i64) -> Vec<u8> {
    let matcher = Matcher { kind: 0, name: "__name__".into(), value: name.into() };
    let query = Query { start_ms, end_ms, matchers: vec![matcher] };
    let request = ReadRequest { queries: vec![query], accepted: vec![1] };
    let plain = request.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&plain).expect("a short request")
}
