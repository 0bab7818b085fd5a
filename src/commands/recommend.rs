//! `gpu-finops recommend`.

use super::gather::{self, Gathered};
use super::{compute, deliver, render, resolve, verdict};
use crate::error::{Error, Result};
use crate::findings::evidence::{History, claims};
use crate::model::Inputs;
use crate::observe::pod_use::PodUses;
use crate::recommend::contract::RecommendReport;
use crate::recommend::{Material, recommend};
use crate::report::accounts::Accounts;
use crate::report::build::Stamp;
use crate::settings::Settings;
use crate::settings::args::RecommendFlags;
use crate::settings::layers::Environment;
use crate::settings::source::SourceChoice;
use crate::source::rollups;
use crate::trace::{Traces, of_device};
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops recommend
      The cluster of the current context, last 7 days.
  gpu-finops recommend --prometheus http://localhost:9090 --window 14d --tenant 'team-.*'
  gpu-finops recommend --rule oversized-gpu --min-savings 100 --min-confidence 0.8
  gpu-finops recommend --include-refused
      With what the past speaks against, and what there is too little evidence of.
  gpu-finops recommend --snapshot ./snapshot -o json --output-file recommendations.json
  gpu-finops recommend --store ./store --memory-margin 25% --max-over 0

Exit codes:
  0 all is well · 1 the tool or a source failed · 2 wrong usage or configuration
  4 the data is incomplete (with --strict), or the ledger does not balance · 130 interrupted";

/// Recommend what to change, with what it saves and proof that it would not have hurt.
///
/// Reads what `report` reads, looks for GPUs that are not used, sizes that are not needed and replicas too many, and
/// replays the past against each proposal: what would have run out of memory or been over capacity is refused. It only
/// reads; nothing is changed.
///
/// Proposals for the same GPUs of the same pods are alternatives; totals take the best set of which no two overlap.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: RecommendFlags,
}

/// Reads, judges, replays, writes.
///
/// # Errors
///
/// As `report`.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = deliver::Target::check_answer(&settings.view)?;
    let report = report(&settings, ui).await?;
    target.write(render::recommendations(&report, &settings, ui)?, ui)?;
    verdict::announce(&report.coverage, settings.view.format, ui);
    verdict::judge(&report.reconciliation, &report.coverage, &report.currency, settings.strict)
}

async fn report(settings: &Settings, ui: &Ui) -> Result<RecommendReport> {
    on(&with_minutes(settings, ui).await?, settings)
}

/// What to change, by inputs that are there.
///
/// # Errors
///
/// Samples that could not be read back.
pub(super) fn on(inputs: &Inputs, settings: &Settings) -> Result<RecommendReport> {
    let (accounts, traces) = Accounts::with(inputs, &settings.policy, of_device);
    compute::readable(inputs)?;
    let traces = Traces::new(traces);
    let claims = claims(inputs, settings.claims.min_age_ms);
    let (facts, timezone) = (&inputs.facts, settings.timezone);
    let uses = PodUses::new(inputs);
    let history = History { traces: &traces, facts, claims: &claims, uses: &uses, timezone };
    let material = Material { accounts: &accounts, history, policy: &settings.policy };
    Ok(recommend(material, &settings.recommend, stamp(settings)))
}

/// What a report is made from, with the samples themselves.
///
/// # Errors
///
/// A source that failed; roll-ups, which have no samples.
pub(super) async fn with_minutes(settings: &Settings, ui: &Ui) -> Result<Inputs> {
    Ok(gathered(settings, ui).await?.into_inputs(&settings.policy))
}

/// The same, with objects as they came.
///
/// # Errors
///
/// A source that failed; roll-ups, which have no samples.
pub(super) async fn gathered(settings: &Settings, ui: &Ui) -> Result<Gathered> {
    if let SourceChoice::Store(store) = &settings.source {
        let format = rollups::format_of(&store.dir)
            .map_err(|e| Error::failed("cannot read the store").caused_by(e))?;
        if format.as_deref() == Some(rollups::FORMAT) {
            let dir = store.dir.display();
            return Err(Error::usage(format!(
                "{dir} has roll-ups, which have no minutes to replay"
            ))
            .hinted("name the metric server, a store of `collect`, or a snapshot"));
        }
    }
    gather::gather(&settings.asking_optional(), ui).await
}

/// What recommendations say about themselves: the assumptions of a report, and what they are judged by.
pub(super) fn stamp(settings: &Settings) -> Stamp {
    let mut assumptions = compute::assumptions(settings);
    assumptions.extend(settings.judging.iter().map(compute::assumption));
    compute::stamp(assumptions, settings)
}
