//! XOR chunks as Prometheus writes them, many from a few.
//!
//! A chunk's first instant stands by itself in front, so what comes after it is made once and used for many.

use gpu_finops::model::samples;

/// Bytes in front of the rest of a chunk that begins at 0: number of samples, and first instant.
const HEAD_BYTES: usize = 3;

/// Samples of one chunk, at equal distances, without its first instant.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    samples: u16,
    rest: Vec<u8>,
}

impl Body {
    /// Encodes `values`, `step_ms` apart.
    pub(crate) fn new(values: &[f64], step_ms: i64) -> Self {
        let samples: Vec<_> = (0..).map(|i| i * step_ms).zip(values.iter().copied()).collect();
        Self {
            samples: u16::try_from(values.len()).expect("a chunk is short"),
            rest: samples::chunk(&samples).split_off(HEAD_BYTES),
        }
    }

    /// The chunk that begins at `first_ms`.
    pub(crate) fn starting_at(&self, first_ms: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rest.len() + 12);
        out.extend(self.samples.to_be_bytes());
        let zigzag = (first_ms << 1) ^ (first_ms >> 63);
        varint(&mut out, zigzag.cast_unsigned());
        out.extend(&self.rest);
        out
    }
}

/// Seven bits a byte, lowest first.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
