//! A `gpu-finops collect` that runs until the test ends it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running collector; killed with the value.
pub(super) struct Collector {
    child: Child,
    port: u16,
}

impl Collector {
    /// Starts one on `store`, scraping every second.
    pub(super) fn start(store: &Path, targets: &[String]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("loopback")
            .port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gpu-finops"));
        command.env_clear().args(["collect", "--no-kubernetes", "--interval", "1s", "--store"]);
        command.arg(store).args(["--listen", &format!("127.0.0.1:{port}")]);
        for target in targets {
            command.args(["--target", target]);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
        Self { child, port }
    }

    /// Status and body of what it serves; `None` while it does not listen.
    pub(super) fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Waits until `/metrics` has a line that begins so and a number of at least `least` behind it.
    pub(super) fn wait_for(&self, series: &str, least: f64) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let metrics = self.get("/metrics").map(|(_, body)| body).unwrap_or_default();
            let mut values = metrics.lines().filter_map(|line| line.strip_prefix(series));
            if values.any(|rest| {
                rest.rsplit(' ').next().is_some_and(|v| v.parse().is_ok_and(|v: f64| v >= least))
            }) {
                return;
            }
            assert!(Instant::now() < deadline, "no {series} ≥ {least} in: {metrics}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Scrapes that it tells to have kept.
    pub(super) fn scraped(&self) -> usize {
        let metrics = self.get("/metrics").map(|(_, body)| body).unwrap_or_default();
        let total = |name: &str| -> usize {
            let of = metrics.lines().filter(|line| line.starts_with(name));
            of.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
        };
        total("gpu_finops_scrapes_total{") - total("gpu_finops_scrape_failures_total{")
    }

    /// Kills it, as a crash would.
    pub(super) fn kill(mut self) -> String {
        self.child.kill().expect("it runs");
        self.ended().1
    }

    /// Asks it to end with a signal; exit code and standard error.
    pub(super) fn signal(mut self, name: &str) -> (Option<i32>, String) {
        let kill =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(kill.expect("kill is there").success());
        self.ended()
    }

    fn ended(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("own child");
        let mut err = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
        assert!(!err.contains("panicked"), "{err}");
        (status.code(), err)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
