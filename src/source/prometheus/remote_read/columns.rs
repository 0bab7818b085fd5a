//! The messages of one streamed answer to series, cut to the time that was asked for. Chunks are kept as the
//! server sent them.

use bytes::Bytes;
use prost::Message;

use super::labels::Normaliser;
use super::message::{ChunkedReadResponse, Label, XOR};
use crate::model::Series;
use crate::model::samples::{Builder, ChunkError};
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
    start: Millis,
    end: Millis,
    samples: Builder,
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
        Self {
            start,
            end,
            samples: Builder::default(),
            open: None,
            normaliser,
            found: Found::default(),
        }
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
            for chunk in &series.chunks {
                match chunk.encoding {
                    XOR => self.samples.push_chunk(&chunk.data, self.start, self.end)?,
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

    fn close(&mut self) {
        let samples = self.samples.finish();
        let Some(labels) = self.open.take().filter(|_| !samples.is_empty()) else { return };
        self.found.samples += samples.len() as u64;
        self.found.series.push(Series { labels: self.normaliser.labels(labels), samples });
    }
}

#[cfg(test)]
mod tests;
