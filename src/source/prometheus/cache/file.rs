//! One answer as a file: a line that names format and version, a CRC-32C, and a snappy-compressed message of labels
//! and XOR chunks, as Prometheus writes these.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::model::labels::Label;
use crate::model::samples::{Builder, Encoder, SAMPLES_PER_CHUNK};
use crate::model::{Samples, Series};
use crate::units::Millis;

/// What a file begins with. Another meaning of what follows, or of samples in it, is another version.
const HEAD: &[u8] = b"gpu-finops cache 2\n";
const CHECKSUM_BYTES: usize = 4;

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FileError {
    /// Another version, or something else.
    #[error("it is of another format")]
    Format,
    /// Changed or cut since it was written.
    #[error("its checksum is wrong")]
    Checksum,
    /// The checksum is right and the content is not.
    #[error("its content is malformed")]
    Content,
    /// It answers something else.
    #[error("it answers another question")]
    Question,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    /// What was asked.
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, repeated, tag = "2")]
    series: Vec<Line>,
    /// Names and values by turns, each pair once.
    #[prost(string, repeated, tag = "3")]
    labels: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Line {
    /// Which of the answer's labels it has.
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    /// In order of time.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    chunks: Vec<Bytes>,
}

/// The content of a file.
pub(super) fn encode(key: &str, series: &[Series]) -> Vec<u8> {
    let (mut labels, mut lines) = (Vec::new(), Vec::with_capacity(series.len()));
    let mut numbers: HashMap<(&String, &String), u32> = HashMap::new();
    for one in series {
        let mut line = Line { labels: Vec::new(), chunks: chunks(&one.samples) };
        for pair in &one.labels {
            line.labels.push(*numbers.entry(pair).or_insert_with(|| {
                labels.extend([pair.0.clone(), pair.1.clone()]);
                u32::try_from(labels.len() / 2 - 1).expect("fewer labels than 4 GiB hold")
            }));
        }
        lines.push(line);
    }
    let answer = Answer { key: key.to_owned(), labels, series: lines };
    let body = snap::raw::Encoder::new()
        .compress_vec(&answer.encode_to_vec())
        .expect("an answer is shorter than the 4 GiB that snappy takes");
    [HEAD, &crc32c::crc32c(&body).to_be_bytes(), &body].concat()
}

/// The answer to `key`.
pub(super) fn decode(key: &str, content: &[u8]) -> Result<Vec<Series>, FileError> {
    let rest = content.strip_prefix(HEAD).ok_or(FileError::Format)?;
    let (checksum, body) = rest.split_first_chunk::<CHECKSUM_BYTES>().ok_or(FileError::Checksum)?;
    if crc32c::crc32c(body) != u32::from_be_bytes(*checksum) {
        return Err(FileError::Checksum);
    }
    let plain = snap::raw::Decoder::new().decompress_vec(body).map_err(|_| FileError::Content)?;
    let answer = Answer::decode(Bytes::from(plain)).map_err(|_| FileError::Content)?;
    if answer.key != key {
        return Err(FileError::Question);
    }
    let (pairs, rest) = answer.labels.as_chunks();
    if !rest.is_empty() {
        return Err(FileError::Content);
    }
    let label = |[name, value]: &[String; 2]| Arc::new(Label::new(name.as_str(), value.as_str()));
    let labels: Vec<Arc<Label>> = pairs.iter().map(label).collect();
    answer.series.iter().map(|line| series(line, &labels)).collect()
}

fn series(line: &Line, known: &[Arc<Label>]) -> Result<Series, FileError> {
    let mut samples = Builder::default();
    for chunk in &line.chunks {
        samples.push_chunk(chunk, Millis::MIN, Millis::MAX).map_err(|_| FileError::Content)?;
    }
    let label = |number: &u32| known.get(usize::try_from(*number).ok()?).map(Arc::clone);
    let labels = line.labels.iter().map(|number| label(number).ok_or(FileError::Content));
    Ok(Series { labels: labels.collect::<Result<_, _>>()?, samples: samples.finish() })
}

fn chunks(samples: &Samples) -> Vec<Bytes> {
    let (mut out, mut open) = (Vec::new(), Encoder::default());
    for (at, value) in samples {
        open.push(at, value);
        if open.count() >= SAMPLES_PER_CHUNK {
            out.push(open.finish(Bytes::copy_from_slice));
        }
    }
    if open.count() > 0 {
        out.push(open.finish(Bytes::copy_from_slice));
    }
    out
}
