//! The servers that a fleet is read from, each a process of its own on loopback: Prometheus,
//! VictoriaMetrics, and the generator.

use std::io::{BufRead, BufReader, Error, Result};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::fleet::Size;
use crate::process::{self, Taken};
use crate::{http, write};

/// Longest wait for a server to come up, or to come to rest.
const PATIENCE: Duration = Duration::from_mins(5);
/// A server is at rest when it used less than [`REST_CPU`] in this time.
const REST: Duration = Duration::from_secs(1);
const REST_CPU: Duration = Duration::from_millis(50);

/// A server that metrics come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Prometheus,
    VictoriaMetrics,
    /// Makes the fleet while it sends.
    Generator,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Prometheus, Self::VictoriaMetrics, Self::Generator];

    /// As `--into` names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::VictoriaMetrics => "victoriametrics",
            Self::Generator => "generator",
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::VictoriaMetrics => "victoria-metrics",
            Self::Generator => "",
        }
    }

    /// Whether it can be started here.
    pub(crate) fn is_installed(self) -> bool {
        let version = || Command::new(self.program()).arg("--version").output();
        self == Self::Generator || version().is_ok()
    }
}

/// A running server; it ends with the value, and when this process ends.
pub(crate) struct Server {
    child: Child,
    guard: Option<Child>,
    pub(crate) url: String,
    _data: TempDir,
}

/// What something took of both sides.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    pub(crate) client: Taken,
    pub(crate) server_cpu: Duration,
    /// Peak of the server's resident set above what it was before, bytes.
    pub(crate) server_growth: u64,
}

impl Server {
    pub(crate) fn start(kind: Kind, size: Size) -> Result<Self> {
        match kind {
            Kind::Generator => Self::generator(size),
            _ => Self::real(kind),
        }
    }

    /// The bench's own program, as `--serve`. It ends when its standard input does.
    fn generator(size: Size) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--child", "serve"])
            .args(size.flags())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let stdout = child.stdout.take().ok_or_else(|| Error::other("no output"))?;
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self { child, guard: None, url: url.trim().to_owned(), _data: TempDir::new()? })
    }

    fn real(kind: Kind) -> Result<Self> {
        let data = TempDir::new()?;
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let url = format!("http://127.0.0.1:{port}");
            let mut child = command(kind, data.path(), port)?
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            if is_ready(&mut child, &url)? {
                let guard = Some(guard(&child, data.path())?);
                return Ok(Self { child, guard, url, _data: data });
            }
            end(&mut child);
        }
        Err(Error::other(format!("{} does not come up", kind.program())))
    }

    /// Writes the fleet, and waits until what that set off is done. Gives the samples.
    pub(crate) fn fill(&self, kind: Kind, size: Size) -> Result<u64> {
        let samples = write::write(size, &self.url)?;
        if kind == Kind::VictoriaMetrics {
            http::get(&self.url, "/internal/force_flush")?;
        }
        Ok(samples)
    }

    /// Its version, if it tells among its own metrics. Debian's VictoriaMetrics does not.
    pub(crate) fn version(&self) -> Option<String> {
        let metrics = http::get(&self.url, "/metrics").ok()?.body;
        let metrics = String::from_utf8_lossy(&metrics);
        let after = |name: &str| Some(metrics.split_once(name)?.1.split('"').next()?.to_owned());
        after("short_version=\"").or_else(|| after(",version=\"")).filter(|v| !v.is_empty())
    }

    /// Runs `work` on a server at rest.
    pub(crate) fn measured(&self, work: impl FnOnce() -> Result<Taken>) -> Result<Measured> {
        self.rest()?;
        let id = self.child.id();
        process::forget_peak(id)?;
        let memory = process::resident_bytes(id).unwrap_or_default();
        let before = process::cpu(&self.child);
        let client = work()?;
        let server_cpu = process::cpu(&self.child).saturating_sub(before);
        let peak = process::peak_bytes(id).unwrap_or_default();
        Ok(Measured { client, server_cpu, server_growth: peak.saturating_sub(memory) })
    }

    /// Waits until the server has nothing more to do.
    fn rest(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let before = process::cpu(&self.child);
            std::thread::sleep(REST);
            if process::cpu(&self.child).saturating_sub(before) < REST_CPU {
                return Ok(());
            }
        }
        Err(Error::other("the server does not come to rest"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.guard.iter_mut().for_each(end);
        end(&mut self.child);
    }
}

/// Ending a child that has ended already is no error worth a word.
fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

fn command(kind: Kind, data: &Path, port: u16) -> Result<Command> {
    let mut command = Command::new(kind.program());
    if kind == Kind::VictoriaMetrics {
        command
            .arg(format!("-storageDataPath={}", data.join("data").display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .args(["-retentionPeriod=100y", "-loggerLevel=ERROR"]);
        return Ok(command);
    }
    let config = data.join("prometheus.yml");
    std::fs::write(&config, "global: {}\n")?;
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", data.join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--storage.tsdb.retention.time=100y", "--web.enable-remote-write-receiver"])
        .arg("--log.level=error");
    Ok(command)
}

fn is_ready(child: &mut Child, url: &str) -> Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && child.try_wait()?.is_none() {
        // VictoriaMetrics answers this one, too.
        if http::get(url, "/-/ready").is_ok() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(false)
}

/// Ends the server and removes its folder when this process goes away without dropping it: the guard wakes
/// when its standard input closes.
fn guard(server: &Child, data: &Path) -> Result<Child> {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$1\"; sleep 0.2; rm -rf \"$2\"", "guard"])
        .arg(server.id().to_string())
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
