//! Runs of `gpu-finops` on a fleet.

use std::fs::File;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fleet::{START_MS, Size, rfc3339};
use crate::process;
use crate::record::{Exchange, Recorder};

/// The program that is measured. It finds no cache and no settings but those under `home`.
#[derive(Debug, Clone)]
pub(crate) struct Program(pub(crate) PathBuf);

impl Program {
    /// `report` on the whole fleet, as JSON.
    pub(crate) fn report(&self, url: &str, size: Size, home: &Path, more: &[&str]) -> Command {
        let mut report = self.at(home);
        report.args(["report", "--quiet", "--no-kubernetes", "-o", "json", "--prometheus", url]);
        report.args(["--price", "*=2", "--window"]);
        report.arg(format!("{},{}", rfc3339(START_MS), rfc3339(size.end_ms())));
        report.args(more).stdout(Stdio::null());
        report
    }

    /// `demo`: what the program takes without a fleet.
    pub(crate) fn demo(&self, home: &Path) -> Command {
        let mut demo = self.at(home);
        demo.args(["demo", "--quiet"]).stdout(Stdio::null());
        demo
    }

    /// Whether `report` has a flag.
    pub(crate) fn has_flag(&self, flag: &str) -> Result<bool> {
        let help = Command::new(&self.0).args(["report", "--help"]).output()?;
        Ok(String::from_utf8_lossy(&help.stdout).contains(flag))
    }

    /// Runs a report through the recorder, untimed.
    pub(crate) fn watched(
        &self,
        recorder: &Recorder,
        size: Size,
        folder: &Path,
        transport: &str,
    ) -> Result<Watched> {
        recorder.take();
        let file = folder.join("report.json");
        let more = ["--transport", transport];
        let mut report = self.report(&recorder.url, size, folder, &more);
        process::run(report.stdout(File::create(&file)?))?;
        let report = serde_json::from_slice(&std::fs::read(&file)?).map_err(Error::other)?;
        Ok(Watched { exchanges: recorder.take(), report })
    }

    fn at(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command.env("HOME", home).env("XDG_CACHE_HOME", home.join("cache"));
        command
    }
}

/// A run that was watched: what it asked, and what it said.
pub(crate) struct Watched {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) report: Value,
}

impl Watched {
    /// Bytes of all answers.
    pub(crate) fn bytes(&self) -> u64 {
        bytes(&self.exchanges)
    }
}

/// Bytes of the answers.
pub(crate) fn bytes(exchanges: &[Exchange]) -> u64 {
    exchanges.iter().map(|exchange| exchange.bytes).sum()
}

/// The range selectors among requests of the query API.
pub(crate) fn range_selectors(exchanges: &[Exchange]) -> Vec<Exchange> {
    let is_one = |exchange: &&Exchange| {
        let query = exchange.target.split_once('?').map_or("", |(_, query)| query);
        let form = String::from_utf8_lossy(&exchange.body);
        let mut params = query.split('&').chain(form.split('&'));
        params.any(|param| param.starts_with("query=") && param.ends_with("%5D"))
    };
    exchanges.iter().filter(is_one).cloned().collect()
}

/// Requests whose path ends so.
pub(crate) fn of_path(exchanges: &[Exchange], end: &str) -> Vec<Exchange> {
    let path = |exchange: &Exchange| exchange.target.split('?').next().unwrap_or("").to_owned();
    exchanges.iter().filter(|exchange| path(exchange).ends_with(end)).cloned().collect()
}
