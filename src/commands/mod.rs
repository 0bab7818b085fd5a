//! One file per subcommand: its flags, its help, and one `run` that reads as a list of intents.
//!
//! Commands know both sides, the sources with their effects and the pure core; they decide nothing
//! about money.

pub mod apply;
pub mod budget;
mod checked;
pub mod claims;
pub mod cleanup;
pub mod collect;
pub mod compare;
pub mod completions;
pub mod compute;
pub mod config;
pub mod deliver;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod gather;
mod hardened;
pub mod man;
pub mod manifests;
mod merging;
mod opencost;
pub mod patch;
pub mod plan;
pub mod prices;
pub mod recommend;
pub mod reconcile;
mod render;
pub mod report;
pub mod roll_up;
pub mod rollback;
mod scraping;
pub mod snapshot;
pub mod verdict;
mod watch;
mod workloads;

use std::time::Duration;

use crate::cli::{Cli, Command};
use crate::error::{Error, Result};
use crate::settings::args::Typed;
use crate::settings::layers::{Environment, Layers};
use crate::settings::{self, Settings};
use crate::ui::Ui;
use crate::ui::color::TerminalEnvironment;

/// How long an interrupted command may take to remove its temporary files.
const CLEAN_UP: Duration = Duration::from_secs(2);

/// The streams as the settings want them; with settings that cannot be read, as by default.
#[must_use]
pub fn ui(cli: &Cli, environment: &Environment) -> Ui {
    let options = settings::layers(cli.typed().clone(), environment.clone())
        .and_then(|layers| settings::ui_options(&layers))
        .unwrap_or_default();
    Ui::new(options, &TerminalEnvironment::of(environment))
}

/// Runs a command on a runtime of its own until it ends or Ctrl-C is pressed.
///
/// # Errors
///
/// What the command says, or [`crate::error::ErrorKind::Interrupted`].
pub fn run_until_interrupted(cli: Cli, environment: Environment, ui: Ui) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // More threads than cores decode no sooner, and memory that one has freed is of no use to the others.
        .max_blocking_threads(cores.max(2))
        .enable_all()
        .build()
        .map_err(|e| Error::failed("cannot start the runtime").caused_by(e))?;
    // It ends in its own time, with what it has on the disk.
    let ends_itself = matches!(cli.command, Command::Collect(_));
    let result = runtime.block_on(async move {
        let mut command = tokio::spawn(async move { run(cli, environment, &ui).await });
        tokio::select! {
            ended = &mut command => ended.unwrap_or_else(|e| Err(crashed(e))),
            () = interrupted(), if !ends_itself => {
                command.abort();
                // Dropping the task removes its temporary files; one that computes is not waited for long.
                let _ = tokio::time::timeout(CLEAN_UP, command).await;
                Err(Error::interrupted())
            }
        }
    });
    runtime.shutdown_background();
    result
}

/// Ends on Ctrl-C; never, where the signal cannot be listened to.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn crashed(error: tokio::task::JoinError) -> Error {
    Error::failed("the command ended unexpectedly; this is a bug")
        .caused_by(error)
        .hinted("please report it, with the command line and a snapshot if you can")
}

async fn run(cli: Cli, environment: Environment, ui: &Ui) -> Result<()> {
    match cli.command {
        Command::Report(args) => report::run(args, environment, ui).await,
        Command::Claims(args) => claims::run(args, environment, ui).await,
        Command::Recommend(args) => recommend::run(args, environment, ui).await,
        Command::Explain(args) => explain::run(args, environment, ui).await,
        Command::Patch(args) => patch::run(args, environment, ui).await,
        Command::Plan(args) => plan::run(args, environment, ui).await,
        Command::Apply(args) => apply::run(args, environment, ui).await,
        Command::Rollback(args) => rollback::run(args, environment, ui).await,
        Command::Cleanup(args) => cleanup::run(args, environment, ui).await,
        Command::Diff(args) => diff::run(args, environment, ui).await,
        Command::Compare(args) => compare::run(args, environment, ui),
        Command::Reconcile(args) => reconcile::run(args, environment, ui).await,
        Command::RollUp(args) => roll_up::run(args, environment, ui).await,
        Command::Budget(args) => budget::run(args, environment, ui).await,
        Command::Doctor(args) => doctor::run(args, environment, ui).await,
        Command::Collect(args) => collect::run(args, environment, ui).await,
        Command::Demo(args) => demo::run(args, environment, ui),
        Command::Snapshot(args) => snapshot::run(args, environment, ui).await,
        Command::Export(args) => export::run(args, environment, ui).await,
        Command::Config(args) => config::run(args, environment, ui),
        Command::Prices(args) => prices::run(args, environment, ui),
        Command::Completions(args) => completions::run(&args, ui),
        Command::Manifests(args) => manifests::run(&args, ui),
        Command::Man(args) => man::run(&args, ui),
    }
}

impl Cli {
    /// What was typed of the settings.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        match &self.command {
            Command::Report(args) => &args.flags.0,
            Command::Claims(args) => &args.flags.0,
            Command::Recommend(args) => &args.flags.0,
            Command::Explain(args) => &args.flags.0,
            Command::Patch(args) => &args.flags.0,
            Command::Plan(args) => &args.flags.0,
            Command::Apply(args) => &args.flags.0,
            Command::Rollback(args) => &args.flags.0,
            Command::Cleanup(args) => &args.flags.0,
            Command::Diff(args) => &args.flags.0,
            Command::Compare(args) => &args.flags.0,
            Command::Reconcile(args) => &args.flags.0,
            Command::RollUp(args) => &args.flags.0,
            Command::Budget(args) => args.typed(),
            Command::Doctor(args) => args.typed(),
            Command::Collect(args) => &args.flags.0,
            Command::Demo(args) => &args.flags.0,
            Command::Snapshot(args) => args.typed(),
            Command::Export(args) => args.typed(),
            Command::Config(args) => args.typed(),
            Command::Prices(args) => args.typed(),
            Command::Completions(args) => &args.flags.0,
            Command::Manifests(args) => &args.flags.0,
            Command::Man(args) => &args.flags.0,
        }
    }
}

/// Layers and settings of a command that prices something, with a word about misspelt variables.
fn resolve(typed: Typed, environment: Environment, ui: &Ui) -> Result<(Layers, Settings)> {
    resolved(opencost::fetched(settings::layers(typed, environment)?)?, ui)
}

/// The same for one that prices nothing, so that no prices are fetched.
fn resolve_unpriced(typed: Typed, environment: Environment, ui: &Ui) -> Result<(Layers, Settings)> {
    resolved(settings::layers(typed, environment)?, ui)
}

fn resolved(layers: Layers, ui: &Ui) -> Result<(Layers, Settings)> {
    let settings = Settings::resolve(&layers)?;
    for (given, meant) in &settings.near_misses {
        ui.warn(&format!("environment variable `{given}` is not known; did you mean `{meant}`?"));
    }
    Ok((layers, settings))
}
