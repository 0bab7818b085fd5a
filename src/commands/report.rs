//! `gpu-finops report`.

use std::path::{Path, PathBuf};

use super::watch::{self, Watch};
use super::{compare, compute, deliver, gather, merging, render, resolve, verdict};
use crate::calendar::OverTime;
use crate::compare::Saved;
use crate::error::{Error, Result};
use crate::output::{Format, Page};
use crate::report::accounts::Accounts;
use crate::report::contract::Report;
use crate::settings::Settings;
use crate::settings::args::ReportFlags;
use crate::settings::layers::Environment;
use crate::settings::source::SourceChoice;
use crate::source::rollups;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops report
      The cluster of the current context, last 7 days; the metric server is discovered.
  gpu-finops report --prometheus http://localhost:9090 --window yesterday --timezone Europe/Berlin
  gpu-finops report --window 2026-11-01,2026-12-01 --by workload --top 50 -o wide
  gpu-finops report --tenant 'team-.*' -l 'app in (train,serve)' -o json --output-file report.json
  gpu-finops report --price A100=2.50 --price 'H100*=4.20' --currency EUR
  gpu-finops report --prometheus https://mimir/prometheus --prometheus-tenant prod \\
      --prometheus-bearer-token-file /run/token --prometheus-matcher 'cluster=\"prod\"'
  gpu-finops report --prometheus http://localhost:9090 --objects ./dump/ --strict
  gpu-finops report --store ./store --window yesterday
      Without Prometheus: from what `gpu-finops collect` keeps.
  gpu-finops report --store ./rollups --window lastmonth --by cluster
      From what `gpu-finops roll-up` keeps, of all clusters.
  gpu-finops report --cluster a=ctx-a --cluster b=ctx-b,https://prom.b.example --by cluster
  gpu-finops report --scrape --by gpu
      What the exporters show at this instant.
  gpu-finops report --window lastweek -o html --output-file report.html
      A page for a browser, with charts.
  gpu-finops report --window lastweek --since week-before.json
      What changed, and why.
  gpu-finops report --snapshot ./snapshot -o parquet --output-file ./tables

Exit codes:
  0 all is well · 1 the tool or a source failed · 2 wrong usage or configuration
  4 the data is incomplete (with --strict), or the ledger does not balance · 130 interrupted";

/// Report GPU-hours, utilization, idle time and cost, by tenant or another dimension.
///
/// Reads telemetry and pod history from a Prometheus-compatible server and objects from the cluster
/// (or printed objects, a snapshot, a store, or the exporters themselves). Every GPU-second of the window lands in one state; the report
/// checks on every run that they add up, and says what it could not see.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Print what changed since this earlier report (`report -o json`), as `compare` does, in place of the report
    #[arg(long, value_name = "REPORT.json")]
    pub since: Option<PathBuf>,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: ReportFlags,
}

/// Gathers, computes, writes, judges.
///
/// # Errors
///
/// Wrong settings; an output that cannot be written, before anything is read; a source that failed;
/// data that cannot bear the answer, after the report is written.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    if let Some(earlier) = &args.since {
        return since(earlier, &settings, ui).await;
    }
    let target = deliver::Target::check(&settings.view)?;
    let report = write(&target, &settings, ui).await?;
    verdict::announce(&report.coverage, settings.view.format, ui);
    verdict::verdict(&report, settings.strict)
}

/// What changed since an earlier report.
async fn since(earlier: &Path, settings: &Settings, ui: &Ui) -> Result<()> {
    let target = deliver::Target::of_check(&settings.view)?;
    let (name, before) = (earlier.display().to_string(), compare::read(earlier)?);
    let report = answer(settings, ui, None).await?;
    let pair = [
        Saved { source: &name, report: &before },
        Saved { source: "this report", report: &report },
    ];
    compare::write(pair, &target, settings, ui)?;
    verdict::verdict(&report, settings.strict)
}

/// Writes the report; a page looks at hours as well.
async fn write(target: &deliver::Target, settings: &Settings, ui: &Ui) -> Result<Report> {
    if settings.view.format != Format::Html {
        let report = answer(settings, ui, None).await?;
        render::write_report(target, &report, &settings.view, ui)?;
        return Ok(report);
    }
    let mut over_time = OverTime::default();
    let mut look = |accounts: &Accounts, slices: &[_], step| over_time.add(accounts, slices, step);
    let watch = Watch { step_ms: watch::hourly(settings.timezone), look: &mut look };
    let report = answer(settings, ui, Some(watch)).await?;
    let page = Page { over_time: &over_time, timezone: settings.timezone };
    target.write(render::page(&report, page, &settings.view, ui), ui)?;
    Ok(report)
}

/// The report on whatever the settings lead to, seen by `watch` on the way.
///
/// # Errors
///
/// A source that failed; clusters without a place.
pub(super) async fn answer(
    settings: &Settings,
    ui: &Ui,
    mut watch: Option<Watch<'_>>,
) -> Result<Report> {
    if let SourceChoice::Store(store) = &settings.source {
        let format = rollups::format_of(&store.dir)
            .map_err(|e| Error::failed("cannot read the store").caused_by(e))?;
        match format.as_deref() {
            Some(rollups::FORMAT) => return merging::of_rollups(&store.dir, settings, ui, watch),
            Some(_) => {}
            None => {
                let neither = rollups::Error::NoRollups(store.dir.clone());
                return Err(Error::failed("cannot read the store").caused_by(neither));
            }
        }
    }
    match settings.clusters.as_slice() {
        [] => {
            let gathered = gather::gather(settings, ui).await?;
            let accounts = watch::accounts(gathered, settings, None, watch.as_mut())?;
            Ok(compute::report_on(&accounts, compute::assumptions(settings), settings))
        }
        [one] if one.place.is_none() => {
            let gathered = gather::gather(settings, ui).await?;
            let name = Some(one.name.as_str());
            let accounts = watch::accounts(gathered, settings, name, watch.as_mut())?;
            Ok(compute::report_on(&accounts, compute::assumptions(settings), settings))
        }
        several if several.iter().all(|c| c.place.is_some()) => {
            merging::of_clusters(settings, ui, watch).await
        }
        _ => Err(Error::usage("of several clusters each needs a place")
            .hinted("say where: `--cluster NAME=CONTEXT`, `NAME=URL` or `NAME=CONTEXT,URL`")),
    }
}
