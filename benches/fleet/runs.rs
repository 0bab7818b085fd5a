//! The rows of one server, and what they are to be by the side of each other.

use std::fs::File;
use std::io::{Error, Result};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::fleet::Size;
use crate::process::{self, Taken};
use crate::record::{Exchange, Recorder};
use crate::report::{Watched, bytes, of_path, range_selectors};
use crate::servers::{Kind, Server};
use crate::table::{self, Bound, Row, Target};
use crate::{Plan, curl, figures, krr};

/// One server with the fleet in it.
pub(crate) struct Runs<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) server: Server,
    recorder: Recorder,
    folder: TempDir,
}

/// What the targets are about, as far as it was measured.
#[derive(Default)]
struct Rows {
    fold: Option<Row>,
    json: Option<Row>,
    krr: Option<Row>,
}

impl<'a> Runs<'a> {
    /// Starts the server and puts the fleet into it.
    pub(crate) fn start(plan: &'a Plan, kind: Kind) -> Result<Self> {
        let server = Server::start(kind, plan.size)?;
        if kind != Kind::Generator {
            let begin = std::time::Instant::now();
            let samples = server.fill(kind, plan.size)?;
            println!(
                "\n{}{}: {:.1} million samples written in {:.0} s.",
                kind.name(),
                server.version().map_or_else(String::new, |version| format!(" {version}")),
                samples as f64 / 1e6,
                begin.elapsed().as_secs_f64()
            );
        }
        let recorder = Recorder::in_front_of(&server.url)?;
        Ok(Self { plan, server, recorder, folder: TempDir::new()? })
    }

    /// Rows (a) to (f), and their ratios; gives the report.
    pub(crate) fn by_remote_read(&self, kind: Kind) -> Result<Value> {
        let remote = self.watched("remote-read")?;
        let is_real = kind == Kind::Prometheus;
        table::head(&format!("{}, by remote read:", kind.name()));
        let reads = of_path(&remote.exchanges, "/api/v1/read");
        let curl =
            self.row("(a) curl of the remote-read bodies", bytes(&reads), || self.curl(&reads))?;
        let fold = self.row("(b) transport and fold", bytes(&reads), || self.child("fold"))?;
        let cold = self.row("(c) `report`, cold", remote.bytes(), || self.report(&[]))?;
        self.with_cache(&remote)?;
        let mut rows = Rows { fold: Some(fold), ..Rows::default() };
        let mut by_query = None;
        if is_real {
            let query = self.watched("query")?;
            let more = ["--transport", "query"];
            self.once("(d) `report --transport query`", query.bytes(), || self.report(&more))?;
            let ranges = range_selectors(&query.exchanges);
            rows.json = self.json(&ranges)?;
            rows.krr = Some(self.krr()?);
            by_query = Some(query.report);
        }
        self.targets(&curl, &cold, &rows);
        self.larger(&curl, rows.fold.as_ref(), &cold);
        self.check(&remote.report);
        if let Some(by_query) = by_query {
            say_whether_same("remote read and the query API", &remote.report, &by_query);
        }
        Ok(remote.report)
    }

    /// Rows of VictoriaMetrics; gives the report.
    pub(crate) fn by_export(&self) -> Result<Value> {
        let export = self.watched("victoriametrics")?;
        table::head("victoriametrics, by export:");
        let lines = of_path(&export.exchanges, "/api/v1/export");
        let curl = self.row("(a) curl of the exports", bytes(&lines), || self.curl(&lines))?;
        let more = ["--transport", "victoriametrics"];
        let cold = self.row("(c) `report`, cold", export.bytes(), || self.report(&more))?;
        let ratio = cold.wall_s() / curl.wall_s();
        let bound = Bound::AtMost(2.0);
        table::targets(
            "Target:",
            &[Target { name: "wall, (c) / (a)", figure: ratio, bound, unit: "" }],
        );
        self.check(&export.report);
        Ok(export.report)
    }

