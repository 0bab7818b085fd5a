//! Packs samples: one by one, or in the chunks in which a server sent them.

use std::sync::Arc;

use super::decode::{ChunkError, Decoder};
use super::encode::{Encoder, SAMPLES_PER_CHUNK, put_varint};
use super::part::{Part, Place};
use super::{Run, Samples};
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
        let Some(extent) = Extent::of(chunk)? else { return Ok(()) };
        let is_inside = start <= extent.first && extent.last < end;
        if extent.is_line && is_inside && self.last.is_none_or(|last| last < extent.first) {
            self.close_chunk();
            self.added(extent.first, extent.last, extent.count);
            self.put(&chunk[..extent.bytes]);
        } else if !extent.is_line || (extent.first < end && start <= extent.last) {
            let samples = runs(chunk)?.into_iter().flat_map(Run::samples);
            samples
                .filter(|(at, _)| start <= *at && *at < end)
                .for_each(|(at, value)| self.push(at, value));
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
            let chunk = self.chunk.take();
            self.put(&chunk);
        }
    }

    /// A chunk whose samples are counted already.
    fn put(&mut self, chunk: &[u8]) {
        put_varint(&mut self.bytes, chunk.len() as u64);
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() >= PART_BYTES {
            self.close_part();
        }
    }

    fn close_part(&mut self) {
        let Some(last) = self.last.filter(|_| self.count > 0) else { return };
        let place = Place::Memory(Arc::from(self.bytes.as_slice()));
        self.parts.push(Part { first: self.first, last, count: self.count, place });
        self.bytes.clear();
        self.count = 0;
    }
}

fn runs(chunk: &[u8]) -> Result<Vec<Run>, ChunkError> {
    let mut decoder = Decoder::new(chunk)?;
    let mut out = Vec::new();
    while let Some(run) = decoder.next_run(chunk, chunk.len())? {
        out.push(run);
    }
    Ok(out)
}

/// What a chunk holds.
struct Extent {
    first: Millis,
    last: Millis,
    count: u32,
    /// Up to its last sample.
    bytes: usize,
    /// Every sample is later than the one before; else first and last say nothing.
    is_line: bool,
}

impl Extent {
    /// Of a whole chunk; `None` where it has no sample.
    fn of(chunk: &[u8]) -> Result<Option<Self>, ChunkError> {
        let mut decoder = Decoder::new(chunk)?;
        let mut out: Option<Self> = None;
        while let Some(run) = decoder.next_run(chunk, chunk.len())? {
            let out = out.get_or_insert(Self {
                first: run.first,
                last: run.first,
                count: 0,
                bytes: 0,
                is_line: true,
            });
            let length = i64::from(run.count - 1).checked_mul(run.step_ms);
            let goes_on = run.count == 1 || run.step_ms > 0;
            let fits = length.and_then(|length| run.first.checked_add(length)).is_some();
            out.is_line &= (out.count == 0 || out.last < run.first) && goes_on && fits;
            (out.last, out.count) = (run.last(), out.count + run.count);
        }
        Ok(out.map(|out| Self { bytes: decoder.used_bytes(), ..out }))
    }
}
