//! The binary: parse, run, say what went wrong, exit.

use std::process::ExitCode;

use gpu_finops::settings::layers::Environment;
use gpu_finops::{cli, commands, error::exit_code};

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        // Help and version come back as errors too, with exit code 0.
        Err(error) => {
            let printed = error.print();
            return ExitCode::from(cli::exit_code_of(&error, printed.is_ok()));
        }
    };
    let environment = Environment::of_process();
    let ui = commands::ui(&cli, &environment);
    match commands::run_until_interrupted(cli, environment, ui) {
        Ok(()) => ExitCode::from(exit_code::OK),
        Err(error) => {
            ui.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
