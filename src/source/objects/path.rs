//! `--objects PATH`: a file, or a folder of files, with what `kubectl get -o json|yaml` prints.
//!
//! What cannot be read or understood is a problem that names the file and the place; the rest is
//! used. Only a path that gives no object at all is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::document::documents;
use super::{RawObject, RawObjects, unpack};
use crate::model::objects::ObjectProblem;
use crate::model::{SourceState, SourceStatus};

/// Largest file that is read: about what a list of 10,000 pods takes, several times over.
pub const MAX_FILE_BYTES: u64 = 256 << 20;
/// Deepest folder below the given one.
const MAX_DEPTH: usize = 8;
/// Most files of one folder.
const MAX_FILES: usize = 10_000;

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsPathError {
    /// There is nothing at the path.
    #[error("{0}: no such file or folder")]
    NotFound(PathBuf),
    /// It may not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It was read, and there is no object in it.
    #[error("{path}: no Kubernetes objects in it ({detail})")]
    NoObjects {
        /// What was read.
        path: PathBuf,
        /// What was found instead.
        detail: String,
    },
}

/// The objects in a file, or in the `.json`, `.yaml` and `.yml` files of a folder and its subfolders.
///
/// Files come in order of their relative path. Hidden files and folders are left out.
///
/// # Errors
/// When the path does not exist, cannot be read, or has no object at all in it.
pub fn read_path(path: &Path) -> Result<RawObjects, ObjectsPathError> {
    read_path_with_limit(path, MAX_FILE_BYTES)
}

/// [`read_path`] with another limit on the size of a file, in bytes.
///
/// # Errors
/// As for [`read_path`].
pub fn read_path_with_limit(path: &Path, limit: u64) -> Result<RawObjects, ObjectsPathError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => ObjectsPathError::NotFound(path.to_owned()),
        _ => ObjectsPathError::Unreadable { path: path.to_owned(), source },
    };
    let mut raw = RawObjects::default();
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        for file in &files_of(path, &mut raw.problems).map_err(unreadable)? {
            let name = relative_name(path, file);
            match File::open(file) {
                Ok(opened) => read_file(&name, opened, limit, &mut raw),
                Err(error) => fail(&name, format!("cannot be read: {error}"), &mut raw),
            }
        }
    } else {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        read_file(&name, File::open(path).map_err(unreadable)?, limit, &mut raw);
    }
    if raw.items.is_empty() {
        return Err(ObjectsPathError::NoObjects { path: path.to_owned(), detail: why_none(&raw) });
    }
    Ok(raw)
}

fn why_none(raw: &RawObjects) -> String {
    match raw.problems.as_slice() {
        [] if raw.sources.is_empty() => "no .json, .yaml or .yml file".to_owned(),
        [] => "only empty lists".to_owned(),
        [only] => format!("{}: {}", only.subject, only.detail),
        [first, rest @ ..] => {
            format!("{}: {}; and {} more problems", first.subject, first.detail, rest.len())
        }
    }
}

/// The `.json`, `.yaml` and `.yml` files of a folder and its subfolders, in order; hidden ones are left out.
///
/// # Errors
/// When the folder cannot be read; what cannot be read below it is a problem.
pub(in crate::source) fn files_of(
    folder: &Path,
    problems: &mut Vec<ObjectProblem>,
) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Folder { root: folder, seen: BTreeSet::new(), files: Vec::new() };
    found.walk(folder, 0, problems)?;
    found.files.sort();
    Ok(found.files)
}

struct Folder<'a> {
    root: &'a Path,
    /// Real paths of the folders that were entered: a symbolic link back is not followed again.
    seen: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
}

