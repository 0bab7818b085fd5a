//! A real Prometheus on loopback, with blocks imported from OpenMetrics text.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server; it ends with the value.
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
    guard: Child,
    data: TempDir,
}

impl Prometheus {
    /// Imports OpenMetrics text (with timestamps) and serves it.
    pub(crate) fn with_openmetrics(text: &[u8]) -> Self {
        Self::start(text, &[])
    }

    /// The same with extra flags for the server (limits).
    pub(crate) fn start(text: &[u8], flags: &[&str]) -> Self {
        Self::configured(text, flags, "global: {}\n")
    }

    /// The same with a configuration of its own.
    pub(crate) fn configured(text: &[u8], flags: &[&str], yaml: &str) -> Self {
        let data = TempDir::new().expect("temporary folder");
        let dump = data.path().join("metrics.om");
        fs::write(&dump, text).expect("writable");
        let blocks = data.path().join("tsdb");
        fs::create_dir(&blocks).expect("writable");
        let import = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
            .args([&dump, &blocks])
            .output()
            .expect("promtool is installed (tests/install-tools)");
        assert!(
            import.status.success(),
            "import failed: {}",
            String::from_utf8_lossy(&import.stderr)
        );
        fs::remove_file(&dump).expect("written above");
        Self::serving(data, yaml, flags)
    }

    /// Scrapes by itself, as `config` says.
    pub(crate) fn scraping(config: &str) -> Self {
        let data = TempDir::new().expect("temporary folder");
        fs::create_dir(data.path().join("tsdb")).expect("writable");
        Self::serving(data, config, &[])
    }

    fn serving(data: TempDir, config_text: &str, flags: &[&str]) -> Self {
        let blocks = data.path().join("tsdb");
        let config = data.path().join("prometheus.yml");
        fs::write(&config, config_text).expect("writable");
        for _ in 0..5 {
            let port = free_port();
            let mut child = serve(&config, &blocks, port, flags);
            if is_ready(&mut child, port) {
                let guard = guard(&child, data.path());
                return Self { child, port, guard, data };
            }
            end(&mut child);
        }
        panic!("prometheus did not become ready on any of five free ports");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until so many targets were scraped.
    pub(crate) fn wait_until_it_scrapes(&self, targets: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = get(self.port, "/api/v1/query?query=count(up)").unwrap_or_default();
            if answer.contains(&format!(",\"{targets}\"]")) {
                return;
            }
            assert!(Instant::now() < deadline, "prometheus scrapes nobody: {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `host:port`, for a proxy.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        end(&mut self.guard);
        end(&mut self.child);
        debug_assert!(self.data.path().exists());
    }
}

fn is_ready(child: &mut Child, port: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if child.try_wait().expect("own child").is_some() {
            return false;
        }
        if get(port, "/-/ready").is_some_and(|r| r.starts_with("HTTP/1.1 200")) {
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
fn guard(server: &Child, data: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$1\"; sleep 0.2; rm -rf \"$2\"", "guard"])
        .arg(server.id().to_string())
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh is there")
}

fn serve(config: &Path, blocks: &Path, port: u16, flags: &[&str]) -> Child {
    Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", blocks.display()))
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--log.level=error")
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is installed (tests/install-tools)")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("bound").port()
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
