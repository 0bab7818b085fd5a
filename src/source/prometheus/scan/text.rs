//! A text that is read from its front, token by token: the parts that the known forms have in common.

use std::str;

use crate::model::Labels;

/// Most digits of a number that an `f64` holds exactly.
const MAX_EXACT_DIGITS: usize = 15;
/// Powers of ten that an `f64` holds exactly, so that one division rounds once.
const POWERS: [f64; MAX_EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// What is left of an answer.
pub(super) struct Text<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Text<'a> {
    #[inline]
    pub(super) fn is_next(&mut self, token: &[u8]) -> bool {
        self.take(token).is_some()
    }

    #[inline]
    pub(super) fn take(&mut self, token: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// A string without escapes.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.take(b"\"")?;
        let end = self.rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.take(b"\"")?;
        str::from_utf8(text).ok()
    }

    /// `{"name":"value",…}`
    pub(super) fn labels(&mut self) -> Option<Labels> {
        self.take(b"{")?;
        let mut labels = Labels::new();
        if !self.is_next(b"}") {
            loop {
                let name = self.string()?;
                self.take(b":")?;
                labels.insert(name.to_owned(), self.string()?.to_owned());
                if !self.is_next(b",") {
                    break;
                }
            }
            self.take(b"}")?;
        }
        Some(labels)
    }

    /// A decimal number of few enough digits that an `f64` is exact; where there is none, what is left is
    /// anything from the start of the number on.
    #[inline]
    pub(super) fn plain_number(&mut self) -> Option<f64> {
        let minus = self.is_next(b"-");
        let (mut number, mut length) = self.digits();
        let mut behind = 0;
        if length > 0 && self.is_next(b".") {
            let (part, more) = self.digits();
            if more == 0 || length + more > MAX_EXACT_DIGITS {
                return None;
            }
            number = number * POWERS_U64[more] + part;
            (length, behind) = (length + more, more);
        }
        if length == 0 || length > MAX_EXACT_DIGITS {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
        let value = number as f64 / POWERS[behind];
        Some(if minus { -value } else { value })
    }

    /// The digits that come next, as a number, and how many they are; the number is right for up to 16.
    #[inline]
    pub(super) fn digits(&mut self) -> (u64, usize) {
        self.digits_after(0, 0)
    }

    /// The same where eight and more are usual.
    #[inline]
    pub(super) fn many_digits(&mut self) -> (u64, usize) {
        let eight = self.rest.first_chunk::<8>().map(|eight| u64::from_le_bytes(*eight));
        match eight.and_then(eight_digits) {
            Some(eight) => self.digits_after(eight, 8),
            None => self.digits_after(0, 0),
        }
    }

    /// The same after the first `length` digits, which make `number`.
    #[inline]
    fn digits_after(&mut self, mut number: u64, mut length: usize) -> (u64, usize) {
        while let Some(&byte) = self.rest.get(length)
            && byte.is_ascii_digit()
        {
            number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            length += 1;
        }
        self.rest = &self.rest[length..];
        (number, length)
    }
}

/// Powers of ten as whole numbers.
pub(super) const POWERS_U64: [u64; MAX_EXACT_DIGITS + 1] = {
    let mut powers = [1; MAX_EXACT_DIGITS + 1];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// The number that eight bytes spell, the first in the lowest byte, if all of them are digits: pairs, then
/// fours, then eight at once.
#[inline]
pub(super) fn eight_digits(bytes: u64) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let carried = bytes.wrapping_add(0x0606_0606_0606_0606);
    if (bytes & HIGH) | ((carried & HIGH) >> 4) != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = (bytes & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul((10 << 8) + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) + 1) >> 16;
    Some((fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32)
}
