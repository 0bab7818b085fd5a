//! A byte slice as bits, from the highest of the first byte on.
//!
//! Whether what was taken lies before the end is for the caller to ask, once for all of it: behind the last byte
//! there are zeros.

use super::decode::ChunkError;

/// Bits that one look ahead has at least: eight bytes, less up to seven bits of the first.
pub(super) const PEEK_BITS: u32 = 57;
/// Most bytes of a variable-length integer of 64 bits.
const MAX_VARINT_BYTES: usize = 10;

/// What is left of a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl<'a> Bits<'a> {
    /// From byte `at` on.
    pub(super) const fn from_byte(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at: 8 * at }
    }

    /// How many bits were taken, with those before the start.
    pub(super) const fn taken(&self) -> usize {
        self.at
    }

    /// At least the next [`PEEK_BITS`] bits from the highest on, without taking them.
    #[inline]
    pub(super) fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let eight = match self.bytes.get(byte..byte + 8) {
            Some(eight) => eight.try_into().map_or(0, u64::from_be_bytes),
            None => last_bytes(self.bytes.get(byte..).unwrap_or_default()),
        };
        eight << (self.at % 8)
    }

    /// Takes `count` bits that were looked at.
    #[inline]
    pub(super) const fn skip(&mut self, count: u32) {
        self.at += count as usize;
    }

    /// Puts the bit back that was taken last.
    pub(super) const fn back_one(&mut self) {
        self.at -= 1;
    }

    /// Takes the next 1 to 64 bits as a number.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> u64 {
        if count <= PEEK_BITS {
            let number = self.peek() >> (64 - count);
            self.skip(count);
            return number;
        }
        let high = self.take(32);
        high << (count - 32) | self.take(count - 32)
    }

    /// Takes a variable-length integer, seven bits a byte, from a byte's edge.
    pub(super) fn varint(&mut self) -> Result<u64, ChunkError> {
        let (number, used) = varint(self.bytes.get(self.at / 8..).unwrap_or_default())?;
        self.at += 8 * used;
        Ok(number)
    }
}

/// Fewer than eight bytes, and zeros.
#[cold]
fn last_bytes(rest: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight[..rest.len().min(8)].copy_from_slice(&rest[..rest.len().min(8)]);
    u64::from_be_bytes(eight)
}

/// A variable-length integer, seven bits a byte, and the bytes that it took.
#[inline]
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, usize), ChunkError> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_VARINT_BYTES).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index + 1 == MAX_VARINT_BYTES && *byte > 1 {
            return Err(ChunkError::Malformed);
        }
        number |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((number, index + 1));
        }
    }
    Err(if bytes.len() < MAX_VARINT_BYTES { ChunkError::Truncated } else { ChunkError::Malformed })
}
