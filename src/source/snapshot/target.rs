//! The place where a snapshot is saved: taken whole or not at all.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::SnapshotError;
use super::manifest::{FORMAT, MANIFEST};

/// What a snapshot's folder may hold at its top.
const ENTRIES: &[&str] = &[MANIFEST, "labels", "objects", "samples"];

/// What is at the place now.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Free,
    EmptyFolder,
    Snapshot,
}

/// Checks that a snapshot can be saved as `dir`, before the work of reading its sources.
///
/// # Errors
///
/// When `dir` is a file, a folder with anything but a snapshot in it, a snapshot without `force`,
/// or cannot be written.
pub fn check_target(dir: &Path, force: bool) -> Result<(), SnapshotError> {
    Target::open(dir, force).map(drop)
}

/// A folder beside its place, to be renamed into it; gone when it is dropped before that.
#[derive(Debug)]
pub(super) struct Target {
    dir: PathBuf,
    work: TempDir,
}

impl Target {
    /// Makes the folder to write into.
    pub(super) fn open(dir: &Path, force: bool) -> Result<Self, SnapshotError> {
        // A link to a folder is replaced at its other end; `.` gets a name that can be renamed.
        let dir = match fs::canonicalize(dir) {
            Ok(real) => real,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                std::path::absolute(dir).map_err(|e| SnapshotError::io("find", dir, e))?
            }
            Err(e) => return Err(SnapshotError::io("open", dir, e)),
        };
        if inspect(&dir)? == Taken::Snapshot && !force {
            return Err(SnapshotError::TargetExists(dir));
        }
        let parent = dir.parent().unwrap_or(&dir);
        fs::create_dir_all(parent).map_err(|e| SnapshotError::io("create", parent, e))?;
        let work = tempfile::Builder::new()
            .prefix(".gpu-finops-snapshot-")
            .tempdir_in(parent)
            .map_err(|e| SnapshotError::io("write in", parent, e))?;
        Ok(Self { dir, work })
    }

    /// Writes a file, `path` with `/`.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> Result<(), SnapshotError> {
        let file = self.work.path().join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|e| SnapshotError::io("create", folder, e))?;
        }
        fs::write(&file, content).map_err(|e| SnapshotError::io("write", &file, e))
    }

    /// Moves the folder into its place.
    pub(super) fn commit(self) -> Result<PathBuf, SnapshotError> {
        let Self { dir, work } = self;
        let cannot = |e| SnapshotError::io("replace", &dir, e);
        // Looked at again: reading the sources took its time.
        match inspect(&dir)? {
            Taken::Free => fs::rename(work.path(), &dir).map_err(cannot)?,
            Taken::EmptyFolder => {
                fs::remove_dir(&dir).map_err(cannot)?;
                fs::rename(work.path(), &dir).map_err(cannot)?;
            }
            Taken::Snapshot => replace(&dir, work.path())?,
        }
        // Nothing is left of it at its old path.
        let _moved = work.keep();
        Ok(dir)
    }
}

/// Puts `new` in the place of `dir`; `dir` comes back when that fails.
fn replace(dir: &Path, new: &Path) -> Result<(), SnapshotError> {
    let cannot = |e| SnapshotError::io("replace", dir, e);
    let aside = tempfile::Builder::new()
        .prefix(".gpu-finops-snapshot-old-")
        .tempdir_in(dir.parent().unwrap_or(dir))
        .map_err(cannot)?;
    let old = aside.path().join("old");
    fs::rename(dir, &old).map_err(cannot)?;
    if let Err(error) = fs::rename(new, dir) {
        fs::rename(&old, dir).map_err(cannot)?;
        return Err(cannot(error));
    }
    Ok(())
}

fn inspect(dir: &Path) -> Result<Taken, SnapshotError> {
    let cannot = |e| SnapshotError::io("open", dir, e);
    match fs::metadata(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Taken::Free),
        Err(e) => return Err(cannot(e)),
        Ok(metadata) if !metadata.is_dir() => {
            return Err(SnapshotError::NotAFolder(dir.to_owned()));
        }
        Ok(_) => {}
    }
    let mut empty = true;
    for entry in fs::read_dir(dir).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name().to_string_lossy().into_owned();
        empty = false;
        if !ENTRIES.contains(&name.as_str()) {
            return Err(SnapshotError::TargetForeign { dir: dir.to_owned(), entry: name });
        }
    }
    if empty {
        return Ok(Taken::EmptyFolder);
    }
    if is_ours(dir) {
        return Ok(Taken::Snapshot);
    }
    let entry = format!("no {MANIFEST} of gpu-finops");
    Err(SnapshotError::TargetForeign { dir: dir.to_owned(), entry })
}

/// Whether the manifest says that this is a snapshot, of whatever version, damaged or not.
fn is_ours(dir: &Path) -> bool {
    // The format is the first thing in the file.
    let mut head = Vec::new();
    let read = fs::File::open(dir.join(MANIFEST)).and_then(|f| f.take(4096).read_to_end(&mut head));
    read.is_ok() && head.windows(FORMAT.len()).any(|part| part == FORMAT.as_bytes())
}
