//! A stretch of a series' samples: chunks in one piece of bytes, each with its length in front, and zeros behind. What a part costs
//! besides its bytes is paid once for a shard's worth of a series, not for every chunk.

use std::borrow::Cow;
use std::sync::Arc;

use super::builder::Builder;
use super::encode::SAMPLES_PER_CHUNK;
use super::iter::{Iter, Runs};
use super::spill::{SpillError, Spilled};
use crate::units::Millis;

/// Zeros behind the last chunk, so that the decoder need not take care where it looks.
pub(super) const PADDING: usize = 8;

/// At least one sample.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) first: Millis,
    pub(super) last: Millis,
    pub(super) count: u32,
    /// Its bytes are among those that may stay in memory.
    pub(super) is_counted: bool,
    pub(super) place: Place,
}

/// Where the bytes are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Memory(Piece),
    File(Spilled),
}

/// Bytes among others that were kept together: a series has a few hundred of them a day, too few for a place each.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    all: Arc<[u8]>,
    at: usize,
    length: usize,
}

impl Piece {
    /// All of `bytes`.
    pub(super) fn whole(bytes: &[u8]) -> Self {
        Self { all: Arc::from(bytes), at: 0, length: bytes.len() }
    }

    /// The `length` from `at` on of what it is a piece of.
    pub(super) fn of(&self, at: usize, length: usize) -> Self {
        Self { all: Arc::clone(&self.all), at, length }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.all.get(self.at..self.at + self.length).unwrap_or_default()
    }
}

impl Part {
    /// Chunks and [`PADDING`]; nothing where they cannot be read back, which the file remembers.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.place {
            Place::Memory(piece) => Cow::Borrowed(piece.bytes()),
            Place::File(spilled) => Cow::Owned(spilled.read()),
        }
    }

    pub(super) fn failure(&self) -> Option<Arc<SpillError>> {
        match &self.place {
            Place::Memory(_) => None,
            Place::File(spilled) => spilled.failure(),
        }
    }

    const fn is_crumb(&self) -> bool {
        matches!(self.place, Place::Memory(_)) && self.count < SAMPLES_PER_CHUNK
    }
}

/// The same samples with parts in a row that make no chunk together as one: a fact that is asked for by day has
/// one sample in each.
pub(super) fn without_crumbs(parts: Vec<Part>) -> Vec<Part> {
    let mut out = Vec::with_capacity(parts.len());
    let mut crumbs: Vec<Part> = Vec::new();
    for part in parts {
        let together = crumbs.iter().chain([&part]).map(|part| part.count).sum::<u32>();
        if !part.is_crumb() || together > SAMPLES_PER_CHUNK {
            out.extend(swept(std::mem::take(&mut crumbs)));
        }
        if part.is_crumb() {
            crumbs.push(part);
        } else {
            out.push(part);
        }
    }
    out.extend(swept(crumbs));
    out
}

fn swept(crumbs: Vec<Part>) -> Vec<Part> {
    if crumbs.len() < 2 {
        return crumbs;
    }
    let mut builder = Builder::default();
    Iter::new(Runs::new(&crumbs)).for_each(|(at, value)| builder.push(at, value));
    builder.into_parts()
}
