//! From parts to runs to samples.

use std::borrow::Cow;
use std::iter::FusedIterator;
use std::slice;

use super::Run;
use super::decode::{Decoder, varint};
use super::part::Part;
use crate::units::Millis;

/// Runs of samples in order of time.
#[derive(Debug, Clone)]
pub struct Runs<'a> {
    parts: slice::Iter<'a, Part>,
    bytes: Cow<'a, [u8]>,
    /// Where the chunk that is read begins and ends; the next one begins there.
    start: usize,
    end: usize,
    decoder: Option<Decoder>,
}

impl<'a> Runs<'a> {
    pub(super) fn new(parts: &'a [Part]) -> Self {
        Self { parts: parts.iter(), bytes: Cow::Borrowed(&[]), start: 0, end: 0, decoder: None }
    }

    /// Goes to the next chunk; `None` at the end of all.
    fn advance(&mut self) -> Option<()> {
        if self.end >= self.bytes.len() {
            self.bytes = self.parts.next()?.bytes();
            self.end = 0;
        }
        let ahead = self.bytes.get(self.end..).unwrap_or_default();
        // What is kept was checked when it was packed, and when it was read back.
        let (length, used) = varint(ahead).unwrap_or_default();
        self.start = self.end + used;
        self.end = usize::try_from(length).map_or(usize::MAX, |l| self.start.saturating_add(l));
        self.decoder = self.bytes.get(self.start..self.end).and_then(|c| Decoder::new(c).ok());
        if self.decoder.is_none() {
            self.end = self.bytes.len();
        }
        Some(())
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    #[inline]
    fn next(&mut self) -> Option<Run> {
        loop {
            if let Some(decoder) = &mut self.decoder {
                let run = decoder.next_run(&self.bytes[self.start..], self.end - self.start);
                if let Ok(Some(run)) = run {
                    return Some(run);
                }
                self.decoder = None;
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
    run: Option<Run>,
}

impl<'a> Iter<'a> {
    pub(super) const fn new(runs: Runs<'a>) -> Self {
        Self { runs, run: None }
    }
}

impl Iterator for Iter<'_> {
    type Item = (Millis, f64);

    #[inline]
    fn next(&mut self) -> Option<(Millis, f64)> {
        let run = match self.run.take() {
            Some(run) => run,
            None => self.runs.next()?,
        };
        if run.count > 1 {
            let first = run.first.wrapping_add(run.step_ms);
            self.run = Some(Run { first, count: run.count - 1, ..run });
        }
        Some((run.first, run.value))
    }
}

impl FusedIterator for Iter<'_> {}
