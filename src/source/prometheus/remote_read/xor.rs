//! Prometheus' XOR chunks to samples, straight from the bytes that came.
//!
//! The layout is that of `tsdb/chunkenc/xor.go`: the number of samples (two bytes), the first instant
//! (zigzag varint) and value (64 bits), the first step (varint), and from there bits: the change of
//! the step in five sizes, and the XOR of the value with the one before. Where a gauge stands still,
//! step and value both are a single zero bit; such runs are counted with one instruction.

use crate::units::Millis;

/// Receives samples in the order in which they are stored.
pub trait Samples {
    /// One sample.
    fn one(&mut self, at: Millis, value: f64);

    /// `count` samples of one value, the first `step` after `after` and each `step` after the one
    /// before it.
    fn run(&mut self, after: Millis, step: i64, count: u32, value: f64) {
        let mut at = after;
        for _ in 0..count {
            at = at.wrapping_add(step);
            self.one(at, value);
        }
    }
}

/// A chunk that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// It has fewer bits than its samples need.
    #[error("a chunk ends before its last sample")]
    Truncated,
    /// A number in it cannot be.
    #[error("a chunk has a value of an impossible width")]
    Malformed,
}

/// Bytes of the number of samples.
const COUNT_BYTES: usize = 2;
/// Most bytes of a variable-length integer of 64 bits.
const MAX_VARINT_BYTES: usize = 10;
/// Bits that one look ahead has at least: eight bytes, less up to seven bits of the first.
const PEEK_BITS: u32 = 57;
/// Bits in which the number of leading zeros of a value stands.
const LEADING_BITS: u32 = 5;
/// Bits in which the number of its meaningful bits stands.
const MEANINGFUL_BITS: u32 = 6;
/// Sizes of a changed step: after `10`, `110` and `1110`.
const STEP_BITS: [u32; 3] = [14, 17, 20];

/// How many samples the chunk says to have; 0 when it is too short to say.
#[must_use]
pub fn count(chunk: &[u8]) -> u32 {
    match chunk {
        [a, b, ..] => u32::from(u16::from_be_bytes([*a, *b])),
        _ => 0,
    }
}

/// Hands every sample of `chunk` to `samples`.
///
/// # Errors
/// A chunk that is cut or malformed. The samples before the fault have been handed out.
pub fn decode(chunk: &[u8], samples: &mut impl Samples) -> Result<(), ChunkError> {
    let mut left = count(chunk);
    if chunk.len() < COUNT_BYTES {
        return Err(ChunkError::Truncated);
    }
    if left == 0 {
        return Ok(());
    }
    let rest = &chunk[COUNT_BYTES..];
    let (first, used) = varint(rest)?;
    // Zigzag, as in Go's `binary.PutVarint`.
    let mut at = (first >> 1).cast_signed() ^ -(first & 1).cast_signed();
    let rest = &rest[used..];
    let (bits, rest) = rest.split_first_chunk::<8>().ok_or(ChunkError::Truncated)?;
    let mut value = u64::from_be_bytes(*bits);
    samples.one(at, f64::from_bits(value));
    left -= 1;
    if left == 0 {
        return Ok(());
    }
    let (step, used) = varint(rest)?;
    let mut step = step.cast_signed();
    let mut bits = Bits { bytes: &rest[used..], at: 0 };
    let mut width = Width::WHOLE;
    at = at.wrapping_add(step);
    value = width.next(&mut bits, value, None)?;
    samples.one(at, f64::from_bits(value));
    left -= 1;
    while left > 0 {
        let ahead = bits.peek();
        let still = (ahead.leading_zeros() / 2).min(PEEK_BITS / 2).min(left);
        if still > 0 {
            bits.skip(2 * still)?;
            samples.run(at, step, still, f64::from_bits(value));
            at = at.wrapping_add(step.wrapping_mul(i64::from(still)));
            left -= still;
            continue;
        }
        let same_step = ahead >> 63 == 0;
        if !same_step {
            step = step.wrapping_add(change_of_step(&mut bits, ahead)?);
        }
        at = at.wrapping_add(step);
        value = width.next(&mut bits, value, same_step.then_some(ahead))?;
        samples.one(at, f64::from_bits(value));
        left -= 1;
    }
    Ok(())
}

