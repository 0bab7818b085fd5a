//! Prometheus' XOR chunks to samples, straight from the bytes that came.
//!
//! The layout is that of `tsdb/chunkenc/xor.go`: the number of samples (two bytes), the first instant
//! (zigzag varint) and value (64 bits), the first step (varint), and from there bits: the change of
//! the step in five sizes, and the XOR of the value with the one before. Where a gauge stands still,
//! step and value both are a single zero bit; such runs are counted with one instruction.

use super::Run;
use crate::units::Millis;

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

/// Reads one chunk from its front to its back. It does not hold the bytes, so that who holds them can hold it, too.
#[derive(Debug, Clone, Copy)]
pub struct Decoder {
    /// Samples that are still to come.
    left: u32,
    state: State,
    /// Instant and value of the last sample, and its distance to the one before.
    at: Millis,
    step: i64,
    value: u64,
    width: Width,
    /// The next bit.
    bit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Second,
    Later,
}

impl Decoder {
    /// At the front of `chunk`.
    ///
    /// # Errors
    /// A chunk that is too short to say how many samples it has.
    pub fn new(chunk: &[u8]) -> Result<Self, ChunkError> {
        if chunk.len() < COUNT_BYTES {
            return Err(ChunkError::Truncated);
        }
        Ok(Self {
            left: count(chunk),
            state: State::First,
            at: 0,
            step: 0,
            value: 0,
            width: Width::WHOLE,
            bit: 8 * COUNT_BYTES,
        })
    }

    /// The next run of `chunk`, which has `length` bytes; what follows them in `bytes` is of no meaning.
    ///
    /// # Errors
    /// A chunk that is cut or malformed; there is no sense in going on.
    #[inline]
    pub fn next_run(&mut self, bytes: &[u8], length: usize) -> Result<Option<Run>, ChunkError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut bits = Bits { bytes, end: 8 * length, at: self.bit };
        if self.state == State::Later {
            let ahead = bits.peek();
            let same_step = ahead >> 63 == 0;
            if !same_step {
                self.step = self.step.wrapping_add(change_of_step(&mut bits, ahead)?);
            }
            self.at = self.at.wrapping_add(self.step);
            self.value = self.width.next(&mut bits, self.value, same_step.then_some(ahead))?;
        } else {
            self.begin(&mut bits)?;
        }
        let first = self.at;
        let mut count = 1;
        while self.state == State::Later && self.left > 0 {
            let still = (bits.peek().leading_zeros() / 2).min(PEEK_BITS / 2).min(self.left);
            bits.skip(2 * still)?;
            (count, self.left) = (count + still, self.left - still);
            if still < PEEK_BITS / 2 {
                break;
            }
        }
        self.at = first.wrapping_add(self.step.wrapping_mul(i64::from(count) - 1));
        self.bit = bits.at;
        Ok(Some(Run { first, step_ms: self.step, count, value: f64::from_bits(self.value) }))
    }

    /// The first two samples, which are written in other ways.
    fn begin(&mut self, bits: &mut Bits<'_>) -> Result<(), ChunkError> {
        if self.state == State::First {
            let first = bits.varint()?;
            // Zigzag, as in Go's `binary.PutVarint`.
            self.at = (first >> 1).cast_signed() ^ -(first & 1).cast_signed();
            self.value = bits.take(64)?;
            self.state = State::Second;
        } else {
            self.step = bits.varint()?.cast_signed();
            self.at = self.at.wrapping_add(self.step);
            self.value = self.width.next(bits, self.value, None)?;
            self.state = State::Later;
        }
        Ok(())
    }

    /// Bytes of the chunk up to the last sample that was read.
    #[must_use]
    pub const fn used_bytes(&self) -> usize {
        self.bit.div_ceil(8)
    }
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
#[derive(Debug, Clone, Copy)]
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
    /// Where they end; bytes behind may be looked at, which is quicker than to take care.
    end: usize,
    /// The next bit.
    at: usize,
}

impl Bits<'_> {
    /// At least the next [`PEEK_BITS`] bits from the highest on, without taking them; anything after the end.
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
        if self.at > self.end { Err(ChunkError::Truncated) } else { Ok(()) }
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

    /// Takes a variable-length integer, seven bits a byte, from a byte's edge.
    fn varint(&mut self) -> Result<u64, ChunkError> {
        let bytes = self.bytes.get(self.at / 8..self.end / 8).unwrap_or_default();
        let (number, used) = varint(bytes)?;
        self.at += 8 * used;
        Ok(number)
    }
}

/// A variable-length integer, seven bits a byte, and the bytes that it took.
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

#[cfg(test)]
mod tests;
