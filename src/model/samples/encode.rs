//! Samples to XOR chunks, as Prometheus writes them (`tsdb/chunkenc/xor.go`); the layout is told in `decode`.

use crate::units::Millis;

/// Samples that a chunk gets, as of Prometheus.
pub const SAMPLES_PER_CHUNK: u32 = 120;

/// Writes one chunk, sample by sample.
///
/// Every instant and every bit of a value comes back, whatever the order; differences wrap.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    out: BitWriter,
    count: u32,
    /// Of these, the last ones for which nothing is written yet: step and value are as before.
    still: u32,
    at: Millis,
    step: i64,
    value: u64,
    /// Leading and trailing zeros of the last value whose bits were written with their width.
    width: Option<(u32, u32)>,
}

impl Encoder {
    /// How many samples it has.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Adds a sample; not more than 65,535.
    #[inline]
    pub fn push(&mut self, at: Millis, value: f64) {
        let (value, step) = (value.to_bits(), at.wrapping_sub(self.at));
        self.count += 1;
        if self.count > 2 {
            if step == self.step && value == self.value {
                self.at = at;
                self.still += 1;
                return;
            }
            self.put_still();
            self.put_step(step.wrapping_sub(self.step));
            self.put_value(value);
        } else {
            self.begin(at, step, value);
        }
        (self.at, self.step, self.value) = (at, step, value);
    }

    /// The samples that were as the one before.
    #[inline]
    fn put_still(&mut self) {
        while self.still > 0 {
            let some = self.still.min(32);
            self.out.put(0, 2 * some);
            self.still -= some;
        }
    }

    /// The first two samples, which are written in other ways.
    fn begin(&mut self, at: Millis, step: i64, value: u64) {
        if self.count == 1 {
            // Room for the number.
            self.out.bytes.extend([0, 0]);
            put_varint(&mut self.out.bytes, (at << 1 ^ at >> 63).cast_unsigned());
            self.out.bytes.extend(value.to_be_bytes());
        } else {
            put_varint(&mut self.out.bytes, step.cast_unsigned());
            self.put_value(value);
        }
    }

    /// Hands the bytes of the chunk to `take`; the next sample begins another.
    pub fn finish<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> T {
        self.put_still();
        self.out.flush();
        if let Some(count) = self.out.bytes.first_chunk_mut() {
            *count = u16::try_from(self.count).unwrap_or(u16::MAX).to_be_bytes();
        }
        let taken = take(&self.out.bytes);
        self.out.bytes.clear();
        *self = Self { out: std::mem::take(&mut self.out), ..Self::default() };
        taken
    }

    fn put_step(&mut self, change: i64) {
        let fits = |size: u32| (-(1_i64 << (size - 1)) + 1..=1_i64 << (size - 1)).contains(&change);
        // What marks the size, and how many bits that takes.
        let (mark, mark_bits, size) = match change {
            0 => return self.out.put(0, 1),
            _ if fits(14) => (0b10, 2, 14),
            _ if fits(17) => (0b110, 3, 17),
            _ if fits(20) => (0b1110, 4, 20),
            _ => {
                self.out.put(0b1111, 4);
                return self.out.put(change.cast_unsigned(), 64);
            }
        };
        let lowest = change.cast_unsigned() & ((1 << size) - 1);
        self.out.put(mark << size | lowest, mark_bits + size);
    }

    #[inline]
    fn put_value(&mut self, value: u64) {
        let changed = value ^ self.value;
        if changed == 0 {
            return self.out.put(0, 1);
        }
        let (leading, trailing) = (changed.leading_zeros().min(31), changed.trailing_zeros());
        if let Some((l, t)) = self.width.filter(|&(l, t)| leading >= l && trailing >= t) {
            self.out.put(0b10, 2);
            return self.out.put(changed >> t, 64 - l - t);
        }
        self.width = Some((leading, trailing));
        let meaningful = 64 - leading - trailing;
        // 64 is written as 0.
        let window = 0b11 << 11 | u64::from(leading) << 6 | u64::from(meaningful & 63);
        self.out.put(window, 13);
        self.out.put(changed >> trailing, meaningful);
    }
}

/// One chunk of up to 65,535 samples.
#[must_use]
pub fn chunk(samples: &[(Millis, f64)]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    samples.iter().for_each(|(at, value)| encoder.push(*at, *value));
    encoder.finish(<[u8]>::to_vec)
}

/// Bits from the highest to the lowest, behind whole bytes.
#[derive(Debug, Clone, Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that are not among the bytes yet, from the highest on, and how many: less than 64.
    ahead: u64,
    used: u32,
}

impl BitWriter {
    /// `value`, which is one of `count` bits: 1 to 64.
    #[inline]
    fn put(&mut self, value: u64, count: u32) {
        let free = 64 - self.used;
        if count < free {
            self.ahead |= value << (free - count);
            self.used += count;
            return;
        }
        let more = count - free;
        self.bytes.extend_from_slice(&(self.ahead | value >> more).to_be_bytes());
        self.ahead = value.checked_shl(64 - more).unwrap_or(0);
        self.used = more;
    }

    /// Fills the last byte with zeros.
    fn flush(&mut self) {
        let bytes = self.ahead.to_be_bytes();
        self.bytes.extend_from_slice(&bytes[..self.used.div_ceil(8) as usize]);
        (self.ahead, self.used) = (0, 0);
    }
}

/// Seven bits a byte, lowest first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
