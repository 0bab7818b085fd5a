//! The messages of one streamed answer to series: two columns each, cut to the time that was asked for.

use bytes::Bytes;
use prost::Message;

use super::super::decode::ordered;
use super::labels::Normaliser;
use super::message::{Chunk, ChunkedReadResponse, Label, XOR};
use super::xor::{self, ChunkError, Samples};
use crate::model::Series;
use crate::units::Millis;

/// Encodings of native histograms: integer and float counts (`prompb.Chunk.Encoding`).
const HISTOGRAMS: std::ops::RangeInclusive<i32> = 2..=3;

/// A frame whose content cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContentError {
    /// Not a message.
    #[error("a frame is no message of remote read ({0})")]
    Message(String),
    /// A chunk that is damaged although its frame is not.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
}

/// Series being collected.
#[derive(Debug)]
pub(super) struct Columns {
    clip: Clip,
    open: Option<Vec<Label>>,
    normaliser: Normaliser,
    found: Found,
}

/// What an answer held.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// In the order of the server; a label set may be there twice.
    pub(super) series: Vec<Series>,
    /// Samples in them.
    pub(super) samples: u64,
    /// Chunks left out because they hold native histograms.
    pub(super) histogram_chunks: u64,
    /// Chunks left out because their encoding is not known.
    pub(super) unknown_chunks: u64,
}

impl Columns {
    /// For samples in `[start, end)`.
    pub(super) fn new(start: Millis, end: Millis, normaliser: Normaliser) -> Self {
        let clip = Clip { start, end, timestamps_ms: Vec::new(), values: Vec::new() };
        Self { clip, open: None, normaliser, found: Found::default() }
    }

    /// Adds the body of one frame.
    pub(super) fn add_message(&mut self, body: Bytes) -> Result<(), ContentError> {
        let message = ChunkedReadResponse::decode(body)
            .map_err(|error| ContentError::Message(error.to_string()))?;
        for series in message.chunked_series {
            // A series longer than a frame goes on in the next one.
            if self.open.as_ref() != Some(&series.labels) {
                self.close();
                self.open = Some(series.labels);
            }
            self.reserve(&series.chunks);
            for chunk in &series.chunks {
                match chunk.encoding {
                    XOR => xor::decode(&chunk.data, &mut self.clip)?,
                    kind if HISTOGRAMS.contains(&kind) => self.found.histogram_chunks += 1,
                    _ => self.found.unknown_chunks += 1,
                }
            }
        }
        Ok(())
    }

    /// Everything, after the last frame.
    pub(super) fn finish(mut self) -> Found {
        self.close();
        self.found
    }

    /// Room for what the chunks say to hold, if their bytes can: a sample takes two bits at least.
    fn reserve(&mut self, chunks: &[Chunk]) {
        let possible = |chunk: &Chunk| (xor::count(&chunk.data) as usize).min(chunk.data.len() * 4);
        let wanted = chunks.iter().filter(|c| c.encoding == XOR).map(possible).sum();
        self.clip.timestamps_ms.reserve(wanted);
        self.clip.values.reserve(wanted);
    }

    fn close(&mut self) {
        let timestamps_ms = std::mem::take(&mut self.clip.timestamps_ms);
        let values = std::mem::take(&mut self.clip.values);
        let Some(labels) = self.open.take() else { return };
        if timestamps_ms.is_empty() {
            return;
        }
        let series = ordered(self.normaliser.labels(labels), timestamps_ms, values);
        self.found.samples += series.values.len() as u64;
        self.found.series.push(series);
    }
}

/// Two columns that take only what lies in `[start, end)`.
#[derive(Debug)]
struct Clip {
    start: Millis,
    end: Millis,
    timestamps_ms: Vec<Millis>,
    values: Vec<f64>,
}

impl Clip {
    const fn has(&self, at: Millis) -> bool {
        self.start <= at && at < self.end
    }
}

impl Samples for Clip {
    #[inline]
    fn one(&mut self, at: Millis, value: f64) {
        if self.has(at) {
            self.timestamps_ms.push(at);
            self.values.push(value);
        }
    }

    #[inline]
    fn run(&mut self, after: Millis, step: i64, count: u32, value: f64) {
        let at = |index: u32| after.wrapping_add(step.wrapping_mul(i64::from(index)));
        // A step below 2^31 times at most 32 cannot leave the range of instants unseen.
        let is_plain = (0..1 << 31).contains(&step);
        if is_plain && self.has(at(1)) && self.has(at(count)) {
            self.timestamps_ms.extend((1..=count).map(at));
            self.values.resize(self.values.len() + count as usize, value);
        } else {
            (1..=count).for_each(|index| self.one(at(index), value));
        }
    }
}

#[cfg(test)]
mod tests;
