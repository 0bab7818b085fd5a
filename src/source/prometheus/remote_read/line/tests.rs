use proptest::prelude::*;

use super::super::super::answer::Tap;
use super::super::super::selector::Evaluation;
use super::super::message::answer::Chunk;
use super::super::testing::chunk;
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::model::{QueryId, Window};
use crate::mutation::fixed;
use crate::units::{MS_PER_DAY, MS_PER_MINUTE};

const STALE: f64 = f64::from_bits(STALE_NAN_BITS);

fn answering(query: QueryId, start: Millis, end: Millis) -> Answering {
    let window = Window::new(start, end).unwrap();
    Answering { kind: query.kind(), window, evaluation: Evaluation::of(query) }
}

/// What `query` gives in `[start, end)` of a series in these chunks.
fn answer(query: QueryId, start: Millis, end: Millis, chunks: &[Chunk]) -> Samples {
    let answering = answering(query, start, end);
    let mut line = Line::new(answering.needs_from(), end, Some(answering));
    chunks.iter().for_each(|chunk| line.push(chunk.read()).unwrap());
    let (samples, came) = line.finish().unwrap();
    assert!(came == 0 || !chunks.is_empty());
    assert_eq!(line.finish().unwrap(), (Samples::default(), 0), "the next one begins anew");
    samples
}

#[test]
fn a_fact_is_what_was_said_last() {
    let day = |chunks: &[Chunk]| -> Vec<_> {
        answer(QueryId::PodOwner, 0, MS_PER_DAY, chunks).iter().collect()
    };
    let (early, late) = (chunk(&[(10, 1.0), (20, 2.0)]), chunk(&[(30, 3.0), (40, STALE)]));
    assert_eq!(day(&[early.clone(), late.clone()]), [(MS_PER_DAY - 1, 3.0)]);
    assert_eq!(day(&[late.clone(), early.clone()]), [(MS_PER_DAY - 1, 3.0)]);
    let gone = chunk(&[(50, STALE), (MS_PER_DAY, 9.0)]);
    assert_eq!(day(&[early.clone(), gone.clone()]), [(MS_PER_DAY - 1, 2.0)]);
    assert_eq!(day(&[gone]), []);
    assert_eq!(day(&[]), []);
    // A server that does not tell when chunks begin and end.
    let untold = |chunk: Chunk| Chunk { min_time_ms: 0, max_time_ms: 0, ..chunk };
    assert_eq!(day(&[untold(late), untold(early)]), [(MS_PER_DAY - 1, 3.0)]);
}

#[test]
fn damage_where_a_fact_is_looked_for_is_an_error() {
    let whole = chunk(&[(10, 1.0), (20, 2.0)]);
    let cut = Chunk { data: whole.data.slice(..9), ..whole };
    let mut line = Line::new(0, 100, Some(answering(QueryId::PodOwner, 0, 100)));
    line.push(cut.read()).unwrap();
    assert_eq!(line.finish(), Err(ChunkError::Truncated));
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![4 => Just(1.0), 2 => Just(0.0), 1 => Just(STALE), 1 => Just(f64::NAN)]
}

proptest! {
    #![proptest_config(fixed(500))]

    /// Runs, and the last chunk alone, give what single samples in one piece give.
    #[test]
    fn chunks_are_answered_from_as_single_samples_are(
        stretches in prop::collection::vec((1..40_usize, 1..7 * MS_PER_MINUTE, value()), 1..12),
        per_chunk in 1..50_usize,
        start in 0..MS_PER_DAY / 24,
        length in 1..MS_PER_DAY / 12,
    ) {
        let mut at = 0;
        let mut samples = Vec::new();
        for (count, step, value) in stretches {
            for _ in 0..count {
                at += step;
                samples.push((at, value));
            }
        }
        let chunks: Vec<Chunk> = samples.chunks(per_chunk).map(chunk).collect();
        for query in [QueryId::PodOwner, QueryId::PodTerminal, QueryId::PodCpuMemoryRequests] {
            let Answering { kind, window, evaluation } = answering(query, start, start + length);
            let mut tap = Tap::new(kind, window);
            samples.iter().for_each(|(at, v)| tap.push(*at, *v, |v| evaluation.keeps(v)));
            let wanted = tap.finish(|value| evaluation.keeps(value));
            prop_assert_eq!(answer(query, start, start + length, &chunks), wanted, "{:?}", query);
        }
    }
}
