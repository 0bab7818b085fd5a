//! A proxy that keeps what a client asks, and counts what it gets: so that `curl` can ask the same.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::http::address;

/// One request, and the bytes of its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) bytes: u64,
}

/// A proxy in front of one server, as long as the process lives.
pub(crate) struct Recorder {
    pub(crate) url: String,
    log: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    pub(crate) fn in_front_of(url: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let log: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let (upstream, kept) = (address(url).to_owned(), Arc::clone(&log));
        let recorder = Self { url: format!("http://{}", listener.local_addr()?), log };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (upstream, kept) = (upstream.clone(), Arc::clone(&kept));
                // A client that hangs up has its own reasons.
                std::thread::spawn(move || drop(pass(&stream, &upstream, &kept)));
            }
        });
        Ok(recorder)
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.log.lock().expect("no panic"))
    }
}

/// One request of one connection, which ends with it.
fn pass(mut client: &TcpStream, upstream: &str, log: &Mutex<Vec<Exchange>>) -> Result<()> {
    let mut exchange = request(&mut BufReader::new(client.try_clone()?))?;
    let mut server = TcpStream::connect(upstream)?;
    let Exchange { method, target, headers, body, .. } = &exchange;
    let mut head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| name != "connection") {
        head.push_str(&[name, ": ", value, "\r\n"].concat());
    }
    head.push_str("\r\n");
    server.write_all(head.as_bytes())?;
    server.write_all(body)?;
    exchange.bytes = std::io::copy(&mut server, &mut client)?;
    log.lock().expect("no panic").push(exchange);
    Ok(())
}

fn request(reader: &mut impl BufRead) -> Result<Exchange> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(ToOwned::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().map_err(std::io::Error::other)?;
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Exchange { method, target, headers, body, bytes: 0 })
}
