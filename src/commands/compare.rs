//! `gpu-finops compare`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{checked, deliver, render, resolve_unpriced};
use crate::ci::{Outcome, Severity};
use crate::compare::{Saved, compare, verdict};
use crate::error::{Error, Result};
use crate::report::contract::Report;
use crate::settings::Settings;
use crate::settings::args::CompareFlags;
use crate::settings::layers::Environment;
use crate::ui::Ui;

/// Largest report that is read: one of 10,000 workloads takes some 30 MB.
const MAX_BYTES: u64 = 1 << 30;

const EXAMPLES: &str = "\
Examples:
  gpu-finops compare last-week.json this-week.json
  gpu-finops compare a.json b.json --max-increase 10% -o junit --output-file compare.xml
  gpu-finops compare a.json b.json -o slack

Exit codes:
  0 all is well · 1 a file cannot be read, or the increase is not known · 2 wrong usage or configuration
  3 it costs more than --max-increase allows · 4 one of them is incomplete (with --strict) · 130 interrupted";

/// Compare two saved reports (`report -o json`): what came, what went, what changed, and why.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The earlier report, JSON
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The later report, JSON
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: CompareFlags,
}

/// Reads both, compares, writes, judges.
///
/// # Errors
///
/// A file that is no report; reports that cannot be compared; a limit that is exceeded.
pub fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve_unpriced(args.flags.0, environment, ui)?;
    let target = deliver::Target::of_check(&settings.view)?;
    let names = [&args.before, &args.after].map(|path| path.display().to_string());
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let saved = |source, report| Saved { source, report };
    let pair = [saved(names[0].as_str(), &before), saved(names[1].as_str(), &after)];
    write(pair, &target, &settings, ui)
}

/// Compares a later report with an earlier one, writes that and judges it.
///
/// # Errors
///
/// As [`run`], but for reading.
pub(super) fn write(
    [before, after]: [Saved<'_>; 2],
    target: &deliver::Target,
    settings: &Settings,
    ui: &Ui,
) -> Result<()> {
    let mut report = compare(before, after, env!("CARGO_PKG_VERSION"))
        .map_err(|e| Error::usage("the reports cannot be compared").caused_by(e))?;
    let verdict = verdict(&mut report, settings.gate.rules.max_increase);
    let rendered = render::comparison(&report, &verdict, &settings.view, ui)?;
    checked::write(target, rendered, &verdict, settings, ui)?;
    checked::judge(&report.items, settings, ui)?;
    let is_broken = report.items.iter().any(|item| item.severity == Severity::Error);
    if verdict.outcome == Outcome::Fail && !is_broken {
        return Err(Error::failed("could not be evaluated: max-increase")
            .hinted("one of the reports has no prices"));
    }
    checked::complete(report.complete, settings, ui)
}

/// Reads a report that was saved.
///
/// # Errors
///
/// A file that cannot be read, or is no report.
pub(super) fn read(path: &Path) -> Result<Report> {
    let name = path.display();
    let failed = |e: std::io::Error| Error::failed(format!("cannot read {name}")).caused_by(e);
    if fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(Error::failed(format!("{name} has more than {MAX_BYTES} bytes")));
    }
    let bytes = fs::read(path).map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|e| {
        Error::failed(format!("{name} is not a report of gpu-finops"))
            .caused_by(e)
            .hinted("write one with `gpu-finops report -o json --output-file FILE`")
    })
}
