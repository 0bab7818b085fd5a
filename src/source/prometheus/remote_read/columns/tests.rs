use bytes::Bytes;
use proptest::prelude::*;

use super::super::labels::Suspects;
use super::super::message::answer::Chunk;
use super::super::testing::{chunk, message};
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::mutation::fixed;
use crate::units::Millis;

fn columns(start: Millis, end: Millis) -> Columns {
    Columns::new(Line::new(start, end, None), Normaliser::new(Suspects::Replicas))
}

fn read(start: Millis, end: Millis, frames: &[Vec<u8>]) -> Found {
    let mut columns = columns(start, end);
    for body in frames {
        columns.add_message(body).unwrap();
    }
    columns.finish().unwrap()
}

fn samples(series: &Series) -> Vec<(Millis, u64)> {
    series.samples().map(|(at, value)| (at, value.to_bits())).collect()
}

const A: &[(&str, &str)] = &[("__name__", "m"), ("UUID", "a")];
const B: &[(&str, &str)] = &[("__name__", "m"), ("UUID", "b")];

#[test]
fn a_series_goes_on_in_the_next_frame_and_ends_with_other_labels() {
    let frames = [
        message(A, vec![chunk(&[(1, 1.0), (2, 2.0)]), chunk(&[(3, 3.0)])]),
        message(A, vec![chunk(&[(4, 4.0)])]),
        message(B, vec![chunk(&[(1, 9.0)])]),
        message(B, vec![]),
        message(A, vec![chunk(&[(100, 0.0)])]),
    ];
    let found = read(0, 50, &frames);
    assert_eq!(found.samples, 5);
    let [a, b] = &found.series[..] else { panic!("{found:?}") };
    assert_eq!(a.samples().map(|(_, v)| v).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!((b.label("UUID"), b.label("__name__")), (Some("b"), Some("m")));
}

#[test]
fn only_what_lies_in_the_window_is_taken() {
    let still: Vec<_> = (0..100).map(|i| (i * 10, 5.0)).collect();
    for (start, end) in [(0, 1_000), (1, 990), (10, 991), (335, 336), (330, 331), (995, 2_000)] {
        let found = read(start, end, &[message(A, vec![chunk(&still)])]);
        let expected: Vec<_> =
            still.iter().filter(|s| start <= s.0 && s.0 < end).copied().collect();
        let got: Vec<_> = found.series.iter().flat_map(Series::samples).collect();
        assert_eq!(got, expected, "[{start}, {end})");
    }
}

#[test]
fn chunks_that_overlap_or_come_out_of_order_are_one_line_of_time() {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let chunks = vec![
        chunk(&[(30, 3.0), (40, 4.0)]),
        chunk(&[(10, 1.0), (30, 7.0), (35, stale)]),
        chunk(&[(30, 3.0), (40, 4.0)]),
    ];
    let found = read(0, 100, &[message(A, chunks)]);
    let expected = [
        (10, 1.0_f64.to_bits()),
        (30, 3.0_f64.to_bits()),
        (35, STALE_NAN_BITS),
        (40, 4.0_f64.to_bits()),
    ];
    assert_eq!(samples(&found.series[0]), expected);
    assert_eq!(found.samples, 4);
}

#[test]
fn other_encodings_are_counted_and_passed_over() {
    let other = |encoding| Chunk {
        encoding,
        data: Bytes::from_static(b"\xff\xff\xff"),
        ..Chunk::default()
    };
    let chunks = vec![other(2), chunk(&[(1, 1.0)]), other(3), other(0), other(9), other(-1)];
    let found = read(0, 10, &[message(A, chunks)]);
    assert_eq!((found.histogram_chunks, found.unknown_chunks, found.samples), (2, 3, 1));
}

#[test]
fn damage_within_a_good_frame_is_an_error() {
    let cut = Chunk {
        encoding: XOR,
        data: chunk(&[(1, 1.0), (2, 2.0)]).data.slice(..9),
        ..Chunk::default()
    };
    let error = columns(0, 10).add_message(&message(A, vec![cut])).unwrap_err();
    assert_eq!(error, ContentError::Chunk(ChunkError::Truncated));
    let error = columns(0, 10).add_message(b"\x0a\xffrubbish").unwrap_err();
    assert!(error.to_string().starts_with("a frame is no message of remote read"), "{error}");
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_an_error() {
    let liar =
        Chunk { encoding: XOR, data: Bytes::from_static(b"\xff\xff\x00"), ..Chunk::default() };
    let message = message(A, vec![liar; 10_000]);
    let mut columns = columns(0, 10);
    assert!(columns.add_message(&message).is_err());
}

proptest! {
    #![proptest_config(fixed(500))]

    #[test]
    fn damaged_messages_are_errors_at_worst(
        steps in prop::collection::vec((1..4_i64, 0..3_u8), 1..80),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut at = 0;
        let samples: Vec<_> = steps
            .into_iter()
            .map(|(step, value)| {
                at += step;
                (at, f64::from(value))
            })
            .collect();
        let mut body = message(A, vec![chunk(&samples), chunk(&samples)]);
        for (place, byte) in damage {
            let place = place.index(body.len());
            body[place] = byte;
        }
        let mut columns = columns(5, 90);
        if columns.add_message(&body).is_ok() {
            for series in columns.finish().unwrap().series {
                let instants: Vec<_> = series.samples().map(|(at, _)| at).collect();
                prop_assert!(instants.is_sorted_by(|a, b| a < b));
                prop_assert_eq!(instants.len(), series.samples.len());
                prop_assert!(instants.iter().all(|at| (5..90).contains(at)));
            }
        }
    }
}

#[test]
fn labels_are_compared_whole() {
    let frames = [message(A, vec![chunk(&[(1, 1.0)])]), message(&A[..1], vec![chunk(&[(2, 1.0)])])];
    assert_eq!(read(0, 10, &frames).series.len(), 2);
}
