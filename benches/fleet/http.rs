//! Requests to a server on loopback, one connection each.

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Head and body.
    pub(crate) bytes: u64,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The same, if the server took the request.
    pub(crate) fn taken(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(500)]).into_owned();
        Err(Error::other(format!("HTTP {}: {text}", self.status)))
    }
}

/// The part of a URL that a socket takes.
pub(crate) fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// One exchange. The body of the answer is as it was sent, with the marks of pieces.
pub(crate) fn exchange(
    url: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Reply> {
    let mut stream = TcpStream::connect(address(url))?;
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&[name, ": ", value, "\r\n"].concat());
    }
    head.push_str(&["Content-Length: ", &body.len().to_string(), "\r\n\r\n"].concat());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let (mut bytes, mut status) = (0, 0);
    loop {
        let mut line = String::new();
        bytes += reader.read_line(&mut line)? as u64;
        if status == 0 {
            let word = line.split(' ').nth(1).and_then(|word| word.parse().ok());
            status = word.ok_or_else(|| Error::other(format!("no HTTP: {line:?}")))?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    bytes += reader.read_to_end(&mut body)? as u64;
    Ok(Reply { status, bytes, body })
}

/// Asks, and takes nothing but a good answer.
pub(crate) fn get(url: &str, target: &str) -> Result<Reply> {
    exchange(url, "GET", target, &[], b"")?.taken()
}
