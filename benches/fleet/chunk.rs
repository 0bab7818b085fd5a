//! Samples that are used again and again, once as an XOR chunk and once as they are.

use gpu_finops::model::samples;

use crate::wire::varint;

/// Bytes in front of the rest of a chunk that begins at 0: two of the number of samples, one of the first instant.
const HEAD_BYTES: usize = 3;

/// Samples of one chunk by their distance from the first.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// Milliseconds after the first, and values.
    pub(crate) samples: Vec<(i64, f64)>,
    /// The chunk behind its first instant, which stands by itself in front.
    rest: Vec<u8>,
}

impl Body {
    /// `samples` begin at 0.
    pub(crate) fn new(samples: Vec<(i64, f64)>) -> Self {
        let rest = samples::chunk(&samples).split_off(HEAD_BYTES);
        Self { samples, rest }
    }

    /// The chunk that begins at `first_ms`.
    pub(crate) fn starting_at(&self, first_ms: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rest.len() + 12);
        let count = u16::try_from(self.samples.len()).expect("a chunk is short");
        out.extend(count.to_be_bytes());
        varint((first_ms << 1 ^ first_ms >> 63).cast_unsigned(), &mut out);
        out.extend(&self.rest);
        out
    }

    /// From the first to the last sample, milliseconds.
    pub(crate) fn length_ms(&self) -> i64 {
        self.samples.last().map_or(0, |(at, _)| *at)
    }
}
