use proptest::prelude::*;
use prost::Message;

use super::super::message::answer::{Chunk as Sent, ChunkedReadResponse, ChunkedSeries, Label};
use super::*;
use crate::mutation::fixed;

/// What is read of a message, in the form of the message.
fn read(body: &[u8]) -> Result<ChunkedReadResponse, ContentError> {
    let mut out = ChunkedReadResponse::default();
    each_series(body, |series| {
        let mut read = ChunkedSeries::default();
        for message in series.labels()? {
            let (name, value) = label(message)?;
            read.labels.push(Label { name: name.into(), value: value.into() });
        }
        series.each_chunk(|chunk| {
            let data = chunk.data.to_vec().into();
            let (min_time_ms, max_time_ms) = (chunk.min_time_ms, chunk.max_time_ms);
            read.chunks.push(Sent { min_time_ms, max_time_ms, encoding: chunk.encoding, data });
            Ok(())
        })?;
        out.chunked_series.push(read);
        Ok(())
    })?;
    Ok(out)
}

fn message() -> impl Strategy<Value = ChunkedReadResponse> {
    let label = ("[a-c]{0,3}", "[x-zä]{0,3}").prop_map(|(name, value)| Label { name, value });
    let data = prop::collection::vec(any::<u8>(), 0..20);
    let chunk = (any::<i64>(), any::<i64>(), -2..5_i32, data);
    let chunk = chunk.prop_map(|(min_time_ms, max_time_ms, encoding, data)| Sent {
        min_time_ms,
        max_time_ms,
        encoding,
        data: data.into(),
    });
    let (labels, chunks) = (prop::collection::vec(label, 0..4), prop::collection::vec(chunk, 0..4));
    let series = (labels, chunks).prop_map(|(labels, chunks)| ChunkedSeries { labels, chunks });
    prop::collection::vec(series, 0..4)
        .prop_map(|chunked_series| ChunkedReadResponse { chunked_series })
}

proptest! {
    #![proptest_config(fixed(500))]

    #[test]
    fn a_message_is_read_as_prost_reads_it(message in message()) {
        prop_assert_eq!(read(&message.encode_to_vec()), Ok(message));
    }

    #[test]
    fn damage_is_an_error_or_what_prost_reads(
        message in message(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = message.encode_to_vec();
        for (place, byte) in damage {
            if !body.is_empty() {
                let place = place.index(body.len());
                body[place] = byte;
            }
        }
        // prost takes groups, and refuses fields of another type than it expects, which are passed over here.
        if let (Ok(ours), Ok(theirs)) = (read(&body), ChunkedReadResponse::decode(&body[..])) {
            prop_assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn what_is_not_known_is_passed_over() {
    let known = ChunkedReadResponse {
        chunked_series: vec![ChunkedSeries { labels: vec![Label::default()], chunks: Vec::new() }],
    };
    // Fields 9 of every type: a number, eight bytes, a text, four bytes.
    let more = [0x48, 1, 0x49, 1, 2, 3, 4, 5, 6, 7, 8, 0x4a, 1, b'x', 0x4d, 1, 2, 3, 4];
    assert_eq!(read(&[&more[..], &known.encode_to_vec(), &more].concat()), Ok(known));
    for cut in 1..more.len() {
        let is_whole = [2, 11, 14].contains(&cut);
        assert_eq!(read(&more[..cut]).is_ok(), is_whole, "{cut}");
    }
}
