//! Manifests of one's own: read, shown with what would change, and changed where that is asked for.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::deliver;
use crate::cleanup::contract::PatchSet;
use crate::cleanup::manifests::lines::unified;
use crate::cleanup::manifests::{self, Edits, File};
use crate::error::{Error, Result};
use crate::ui::Ui;

/// Largest manifest that is read.
const MAX_BYTES: u64 = 8 << 20;
/// Most files of a folder.
const MAX_FILES: usize = 20_000;
/// Deepest folder.
const MAX_DEPTH: usize = 32;

/// Files of manifests.
pub(super) struct Manifests {
    paths: Vec<PathBuf>,
    files: Vec<File>,
}

impl Manifests {
    /// Reads a file, or every `.yaml` and `.yml` below a folder; links and what is hidden are left out.
    ///
    /// # Errors
    ///
    /// A usage error that names the path.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        match fs::metadata(root) {
            Ok(at) if at.is_dir() => walk(root, 0, &mut paths)?,
            Ok(_) => paths.push(root.to_owned()),
            Err(e) => return Err(refusal(root, "cannot be read").caused_by(e)),
        }
        paths.sort();
        if paths.is_empty() {
            return Err(refusal(root, "has no .yaml and no .yml file"));
        }
        let base = if root.is_dir() { root } else { root.parent().unwrap_or(root) };
        let read = |path: &PathBuf| {
            let size =
                fs::metadata(path).map_err(|e| refusal(path, "cannot be read").caused_by(e))?;
            if size.len() > MAX_BYTES {
                return Err(refusal(path, "is larger than 8 MiB, which no manifest is"));
            }
            let text = fs::read_to_string(path)
                .map_err(|e| refusal(path, "cannot be read").caused_by(e))?;
            let name = path.strip_prefix(base).unwrap_or(path).display().to_string();
            Ok(File { name, text })
        };
        let files = paths.iter().map(read).collect::<Result<Vec<File>>>()?;
        Ok(Self { paths, files })
    }
}

fn walk(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<()> {
    let fail = |e| refusal(folder, "cannot be read").caused_by(e);
    if depth > MAX_DEPTH {
        return Err(refusal(folder, "is too deep a folder"));
    }
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(fail)?);
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let is_yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        match (kind.is_dir(), kind.is_file() && is_yaml) {
            (true, _) => walk(&path, depth + 1, out)?,
            (_, true) => out.push(path),
            _ => {}
        }
        if out.len() > MAX_FILES {
            return Err(refusal(folder, "has more than 20,000 manifests; name a folder in it"));
        }
    }
    Ok(())
}

/// Prints what would change, and changes it where that is asked for.
///
/// # Errors
///
/// A file that cannot be written; those before it are.
pub(super) fn change(manifests: &Manifests, set: &PatchSet, write: bool, ui: &Ui) -> Result<()> {
    let Edits { files, left, made } = manifests::edit(&manifests.files, set);
    let mut shown = String::new();
    let mut changed = 0;
    for ((path, old), new) in manifests.paths.iter().zip(&manifests.files).zip(&files) {
        if old.text == new.text {
            continue;
        }
        shown.push_str(&unified(&old.name, &old.text, &new.text));
        changed += 1;
        if write {
            deliver::replace(path, new.text.as_bytes())?;
        }
    }
    ui.data(shown.as_bytes())?;
    left.iter().for_each(|why| ui.warn(why));
    let done = if write { "written" } else { "not written: --write does" };
    ui.note(&format!("{made} changes in {changed} files, {done}"));
    Ok(())
}

fn refusal(path: &Path, what: &str) -> Error {
    Error::usage(format!("`--source`: {} {what}", path.display()))
}
