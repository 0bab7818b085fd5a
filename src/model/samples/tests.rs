use proptest::prelude::*;

use super::part::PADDING;
use super::*;
use crate::model::series::STALE_NAN_BITS;
use crate::mutation::fixed;

type Bits = Vec<(Millis, u64)>;

fn bits(samples: impl IntoIterator<Item = (Millis, f64)>) -> Bits {
    samples.into_iter().map(|(at, value)| (at, value.to_bits())).collect()
}

fn floats(samples: &[(Millis, u64)]) -> impl Iterator<Item = (Millis, f64)> + '_ {
    samples.iter().map(|(at, bits)| (*at, f64::from_bits(*bits)))
}

fn packed(samples: &[(Millis, u64)]) -> Samples {
    floats(samples).collect()
}

/// In order of time, of two at one instant the first.
fn line(mut samples: Bits) -> Bits {
    samples.sort_by_key(|(at, _)| *at);
    samples.dedup_by_key(|(at, _)| *at);
    samples
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        12 => Just(0_u64),
        6 => (0..=100_u8).prop_map(|v| f64::from(v).to_bits()),
        1 => any::<u64>(),
        1 => prop::sample::select(vec![
            STALE_NAN_BITS,
            f64::NAN.to_bits(),
            (-0.0_f64).to_bits(),
            f64::INFINITY.to_bits(),
            f64::NEG_INFINITY.to_bits(),
        ]),
    ]
}

/// Strictly increasing, from anywhere and with steps of any length.
fn increasing(most: usize) -> impl Strategy<Value = Bits> {
    let step = prop_oneof![12 => Just(30_000_u64), 3 => 1..60_000_u64, 1 => 1..u64::MAX];
    (any::<i64>(), prop::collection::vec((step, value()), 0..most)).prop_map(|(start, steps)| {
        let (mut at, mut out) = (start, Vec::new());
        for (step, value) in steps {
            out.push((at, value));
            match at.checked_add_unsigned(step) {
                Some(next) => at = next,
                None => break,
            }
        }
        out
    })
}

/// Any order, often the same instants.
fn muddled(most: usize) -> impl Strategy<Value = Bits> {
    prop::collection::vec((0..40_i64, value()), 0..most)
        .prop_map(|all| all.into_iter().map(|(at, value)| (at * 1_000, value)).collect())
}

