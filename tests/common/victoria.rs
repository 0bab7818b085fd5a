//! A real VictoriaMetrics on loopback, filled by its import.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server; it ends with the value.
pub(crate) struct Victoria {
    child: Child,
    port: u16,
    guard: Child,
    data: TempDir,
}

impl Victoria {
    /// Imports OpenMetrics text (with timestamps) and serves it; `None` where there is no VictoriaMetrics.
    pub(crate) fn with_openmetrics(text: &[u8]) -> Option<Self> {
        let server = Self::start()?;
        server.import(&in_milliseconds(std::str::from_utf8(text).expect("text")));
        Some(server)
    }

    fn start() -> Option<Self> {
        let data = TempDir::new().expect("temporary folder");
        for _ in 0..5 {
            let port = free_port();
            let Some(mut child) = serve(&data, port) else {
                eprintln!("skipped: victoria-metrics is not installed (tests/install-tools)");
                return None;
            };
            if is_ready(&mut child, port) {
                let guard = guard(&child, &data);
                return Some(Self { child, port, guard, data });
            }
            end(&mut child);
        }
        panic!("victoria-metrics did not become ready on any of five free ports");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `host:port`, for a proxy.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Takes lines of the text format with instants in milliseconds.
    fn import(&self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            // Whole lines of a few megabytes at a time.
            let most = rest.len().min(8 << 20);
            let end = rest.as_bytes()[..most].iter().rposition(|b| *b == b'\n').expect("lines");
            let (now, later) = rest.split_at(end + 1);
            let answer = exchange(self.port, "POST", "/api/v1/import/prometheus", now.as_bytes());
            let answer = answer.expect("an answer to an import");
            assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
            rest = later;
        }
        self.flush();
    }

    /// Takes a remote-write request.
    pub(crate) fn write(&self, body: &[u8]) {
        let answer = exchange(self.port, "POST", "/api/v1/write", body).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        self.flush();
    }

    /// What was imported is found from now on.
    fn flush(&self) {
        let answer = exchange(self.port, "GET", "/internal/force_flush", b"").expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        end(&mut self.guard);
        end(&mut self.child);
        debug_assert!(self.data.path().exists());
    }
}

/// OpenMetrics text, with seconds, as VictoriaMetrics takes it.
fn in_milliseconds(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len() + openmetrics.len() / 32);
    for line in openmetrics.lines().filter(|line| !line.starts_with('#')) {
        let (sample, seconds) = line.rsplit_once(' ').expect("a sample with its instant");
        let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
        writeln!(text, "{sample} {whole}{part:0<3}").expect("a string takes all");
    }
    text
}

fn is_ready(child: &mut Child, port: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if child.try_wait().expect("own child").is_some() {
            return false;
        }
        if exchange(port, "GET", "/health", b"").is_some_and(|r| r.starts_with("HTTP/1.1 200")) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Ending a child that has ended already is no error worth a word.
fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// Ends the server and removes its folder when this process goes away without dropping it: a static
/// is never dropped. The guard wakes when its standard input closes.
fn guard(server: &Child, data: &TempDir) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$1\"; sleep 0.2; rm -rf \"$2\"", "guard"])
        .arg(server.id().to_string())
        .arg(data.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh is there")
}

fn serve(data: &TempDir, port: u16) -> Option<Child> {
    Command::new("victoria-metrics")
        .arg(format!("-storageDataPath={}", data.path().join("data").display()))
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg("-retentionPeriod=100y")
        .arg("-loggerLevel=ERROR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("bound").port()
}

fn exchange(port: u16, method: &str, path: &str, body: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
