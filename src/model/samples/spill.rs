//! What does not fit into memory: a temporary file without a name, written once and read back by position.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::Samples;
use super::part::{Part, Piece, Place};

/// Bytes of packed samples that stay in memory: a day or two of a thousand GPUs. What comes then goes to the file, so
/// that ten times the samples of the same series take no more than this on top.
pub const MEMORY_BYTES: u64 = 8 << 20;
/// Bytes that are written at once, or kept in one place.
const WRITE_BYTES: usize = 1 << 20;

/// Why a file for samples is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpillError {
    /// It cannot be made or written.
    #[error("cannot write samples that do not fit into memory to a temporary file in {dir}: {reason}", dir = dir.display())]
    Write {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What was written does not come back.
    #[error("cannot read samples back from the temporary file in {dir}: {reason}", dir = dir.display())]
    Read {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl SpillError {
    /// What to try, for a person.
    pub const HINT: &'static str =
        "make room there, or name a folder on a sound disk in the variable TMPDIR";
}

/// The bound on the memory that the samples of a run take, and the file for what is above it.
#[derive(Debug)]
pub struct Spill {
    bound: u64,
    held: AtomicU64,
    dir: PathBuf,
    file: Mutex<Option<Arc<SpillFile>>>,
    failure: OnceLock<Arc<SpillError>>,
}

impl Spill {
    /// Up to `bound` bytes in memory, the rest in a file in `dir`, which is made when it is needed.
    #[must_use]
    pub fn new(bound: u64, dir: &Path) -> Self {
        Self {
            bound,
            held: AtomicU64::new(0),
            dir: dir.to_owned(),
            file: Mutex::default(),
            failure: OnceLock::new(),
        }
    }

    /// Counts what `all` hold and was not counted yet, puts it together in memory up to the bound, and moves what is
    /// above to the file. What cannot be moved stays in memory, and is a [`failure`](Self::failure). What is thrown away later stays counted: that is
    /// seldom, and only means that other samples go to the file sooner.
    pub fn keep<'a>(&self, all: impl IntoIterator<Item = &'a mut Samples>) {
        let (mut stays, mut goes) = (Batch::default(), Batch::default());
        for part in all.into_iter().flat_map(|samples| &mut samples.parts) {
            let Place::Memory(piece) = &part.place else { continue };
            if part.is_counted || self.failure.get().is_some() {
                continue;
            }
            let bytes = piece.bytes();
            part.is_counted = self.fits(bytes.len() as u64);
            let batch = if part.is_counted { &mut stays } else { &mut goes };
            batch.bytes.extend_from_slice(bytes);
            batch.parts.push(part);
            if stays.bytes.len() >= WRITE_BYTES {
                std::mem::take(&mut stays).put_together();
            }
            if goes.bytes.len() >= WRITE_BYTES {
                self.write(std::mem::take(&mut goes));
            }
        }
        stays.put_together();
        self.write(goes);
    }

    /// Why samples could not be written or read back, if that has happened.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<SpillError>> {
        let of_file = || self.open_file().as_ref().and_then(|file| file.failure.get().cloned());
        self.failure.get().cloned().or_else(of_file)
    }

    fn fits(&self, bytes: u64) -> bool {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= self.bound;
        if !fits {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    fn write(&self, batch: Batch<'_>) {
        if batch.parts.is_empty() {
            return;
        }
        let written = self.file().and_then(|file| file.append(&batch.bytes).map(|at| (file, at)));
        match written {
            Ok((file, at)) => batch.moved_to(&file, at),
            Err(error) => {
                let failure =
                    SpillError::Write { dir: self.dir.clone(), reason: error.to_string() };
                // The first reason is as good as any later one.
                let _ = self.failure.set(Arc::new(failure));
            }
        }
    }

    fn open_file(&self) -> MutexGuard<'_, Option<Arc<SpillFile>>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self) -> io::Result<Arc<SpillFile>> {
        let mut file = self.open_file();
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        let made = Arc::new(SpillFile {
            file: tempfile::tempfile_in(&self.dir)?,
            end: AtomicU64::new(0),
            dir: self.dir.clone(),
            failure: OnceLock::new(),
        });
        Ok(Arc::clone(file.insert(made)))
    }
}

/// Parts that are written or kept together.
#[derive(Default)]
struct Batch<'a> {
    bytes: Vec<u8>,
    parts: Vec<&'a mut Part>,
}

impl Batch<'_> {
    fn put_together(self) {
        let (all, mut at) = (Piece::whole(&self.bytes), 0);
        for part in self.parts {
            if let Place::Memory(piece) = &mut part.place {
                let length = piece.bytes().len();
                *piece = all.of(at, length);
                at += length;
            }
        }
    }

    fn moved_to(self, file: &Arc<SpillFile>, mut at: u64) {
        for part in self.parts {
            let Place::Memory(piece) = &part.place else { continue };
            let bytes = piece.bytes();
            let (length, checksum) = (bytes.len(), crc32c::crc32c(bytes));
            let spilled = Spilled { file: Arc::clone(file), at, length, checksum };
            at += length as u64;
            part.place = Place::File(spilled);
        }
    }
}

/// Bytes in the file.
#[derive(Debug, Clone)]
pub(super) struct Spilled {
    file: Arc<SpillFile>,
    at: u64,
    length: usize,
    checksum: u32,
}

impl Spilled {
    /// The bytes; none where they cannot be had as they were, which the file remembers.
    pub(super) fn read(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        let reason = match self.file.file.read_exact_at(&mut bytes, self.at) {
            Ok(()) if crc32c::crc32c(&bytes) == self.checksum => return bytes,
            Ok(()) => "they are not what was written".to_owned(),
            Err(error) => error.to_string(),
        };
        let failure = SpillError::Read { dir: self.file.dir.clone(), reason };
        // The first reason is as good as any later one.
        let _ = self.file.failure.set(Arc::new(failure));
        Vec::new()
    }

    pub(super) fn failure(&self) -> Option<Arc<SpillError>> {
        self.file.failure.get().cloned()
    }
}

/// A file that goes when nobody holds it any more.
#[derive(Debug)]
struct SpillFile {
    file: File,
    end: AtomicU64,
    dir: PathBuf,
    failure: OnceLock<Arc<SpillError>>,
}

impl SpillFile {
    /// Where the bytes were put.
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let at = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, at)?;
        Ok(at)
    }
}

#[cfg(test)]
mod tests;
