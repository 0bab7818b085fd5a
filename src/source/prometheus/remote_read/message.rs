//! The protobuf messages with which remote read is asked (`prompb/remote.proto`, `prompb/types.proto`); those of the
//! answer are read in `wire`.

/// What is asked for.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) queries: Vec<Query>,
    /// [`STREAMED_XOR_CHUNKS`].
    #[prost(int32, repeated, tag = "2")]
    pub(super) accepted_response_types: Vec<i32>,
}

/// `ReadRequest.ResponseType`: chunks as they are stored, frame by frame.
pub(super) const STREAMED_XOR_CHUNKS: i32 = 1;

/// Series and a time, inclusive at both ends.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Query {
    #[prost(int64, tag = "1")]
    pub(super) start_timestamp_ms: i64,
    #[prost(int64, tag = "2")]
    pub(super) end_timestamp_ms: i64,
    #[prost(message, repeated, tag = "3")]
    pub(super) matchers: Vec<LabelMatcher>,
}

/// One condition on a label.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(super) struct LabelMatcher {
    #[prost(enumeration = "MatcherType", tag = "1")]
    pub(super) kind: i32,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) value: String,
}

/// How a label and a value are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum MatcherType {
    Equal = 0,
    NotEqual = 1,
    Regex = 2,
    NotRegex = 3,
}

/// `Chunk.Encoding`: floats, XORed. Others are histograms, or unknown yet.
pub(super) const XOR: i32 = 1;

#[cfg(test)]
pub(super) mod answer {
    //! The messages of the answer, to make some.

    use bytes::Bytes;

    /// One frame: a part of one series, usually.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct ChunkedReadResponse {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) chunked_series: Vec<ChunkedSeries>,
    }

    /// Labels in order of their names, and chunks.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct ChunkedSeries {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(in super::super) chunks: Vec<Chunk>,
    }

    /// A label.
    #[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
    pub(in super::super) struct Label {
        #[prost(string, tag = "1")]
        pub(in super::super) name: String,
        #[prost(string, tag = "2")]
        pub(in super::super) value: String,
    }

    impl Chunk {
        /// The same as it is read.
        pub(in super::super) fn read(&self) -> super::super::wire::Chunk<'_> {
            let Self { min_time_ms, max_time_ms, encoding, data } = self;
            let (min_time_ms, max_time_ms, encoding) = (*min_time_ms, *max_time_ms, *encoding);
            super::super::wire::Chunk { min_time_ms, max_time_ms, encoding, data }
        }
    }

    /// Samples of one series and time, encoded. The bytes are a view of the frame.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Chunk {
        #[prost(int64, tag = "1")]
        pub(in super::super) min_time_ms: i64,
        #[prost(int64, tag = "2")]
        pub(in super::super) max_time_ms: i64,
        #[prost(int32, tag = "3")]
        pub(in super::super) encoding: i32,
        #[prost(bytes = "bytes", tag = "4")]
        pub(in super::super) data: Bytes,
    }
}
