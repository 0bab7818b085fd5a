//! Standard output for data, standard error for talk.
//!
//! One object owns both streams and decides what quiet, verbose, colour and width mean. What a
//! report looks like is `output`; nothing here knows one.

pub mod color;
pub mod progress;

use std::io::{IsTerminal, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::source::progress::Progress;

/// Width of tables when standard output is no terminal and `COLUMNS` is not set.
const PIPED_WIDTH: usize = 80;
/// Narrowest and widest table that is drawn.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=400;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors, warnings, notes.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// By terminal and environment.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How the tool talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UiOptions {
    /// How much is said.
    pub verbosity: Verbosity,
    /// Whether a progress bar may be drawn.
    pub progress: bool,
    /// Colours.
    pub color: ColorChoice,
}

impl Default for UiOptions {
    fn default() -> Self {
        Self { verbosity: Verbosity::Normal, progress: true, color: ColorChoice::Auto }
    }
}

/// The two streams, and how they may be used.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    options: UiOptions,
    color_stdout: bool,
    color_stderr: bool,
    width: usize,
}

impl Ui {
    /// Looks at the terminal and the environment.
    #[must_use]
    pub fn new(options: UiOptions, environment: &color::TerminalEnvironment) -> Self {
        let color = |terminal| color::decide(options.color, environment, terminal);
        Self {
            options,
            color_stdout: color(std::io::stdout().is_terminal()),
            color_stderr: color(std::io::stderr().is_terminal()),
            width: width(environment.columns, terminal_columns()),
        }
    }

    /// Whether data on standard output may be coloured.
    #[must_use]
    pub const fn color(&self) -> bool {
        self.color_stdout
    }

    /// Columns for a table: `COLUMNS`, else the terminal's, else 80; from 40 to 400.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    ///
    /// Standard output cannot be written; a closed pipe is an [`ErrorKind::BrokenPipe`].
    pub fn data(&self, bytes: &[u8]) -> Result<()> {
        self.data_of(|out| out.write_all(bytes))
    }

    /// Writes data to standard output as `fill` makes it.
    ///
    /// # Errors
    ///
    /// As [`Self::data`], and whatever `fill` says.
    pub fn data_of(&self, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        fill(&mut out).and_then(|()| out.flush()).map_err(Error::from_stdout)
    }

    /// Something that went as it should, with `--verbose`.
    pub fn detail(&self, text: &str) {
        if self.options.verbosity >= Verbosity::Verbose {
            self.say("", "", text);
        }
    }

    /// Something to know; not with `--quiet`.
    pub fn note(&self, text: &str) {
        if self.options.verbosity >= Verbosity::Normal {
            self.say("note: ", CYAN, text);
        }
    }

    /// Something to worry about; not with `--quiet`.
    pub fn warn(&self, text: &str) {
        if self.options.verbosity >= Verbosity::Normal {
            self.say("warning: ", YELLOW, text);
        }
    }

    /// The error that ends the run, with its causes and what to try; a closed pipe is no error.
    pub fn error(&self, error: &Error) {
        match error.kind() {
            ErrorKind::BrokenPipe => {}
            ErrorKind::Interrupted => self.say("", "", "interrupted"),
            ErrorKind::Usage
            | ErrorKind::Source
            | ErrorKind::Violated
            | ErrorKind::Incomplete
            | ErrorKind::Refused => {
                self.say("error: ", RED, &chain(error));
                for hint in error.hints() {
                    self.say("hint: ", CYAN, hint);
                }
            }
        }
    }

    /// Where sources tell about their progress.
    #[must_use]
    pub fn progress(&self) -> Box<dyn Progress> {
        let verbosity = self.options.verbosity;
        let draw = self.options.progress
            && verbosity > Verbosity::Quiet
            && std::io::stderr().is_terminal();
        if draw {
            return Box::new(progress::Bar::new());
        }
        Box::new(progress::Lines::new(*self))
    }

    fn say(&self, label: &str, color: &str, text: &str) {
        let mut err = std::io::stderr().lock();
        let text = harmless(text);
        // Standard error may be closed; there is nowhere left to say so.
        let _ = if self.color_stderr && !label.is_empty() {
            writeln!(err, "{color}{label}{RESET}{text}")
        } else {
            writeln!(err, "{label}{text}")
        };
    }
}

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const CYAN: &str = "\u{1b}[36m";
const RESET: &str = "\u{1b}[0m";

/// An error and its causes on one line; a cause that is already quoted is not said twice.
#[must_use]
pub fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Text without control characters but line breaks: names from a cluster must not move the cursor.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '\n' => vec!['\n'],
            c if c.is_control() => c.escape_default().collect(),
            c => vec![c],
        })
        .collect()
}

fn terminal_columns() -> Option<usize> {
    let stdout = std::io::stdout();
    let terminal = stdout.is_terminal().then(terminal_size::terminal_size).flatten();
    terminal.map(|(terminal_size::Width(columns), _)| usize::from(columns))
}

fn width(columns: Option<usize>, terminal: Option<usize>) -> usize {
    columns.or(terminal).unwrap_or(PIPED_WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_is_columns_then_terminal_then_eighty() {
        assert_eq!(width(Some(132), Some(100)), 132);
        assert_eq!(width(None, Some(100)), 100);
        assert_eq!(width(None, None), 80);
        assert_eq!(width(Some(1), None), 40);
        assert_eq!(width(Some(100_000), None), 400);
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        let inner = Error::failed("no route to host");
        let outer = Error::failed("cannot reach http://x").caused_by(inner);
        assert_eq!(chain(&outer), "cannot reach http://x: no route to host");
        let quoted = Error::failed("bad: disk full").caused_by(Error::failed("disk full"));
        assert_eq!(chain(&quoted), "bad: disk full");
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        assert_eq!(harmless("pod \u{1b}[2J\u{7}é\nnext"), "pod \\u{1b}[2J\\u{7}é\nnext");
    }
}
