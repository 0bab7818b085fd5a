//! The answer's messages (`prompb/remote.proto`, `prompb/types.proto`) read where they lie: what is in them are views
//! of the frame, and nothing is copied. Unknown fields are passed over.

use prost::encoding::{WireType, decode_key, decode_varint};

use super::columns::ContentError;

/// `ChunkedReadResponse.chunked_series`.
const SERIES: u32 = 1;
/// `ChunkedSeries.labels`.
const LABELS: u32 = 1;
/// `ChunkedSeries.chunks`.
const CHUNKS: u32 = 2;
/// `Label.name`.
const NAME: u32 = 1;
/// `Label.value`.
const VALUE: u32 = 2;
/// `Chunk.min_time_ms`.
const MIN_TIME: u32 = 1;
/// `Chunk.max_time_ms`.
const MAX_TIME: u32 = 2;
/// `Chunk.type`.
const ENCODING: u32 = 3;
/// `Chunk.data`.
const DATA: u32 = 4;

/// What a field holds, as far as it is of use.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// Hands the fields of a message to `take` in the order in which they are there.
#[inline]
fn each_field<'a>(
    mut message: &'a [u8],
    mut take: impl FnMut(u32, Value<'a>) -> Result<(), ContentError>,
) -> Result<(), ContentError> {
    while !message.is_empty() {
        let (field, wire_type) = decode_key(&mut message).map_err(|e| broken(&e))?;
        let value = match wire_type {
            WireType::Varint => Value::Number(decode_varint(&mut message).map_err(|e| broken(&e))?),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut message).map_err(|e| broken(&e))?;
                Value::Bytes(cut(&mut message, length)?)
            }
            WireType::ThirtyTwoBit => cut(&mut message, 4).map(|_| Value::Other)?,
            WireType::SixtyFourBit => cut(&mut message, 8).map(|_| Value::Other)?,
            WireType::StartGroup | WireType::EndGroup => return Err(broken(&"it has groups")),
        };
        take(field, value)?;
    }
    Ok(())
}

/// Takes `length` bytes from the front.
fn cut<'a>(message: &mut &'a [u8], length: u64) -> Result<&'a [u8], ContentError> {
    let length = usize::try_from(length).ok().filter(|length| *length <= message.len());
    let (front, rest) =
        message.split_at(length.ok_or_else(|| broken(&"a field is longer than it"))?);
    *message = rest;
    Ok(front)
}

fn broken(why: &impl ToString) -> ContentError {
    ContentError::Message(why.to_string())
}

/// One series of a frame, still in its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'a>(&'a [u8]);

/// Samples of one series and time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    /// Instants of the first and the last sample; both 0 where a server does not tell.
    pub(super) min_time_ms: i64,
    pub(super) max_time_ms: i64,
    /// `Chunk.Encoding`.
    pub(super) encoding: i32,
    /// Samples, encoded.
    pub(super) data: &'a [u8],
}

/// Hands the series of a frame's message to `take`.
pub(super) fn each_series<'a>(
    message: &'a [u8],
    mut take: impl FnMut(Series<'a>) -> Result<(), ContentError>,
) -> Result<(), ContentError> {
    each_field(message, |field, value| match value {
        Value::Bytes(series) if field == SERIES => take(Series(series)),
        _ => Ok(()),
    })
}

impl<'a> Series<'a> {
    /// Its labels, each still in its bytes.
    pub(super) fn labels(self) -> Result<Vec<&'a [u8]>, ContentError> {
        let mut labels = Vec::with_capacity(16);
        each_field(self.0, |field, value| {
            if let (LABELS, Value::Bytes(label)) = (field, value) {
                labels.push(label);
            }
            Ok(())
        })?;
        Ok(labels)
    }

    /// Hands its chunks to `take`.
    pub(super) fn each_chunk(
        self,
        mut take: impl FnMut(Chunk<'a>) -> Result<(), ContentError>,
    ) -> Result<(), ContentError> {
        each_field(self.0, |field, value| match value {
            Value::Bytes(chunk) if field == CHUNKS => take(Chunk::read(chunk)?),
            _ => Ok(()),
        })
    }
}

impl<'a> Chunk<'a> {
    fn read(message: &'a [u8]) -> Result<Self, ContentError> {
        let mut chunk = Self::default();
        each_field(message, |field, value| {
            match (field, value) {
                // An enumeration of 32 bits, of which the upper half of the number is the sign.
                (ENCODING, Value::Number(number)) => {
                    let [a, b, c, d, ..] = number.to_le_bytes();
                    chunk.encoding = i32::from_le_bytes([a, b, c, d]);
                }
                (MIN_TIME, Value::Number(at)) => chunk.min_time_ms = at.cast_signed(),
                (MAX_TIME, Value::Number(at)) => chunk.max_time_ms = at.cast_signed(),
                (DATA, Value::Bytes(data)) => chunk.data = data,
                _ => {}
            }
            Ok(())
        })?;
        Ok(chunk)
    }
}

/// Name and value of a label.
pub(super) fn label(message: &[u8]) -> Result<(&str, &str), ContentError> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|e| broken(&e));
    let (mut name, mut value) = ("", "");
    each_field(message, |field, found| {
        match (field, found) {
            (NAME, Value::Bytes(bytes)) => name = text(bytes)?,
            (VALUE, Value::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((name, value))
}

#[cfg(test)]
mod tests;