    fn watched(&self, transport: &str) -> Result<Watched> {
        let folder = self.folder.path();
        self.plan.program.watched(&self.recorder, self.plan.size, folder, transport)
    }

    /// The median of several runs by wall time, printed.
    fn row(&self, name: &str, bytes: u64, run: impl Fn() -> Result<Taken>) -> Result<Row> {
        self.median(name, bytes, self.plan.runs, run)
    }

    fn once(&self, name: &str, bytes: u64, run: impl Fn() -> Result<Taken>) -> Result<Row> {
        self.median(name, bytes, 1, run)
    }

    fn median(
        &self,
        name: &str,
        bytes: u64,
        runs: usize,
        run: impl Fn() -> Result<Taken>,
    ) -> Result<Row> {
        let mut all = (0..runs).map(|_| self.server.measured(&run)).collect::<Result<Vec<_>>>()?;
        all.sort_by_key(|measured| measured.client.wall);
        let measured = *all.get(all.len() / 2).ok_or_else(|| Error::other("no run"))?;
        let row = Row { name: name.to_owned(), measured, bytes: Some(bytes) };
        Ok(row.print(self.plan.size.device_samples()))
    }

    fn curl(&self, exchanges: &[Exchange]) -> Result<Taken> {
        let requests = TempDir::new()?;
        process::run(&mut curl::replay(exchanges, &self.server.url, requests.path(), None)?)
    }

    /// A report by a program that has seen nothing before.
    fn report(&self, more: &[&str]) -> Result<Taken> {
        let home = TempDir::new()?;
        let Plan { program, size, .. } = self.plan;
        process::run(&mut program.report(&self.server.url, *size, home.path(), more))
    }

    /// Rows with the cache of closed days, where the program has one.
    fn with_cache(&self, remote: &Watched) -> Result<()> {
        if !self.plan.program.has_flag("--cache-dir")? {
            println!("| (c) `report` with a cache: left out, there is no `--cache-dir` |");
            return Ok(());
        }
        let cache = TempDir::new()?;
        let flag = ["--cache-dir", &cache.path().display().to_string()].map(ToOwned::to_owned);
        let flag = flag.each_ref().map(String::as_str);
        let filling = || self.report(&flag);
        self.once("(c) `report`, filling a cache", remote.bytes(), filling)?;
        let from_cache = || self.report(&flag);
        self.row("(c) `report`, from the cache", 0, from_cache)?;
        Ok(())
    }

    /// A child of the bench.
    fn child(&self, work: &str) -> Result<Taken> {
        process::run(self.command(work)?.stdout(Stdio::null()))
    }

