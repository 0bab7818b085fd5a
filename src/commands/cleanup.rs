//! `gpu-finops cleanup`: plan and apply in one.

use std::path::PathBuf;

use super::apply::{Doing, Work, apply, verdict};
use super::gather::system_clock;
use super::{deliver, plan, render, resolve};
use crate::error::Result;
use crate::model::window::rfc3339;
use crate::settings::Settings;
use crate::settings::args::ApplyFlags;
use crate::settings::layers::Environment;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops cleanup
      What it would do now: a dry run.
  gpu-finops cleanup --yes --max-changes 10
      Plans and applies; for cron jobs. What is risky is marked, and changed a day later if it is still so.
  gpu-finops cleanup --yes --journal /var/lib/gpu-finops/today.journal -o json

Exit codes:
  0 all is done, or marked · 1 the tool or a source failed · 2 wrong usage or configuration
  5 something was refused, or done in part only; or nothing was written, for there was neither `--yes` nor a terminal
  130 interrupted: the journal says how far it got";

/// Plan and apply in one: a dry run, unless `--yes` is given.
///
/// For cron jobs. It does what `plan` and then `apply` do, with the same care.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// How it is done.
    #[command(flatten)]
    pub doing: Doing,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: ApplyFlags,
}

/// Plans, tries, applies.
///
/// # Errors
///
/// As `plan` and `apply`.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = deliver::Target::check_answer(&settings.view)?;
    let plan = plan::make(&settings, ui).await?;
    let journal = match args.doing.journal {
        Some(journal) => journal,
        None => journal_of_now(&settings)?,
    };
    let report = apply(Work::new(plan, journal), args.doing.yes, &settings, ui).await?;
    target.write(render::run(&report, &settings.view, ui)?, ui)?;
    verdict(&report)
}

/// A name that no other run has had, in the current folder.
fn journal_of_now(settings: &Settings) -> Result<PathBuf> {
    let now_ms = settings.now_ms.map_or_else(system_clock, Ok)?;
    let at: String = rfc3339(now_ms).chars().filter(char::is_ascii_alphanumeric).collect();
    Ok(PathBuf::from(format!("gpu-finops-{at}.journal")))
}
