//! The command line: the top parser, and the name under which it shows itself.
//!
//! The flags of a command are in its file, the settings' flags in `settings::args`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    apply, budget, claims, cleanup, collect, compare, completions, config, demo, diff, doctor,
    explain, export, man, manifests, patch, plan, prices, recommend, reconcile, report, roll_up,
    rollback, snapshot,
};
use crate::error::exit_code;

/// Name of the binary as a kubectl plugin: kubectl runs it for `kubectl gpu-finops`.
const PLUGIN: &str = "kubectl-gpu_finops";

const AFTER_HELP: &str = "\
Examples:
  gpu-finops demo                                         a report on a built-in cluster, with no network
  gpu-finops report                                       the cluster of the current context, last 7 days
  gpu-finops report --prometheus http://localhost:9090 --window yesterday
  gpu-finops recommend                                    what to change, what it saves, and how it would have fared
  gpu-finops patch -o kustomize --output-dir ./overlay    the same as patches, with the way back and the evidence
  gpu-finops explain team-a.waste_cost                    where a number comes from: queries, prices, arithmetic
  gpu-finops diff --base git:main:deploy --head deploy    what a change of manifests costs, before it is deployed
  gpu-finops compare before.json after.json               two saved reports side by side
  gpu-finops reconcile --bill focus.csv                   the ledger against the provider's bill, to the cent
  gpu-finops claims                                       every resource claim (DRA), leftovers first
  gpu-finops plan -o plan.json                            changes that free what is wasted; `apply` tries them, `apply --yes` makes them
  gpu-finops doctor                                       what can be read, and what is missing for better numbers
  gpu-finops collect --store ./store                      scrape the exporters, for a cluster without Prometheus
  gpu-finops roll-up --store ./rollups --cluster prod     yesterday as Parquet, for reports over many days and clusters
  gpu-finops budget check --budgets budgets.yaml          spend against budgets: exit code 3 when one is breached
  gpu-finops export focus --window lastmonth              rows for finance tools (FOCUS)
  gpu-finops manifests --image IMAGE                      what a cluster needs to run the cleanup; `doctor rbac` checks it
  gpu-finops config show                                  every setting, and where its value comes from

Settings:
  Each flag has an environment variable (GPU_FINOPS_…) and a key in the config file.
  Flag > environment > config file > default, for each value by itself.

Exit codes:
  0    all is well
  1    the tool or a source failed
  2    wrong usage or configuration
  3    a budget, a policy or a limit is violated
  4    the data is incomplete (with --strict), or the ledger does not balance
  5    a change to the cluster was refused, made in part only, or only tried (a dry run)
  130  interrupted

As a kubectl plugin:
  ln -s \"$(command -v gpu-finops)\" /usr/local/bin/kubectl-gpu_finops
  kubectl gpu-finops report";

/// Who held which GPU of a Kubernetes cluster, how well it was used, and what it cost.
///
/// gpu-finops reads GPU telemetry (DCGM) and pod history from a Prometheus-compatible server, and
/// objects from the cluster, and turns them into a ledger in which every GPU-second has one owner
/// and one state: busy, slack, idle, unobserved, unallocated, stranded or unhealthy. It only reads,
/// but for `apply`, `cleanup` and `rollback` with `--yes`.
#[derive(Debug, Parser)]
#[command(name = "gpu-finops", version, after_long_help = AFTER_HELP, after_help = "Use --help for examples, exit codes and settings.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report GPU-hours, utilization, idle time and cost
    Report(report::Args),
    /// Recommend what to change, what it saves, and proof that it would not have hurt
    Recommend(recommend::Args),
    /// Explain where a number or a recommendation comes from
    Explain(explain::Args),
    /// Write what recommend and claims would change as patches, each with its inverse
    Patch(patch::Args),
    /// Plan changes that free what is wasted
    Plan(plan::Args),
    /// Apply a plan: a dry run, unless --yes is given
    Apply(apply::Args),
    /// Take back what a run did
    Rollback(rollback::Args),
    /// Plan and apply in one: a dry run, unless --yes is given
    Cleanup(cleanup::Args),
    /// Price the change between two sets of manifests, before it is deployed
    Diff(diff::Args),
    /// Compare two saved reports
    Compare(compare::Args),
    /// Hold the ledger against a provider's bill (FOCUS)
    Reconcile(reconcile::Args),
    /// List resource claims: class, devices, holders, cost, and what is left over
    Claims(claims::Args),
    /// Check what can be read, what is missing for better numbers, and what to change
    Doctor(doctor::Args),
    /// Scrape exporters into a local store, for clusters without Prometheus
    Collect(collect::Args),
    /// Keep days of clusters as Parquet, to be added up by report or by SQL
    RollUp(roll_up::Args),
    /// Hold what was spent against budgets: check, list, explain, init
    Budget(budget::Args),
    /// Export rows for other programs: FOCUS
    Export(export::Args),
    /// Print what a cluster needs to run the cleanup: account, roles, CronJob
    Manifests(manifests::Args),
    /// Report on a built-in cluster: no cluster, no file, no network
    Demo(demo::Args),
    /// Save what a report needs, to replay it elsewhere
    Snapshot(snapshot::Args),
    /// Show settings
    Config(config::Args),
    /// Show prices
    Prices(prices::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual, or write its pages into a folder
    Man(man::Args),
}

