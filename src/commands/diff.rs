//! `gpu-finops diff`.

use std::collections::BTreeMap;

use super::{checked, compute, deliver, recommend, render, resolve};
use crate::error::{Error, Result};
use crate::gate::contract::DiffReport;
use crate::gate::{Held, Sides, diff, held, verdict};
use crate::model::manifests::Manifests;
use crate::report::accounts::Accounts;
use crate::report::build::{Stamp, of_accounts};
use crate::settings::Settings;
use crate::settings::args::DiffFlags;
use crate::settings::layers::Environment;
use crate::source::manifests::{self, ManifestsError, Place};
use crate::trace::{Traces, of_device};
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops diff --base git:origin/main:deploy --head deploy
      What the change of a pull request costs.
  kustomize build overlays/prod | gpu-finops diff --base old.yaml --head -
  gpu-finops diff --base git:HEAD~1 --head . --max-increase 500 --forbid-model 'H100' --require-label team
  gpu-finops diff --base git:origin/main:deploy --head deploy -o github-comment --output-file comment.md
  gpu-finops diff --base old --head new --prometheus http://localhost:9090 --window 14d --deny-over-history

Exit codes:
  0 all is well · 1 the tool or a source failed, or a rule could not be evaluated · 2 wrong usage or configuration
  3 a rule is broken · 4 something could not be read, told or priced (with --strict) · 130 interrupted";

/// Price the change between two sets of manifests before anything is deployed.
///
/// Reads manifests of a folder, a file, standard input or a git revision: GPUs, MIG profiles, resource claims and their
/// templates, replicas, autoscalers, jobs by their length, and the kinds of Ray, Kubeflow, KServe, LeaderWorkerSet and
/// JobSet. What it cannot tell is said. With a source of metrics it knows what each workload had in use of late.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Manifests before the change: a folder, a file, `-`, git:REV or git:REV:PATH
    #[arg(long, value_name = "PLACE", value_parser = place)]
    pub base: Place,
    /// Manifests after it, in the same way
    #[arg(long, value_name = "PLACE", value_parser = place)]
    pub head: Place,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: DiffFlags,
}

fn place(text: &str) -> std::result::Result<Place, String> {
    text.parse()
}

/// Reads, prices, judges, writes.
///
/// # Errors
///
/// A side that cannot be read at all; a rule that is broken, or could not be evaluated; under `--strict`, anything that
/// could not be read, told or priced.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = deliver::Target::of_check(&settings.view)?;
    if args.base == Place::Stdin && args.head == Place::Stdin {
        return Err(Error::usage("`--base -` and `--head -` both read standard input")
            .hinted("write one of them to a file first"));
    }
    let gate = &settings.gate;
    if gate.rules.deny_over_history && !gate.has_source {
        return Err(Error::usage("`--deny-over-history` needs to know what was in use")
            .hinted("name a source: --prometheus URL, --snapshot DIR, --store DIR"));
    }
    let (base, head) = (read(&args.base)?, read(&args.head)?);
    let is_anything = |set: &Manifests| !set.items.is_empty();
    if !is_anything(&head) && head.problems.is_empty() {
        return Err(Error::failed(format!("there is no manifest in {}", head.source))
            .hinted("an empty place is not taken for the removal of everything"));
    }
    for set in [&base, &head] {
        if let (false, Some(first)) = (is_anything(set), set.problems.first()) {
            let what = format!(
                "no manifest in {} can be read: {}: {}",
                set.source, first.file, first.detail
            );
            return Err(Error::failed(what)
                .hinted("templates have to be rendered first: helm template, kustomize build"));
        }
    }
    let held = if gate.has_source { Some(history(&settings, ui).await?) } else { None };
    let sides = Sides { base: &base, head: &head, held: held.as_ref() };
    let report = diff(sides, &gate.assumed, &gate.rules, &settings.policy.prices, stamp(&settings));
    let verdict = verdict(&report, &gate.rules);
    let rendered = render::diff(&report, &verdict, &settings.view, ui)?;
    checked::write(&target, rendered, &verdict, &settings, ui)?;
    judge(&report, &settings, ui)
}

fn read(place: &Place) -> Result<Manifests> {
    manifests::read(place).map_err(|error| {
        let hint = match &error {
            ManifestsError::NotFound(_) => "give a folder, a file, `-`, git:REV or git:REV:PATH",
            ManifestsError::Unreadable { .. } => "check its permissions",
            ManifestsError::NoGit(_) => "install git, or give two folders",
            ManifestsError::Git { .. } => {
                "in CI, check out with history (fetch-depth: 0), or fetch the base: git fetch origin main"
            }
        };
        Error::failed("cannot read the manifests").caused_by(error).hinted(hint)
    })
}

fn stamp(settings: &Settings) -> Stamp {
    compute::stamp(settings.gate.shown.iter().map(compute::assumption).collect(), settings)
}

/// What workloads held and had in use of late.
async fn history(settings: &Settings, ui: &Ui) -> Result<Held> {
    let inputs = recommend::with_minutes(settings, ui).await?;
    let (accounts, traces) = Accounts::with(&inputs, &settings.policy, of_device);
    compute::readable(&inputs)?;
    let report = of_accounts(&accounts, &settings.policy, stamp(settings));
    Ok(held(&report, &peaks(&accounts, &Traces::new(traces))))
}

/// Most GPUs that each workload had in use in one minute, parts of cards as such.
fn peaks(accounts: &Accounts, traces: &Traces) -> crate::gate::Peaks {
    let mut by_minute: BTreeMap<_, BTreeMap<i64, f64>> = BTreeMap::new();
    for trace in traces.all() {
        let Some(attributed) = accounts.attribution.holders.get(trace.holder) else { continue };
        let workload = &attributed.workload;
        let namespace = attributed.holder.key.namespace.clone();
        let key = (namespace, workload.kind.clone(), workload.name.clone());
        let minutes = by_minute.entry(key).or_default();
        for (minute, known) in (trace.first..).zip(&trace.minutes) {
            if known.is_active() {
                *minutes.entry(minute).or_default() += trace.share;
            }
        }
    }
    let most = |minutes: BTreeMap<i64, f64>| minutes.into_values().fold(0.0, f64::max);
    by_minute.into_iter().map(|(key, minutes)| (key, most(minutes))).collect()
}

fn judge(report: &DiffReport, settings: &Settings, ui: &Ui) -> Result<()> {
    checked::judge(&report.items, settings, ui)?;
    if !report.not_evaluated.is_empty() {
        let rules = report.not_evaluated.join(", ");
        return Err(Error::failed(format!("could not be evaluated: {rules}")).hinted(
            "mend what cannot be read, name models (--default-model) and prices (--price)",
        ));
    }
    checked::complete(report.complete, settings, ui)
}
