//! Packs samples: one by one, or in the chunks in which a server sent them.

use super::Samples;
use super::decode::{ChunkError, each_run};
use super::encode::{Encoder, SAMPLES_PER_CHUNK, put_varint};
use super::part::{PADDING, Part, Piece, Place};
use crate::units::Millis;

/// Bytes from which on a part is closed: what is read back of a file at once.
const PART_BYTES: usize = 1 << 20;

/// Samples of one series being packed. Those that do not come in order of time are put into it at the end; of
/// two at one instant the first that came stays.
#[derive(Debug, Default)]
pub struct Builder {
    parts: Vec<Part>,
    /// Whole chunks, each behind its length, of the part that is open.
    bytes: Vec<u8>,
    chunk: Encoder,
    /// Of the open part, with the open chunk.
    count: u32,
    first: Millis,
    last: Option<Millis>,
    /// Not later than one before them.
    late: Vec<(Millis, f64)>,
}

impl Builder {
    /// Adds a sample.
    #[inline]
    pub fn push(&mut self, at: Millis, value: f64) {
        if self.last.is_some_and(|last| at <= last) {
            self.late.push((at, value));
            return;
        }
        self.chunk.push(at, value);
        self.added(at, at, 1);
        if self.chunk.count() >= SAMPLES_PER_CHUNK {
            self.close_chunk();
        }
    }

    /// Adds the samples of an XOR chunk that lie in `[start, end)`: its bytes as they are, if all of them do and
    /// are later than those before.
    ///
    /// # Errors
    /// A chunk that is cut or malformed; nothing of it is added.
    pub fn push_chunk(
        &mut self,
        chunk: &[u8],
        start: Millis,
        end: Millis,
    ) -> Result<(), ChunkError> {
        // Whether it can stay is asked when it is there, where bytes follow that the decoder may look at.
        let before = self.bytes.len();
        let at = append(&mut self.bytes, chunk);
        self.bytes.extend_from_slice(&[0; PADDING]);
        let extent = each_run(&self.bytes[at..], chunk.len(), |_| ());
        self.bytes.truncate(at + chunk.len());
        let Some(extent) = extent.inspect_err(|_| self.bytes.truncate(before))? else {
            self.bytes.truncate(before);
            return Ok(());
        };
        let is_inside = start <= extent.first && extent.last < end;
        if extent.is_line && is_inside && self.last.is_none_or(|last| last < extent.first) {
            if self.chunk.count() > 0 || extent.bytes < chunk.len() {
                self.bytes.truncate(before);
                self.close_chunk();
                append(&mut self.bytes, &chunk[..extent.bytes]);
            }
            self.added(extent.first, extent.last, extent.count);
            self.close_full_part();
            return Ok(());
        }
        self.bytes.truncate(before);
        if !extent.is_line || (extent.first < end && start <= extent.last) {
            each_run(chunk, chunk.len(), |run| {
                let samples = run.samples().filter(|(at, _)| start <= *at && *at < end);
                samples.for_each(|(at, value)| self.push(at, value));
            })?;
        }
        Ok(())
    }

    /// The samples; the builder is empty again.
    pub fn finish(&mut self) -> Samples {
        let mut late = std::mem::take(&mut self.late);
        let line = Samples { parts: self.take_parts().into() };
        if late.is_empty() {
            return line;
        }
        let mut all: Vec<(Millis, f64)> = line.iter().collect();
        all.append(&mut late);
        // Stable, and what was late at an instant came after what was not.
        all.sort_by_key(|(at, _)| *at);
        all.dedup_by_key(|(at, _)| *at);
        all.into_iter().for_each(|(at, value)| self.push(at, value));
        Samples { parts: self.take_parts().into() }
    }

    /// Samples that came in order of time.
    pub(super) fn into_parts(mut self) -> Vec<Part> {
        self.take_parts()
    }

    fn take_parts(&mut self) -> Vec<Part> {
        self.close_chunk();
        self.close_part();
        self.last = None;
        std::mem::take(&mut self.parts)
    }

    fn added(&mut self, first: Millis, last: Millis, count: u32) {
        if self.count == 0 {
            self.first = first;
        }
        (self.last, self.count) = (Some(last), self.count + count);
    }

    fn close_chunk(&mut self) {
        if self.chunk.count() > 0 {
            let bytes = &mut self.bytes;
            self.chunk.finish(|chunk| append(bytes, chunk));
            self.close_full_part();
        }
    }

    fn close_full_part(&mut self) {
        if self.bytes.len() >= PART_BYTES {
            self.close_part();
        }
    }

    fn close_part(&mut self) {
        let Some(last) = self.last.filter(|_| self.count > 0) else { return };
        self.bytes.extend_from_slice(&[0; PADDING]);
        let place = Place::Memory(Piece::whole(&self.bytes));
        let (first, count) = (self.first, self.count);
        self.parts.push(Part { first, last, count, is_counted: false, place });
        self.bytes.clear();
        self.count = 0;
    }
}

/// Puts a chunk behind its length, and says where it begins.
fn append(bytes: &mut Vec<u8>, chunk: &[u8]) -> usize {
    put_varint(bytes, chunk.len() as u64);
    let at = bytes.len();
    bytes.extend_from_slice(chunk);
    at
}
