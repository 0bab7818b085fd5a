//! A real Prometheus on loopback, with blocks imported from OpenMetrics text.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server; it ends with the value.
pub struct Prometheus {
    child: Child,
    port: u16,
    _data: TempDir,
}

impl Prometheus {
    /// Imports OpenMetrics text (with timestamps) and serves it.
    pub fn with_openmetrics(text: &[u8]) -> Self {
        Self::start(text, &[])
    }

    /// The same with extra flags for the server (limits).
    pub fn start(text: &[u8], flags: &[&str]) -> Self {
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
        let config = data.path().join("prometheus.yml");
        fs::write(&config, "global: {}\n").expect("writable");
        for _ in 0..5 {
            let port = free_port();
            let child = serve(&config, &blocks, port, flags);
            let mut server = Self { child, port, _data: TempDir::new().expect("temporary folder") };
            if server.is_ready() {
                server._data = data;
                return server;
            }
        }
        panic!("prometheus did not become ready on any of five free ports");
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn is_ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if self.child.try_wait().expect("own child").is_some() {
                return false;
            }
            if get(self.port, "/-/ready").is_some_and(|r| r.starts_with("HTTP/1.1 200")) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Ending a child that has ended already is no error worth a word.
        drop(self.child.kill());
        drop(self.child.wait());
    }
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