/// By how much the step differs from the one before, when it does.
fn change_of_step(bits: &mut Bits<'_>, ahead: u64) -> Result<i64, ChunkError> {
    let ones = ahead.leading_ones().min(4);
    if ones == 4 {
        bits.skip(4)?;
        return bits.take(64).map(u64::cast_signed);
    }
    let size = STEP_BITS[ones as usize - 1];
    let head = ones + 1;
    bits.skip(head + size)?;
    let number = ((ahead << head) >> (64 - size)).cast_signed();
    // Half of the range is negative; the middle itself is not.
    Ok(if number > 1 << (size - 1) { number - (1 << size) } else { number })
}

/// Where in 64 bits the meaningful ones of a value stood last.
struct Width {
    meaningful: u32,
    trailing: u32,
}

impl Width {
    /// Before the first value: all of them, as the server's own decoder has it.
    const WHOLE: Self = Self { meaningful: 64, trailing: 0 };

    /// The next value after `value`. `seen` are bits that were looked at already, of which the first says
    /// that the step stays.
    #[inline]
    fn next(
        &mut self,
        bits: &mut Bits<'_>,
        value: u64,
        seen: Option<u64>,
    ) -> Result<u64, ChunkError> {
        let (ahead, before) = seen.map_or_else(|| (bits.peek(), 0), |seen| (seen << 1, 1));
        if ahead >> 63 == 0 {
            bits.skip(before + 1)?;
            return Ok(value);
        }
        let mut head = 2;
        if ahead >> 62 == 0b11 {
            head += LEADING_BITS + MEANINGFUL_BITS;
            let leading = ((ahead >> 57) & 0x1f) as u32;
            // 64 does not fit into six bits, and 0 is never needed.
            let meaningful = match ((ahead >> 51) & 0x3f) as u32 {
                0 => 64,
                some => some,
            };
            let Some(trailing) = (64 - leading).checked_sub(meaningful) else {
                return Err(ChunkError::Malformed);
            };
            *self = Self { meaningful, trailing };
        }
        let changed = if before + head + self.meaningful <= PEEK_BITS {
            bits.skip(before + head + self.meaningful)?;
            (ahead << head) >> (64 - self.meaningful)
        } else {
            bits.skip(before + head)?;
            bits.take(self.meaningful)?
        };
        Ok(value ^ (changed << self.trailing))
    }
}

/// Bits of a byte slice from the highest to the lowest.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl Bits<'_> {
    /// At least the next [`PEEK_BITS`] bits from the highest on, without taking them; zeros after the end.
    #[inline]
    fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let eight = match self.bytes.get(byte..byte + 8) {
            Some(eight) => eight.try_into().map_or(0, u64::from_be_bytes),
            None => self.last_bytes(byte),
        };
        eight << (self.at % 8)
    }

    /// Eight bytes from `byte` on, of which not all are there.
    fn last_bytes(&self, byte: usize) -> u64 {
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let mut eight = [0_u8; 8];
        let length = rest.len().min(8);
        eight[..length].copy_from_slice(&rest[..length]);
        u64::from_be_bytes(eight)
    }

    /// Takes `count` bits that were looked at.
    #[inline]
    fn skip(&mut self, count: u32) -> Result<(), ChunkError> {
        self.at += count as usize;
        if self.at > self.bytes.len() * 8 { Err(ChunkError::Truncated) } else { Ok(()) }
    }

    /// Takes the next 33 to 64 bits as a number.
    fn take(&mut self, count: u32) -> Result<u64, ChunkError> {
        let high = self.peek() >> 32;
        self.skip(32)?;
        let rest = count - 32;
        let low = self.peek() >> (64 - rest);
        self.skip(rest)?;
        Ok(high << rest | low)
    }
}

/// A variable-length integer, seven bits a byte, and the bytes that it took.
fn varint(bytes: &[u8]) -> Result<(u64, usize), ChunkError> {
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

#[cfg(test)]
mod tests;