/// Parses a command line, the program's own name first.
///
/// # Errors
///
/// Wrong usage, and requests for help or version; both print themselves.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut command = command_named(is_plugin(args.first()));
    let matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command))
}

/// The parser under its own name, for completions and the manual.
#[must_use]
pub fn command() -> clap::Command {
    command_named(false)
}

/// Exit code for what [`parse`] gave back, once it was printed or could not be.
#[must_use]
pub fn exit_code_of(error: &clap::Error, printed: bool) -> u8 {
    match (error.use_stderr(), printed) {
        (true, _) => exit_code::USAGE,
        // `gpu-finops --help | head -1` closes the pipe; that is no failure.
        (false, _) => exit_code::OK,
    }
}

fn is_plugin(program: Option<&OsString>) -> bool {
    let stem = program.and_then(|p| Path::new(p).file_stem());
    stem == Some(OsStr::new(PLUGIN))
}

fn command_named(as_plugin: bool) -> clap::Command {
    let command = Cli::command();
    if !as_plugin {
        return command.bin_name("gpu-finops");
    }
    as_kubectl_would_say(command).bin_name("kubectl gpu-finops")
}

/// Rewrites the examples of a command and those below it for `kubectl gpu-finops`.
fn as_kubectl_would_say(command: clap::Command) -> clap::Command {
    let command = match command.get_after_long_help() {
        Some(help) => {
            let help = help.to_string().replace("\n  gpu-finops ", "\n  kubectl gpu-finops ");
            command.after_long_help(help)
        }
        None => command,
    };
    command.mut_subcommands(as_kubectl_would_say)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(args: &[&str]) -> String {
        let error = parse(args.iter().map(OsString::from)).expect_err("help is an error to clap");
        error.render().to_string()
    }

    #[test]
    fn the_parser_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_name_it_is_called_by_decides_what_help_shows() {
        let plain = help(&["/usr/bin/gpu-finops", "report", "--help"]);
        assert!(plain.contains("Usage: gpu-finops report"), "{plain}");
        assert!(plain.contains("\n  gpu-finops report"), "{plain}");
        for name in
            ["kubectl-gpu_finops", "/opt/krew/bin/kubectl-gpu_finops", "kubectl-gpu_finops.exe"]
        {
            let plugin = help(&[name, "report", "--help"]);
            assert!(plugin.contains("Usage: kubectl gpu-finops report"), "{plugin}");
            assert!(plugin.contains("\n  kubectl gpu-finops report"), "{plugin}");
            assert!(!plugin.contains("\n  gpu-finops "), "{plugin}");
        }
        // Renamed by the user: the tool still goes by its own name.
        assert!(help(&["gf", "--help"]).contains("Usage: gpu-finops"));
    }

    #[test]
    fn every_command_has_examples() {
        fn check(command: &clap::Command) {
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_long_help().map(ToString::to_string);
                let name = command.get_name();
                assert!(help.is_some_and(|h| h.contains("Examples:\n  gpu-finops ")), "{name}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }
}