proptest! {
    #![proptest_config(fixed(600))]

    #[test]
    fn every_instant_and_every_bit_survives(samples in increasing(700)) {
        let packed = packed(&samples);
        prop_assert_eq!(&bits(&packed), &samples);
        let runs = packed.runs().flat_map(Run::samples);
        prop_assert_eq!(&bits(runs), &samples);
        let mut each = Vec::new();
        packed.each_run(|run| each.extend(bits(run.samples())));
        prop_assert_eq!(&each, &samples);
        prop_assert!(packed.runs().all(|run| run.count == 1 || run.first < run.last()));
        prop_assert_eq!(packed.len(), samples.len());
        prop_assert_eq!(packed.is_empty(), samples.is_empty());
        prop_assert_eq!(packed.first(), samples.first().map(|s| s.0));
        prop_assert_eq!(packed.last(), samples.last().map(|s| s.0));
    }

    #[test]
    fn any_order_becomes_one_line(samples in muddled(80)) {
        prop_assert_eq!(bits(&packed(&samples)), line(samples));
    }

    #[test]
    fn pieces_are_the_whole(samples in increasing(400), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(samples.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for to in cuts.into_iter().chain([samples.len()]) {
            pieces.push(packed(&samples[from..to]));
            from = to;
        }
        let joined = Samples::joined(&pieces).expect("one after the other");
        prop_assert_eq!(&bits(&joined), &samples);
        // However it was put together.
        prop_assert_eq!(&joined, &packed(&samples));
        pieces.reverse();
        let filled = pieces.iter().filter(|piece| !piece.is_empty()).count();
        prop_assert_eq!(Samples::joined(&pieces).is_some(), filled < 2);
    }

    #[test]
    fn what_lies_within_is_what_is_kept(samples in muddled(60), more in muddled(60), start in -5_000..45_000_i64, length in 0..50_000_i64) {
        let later: Bits = more.into_iter().map(|(at, value)| (at + 100_000, value)).collect();
        let both = Samples::joined(&[packed(&samples), packed(&later)]).expect("one after the other");
        for start in [start, start + 90_000] {
            let end = start + length;
            let mut expected = bits(&both);
            expected.retain(|(at, _)| (start..end).contains(at));
            prop_assert_eq!(bits(&both.within(start, end)), expected);
        }
    }

    #[test]
    fn chunks_of_a_server_are_as_their_samples(
        chunks in prop::collection::vec(prop_oneof![increasing(150), muddled(30)], 0..6),
        start in -5_000..45_000_i64,
        length in 0..90_000_i64,
        is_everything: bool,
    ) {
        let (start, end) = if is_everything { (i64::MIN, i64::MAX) } else { (start, start + length) };
        let mut builder = Builder::default();
        for chunk in &chunks {
            let samples: Vec<_> = floats(chunk).collect();
            let bytes = if samples.is_empty() { vec![0, 0] } else { super::chunk(&samples) };
            builder.push_chunk(&bytes, start, end).expect("a whole chunk");
        }
        let mut expected = chunks.concat();
        expected.retain(|(at, _)| (start..end).contains(at));
        prop_assert_eq!(bits(&builder.finish()), line(expected));
        // It begins anew.
        prop_assert!(builder.finish().is_empty());
    }
}

/// Bytes of all parts.
fn size(samples: &Samples) -> usize {
    samples.parts.iter().map(|part| part.bytes().len()).sum()
}

#[test]
fn a_chunk_stays_as_it_came() {
    let samples: Vec<_> =
        (0..100).map(|i| (i * 15_000, 40_536.0 + f64::from(i % 7 == 0))).collect();
    let samples: Vec<_> =
        samples.into_iter().map(|(at, v): (i32, f64)| (i64::from(at), v)).collect();
    let chunk = chunk(&samples);
    let mut builder = Builder::default();
    // What a server leaves behind the last sample is not kept.
    builder.push_chunk(&[&chunk[..], &[1, 2, 3]].concat(), 0, i64::MAX).unwrap();
    let kept = builder.finish();
    let [part] = &kept.parts[..] else { panic!("{kept:?}") };
    // Behind its length, of one byte, and before the zeros at the end.
    assert_eq!(part.bytes()[1..], [&chunk[..], &[0; PADDING]].concat());
}

#[test]
fn a_week_of_an_idle_gauge_is_small() {
    let idle: Samples = (0..20_160).map(|i| (i * 30_000, 0.0)).collect();
    // Each 120 samples take 19 bytes or so for length, number and the first two, and two bits each.
    assert!(size(&idle) < 20_160 / 2, "{}", size(&idle));
    // A run ends with its chunk.
    assert_eq!(idle.runs().count(), 168);
}

#[test]
fn a_damaged_chunk_adds_nothing() {
    let whole = chunk(&[(1, 1.0), (2, 2.0), (3, 5.0)]);
    let mut builder = Builder::default();
    builder.push(0, 7.0);
    for length in 0..whole.len() {
        assert!(builder.push_chunk(&whole[..length], 0, 10).is_err(), "{length}");
    }
    assert_eq!(builder.finish(), [(0, 7.0)].into_iter().collect());
}

#[test]
fn facts_of_many_days_are_one_part() {
    let days: Vec<Samples> =
        (0..300).map(|day| [(day * 86_400_000, 1.0)].into_iter().collect()).collect();
    let joined = Samples::joined(&days).unwrap();
    assert_eq!((joined.len(), joined.parts.len()), (300, 3));
}
