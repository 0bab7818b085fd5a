//! Manifests from a folder, a file, standard input or a revision of a git repository.
//!
//! A document that cannot be read is a problem with its file and line; the others are used. What objects mean is not
//! known here.

mod git;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use crate::model::manifests::{Manifest, ManifestProblem, Manifests};
use crate::source::objects::document::{Document, documents};
use crate::source::objects::path::{MAX_FILE_BYTES, decoded, files_of, relative_name, text_of};
use crate::source::objects::unpack;

/// Name of standard input.
pub const STDIN: &str = "<stdin>";

/// Where manifests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file, or a folder with its subfolders.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// A revision, and a path in it, relative to the current folder.
    Git {
        /// Revision, as git understands it.
        revision: String,
        /// File or folder; everything below the current folder where it is empty.
        path: String,
    },
}

impl FromStr for Place {
    type Err = String;

    /// `DIR`, `FILE`, `-`, `git:REV` or `git:REV:PATH`.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(git) = text.strip_prefix("git:") else {
            return match text {
                "" => Err("is empty; give a folder, a file, `-` or git:REV".to_owned()),
                "-" => Ok(Self::Stdin),
                path => Ok(Self::Path(path.into())),
            };
        };
        let (revision, path) = git.split_once(':').unwrap_or((git, ""));
        // git would take it for an option.
        if revision.is_empty() || revision.starts_with('-') {
            return Err(format!("`{text}` names no revision; use git:REV or git:REV:PATH"));
        }
        Ok(Self::Git { revision: revision.to_owned(), path: path.to_owned() })
    }
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestsError {
    /// There is nothing at the path.
    #[error("{0}: no such file or folder")]
    NotFound(PathBuf),
    /// It may not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// What was to be read.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// `git` is not there, or does not run.
    #[error("cannot run git: {0}")]
    NoGit(std::io::Error),
    /// git says no.
    #[error("git:{revision}: {detail}")]
    Git {
        /// Revision.
        revision: String,
        /// What it says.
        detail: String,
    },
}

/// Reads all manifests of a place.
///
/// # Errors
/// When the path, standard input or the revision cannot be read at all. Files and documents that cannot be read are
/// problems of the set.
pub fn read(place: &Place) -> Result<Manifests, ManifestsError> {
    match place {
        Place::Path(path) => of_path(path),
        Place::Stdin => of_stdin(),
        Place::Git { revision, path } => git::read(revision, path),
    }
}

fn of_path(path: &Path) -> Result<Manifests, ManifestsError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => ManifestsError::NotFound(path.to_owned()),
        _ => ManifestsError::Unreadable { path: path.display().to_string(), source },
    };
    let mut set = Manifests { source: path.display().to_string(), ..Manifests::default() };
    let mut read = |name: String, file: &Path| {
        let text = File::open(file)
            .map_err(|e| format!("cannot be read: {e}"))
            .and_then(|file| text_of(file, MAX_FILE_BYTES));
        add_text(&mut set, &name, text);
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        read(path.display().to_string(), path);
        return Ok(set);
    }
    let mut problems = Vec::new();
    for file in files_of(path, &mut problems).map_err(unreadable)? {
        read(below(path, &relative_name(path, &file)), &file);
    }
    set.problems.extend(problems.into_iter().map(|problem| ManifestProblem {
        file: below(path, &problem.subject),
        document: None,
        line: None,
        detail: problem.detail,
    }));
    Ok(set)
}

/// A file's name as seen from the current folder, which is how annotations of CI servers name it.
fn below(folder: &Path, name: &str) -> String {
    let folder = folder.to_string_lossy();
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    if folder.is_empty() || folder == "." { name.to_owned() } else { format!("{folder}/{name}") }
}

fn of_stdin() -> Result<Manifests, ManifestsError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| ManifestsError::Unreadable { path: STDIN.to_owned(), source })?;
    let mut set = Manifests { source: STDIN.to_owned(), ..Manifests::default() };
    add_text(&mut set, STDIN, bounded(bytes));
    Ok(set)
}

/// Bytes as text, unless there are too many of them.
fn bounded(bytes: Vec<u8>) -> Result<String, String> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(format!("has more than the {MAX_FILE_BYTES} bytes that are read; split it"));
    }
    decoded(bytes)
}

/// Takes the text of one file apart.
fn add_text(set: &mut Manifests, file: &str, text: Result<String, String>) {
    let problem =
        |document, line, detail| ManifestProblem { file: file.to_owned(), document, line, detail };
    let text = match text {
        Ok(text) => text,
        Err(detail) => return set.problems.push(problem(None, None, detail)),
    };
    for document in documents(&text) {
        let line = first_line(&text, document.span.start);
        match document.content {
            Ok(_) => add_document(set, file, line, &text, document),
            Err(detail) => {
                let line = stated_line(&detail).unwrap_or(line);
                set.problems.push(problem(Some(document.number), Some(line), detail));
            }
        }
    }
}

fn add_document(set: &mut Manifests, file: &str, line: u32, text: &str, document: Document) {
    let text: Arc<str> = text[document.span].into();
    let Ok(value) = document.content else { return };
    let is_list = value.get("items").is_some_and(serde_json::Value::is_array);
    let mut number = 0_usize;
    unpack(value, &mut |object| {
        let at = if is_list { format!("/items/{number}") } else { String::new() };
        number += 1;
        let (file, text) = (file.to_owned(), Arc::clone(&text));
        set.items.push(Manifest { file, line, text, at, object });
    });
}

/// Number of the line on which the first text of a document stands that is no marker, comment or blank.
fn first_line(text: &str, start: usize) -> u32 {
    let before = text[..start].matches('\n').count();
    let is_said = |line: &str| {
        let line = line.trim();
        !line.is_empty() && line != "---" && !line.starts_with('#') && !line.starts_with('%')
    };
    let skipped = text[start..].lines().position(is_said).unwrap_or(0);
    u32::try_from(before + skipped + 1).unwrap_or(u32::MAX)
}

/// The line that a problem of a document names in front.
fn stated_line(detail: &str) -> Option<u32> {
    let rest = detail.strip_prefix("line ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
