//! The usual answer of the query API, a matrix of plain samples, read without a JSON parser.
//!
//! Prometheus writes it in one form, without a space, and nearly all of it is `[1795132800.057,"12"],`. What is
//! not of that form to the last byte (warnings, histograms, escapes, other servers) is left to
//! `super::decode`, which gives the same for what is.

use std::str;

use super::decode::ordered;
use crate::model::{Labels, Series};
use crate::units::{MS_PER_SECOND, Millis};

const START: &[u8] = br#"{"status":"success","data":{"resultType":"matrix","result":["#;
const END: &[u8] = b"]}}";
/// Most digits of whole seconds: 2286. With three more behind the point an `f64` is exact enough that
/// parsing the text as one and rounding gives the same milliseconds.
const MAX_SECOND_DIGITS: usize = 10;
/// Most digits of a number that an `f64` holds exactly.
const MAX_EXACT_DIGITS: usize = 15;
/// Powers of ten that an `f64` holds exactly, so that one division rounds once.
const POWERS: [f64; MAX_EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The series of `body`, each sorted by time without duplicates; `None` when `body` is anything but a
/// matrix in the usual form.
#[must_use]
pub fn matrix(body: &[u8]) -> Option<Vec<Series>> {
    let mut text = Text { rest: body.strip_prefix(START)? };
    let mut found = Vec::new();
    if !text.is_next(END) {
        loop {
            found.extend(text.series()?);
            if !text.is_next(b",") {
                break;
            }
        }
        text.take(END)?;
    }
    text.rest.trim_ascii().is_empty().then_some(found)
}

/// What is left of an answer.
struct Text<'a> {
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    #[inline]
    fn is_next(&mut self, token: &[u8]) -> bool {
        self.take(token).is_some()
    }

    #[inline]
    fn take(&mut self, token: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// A series, or nothing for one without samples.
    fn series(&mut self) -> Option<Option<Series>> {
        self.take(br#"{"metric":{"#)?;
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
        self.take(br#","values":["#)?;
        let (mut timestamps_ms, mut values) = (Vec::new(), Vec::new());
        if !self.is_next(b"]}") {
            loop {
                timestamps_ms.push(self.instant()?);
                values.push(self.value()?);
                if !self.is_next(b",") {
                    break;
                }
            }
            self.take(b"]}")?;
        }
        Some((!values.is_empty()).then(|| ordered(labels, timestamps_ms, values)))
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b"\"")?;
        let end = self.rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.take(b"\"")?;
        str::from_utf8(text).ok()
    }

    /// `[1795132800.057,"`
    #[inline]
    fn instant(&mut self) -> Option<Millis> {
        self.take(b"[")?;
        let (seconds, length) = self.many_digits();
        // No zero stands before other digits.
        let is_number = match length {
            1 => true,
            2..=MAX_SECOND_DIGITS => seconds >= POWERS_U64[length - 1],
            _ => false,
        };
        if !is_number {
            return None;
        }
        let mut ms = seconds.cast_signed() * MS_PER_SECOND;
        if self.is_next(b".") {
            let (part, length) = self.digits();
            ms += match length {
                1 => part * 100,
                2 => part * 10,
                3 => part,
                _ => return None,
            }
            .cast_signed();
        }
        self.take(b",\"")?;
        Some(ms)
    }

    /// `12.5"]`
    #[inline]
    fn value(&mut self) -> Option<f64> {
        let start = self.rest;
        let minus = self.is_next(b"-");
        let (mut number, mut length) = self.digits();
        let mut behind = 0;
        if length > 0 && self.is_next(b".") {
            let (part, more) = self.digits();
            if more == 0 || length + more > MAX_EXACT_DIGITS {
                return self.any_value(start);
            }
            number = number * POWERS_U64[more] + part;
            (length, behind) = (length + more, more);
        }
        if length == 0 || length > MAX_EXACT_DIGITS || !self.is_next(b"\"]") {
            return self.any_value(start);
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
        let value = number as f64 / POWERS[behind];
        Some(if minus { -value } else { value })
    }

    /// A value as the full parser reads it: many digits, exponents, `NaN`, `+Inf`.
    #[cold]
    fn any_value(&mut self, start: &'a [u8]) -> Option<f64> {
        let end = start.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20)?;
        let (text, rest) = start.split_at(end);
        self.rest = rest;
        self.take(b"\"]")?;
        str::from_utf8(text).ok()?.parse().ok()
    }

    /// The digits that come next, as a number, and how many they are; the number is right for up to 16.
    #[inline]
    fn digits(&mut self) -> (u64, usize) {
        self.digits_after(0, 0)
    }

    /// The same where eight and more are usual.
    #[inline]
    fn many_digits(&mut self) -> (u64, usize) {
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
const POWERS_U64: [u64; MAX_EXACT_DIGITS + 1] = {
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
fn eight_digits(bytes: u64) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let carried = bytes.wrapping_add(0x0606_0606_0606_0606);
    if (bytes & HIGH) | ((carried & HIGH) >> 4) != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = (bytes & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul((10 << 8) + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) + 1) >> 16;
    Some((fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32)
}

#[cfg(test)]
mod tests;
