//! `gpu-finops completions`.

use clap_complete::Shell;

use crate::cli;
use crate::error::Result;
use crate::settings::args::TalkFlags;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops completions bash > /etc/bash_completion.d/gpu-finops
  gpu-finops completions zsh > \"${fpath[1]}/_gpu-finops\"
  gpu-finops completions fish > ~/.config/fish/completions/gpu-finops.fish";

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Shell to complete in
    shell: Shell,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: TalkFlags,
}

/// Prints the script.
///
/// # Errors
///
/// Standard output cannot be written.
pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "gpu-finops", &mut script);
    ui.data(&script)
}
