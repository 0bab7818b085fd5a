//! The chunks of one series into what is kept of it: the samples as they came, or what a query makes of them.

use super::super::answer::Answering;
use super::wire::Chunk;
use crate::model::Samples;
use crate::model::query::QueryKind;
use crate::model::samples::{Builder, ChunkError, count};
use crate::units::Millis;

/// The series that is being read, cut to a time.
#[derive(Debug)]
pub(super) struct Line {
    start: Millis,
    end: Millis,
    /// The query's answer in place of the samples.
    answering: Option<Answering>,
    samples: Builder,
    /// Chunks of which perhaps the last alone is looked at.
    waiting: Vec<Waiting>,
    /// Their bytes, one after the other.
    bytes: Vec<u8>,
}

/// A chunk that waits: instants of its first and last sample as the server tells them, how many samples it says to
/// have, and where its bytes begin.
#[derive(Debug)]
struct Waiting {
    min_time_ms: Millis,
    max_time_ms: Millis,
    count: u32,
    start: usize,
}

impl Line {
    /// For samples in `[start, end)`.
    pub(super) fn new(start: Millis, end: Millis, answering: Option<Answering>) -> Self {
        Self {
            start,
            end,
            answering,
            samples: Builder::default(),
            waiting: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Adds a chunk of floats.
    pub(super) fn push(&mut self, chunk: Chunk<'_>) -> Result<(), ChunkError> {
        if self.answering.as_ref().is_some_and(|of| of.kind == QueryKind::Info) {
            let Chunk { min_time_ms, max_time_ms, data, .. } = chunk;
            let (count, start) = (count(data), self.bytes.len());
            self.waiting.push(Waiting { min_time_ms, max_time_ms, count, start });
            self.bytes.extend_from_slice(data);
            return Ok(());
        }
        self.samples.push_chunk(chunk.data, self.start, self.end)
    }

    /// What is kept, and how many samples it is made of; the next series begins.
    pub(super) fn finish(&mut self) -> Result<(Samples, u64), ChunkError> {
        let Some(answering) = self.answering.clone() else {
            let samples = self.samples.finish();
            let count = samples.len() as u64;
            return Ok((samples, count));
        };
        if self.waiting.is_empty() {
            let samples = self.samples.finish();
            return Ok((answering.from(&samples), samples.len() as u64));
        }
        let came = self.waiting.iter().map(|chunk| u64::from(chunk.count)).sum();
        let answer = self.last_of(&answering);
        self.waiting.clear();
        self.bytes.clear();
        Ok((answer?, came))
    }

    /// The answer of which the last sample decides: from the last chunk that has one.
    fn last_of(&mut self, answering: &Answering) -> Result<Samples, ChunkError> {
        let is_line = self.waiting.is_sorted_by(|a, b| a.max_time_ms < b.min_time_ms);
        while let Some(chunk) = self.waiting.pop() {
            self.samples.push_chunk(&self.bytes[chunk.start..], self.start, self.end)?;
            self.bytes.truncate(chunk.start);
            if is_line || self.waiting.is_empty() {
                let answer = answering.from(&self.samples.finish());
                if !answer.is_empty() {
                    return Ok(answer);
                }
            }
        }
        Ok(Samples::default())
    }
}

#[cfg(test)]
mod tests;
