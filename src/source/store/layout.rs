//! Names of the files and folders of a store, and how a file comes into its place: whole or not at all.
//!
//! ```text
//! store.json                                       what this is, and its version
//! lock                                             held by the one process that writes
//! objects.json                                     cluster objects as they were listed last
//! log/<hour>-<n>.log                               scrapes of hours that are not compacted yet
//! hours/date=<day>/hour=<hour>/series.parquet      labels of the series
//! hours/date=<day>/hour=<hour>/samples.parquet     their samples
//! hours/date=<day>/hour=<hour>/scrapes.parquet     every scrape, and how it fared
//! ```

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use crate::units::{MS_PER_HOUR, Millis};

pub(super) const MANIFEST: &str = "store.json";
pub(super) const LOCK: &str = "lock";
pub(super) const LOG: &str = "log";
pub(super) const HOURS: &str = "hours";
pub(super) const OBJECTS: &str = "objects.json";

/// Below a day: where an hour is made before it is moved into its place.
pub(super) const BESIDE: &str = ".new";
/// Below a day: where an hour that is too old is moved before it is removed.
pub(super) const OUTDATED: &str = ".old";

/// What a store's folder may hold at its top, besides hidden files.
const ENTRIES: &[&str] = &[MANIFEST, LOCK, LOG, HOURS, OBJECTS];

/// What the manifest says it is.
const FORMAT: &str = "gpu-finops-store";
/// Version of the layout; a change that an older tool would misread raises it.
const FORMAT_VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
struct Manifest {
    format: String,
    format_version: u64,
    #[serde(default)]
    tool_version: String,
}

/// A UTC hour, counted from the epoch.
pub(super) type Hour = i64;

/// The hour of an instant.
pub(super) const fn hour_of(at: Millis) -> Hour {
    at.div_euclid(MS_PER_HOUR)
}

/// First instant of an hour.
pub(super) const fn start_of(hour: Hour) -> Millis {
    hour * MS_PER_HOUR
}

fn calendar(hour: Hour) -> String {
    DateTime::from_timestamp_millis(start_of(hour))
        .map(|t| t.format("%Y-%m-%dT%H").to_string())
        .unwrap_or_default()
}

/// Path of an hour's compacted folder.
pub(super) fn partition(dir: &Path, hour: Hour) -> PathBuf {
    let name = calendar(hour);
    let (day, hour) = name.split_once('T').unwrap_or((&name, ""));
    dir.join(HOURS).join(format!("date={day}")).join(format!("hour={hour}"))
}

/// Path of an hour's segment number `n`.
pub(super) fn segment(dir: &Path, hour: Hour, n: u32) -> PathBuf {
    dir.join(LOG).join(format!("{}-{n:06}.log", calendar(hour)))
}

/// Compacted hours, in order.
pub(super) fn partitions(dir: &Path) -> Result<Vec<(Hour, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for day in entries(&dir.join(HOURS))? {
        let Some(date) = name_of(&day).and_then(|n| n.strip_prefix("date=")) else { continue };
        for folder in entries(&day)? {
            let hour = name_of(&folder).and_then(|n| n.strip_prefix("hour="));
            if let Some(hour) = hour.and_then(|hour| parse_hour(&format!("{date}T{hour}"))) {
                found.push((hour, folder));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Segments of the log with hour and number, in order.
pub(super) fn segments(dir: &Path) -> Result<Vec<(Hour, u32, PathBuf)>, StoreError> {
    let segment = |path: PathBuf| {
        let (hour, n) = name_of(&path)?.strip_suffix(".log")?.rsplit_once('-')?;
        Some((parse_hour(hour)?, n.parse().ok()?, path))
    };
    let mut found: Vec<_> = entries(&dir.join(LOG))?.into_iter().filter_map(segment).collect();
    found.sort();
    Ok(found)
}

fn parse_hour(text: &str) -> Option<Hour> {
    let at = DateTime::parse_from_rfc3339(&format!("{text}:00:00Z")).ok()?;
    Some(hour_of(at.timestamp_millis())).filter(|hour| calendar(*hour) == text)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(OsStr::to_str)
}

/// What is in a folder; nothing when the folder is not there.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let list = match fs::read_dir(dir) {
        Ok(list) => list,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(StoreError::io("list", dir, e)),
    };
    list.map(|entry| entry.map(|e| e.path()).map_err(|e| StoreError::io("list", dir, e))).collect()
}

/// Makes sure that `dir` is a store, making one of a folder that is empty or not there.
pub(super) fn prepare(dir: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(dir).map_err(|e| StoreError::io("create", dir, e))?;
    let names: Vec<String> =
        entries(dir)?.iter().filter_map(|path| name_of(path).map(str::to_owned)).collect();
    let foreign = |name: &&String| !name.starts_with('.') && !ENTRIES.contains(&name.as_str());
    if let Some(entry) = names.iter().find(foreign) {
        return Err(StoreError::Foreign { dir: dir.to_owned(), entry: entry.clone() });
    }
    for folder in [LOG, HOURS] {
        let path = dir.join(folder);
        fs::create_dir_all(&path).map_err(|e| StoreError::io("create", &path, e))?;
    }
    if names.iter().any(|name| name == MANIFEST) {
        return check(dir);
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut text = serde_json::to_vec_pretty(&manifest)
        .map_err(|e| StoreError::damaged(&dir.join(MANIFEST), e))?;
    text.push(b'\n');
    place(dir, MANIFEST, &text)
}

/// Removes what a process left that was killed while it compacted or removed hours.
pub(super) fn clear_away(dir: &Path) -> Result<(), StoreError> {
    for day in entries(&dir.join(HOURS))? {
        for unfinished in [BESIDE, OUTDATED] {
            remove(&day.join(unfinished))?;
        }
        // A day that has hours stays.
        drop(fs::remove_dir(&day));
    }
    Ok(())
}

/// Removes a folder, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", folder, e)),
        _ => Ok(()),
    }
}

/// Checks that `dir` is a store that this version can read.
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(StoreError::NotAStore(dir.to_owned()));
        }
        Err(e) => return Err(StoreError::io("read", &path, e)),
    };
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|e| StoreError::damaged(&path, e))?;
    match (manifest.format.as_str(), manifest.format_version) {
        (FORMAT, FORMAT_VERSION) => Ok(()),
        (FORMAT, found) if found > FORMAT_VERSION => {
            Err(StoreError::FutureVersion { dir: dir.to_owned(), found, supported: FORMAT_VERSION })
        }
        (crate::source::rollups::FORMAT, _) => Err(StoreError::RollUps(dir.to_owned())),
        _ => Err(StoreError::NotAStore(dir.to_owned())),
    }
}

/// Puts a file into a folder: written beside its place, synced, renamed.
pub(super) fn place(folder: &Path, name: &str, content: &[u8]) -> Result<(), StoreError> {
    let (path, beside) = (folder.join(name), folder.join(format!(".{name}.new")));
    write_synced(&beside, content)?;
    fs::rename(&beside, &path).map_err(|e| StoreError::io("replace", &path, e))?;
    sync_folder(folder)
}

/// Writes a file, to the disk.
pub(super) fn write_synced(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    File::create(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .map_err(|e| StoreError::io("write", path, e))
}

/// Makes what was renamed or made in a folder last.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    // Elsewhere a folder cannot be opened, and need not be.
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| StoreError::io("sync", folder, e))
}
