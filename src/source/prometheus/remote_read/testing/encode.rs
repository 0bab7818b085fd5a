//! An encoder of XOR chunks, written from the format's description alone.

/// Bits from the highest to the lowest.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    used: usize,
}

impl BitWriter {
    fn put(&mut self, value: u64, count: u32) {
        for index in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = u8::from(value >> index & 1 == 1);
            *self.bytes.last_mut().expect("pushed above") |= bit << (7 - self.used % 8);
            self.used += 1;
        }
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.put(value, 8);
    }
}

/// The samples, at most 65,535, as one chunk. `reuse` keeps the bits of a value where those of the one
/// before fit, as servers do.
pub(crate) fn chunk(samples: &[(i64, f64)], reuse: bool) -> Vec<u8> {
    let count = u16::try_from(samples.len()).expect("a chunk holds up to 65,535 samples");
    let mut out = BitWriter::default();
    out.put(u64::from(count), 16);
    let (mut at, mut step, mut bits) = (0_i64, 0_i64, 0_u64);
    let mut window: Option<(u32, u32)> = None;
    for (index, (next_at, value)) in samples.iter().enumerate() {
        let next_step = next_at.wrapping_sub(at);
        match index {
            0 => {
                out.varint((next_at << 1 ^ next_at >> 63).cast_unsigned());
                out.put(value.to_bits(), 64);
            }
            1 => {
                out.varint(next_step.cast_unsigned());
                put_value(&mut out, bits ^ value.to_bits(), &mut window, reuse);
            }
            _ => {
                put_step(&mut out, next_step.wrapping_sub(step));
                put_value(&mut out, bits ^ value.to_bits(), &mut window, reuse);
            }
        }
        (at, step, bits) = (*next_at, next_step, value.to_bits());
    }
    out.bytes
}

fn put_step(out: &mut BitWriter, change: i64) {
    let fits = |size: u32| (-(1_i64 << (size - 1)) + 1..=1_i64 << (size - 1)).contains(&change);
    let (prefix, prefix_bits, size) = match change {
        0 => (0, 1, 0),
        _ if fits(14) => (0b10, 2, 14),
        _ if fits(17) => (0b110, 3, 17),
        _ if fits(20) => (0b1110, 4, 20),
        _ => (0b1111, 4, 64),
    };
    out.put(prefix, prefix_bits);
    out.put(change.cast_unsigned(), size);
}

fn put_value(out: &mut BitWriter, changed: u64, window: &mut Option<(u32, u32)>, reuse: bool) {
    if changed == 0 {
        return out.put(0, 1);
    }
    let (leading, trailing) = (changed.leading_zeros().min(31), changed.trailing_zeros());
    if let Some((l, t)) = *window
        && reuse
        && leading >= l
        && trailing >= t
    {
        out.put(0b10, 2);
        return out.put(changed >> t, 64 - l - t);
    }
    *window = Some((leading, trailing));
    let meaningful = 64 - leading - trailing;
    out.put(0b11, 2);
    out.put(u64::from(leading), 5);
    // 64 is written as 0.
    out.put(u64::from(meaningful & 63), 6);
    out.put(changed >> trailing, meaningful);
}