impl Folder<'_> {
    fn walk(
        &mut self,
        folder: &Path,
        depth: usize,
        problems: &mut Vec<ObjectProblem>,
    ) -> std::io::Result<()> {
        if !self.seen.insert(fs::canonicalize(folder)?) {
            return Ok(());
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            entries.push(entry?.path());
        }
        entries.sort();
        for path in entries {
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
            if name.starts_with('.') {
                continue;
            }
            let mut problem = |detail: String| {
                let subject = relative_name(self.root, &path);
                problems.push(ObjectProblem { subject, detail });
            };
            match fs::metadata(&path) {
                Err(error) => problem(format!("cannot be read: {error}; left out")),
                Ok(found) if found.is_dir() && depth >= MAX_DEPTH => {
                    problem(format!("is more than {MAX_DEPTH} folders deep; left out"));
                }
                Ok(found) if found.is_dir() => {
                    if let Err(error) = self.walk(&path, depth + 1, problems) {
                        let subject = relative_name(self.root, &path);
                        let detail = format!("cannot be read: {error}; left out");
                        problems.push(ObjectProblem { subject, detail });
                    }
                }
                // A pipe or a device in a folder would block.
                Ok(found) if found.is_file() && has_object_extension(&path) => {
                    if self.files.len() >= MAX_FILES {
                        problem(format!("is beyond the first {MAX_FILES} files; left out"));
                    } else {
                        self.files.push(path);
                    }
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

pub(in crate::source) fn has_object_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["json", "yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The path below `root`, with `/` on every system.
pub(in crate::source) fn relative_name(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Reads one file and adds what it holds, its problems and its line of coverage.
fn read_file(name: &str, file: File, limit: u64, raw: &mut RawObjects) {
    let text = match text_of(file, limit) {
        Ok(text) => text,
        Err(detail) => return fail(name, detail, raw),
    };
    let found = documents(&text);
    if found.is_empty() {
        return fail(name, "is empty".to_owned(), raw);
    }
    let alone = found.len() == 1;
    let (items_before, problems_before) = (raw.items.len(), raw.problems.len());
    for document in found {
        let origin =
            if alone { name.to_owned() } else { format!("{name}: document {}", document.number) };
        match document.content {
            Ok(value) => unpack(value, &mut |value| {
                raw.items.push(RawObject { origin: origin.clone(), value });
            }),
            Err(error) => {
                let detail = format!("{error}; the document is left out");
                raw.problems.push(ObjectProblem { subject: origin, detail });
            }
        }
    }
    let items = &raw.items[items_before..];
    let broken = raw.problems.len() - problems_before;
    let state = match (items.is_empty(), broken) {
        (true, 0) => SourceState::Empty,
        (true, _) => SourceState::Failed,
        (false, 0) => SourceState::Ok,
        (false, _) => SourceState::Partial,
    };
    let mut detail = counts_by_kind(items);
    if broken > 0 {
        detail = format!("{detail}; {broken} documents could not be read");
    }
    raw.sources.push(SourceStatus { name: format!("objects/{name}"), state, detail });
}

fn fail(name: &str, detail: String, raw: &mut RawObjects) {
    let name = name.to_owned();
    let source = format!("objects/{name}");
    raw.problems.push(ObjectProblem { subject: name, detail: detail.clone() });
    raw.sources.push(SourceStatus { name: source, state: SourceState::Failed, detail });
}

/// `12 Pod, 3 Node`, most first.
fn counts_by_kind(items: &[RawObject]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        let kind = item.value.get("kind").and_then(serde_json::Value::as_str);
        *counts.entry(kind.unwrap_or("without kind")).or_default() += 1;
    }
    if counts.is_empty() {
        return "no objects".to_owned();
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
    let words: Vec<_> = counts
        .into_iter()
        .map(|(kind, count)| super::one_line(&format!("{count} {kind}")))
        .collect();
    words.join(", ")
}

/// The text of a file that is no larger than `limit`, UTF-8 or (as PowerShell redirects) UTF-16.
pub(in crate::source) fn text_of(file: File, limit: u64) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let size = file.metadata().map_err(cannot)?.len();
    let too_large = |size: &str| {
        format!(
            "has {size} bytes, and no more than {limit} are read from one file; \
             split it, for example by kind or namespace"
        )
    };
    if size > limit {
        return Err(too_large(&size.to_string()));
    }
    let mut bytes = Vec::new();
    // The size of a pipe is not known beforehand, and a file may grow.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        return Err(too_large("more"));
    }
    decoded(bytes)
}

pub(in crate::source) fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| "is not text: broken UTF-16".to_owned())
    };
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xEF, 0xBB, 0xBF, ..] => utf8(bytes[3..].to_vec())?,
        _ => utf8(bytes)?,
    };
    match text.find('\0') {
        Some(at) => Err(format!("is not text: byte {at} is 0")),
        None => Ok(text),
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        format!("is not text: byte {} is not UTF-8", error.utf8_error().valid_up_to())
    })
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
