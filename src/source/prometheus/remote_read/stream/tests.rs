use bytes::Bytes;
use futures::{StreamExt, stream};
use proptest::prelude::*;

use super::super::super::stream::BATCH_BYTES;
use super::super::labels::{Normaliser, Suspects};
use super::super::line::Line;
use super::super::message::answer::Chunk;
use super::super::testing::{frame, message, series};
use super::*;
use crate::mutation::fixed;

const LIMIT: Duration = Duration::from_secs(20);
const A: &[(&str, &str)] = &[("UUID", "a")];

fn answer(pieces: Vec<Vec<u8>>) -> StreamResponse {
    StreamResponse {
        status: 200,
        content_type: Some("application/x-streamed-protobuf; proto=x".into()),
        retry_after: None,
        has_end: true,
        body: stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece)))).boxed(),
    }
}

fn columns(end: i64) -> Columns {
    Columns::new(Line::new(0, end, None), Normaliser::new(Suspects::Replicas))
}

async fn read_all(response: StreamResponse) -> Result<(Found, u64), ApiError> {
    read(response, LIMIT, columns(1_000_000)).await
}

async fn reason(body: Vec<u8>) -> String {
    read_all(answer(vec![body])).await.unwrap_err().to_string()
}

#[tokio::test]
async fn any_pieces_give_the_same() {
    let samples: Vec<_> = (0..5_000_i32).map(|i| (i64::from(i) * 100, f64::from(i % 7))).collect();
    let whole: Vec<u8> = samples.chunks(100).flat_map(|some| series(A, some)).collect();
    for size in [1, 7, 1_000, whole.len()] {
        let pieces = whole.chunks(size).map(<[u8]>::to_vec).collect();
        let (found, bytes) = read_all(answer(pieces)).await.unwrap();
        assert_eq!((found.series.len(), found.samples, bytes), (1, 5_000, whole.len() as u64));
        assert!(found.series[0].samples().eq(samples.iter().copied()));
    }
    let (found, bytes) = read_all(answer(vec![])).await.unwrap();
    assert_eq!((found, bytes), (Found::default(), 0));
}

#[tokio::test]
async fn batches_follow_each_other() {
    // More than one batch: values that do not compress.
    let samples = |from: i64| -> Vec<(i64, f64)> {
        (from..from + 100)
            .map(|i| (i, f64::from_bits(i.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15))))
            .collect()
    };
    let whole: Vec<u8> = (0..1_000).flat_map(|i| series(A, &samples(i * 100))).collect();
    assert!(whole.len() > 3 * BATCH_BYTES);
    let pieces = whole.chunks(16_000).map(<[u8]>::to_vec).collect();
    let (found, _) = read_all(answer(pieces)).await.unwrap();
    assert_eq!((found.series.len(), found.samples), (1, 100_000));
}

#[tokio::test]
async fn each_break_has_its_words() {
    let good = series(A, &[(1, 1.0)]);
    let after = |rest: &[u8]| [&good[..], rest].concat();
    let broken = "the stream of samples is broken: ";
    let middle = format!("{broken}it ends in the middle of a frame");
    assert_eq!(reason(after(&good[..good.len() - 1])).await, middle);
    assert_eq!(reason(after(&[0x80])).await, middle);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(reason(after(&flipped)).await, format!("{broken}a frame's checksum is wrong"));
    let text = b"expanding series: context deadline exceeded\n";
    let says = format!("{broken}it says: expanding series: context deadline exceeded");
    assert_eq!(reason(after(text)).await, says);
    // Longer than the frame that its first letter would begin.
    let long = "error: ".repeat(60);
    let found = reason(after(long.as_bytes())).await;
    assert!(found.starts_with(&format!("{broken}it says: error: error:")), "{found}");
    let page = "<html>bad gateway</html>\n".repeat(9);
    assert!(reason(after(page.as_bytes())).await.contains("it says: <html>bad"));
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3];
    assert!(reason(after(&huge)).await.contains("a frame claims 4294967295 bytes"));
    let lie = message(A, vec![Chunk { encoding: 1, data: vec![0, 9].into(), ..Chunk::default() }]);
    assert_eq!(reason(frame(&lie)).await, format!("{broken}a chunk ends before its last sample"));
}

#[tokio::test]
async fn what_is_no_stream_is_not_read() {
    let with = |status, kind: Option<&str>, body: &str| StreamResponse {
        status,
        content_type: kind.map(ToOwned::to_owned),
        ..answer(vec![body.as_bytes().to_vec()])
    };
    let good = Some("application/x-streamed-protobuf");
    let cases = [
        (with(404, Some("text/plain"), "nope"), "HTTP 404 Not Found: nope"),
        (with(400, good, "no such type"), "HTTP 400 Bad Request: no such type"),
        (
            with(403, None, "secret"),
            "HTTP 403 Forbidden: the server does not accept the credentials",
        ),
        (
            with(200, Some("text/html"), "<html>"),
            "the URL answers with a web page, not with the Prometheus API",
        ),
        (
            with(200, Some("application/x-protobuf"), "xx"),
            "the answer is not a stream of samples: it is of application/x-protobuf",
        ),
        (with(200, None, ""), "the answer is not a stream of samples: it is of no type"),
        (
            StreamResponse { has_end: false, ..with(200, good, "") },
            "the answer is not a stream of samples: its end is not announced, so that a cut would not show",
        ),
    ];
    for (response, expected) in cases {
        assert_eq!(read_all(response).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn an_answer_that_only_drips_has_one_limit() {
    let drip = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok(Bytes::from_static(b"\x80")), ()))
    });
    let response = StreamResponse { body: drip.boxed(), ..answer(vec![]) };
    let limit = Duration::from_millis(60);
    let columns = columns(1);
    assert_eq!(read(response, limit, columns).await.unwrap_err(), ApiError::Timeout(limit));
}

proptest! {
    #![proptest_config(fixed(300))]

    #[test]
    fn any_bytes_end_in_samples_or_an_error(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..10),
        cut in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let good: Vec<u8> = (0..20).flat_map(|i| series(A, &[(i, 1.0), (i + 1, 2.0)])).collect();
        let mut all = vec![good[..cut.index(good.len())].to_vec()];
        all.extend(pieces);
        if let Ok((found, _)) = runtime.block_on(read_all(answer(all))) {
            prop_assert!(found.samples <= 40);
        }
    }
}
