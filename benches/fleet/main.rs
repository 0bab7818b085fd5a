//! A fleet's report end to end, against what it costs to move the same bytes.
//!
//! ```sh
//! cargo bench --bench fleet                                # 1,000 GPUs, 7 days, 40 million device samples
//! cargo bench --bench fleet -- --gpus 10000 --days 30      # 1.7 billion

//! ```
//!
//! The server is a generator of its own process that speaks remote read as Prometheus does. `(a)` is curl
//! of the same requests to /dev/null, `(c)` is `gpu-finops report`. Compare rows of one run: machines differ.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a benchmark's small numbers, and its table"
)]

mod chunk;
mod fleet;
mod process;
mod server;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fleet::{START_MS, STEP_MS, Size};
use process::Taken;

const USAGE: &str = "--gpus N --days N, or --serve to serve and wait";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut size = Size { gpus: 1_000, days: 7 };
    let mut is_server = false;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--gpus" => size.gpus = args.next().ok_or(USAGE)?.parse()?,
            "--days" => size.days = args.next().ok_or(USAGE)?.parse()?,
            "--serve" => is_server = true,
            // What cargo adds.
            "--bench" => {}
            other => return Err(format!("{other}: {USAGE}").into()),
        }
    }
    if is_server {
        println!("http://{}", server::start(size)?);
        loop {
            std::thread::park();
        }
    }
    compare(size)
}

fn compare(size: Size) -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::start(size)?;
    let samples = 2 * size.gpus as u64 * (size.days * fleet::DAY_MS / STEP_MS) as u64;
    println!(
        "{} GPUs, {} days, every {} s, 2 metrics: {:.1} million device samples\n",
        size.gpus,
        size.days,
        STEP_MS / 1_000,
        samples as f64 / 1e6
    );
    println!(
        "{:34} {:>8} {:>8} {:>10} {:>10} {:>9}",
        "", "wall s", "cpu s", "server s", "peak MB", "M/s"
    );
    let folder = tempfile::tempdir()?;
    let mut bodies = Vec::new();
    for name in
        ["DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "kube_pod_container_resource_requests"]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, server::request_body(name, START_MS, size.end_ms() - 1))?;
        bodies.push(path);
    }
    let curl = || {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail", "-H", "Content-Encoding: snappy"]);
        for (i, body) in bodies.iter().enumerate() {
            if i > 0 {
                curl.arg("--next").args(["-sS", "--fail", "-H", "Content-Encoding: snappy"]);
            }
            curl.arg("--data-binary").arg(format!("@{}", body.display()));
            curl.args(["-o", "/dev/null"]).arg(format!("{}/api/v1/read", server.url));
        }
        curl
    };
    let base = best(3, || server.measured(&mut curl()))?;
    row("(a) curl to /dev/null", base, samples);
    let report = || {
        let mut report = Command::new(env!("CARGO_BIN_EXE_gpu-finops"));
        report.args(["report", "--quiet", "--no-kubernetes", "-o", "json", "--prometheus"]);
        report.arg(&server.url).arg("--window").arg(format!(
            "{},{}",
            fleet::rfc3339(START_MS),
            fleet::rfc3339(size.end_ms())
        ));
        report
    };
    let report = best(3, || server.measured(&mut report()))?;
    row("(c) gpu-finops report", report, samples);
    println!("\n(c) / (a): {:.2}", report.0.wall.as_secs_f64() / base.0.wall.as_secs_f64());
    server.child.kill()?;
    Ok(())
}

/// What it took, and the server's CPU time for it.
type Measured = (Taken, std::time::Duration);

/// The quickest of several runs.
fn best(runs: usize, run: impl Fn() -> std::io::Result<Measured>) -> std::io::Result<Measured> {
    let all = (0..runs).map(|_| run()).collect::<std::io::Result<Vec<_>>>()?;
    all.into_iter()
        .min_by_key(|(taken, _)| taken.wall)
        .ok_or_else(|| std::io::Error::other("no run"))
}

fn row(name: &str, (taken, server): Measured, samples: u64) {
    println!(
        "{name:34} {:8.2} {:8.2} {:10.2} {:10.1} {:9.1}",
        taken.wall.as_secs_f64(),
        taken.cpu.as_secs_f64(),
        server.as_secs_f64(),
        taken.peak_bytes as f64 / 1e6,
        samples as f64 / 1e6 / taken.wall.as_secs_f64()
    );
}

/// The generator as a process of its own, so that its time is not the program's.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(size: Size) -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--serve", "--gpus", &size.gpus.to_string(), "--days", &size.days.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let stdout = child.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?;
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self { child, url: url.trim().to_owned() })
    }

    fn measured(&self, command: &mut Command) -> std::io::Result<Measured> {
        let cpu = || process::of(&self.child).map(|(cpu, _)| cpu).unwrap_or_default();
        let before = cpu();
        let taken = process::run(command)?;
        Ok((taken, cpu().saturating_sub(before)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        drop(self.child.kill());
    }
}
