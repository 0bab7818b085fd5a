//! Samples to XOR chunks, as Prometheus writes them (`tsdb/chunkenc/xor.go`); the layout is told in `decode`.

use crate::units::Millis;

/// Samples that a chunk gets, as of Prometheus.
pub const SAMPLES_PER_CHUNK: u16 = 120;

/// Writes one chunk, sample by sample.
///
/// Every instant and every bit of a value comes back, whatever the order; differences wrap.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    out: BitWriter,
    count: u16,
    at: Millis,
    step: i64,
    value: u64,
    /// Leading and trailing zeros of the last value whose bits were written with their width.
    width: Option<(u32, u32)>,
}

impl Encoder {
    /// How many samples it has.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Adds a sample; not more than 65,535.
    pub fn push(&mut self, at: Millis, value: f64) {
        let (value, step) = (value.to_bits(), at.wrapping_sub(self.at));
        match self.count {
            0 => {
                self.out.bytes.extend([0, 0]);
                self.out.varint((at << 1 ^ at >> 63).cast_unsigned());
                self.out.bytes.extend(value.to_be_bytes());
            }
            1 => {
                self.out.varint(step.cast_unsigned());
                self.put_value(value);
            }
            _ => {
                self.put_step(step.wrapping_sub(self.step));
                self.put_value(value);
            }
        }
        (self.at, self.step, self.value) = (at, step, value);
        self.count += 1;
    }

    /// The chunk; the next sample begins another.
    pub fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(self);
        if let Some(count) = bytes.out.bytes.first_chunk_mut() {
            *count = bytes.count.to_be_bytes();
        }
        bytes.out.bytes
    }

    fn put_step(&mut self, change: i64) {
        let fits = |size: u32| (-(1_i64 << (size - 1)) + 1..=1_i64 << (size - 1)).contains(&change);
        let (prefix, prefix_bits, size) = match change {
            0 => (0, 1, 0),
            _ if fits(14) => (0b10, 2, 14),
            _ if fits(17) => (0b110, 3, 17),
            _ if fits(20) => (0b1110, 4, 20),
            _ => (0b1111, 4, 64),
        };
        self.out.put(prefix, prefix_bits);
        self.out.put(change.cast_unsigned(), size);
    }

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
        self.out.put(0b11, 2);
        self.out.put(u64::from(leading), 5);
        // 64 is written as 0.
        self.out.put(u64::from(meaningful & 63), 6);
        self.out.put(changed >> trailing, meaningful);
    }
}

/// One chunk of up to 65,535 samples.
#[must_use]
pub fn chunk(samples: &[(Millis, f64)]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    samples.iter().for_each(|(at, value)| encoder.push(*at, *value));
    encoder.take()
}

/// Bits from the highest to the lowest.
#[derive(Debug, Clone, Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not used yet.
    free: u32,
}

impl BitWriter {
    /// The lowest `count` bits of `value`.
    fn put(&mut self, value: u64, mut count: u32) {
        while count > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let taken = count.min(self.free);
            let bits = (value >> (count - taken)) & ((1 << taken) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (bits << (self.free - taken)).to_le_bytes()[0];
            }
            (self.free, count) = (self.free - taken, count - taken);
        }
    }

    /// Only ever on a byte's edge.
    fn varint(&mut self, value: u64) {
        put_varint(&mut self.bytes, value);
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
