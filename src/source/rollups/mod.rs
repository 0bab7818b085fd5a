//! A folder of roll-ups: one partition for each cluster and day, which comes into its place whole.
//!
//! ```text
//! store.json                                            what this is, and its version
//! cluster=<name>/date=<day>/partition.json              what is not a table
//! cluster=<name>/date=<day>/<table>/0.parquet           its tables
//! ```
//!
//! Any number of processes may write, each to partitions of its own. What stands in the files is `rollup`;
//! here they are bytes with a name.

mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use error::RollupStoreError as Error;
use serde::{Deserialize, Serialize};

/// File that says what the folder is: that of a store of scrapes, with another format.
const MANIFEST: &str = "store.json";
/// What the manifest says it is.
pub const FORMAT: &str = "gpu-finops-rollups";
/// Version of the layout.
const FORMAT_VERSION: u64 = 1;
const CLUSTER: &str = "cluster=";
const DATE: &str = "date=";

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: String,
    format_version: u64,
}

/// What a folder's manifest says that it is; `None` without one.
///
/// # Errors
/// A manifest that cannot be read.
pub fn format_of(dir: &Path) -> Result<Option<String>, Error> {
    Ok(manifest(dir)?.map(|m| m.format))
}

fn manifest(dir: &Path) -> Result<Option<Manifest>, Error> {
    let path = dir.join(MANIFEST);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| Error::Damaged { path, detail: e.to_string() }),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(Error::io("read", &path, e)),
    }
}

/// Checks that `dir` has roll-ups that this version can read.
///
/// # Errors
/// It has not, or cannot be read.
pub fn check(dir: &Path) -> Result<(), Error> {
    match manifest(dir)? {
        Some(m) if m.format == FORMAT && m.format_version <= FORMAT_VERSION => Ok(()),
        Some(m) if m.format == FORMAT => Err(Error::FutureVersion {
            dir: dir.to_owned(),
            found: m.format_version,
            supported: FORMAT_VERSION,
        }),
        Some(m) => Err(Error::OtherFormat { dir: dir.to_owned(), format: m.format }),
        None => Err(Error::NoRollups(dir.to_owned())),
    }
}

/// Makes sure that `dir` has roll-ups, making a folder that is empty or not there one that can have some.
///
/// # Errors
/// It has something else, or cannot be written.
pub fn prepare(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
    // Listed first: whatever others put there since, they put beside a manifest.
    let names = names(dir)?;
    if manifest(dir)?.is_some() {
        return check(dir);
    }
    if let Some(entry) = names.into_iter().find(|name| !name.starts_with('.')) {
        return Err(Error::Foreign { dir: dir.to_owned(), entry });
    }
    let manifest = Manifest { format: FORMAT.to_owned(), format_version: FORMAT_VERSION };
    let mut text = serde_json::to_vec_pretty(&manifest)
        .map_err(|e| Error::Damaged { path: dir.join(MANIFEST), detail: e.to_string() })?;
    text.push(b'\n');
    // Others may do the same at this moment: each writes a file of its own, and all say the same.
    let beside = tempfile::Builder::new()
        .prefix(".store.")
        .tempfile_in(dir)
        .map_err(|e| Error::io("write", dir, e))?;
    fs::write(beside.path(), &text).map_err(|e| Error::io("write", beside.path(), e))?;
    let path = dir.join(MANIFEST);
    beside.persist(&path).map_err(|e| Error::io("write", &path, e.error))?;
    readable(&path)
}

/// A temporary file is its owner's alone; what is kept is for those who may read the folder.
fn readable(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o644))
            .map_err(|e| Error::io("write", path, e))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Names in a folder, sorted; none of a folder that is not there.
fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let list = match fs::read_dir(dir) {
        Ok(list) => list,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(Error::io("list", dir, e)),
    };
    let mut names = Vec::new();
    for entry in list {
        let name = entry.map_err(|e| Error::io("list", dir, e))?.file_name();
        names.extend(name.into_string());
    }
    names.sort();
    Ok(names)
}

/// Names of the clusters that there are roll-ups of, sorted.
///
/// # Errors
/// A folder that cannot be listed.
pub fn clusters(dir: &Path) -> Result<Vec<String>, Error> {
    let names = names(dir)?;
    Ok(names.iter().filter_map(|name| name.strip_prefix(CLUSTER)).map(ToOwned::to_owned).collect())
}

/// Days of a cluster that there are roll-ups of, sorted: `YYYY-MM-DD`.
///
/// # Errors
/// A folder that cannot be listed.
pub fn days(dir: &Path, cluster: &str) -> Result<Vec<String>, Error> {
    let names = names(&dir.join(format!("{CLUSTER}{cluster}")))?;
    Ok(names.iter().filter_map(|name| name.strip_prefix(DATE)).map(ToOwned::to_owned).collect())
}

fn partition(dir: &Path, cluster: &str, day: &str) -> PathBuf {
    dir.join(format!("{CLUSTER}{cluster}")).join(format!("{DATE}{day}"))
}

/// Those of `files` that a partition has; `None` when it is not there.
///
/// # Errors
/// A file that cannot be read.
pub fn read(
    dir: &Path,
    (cluster, day): (&str, &str),
    files: &[String],
) -> Result<Option<BTreeMap<String, Vec<u8>>>, Error> {
    let folder = partition(dir, cluster, day);
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut out = BTreeMap::new();
    for file in files {
        let path = folder.join(file);
        match fs::read(&path) {
            Ok(content) => drop(out.insert(file.clone(), content)),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("read", &path, e)),
        }
    }
    Ok(Some(out))
}

/// Puts a partition into its place: written beside it, synced, renamed. One that is there is replaced.
///
/// # Errors
/// A disk that is full, a folder that cannot be written.
pub fn place(
    dir: &Path,
    (cluster, day): (&str, &str),
    files: &[(String, Vec<u8>)],
) -> Result<(), Error> {
    let target = partition(dir, cluster, day);
    let parent = dir.join(format!("{CLUSTER}{cluster}"));
    fs::create_dir_all(&parent).map_err(|e| Error::io("create", &parent, e))?;
    // Removed when it is dropped, whatever goes wrong before it is renamed.
    let beside = tempfile::Builder::new()
        .prefix(&format!(".{day}."))
        .tempdir_in(&parent)
        .map_err(|e| Error::io("create", &parent, e))?;
    let new = beside.path().join("new");
    for (name, content) in files {
        let path = new.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        }
        write_synced(&path, content)?;
    }
    let old = beside.path().join("old");
    match fs::rename(&target, &old) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::io("replace", &target, e)),
        _ => {}
    }
    if let Err(e) = fs::rename(&new, &target) {
        // Somebody else was quicker with the same partition, or the one before goes back into its place.
        drop(fs::rename(&old, &target));
        return Err(Error::io("replace", &target, e));
    }
    sync_folder(&parent)
}

fn write_synced(path: &Path, content: &[u8]) -> Result<(), Error> {
    use std::io::Write;
    fs::File::create(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .map_err(|e| Error::io("write", path, e))
}

/// Makes a rename last.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    // Elsewhere a folder cannot be opened, and need not be.
    if !cfg!(unix) {
        return Ok(());
    }
    fs::File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io("sync", folder, e))
}
