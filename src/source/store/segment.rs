//! A file of the log: a header, then frames, each with its length and a checksum.
//!
//! A process that is killed while it writes leaves a frame that is cut off; it is left out when the segment
//! is read. Each process begins segments of its own, so nothing is ever written behind such a frame.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::record::{Context, Record};

/// Begins every segment; the number is the version of the format of records.
const HEADER: &[u8] = b"gpu-finops log 1\n";
const LENGTH_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 8;

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    file: File,
    path: PathBuf,
    context: Context,
}

impl SegmentWriter {
    /// Begins one; there must be none of that name.
    pub(super) fn create(path: PathBuf) -> Result<Self, StoreError> {
        let mut file = File::create_new(&path).map_err(|e| StoreError::io("create", &path, e))?;
        file.write_all(HEADER).map_err(|e| StoreError::io("write", &path, e))?;
        Ok(Self { file, path, context: Context::default() })
    }

    /// Appends a record; gives its size. After an error no more may be appended to this segment.
    pub(super) fn append(&mut self, record: &Record) -> Result<u64, StoreError> {
        let payload = self.context.encode(record);
        let length = u32::try_from(payload.len()).map_err(|_| {
            StoreError::Content(format!("one scrape has {} bytes in the log", payload.len()))
        })?;
        let mut frame = Vec::with_capacity(LENGTH_BYTES + CHECKSUM_BYTES + payload.len());
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(&checksum(length, &payload));
        frame.extend_from_slice(&payload);
        self.file.write_all(&frame).map_err(|e| StoreError::io("write", &self.path, e))?;
        Ok(frame.len() as u64)
    }

    /// Makes what was appended outlast a power failure.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|e| StoreError::io("sync", &self.path, e))
    }
}

/// Over the length, too: a length that is wrong by accident must not pass.
fn checksum(length: u32, payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::new().chain_update(length.to_le_bytes()).chain_update(payload).finalize();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}

/// How far a segment could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// To its end.
    Whole,
    /// Up to a frame that was not written to its end, at this length.
    Torn(u64),
    /// Up to a frame that is not what was written; so many bytes in front of it are good.
    Damaged(u64),
}

/// Hands each record of a segment to `take`; `None` when the segment is not there (any more).
pub(super) fn read(
    path: &Path,
    take: &mut dyn FnMut(Record) -> Result<(), StoreError>,
) -> Result<Option<End>, StoreError> {
    let fail = |e| StoreError::io("read", path, e);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(fail(e)),
    };
    // What is appended from now on is of the next report.
    let size = file.metadata().map_err(fail)?.len();
    let mut rest = Frames { file: BufReader::new(file).take(size), good: 0, size };
    let mut header = vec![0; HEADER.len()];
    match rest.fill(&mut header).map_err(fail)? {
        false => return Ok(Some(End::Torn(0))),
        true if header != HEADER => return Ok(Some(End::Damaged(0))),
        true => rest.good = HEADER.len() as u64,
    }
    let mut context = Context::default();
    loop {
        let payload = match rest.next().map_err(fail)? {
            Ok(payload) => payload,
            Err(end) => return Ok(Some(end)),
        };
        match context.decode(&payload) {
            Ok(record) => take(record)?,
            Err(_) => return Ok(Some(End::Damaged(rest.good))),
        }
        rest.good += (LENGTH_BYTES + CHECKSUM_BYTES + payload.len()) as u64;
    }
}

struct Frames {
    file: io::Take<BufReader<File>>,
    good: u64,
    size: u64,
}

impl Frames {
    /// Fills `bytes`; `false` when the file ends before.
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        match self.file.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn next(&mut self) -> io::Result<Result<Vec<u8>, End>> {
        if self.good == self.size {
            return Ok(Err(End::Whole));
        }
        let mut head = [0; LENGTH_BYTES + CHECKSUM_BYTES];
        if !self.fill(&mut head)? {
            return Ok(Err(End::Torn(self.good)));
        }
        let (length, sum) = head.split_at(LENGTH_BYTES);
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        // Longer than the file is: cut off, or not a length. Either way there is nothing behind it.
        if u64::from(length) > self.file.limit() {
            return Ok(Err(End::Torn(self.good)));
        }
        let mut payload = vec![0; length as usize];
        if !self.fill(&mut payload)? {
            return Ok(Err(End::Torn(self.good)));
        }
        if checksum(length, &payload) == *sum {
            return Ok(Ok(payload));
        }
        // After a power failure the end of a file may be there in length alone.
        let is_last = self.file.limit() == 0;
        Ok(Err(if is_last { End::Torn(self.good) } else { End::Damaged(self.good) }))
    }
}

/// Cuts off what a killed process left unfinished.
pub(super) fn cut(path: &Path, length: u64) -> Result<(), StoreError> {
    let fail = |e| StoreError::io("cut", path, e);
    if length == 0 {
        return fs::remove_file(path).map_err(fail);
    }
    let file = File::options().write(true).open(path).map_err(fail)?;
    file.set_len(length).and_then(|()| file.sync_all()).map_err(fail)
}
