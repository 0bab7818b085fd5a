//! The journal on the disk: a line is there for good before what it announces is done.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::cleanup::journal::{self, End, Journal, Record};
use crate::error::{Error, Result};
use crate::model::window::rfc3339;
use crate::units::Millis;

/// A journal that is open for writing. No two processes have the same one open.
#[derive(Debug)]
pub(in crate::commands) struct JournalFile {
    file: File,
    path: PathBuf,
    end: End,
    length: u64,
}

impl JournalFile {
    /// Starts a journal; the file must not have anything in it.
    ///
    /// # Errors
    ///
    /// A usage error that names the file.
    pub(in crate::commands) fn create(path: &Path) -> Result<Self> {
        let open = OpenOptions::new().create(true).read(true).append(true).open(path);
        let file = open.map_err(|e| unusable(path, "cannot be written").caused_by(e))?;
        let length = file.metadata().map_err(|e| unusable(path, "cannot be read").caused_by(e))?;
        if length.len() > 0 {
            return Err(unusable(path, "is there already").hinted(
                "go on with it by `apply --resume`, take it back by `rollback`, or name another",
            ));
        }
        lock(&file, path)?;
        sync_folder(path)?;
        Ok(Self { file, path: path.to_owned(), end: End::default(), length: 0 })
    }

    /// Opens a journal to go on with it. A torn last line is cut off once something is added.
    ///
    /// # Errors
    ///
    /// A usage error that names the file; damage in the middle of it.
    pub(in crate::commands) fn open(path: &Path) -> Result<(Self, Journal)> {
        let open = OpenOptions::new().read(true).append(true).open(path);
        let mut file = open.map_err(|e| unusable(path, "cannot be opened").caused_by(e))?;
        lock(&file, path)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|e| unusable(path, "cannot be read").caused_by(e))?;
        let journal = journal::read(&bytes)
            .map_err(|e| unusable(path, "cannot be gone on with").caused_by(e))?;
        let length = u64::try_from(journal.whole_bytes).unwrap_or(u64::MAX);
        let this = Self { file, path: path.to_owned(), end: journal.end.clone(), length };
        Ok((this, journal))
    }

    /// Where it is.
    #[must_use]
    pub(in crate::commands) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an entry and waits until it is on the disk; gives its number.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails: what the entry announces must not be done then. Nothing of the entry is left.
    pub(in crate::commands) fn add(&mut self, record: Record, now_ms: Millis) -> Result<u64> {
        let failed = |e: std::io::Error, path: &Path| {
            Error::failed(format!("the journal {} cannot be written", path.display())).caused_by(e)
        };
        let number = self.end.next();
        let (line, end) = self
            .end
            .line(rfc3339(now_ms), record)
            .map_err(|e| Error::failed("an entry of the journal cannot be encoded").caused_by(e))?;
        let is_torn = self.file.metadata().is_ok_and(|at| at.is_file() && at.len() != self.length);
        if is_torn {
            self.file.set_len(self.length).map_err(|e| failed(e, &self.path))?;
        }
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A torn line is found by whoever reads it; it need not be there.
            drop(self.file.set_len(self.length));
            return Err(failed(error, &self.path));
        }
        self.length += u64::try_from(line.len()).unwrap_or(0);
        self.end = end;
        Ok(number)
    }
}

fn lock(file: &File, path: &Path) -> Result<()> {
    file.try_lock().map_err(|e| {
        let held = matches!(e, std::fs::TryLockError::WouldBlock);
        match held {
            true => Error::refused(format!("another run has the journal {} open", path.display())),
            false => unusable(path, "cannot be locked").caused_by(e.to_string()),
        }
    })
}

/// A new file is there for good once its folder is on the disk.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| unusable(path, "is in a folder that cannot be synced").caused_by(e))
}

fn unusable(path: &Path, what: &str) -> Error {
    Error::usage(format!("the journal {} {what}", path.display()))
}
