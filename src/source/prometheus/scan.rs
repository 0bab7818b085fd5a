//! The usual answers, read without a JSON parser: a matrix of plain samples of the query API, and in `line`
//! VictoriaMetrics' export.
//!
//! Prometheus writes the matrix in one form, without a space, and nearly all of it is `[1795132800.057,"12"],`. What is
//! not of that form to the last byte (warnings, histograms, escapes, other servers) is left to
//! `super::decode`, which gives the same for what is.

mod digits;
mod line;
mod text;

use std::str;

use digits::POWERS_U64;
pub use line::{line, line_into};
use text::Text;

use crate::model::samples::Builder;
use crate::model::{Labels, Series};
use crate::units::{MS_PER_SECOND, Millis};

const START: &[u8] = br#"{"status":"success","data":{"resultType":"matrix","result":["#;
const END: &[u8] = b"]}}";
/// Most digits of whole seconds: 2286. With three more behind the point an `f64` is exact enough that
/// parsing the text as one and rounding gives the same milliseconds.
const MAX_SECOND_DIGITS: usize = 10;

/// Most bytes of a usual sample: an instant, and a value of eight digits at most with what is around it.
const USUAL_BYTES: usize = 28;

/// Takes samples as they are scanned.
pub trait Take {
    /// The next one.
    fn take(&mut self, at: Millis, value: f64);
}

impl Take for Builder {
    #[inline]
    fn take(&mut self, at: Millis, value: f64) {
        self.push(at, value);
    }
}

/// The series of `body`, each sorted by time without duplicates; `None` when `body` is anything but a
/// matrix in the usual form.
#[must_use]
pub fn matrix(body: &[u8]) -> Option<Vec<Series>> {
    let mut found = Vec::new();
    each_series(body, &mut Builder::default(), |labels, samples| {
        let samples = samples.finish();
        if !samples.is_empty() {
            found.push(Series { labels, samples });
        }
    })?;
    Some(found)
}

/// Hands the samples of each series of `body` to `samples`, as they are there, and then its labels to `end`; `None` as
/// of [`matrix`], and then what was handed out is of no meaning.
pub fn each_series<T: Take>(
    body: &[u8],
    samples: &mut T,
    mut end: impl FnMut(Labels, &mut T),
) -> Option<()> {
    let mut text = Text { rest: body.strip_prefix(START)? };
    if !text.is_next(END) {
        loop {
            let labels = text.series(samples)?;
            end(labels, samples);
            if !text.is_next(b",") {
                break;
            }
        }
        text.take(END)?;
    }
    text.rest.trim_ascii().is_empty().then_some(())
}

impl<'a> Text<'a> {
    /// The labels of a series, after its samples.
    fn series(&mut self, samples: &mut impl Take) -> Option<Labels> {
        self.take(br#"{"metric":"#)?;
        let labels = self.labels()?;
        self.take(br#","values":["#)?;
        if !self.is_next(b"]}") {
            loop {
                while let Some((at, value)) = self.usual_sample() {
                    samples.take(at, value);
                }
                samples.take(self.instant()?, self.value()?);
                if !self.is_next(b",") {
                    break;
                }
            }
            self.take(b"]}")?;
        }
        Some(labels)
    }

    /// `[1795132800.057,"12"],` with nothing unusual in it, behind which there is another sample; nothing is taken of
    /// any other. It is read in one piece, for which little has to be asked.
    #[inline]
    fn usual_sample(&mut self) -> Option<(Millis, f64)> {
        let text: &[u8; USUAL_BYTES] = self.rest.first_chunk()?;
        let (instant, rest) = text.split_first_chunk()?;
        let ms = digits::usual_instant(*instant)?;
        let (value, length) = digits::usual_value(rest.first_chunk()?)?;
        self.rest = self.rest[instant.len() + length..].strip_prefix(b"],")?;
        Some((ms.cast_signed(), value))
    }

    /// `[1795132800.057,"`
    #[inline]
    fn instant(&mut self) -> Option<Millis> {
        if let Some((usual, rest)) = self.rest.split_first_chunk()
            && let Some(ms) = digits::usual_instant(*usual)
            && let Some(rest) = rest.strip_prefix(b"\"")
        {
            self.rest = rest;
            return Some(ms.cast_signed());
        }
        self.any_instant()
    }

    /// An instant with fewer digits, or without any behind the point.
    fn any_instant(&mut self) -> Option<Millis> {
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
        match self.short_number([b'"'; 2]).or_else(|| self.plain_number()) {
            Some(value) if self.is_next(b"\"]") => Some(value),
            _ => self.any_value(start),
        }
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
}

#[cfg(test)]
mod tests;
