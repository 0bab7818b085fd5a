//! The messages of one streamed answer to series, cut to the time that was asked for. What becomes of the chunks of
//! one is `line`'s.

use std::sync::Arc;

use super::labels::Normaliser;
use super::line::Line;
use super::message::XOR;
use super::series_labels::LabelReader;
use super::wire;
use crate::model::samples::{ChunkError, Spill};
use crate::model::{Labels, Series};

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
    line: Line,
    /// Labels of the series at hand.
    open: Option<Labels>,
    labels: LabelReader,
    found: Found,
    /// Where samples go that do not fit into memory, and how many series were there already.
    spill: Option<Arc<Spill>>,
    spilled: usize,
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
    /// For series each of which is read by `line`.
    pub(super) fn new(line: Line, normaliser: Normaliser) -> Self {
        Self {
            line,
            open: None,
            labels: LabelReader::new(normaliser),
            found: Found::default(),
            spill: None,
            spilled: 0,
        }
    }

    /// The same, keeping in memory only what `spill` lets stay there, already while the answer comes: a day of a large
    /// fleet is one answer.
    pub(super) fn spilling_to(self, spill: Arc<Spill>) -> Self {
        Self { spill: Some(spill), ..self }
    }

    /// Lets go of samples that are whole.
    pub(super) fn spill(&mut self) {
        if let Some(spill) = &self.spill {
            let fresh = &mut self.found.series[self.spilled..];
            spill.keep(fresh.iter_mut().map(|series| &mut series.samples));
            self.spilled = self.found.series.len();
        }
    }

    /// Adds the body of one frame.
    pub(super) fn add_message(&mut self, body: &[u8]) -> Result<(), ContentError> {
        wire::each_series(body, |series| {
            let labels = series.labels()?;
            // A series longer than a frame goes on in the next one.
            if self.open.is_none() || !self.labels.is_same(&labels) {
                self.close()?;
                self.open = Some(self.labels.read(&labels)?);
            }
            series.each_chunk(|chunk| {
                match chunk.encoding {
                    XOR => self.line.push(chunk)?,
                    kind if HISTOGRAMS.contains(&kind) => self.found.histogram_chunks += 1,
                    _ => self.found.unknown_chunks += 1,
                }
                Ok(())
            })
        })
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
            self.found.series.push(Series { labels, samples });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
