//! The usual answers, read without a JSON parser: a matrix of plain samples of the query API, and in `line`
//! VictoriaMetrics' export.
//!
//! Prometheus writes the matrix in one form, without a space, and nearly all of it is `[1795132800.057,"12"],`. What is
//! not of that form to the last byte (warnings, histograms, escapes, other servers) is left to
//! `super::decode`, which gives the same for what is.

mod line;
mod text;

use std::str;

pub use line::line;
use text::{POWERS_U64, Text};

use crate::model::Series;
use crate::model::samples::Builder;
use crate::units::{MS_PER_SECOND, Millis};

const START: &[u8] = br#"{"status":"success","data":{"resultType":"matrix","result":["#;
const END: &[u8] = b"]}}";
/// Most digits of whole seconds: 2286. With three more behind the point an `f64` is exact enough that
/// parsing the text as one and rounding gives the same milliseconds.
const MAX_SECOND_DIGITS: usize = 10;
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

impl<'a> Text<'a> {
    /// A series, or nothing for one without samples.
    fn series(&mut self) -> Option<Option<Series>> {
        self.take(br#"{"metric":"#)?;
        let labels = self.labels()?;
        self.take(br#","values":["#)?;
        let mut samples = Builder::default();
        if !self.is_next(b"]}") {
            loop {
                samples.push(self.instant()?, self.value()?);
                if !self.is_next(b",") {
                    break;
                }
            }
            self.take(b"]}")?;
        }
        let samples = samples.finish();
        Some((!samples.is_empty()).then_some(Series { labels, samples }))
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
        match self.plain_number() {
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
