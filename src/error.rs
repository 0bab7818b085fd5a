//! The errors that end a run: a kind that decides the exit code, a cause, and hints.
//!
//! Library rooms have small error enums of their own; they become one of these at the command.

use std::fmt;

/// Exit codes, a stable part of the interface.
pub mod exit_code {
    /// All is well.
    pub const OK: u8 = 0;
    /// The tool or a source failed.
    pub const FAILED: u8 = 1;
    /// Wrong usage or configuration.
    pub const USAGE: u8 = 2;
    /// A budget or a policy is violated.
    pub const VIOLATED: u8 = 3;
    /// Data incomplete under `--strict`, or the ledger does not balance.
    pub const INCOMPLETE: u8 = 4;
    /// A change to the cluster was refused, or made in part only.
    pub const REFUSED: u8 = 5;
    /// Interrupted (128 + SIGINT).
    pub const INTERRUPTED: u8 = 130;
}

/// What went wrong, broadly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A flag, an environment variable or the config file.
    Usage,
    /// A server, a file, a snapshot.
    Source,
    /// A budget or a policy is violated.
    Violated,
    /// The data cannot bear the answer: `--strict`, or an imbalance.
    Incomplete,
    /// A change to the cluster was refused, or made in part only.
    Refused,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// Standard output went away; not worth a message.
    BrokenPipe,
}

/// An error that ends the run.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    hints: Vec<String>,
}

/// Result with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, hints: Vec::new() }
    }

    /// A mistake in a flag, the environment or the config.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A source or the tool failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Source, message)
    }

    /// A budget or a policy is violated.
    pub fn violated(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Violated, message)
    }

    /// The data cannot bear the answer.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Incomplete, message)
    }

    /// A change was refused, or made in part only.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Ctrl-C.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "interrupted")
    }

    /// Writing to standard output failed.
    #[must_use]
    pub fn from_stdout(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(ErrorKind::BrokenPipe, "standard output was closed");
        }
        Self::failed("cannot write to standard output").caused_by(error)
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what to try next.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What went wrong, broadly.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to try next.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The process exit code.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage => exit_code::USAGE,
            ErrorKind::Source => exit_code::FAILED,
            ErrorKind::Violated => exit_code::VIOLATED,
            ErrorKind::Incomplete => exit_code::INCOMPLETE,
            ErrorKind::Refused => exit_code::REFUSED,
            ErrorKind::Interrupted => exit_code::INTERRUPTED,
            ErrorKind::BrokenPipe => exit_code::OK,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}
