//! A line of VictoriaMetrics' export, read without a JSON parser:
//! `{"metric":{…},"values":[12,0.5],"timestamps":[1795132800057,1795132830057]}`.
//!
//! What is not of that form to the last byte is left to `super::super::victoriametrics`, which parses it.

use super::Take;
use super::digits::{self, POWERS_U64};
use super::text::Text;
use crate::model::samples::Builder;
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
    let mut samples = Builder::default();
    let labels = line_into(body, &mut samples)?;
    Some(Series { labels, samples: samples.finish() })
}

/// The labels of a line, after its samples are handed to `samples` as they are there; `None` as of [`line()`], and then
/// what was handed out is of no meaning.
pub fn line_into(body: &[u8], samples: &mut impl Take) -> Option<Labels> {
    let mut values = Text { rest: body };
    values.take(br#"{"metric":"#)?;
    let labels = values.any_labels()?;
    values.take(br#","values":["#)?;
    // Both lists side by side; there is no bracket within the first.
    let end = digits::position(values.rest, b']')?;
    let mut instants = Text { rest: &values.rest[end..] };
    instants.take(br#"],"timestamps":["#)?;
    if !values.is_next(b"]") {
        loop {
            samples.take(instants.milliseconds()?, values.bare_value()?);
            let goes_on = values.is_next(b",");
            if goes_on != instants.is_next(b",") {
                return None;
            }
            if !goes_on {
                break;
            }
        }
        values.take(b"]")?;
    }
    (instants.rest == b"]}").then_some(labels)
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

    /// `12.5`, `null`, `+Inf`
    #[inline]
    fn bare_value(&mut self) -> Option<f64> {
        let start = self.rest;
        if !matches!(*start, [b'0', b'0'..=b'9', ..])
            && let Some(value) = self.short_number([b',', b']'])
        {
            return Some(value);
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
            && let Some(first) = digits::eight(*head.first_chunk()?)
            && let Some(last) = digits::eight(*head[5..].first_chunk()?)
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
