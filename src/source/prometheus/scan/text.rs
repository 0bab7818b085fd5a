//! A text that is read from its front, token by token: the parts that the known forms have in common.

use std::str;

use super::digits::{self, MAX_EXACT_DIGITS, POWERS, POWERS_U64};
use crate::model::Labels;

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

    /// A number of up to seven digits, or `0.` and up to seven digits, behind which there is one of `ends`; nothing is
    /// taken of another.
    #[inline]
    pub(super) fn short_number(&mut self, ends: [u8; 2]) -> Option<f64> {
        let behind = usize::from(self.rest.starts_with(b"0.")) * 2;
        let (number, length) = digits::up_to(*self.rest.get(behind..)?.first_chunk()?, ends)?;
        self.rest = &self.rest[behind + length..];
        #[expect(clippy::cast_precision_loss, reason = "at most seven digits")]
        let number = number as f64;
        Some(if behind > 0 { number / POWERS[length] } else { number })
    }

    /// The digits that come next, as a number, and how many they are; the number is right for up to 16.
    #[inline]
    pub(super) fn digits(&mut self) -> (u64, usize) {
        self.digits_after(0, 0)
    }

    /// The same where eight and more are usual.
    #[inline]
    pub(super) fn many_digits(&mut self) -> (u64, usize) {
        match self.rest.first_chunk().and_then(|eight| digits::eight(*eight)) {
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
