//! `gpu-finops snapshot save`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::gather::{self, Gathered};
use super::resolve_unpriced;
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::settings::args::{SaveFlags, Typed};
use crate::settings::layers::Environment;
use crate::source::objects::sanitised;
use crate::source::snapshot::{self, SaveOptions, Snapshot};
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops snapshot save ./snapshot --window 7d
  gpu-finops snapshot save ./for-a-bug-report --redact
  gpu-finops report --snapshot ./snapshot";

/// Save what a report needs, to replay it elsewhere.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Save samples and objects into a folder.
    ///
    /// Secrets, environment values and last-applied configurations are left out. `report --snapshot`
    /// replays the folder to the same bytes, with no network.
    #[command(after_long_help = EXAMPLES)]
    Save(SaveArgs),
}

#[derive(Debug, clap::Args)]
struct SaveArgs {
    /// Folder to write; made when it does not exist
    dir: PathBuf,
    #[command(flatten)]
    flags: SaveFlags,
}

impl Args {
    /// What was typed of the settings.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        let Action::Save(args) = &self.action;
        &args.flags.0
    }
}

/// Checks the folder, gathers, saves.
///
/// # Errors
///
/// Wrong settings; a folder that cannot be written, before anything is read; a source that failed.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let Action::Save(args) = args.action;
    let (_, settings) = resolve_unpriced(args.flags.0, environment, ui)?;
    check(&args.dir, &settings)?;
    let settings = settings.asking_optional();
    let gathered = gather::gather(&settings, ui).await?;
    save(&args.dir, gathered, &settings, ui)
}

fn check(dir: &Path, settings: &Settings) -> Result<()> {
    snapshot::check_target(dir, settings.force)
        .map_err(|e| Error::usage("cannot save a snapshot there").caused_by(e))
}

fn save(dir: &Path, gathered: Gathered, settings: &Settings, ui: &Ui) -> Result<()> {
    let Gathered { window, now_ms, metrics, objects, sources, server } = gathered;
    let tool_version = env!("CARGO_PKG_VERSION").to_owned();
    let snapshot = Snapshot {
        window,
        now_ms,
        metrics,
        objects,
        sources,
        tool_version,
        server,
        redacted: settings.redact,
    };
    let options = SaveOptions {
        redact: settings.redact,
        salt: None,
        force: settings.force,
        sanitise: &sanitised,
    };
    let saved = snapshot::save(dir, &snapshot, &options)
        .map_err(|e| Error::failed("cannot save the snapshot").caused_by(e))?;
    ui.note(&format!(
        "snapshot saved to {}: {} samples, {} objects, {} files, {} bytes",
        saved.dir.display(),
        saved.samples,
        saved.objects,
        saved.files,
        saved.bytes
    ));
    Ok(())
}
