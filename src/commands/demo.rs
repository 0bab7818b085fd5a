//! `gpu-finops demo`.

use super::watch::{self, Watch};
use super::{compute, deliver, gather, render, resolve, verdict};
use crate::calendar::OverTime;
use crate::error::Result;
use crate::output::{Format, Page};
use crate::report::accounts::Accounts;
use crate::settings::args::DemoFlags;
use crate::settings::layers::Environment;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops demo
  gpu-finops demo --by workload
  gpu-finops demo -o json
  gpu-finops demo --price A100=2.50 --idle-below 5%";

/// Report on a built-in cluster: no cluster, no file, no network.
///
/// The cluster is invented: a week of a few nodes with an idle notebook, a server that works at night,
/// a job that uses half of its GPUs, and the gaps and glitches of real telemetry.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: DemoFlags,
}

/// The report's steps on the built-in snapshot.
///
/// # Errors
///
/// As `report`, without sources.
pub fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = deliver::Target::check(&settings.view)?;
    let gathered = gather::demo()?;
    let mut over_time = OverTime::default();
    let mut look = |accounts: &Accounts, slices: &[_], step| over_time.add(accounts, slices, step);
    let mut watch = Watch { step_ms: watch::hourly(settings.timezone), look: &mut look };
    let accounts = watch::accounts(gathered, &settings, None, Some(&mut watch))?;
    let report = compute::report_on(&accounts, compute::assumptions(&settings), &settings);
    let page = Page { over_time: &over_time, timezone: settings.timezone };
    match settings.view.format {
        Format::Html => {
            target.write(render::page(&report, page, &settings.view, ui), ui)?;
        }
        _ => render::write_report(&target, &report, &settings.view, ui)?,
    }
    verdict::announce(&report.coverage, settings.view.format, ui);
    verdict::verdict(&report, settings.strict)
}
