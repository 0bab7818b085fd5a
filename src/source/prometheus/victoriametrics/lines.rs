//! The lines of one streamed answer to series, cut to the time that was asked for.

use super::super::api_error::{ApiError, cleaned};
use super::super::decode::clipped;
use super::super::scan;
use super::super::stream::{Content, broken};
use super::parse;
use crate::model::Series;
use crate::units::Millis;

/// Longest line that is read. A stored block, which is a line, has at most 8,192 samples and 400 KB.
pub(super) const MAX_LINE_BYTES: usize = 8 << 20;

/// Series being collected.
#[derive(Debug)]
pub(super) struct Lines {
    start: Millis,
    end: Millis,
    /// In the order of the server: a series has many lines, in any order, that may overlap.
    pub(super) series: Vec<Series>,
    /// Samples in them.
    pub(super) samples: u64,
}

impl Lines {
    /// For samples in `[start, end)`.
    pub(super) const fn new(start: Millis, end: Millis) -> Self {
        Self { start, end, series: Vec::new(), samples: 0 }
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), ApiError> {
        if line.is_empty() {
            return Ok(());
        }
        let series = match scan::line(line) {
            Some(series) => series,
            None => parse::line(line).map_err(|error| {
                refused(&format!("a line is not of the export: {}", cleaned(&error)), line)
            })?,
        };
        if let Some(series) = clipped(series, self.start, self.end) {
            self.samples += series.samples.len() as u64;
            self.series.push(series);
        }
        Ok(())
    }
}

/// A break. Anything that does not begin as a line does is what the server says of an error.
fn refused(reason: &str, line: &[u8]) -> ApiError {
    if line.starts_with(b"{") { ApiError::Stream(reason.to_owned()) } else { broken(reason, line) }
}

impl Content for Lines {
    const TYPE: &'static str = "application/stream+json";

    fn complete(buffer: &[u8]) -> (usize, Option<String>) {
        let end = buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let is_long = buffer.len() - end > MAX_LINE_BYTES;
        (end, is_long.then(|| format!("a line is too large, above {MAX_LINE_BYTES} bytes")))
    }

    fn cut(rest: &[u8]) -> ApiError {
        refused("it ends in the middle of a line", rest)
    }

    fn add(&mut self, lines: &[u8]) -> Result<(), ApiError> {
        lines.split(|byte| *byte == b'\n').try_for_each(|line| self.add_line(line.trim_ascii()))
    }
}

#[cfg(test)]
mod tests;
