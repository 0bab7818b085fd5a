//! `gpu-finops man`.

use std::path::{Path, PathBuf};

use crate::cli;
use crate::error::{Error, Result};
use crate::settings::args::TalkFlags;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  gpu-finops man | man -l -
  gpu-finops man --out /usr/local/share/man/man1";

/// Print the manual, or write its pages into a folder.
///
/// Without --out, the page of the tool itself goes to standard output; with it, one page for the
/// tool and one for each command.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Folder for one page per command; made when it does not exist [default: standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: TalkFlags,
}

/// Prints or writes.
///
/// # Errors
///
/// Standard output or the folder cannot be written.
pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    match &args.out {
        Some(folder) => {
            write(folder)?;
            ui.note(&format!("manual pages written to {}", folder.display()));
            Ok(())
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(cli::command())
                .render(&mut page)
                .map_err(|e| Error::failed("cannot render the manual").caused_by(e))?;
            ui.data(&page)
        }
    }
}

fn write(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(cli::command(), folder))
        .map_err(|e| {
            Error::usage(format!("`--out {}` cannot be written", folder.display())).caused_by(e)
        })
}
