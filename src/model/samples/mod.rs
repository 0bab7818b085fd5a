//! The samples of one series, packed as Prometheus packs them: about a byte each, where two columns take 16.
//!
//! ```text
//! builder ──► encode, or chunks of a server as they came ──► part ──► spill (a temporary file)
//! samples ──► iter ──► part ──► decode ──► runs of equal samples ──► single samples
//! ```
//!
//! They are written once and then only read, in order of time. What values mean is not known here, and neither
//! is where they come from; the one thing with an effect is the file for what does not fit into memory.

mod bits;
mod builder;
mod decode;
mod encode;
mod iter;
mod part;
mod spill;

use std::fmt;
use std::sync::Arc;

pub use builder::Builder;
pub use decode::{ChunkError, Extent, count, each_run};
pub use encode::{Encoder, SAMPLES_PER_CHUNK, chunk};
pub use iter::{Iter, Runs};
use part::Part;
pub use spill::{MEMORY_BYTES, Spill, SpillError};

use crate::units::Millis;

/// Equal samples at equal distances.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Instant of the first.
    pub first: Millis,
    /// From one to the next, above 0; of no meaning for a single sample.
    pub step_ms: i64,
    /// How many, at least one.
    pub count: u32,
    /// What each says.
    pub value: f64,
}

impl Run {
    /// Instant of the last sample.
    #[must_use]
    pub fn last(&self) -> Millis {
        self.at(self.count - 1)
    }

    /// Wraps only in damaged chunks, which nobody keeps.
    fn at(&self, index: u32) -> Millis {
        self.first.wrapping_add(self.step_ms.wrapping_mul(i64::from(index)))
    }

    /// The samples one by one.
    pub fn samples(self) -> impl Iterator<Item = (Millis, f64)> {
        (0..self.count).map(move |i| (self.at(i), self.value))
    }
}

/// Samples at strictly increasing instants, undecoded: every bit of a value is what was served.
///
/// Cloning shares the bytes.
#[derive(Clone, Default)]
pub struct Samples {
    /// In order of time, none empty.
    parts: Box<[Part]>,
}

impl Samples {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.count as usize).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Instant of the first.
    #[must_use]
    pub fn first(&self) -> Option<Millis> {
        self.parts.first().map(|part| part.first)
    }

    /// Instant of the last.
    #[must_use]
    pub fn last(&self) -> Option<Millis> {
        self.parts.last().map(|part| part.last)
    }

    /// In order of time.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self.runs())
    }

    /// In order of time, equal ones at equal distances together. That a run is as long as it could be is not
    /// promised: it may go on in the next.
    #[must_use]
    pub fn runs(&self) -> Runs<'_> {
        Runs::new(&self.parts)
    }

    /// Hands what [`runs`](Self::runs) gives to `take`, which is quicker.
    #[inline]
    pub fn each_run(&self, take: impl FnMut(Run)) {
        iter::each_of(&self.parts, take);
    }

    /// The samples in `[start, end)`.
    #[must_use]
    pub fn within(&self, start: Millis, end: Millis) -> Self {
        let is_inside = |part: &Part| start <= part.first && part.last < end;
        if self.parts.iter().all(is_inside) {
            return self.clone();
        }
        let mut out = Vec::new();
        for part in &self.parts {
            if is_inside(part) {
                out.push(part.clone());
            } else if part.first < end && start <= part.last {
                let mut builder = Builder::default();
                let here = Iter::new(Runs::new(std::slice::from_ref(part)));
                let here = here.skip_while(|(at, _)| *at < start).take_while(|(at, _)| *at < end);
                here.for_each(|(at, value)| builder.push(at, value));
                out.extend(builder.finish().parts);
            }
        }
        Self { parts: out.into() }
    }

    /// One after the other, where each of `pieces` lies after the one before; else nothing.
    #[must_use]
    pub fn joined(pieces: &[Self]) -> Option<Self> {
        let filled = || pieces.iter().filter(|piece| !piece.is_empty());
        let is_line = filled().zip(filled().skip(1)).all(|(a, b)| a.last() < b.first());
        is_line.then(|| {
            let parts: Vec<Part> = filled().flat_map(|piece| &piece.parts).cloned().collect();
            Self { parts: part::without_crumbs(parts).into() }
        })
    }

    /// Why samples could not be read back from the file in which they are, if that has happened to any that
    /// share the file: what was computed from them is then worth nothing.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<SpillError>> {
        self.parts.iter().find_map(Part::failure)
    }
}

impl FromIterator<(Millis, f64)> for Samples {
    /// In order of time, whatever the order in which they come; of two at one instant the first stays.
    fn from_iter<T: IntoIterator<Item = (Millis, f64)>>(samples: T) -> Self {
        let mut builder = Builder::default();
        samples.into_iter().for_each(|(at, value)| builder.push(at, value));
        builder.finish()
    }
}

impl<'a> IntoIterator for &'a Samples {
    type Item = (Millis, f64);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl PartialEq for Samples {
    /// By instants and the bits of values, however they are packed.
    fn eq(&self, other: &Self) -> bool {
        let bits = |(at, value): (Millis, f64)| (at, value.to_bits());
        self.len() == other.len() && self.iter().map(bits).eq(other.iter().map(bits))
    }
}

impl Eq for Samples {}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
impl Samples {
    /// All instants.
    pub(crate) fn instants(&self) -> Vec<Millis> {
        self.iter().map(|(at, _)| at).collect()
    }

    /// All values.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.iter().map(|(_, value)| value).collect()
    }
}

#[cfg(test)]
mod tests;
