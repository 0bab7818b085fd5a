//! Where a snapshot's files are read from: a folder, or the program itself.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::SnapshotError;
use super::manifest::{FileEntry, MANIFEST};

/// Most bytes of `snapshot.json`: its gaps and sources are few, even for a large fleet.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;
/// Most bytes of any other file. A year of a thousand GPUs stays well below.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// The files of one snapshot.
#[derive(Debug)]
pub(super) enum Files<'a> {
    /// In a folder.
    Folder(PathBuf),
    /// In memory, as path and content.
    Embedded(&'a [(&'a str, &'a [u8])]),
}

impl Files<'_> {
    /// The folder `dir`, checked to look like a snapshot.
    pub(super) fn open(dir: &Path) -> Result<Self, SnapshotError> {
        let metadata = std::fs::metadata(dir).map_err(|e| SnapshotError::io("open", dir, e))?;
        if !metadata.is_dir() {
            return Err(SnapshotError::NotAFolder(dir.to_owned()));
        }
        if !dir.join(MANIFEST).exists() {
            return Err(SnapshotError::NotASnapshot(dir.to_owned()));
        }
        Ok(Self::Folder(dir.to_owned()))
    }

    /// The content of `snapshot.json`.
    pub(super) fn manifest(&self) -> Result<Vec<u8>, SnapshotError> {
        self.read(MANIFEST, MAX_MANIFEST_BYTES)
    }

    /// The content of a listed file, checked against its size and checksum.
    pub(super) fn checked(&self, entry: &FileEntry) -> Result<Vec<u8>, SnapshotError> {
        let file = entry.path.as_str();
        if !is_plain_path(file) {
            let detail =
                format!("it lists the file `{}`, which is not inside it", file.escape_debug());
            return Err(SnapshotError::damaged(MANIFEST, detail));
        }
        if entry.bytes > MAX_FILE_BYTES {
            return Err(SnapshotError::TooLarge { file: file.to_owned(), limit: MAX_FILE_BYTES });
        }
        let content = self.read(file, entry.bytes)?;
        let found = sha256_hex(&content);
        if found == entry.sha256 {
            Ok(content)
        } else {
            let expected = entry.sha256.escape_debug().to_string();
            Err(SnapshotError::Checksum { file: file.to_owned(), expected, found })
        }
    }

    fn read(&self, file: &str, limit: u64) -> Result<Vec<u8>, SnapshotError> {
        match self {
            Self::Folder(dir) => read_bounded(&dir.join(file), file, limit),
            Self::Embedded(files) => files
                .iter()
                .find(|(path, _)| *path == file)
                .map(|(_, content)| content.to_vec())
                .ok_or_else(|| SnapshotError::Missing(file.to_owned())),
        }
    }
}

/// Reads at most `limit` bytes: a file may grow while it is read, and may not be a file at all.
fn read_bounded(path: &Path, file: &str, limit: u64) -> Result<Vec<u8>, SnapshotError> {
    let opened = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => SnapshotError::Missing(file.to_owned()),
        _ => SnapshotError::io("read", path, e),
    })?;
    let mut content = Vec::new();
    opened
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|e| SnapshotError::io("read", path, e))?;
    if content.len() as u64 > limit {
        return Err(SnapshotError::TooLarge { file: file.to_owned(), limit });
    }
    Ok(content)
}

/// Whether a listed path stays inside the snapshot on every system.
fn is_plain_path(path: &str) -> bool {
    let is_plain_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    path.split('/').all(is_plain_part)
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_path_cannot_leave_the_folder() {
        for good in ["samples/gpu_util.parquet", "objects/objects.json"] {
            assert!(is_plain_path(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "C:x", ".hidden", "a/ b"] {
            assert!(!is_plain_path(bad), "{bad}");
        }
    }

    #[test]
    fn checksum_is_the_published_one() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
