//! `gpu-finops roll-up`.

mod job;

use super::gather::{self, system_clock};
use super::{compute, opencost, verdict};
use crate::error::{Error, Result};
use crate::model::Window;
use crate::model::window::utc_day;
use crate::rollup::{Partition, encode};
use crate::settings;
use crate::settings::Settings;
use crate::settings::args::RollUpFlags;
use crate::settings::clusters::ClusterSpec;
use crate::settings::layers::Environment;
use crate::settings::rollup::RollUpSettings;
use crate::settings::window::{Instant, WindowRequest};
use crate::source::rollups;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops roll-up --store ./rollups --cluster prod
      Yesterday (UTC) of the current context's cluster.
  gpu-finops roll-up --store ./rollups --cluster prod --prometheus http://localhost:9090 --objects ./dump/ \\
      --day 2026-11-01 --day 2026-11-02
  gpu-finops roll-up --store ./rollups --cluster prod --scrapes ./store --window lastmonth
      From what `gpu-finops collect` keeps.
  gpu-finops roll-up --store ./rollups --cluster a=ctx-a --cluster b=ctx-b,https://prom.b.example --window 7d
  gpu-finops roll-up --store /store --cluster prod --window 2026-11-01,2026-12-01 \\
      --emit-job --job-image registry.example/gpu-finops | kubectl create -f -
      One pod for each day.
  gpu-finops report --store ./rollups --window 2026-11-01,2026-12-01

Exit codes:
  0 all is well · 1 the tool or a source failed · 2 wrong usage or configuration
  4 the data of a day is incomplete (with --strict), or its ledger does not balance · 130 interrupted";

/// Work out days of clusters and keep them as Parquet, to be added up later.
///
/// Each cluster and UTC day becomes one partition of a folder, complete or not at all; the same inputs give the
/// same bytes, and a second run replaces the first. `report --store` adds partitions up; so does plain SQL in
/// any engine that reads Parquet (queries/store).
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: RollUpFlags,
}

/// Rolls up every part that was asked for; what fails does not keep the others from it.
///
/// # Errors
///
/// Wrong settings; a folder that cannot be written; a source that failed; a day that cannot bear the answer.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let layers = opencost::fetched(settings::layers(args.flags.0, environment)?)?;
    let all = RollUpSettings::resolve(&layers)?;
    for (given, meant) in &all.settings.near_misses {
        ui.warn(&format!("environment variable `{given}` is not known; did you mean `{meant}`?"));
    }
    let now_ms = all.settings.now_ms.map_or_else(system_clock, Ok)?;
    if let Some(options) = &all.job {
        let days = all.days_at(now_ms)?;
        return ui.data(job::manifest(&all, options, &days)?.as_bytes());
    }
    let parts = all.parts(now_ms)?;
    rollups::prepare(&all.store).map_err(unwritable)?;
    let mut failed: Vec<Error> = Vec::new();
    for (cluster, day) in &parts {
        if let Err(error) = part(&all, cluster, *day, ui).await {
            // The last is told by ending with it.
            if let Some(before) = failed.pop() {
                ui.error(&before);
            }
            failed.push(error);
        }
    }
    failed.pop().map_or(Ok(()), Err)
}

fn unwritable(error: rollups::Error) -> Error {
    Error::failed("cannot write roll-ups").caused_by(error)
}

/// One cluster and day.
async fn part(all: &RollUpSettings, cluster: &ClusterSpec, day: Window, ui: &Ui) -> Result<()> {
    let date = utc_day(day.start());
    let between = WindowRequest::Between(Instant::At(day.start()), Some(Instant::At(day.end())));
    let settings = Settings {
        source: cluster.source(&all.settings.source),
        window: between,
        window_is_given: true,
        ..all.settings.clone()
    };
    let gathered = gather::gather(&settings, ui).await?;
    if gathered.window != day {
        return Err(Error::usage(format!(
            "the source has not all of {date}: no roll-up is made of it"
        )));
    }
    let accounts = compute::accounts(gathered, &settings)?.of_cluster(&cluster.name);
    let report = compute::report_on(&accounts, compute::assumptions(&settings), &settings);
    verdict::verdict(&report, false)?;
    let partition = Partition {
        cluster: cluster.name.clone(),
        accounts,
        assumptions: compute::assumptions(&settings),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let files = encode(&partition).map_err(|e| {
        Error::failed("the roll-up could not be written; this is a bug").caused_by(e)
    })?;
    rollups::place(&all.store, (&cluster.name, &date), &files).map_err(unwritable)?;
    ui.note(&format!(
        "{} {date}: {:.1} GPU-hours, {}",
        cluster.name,
        report.reconciliation.capacity_gpu_hours,
        if report.coverage.complete { "complete" } else { "incomplete" },
    ));
    verdict::verdict(&report, settings.strict)
}