    fn command(&self, work: &str) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--child", work, "--url", &self.server.url]).args(self.plan.size.flags());
        command.args(["--sample", &self.plan.sample.to_string()]);
        Ok(command)
    }

    /// Row (e): `curl` of the range selectors, and Polars from Python on the files.
    fn json(&self, ranges: &[Exchange]) -> Result<Option<Row>> {
        let Some(python) = &self.plan.python else {
            println!("| (e) curl of JSON, Python Polars: left out, no `--python` with polars |");
            return Ok(None);
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/fleet/polars_sums.py");
        let run = || {
            let (requests, answers) = (TempDir::new()?, TempDir::new()?);
            let (url, folder) = (&self.server.url, Some(answers.path()));
            let fetched = process::run(&mut curl::replay(ranges, url, requests.path(), folder)?)?;
            let mut sums = Command::new(python);
            sums.arg(&script).arg(answers.path()).stdout(Stdio::null());
            Ok(fetched.then(process::run(&mut sums)?))
        };
        self.once("(e) curl of JSON, Python Polars", bytes(ranges), run).map(Some)
    }

    /// Row (f), for all workloads as far as they cost what the sample does.
    fn krr(&self) -> Result<Row> {
        let workloads = self.plan.size.pods().count();
        let asked = krr::asked(workloads, self.plan.sample);
        let factor = workloads as f64 / asked as f64;
        let file = self.folder.path().join("krr");
        let run = || process::run(self.command("krr")?.stdout(File::create(&file)?));
        let measured = self.server.measured(run)?;
        let came = std::fs::read_to_string(&file)?.trim().parse().map_err(Error::other)?;
        let name =
            format!("(f) KRR's queries: {asked} of {workloads} workloads, times {factor:.1}");
        let row = Row { name, measured, bytes: Some(came) }.times(factor);
        Ok(row.print(self.plan.size.device_samples()))
    }

    fn targets(&self, curl: &Row, cold: &Row, rows: &Rows) {
        let mut all = Vec::new();
        let mut add =
            |name, figure: f64, bound, unit| all.push(Target { name, figure, bound, unit });
        let growth = cold.measured.server_growth as f64 / 1e6;
        if let Some(fold) = &rows.fold {
            let rate = self.plan.size.device_samples() as f64
                / 1e6
                / fold.measured.client.cpu.as_secs_f64();
            add("wall, (b) / (a)", fold.wall_s() / curl.wall_s(), Bound::AtMost(1.15), "");
            add("samples per client CPU second of (b)", rate, Bound::AtLeast(90.0), " M");
        }
        add("wall, (c) / (a)", cold.wall_s() / curl.wall_s(), Bound::AtMost(2.0), "");
        add("wall of (c)", cold.wall_s(), Bound::AtMost(1.5), " s");
        if let Some(json) = &rows.json {
            add("wall, (e) / (c)", json.wall_s() / cold.wall_s(), Bound::AtLeast(10.0), "");
        }
        if let Some(krr) = &rows.krr {
            add("wall, (f) / (c)", krr.wall_s() / cold.wall_s(), Bound::AtLeast(50.0), "");
            let ratio = krr.server_s() / cold.server_s();
            add("server CPU, (f) / (c)", ratio, Bound::AtLeast(100.0), "");
        }
        add("server memory that (c) adds", growth, Bound::AtMost(100.0), " MB");
        table::targets("Targets (the 1.5 s are for where (a) takes 0.8 s):", &all);
    }

    /// What the fleet that is to be possible takes, by rule of three.
    fn larger(&self, curl: &Row, fold: Option<&Row>, cold: &Row) {
        let larger = Size { gpus: 100_000, days: 30, step_ms: 30_000 };
        let factor = larger.device_samples() as f64 / self.plan.size.device_samples() as f64;
        println!("\n100,000 GPUs for 30 days, by rule of three (times {factor:.1}):\n");
        println!("| | GB | server CPU s | client CPU s |\n|---|--:|--:|--:|");
        for row in [Some(curl), fold, Some(cold)].into_iter().flatten() {
            let row = row.clone().times(factor);
            println!(
                "| {} | {:.1} | {:.0} | {:.0} |",
                row.name,
                row.bytes.unwrap_or_default() as f64 / 1e9,
                row.server_s(),
                row.measured.client.cpu.as_secs_f64()
            );
        }
    }

    fn check(&self, report: &Value) {
        let doubts = figures::doubts(report, self.plan.size);
        let held = report.pointer("/fleet/allocated_gpu_hours").and_then(Value::as_f64);
        println!(
            "\nThe report: {} GPU-hours held, {} tenants, {} workloads, {} samples, {} series: {}",
            held.unwrap_or(f64::NAN).round(),
            report["tenants"].as_array().map_or(0, Vec::len),
            report["workloads"].as_array().map_or(0, Vec::len),
            report.pointer("/coverage/samples_seen").unwrap_or(&Value::Null),
            figures::series(report),
            if doubts.is_empty() { "as the fleet is.".to_owned() } else { doubts.join("; ") }
        );
    }
}

/// Prints whether two ways of reading give the same report.
pub(crate) fn say_whether_same(ways: &str, one: &Value, other: &Value) {
    let found = figures::differences(one, other, 10);
    if found.is_empty() {
        println!("\nThe reports by {ways} are the same.");
    } else {
        println!("\nThe reports by {ways} DIFFER, first in:\n{}", found.join("\n"));
    }
}
