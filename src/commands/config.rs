//! `gpu-finops config show` and `config schema`.

use std::fmt::Write;

use clap::Subcommand;

use super::resolve_unpriced;
use crate::error::{Error, Result};
use crate::settings::args::{AllFlags, TalkFlags, Typed};
use crate::settings::config::sections::ConfigFile;
use crate::settings::layers::{Environment, Layers};
use crate::settings::{config, show};
use crate::ui::{Ui, harmless};

const SHOW_EXAMPLES: &str = "\
Examples:
  gpu-finops config show
  gpu-finops config show --config ./team.yaml --window 30d
  GPU_FINOPS_IDLE_BELOW=5% gpu-finops config show";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  gpu-finops config schema > config.schema.json
      Name it in the file's first line for completion in an editor:
      # yaml-language-server: $schema=config.schema.json";

/// Show settings.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every setting, its value, and where the value comes from.
    ///
    /// Takes the flags of all commands, to show what they would change. Secrets are hidden.
    #[command(after_long_help = SHOW_EXAMPLES)]
    Show {
        #[command(flatten)]
        flags: AllFlags,
    },
    /// Print the JSON Schema of the config file
    #[command(after_long_help = SCHEMA_EXAMPLES)]
    Schema {
        #[command(flatten)]
        flags: TalkFlags,
    },
}

impl Args {
    /// What was typed of the settings.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        match &self.action {
            Action::Show { flags } => &flags.0,
            Action::Schema { flags } => &flags.0,
        }
    }
}

/// Prints settings, or the schema.
///
/// # Errors
///
/// Settings that cannot be read, or a standard output that cannot be written.
pub fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    match args.action {
        Action::Show { flags } => {
            let (layers, settings) = resolve_unpriced(flags.0, environment, ui)?;
            let rows = show::all(&layers, &settings.policy)?;
            ui.data(text(&layers, &rows).as_bytes())
        }
        Action::Schema { .. } => ui.data(schema()?.as_bytes()),
    }
}

/// The JSON Schema of the config file, with a line break at its end.
///
/// # Errors
///
/// None in practice: the schema is made of types.
pub fn schema() -> Result<String> {
    let text = serde_json::to_string_pretty(&schemars::schema_for!(ConfigFile));
    let text = text.map_err(|e| Error::failed("cannot write the schema").caused_by(e))?;
    Ok(text + "\n")
}

/// One line per setting: `key = value  (origin)`.
fn text(layers: &Layers, rows: &[show::Shown]) -> String {
    let mut text = match (layers.config().path(), config::default_path(layers.environment())) {
        (Some(path), _) => format!("# config file: {}\n", path.display()),
        (None, Some(path)) => format!("# config file: none ({} does not exist)\n", path.display()),
        (None, None) => "# config file: none\n".to_owned(),
    };
    for row in rows {
        let value = harmless(&row.value);
        // Writing into a string does not fail.
        let _ = writeln!(text, "{} = {value}  ({})", row.key, row.origin);
    }
    text
}
