//! `gpu-finops claims`.

use super::gather::{self, ForClaims};
use super::{compute, deliver, render, resolve};
use crate::attribution::attribute;
use crate::claims::build::{self, Measured, Question};
use crate::claims::contract::ClaimsReport;
use crate::claims::usage::usages;
use crate::error::{Error, Result};
use crate::model::Inputs;
use crate::output::Format;
use crate::settings::Settings;
use crate::settings::args::ClaimFlags;
use crate::settings::layers::Environment;
use crate::source::objects;
use crate::ui::Ui;

/// Problems quoted in a message; the rest is counted.
const QUOTED: usize = 3;

const EXAMPLES: &str = "\
Examples:
  gpu-finops claims
      Every claim of the current context's cluster; no metric server is needed.
  gpu-finops claims --prometheus http://localhost:9090 --window 3d --class idle-but-reserved
      Which of them are reserved and did nothing for a day (--idle-after) or more.
  gpu-finops claims -n 'team-.*' --class orphan-allocated --class ghost-reserved
  gpu-finops claims --objects ./dump/ -o json --output-file claims.json
  gpu-finops claims --snapshot ./snapshot -o csv
  gpu-finops claims --price H100=2.80 --min-age 1h -o wide

Classes:
  active              reserved by something alive
  idle-but-reserved   the same, on devices that do nothing (needs metrics)
  pending             not allocated, but named or owned: never clean it up
  admin               looks at devices and holds none
  orphan-allocated    allocated, reserved by nobody, named by no live pod: holds its devices
  ghost-reserved      reserved by pods that are gone, replaced or ended: holds its devices
  zombie-deleting     being deleted, and still allocated and reserved: holds its devices
  owner-gone          its owner does not exist any more
  unused-unallocated  not allocated and named by nothing: holds nothing

Exit codes:
  0 all is well · 1 the tool or a source failed · 2 wrong usage or configuration
  4 the data is incomplete (with --strict) · 130 interrupted";

/// List resource claims (DRA): class of life, devices, holders, age, cost, and why.
///
/// Reads objects from the cluster (or printed objects, or a snapshot) and says of every ResourceClaim
/// what keeps it: who has it reserved, what will want it, or that nothing does and it holds GPUs all
/// the same. It only reads; nothing is deleted.
///
/// With `--prometheus`, or a snapshot that has metrics, use is judged, too, as `report` judges it. No
/// metric server is looked for in the cluster.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: ClaimFlags,
}

/// Reads objects, classifies, writes, judges.
///
/// # Errors
///
/// Wrong settings; an output that cannot be written, before anything is read; a source that failed;
/// under `--strict` data that is incomplete, after the claims are written.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = deliver::Target::check_answer(&settings.view)?;
    let gathered = gather::for_claims(&settings, ui).await?;
    let report = report(gathered, &settings)?;
    target.write(render::claims(&report, &settings.view, ui)?, ui)?;
    announce(&report, settings.view.format, ui);
    verdict(&report, settings.strict)
}

fn report(gathered: ForClaims, settings: &Settings) -> Result<ClaimsReport> {
    let ForClaims { now_ms, objects, measured } = gathered;
    let facts = objects::decode(&objects, &settings.policy.gpu_resources);
    let question = Question {
        now_ms,
        policy: &settings.policy,
        namespaces: &settings.scope.namespaces,
        classes: &settings.claims.classes,
        min_age_ms: settings.claims.min_age_ms,
        measured: None,
        idle_after_ms: settings.claims.idle_after_ms,
        tool_version: env!("CARGO_PKG_VERSION"),
    };
    let Some(gather::Measured { window, metrics, mut sources }) = measured else {
        return Ok(build::report(&facts, &objects.sources, &question));
    };
    sources.extend(objects.sources);
    let inputs = Inputs { window, now_ms, metrics, facts, sources };
    // The ledger of a report: what is idle there is idle here.
    let (ledger, rows) = attribute(&inputs, &settings.policy, |time| {
        time.segments.into_iter().filter(|row| row.grant.is_some()).collect::<Vec<_>>()
    });
    let usages = usages(&inputs.facts.dra.claims, &rows.concat(), window);
    let is_blind = ledger.oddities.no_device_series;
    let measured = Some(Measured { window, usages: &usages, is_blind });
    compute::readable(&inputs)?;
    Ok(build::report(&inputs.facts, &inputs.sources, &Question { measured, ..question }))
}

/// The same of what was read for something else: use is not judged.
pub(super) fn of_inputs(inputs: &Inputs, settings: &Settings) -> ClaimsReport {
    let question = Question {
        now_ms: inputs.now_ms,
        policy: &settings.policy,
        namespaces: &settings.scope.namespaces,
        classes: &settings.claims.classes,
        min_age_ms: settings.claims.min_age_ms,
        measured: None,
        idle_after_ms: settings.claims.idle_after_ms,
        tool_version: env!("CARGO_PKG_VERSION"),
    };
    build::report(&inputs.facts, &inputs.sources, &question)
}

/// Says that data is missing, where the format itself has no place for it.
fn announce(report: &ClaimsReport, format: Format, ui: &Ui) {
    if !report.coverage.complete && matches!(format, Format::Csv | Format::Parquet) {
        ui.warn(&format!("the data is incomplete: {}", missing(report)));
    }
}

fn verdict(report: &ClaimsReport, strict: bool) -> Result<()> {
    if strict && !report.coverage.complete {
        return Err(Error::incomplete(format!("the data is incomplete: {}", missing(report)))
            .hinted("the claims are written; without `--strict` they would stand as they are"));
    }
    Ok(())
}

fn missing(report: &ClaimsReport) -> String {
    let all = report.coverage.missing();
    let quoted = all[..all.len().min(QUOTED)].join("; ");
    match all.len().saturating_sub(QUOTED) {
        0 => quoted,
        more => format!("{quoted}; and {more} more"),
    }
}
