//! Chunks, frames and answers as a server makes them.

use prost::Message;

use super::super::testing::{End, Reply, Seen};
use super::message::answer::{Chunk, ChunkedReadResponse, ChunkedSeries, Label};
use super::message::{Query, ReadRequest, XOR};
use crate::model::samples;
use crate::units::Millis;

pub(super) fn labels(labels: &[(&str, &str)]) -> Vec<Label> {
    let label =
        |(name, value): &(&str, &str)| Label { name: (*name).into(), value: (*value).into() };
    labels.iter().map(label).collect()
}

pub(super) fn chunk(samples: &[(Millis, f64)]) -> Chunk {
    let time = |sample: Option<&(Millis, f64)>| sample.map(|(at, _)| *at).unwrap_or_default();
    Chunk {
        min_time_ms: time(samples.first()),
        max_time_ms: time(samples.last()),
        encoding: XOR,
        data: samples::chunk(samples).into(),
    }
}

/// The message of one frame: chunks of one series.
pub(super) fn message(name: &[(&str, &str)], chunks: Vec<Chunk>) -> Vec<u8> {
    let series = ChunkedSeries { labels: labels(name), chunks };
    ChunkedReadResponse { chunked_series: vec![series] }.encode_to_vec()
}

/// A body with its head.
pub(super) fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(body.len() as u64, &mut out);
    out.extend(crc32c::crc32c(body).to_be_bytes());
    out.extend(body);
    out
}

/// One frame with samples of one series.
pub(super) fn series(name: &[(&str, &str)], samples: &[(Millis, f64)]) -> Vec<u8> {
    frame(&message(name, vec![chunk(samples)]))
}

/// A streamed answer.
pub(super) fn streamed(frames: impl Into<Vec<u8>>) -> Reply {
    let kind = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    Reply { end: End::Chunked, ..Reply::new(200, frames).with_header("Content-Type", kind) }
}

/// The query of a remote-read request.
pub(super) fn asked(seen: &Seen) -> Query {
    let body = snap::raw::Decoder::new().decompress_vec(&seen.body).unwrap();
    let mut request = ReadRequest::decode(&body[..]).unwrap();
    assert_eq!(request.queries.len(), 1);
    request.queries.remove(0)
}

/// One series of a server that keeps two hours in a chunk, and gives every chunk that has a sample of the
/// time that is asked about, whole.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) labels: Vec<(&'static str, &'static str)>,
    pub(super) samples: Vec<(Millis, f64)>,
}

/// Frames with one chunk each.
pub(super) fn frames(stored: &[Stored], query: &Query) -> Vec<u8> {
    let asked = query.start_timestamp_ms..=query.end_timestamp_ms;
    let mut out = Vec::new();
    for one in stored {
        for samples in one.samples.chunk_by(|a, b| a.0 / 7_200_000 == b.0 / 7_200_000) {
            if samples.iter().any(|(at, _)| asked.contains(at)) {
                out.extend(series(&one.labels, samples));
            }
        }
    }
    out
}
