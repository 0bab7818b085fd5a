//! A line of VictoriaMetrics' export, read without a JSON parser:
//! `{"metric":{…},"values":[12,0.5],"timestamps":[1795132800057,1795132830057]}`.
//!
//! What is not of that form to the last byte is left to `super::super::victoriametrics`, which parses it.

use super::text::{POWERS_U64, Text, eight_digits};
use crate::model::series::STALE_NAN_BITS;
use crate::model::{Labels, Series};
use crate::units::Millis;

/// Most digits of an instant in milliseconds: 33658.
const MAX_MS_DIGITS: usize = 15;
/// Longest text of a number that is parsed here. Longer ones may be too large for an `f64`, which is for the
/// parser to refuse.
const MAX_NUMBER_BYTES: usize = 40;

/// The series of a line without its line break, sorted by time without duplicates; `None` when `body` is
/// anything but a line in the usual form.
///
/// A value that is no number is a staleness marker: VictoriaMetrics stores no other.
#[must_use]
pub fn line(body: &[u8]) -> Option<Series> {
    let mut text = Text { rest: body };
    text.take(br#"{"metric":"#)?;
    let labels = text.any_labels()?;
    text.take(br#","values":["#)?;
    let values = text.list(Text::bare_value)?;
    text.take(br#","timestamps":["#)?;
    let timestamps_ms = text.list(Text::milliseconds)?;
    let is_line = text.rest == b"}" && values.len() == timestamps_ms.len();
    is_line.then(|| Series { labels, samples: timestamps_ms.into_iter().zip(values).collect() })
}

impl Text<'_> {
    /// Labels, with escapes or without.
    fn any_labels(&mut self) -> Option<Labels> {
        let start = self.rest;
        if let Some(labels) = self.labels() {
            return Some(labels);
        }
        let mut parsed = serde_json::Deserializer::from_slice(start).into_iter::<Labels>();
        let labels = parsed.next()?.ok()?;
        self.rest = &start[parsed.byte_offset()..];
        Some(labels)
    }

    /// What `one` reads, with commas between, to the bracket that closes the list.
    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut found = Vec::new();
        if self.is_next(b"]") {
            return Some(found);
        }
        loop {
            found.push(one(self)?);
            if !self.is_next(b",") {
                self.take(b"]")?;
                return Some(found);
            }
        }
    }

    /// `12.5`, `null`, `+Inf`
    #[inline]
    fn bare_value(&mut self) -> Option<f64> {
        let start = self.rest;
        if let [digit @ b'0'..=b'9', b',' | b']', ..] = *start {
            self.rest = &start[1..];
            return Some(f64::from(digit - b'0'));
        }
        // No zero stands before other digits.
        let plain = match *start {
            [b'0', second, ..] | [b'-', b'0', second, ..] if second.is_ascii_digit() => None,
            _ => self.plain_number(),
        };
        match plain {
            Some(value) if matches!(self.rest.first(), Some(b',' | b']')) => Some(value),
            _ => {
                self.rest = start;
                self.any_bare_value()
            }
        }
    }

    #[cold]
    fn any_bare_value(&mut self) -> Option<f64> {
        let end = self.rest.iter().position(|byte| matches!(byte, b',' | b']'))?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        match text {
            // The second was written by versions before 1.60.
            b"null" | b"NaN" => Some(f64::from_bits(STALE_NAN_BITS)),
            b"+Inf" => Some(f64::INFINITY),
            b"-Inf" => Some(f64::NEG_INFINITY),
            _ if is_long_number(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// `1795132800057`
    #[inline]
    fn milliseconds(&mut self) -> Option<Millis> {
        // From 2001 to 2286 they have thirteen digits: eight and eight, of which three are the same.
        if let Some(head) = self.rest.first_chunk::<14>()
            && matches!(head[13], b',' | b']')
            && head[0] != b'0'
            && let Some(first) = digits_at(head, 0)
            && let Some(last) = digits_at(head, 5)
        {
            self.rest = &self.rest[13..];
            return Some((first * 100_000 + last % 100_000).cast_signed());
        }
        let (ms, length) = self.many_digits();
        let is_number = match length {
            1 => true,
            2..=MAX_MS_DIGITS => ms >= POWERS_U64[length - 1],
            _ => false,
        };
        is_number.then(|| ms.cast_signed())
    }
}

/// The number that the eight bytes from `at` on spell, if all of them are digits.
#[inline]
fn digits_at(head: &[u8; 14], at: usize) -> Option<u64> {
    let eight = head[at..].first_chunk::<8>()?;
    eight_digits(u64::from_le_bytes(*eight))
}

/// Whether `text` is a JSON number without exponent that cannot be out of range.
fn is_long_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let starts_well = digits(whole) && (whole.len() == 1 || whole[0] != b'0');
    text.len() <= MAX_NUMBER_BYTES && starts_well && parts.next().is_none_or(digits)
}

#[cfg(test)]
mod tests;
