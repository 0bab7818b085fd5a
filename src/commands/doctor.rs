//! `gpu-finops doctor`.

mod rbac;

use super::gather::{self, ForDoctor};
use super::{compute, deliver, render, resolve};
use crate::doctor::build::{self, Evidence};
use crate::doctor::contract::{Check, DoctorReport, State};
use crate::error::{Error, Result};
use crate::model::policy::Scope;
use crate::report;
use crate::report::build::Stamp;
use crate::settings::Settings;
use crate::settings::args::{DoctorFlags, Typed};
use crate::settings::layers::Environment;
use crate::ui::Ui;

/// Checks quoted in a message; the rest is counted.
const QUOTED: usize = 3;

const EXAMPLES: &str = "\
Examples:
  gpu-finops doctor
      The cluster of the current context: everything that `report` would read, checked.
  gpu-finops doctor --prometheus http://localhost:9090 --window 1d
  gpu-finops doctor --prometheus http://localhost:9090 --objects ./dump/ -o json
  gpu-finops doctor --snapshot ./snapshot -o markdown --output-file checks.md
  gpu-finops doctor rbac
      What the API server allows of all that reading and cleaning up take.

States:
  fail      figures are missing something: `report --strict` would exit with 4
  warn      figures stand, and could be better
  ok        as it should be
  skipped   could not be checked, or does not apply

Exit codes:
  0 all is well, or could be better · 1 nothing could be read · 2 wrong usage or configuration
  4 figures would be incomplete · 130 interrupted";

/// Check what can be read, what is missing for better numbers, and what to change.
///
/// Reads the sources of a report and says of each whether it can be reached and what came: versions,
/// clock and history of the metric server, kinds of objects that may not be read, metrics with their
/// intervals and holes, labels, ways of sharing GPUs, prices. Each thing that could be better comes with
/// the exact text to change: a line of the exporter's CSV, an argument, a rule of a role.
///
/// Where `report` stops at a source that cannot be reached, this goes on. It only reads.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// What else is checked.
    #[command(subcommand)]
    action: Option<Action>,
    /// Settings on the command line.
    #[command(flatten)]
    flags: DoctorFlags,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check what the API server allows, by asking it
    Rbac(rbac::Args),
}

impl Args {
    /// What was typed of the settings.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        match &self.action {
            Some(Action::Rbac(args)) => &args.flags.0,
            None => &self.flags.0,
        }
    }
}

/// Gathers, checks, writes, judges.
///
/// # Errors
///
/// Wrong settings; an output that cannot be written, before anything is read; a snapshot that cannot be
/// read; after the checks are written, that nothing could be read, or that figures would be incomplete.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    if let Some(Action::Rbac(args)) = args.action {
        return rbac::run(args, environment, ui).await;
    }
    let (_, mut settings) = resolve(args.flags.0, environment, ui)?;
    // What is shown of a report is no matter here.
    settings.policy.scope = Scope::default();
    let target = deliver::Target::check_answer(&settings.view)?;
    let settings = settings.asking_optional();
    let gathered = gather::for_doctor(&settings, ui).await?;
    let report = examine(gathered, &settings)?;
    target.write(render::doctor(&report, &settings.view, ui)?, ui)?;
    verdict(&report)
}

fn examine(gathered: ForDoctor, settings: &Settings) -> Result<DoctorReport> {
    let ForDoctor { gathered, server, objects } = gathered;
    let inputs = gathered.into_inputs(&settings.policy);
    let stamp = Stamp { assumptions: compute::assumptions(settings), ..Stamp::default() };
    let ledger = report::build::report(&inputs, &settings.policy, stamp);
    compute::readable(&inputs)?;
    let report = build::report(&Evidence {
        inputs: &inputs,
        server: &server,
        objects: &objects,
        report: &ledger,
        policy: &settings.policy,
        tool_version: env!("CARGO_PKG_VERSION"),
    });
    // The checks read samples once more.
    compute::readable(&inputs)?;
    Ok(report)
}

fn verdict(report: &DoctorReport) -> Result<()> {
    if !report.readable {
        return Err(Error::failed(format!("nothing could be read: {}", failed(report))));
    }
    if !report.complete {
        let message = format!("figures would be incomplete: {}", failed(report));
        return Err(Error::incomplete(message).hinted("the checks above say what to change"));
    }
    Ok(())
}

fn failed(report: &DoctorReport) -> String {
    let all: Vec<&Check> = report.checks.iter().filter(|c| c.state == State::Fail).collect();
    let name = |check: &&Check| match &check.subject {
        Some(subject) => format!("{} ({subject})", check.id),
        None => check.id.clone(),
    };
    let quoted: Vec<String> = all.iter().take(QUOTED).map(name).collect();
    match all.len().saturating_sub(QUOTED) {
        0 => quoted.join(", "),
        more => format!("{} and {more} more", quoted.join(", ")),
    }
}
