//! One answer as a file: a line that names format and version, a CRC-32C, and a snappy-compressed message of labels
//! and XOR chunks, as Prometheus writes these.

use prost::Message;

use crate::model::samples::{Builder, Encoder, SAMPLES_PER_CHUNK};
use crate::model::{Labels, Samples, Series};
use crate::units::Millis;

/// What a file begins with. Another meaning of what follows, or of samples in it, is another version.
const HEAD: &[u8] = b"gpu-finops cache 1\n";
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
}

#[derive(Clone, PartialEq, prost::Message)]
struct Line {
    /// Names and values, by turns.
    #[prost(string, repeated, tag = "1")]
    labels: Vec<String>,
    /// In order of time.
    #[prost(bytes = "vec", repeated, tag = "2")]
    chunks: Vec<Vec<u8>>,
}

/// The content of a file.
pub(super) fn encode(key: &str, series: &[Series]) -> Vec<u8> {
    let line = |series: &Series| Line {
        labels: series.labels.iter().flat_map(|(n, v)| [n.clone(), v.clone()]).collect(),
        chunks: chunks(&series.samples),
    };
    let answer = Answer { key: key.to_owned(), series: series.iter().map(line).collect() };
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
    let answer = Answer::decode(plain.as_slice()).map_err(|_| FileError::Content)?;
    if answer.key != key {
        return Err(FileError::Question);
    }
    answer.series.into_iter().map(series).collect()
}

fn series(line: Line) -> Result<Series, FileError> {
    let mut samples = Builder::default();
    for chunk in &line.chunks {
        samples.push_chunk(chunk, Millis::MIN, Millis::MAX).map_err(|_| FileError::Content)?;
    }
    let mut texts = line.labels.into_iter();
    let mut labels = Labels::new();
    while let Some(name) = texts.next() {
        labels.insert(name, texts.next().ok_or(FileError::Content)?);
    }
    Ok(Series { labels, samples: samples.finish() })
}

fn chunks(samples: &Samples) -> Vec<Vec<u8>> {
    let (mut out, mut open) = (Vec::new(), Encoder::default());
    for (at, value) in samples {
        open.push(at, value);
        if open.count() >= SAMPLES_PER_CHUNK {
            out.push(open.finish(<[u8]>::to_vec));
        }
    }
    if open.count() > 0 {
        out.push(open.finish(<[u8]>::to_vec));
    }
    out
}
