//! The messages of one streamed answer to series, cut to the time that was asked for. What becomes of the chunks of
//! one is `line`'s.

use bytes::Bytes;
use prost::Message;

use super::labels::Normaliser;
use super::line::Line;
use super::message::{ChunkedReadResponse, Label, XOR};
use crate::model::samples::ChunkError;
use crate::model::{Labels, Series};

/// Encodings of native histograms: integer and float counts (`prompb.Chunk.Encoding`).
const HISTOGRAMS: std::ops::RangeInclusive<i32> = 2..=3;

/// A frame whose content cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContentError {
    /// Not a message.
    #[error("a frame is no message of remote read ({0})")]
    Message(String),
    /// Labels that are no text.
    #[error("the labels of a series are no text ({0})")]
    Labels(#[from] std::str::Utf8Error),
    /// A chunk that is damaged although its frame is not.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
}

/// Series being collected.
#[derive(Debug)]
pub(super) struct Columns {
    line: Line,
    open: Option<Vec<Label>>,
    normaliser: Normaliser,
    found: Found,
}

/// What an answer held.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// In the order of the server; a label set may be there twice.
    pub(super) series: Vec<Series>,
    /// Samples that came for them.
    pub(super) samples: u64,
    /// Chunks left out because they hold native histograms.
    pub(super) histogram_chunks: u64,
    /// Chunks left out because their encoding is not known.
    pub(super) unknown_chunks: u64,
}

impl Columns {
    /// For series each of which is read by `line`.
    pub(super) fn new(line: Line, normaliser: Normaliser) -> Self {
        Self { line, open: None, normaliser, found: Found::default() }
    }

    /// Adds the body of one frame.
    pub(super) fn add_message(&mut self, body: Bytes) -> Result<(), ContentError> {
        let message = ChunkedReadResponse::decode(body)
            .map_err(|error| ContentError::Message(error.to_string()))?;
        for series in message.chunked_series {
            // A series longer than a frame goes on in the next one.
            if self.open.as_ref() != Some(&series.labels) {
                self.close()?;
                self.open = Some(series.labels);
            }
            for chunk in series.chunks {
                match chunk.encoding {
                    XOR => self.line.push(chunk)?,
                    kind if HISTOGRAMS.contains(&kind) => self.found.histogram_chunks += 1,
                    _ => self.found.unknown_chunks += 1,
                }
            }
        }
        Ok(())
    }

    /// Everything, after the last frame.
    pub(super) fn finish(mut self) -> Result<Found, ContentError> {
        self.close()?;
        Ok(self.found)
    }

    fn close(&mut self) -> Result<(), ContentError> {
        let (samples, came) = self.line.finish()?;
        self.found.samples += came;
        if let Some(labels) = self.open.take().filter(|_| !samples.is_empty()) {
            let nothing = Labels::new();
            let before = self.found.series.last().map_or(&nothing, |series| &series.labels);
            let labels = self.normaliser.labels(&labels, before)?;
            self.found.series.push(Series { labels, samples });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
