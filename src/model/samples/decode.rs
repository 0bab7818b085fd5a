//! Prometheus' XOR chunks to samples, straight from the bytes that came.
//!
//! The layout is that of `tsdb/chunkenc/xor.go`: the number of samples (two bytes), the first instant
//! (zigzag varint) and value (64 bits), the first step (varint), and from there bits: the change of
//! the step in five sizes, and the XOR of the value with the one before. Where a gauge stands still,
//! step and value both are a single zero bit; such runs are counted with one instruction.
//!
//! A chunk is read from its front to its back in one go, because what has to be known on the way then stays in
//! registers, and its end is looked at once.

use super::Run;
use super::bits::{Bits, PEEK_BITS};
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
/// Samples of two zero bits that one look ahead shows at most.
const MOST_STILL: u32 = PEEK_BITS / 2;
/// Bits in which the number of meaningful bits of a value stands.
const MEANINGFUL_BITS: u32 = 6;
/// The same, and five in front in which the number of its leading zeros stands.
const WINDOW_BITS: u32 = 5 + MEANINGFUL_BITS;
/// Sizes of a changed step: after `10`, `110` and `1110`.
const STEP_BITS: [u32; 3] = [14, 17, 20];
/// Steps up to here (35 years) and as many samples as a chunk can have do not add up to more than fits.
const LONG_STEP_MS: i64 = 1 << 40;
/// Instants from which such steps lead nowhere that does not fit.
const FIRST_MS: std::ops::Range<Millis> = -(1 << 62)..1 << 62;

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Instant of the first sample.
    pub first: Millis,
    /// Instant of the last sample.
    pub last: Millis,
    /// How many there are, at least one.
    pub count: u32,
    /// Bytes up to the last sample.
    pub bytes: usize,
    /// Every sample is later than the one before. Where it is not so, or might not be, first and last say nothing.
    pub is_line: bool,
}

/// How many samples the chunk says to have; 0 when it is too short to say.
#[must_use]
pub fn count(chunk: &[u8]) -> u32 {
    match chunk {
        [a, b, ..] => u32::from(u16::from_be_bytes([*a, *b])),
        _ => 0,
    }
}

/// Hands the runs of a chunk to `take`, and says what it holds; `None` where it has no sample.
///
/// The chunk is the first `length` of `bytes`. What follows them is of no meaning, but where eight bytes do, the last
/// samples are read as quickly as the others.
///
/// # Errors
/// A chunk that is cut or malformed; what was handed out is then of no meaning.
#[inline]
pub fn each_run(
    bytes: &[u8],
    length: usize,
    mut take: impl FnMut(Run),
) -> Result<Option<Extent>, ChunkError> {
    let count = match bytes.get(..length).ok_or(ChunkError::Truncated)? {
        [] | [_] => return Err(ChunkError::Truncated),
        head => count(head),
    };
    if count == 0 {
        return Ok(None);
    }
    let mut bits = Bits::from_byte(bytes, COUNT_BYTES);
    let (mut run, mut value) = first_sample(&mut bits)?;
    let (first, mut left) = (run.first, count - 1);
    let mut is_line = FIRST_MS.contains(&first);
    let mut ahead = 0;
    if left > 0 {
        run.step_ms = bits.varint()?.cast_signed();
        is_line &= is_later(run.step_ms);
        // Of the second sample the step is written as it is; its value is as behind a bit for an unchanged one.
        bits.back_one();
        ahead = bits.peek() & (u64::MAX >> 1);
    }
    // One place hands out, so that what takes is compiled into the loop.
    loop {
        while ahead >> 62 == 0 && left > 0 {
            let still = (ahead.leading_zeros() / 2).min(MOST_STILL).min(left);
            (run.count, left) = (run.count + still, left - still);
            bits.skip(2 * still);
            ahead = bits.peek();
        }
        take(run);
        if left == 0 {
            break;
        }
        left -= 1;
        let mut step_ms = run.step_ms;
        if ahead >> 63 == 0 {
            value.change(&mut bits, ahead, 1);
        } else {
            step_ms = step_ms.wrapping_add(change_of_step(&mut bits, ahead));
            is_line &= is_later(step_ms);
            ahead = bits.peek();
            value.change(&mut bits, ahead, 0);
        }
        let first = run.last().wrapping_add(step_ms);
        run = Run { first, step_ms, count: 1, value: f64::from_bits(value.bits) };
        ahead = bits.peek();
    }
    if value.is_malformed {
        return Err(ChunkError::Malformed);
    }
    if bits.taken() > 8 * length {
        return Err(ChunkError::Truncated);
    }
    Ok(Some(Extent { first, last: run.last(), count, bytes: bits.taken().div_ceil(8), is_line }))
}

fn first_sample(bits: &mut Bits<'_>) -> Result<(Run, Value), ChunkError> {
    let at = bits.varint()?;
    // Zigzag, as in Go's `binary.PutVarint`.
    let first = (at >> 1).cast_signed() ^ -(at & 1).cast_signed();
    // Before the first change all bits are meaningful, as the server's own decoder has it.
    let value = Value { bits: bits.take(64), meaningful: 64, trailing: 0, is_malformed: false };
    Ok((Run { first, step_ms: 0, count: 1, value: f64::from_bits(value.bits) }, value))
}

const fn is_later(step_ms: i64) -> bool {
    0 < step_ms && step_ms <= LONG_STEP_MS
}

/// By how much the step differs from the one before, when it does.
#[inline]
fn change_of_step(bits: &mut Bits<'_>, ahead: u64) -> i64 {
    let ones = ahead.leading_ones().min(4);
    if ones == 4 {
        bits.skip(4);
        return bits.take(64).cast_signed();
    }
    let size = STEP_BITS[ones as usize - 1];
    let head = ones + 1;
    bits.skip(head + size);
    let number = ((ahead << head) >> (64 - size)).cast_signed();
    // Half of the range is negative; the middle itself is not.
    if number > 1 << (size - 1) { number - (1 << size) } else { number }
}

/// A value, and where in its 64 bits those stood that differed last.
#[derive(Debug, Clone, Copy)]
struct Value {
    bits: u64,
    meaningful: u32,
    trailing: u32,
    /// A width was read that cannot be.
    is_malformed: bool,
}

impl Value {
    /// Goes on to the next one. Of `ahead`, the next bits, the first `used` are known and not taken yet.
    #[inline]
    fn change(&mut self, bits: &mut Bits<'_>, ahead: u64, used: u32) {
        let control = (ahead << used) >> 62;
        if control < 0b10 {
            return bits.skip(used + 1);
        }
        let mut used = used + 2;
        if control == 0b11 {
            self.begin_window((ahead << used) >> (64 - WINDOW_BITS));
            used += WINDOW_BITS;
        }
        let changed = if used + self.meaningful <= PEEK_BITS {
            bits.skip(used + self.meaningful);
            (ahead << used) >> (64 - self.meaningful)
        } else {
            bits.skip(used);
            bits.take(self.meaningful)
        };
        self.bits ^= changed << self.trailing;
    }

    #[inline]
    fn begin_window(&mut self, window: u64) {
        let [.., high, low] = window.to_be_bytes();
        let window = u32::from(u16::from_be_bytes([high, low]));
        let (leading, meaningful) = (window >> MEANINGFUL_BITS, window & 0x3f);
        // 64 does not fit into six bits, and 0 is never needed.
        self.meaningful = if meaningful == 0 { 64 } else { meaningful };
        self.is_malformed |= leading + self.meaningful > 64;
        self.trailing = 64_u32.saturating_sub(leading + self.meaningful);
    }
}

#[cfg(test)]
mod tests;
