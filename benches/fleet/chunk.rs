//! XOR chunks as Prometheus writes them (`tsdb/chunkenc/xor.go`): the other side of the program's decoder.
//!
//! A chunk's first instant stands by itself in front, so what comes after it is made once and used for many.

/// Samples of one chunk, at equal distances, without its first instant.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    samples: u16,
    rest: Vec<u8>,
}

impl Body {
    /// Encodes `values`, `step_ms` apart.
    pub(crate) fn new(values: &[f64], step_ms: i64) -> Self {
        let mut out = Bits::default();
        let mut before = values[0].to_bits();
        out.bytes.extend(before.to_be_bytes());
        let mut width: Option<(u32, u32)> = None;
        for (i, value) in values.iter().enumerate().skip(1) {
            match i {
                1 => out.varint(step_ms.unsigned_abs()),
                _ => out.push(0, 1),
            }
            let bits = value.to_bits();
            let xor = bits ^ before;
            before = bits;
            if xor == 0 {
                out.push(0, 1);
                continue;
            }
            let (leading, trailing) = (xor.leading_zeros().min(31), xor.trailing_zeros());
            if let Some((l, t)) = width.filter(|&(l, t)| leading >= l && trailing >= t) {
                out.push(0b10, 2);
                out.push(xor >> t, 64 - l - t);
                continue;
            }
            let meaningful = 64 - leading - trailing;
            out.push(0b11, 2);
            out.push(u64::from(leading), 5);
            out.push(u64::from(meaningful % 64), 6);
            out.push(xor >> trailing, meaningful);
            width = Some((leading, trailing));
        }
        Self { samples: u16::try_from(values.len()).expect("a chunk is short"), rest: out.bytes }
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

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits used of the last byte; 0 when it is full.
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u64, count: u32) {
        for i in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let bit = ((value >> i) & 1) as u8;
            *self.bytes.last_mut().expect("just pushed") |= bit << (7 - self.used);
            self.used = (self.used + 1) % 8;
        }
    }

    /// Only ever on a byte's edge.
    fn varint(&mut self, value: u64) {
        varint(&mut self.bytes, value);
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
