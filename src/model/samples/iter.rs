//! From parts to runs to samples.

use std::borrow::Cow;
use std::iter::FusedIterator;
use std::slice;

use super::Run;
use super::bits::varint;
use super::decode::each_run;
use super::part::{PADDING, Part};
use crate::units::Millis;

/// The bytes of a part, chunk by chunk.
#[derive(Debug, Clone, Default)]
struct Chunks<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where the next chunk's length is.
    at: usize,
}

impl<'a> Chunks<'a> {
    fn of(part: &'a Part) -> Self {
        Self { bytes: part.bytes(), at: 0 }
    }

    /// Hands the runs of the next chunk to `take`; `None` when there is none.
    #[inline]
    fn next(&mut self, take: impl FnMut(Run)) -> Option<()> {
        let end = self.bytes.len().saturating_sub(PADDING);
        let ahead = self.bytes.get(self.at..end).filter(|ahead| !ahead.is_empty())?;
        // What is kept was checked when it was packed, and when it was read back.
        let (length, used) = varint(ahead).ok()?;
        let length = usize::try_from(length).ok()?;
        let start = self.at + used;
        self.at = start.checked_add(length)?;
        each_run(&self.bytes[start..], length, take).ok().map(|_| ())
    }
}

/// Hands all runs to `take`, as the decoder comes upon them.
#[inline]
pub(super) fn each_of(parts: &[Part], mut take: impl FnMut(Run)) {
    for part in parts {
        let mut chunks = Chunks::of(part);
        while chunks.next(&mut take).is_some() {}
    }
}

/// Runs of samples in order of time, put aside a chunk at a time.
#[derive(Debug, Clone)]
pub struct Runs<'a> {
    parts: slice::Iter<'a, Part>,
    chunks: Chunks<'a>,
    /// Those of the chunk that was read last, and which of them is the next.
    aside: Vec<Run>,
    next: usize,
}

impl<'a> Runs<'a> {
    pub(super) fn new(parts: &'a [Part]) -> Self {
        Self { parts: parts.iter(), chunks: Chunks::default(), aside: Vec::new(), next: 0 }
    }

    /// Goes to the next chunk; `None` at the end of all.
    fn advance(&mut self) -> Option<()> {
        self.aside.clear();
        self.next = 0;
        while self.chunks.next(|run| self.aside.push(run)).is_none() {
            self.chunks = Chunks::of(self.parts.next()?);
        }
        Some(())
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    #[inline]
    fn next(&mut self) -> Option<Run> {
        loop {
            if let Some(run) = self.aside.get(self.next) {
                self.next += 1;
                return Some(*run);
            }
            self.advance()?;
        }
    }
}

impl FusedIterator for Runs<'_> {}

/// Samples in order of time.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    runs: Runs<'a>,
    /// Of the run at hand: the next sample, and how many are left.
    at: Millis,
    step_ms: i64,
    value: f64,
    left: u32,
}

impl<'a> Iter<'a> {
    pub(super) const fn new(runs: Runs<'a>) -> Self {
        Self { runs, at: 0, step_ms: 0, value: 0.0, left: 0 }
    }
}

impl Iterator for Iter<'_> {
    type Item = (Millis, f64);

    #[inline]
    fn next(&mut self) -> Option<(Millis, f64)> {
        if self.left == 0 {
            let Run { first, step_ms, count, value } = self.runs.next()?;
            (self.at, self.step_ms, self.value, self.left) = (first, step_ms, value, count);
        }
        let at = self.at;
        self.at = at.wrapping_add(self.step_ms);
        self.left -= 1;
        Some((at, self.value))
    }
}

impl FusedIterator for Iter<'_> {}
