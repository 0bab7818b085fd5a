//! `gpu-finops explain`.

use std::collections::BTreeMap;

use super::{compute, deliver, recommend, render, resolve};
use crate::error::{Error, Result};
use crate::explain::contract::Explanation;
use crate::explain::{Material, Target, explain};
use crate::findings::evidence::{History, claims};
use crate::model::QueryId;
use crate::model::query::QueryScope;
use crate::observe::pod_use::PodUses;
use crate::recommend as recommendations;
use crate::report::accounts::Accounts;
use crate::report::build::with_leases;
use crate::settings::Settings;
use crate::settings::args::RecommendFlags;
use crate::settings::layers::Environment;
use crate::settings::source::SourceChoice;
use crate::source::prometheus::render::{Bindings, render};
use crate::trace::{Traces, of_device};
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops explain 'oversized-gpu:team-a/Deployment/embed'
      A recommendation: its rule, thresholds, arithmetic, and the utilization behind it.
  gpu-finops explain team-a/Deployment/embed
      A workload: who held what when, at which price, and how the figures add up.
  gpu-finops explain team-a --window 2026-11-01,2026-11-08
      A tenant.
  gpu-finops explain team-a.waste_cost
      One number of it, by its name in the report's JSON.
  gpu-finops explain waste_cost --snapshot ./snapshot -o json
      The same of everything in scope.

Exit codes:
  0 all is well · 1 the tool or a source failed · 2 wrong usage or configuration, or nothing has that name
  4 the data is incomplete (with --strict), or the ledger does not balance · 130 interrupted";

/// Explain where a number or a recommendation comes from.
///
/// Prints the queries and how they fared, the samples that were used and dropped, the intervals in which pods held
/// GPUs, the prices with their sources, the rule and its thresholds, the arithmetic with units, and the utilization over
/// time. With the same sources, window and settings as the report it explains.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Id of a recommendation, a workload (namespace/kind/name), a tenant, or `all`; with `.` and a field, one number of it
    #[arg(value_name = "WHAT")]
    pub what: String,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: RecommendFlags,
}

/// Reads, computes, finds what was asked for, writes.
///
/// # Errors
///
/// As `recommend`; a name that nothing has.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = deliver::Target::check_answer(&settings.view)?;
    let explanation = explanation(&args.what, &settings, ui).await?;
    target.write(render::explanation(&explanation, &settings.view, ui)?, ui)
}

async fn explanation(what: &str, settings: &Settings, ui: &Ui) -> Result<Explanation> {
    let policy = &settings.policy;
    let inputs = recommend::with_minutes(settings, ui).await?;
    let (accounts, traces) = Accounts::with(&inputs, policy, of_device);
    compute::readable(&inputs)?;
    let traces = Traces::new(traces);
    let (report, leases) = with_leases(&accounts, policy, recommend::stamp(settings));
    let claims = claims(&inputs, settings.claims.min_age_ms);
    let (facts, timezone) = (&inputs.facts, settings.timezone);
    let uses = PodUses::new(&inputs);
    let history = History { traces: &traces, facts, claims: &claims, uses: &uses, timezone };
    let material = recommendations::Material { accounts: &accounts, history, policy };
    let recommended =
        recommendations::beside(&report, &leases, material, &recommendations::Filters::default());
    let target = Target::find(what, &report, &recommended).map_err(|e| {
        let like = e.like.join("`, `");
        let error = Error::usage(e.to_string());
        if e.like.is_empty() {
            return error.hinted("nothing was held in this window, or nothing is in scope");
        }
        error.hinted(format!("there is `{like}`"))
    })?;
    let queries = queries(settings);
    let material = Material {
        accounts: &accounts,
        report: &report,
        leases: &leases,
        traces: &traces,
        queries: &queries,
    };
    Ok(explain(what, target, &material))
}

/// What is asked of the whole cluster, as it is sent; nothing where no metric server is asked.
fn queries(settings: &Settings) -> BTreeMap<QueryId, Vec<String>> {
    let SourceChoice::Live(live) = &settings.source else { return BTreeMap::new() };
    let Ok(bindings) = Bindings::new(&live.read.matchers, &settings.policy.gpu_resources) else {
        return BTreeMap::new();
    };
    let is_whole = |query: &&QueryId| query.scope() == QueryScope::All;
    let text = |query: &QueryId| Some((*query, render(*query, &bindings).ok()?));
    QueryId::ALL.iter().filter(is_whole).filter_map(text).collect()
}
